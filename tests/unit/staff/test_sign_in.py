"""Signing in and out: who gets in, for how long, and what is left behind."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, func, select, update

from config.database import db
from staff.door import sessions
from staff.models import AuditEvent, SignInDelay, StaffMember, StaffSession
from tests.support.instances import Instance
from tests.unit.staff.conftest import Browser, People, change_sessions, new_client
from vault import wraps
from vault.models import Holder, VaultPair
from vault.services import IntakeStopped, unlock, unwrap_for_session, vault
from vault.wraps import PURPOSE, _wrap

SIGN_IN = "/staff/sign-in"
NOT_TOGETHER = "Name, passphrase and code do not belong together."


@pytest.fixture
def visitor(app: Flask) -> Browser:
    """A browser that nobody signed in with."""
    return Browser(new_client(app))


def delay(app: Flask) -> SignInDelay:
    with app.app_context():
        return db.session.scalars(select(SignInDelay)).one()


def age_session(app: Flask, **values: datetime) -> None:
    with app.app_context():
        change_sessions(**values)


def test_right_passphrase_opens_the_first_page(visitor: Browser, instance: Instance) -> None:
    answer = visitor.post(SIGN_IN, {"name": "admin", "passphrase": instance.first.passphrase})
    assert answer.status_code == 303
    assert answer.location == "/staff/"
    cookie = next(c for c in answer.headers.getlist("Set-Cookie") if c.startswith("vigil_staff="))
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert "Path=/" in cookie
    page = visitor.get("/staff/")
    assert page.status_code == 200
    assert page.headers["Cache-Control"] == "no-store"


def test_passphrase_may_be_typed_in_capitals_with_dashes(
    visitor: Browser, instance: Instance
) -> None:
    typed = "  " + instance.first.passphrase.upper().replace(" ", "-  ") + " "
    answer = visitor.post(SIGN_IN, {"name": " ADMIN ", "passphrase": typed})
    assert answer.status_code == 303


def test_wrong_passphrase_and_unknown_name_read_the_same(visitor: Browser) -> None:
    pages = []
    for name in ("admin", "nobody"):
        answer = visitor.post(SIGN_IN, {"name": name, "passphrase": "wrong words"})
        assert answer.status_code == 422
        assert NOT_TOGETHER in answer.text
        assert "wrong words" not in answer.text
        pages.append(answer.text.replace(name, "…"))
    assert len(pages[0]) == len(pages[1])


def test_unknown_name_costs_as_much_as_a_wrong_passphrase(
    visitor: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    spent: dict[str, list[tuple[object, ...]]] = {}
    stretch = wraps.hash_secret_raw
    for name in ("admin", "nobody"):
        costs = spent.setdefault(name, [])

        def stretched(*given: Any, costs: Any = costs, **cost: Any) -> bytes:
            costs.append(tuple(sorted(cost.items(), key=str)))
            return stretch(*given, **cost)

        monkeypatch.setattr(wraps, "hash_secret_raw", stretched)
        visitor.post(SIGN_IN, {"name": name, "passphrase": "wrong words"})
    assert len(spent["admin"]) == 1
    assert spent["nobody"] == spent["admin"]


@pytest.mark.parametrize("name", ["admin", "nobody"])
def test_wrong_passphrases_make_the_name_wait_twice_as_long_each_time(
    app: Flask, visitor: Browser, name: str
) -> None:
    form = {"name": name, "passphrase": "wrong words"}
    begun = datetime.now(UTC)
    assert visitor.post(SIGN_IN, form).status_code == 422
    assert delay(app).attempts == 1
    assert delay(app).not_before >= begun + timedelta(seconds=1)
    for wait, status in ((timedelta(seconds=60), 429), (timedelta(0), 422)):
        begun = datetime.now(UTC)
        with app.app_context():
            db.session.execute(update(SignInDelay).values(not_before=begun + wait, attempts=3))
            db.session.commit()
        answer = visitor.post(SIGN_IN, form)
        assert answer.status_code == status
        assert bool(re.search(r"Wait \d+ seconds?, then try again", answer.text)) is bool(wait)
    eight = timedelta(seconds=8)
    assert begun + eight <= delay(app).not_before <= datetime.now(UTC) + eight
    assert delay(app).attempts == 4


def test_the_wait_never_exceeds_five_minutes_and_ends(
    app: Flask, visitor: Browser, instance: Instance
) -> None:
    visitor.post(SIGN_IN, {"name": "admin", "passphrase": "wrong"})
    with app.app_context():
        now = datetime.now(UTC)
        db.session.execute(update(SignInDelay).values(not_before=now, attempts=5000))
        db.session.commit()
    visitor.post(SIGN_IN, {"name": "admin", "passphrase": "wrong"})
    assert delay(app).not_before - datetime.now(UTC) <= timedelta(minutes=5)
    with app.app_context():
        db.session.execute(update(SignInDelay).values(not_before=datetime.now(UTC)))
        db.session.commit()
    right = {"name": "admin", "passphrase": instance.first.passphrase}
    assert visitor.post(SIGN_IN, right).status_code == 303
    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(SignInDelay)) == 0


@pytest.mark.parametrize("state", ["invited", "removed"])
def test_who_does_not_work_here_gets_the_answer_of_an_unknown_name(
    app: Flask, visitor: Browser, instance: Instance, state: str
) -> None:
    with app.app_context():
        db.session.execute(update(StaffMember).values(state=state))
        db.session.commit()
    answer = visitor.sign_in("admin", instance.first.passphrase)
    assert answer.status_code == 422
    assert NOT_TOGETHER in answer.text


def test_nobody_signs_in_while_the_intake_is_stopped(
    app: Flask, visitor: Browser, instance: Instance
) -> None:
    answer = visitor.get(SIGN_IN)
    token = re.search(r'name="csrf_token"\s+value="([^"]+)"', answer.text)
    assert token
    with app.app_context():
        db.session.execute(update(VaultPair).values(stopped_at=datetime.now(UTC)))
        db.session.commit()
        with pytest.raises(IntakeStopped):
            vault().check()
    form = {"csrf_token": token[1], "name": "admin", "passphrase": instance.first.passphrase}
    assert visitor.client.post(SIGN_IN, data=form).status_code == 503
    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(StaffSession)) == 0


def test_an_old_wrap_without_a_secret_is_wrapped_anew(
    app: Flask, visitor: Browser, instance: Instance, holder_key: bytes
) -> None:
    with app.app_context():
        holder = db.session.scalars(select(Holder).where(Holder.kind == "staff")).one()
        pepper = vault().keys_dir.pepper()
        old = _wrap(instance.first.passphrase, holder.salt, pepper, is_chosen=False)
        holder.wrapped_key = bytes(old.encrypt(holder_key, PURPOSE + holder.id.bytes))
        db.session.commit()
    assert visitor.sign_in("admin", instance.first.passphrase).status_code == 303
    secret = visitor.enrol()
    with app.app_context():
        holder = db.session.scalars(select(Holder).where(Holder.kind == "staff")).one()
        unlocked = unlock(holder, instance.first.passphrase)
    assert unlocked
    assert (unlocked.key, unlocked.totp_secret) == (holder_key, secret)


def test_no_typed_name_is_kept(app: Flask, visitor: Browser, instance: Instance) -> None:
    visitor.post(SIGN_IN, {"name": "passphrase-in-the-wrong-field", "passphrase": "x"})
    with app.app_context():
        db.session.remove()
    written = b"".join(path.read_bytes() for path in instance.files())
    assert b"wrong-field" not in written


def test_limit_per_network_holds(app_with: Callable[..., Flask]) -> None:
    app = app_with(sign_in_limit="1 per hour")
    visitor = Browser(new_client(app))
    visitor.post(SIGN_IN, {"name": "a", "passphrase": "x"})
    assert visitor.post(SIGN_IN, {"name": "b", "passphrase": "x"}).status_code == 429


def test_each_sign_in_has_a_new_token_and_ends_the_old_session(
    app: Flask, visitor: Browser, instance: Instance
) -> None:
    tokens = []
    for _ in range(2):
        visitor.post(SIGN_IN, {"name": "admin", "passphrase": instance.first.passphrase})
        cookie = visitor.client.get_cookie("vigil_staff")
        assert cookie
        tokens.append(cookie.value)
    assert tokens[0] != tokens[1]
    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(StaffSession)) == 1


def test_nobody_is_sent_to_another_site(visitor: Browser, instance: Instance) -> None:
    right = {"name": "admin", "passphrase": instance.first.passphrase}
    answer = visitor.post(f"{SIGN_IN}?next=//evil.example/staff/", right)
    assert answer.location == "/staff/"


def test_asked_page_comes_after_signing_in(visitor: Browser, instance: Instance) -> None:
    asked = visitor.get("/staff/contacts?kind=signature")
    assert asked.status_code == 303
    right = {"name": "admin", "passphrase": instance.first.passphrase}
    assert visitor.post(asked.location, right).location == "/staff/contacts?kind=signature"


@pytest.mark.parametrize(
    ("column", "ago"), [("seen_at", sessions.IDLE), ("ends_at", timedelta(seconds=1))]
)
def test_idle_and_ended_sessions_are_gone(
    app: Flask, admin: Browser, column: str, ago: timedelta
) -> None:
    age_session(app, **{column: datetime.now(UTC) - ago})
    assert admin.get("/staff/").location.startswith(SIGN_IN)
    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(StaffSession)) == 0


def test_use_keeps_a_session_alive(app: Flask, admin: Browser) -> None:
    before = datetime.now(UTC) - timedelta(minutes=20)
    age_session(app, seen_at=before)
    assert admin.get("/staff/").status_code == 200
    with app.app_context():
        session = db.session.scalars(select(StaffSession)).one()
        assert session.seen_at > before + timedelta(minutes=19)


def test_disk_alone_opens_nothing(app: Flask, admin: Browser, holder_key: bytes) -> None:
    with app.app_context():
        row = db.session.scalars(select(StaffSession)).one()
        assert row.wrapped_key
        assert row.token_hash == sessions.hash_token(admin.token)
        assert holder_key not in row.wrapped_key
        assert unwrap_for_session(row.token_hash, row.wrapped_key, row.token_hash) is None
        assert unwrap_for_session(admin.token, row.wrapped_key, row.token_hash) == holder_key


def test_cookie_alone_opens_nothing(app: Flask, admin: Browser) -> None:
    with app.app_context():
        db.session.execute(delete(StaffSession))
        db.session.commit()
    assert admin.get("/staff/contacts").status_code == 303


def test_one_colleagues_wrap_does_not_open_in_anothers_row(app: Flask, admin: Browser) -> None:
    with app.app_context():
        db.session.execute(update(StaffSession).values(wrapped_key=b"\x01" + bytes(72)))
        db.session.commit()
    answer = admin.get("/staff/contacts")
    assert answer.status_code == 403
    assert "Your sign-in opens no contacts." in answer.text


def test_post_without_form_token_is_refused(admin: Browser) -> None:
    assert admin.client.post("/staff/sign-out").status_code == 400
    assert admin.get("/staff/").status_code == 200


def test_sign_out_leaves_nothing(app: Flask, admin: Browser, instance: Instance) -> None:
    with app.app_context():
        row = db.session.scalars(select(StaffSession)).one()
        wrapped = row.wrapped_key
        assert wrapped
        db.session.remove()
    answer = admin.post("/staff/sign-out")
    assert answer.location == SIGN_IN
    assert answer.headers["Clear-Site-Data"] == '"cache", "storage"'
    assert "vigil_staff=;" in " ".join(answer.headers.getlist("Set-Cookie"))
    admin.bring(admin.token)
    assert admin.get("/staff/").status_code == 303
    if instance.engine == "sqlite":
        left = [path for path in instance.files() if wrapped in path.read_bytes()]
        assert left == []


def test_first_key_holder_puts_the_index_key_back(
    app: Flask, visitor: Browser, instance: Instance, people: People
) -> None:
    with app.app_context():
        vault().keys.drop()
        assert vault().email_index("ada@example.org") is None
    visitor.post(SIGN_IN, {"name": "admin", "passphrase": instance.first.passphrase})
    with app.app_context():
        assert vault().email_index("ada@example.org")
        actions = set(db.session.scalars(select(AuditEvent.action)))
    assert {"index-key.restored", "staff.signed-in"} <= actions


def test_sign_in_is_noted(app: Flask, visitor: Browser, instance: Instance) -> None:
    visitor.post(SIGN_IN, {"name": "admin", "passphrase": instance.first.passphrase})
    with app.app_context():
        member = db.session.scalars(select(StaffMember)).one()
        assert member.last_sign_in_at


def test_secure_sites_use_host_cookies_alone(
    app_with: Callable[..., Flask], instance: Instance
) -> None:
    client = app_with(base_url="https://vigil.example").test_client()
    client.environ_base["HTTP_SEC_FETCH_SITE"] = "same-origin"
    page = client.get(SIGN_IN, base_url="https://vigil.example")
    token = re.search(r'name="csrf_token"\s+value="([^"]+)"', page.text)
    assert token
    form = {
        "csrf_token": token[1], "name": "admin", "passphrase": instance.first.passphrase,
    }  # fmt: skip
    answer = client.post(SIGN_IN, data=form, base_url="https://vigil.example")
    assert answer.status_code == 303
    cookies = [*page.headers.getlist("Set-Cookie"), *answer.headers.getlist("Set-Cookie")]
    assert {cookie.partition("=")[0] for cookie in cookies} == {
        "__Host-vigil_form", "__Host-vigil_staff", "__Host-vigil_browser",
    }  # fmt: skip
    for cookie in cookies:
        assert {"Secure", "HttpOnly", "Path=/", "SameSite=Strict"} <= set(cookie.split("; "))
        assert "Domain" not in cookie
