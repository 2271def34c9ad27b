"""What administrators are told: exports of others, the daily mark of the log, a broken vault."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from config.database import db
from mail.models import OutgoingEmail
from mail.outbox import unseal
from staff.log import alerts, audit_check
from staff.log.audit_check import parse_head
from tests.support.instances import Instance
from tests.support.moments import NOW
from tests.unit.staff.conftest import Browser, People
from tests.unit.staff.giving import audited
from vault.models import VaultPair
from vault.services import vault

READERS = ("one@example.org", "two@example.org")


@pytest.fixture
def app(instance: Instance) -> Any:
    """The application, with two addresses that are told."""
    with instance.running(alert_emails=READERS) as made:
        yield made


def mails(app: Flask, kind: str) -> list[tuple[str, dict[str, str]]]:
    """Who was written to, and what."""
    with app.app_context():
        rows = db.session.scalars(select(OutgoingEmail).where(OutgoingEmail.kind == kind)).all()
        opened = [unseal(row.id, row.blob or b"", vault().mail_key()) for row in rows]
    return sorted(opened, key=lambda mail: mail[0])


def run(app: Flask, job: Callable[[Any], object], now: Any = NOW) -> None:
    """Run a job as the worker does."""
    with app.app_context():
        job(now)
        db.session.commit()


def test_export_is_told_to_the_others_until_they_have_looked(
    app: Flask, browser_of: Callable[[str], Browser], people: People
) -> None:
    people.create_signature("Ada")
    roles = ("admin", "admin", "admin", "contacts")
    taker, other, third, worker = (browser_of(role) for role in roles)
    taker.post("/staff/contacts/export", {"file": "csv"})
    assert [to for to, _ in mails(app, "export-alert")] == list(READERS)
    assert mails(app, "export-alert")[0][1]["n"] == "1"
    told = "exported by a colleague since you last looked"
    assert told in other.get("/staff/").text
    assert told not in taker.get("/staff/").text
    assert told not in worker.get("/staff/").text
    assert "1 export since you last looked here" not in taker.get("/staff/audit").text
    assert "1 export since you last looked here" in third.get("/staff/audit").text
    assert told in other.get("/staff/").text  # another's look is not theirs
    assert "1 export since you last looked here" in other.get("/staff/audit").text
    assert told not in other.get("/staff/").text
    assert "since you last looked here" not in other.get("/staff/audit").text
    looks = [event.actor_id for event in audited(app, "audit.looked")]
    assert looks == [third.staff_id, other.staff_id]


def test_older_pages_of_the_log_are_no_look(
    app: Flask, browser_of: Callable[[str], Browser], people: People
) -> None:
    browser_of("admin").post("/staff/donations/export", {"file": "csv"})
    other = browser_of("admin")
    other.get("/staff/audit?before=2")
    assert audited(app, "audit.looked") == []
    assert "exported by a colleague" in other.get("/staff/").text


def test_head_is_mailed_once_a_day_and_fits_the_log(app: Flask) -> None:
    run(app, alerts.mail_head)
    run(app, alerts.mail_head)
    sent = mails(app, "audit-head")
    assert [to for to, _ in sent] == list(READERS)
    head = parse_head(sent[0][1]["head"])
    with app.app_context():
        assert audit_check.verify(mailed=head).holds
        last = alerts.last_mailed_head()
        assert last
        assert last.details == {"head": sent[0][1]["head"]}
    run(app, alerts.mail_head, NOW + timedelta(days=1))
    assert len(mails(app, "audit-head")) == 4
    assert len(audited(app, "audit.head-mailed")) == 2


def test_page_shows_the_last_mailed_head(app: Flask, admin: Browser) -> None:
    assert "No mark was mailed yet" in admin.get("/staff/audit").text
    run(app, alerts.mail_head)
    page = admin.get("/staff/audit").text
    assert mails(app, "audit-head")[0][1]["head"] in page
    assert "ALERT_EMAILS" not in page


@pytest.mark.parametrize("given", [(), ("one@example.org",), ("one@example.org",) * 2])
def test_fewer_than_two_readers_are_said_so(
    instance: Instance, browser_of: Callable[[str], Browser], given: tuple[str, ...], app: Flask
) -> None:
    app.extensions["vigil_settings"] = instance.settings(alert_emails=given)
    assert "ALERT_EMAILS" in browser_of("admin").get("/staff/audit").text


def test_swapped_public_key_raises_the_alarm_once(app: Flask) -> None:
    run(app, alerts.watch_vault)
    assert mails(app, "vault-alarm") == []
    with app.app_context():
        before = db.session.scalars(select(VaultPair.public_key)).one()
    swap(app, bytes(32))
    for minutes in range(3):
        run(app, alerts.watch_vault, NOW + timedelta(minutes=minutes))
    sent = mails(app, "vault-alarm")
    assert [to for to, _ in sent] == list(READERS)
    assert "does not match its pin" in sent[0][1]["fault"]
    assert len(audited(app, "vault.alarm")) == 1
    swap(app, before)
    for _ in range(2):
        run(app, alerts.watch_vault)
    assert len(audited(app, "vault.well")) == 1
    swap(app, bytes(32))
    run(app, alerts.watch_vault)
    assert len(audited(app, "vault.alarm")) == 2
    with app.app_context():
        assert audit_check.verify().holds


def test_missing_keys_raise_an_alarm_of_their_own(app: Flask, instance: Instance) -> None:
    (instance.folder / "keys" / "pepper").unlink()
    run(app, alerts.watch_vault)
    swap(app, bytes(32))
    (instance.folder / "keys" / "pin").unlink()
    run(app, alerts.watch_vault)
    faults = [event.details["fault"] for event in audited(app, "vault.alarm")]
    assert len(faults) >= 1
    assert "KEYS_DIR" in faults[0]


def test_intake_stopped_on_purpose_is_no_alarm(app: Flask) -> None:
    with app.app_context():
        db.session.execute(update(VaultPair).values(stopped_at=NOW))
        db.session.commit()
    run(app, alerts.watch_vault)
    assert mails(app, "vault-alarm") == []


def swap(app: Flask, public_key: bytes) -> None:
    with app.app_context():
        db.session.execute(update(VaultPair).values(public_key=public_key))
        db.session.commit()
