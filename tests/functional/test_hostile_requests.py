"""What strangers send: no answer is a 500 and none half-stores anything."""

from __future__ import annotations

import io
import json
import re
from urllib.parse import urlencode

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import EnvironBuilder, run_wsgi_app

from config.database import db
from contacts.models import Contact
from mail.models import OutgoingEmail
from petitions.models import Signature
from tests.conftest import SAME_ORIGIN
from tests.support.instances import Instance
from tests.support.visitor import (
    HELPER,
    PERSON,
    PETITION,
    VOLUNTEER,
    errors,
    old_token,
    post_form,
    sign,
)
from vault.services import holder_from_recovery_code
from web.page_cache import PageCache

FORMS = [(PETITION, PERSON), (VOLUNTEER, HELPER), ("/en/donate", {"amount": "25"})]
# As bytes on the wire: what a client library would tidy up is what matters here.
PATHS = [
    b"/en/petitions/\x00",
    b"/en/petitions/bring\x00the",
    b"/en/petitions/" + b"a" * 5000,
    b"/en/petitions/\xff\xfe",
    b"/en/petitions/\xed\xa0\x80",
    b"/en/petitions/\xe2\x80\xae",
    b"/en/petitions/a/b",
    b"/en/petitions/ /thanks",
    b"/en/petitions/\x00/thanks",
    b"/en/campaigns/\x00",
    b"/en/campaigns/..",
    b"/en/campaigns/" + b"%00" * 100,
    b"/en/confirm/\x00",
    b"/en/confirm/" + b"A" * 43 + b"\n",
    b"/en//petitions//bring-the-children-home",
    b"//evil.example/en/",
    b"/\\evil.example",
    b"/en\r\nX-Evil: 1/",
    b"/EN/",
    b"/en;x/",
    b"/.well-known/../en/",
    b"/static/",
    b"/static/x",
    b"/static/x/",
    b"/static/x/vigil.css/",
    b"/static/x/../../config/settings.py",
    b"/static/x//etc/passwd",
    b"/static/x/..\\..\\app.py",
    b"/static/x/none/../vigil.css",
    b"/static/x/./vigil.css",
    b"/static/x/vigil.css/../vigil.css",
    b"/static/x/\x00",
    b"/static/x/vigil.css\x00",
    b"/static/x/\xff",
    b"/static/x/" + b"a" * 300,
    b"/static/x/" + b"a/" * 3000,
    b"/" + b"\xff" * 10_000,
    b"*",
    b"",
]


def knock(
    app: Flask, method: str, path: bytes, **environ: object
) -> tuple[int, dict[str, str], str]:
    """Ask the application past every client's tidying; status, headers and text."""
    builder = EnvironBuilder("/", method=method, base_url="http://127.0.0.1:8000")
    asked = {**builder.get_environ(), **SAME_ORIGIN, **environ, "PATH_INFO": path.decode("latin-1")}
    body, status, headers = run_wsgi_app(app, asked, buffered=True)
    return int(status.split()[0]), dict(headers), b"".join(body).decode()


def stored() -> int:
    """What visitors have left in the database."""
    n = sum(
        db.session.scalar(select(func.count()).select_from(table)) or 0
        for table in (Contact, OutgoingEmail)
    )
    db.session.rollback()
    return n


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST", "PUT", "TRACE", "BREW"])
def test_no_address_breaks_it(app: Flask, method: str) -> None:
    for path in PATHS:
        status, headers, text = knock(app, method, path)
        assert status in {200, 302, 308, 400, 403, 404, 405}, (path, status)
        assert "Traceback" not in text
        assert "X-Evil" not in headers
        assert headers.get("Location", "/").startswith(("/", "http://127.0.0.1:8000/")), headers
        assert not headers.get("Location", "").startswith("//")


@pytest.mark.parametrize(("path", "values"), FORMS, ids=lambda value: str(value)[:20])
def test_a_file_in_the_place_of_words_is_no_word(
    client: FlaskClient, path: str, values: dict[str, object]
) -> None:
    token = old_token(client, 10)
    for name in ("form_token", "website", *values):
        data = {"form_token": token, **values, name: (io.BytesIO(b"x"), "file.txt")}
        answer = client.post(path, data=data, content_type="multipart/form-data")
        assert answer.status_code in {303, 400, 422}, (name, answer.status_code)
    assert client.post(
        path,
        data={"form_token": (io.BytesIO(token.encode()), "t")},
        content_type="multipart/form-data",
    ).status_code in {400, 422, 403}


