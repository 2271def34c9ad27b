"""Discreet mails: neither outside nor inside does a word show from whom they are, about what."""

from __future__ import annotations

import re

import pytest
from flask import Flask

from mail.letter import write_letter
from mail.render import Rendered
from mail.senders import Senders
from mail.worker import Worker
from tests.unit.mail.small_app import NOW, Clock, Post, create_small_app, queue
from tests.unit.mail.test_letter import parsed
from tests.unit.mail.test_render import BASE, KINDS, LANGUAGES, PARAMS, VARIANTS, written

# To staff, who need not hide that they get mail.
STAFF = {"giving-alert", "audit-head", "export-alert", "team-alert", "vault-alarm"}
CASES = [
    (kind, more) for kind in KINDS if kind not in STAFF for more in ({}, *VARIANTS.get(kind, ()))
]
# Organisation, petition, gift, signature and volunteering, in each language; amounts; our fund.
TELLING = re.compile(
    r"night watch|harbour|contact@example|gifts@|vigil(?!\.example\.org/)|bread|books|€|25"
    r"|donat|donor|gift|giv(e|ing)|sign|petition|volunteer|campaign|rights|payment|card|charge"
    r"|пожертв|дарун|подар|внес|підпис|петиц|волонт|кампан|прав(а|о) людини|платіж|плат|картк"
    r"|ахвяр|падпіс|подпіс|петыц|валанц|кампан|правы чалавека|плацеж|картк|унёс"
    r"|belarus|білорус|беларус|ukrain|украін|україн|stripe(?!\.com/)",
    re.I,
)
# Names of mails and links are drawn by chance, and the day may be the 25th.
RANDOM = re.compile(r"[\w-]{30,}|^(Date|Message-ID):.*$", re.M)
# What is given to the mails that need a path, in a discreet one's own shape.
NEUTRAL = {"path": "/be/open/abc"}


def discreet(app: Flask, kind: str, language: str, **more: str) -> Rendered:
    if "minutes" in PARAMS[kind]:
        more = {**NEUTRAL, **more}
    unsubscribe = {"unsubscribe_path": "/be/unsubscribe/abc.def"}
    return written(app, kind, language, discreet="y", **{**unsubscribe, **more})


@pytest.fixture
def small(tmp_path: object) -> Flask:
    return create_small_app(tmp_path, f"sqlite:///{tmp_path}/vigil.db")  # type: ignore[arg-type]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("kind", "more"), CASES)
def test_no_word_tells(small: Flask, kind: str, more: dict[str, str], language: str) -> None:
    mail = discreet(small, kind, language, **more)
    assert mail.subject
    assert mail.html == ""
    assert TELLING.findall(f"{mail.subject}\n{mail.text}") == []
    assert "\n\n\n" not in mail.text


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_check_finds_the_usual_mail(small: Flask, kind: str) -> None:
    usual = written(small, kind)
    assert TELLING.search(usual.subject + usual.text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_all_have_one_subject(small: Flask, language: str) -> None:
    subjects = {discreet(small, kind, language, **more).subject for kind, more in CASES}
    assert len(subjects) == 1
    if language != "en":
        assert not subjects & {discreet(small, "thank-you", "en").subject}


@pytest.mark.parametrize("kind", [k for k in KINDS if "path" in PARAMS[k] and k not in STAFF])
def test_links_are_bare_addresses(small: Flask, kind: str) -> None:
    mail = discreet(small, kind, "en")
    links = re.findall(r"\S*://\S*", mail.text)
    assert all(f"\n{link}\n" in mail.text for link in links)
    assert f"{BASE}/be/unsubscribe/abc.def" in links


def test_confirmation_keeps_both_its_links(small: Flask) -> None:
    for kind in ("confirm-signature", "confirm-sign-up", "remind-signature", "remind-sign-up"):
        mail = discreet(small, kind, "be")
        assert f"\n{BASE}/be/confirm/abc\n" in mail.text
        assert f"\n{BASE}/be/not-me/abc\n" in mail.text


def test_sender_is_the_same_address_under_a_neutral_name(small: Flask) -> None:
    with small.app_context():
        senders = Senders.from_settings(small.extensions["vigil_settings"])
        names = {senders.for_mail(language, True).display_name for language in LANGUAGES}
        assert {senders.for_mail("en", True).addr_spec} == {senders.usual.addr_spec}
    assert len(names) == 3
    assert senders.usual.display_name not in names


def test_chosen_sender_is_used_for_discreet_mails_alone(tmp_path: object) -> None:
    given = {"discreet_from": "Post <post@example.net>", "mail_from": "Night Watch <a@vigil.org>"}
    app = create_small_app(tmp_path, f"sqlite:///{tmp_path}/x.db", **given)  # type: ignore[arg-type]
    with app.app_context():
        senders = Senders.from_settings(app.extensions["vigil_settings"])
        assert str(senders.for_mail("uk", True)) == "Post <post@example.net>"
        assert str(senders.for_mail("uk", False)) == "Night Watch <a@vigil.org>"


def test_letter_without_html_is_text_alone(small: Flask) -> None:
    with small.app_context():
        author = Senders.from_settings(small.extensions["vigil_settings"]).for_mail("be", True)
    letter = write_letter(
        mark="m", content=Rendered("Тэма", "Тэкст\n", ""), author=author, to="a@example.org",
        language="be", params={}, base_url=BASE, now=NOW,
    )  # fmt: skip
    message = parsed(letter)
    assert message.get_content_type() == "text/plain"
    assert message.get_content().strip() == "Тэкст"


def test_it_arrives_discreet(app: Flask, worker: Worker, post: Post, clock: Clock) -> None:
    """Over a real conversation: nothing in the envelope, headers or body tells."""
    params = {"path": "/be/confirm/abc", "not_me_path": "/be/not-me/abc", "discreet": "y"}
    queue(app, kind="confirm-signature", params=params)
    worker.send_batch()
    [mail] = post.received
    message = mail.message
    assert message.get_content_type() == "text/plain"
    assert message["From"].addresses[0].display_name == "Паведамленне"
    head = "\n".join(f"{name}: {value}" for name, value in message.items() if name != "From")
    known = head.replace("@example.org", "") + message.get_content()
    assert TELLING.findall(RANDOM.sub("", known)) == []
    clock.advance(days=2)
    worker.send_batch()
    assert len(post.received) == 2  # and so is the reminder
    again = post.received[1].message
    assert (again["Subject"], again["From"]) == (message["Subject"], message["From"])
    assert again.get_content() != message.get_content()
    assert TELLING.findall(again.get_content()) == []
