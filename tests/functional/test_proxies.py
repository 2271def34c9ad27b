"""Which address and host name count: the socket's own, or what so many proxies of ours say."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient

from config.database import db
from tests.conftest import SAME_ORIGIN
from tests.support.instances import Instance
from tests.support.visitor import PERSON, PETITION, old_token

SOCKET, ELSEWHERE = "192.0.2.7", "198.51.100.7"  # two networks, as are the next ones
ANNA, VERA, MADE_UP = "203.0.113.7", "2001:db8:1::7", "233.252.0.7"
OURS, EVIL = "127.0.0.1:8000", "evil.example"
Behind = Callable[[int], FlaskClient]


@pytest.fixture
def engine_name() -> str:
    """What is asked here is asked in front of the database."""
    return "sqlite"


@pytest.fixture
def behind(instance: Instance) -> Iterator[Behind]:
    """Makes a client of the site behind so many proxies; each network may send one form."""
    made: list[Flask] = []

    def make(proxies: int) -> FlaskClient:
        made.append(instance.app(trusted_proxies=proxies, form_limit="1 per hour"))
        client = made[-1].test_client()
        client.environ_base.update({**SAME_ORIGIN, "REMOTE_ADDR": SOCKET})
        return client

    yield make
    for app in made:
        with app.app_context():
            db.engine.dispose()


def sign(client: FlaskClient, forwarded: str, name: str = "X-Forwarded-For", **more: str) -> int:
    """The status of a signature that brings a header of this name."""
    values = {**PERSON, "form_token": old_token(client, 10)}
    sent = {"headers": {name: forwarded}, "environ_base": more}
    return client.post(PETITION, data=values, **sent).status_code


def ask_from(client: FlaskClient, origin: str, **headers: str) -> int:
    """The status of an empty post from an older browser, which says its origin alone.

    403 where that is no origin of ours; 400 where it is, for there is no token in the form.
    """
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    client.environ_base.pop("HTTP_SEC_FETCH_SITE", None)
    sent = {"Host": OURS, "Origin": origin, **named}
    return client.post(PETITION, headers=sent).status_code


@pytest.mark.parametrize("name", ["X-Forwarded-For", "Forwarded", "X-Real-IP"])
def test_without_a_proxy_the_sockets_network_pays(behind: Behind, name: str) -> None:
    client = behind(0)
    forged = [f"for={ANNA}", f"for={VERA}"] if name == "Forwarded" else [ANNA, VERA]
    assert [sign(client, one, name) for one in forged] == [303, 429]
    assert sign(client, SOCKET, name, REMOTE_ADDR=ELSEWHERE) == 303
    assert sign(client, MADE_UP, name, REMOTE_ADDR=ELSEWHERE) == 429


def test_behind_one_proxy_the_last_address_pays(behind: Behind) -> None:
    client = behind(1)
    assert [sign(client, one) for one in (ANNA, VERA, ANNA)] == [303, 303, 429]
    assert sign(client, ANNA, REMOTE_ADDR=ELSEWHERE) == 429  # whatever the proxy's own is


def test_what_a_visitor_puts_in_front_changes_nothing(behind: Behind) -> None:
    client = behind(1)
    assert sign(client, ANNA) == 303
    assert sign(client, f"{MADE_UP}, {ANNA}") == 429
    assert sign(client, f"{MADE_UP},{SOCKET},{ANNA}") == 429
    assert sign(client, f"{ANNA}, {VERA}") == 303  # nobody spends a quota of others


def test_behind_two_proxies_the_last_but_one_pays(behind: Behind) -> None:
    client = behind(2)
    assert sign(client, f"{ANNA}, {ELSEWHERE}") == 303
    assert sign(client, f"{MADE_UP}, {ANNA}, {VERA}") == 429
    # Who came past the first proxy brings too few of them: then it is the socket's.
    assert [sign(client, one) for one in (MADE_UP, VERA)] == [303, 429]


def test_without_a_proxy_a_forwarded_host_is_not_used(behind: Behind) -> None:
    client = behind(0)
    for path in ("/", "/en", "/en/imprint", "/sitemap.xml", "/staff/"):
        forged = {"X-Forwarded-Host": EVIL, "X-Forwarded-Proto": "https"}
        plain, answer = client.get(path), client.get(path, headers=forged)
        told = (answer.status_code, answer.location, answer.data)
        assert told == (plain.status_code, plain.location, plain.data), path
        assert plain.status_code < 400, path
    assert ask_from(client, f"http://{EVIL}", X_Forwarded_Host=EVIL) == 403
    assert ask_from(client, f"https://{OURS}", X_Forwarded_Proto="https") == 403
    assert ask_from(client, f"http://{OURS}", X_Forwarded_Host=EVIL) == 400


@pytest.mark.parametrize("forwarded", [EVIL, f"{OURS}, {EVIL}", f"{OURS}@{EVIL}", f"{OURS}.{EVIL}"])
def test_behind_a_proxy_a_host_that_is_not_ours_is_refused(behind: Behind, forwarded: str) -> None:
    client = behind(1)
    for path in ("/", "/en/imprint", "/staff/"):
        answer = client.get(path, headers={"X-Forwarded-Host": forwarded})
        assert (answer.status_code, answer.text) == (400, "Unknown host.\n"), path
    assert ask_from(client, f"http://{EVIL}", X_Forwarded_Host=forwarded) == 400


def test_behind_a_proxy_its_own_words_of_host_and_scheme_count(behind: Behind) -> None:
    client = behind(1)
    inside = {"Host": "vigil.internal"}
    assert client.get("/en/imprint", headers=inside).status_code == 400
    for forwarded in (OURS, f"{EVIL}, {OURS}"):
        named = {**inside, "X-Forwarded-Host": forwarded, "X-Forwarded-Prefix": f"//{EVIL}"}
        answer = client.get("/en/imprint", headers=named)
        assert (answer.status_code, EVIL in answer.text) == (200, False)
        assert client.get("/", headers=named).location == "/en/"
    assert ask_from(client, f"https://{OURS}") == 403
    assert ask_from(client, f"https://{OURS}", X_Forwarded_Proto="http, https") == 400
