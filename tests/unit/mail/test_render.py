"""Every mail in every language: text and HTML that need nothing from elsewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from flask import Flask
from flask_babel import get_locale
from jinja2 import DictLoader

from config.settings import ROOT
from mail.render import Rendered, RenderFault, render
from tests.unit.mail.small_app import create_small_app

BASE = "https://vigil.example.org"
KINDS = sorted(path.name for path in (ROOT / "templates/mail").iterdir() if path.is_dir())
PARAMS = {
    "confirm-signature": {"path": "/be/confirm/abc"},
    "confirm-sign-up": {"path": "/be/confirm/abc"},
    "thank-you": {"amount": "25,00 €", "fund": "Bread & <books>", "statement_name": "NIGHT WATCH"},
}


@pytest.fixture
def app(tmp_path: Path) -> Flask:
    return create_small_app(tmp_path, f"sqlite:///{tmp_path / 'vigil.db'}")


def written(app: Flask, kind: str, language: str = "en", **params: str) -> Rendered:
    with app.app_context():
        return render(kind, language, {**PARAMS[kind], **params}, BASE)


@pytest.mark.parametrize("language", ["en", "uk", "be"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_mail_renders_in_every_language(app: Flask, kind: str, language: str) -> None:
    mail = written(app, kind, language)
    assert mail.subject
    assert mail.subject == " ".join(mail.subject.split())
    assert f'<html lang="{language}" dir="ltr">' in mail.html
    assert "\n\n\n" not in mail.text
    for part in (mail.text, mail.html):
        assert "Night Watch" in part
        assert "1 Harbour Street" in part
        assert "contact@example.org" in part


def test_texts_are_looked_up_in_the_readers_language(app: Flask) -> None:
    names = ("subject.txt", "body.txt", "body.html")
    app.jinja_env.loader = DictLoader({f"mail/x/{name}": "{{ locale() }}" for name in names})
    app.jinja_env.globals["locale"] = get_locale
    with app.app_context():
        assert render("x", "uk", {}, BASE) == ("uk", "uk\n", "uk")
        assert str(get_locale()) == "en"


@pytest.mark.parametrize("kind", KINDS)
def test_html_loads_and_runs_nothing(app: Flask, kind: str) -> None:
    html = written(app, kind).html
    assert not re.search(r"<(img|script|link|iframe|object)\b|url\(|@import|\bsrc=|style=", html)
    assert all(
        target.startswith((BASE, "mailto:contact@example.org"))
        for target in re.findall(r'href="([^"]*)"', html)
    )


@pytest.mark.parametrize("kind", ["confirm-signature", "confirm-sign-up"])
def test_link_is_absolute_and_readable(app: Flask, kind: str) -> None:
    mail = written(app, kind)
    link = f"{BASE}/be/confirm/abc"
    assert f"\n{link}\n" in mail.text
    assert mail.html.count(f'href="{link}"') == 2
    assert f">{link}</a>" in mail.html
    assert "7 days" in mail.text
    assert "do nothing" in mail.text


def test_html_is_escaped_and_text_is_not(app: Flask) -> None:
    mail = written(app, "thank-you")
    assert "Bread &amp; &lt;books&gt;" in mail.html
    assert "Bread & <books>" in mail.text
    assert "25,00 €" in mail.text
    assert "NIGHT WATCH" in mail.text


def test_thank_you_has_a_button_only_with_a_path(app: Flask) -> None:
    assert "button does not work" not in written(app, "thank-you").html
    assert f"{BASE}/be/" in written(app, "thank-you", path="/be/").html


def test_unsubscribe_link_is_shown(app: Flask) -> None:
    mail = written(app, "thank-you", unsubscribe_path="/be/my-data/stop")
    assert f"{BASE}/be/my-data/stop" in mail.text
    assert f"{BASE}/be/my-data/stop" in mail.html


@pytest.mark.parametrize(
    ("kind", "params"),
    [("confirm-signature", {}), ("thank-you", {"amount": "1 €"}), ("no-such-mail", {})],
)
def test_missing_template_or_parameter_is_a_fault(
    app: Flask, kind: str, params: dict[str, str]
) -> None:
    with app.app_context(), pytest.raises(RenderFault):
        render(kind, "en", params, BASE)
