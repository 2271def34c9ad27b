"""Every address of the map, by every method and with anything in it: headers, and never a fault."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from tests.hostile.conftest import Lived
from tests.support.instances import Instance
from tests.unit.staff.conftest import Browser

METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW")
STATUSES = {200, 301, 302, 303, 308, 400, 403, 404, 405, 410, 413, 422, 429, 503}
UNKNOWN = "11111111-2222-3333-4444-555555555555"
FILL = {
    "uuid": [UNKNOWN, "0" * 36],
    "language": ["en", "uk"],
    "token": ["A" * 43, "x", "%00", "..%2f..", "A" * 3000, "%F0%9F%95%AF"],
    "slug": ["bring-the-children-home", "nothing-here", "a" * 300],
    "int": ["1", "0", "9" * 30],
}
QUERIES = [
    "", "?", "?after=2026-01-01.zz&page=-1&page=9999999999999999999999", "?next=//evil.example/",
    "?session_id=cs_test_x%00&amount=1e9&currency=%F0%9F%95%AF&month=2026-13&state[]=x",
]  # fmt: skip


def addresses(app: Flask) -> Iterator[tuple[str, Rule]]:
    """Each rule with each filling of its places."""
    for rule in app.url_map.iter_rules():
        for number in range(max(map(len, FILL.values()))):
            yield (
                re.sub(r"<([^>]*)>", lambda found, n=number: _filling(found[1], n), rule.rule),
                rule,
            )


def _filling(place: str, number: int) -> str:
    converter, _, name = place.rpartition(":")
    if converter.startswith("any("):
        options = [one.strip() for one in converter[4:-1].split(",")]
        return options[number % len(options)]
    known = FILL.get(name) or FILL.get(converter) or FILL["token"]
    return known[number % len(known)]


def check(answer: TestResponse, address: str) -> None:
    """What holds for every answer, errors included."""
    headers = answer.headers
    policy = headers["Content-Security-Policy"]
    assert answer.status_code in STATUSES, (address, answer.status_code)
    assert b"Traceback" not in answer.data, address
    assert "default-src 'none'" in policy
    assert "unsafe-eval" not in policy
    if "/charts/" not in address:
        assert "unsafe" not in policy, address
    assert "frame-ancestors 'none'" in policy, address
    assert "base-uri 'none'" in policy, address
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] in {"same-origin", "no-referrer"}
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["Permissions-Policy"]
    assert headers["Cache-Control"], address
    assert "Access-Control-Allow-Origin" not in headers
    assert "Server" not in headers
    if address.startswith("/staff"):
        assert headers["Cache-Control"] == "no-store", address
    elif "Set-Cookie" in headers:
        raise AssertionError(f"a cookie at {address}")
    if answer.data and answer.mimetype.startswith("text/"):
        assert "charset=utf-8" in headers["Content-Type"].lower()


def knock(client: FlaskClient, app: Flask) -> int:
    """Every address by every method that changes nothing, and each post with nothing in it."""
    asked = 0
    for address, rule in addresses(app):
        if "sign-out" in address:
            continue
        for query in QUERIES[: 1 + asked % len(QUERIES)][-1:]:
            check(client.get(address + query), address)
        method = METHODS[asked % len(METHODS)]
        check(client.open(address, method=method), f"{method} {address}"[-len(address) :])
        if "POST" in (rule.methods or ()):
            check(client.post(address, data={"x": "y"}), address)
        asked += 1
    return asked


def test_nobody_in_particular(lived: Lived) -> None:
    assert knock(lived.stranger().client, lived.app) > 300


@pytest.mark.parametrize("engine_name", ["sqlite"], indirect=True)
def test_an_administrator(lived: Lived, browser_of: Callable[[str], Browser]) -> None:
    browser = browser_of("admin")
    knock(browser.client, lived.app)
    assert browser.get("/staff/").status_code == 200


@pytest.mark.parametrize("engine_name", ["sqlite"], indirect=True)
def test_over_https_each_answer_binds_the_browser_to_it(instance: Instance) -> None:
    app = instance.app(base_url="https://vigil.example.org")
    client = app.test_client()
    client.environ_base.update({"HTTP_HOST": "vigil.example.org", "wsgi.url_scheme": "https"})
    for path in ("/en/", "/en/none", "/staff/", "/static/x/y", "/healthz", "/stripe/webhook"):
        headers = client.get(path).headers
        assert headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"
        for cookie in headers.getlist("Set-Cookie"):
            assert cookie.startswith("__Host-"), cookie
            assert "Secure" in cookie
            assert "HttpOnly" in cookie
            assert "SameSite=Strict" in cookie


@pytest.mark.parametrize("host", ["evil.example", "vigil.example.org.evil.example", "", "a:b:c"])
@pytest.mark.parametrize("engine_name", ["sqlite"], indirect=True)
def test_host_that_is_not_ours(instance: Instance, host: str) -> None:
    client = instance.app(base_url="https://vigil.example.org").test_client()
    for path in ("/", "/en/", "/staff/", "/en/donate"):
        answer = client.get(path, headers={"Host": host})
        assert answer.status_code == 400
        assert "evil" not in answer.headers.get("Location", "")
