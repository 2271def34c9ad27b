"""Every mail in every language: text and HTML that say the same and need nothing from elsewhere."""

from __future__ import annotations

import html as html_module
import re
from itertools import chain
from pathlib import Path

import pytest
from flask import Flask
from flask_babel import get_locale
from jinja2 import DictLoader

from config.settings import ROOT
from mail.render import Rendered, RenderFault, render
from tests.unit.mail.small_app import create_small_app

BASE = "https://vigil.example.org"
STAND_IN = "http://127.0.0.1:8002"
INVOICE = "https://invoice.stripe.com/i/acct_1/test_abc?s=ap"
LANGUAGES = ("en", "uk", "be")
GIFT = {"amount": "25,00 €", "fund": "Bread & <books>"}
CONFIRM = {"path": "/be/confirm/abc", "not_me_path": "/be/not-me/abc"}
MANAGE = {"path": "/be/donate/manage"}
AGAIN = {"path": "/be/donate"}
RENEWAL = {**GIFT, "link": INVOICE, "day": "4 May 2026"}
# All that a kind needs: without any one of them it is a fault.
PARAMS = {
    "confirm-signature": CONFIRM,
    "confirm-sign-up": CONFIRM,
    "remind-signature": CONFIRM,
    "remind-sign-up": CONFIRM,
    "thank-you": {**GIFT, **MANAGE, "frequency": "once"},
    "gift-pending": GIFT,
    "gift-failed": {**GIFT, **AGAIN},
    "gift-expired": {**GIFT, **AGAIN},
    "gift-refused-card": {
        "amount": "25,00 €",
        "country": "Belarus",
        "contact_email": "gifts@example.org",
    },
    "gift-refunded": GIFT,
    "renewal-action": RENEWAL,
    "renewal-failed": {**RENEWAL, "n": "1"},
    "recurring-changed": {"amount": "25,00 €", "what": "amount", **MANAGE},
    "recurring-ended": {**GIFT, **AGAIN, "reason": "donor"},
    "manage-giving": {"path": "/be/donate/manage/abc", "minutes": "30"},
    "my-data": {"path": "/be/my-data/abc", "minutes": "30"},
    "my-copy": {"path": "/be/my-data/copy/abc", "days": "7"},
    "address-change": {"path": "/be/my-data/address/abc"},
    "address-asked": {"path": "/be/my-data"},
    "confirm-newsletter": {"path": "/be/my-data/news/abc"},
    "giving-alert": {"what": "guard-odd", "n": "7", "path": "/staff/giving"},
    "audit-head": {"head": "17:" + "9f" * 32, "path": "/staff/audit"},
    "export-alert": {"what": "contacts", "n": "7", "path": "/staff/audit"},
    "team-alert": {"what": "invited", "path": "/staff/audit"},
    "vault-alarm": {"fault": "vault: public key does not match its pin", "path": "/staff/"},
}
KINDS = sorted(PARAMS)
CONFIRMING = [kind for kind, params in PARAMS.items() if params is CONFIRM]
# What else each may be given, so that every sentence is written once.
VARIANTS = {
    "thank-you": [
        {"statement_name": "NIGHT WATCH"},
        {"dedication": "In memory of Anna & <Maria>"},
        {"frequency": "month", "statement_name": "NIGHT WATCH", "dedication": "In honour of X"},
        {"frequency": "year"},
    ],
    "renewal-failed": [{"n": "2"}, {"n": "3"}],
    "recurring-changed": [{"what": "paused"}, {"what": "resumed"}],
    "recurring-ended": [{"reason": "unpaid"}, {"reason": "refused-card"}, {"reason": "staff"}],
    "manage-giving": [{"minutes": "1"}],
    "my-data": [{"minutes": "1"}],
    "my-copy": [{"days": "1"}],
    "export-alert": [{"n": "1"}, {"what": "donations"}, {"what": "donations", "n": "1"}],
    "team-alert": [{"what": "role-changed"}, {"what": "code-renewed"}],
    "giving-alert": [
        {"what": "guard-odd", "n": "1"},
        {"what": "guard-closed"},
        {"what": "guard-closed", "n": "1"},
        {"what": "books-differ"},
        {"what": "books-differ", "n": "1"},
    ],
}
CASES = [(kind, more) for kind in KINDS for more in ({}, *VARIANTS.get(kind, ()))]
ONLY_IN_HTML = {
    "en": "If the button does not work, open this address:",
    "uk": "Якщо кнопка не працює, відкрийте цю адресу:",
    "be": "Калі кнопка не працуе, адкрыйце гэты адрас:",
}
# Words that a subject in somebody's notifications must not hold.
TELLING = re.compile(r"donat|rights|polit|belarus|ukrain|prison|famil|petition|refused|€|25", re.I)


