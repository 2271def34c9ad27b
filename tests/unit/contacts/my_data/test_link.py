"""The link to "my data": one answer for everybody, one hour, one purpose, no copy anywhere."""

from __future__ import annotations

import re
import time

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event

from config.database import db
from contacts import links
from contacts.models import LinkRequest
from mail.models import OutgoingEmail
from tests.support.moments import NOW
from tests.support.visitor import form_token, mails, post_form
from tests.unit.contacts.my_data.conftest import (
    ANNA,
    HOME,
    OTHER,
    Supporter,
    answer_requests,
    let_run_out,
    made_up_token,
    rows,
    words_of,
)
from vault.sealing import CHECK_SECONDS
from vault.services import vault


def test_asking_is_the_same_for_known_and_unknown(anna: Supporter) -> None:
    """The same answer, as many rows of the same length, and no mail before the worker looks."""
    seen = []
    for email in (ANNA, OTHER):
        mails_before = rows(OutgoingEmail)
        answer = anna.ask(email)
        request = db.session.query(LinkRequest).one()
        seen.append((answer.status_code, answer.headers["Location"], len(request.blob)))
        assert email.encode() not in request.blob
        assert rows(OutgoingEmail) == mails_before
        db.session.delete(request)
        db.session.commit()
    assert seen[0] == seen[1]
    assert seen[0][:2] == (303, "/en/my-data/sent")


def test_only_who_is_known_gets_a_link(anna: Supporter) -> None:
    anna.ask(OTHER)
    anna.ask(ANNA)
    assert answer_requests() == 1
    (mail,) = anna.mails_of("my-data")
    assert (mail.to, mail.language) == (ANNA, "en")
    assert rows(LinkRequest) == 0


def test_link_comes_in_the_language_of_the_page(anna: Supporter) -> None:
    post_form(anna.client, "/be/my-data", {"email": ANNA})
    answer_requests()
    (mail,) = anna.mails_of("my-data")
    assert mail.language == "be"
    assert anna.client.get(mail.params["path"]).status_code == 200


def test_pages_for_everybody_are_cached_and_set_no_cookie(client: FlaskClient) -> None:
    for path in (HOME, f"{HOME}/sent", f"{HOME}/erased"):
        page = client.get(path)
        assert page.status_code == 200
        assert page.headers["Cache-Control"].startswith("public")
        assert "Set-Cookie" not in page.headers


def test_bad_address_is_told_and_nothing_is_kept(client: FlaskClient) -> None:
    answer = post_form(client, HOME, {"email": "no address"})
    assert answer.status_code == 422
    assert "name@example.org" in answer.text
    assert rows(LinkRequest) == 0


def test_page_is_for_one_person_alone(anna: Supporter) -> None:
    anna.open_link()
    page = anna.get()
    assert page.status_code == 200
    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["Referrer-Policy"] == "same-origin"
    assert '<meta name="robots" content="noindex">' in page.text
    assert "Set-Cookie" not in page.headers
    assert ANNA not in page.text  # it is sealed, and the page has no key


PAGES = ["", "/details", "/address", "/erase"]


@pytest.mark.parametrize("path", PAGES)
def test_outdated_link_is_gone(anna: Supporter, path: str) -> None:
    anna.open_link()
    assert anna.get(path).status_code == 200
    let_run_out(anna.token)
    gone = anna.get(path)
    assert gone.status_code == 410
    assert "does not work any more" in words_of(gone)
    assert gone.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", PAGES)
def test_made_up_link_opens_nothing(anna: Supporter, path: str) -> None:
    anna.token = made_up_token()
    assert anna.get(path).status_code == 410


@pytest.mark.parametrize("purpose", ["giving", "newsletter", "no-such"])
def test_link_of_another_purpose_opens_nothing(anna: Supporter, purpose: str) -> None:
    anna.token = links.make_link(purpose, anna.contact().id, NOW)
    db.session.commit()
    for path in PAGES:
        assert anna.get(path).status_code == 410, path
    assert anna.client.get(f"{HOME}/copy/{anna.token}").status_code == 410
    assert anna.client.get(f"{HOME}/address/{anna.token}").status_code == 410