@pytest.mark.parametrize(
    "body",
    [b"[1, 2]", b"{", b"7", b"null", b'"x"', json.dumps({"name": 5, "email": ["a"]}).encode()],
)
@pytest.mark.parametrize("path", [path for path, _ in FORMS])
def test_json_is_no_form(client: FlaskClient, path: str, body: bytes) -> None:
    answer = client.post(path, data=body, content_type="application/json")
    assert answer.status_code == 400
    assert "<form" in answer.text
    told = json.dumps({**PERSON, "form_token": old_token(client, 10), "name": "\ud800"})
    answer = client.post(path, data=told, content_type="application/json")
    assert answer.status_code == 400
    assert stored() == 0


@pytest.mark.parametrize(
    "kind",
    [
        "text/plain",
        "application/x-www-form-urlencoded; charset=utf-16",
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=" + "x" * 3000,
        "\x00",
        "",
    ],
)
@pytest.mark.parametrize("path", [path for path, _ in FORMS])
def test_an_odd_content_type_is_told(client: FlaskClient, path: str, kind: str) -> None:
    answer = client.post(path, data=b"name=x&email=y\xff%ff&&=&%00=%00", content_type=kind)
    assert answer.status_code in {400, 413}
    assert "<h1" in answer.text


@pytest.mark.parametrize(
    "value",
    ["", "%00", "%FF%FE", "%ED%A0%80", "%E2%80%AE", "%F0%9F%98%80" * 50, "%CC%81" * 4000, "+" * 9],
)
def test_any_bytes_in_any_field(client: FlaskClient, value: str) -> None:
    for path, values in FORMS:
        token = old_token(client, 10)
        for name in (*values, "newsletter", "skills", "phone", "message", "currency", "fund"):
            pairs = [f"{key}={words}" for key, words in values.items() if key != name]
            body = "&".join([f"form_token={token}", *pairs, f"{name}={value}", f"{name}={value}"])
            answer = client.post(path, data=body, content_type="application/x-www-form-urlencoded")
            assert answer.status_code in {303, 422, 503}, (path, name, answer.status_code)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HTTP_HOST", ""),
        ("HTTP_HOST", "127.0.0.1:99999999"),
        ("HTTP_HOST", "127.0.0.1:x"),
        ("HTTP_HOST", "127.0.0.1@evil.example"),
        ("HTTP_HOST", "evil.example"),
        ("HTTP_HOST", "\xff"),
        ("HTTP_HOST", "[::1"),
        ("HTTP_X_FORWARDED_HOST", "evil.example"),
        ("HTTP_X_FORWARDED_FOR", "nonsense, 1.2.3.4:5, ::%eth0"),
        ("HTTP_X_FORWARDED_PROTO", "gopher"),
        ("HTTP_X_FORWARDED_PREFIX", "//evil.example"),
        ("HTTP_ACCEPT_LANGUAGE", "*;q=2,,,;;q=x" * 900),
        ("HTTP_ACCEPT_LANGUAGE", "be;q=nan"),
        ("HTTP_ACCEPT_ENCODING", "gzip;q=x"),
        ("HTTP_RANGE", "bytes=9-1,,x"),
        ("HTTP_IF_NONE_MATCH", "*"),
        ("HTTP_IF_NONE_MATCH", '"' * 999),
        ("HTTP_IF_MODIFIED_SINCE", "never"),
        ("HTTP_COOKIE", "vigil_form=\xff; ; =; __Host-vigil=\x00"),
        ("HTTP_SEC_FETCH_SITE", "\xff"),
        ("HTTP_ORIGIN", "http://[::1"),
        ("CONTENT_LENGTH", "-1"),
        ("CONTENT_LENGTH", "x"),
        ("REMOTE_ADDR", ""),
        ("REMOTE_ADDR", "fe80::1%eth0"),
        ("wsgi.url_scheme", "gopher"),
    ],
)
def test_no_header_breaks_it(app: Flask, name: str, value: str) -> None:
    for method, path in (
        ("GET", b"/"),
        ("GET", b"/en/"),
        ("HEAD", b"/en"),
        ("POST", PETITION.encode()),
        ("GET", b"/en/nothing"),
        ("GET", b"/staff/sign-in"),
        ("POST", b"/staff/sign-in"),
        ("GET", b"/staff/"),
    ):
        status, headers, text = knock(app, method, path, **{name: value})
        assert status < 500, (path, status)
        assert "evil.example" not in text + headers.get("Location", "")


