"""Whatever is not the same for everyone is kept by nobody: no cache, and no browser's own."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from urllib.parse import urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.exceptions import HTTPException
from werkzeug.test import TestResponse

from tests.hostile.conftest import Lived
from tests.hostile.test_every_route import addresses
from tests.support.crawler import place, read_forms
from tests.support.instances import Instance
from tests.support.site import BANK_IBAN
from tests.support.visitor import PERSON, PETITION, mails, post_form
from tests.unit.staff.conftest import Browser, new_client
from tests.unit.staff.giving import Gifts

# Drawn the same for all. Whoever makes another such page names it here.
FOR_EVERYONE = {
    "campaigns.campaign", "campaigns.home", "donate.cancelled", "donate.start", "giving.ask",
    "giving.back", "giving.sent", "my_data.ask", "my_data.erased", "my_data.sent",
    "offline.transfer", "pages.accessibility", "pages.check_inbox", "pages.imprint",
    "pages.privacy", "petitions.petition", "petitions.thanks", "site.sitemap", "volunteers.thanks",
    "volunteers.volunteer", "web.favicon", "web.static_file",
}  # fmt: skip
TO_THE_LANGUAGE = "web.root"  # a redirect by the visitor's browser: private, and asked each time
OF_ONE_PERSON = {
    "contacts.confirm", "contacts.disown", "donate.thanks", "giving.gifts",
    "my_data.address", "my_data.consider", "my_data.consider_erasing", "my_data.details",
    "my_data.overview", "offline.announced",
}  # fmt: skip
OF_STAFF = {
    "staff.account", "staff.audit_log", "staff.chart", "staff.contacts", "staff.donation",
    "staff.donations", "staff.giving", "staff.member", "staff.person", "staff.safety",
    "staff.team_page", "staff.today", "staff.volunteers",
}  # fmt: skip
SESSION_ID = "cs_test_paid"


@pytest.fixture
def engine_name() -> str:
    """Headers are the same on both."""
    return "sqlite"


@pytest.fixture
def app_with_bank(instance: Instance) -> Iterator[Flask]:
    """The application with all pages that there are."""
    with instance.running(bank_iban=BANK_IBAN) as made:
        yield made


def endpoint_of(app: Flask, address: str, method: str = "GET") -> str:
    """What answers an address; empty where nothing does."""
    try:
        return str(app.url_map.bind("localhost").match(urlsplit(address).path, method)[0])
    except HTTPException:
        return ""


def check(app: Flask, address: str, answer: TestResponse, method: str = "GET") -> str:
    """Hold an answer to what it may say of caches; what gave it."""
    endpoint, told = endpoint_of(app, address, method), answer.headers["Cache-Control"]
    if method != "GET" or answer.status_code != 200 or endpoint not in FOR_EVERYONE:
        expected = "private, max-age=0" if endpoint == TO_THE_LANGUAGE else "no-store"
        assert told == expected, (method, address, answer.status, told)
    return endpoint


def walk(app: Flask, client: FlaskClient, start: Iterable[str]) -> set[str]:
    """Open pages and all that they lead to; the endpoints that showed something."""
    waiting, seen, shown = deque(start), set(), set()
    while waiting:
        address = waiting.popleft()
        if urlsplit(address).netloc or place(address) in seen:
            continue
        seen.add(place(address))
        answer = client.get(address)
        endpoint = check(app, address, answer)
        if answer.status_code == 200:
            shown.add(endpoint)
        if answer.mimetype == "text/html":
            waiting.extend(read_forms(urlsplit(address).path, answer.text)[0])
        if answer.location:
            waiting.append(answer.location)
    return shown


def test_pages_of_one_person_are_kept_nowhere(lived: Lived, app_with_bank: Flask) -> None:
    client = new_client(app_with_bank)
    Gifts(app_with_bank).create(stripe_session_id=SESSION_ID)
    check(app_with_bank, PETITION, post_form(client, PETITION, PERSON), "POST")
    announced = post_form(
        client,
        "/en/donate/transfer",
        {"amount": "25", "fund": "families", "email": "a@example.org"},
    )
    check(app_with_bank, "/en/donate/transfer", announced, "POST")
    with app_with_bank.app_context():
        links = [mail.params["path"] for mail in mails() if "path" in mail.params]
    links += [link.replace("/confirm/", "/not-me/") for link in links]
    thanks = f"/en/donate/thanks?session_id={SESSION_ID}"
    start = ["/", "/en/", *lived.addresses, *links, thanks, announced.location]
    shown = walk(app_with_bank, client, start)
    assert shown >= OF_ONE_PERSON, OF_ONE_PERSON - shown


def test_pages_of_staff_are_kept_nowhere(
    lived: Lived, browser_of: Callable[[str], Browser]
) -> None:
    start = ["/staff/", "/staff/charts/signatures.svg", f"/staff/contacts/{lived.contact_id}"]
    shown = walk(lived.app, browser_of("admin").client, start)
    assert shown >= OF_STAFF, OF_STAFF - shown


def test_whatever_is_asked_of_any_address(lived: Lived, app_with_bank: Flask) -> None:
    """Pages of what is not there, of what was refused, and of what a form held."""
    client = new_client(app_with_bank)
    for address, _ in addresses(app_with_bank):
        for method in ("GET", "POST", "DELETE"):
            check(app_with_bank, address, client.open(address, method=method), method)
    for path in (PETITION, "/en/volunteer", "/en/donate"):
        answer = post_form(client, path, {**PERSON, "email": "nobody", "amount": "x"})
        assert answer.status_code == 422
        check(app_with_bank, path, answer, "POST")