def test_this_link_opens_no_other_page(anna: Supporter) -> None:
    anna.open_link()
    assert anna.client.get(f"/en/donate/manage/{anna.token}").status_code == 410
    assert anna.client.get(f"{HOME}/news/{anna.token}").status_code == 410
    assert anna.client.get(f"{HOME}/copy/{anna.token}").status_code == 410


POSTS = [
    "/details", "/address", "/news-off", "/discreet-on", "/discreet-off", "/gifts", "/copy",
    "/erase", "/withdraw/signature/{id}",
]  # fmt: skip


def every_post(app: Flask) -> set[str]:
    """What can be posted below a private link, as the application has it."""
    prefix = "/my-data/<token>"
    found = set()
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith("my_data.") and "POST" in (rule.methods or set()):
            _before, _, after = rule.rule.partition(prefix)
            found |= {after} if _before.endswith(")>") or ":language>" in _before else set()
    return {path for path in found if path}


def test_all_posts_are_tried_here(app: Flask) -> None:
    made = {re.sub(r"<[^>]*>", "*", path) for path in every_post(app)}
    tried = {re.sub(r"signature/\{id\}|discreet-o\w+", "*", path) for path in POSTS}
    assert {path.replace("*/*", "*") for path in made} == tried


@pytest.mark.parametrize("path", POSTS)
def test_every_post_wants_the_form_and_our_own_page(anna: Supporter, path: str) -> None:
    """No form token: nothing is done. From another site: nothing is done."""
    anna.open_link()
    before, mails_before = words_of(anna.get()), mails()
    signature = re.search(r"withdraw/signature/([0-9a-f-]{36})", anna.get().text)
    assert signature
    address = f"{HOME}/{anna.token}{path.format(id=signature[1])}"
    typed = {"email": OTHER, "name": "Somebody"}
    token = form_token(anna.get("/details").text)
    assert anna.client.post(address, data=typed).status_code == 400
    forged = {**typed, "form_token": token[:-2]}
    assert anna.client.post(address, data=forged).status_code == 400
    whole = {**typed, "form_token": token}
    cross = {"Sec-Fetch-Site": "cross-site"}
    assert anna.client.post(address, data=whole, headers=cross).status_code == 403
    assert words_of(anna.get()) == before
    assert mails() == mails_before


def test_link_waits_for_the_index_key(anna: Supporter) -> None:
    name = vault().active().index_key_name
    index_key, mail_key = vault().keys.get(name), vault().keys.get("mail")
    assert index_key
    assert mail_key
    vault().keys.drop()
    vault().keys.put("mail", mail_key)
    anna.ask()
    assert answer_requests() == 0
    vault().keys.put(name, index_key)
    assert answer_requests() == 1


def test_link_opens_where_all_volatile_keys_are_gone(anna: Supporter) -> None:
    anna.volunteer()
    anna.open_link()
    vault().keys.drop()
    page = anna.get()
    assert page.status_code == 200
    assert "Volunteering" in page.text
    assert anna.press("/discreet-on").status_code == 303
    assert anna.press("/erase", "/erase").status_code == 303


def test_form_takes_as_long_for_known_and_unknown(anna: Supporter) -> None:
    """Not a stopwatch: the statements that the database sees are the same."""
    seen: list[list[str]] = [[]]

    def note(_c: object, _cur: object, statement: str, *_more: object) -> None:
        seen[-1].append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        for email in (OTHER, ANNA, OTHER):
            token = form_token(anna.client.get(HOME).text)
            time.sleep(CHECK_SECONDS)  # so that the vault is looked at anew each time
            seen.append([])
            anna.client.post(HOME, data={"email": email, "form_token": token})
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
    _before, *asked = seen
    assert asked[0]
    assert asked[0] == asked[1] == asked[2]