@pytest.mark.parametrize(
    "path", [path for path, _ in FORMS] + ["/staff/sign-in", "/stripe/webhook"]
)
def test_a_body_in_chunks_is_whole_or_refused(app: Flask, client: FlaskClient, path: str) -> None:
    typed = dict(FORMS).get(path, {})
    pairs = [*typed.items(), ("form_token", old_token(client, 10))]
    if path == "/en/donate":
        pairs += [("currency", "EUR"), ("frequency", "once"), ("fund", "families")]
    form = urlencode(pairs, doseq=True).encode()
    limit = app.config["MAX_CONTENT_LENGTH"]
    statuses = []
    for body in (form, form + b"&" * (limit - len(form)), form + b"&x=" + b"y" * 3 * limit):
        chunked = {"wsgi.input": io.BytesIO(body), "wsgi.input_terminated": True}
        kind = {"CONTENT_TYPE": "application/x-www-form-urlencoded"}
        statuses.append(knock(app, "POST", path.encode(), **chunked, **kind)[0])
    assert statuses[1:] == [413, 413]
    assert statuses[0] == (303 if path in (PETITION, VOLUNTEER) else statuses[0]) != 413


def test_made_up_addresses_of_files_do_not_fill_the_page_cache(instance: Instance) -> None:
    app = instance.app(page_cache_seconds=60)
    cache = app.wsgi_app
    assert isinstance(cache, PageCache)
    knock(app, "GET", b"/en/")
    for number in range(5):
        status, headers, _ = knock(app, "GET", f"/static/{number}/vigil.css".encode())
        assert (status, headers["Cache-Control"]) == (200, "no-store")
    assert list(cache.pages) == ["/en/"]
    for host in ("evil.example", ""):
        assert knock(app, "GET", b"/en/imprint", HTTP_HOST=host)[0] == 400
        knock(app, "GET", b"/en/", HTTP_HOST=host)
    assert list(cache.pages) == ["/en/"]
    with app.app_context():
        db.engine.dispose()


@pytest.mark.parametrize("field", ["name", "email", "languages", "message"])
@pytest.mark.parametrize("hidden", ["\u061c", "\u0085x", "\x9b", "\u202e", "\u00ad", "\x7f"])
def test_hidden_characters_are_told(client: FlaskClient, field: str, hidden: str) -> None:
    typed = {**HELPER, field: f"an{hidden}na@example.org"}
    answer = post_form(client, "/uk/volunteer", typed)
    if hidden == "\u0085x" and field in {"name", "languages"}:
        assert answer.status_code == 303  # a line break, which becomes a space
    else:
        assert (answer.status_code, stored()) == (422, 0)


def test_a_name_stands_on_one_line(app: Flask, client: FlaskClient, instance: Instance) -> None:
    assert sign(client, name="Anna\r\nBcc: x\u2028y\tz").status_code == 303
    row_id, sealed = db.session.execute(select(Signature.id, Signature.sealed)).one()
    opener = app.extensions["vault"].open_with(
        holder_from_recovery_code(instance.first.recovery_code)
    )
    assert opener.open("signature", row_id, sealed)["name"] == "Anna Bcc: x y z"


@pytest.mark.parametrize("given", ["false", "", None])
def test_consent_is_never_guessed(client: FlaskClient, given: str | None) -> None:
    for path, values in FORMS[:2]:
        typed = {**values, "consent": given} if given is not None else {**values}
        if given is None:
            del typed["consent"]
        assert post_form(client, path, typed).status_code == 422
    assert stored() == 0


def test_what_is_on_no_list_is_told_in_the_visitors_language(client: FlaskClient) -> None:
    for name, value in (("skills", ["legal", "hacking"]), ("availability", "always")):
        answer = post_form(client, "/be/volunteer", {**HELPER, name: value})
        (told,) = errors(answer.text)
        assert answer.status_code == 422
        assert "valid" not in told
        assert "hacking" not in told


def test_the_staff_door_takes_words_only(client: FlaskClient) -> None:
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', client.get("/staff/sign-in").text)
    assert found
    token = {"csrf_token": found[1]}
    by_header = {"X-CSRFToken": found[1]}
    for name in ("a\0b", "a\u202eb", "", (io.BytesIO(b"x"), "file.txt")):
        answer = client.post("/staff/sign-in", data={**token, "name": name, "passphrase": "x"})
        assert answer.status_code == 422, name
    for told in ([1], {"name": 5, "passphrase": 7}):
        answer = client.post("/staff/sign-in", json=told, headers=by_header)
        assert answer.status_code in {400, 422}, told