@pytest.fixture
def app(tmp_path: Path) -> Flask:
    return create_small_app(tmp_path, f"sqlite:///{tmp_path / 'vigil.db'}")


@pytest.fixture
def app_at_the_stand_in(tmp_path: Path) -> Flask:
    database_url = f"sqlite:///{tmp_path / 'vigil.db'}"
    return create_small_app(tmp_path, database_url, stripe_api_base=STAND_IN)


def written(app: Flask, kind: str, language: str = "en", **params: str) -> Rendered:
    with app.app_context():
        return render(kind, language, {**PARAMS[kind], **params}, BASE)


def squeezed(text: str) -> str:
    return " ".join(text.split())


def paragraphs_of(html: str) -> list[str]:
    """What the HTML says, one string for each paragraph or line of one."""
    body = html[html.index("<body") :]
    parts = re.split(r"</?(?:p|h1|div|br)\b[^>]*>", body)
    plain = (html_module.unescape(re.sub(r"<[^>]*>", "", part)) for part in parts)
    return [squeezed(part) for part in plain if part.strip()]


def targets_of(html: str) -> list[str]:
    return [html_module.unescape(found) for found in re.findall(r'href="([^"]*)"', html)]


def test_every_mail_is_tried_here() -> None:
    folders = {path.name for path in (ROOT / "templates/mail").iterdir() if path.is_dir()}
    assert folders == set(PARAMS)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("kind", "more"), CASES)
def test_every_mail_renders_in_every_language(
    app: Flask, kind: str, more: dict[str, str], language: str
) -> None:
    mail = written(app, kind, language, **more)
    assert mail.subject
    assert mail.subject == squeezed(mail.subject)
    assert f'<html lang="{language}" dir="ltr">' in mail.html
    assert "\n\n\n" not in mail.text
    for part in (mail.text, mail.html):
        assert "Night Watch" in part
        assert "1 Harbour Street" in part
        assert "contact@example.org" in part


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("kind", "more"), CASES)
def test_text_and_html_say_the_same(
    app: Flask, kind: str, more: dict[str, str], language: str
) -> None:
    mail = written(app, kind, language, **more)
    in_html = paragraphs_of(mail.html)
    in_text = [squeezed(line) for line in mail.text.splitlines() if line.strip(" -")]
    for line in in_text:
        bare = line.removesuffix(":")
        assert any(line in part or bare == part for part in [*in_html, *targets_of(mail.html)])
    for part in in_html:
        if part != ONLY_IN_HTML[language]:
            assert any(part in line for line in in_text)


@pytest.mark.parametrize(("kind", "more"), CASES)
def test_paragraphs_stand_apart_in_the_text(app: Flask, kind: str, more: dict[str, str]) -> None:
    mail = written(app, kind, **more)
    body = mail.text[: mail.text.index("\n-- \n")]
    for paragraph in body.split("\n\n"):
        lines = paragraph.strip().splitlines()
        assert len(lines) == 1 or [line for line in lines if line.startswith("http")] == lines[1:]


