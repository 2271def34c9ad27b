"""The page "Safety": what holds is asked of the installation, and changes with it."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update

from config.database import db
from mail.models import OutgoingEmail, State
from safety.promises import Holds, check_promises
from safety.words_promises import SENTENCES
from staff import audit
from staff.models import StaffMember
from tests.support.instances import Instance
from tests.unit.safety.conftest import AgeKey
from vault.models import Holder, VaultPair, VaultShare
from vault.services import vault

NOW = datetime.now(UTC)


def states(app: Flask, **changes: Any) -> dict[str, Holds]:
    """What holds, by name; with other settings where some are given."""
    chosen = app.extensions["vigil_settings"].model_copy(update=changes)
    found = {one.name: one.holds for one in check_promises(chosen, NOW)}
    db.session.rollback()
    return found


def test_every_promise_has_its_sentences(app: Flask) -> None:
    names = set(states(app)) | {"database-private", "keys-apart"}
    assert names == set(SENTENCES)


def test_what_does_not_hold_comes_first(app: Flask) -> None:
    order = [
        list(Holds).index(one.holds)
        for one in check_promises(app.extensions["vigil_settings"], NOW)
    ]
    assert order == sorted(order)


def test_volatile_keys(app: Flask, instance: Instance) -> None:
    assert states(app)["volatile"] is Holds.NO
    memory = Path("/dev/shm") / instance.folder.name  # noqa: S108 - a tmpfs
    memory.mkdir()
    try:
        other = instance.app(volatile_keys=str(memory))
        with other.app_context():
            found = states(other)
            assert (found["volatile"], found["index-key"]) == (Holds.YES, Holds.NO)
            db.session.remove()
            db.engine.dispose()
    finally:
        shutil.rmtree(memory)
    away = instance.app(volatile_keys="redis://127.0.0.1:1/0")
    with away.app_context():
        found = states(away)
        assert (found["volatile"], found["index-key"]) == (Holds.UNKNOWN, Holds.UNKNOWN)
        db.session.remove()
        db.engine.dispose()


def test_the_index_key(app: Flask) -> None:
    assert states(app)["index-key"] is Holds.YES
    vault().keys.drop()
    assert states(app)["index-key"] is Holds.NO


def test_places_that_others_read(app: Flask, instance: Instance) -> None:
    assert states(app)["keys-private"] is Holds.YES
    (instance.folder / "keys").chmod(0o755)
    (instance.folder / "keys" / "pepper").chmod(0o644)
    assert states(app)["keys-private"] is Holds.NO


def test_keys_and_backups_beside_the_database(
    app: Flask, instance: Instance, tmp_path: Path
) -> None:
    if instance.engine == "sqlite":
        assert states(app)["keys-apart"] is Holds.NO
        assert states(app, keys_dir=tmp_path)["keys-apart"] is Holds.YES
    assert states(app)["no-backup-beside"] is Holds.YES
    (instance.folder / "old.dump").write_text("x")
    assert states(app)["no-backup-beside"] is Holds.NO


def test_https(app: Flask) -> None:
    assert states(app)["https"] is Holds.NO
    assert states(app, base_url="https://vigil.example.org")["https"] is Holds.YES
    assert states(app, base_url="http://abcdef.onion")["https"] is Holds.YES


def test_two_key_holders(app: Flask) -> None:
    assert states(app)["two-holders"] is Holds.NO
    assert states(app)["recovery"] is Holds.YES
    vault_id = db.session.query(VaultPair).one().id
    holder = Holder(kind="staff", public_key=b"p" * 32, enrolment_tag=b"", created_at=NOW)
    db.session.add(holder)
    db.session.flush()
    db.session.commit()
    assert states(app)["two-holders"] is Holds.NO  # somebody without a share holds no key
    db.session.add(VaultShare(vault_id=vault_id, holder_id=holder.id, share=b"s"))
    db.session.commit()
    assert states(app)["two-holders"] is Holds.YES


def test_second_factors(app: Flask) -> None:
    assert states(app)["second-factors"] is Holds.NO
    db.session.execute(update(StaffMember).values(totp_step=1))
    db.session.commit()
    assert states(app)["second-factors"] is Holds.YES


def test_readers_of_alerts(app: Flask) -> None:
    one, two = ("a@example.org",), ("a@example.org", "b@example.org")
    assert states(app, alert_emails=one)["alerts"] is Holds.NO
    assert states(app, alert_emails=(*one, *one))["alerts"] is Holds.NO
    assert states(app, alert_emails=two)["alerts"] is Holds.YES


@pytest.mark.parametrize(("days", "holds"), [(1, Holds.YES), (8, Holds.NO)])
def test_backups(app: Flask, age_key: AgeKey, days: int, holds: Holds) -> None:
    assert states(app, backup_recipient=age_key.public)["backup"] is Holds.NO
    made = NOW - timedelta(days=days)
    audit.record("backup.made", made, actor=None, subject=("backup", None), rows=1, bytes=1)
    db.session.commit()
    assert states(app, backup_recipient=age_key.public)["backup"] is holds
    assert states(app)["backup"] is Holds.NO


def test_the_mark_of_the_audit_log(app: Flask) -> None:
    assert states(app)["audit-head"] is Holds.NO
    db.session.add(
        OutgoingEmail(
            idem_key="x", kind="audit-head", language="en", state=State.SENT, due_at=NOW,
            expires_at=NOW, day=NOW.date(),
        )
    )  # fmt: skip
    db.session.commit()
    assert states(app)["audit-head"] is Holds.YES


def test_a_stopped_intake(app: Flask) -> None:
    assert states(app)["intake"] is Holds.YES
    db.session.execute(update(VaultPair).values(stopped_at=NOW))
    db.session.commit()
    assert states(app)["intake"] is Holds.NO