@pytest.mark.parametrize(
    ("kind", "name"), list(chain(*([(kind, name) for name in PARAMS[kind]] for kind in PARAMS)))
)
def test_each_parameter_is_needed(app: Flask, kind: str, name: str) -> None:
    params = {key: value for key, value in PARAMS[kind].items() if key != name}
    with app.app_context(), pytest.raises(RenderFault):
        render(kind, "en", params, BASE)


@pytest.mark.parametrize("name", ["frequency", "what", "reason", "n"])
def test_a_word_that_no_sentence_stands_for_is_a_fault(app: Flask, name: str) -> None:
    for kind, params in PARAMS.items():
        if name in params and (kind, name) not in {("giving-alert", "n"), ("export-alert", "n")}:
            with pytest.raises(RenderFault):
                written(app, kind, **{name: "weekly"})


@pytest.mark.parametrize("kind", KINDS)
def test_subject_gives_nothing_away(app: Flask, kind: str) -> None:
    """It stands on locked screens and in the logs of relays; "petition" was asked for by name."""
    subject = written(app, kind, **{"statement_name": "X"} if kind == "thank-you" else {}).subject
    assert not TELLING.search(subject)
    assert len(subject) <= 60


def test_texts_are_looked_up_in_the_readers_language(app: Flask) -> None:
    names = ("subject.txt", "body.txt", "body.html")
    app.jinja_env.loader = DictLoader({f"mail/x/{name}": "{{ locale() }}" for name in names})
    app.jinja_env.globals["locale"] = get_locale
    with app.app_context():
        assert render("x", "uk", {}, BASE) == ("uk", "uk\n", "uk")
        assert str(get_locale()) == "en"


@pytest.mark.parametrize(("kind", "more"), CASES)
def test_html_loads_and_runs_nothing(app: Flask, kind: str, more: dict[str, str]) -> None:
    html = written(app, kind, **more).html
    assert not re.search(r"<(img|script|link|iframe|object)\b|url\(|@import|\bsrc=|style=", html)
    known = (f"{BASE}/", "mailto:contact@example.org", INVOICE)
    assert all(target.startswith(known) for target in targets_of(html))


@pytest.mark.parametrize("kind", [kind for kind in KINDS if {"path", "link"} & set(PARAMS[kind])])
def test_link_is_absolute_and_readable(app: Flask, kind: str) -> None:
    mail = written(app, kind)
    link = PARAMS[kind].get("link") or BASE + PARAMS[kind]["path"]
    assert f":\n{link}\n" in mail.text
    assert targets_of(mail.html).count(link) == 2
    assert f">{html_module.escape(link)}</a>" in mail.html


@pytest.mark.parametrize("kind", ["confirm-signature", "confirm-sign-up"])
def test_confirmation_says_how_long_and_what_else(app: Flask, kind: str) -> None:
    mail = written(app, kind)
    assert "7 days" in mail.text
    assert "do nothing" in mail.text


@pytest.mark.parametrize("kind", ["remind-signature", "remind-sign-up"])
def test_reminder_is_short_and_the_last(app: Flask, kind: str) -> None:
    mail = written(app, kind)
    assert "the last message" in mail.text
    assert len(mail.text) < len(written(app, kind.replace("remind", "confirm")).text) + 50


@pytest.mark.parametrize("kind", CONFIRMING)
@pytest.mark.parametrize("language", LANGUAGES)
def test_whoever_it_was_not_is_told_where_to_say_so(app: Flask, kind: str, language: str) -> None:
    mail = written(app, kind, language)
    assert f":\n{BASE}/be/not-me/abc\n" in mail.text
    assert f"{BASE}/be/not-me/abc" in targets_of(mail.html)


@pytest.mark.parametrize("kind", ["renewal-action", "renewal-failed"])
def test_renewal_in_trouble_leads_to_stripe_and_to_our_page(app: Flask, kind: str) -> None:
    mail = written(app, kind, "uk")
    for link in (INVOICE, f"{BASE}/uk/donate/manage"):
        assert f"\n{link}\n" in mail.text
        assert link in targets_of(mail.html)


@pytest.mark.parametrize("reason", ["refused-card", "staff"])
def test_whom_we_turned_away_is_not_asked_to_give_again(app: Flask, reason: str) -> None:
    mail = written(app, "recurring-ended", reason=reason)
    assert f"{BASE}/be/donate" not in mail.text + mail.html


def test_html_is_escaped_and_text_is_not(app: Flask) -> None:
    mail = written(app, "thank-you", dedication="In memory of <b>Anna</b> & Maria")
    assert "Bread &amp; &lt;books&gt;" in mail.html
    assert "Bread & <books>" in mail.text
    assert "In memory of &lt;b&gt;Anna&lt;/b&gt; &amp; Maria" in mail.html
    assert "In memory of <b>Anna</b> & Maria" in mail.text
    assert "25,00 €" in mail.text


def test_bank_statement_is_spoken_of_only_where_there_is_a_name_on_it(app: Flask) -> None:
    assert "NIGHT WATCH" in written(app, "thank-you", statement_name="NIGHT WATCH").text
    assert "statement will show" not in written(app, "thank-you").text


def test_unsubscribe_link_is_shown(app: Flask) -> None:
    mail = written(app, "thank-you", unsubscribe_path="/be/unsubscribe/a.b")
    assert f"news from us:\n{BASE}/be/unsubscribe/a.b" in mail.text
    assert f"{BASE}/be/unsubscribe/a.b" in targets_of(mail.html)


@pytest.mark.parametrize(
    "link",
    [
        "http://invoice.stripe.com/i/1",
        "http://127.0.0.1:8002/i/1",  # without STRIPE_API_BASE
        "https:///i/1",
        "https://",
        "https://evil.example/i/1",
        "https://stripe.com@evil.example/i",
        "https://invoice.stripe.com/i\nhttps://evil.example",
        "https://invoice.stripe.com/<script>",
        'https://invoice.stripe.com/"onclick',
        "https://[invoice/i",
        "//invoice.stripe.com/i",
        "/be/donate",
        "javascript:alert(1)",
        "data:text/html,x",
        "",
    ],
)
def test_a_whole_link_must_be_a_page_of_stripes(app: Flask, link: str) -> None:
    with pytest.raises(RenderFault):
        written(app, "renewal-failed", link=link)


def test_a_whole_link_may_lead_to_the_stand_in(app_at_the_stand_in: Flask) -> None:
    mail = written(app_at_the_stand_in, "renewal-failed", link=f"{STAND_IN}/i/acct/in_1")
    assert f"\n{STAND_IN}/i/acct/in_1\n" in mail.text


@pytest.mark.parametrize(
    "link",
    [
        "http://127.0.0.1:8003/i/1",
        "http://127.0.0.1:80021/i/1",
        "http://x@127.0.0.1:8002/i/1",
        "ftp://127.0.0.1:8002/i/1",
    ],
)
def test_what_only_looks_like_the_stand_in_is_refused(
    app_at_the_stand_in: Flask, link: str
) -> None:
    with pytest.raises(RenderFault):
        written(app_at_the_stand_in, "renewal-failed", link=link)


def test_path_and_whole_link_together_are_a_fault(app: Flask) -> None:
    with pytest.raises(RenderFault):
        written(app, "thank-you", link=INVOICE)


@pytest.mark.parametrize(
    ("kind", "params"),
    [("confirm-signature", {}), ("thank-you", {"amount": "1 €"}), ("no-such-mail", {})],
)
def test_missing_template_or_parameter_is_a_fault(
    app: Flask, kind: str, params: dict[str, str]
) -> None:
    with app.app_context(), pytest.raises(RenderFault):
        render(kind, "en", params, BASE)
