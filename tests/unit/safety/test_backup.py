"""Backups: whole, sealed, without what is short-lived; restored into an empty machine."""

from __future__ import annotations

import gzip
import hashlib
import json
import stat
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyrage
import pytest
from flask import Flask
from sqlalchemy import select

from config.database import Base, db, make_place
from contacts.models import Contact, TallyDelta
from mail.models import OutgoingEmail
from safety.tables import EMPTIED, LEFT_OUT, backed_up_tables
from staff.models import AuditEvent, Invitation, StaffMember
from staff.work.confirmations_anew import WritingAnew
from tests.support.instances import Instance
from tests.support.moments import NOW
from tests.unit.safety.conftest import CANARY, AgeKey, run
from vault.models import Holder, VaultShare
from vault.services import holder_from_recovery_code, unlock, vault


@pytest.fixture
def file(peopled: Flask, age_key: AgeKey, tmp_path: Path) -> Path:
    """A backup of the installation."""
    path = tmp_path / "vigil.age"
    done = run(peopled, "backup", str(path), "--recipient", age_key.public)
    assert done.exit_code == 0, done.output
    return path


def lines_of(file: Path, age_key: AgeKey) -> list[Any]:
    """What a backup holds, line by line, read by other means than ours."""
    identity = pyrage.x25519.Identity.from_str(age_key.file.read_text().splitlines()[-1])
    plain = gzip.decompress(pyrage.decrypt(file.read_bytes(), [identity]))
    return [json.loads(line) for line in plain.splitlines()]


def rewrite(file: Path, age_key: AgeKey, lines: list[Any]) -> None:
    """Put other lines into a backup, encrypted as before."""
    plain = "".join(json.dumps(line) + "\n" for line in lines).encode()
    recipient = pyrage.x25519.Recipient.from_str(age_key.public)
    file.write_bytes(pyrage.encrypt(gzip.compress(plain), [recipient]))


def everything() -> dict[str, list[tuple[Any, ...]]]:
    """All rows of the tables that are backed up, in one order on both databases."""
    found = {}
    for table in backed_up_tables():
        kept = [c for c in table.columns if c.name not in EMPTIED.get(table.name, ())]
        rows = [tuple(row) for row in db.session.execute(select(*kept))]
        found[table.name] = sorted(rows, key=repr)
    db.session.rollback()
    return found


def is_empty() -> bool:
    """Whether there is no table; no database at all is as good."""
    make_place()
    return not db.inspect(db.engine).get_table_names()


def test_a_backup_is_for_its_owner_alone_and_says_nothing(file: Path, age_key: AgeKey) -> None:
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    content = file.read_bytes()
    assert content.startswith(b"age-encryption.org/v1\n")
    assert CANARY.encode() not in content
    text = json.dumps(lines_of(file, age_key))
    assert CANARY not in text  # sealed within as well
    assert "signature" in text


def test_what_is_short_lived_stays_out(file: Path, age_key: AgeKey) -> None:
    lines = lines_of(file, age_key)
    tables = {line["table"] for line in lines if isinstance(line, dict) and "table" in line}
    assert tables == {table.name for table in backed_up_tables()}
    fleeting = {"staff_session", "known_browser", "outgoing_email", "link_request", "private_link"}
    assert not tables & {*fleeting, "invitation", "sign_in_delay", "begun_gift", "keyed_work"}
    assert {"contact", "signature", "donation", "holder", "audit_event", "consent"} <= tables
    assert set(LEFT_OUT) <= set(Base.metadata.tables)
    assert {(t, c) for t in EMPTIED for c in EMPTIED[t]} <= {
        (t.name, c.name) for t in Base.metadata.tables.values() for c in t.columns
    }
    at = next(i for i, line in enumerate(lines) if "copy_request" in str(line)[:40] and i)
    assert "Yi" not in json.dumps(lines[at + 1])  # base64 of the blob


def test_without_a_recipient_there_is_none(peopled: Flask, tmp_path: Path) -> None:
    path = tmp_path / "none.age"
    refused = run(peopled, "backup", str(path))
    assert refused.exit_code == 1
    assert "age-keygen" in refused.output
    assert "BACKUP_RECIPIENT" in refused.output
    mistyped = run(peopled, "backup", str(path), "--recipient", "age1mistyped")
    assert mistyped.exit_code == 1
    assert not path.exists()


def test_nothing_is_overwritten(peopled: Flask, file: Path, age_key: AgeKey) -> None:
    before = file.read_bytes()
    refused = run(peopled, "backup", str(file), "--recipient", age_key.public)
    assert (refused.exit_code, file.read_bytes()) == (1, before)


def test_a_backup_key_is_a_pair(app: Flask) -> None:
    printed = run(app, "backup-key").output
    lines = dict(line.split("=") for line in printed.splitlines() if "=" in line)
    secret = next(line for line in printed.splitlines() if line.startswith("AGE-SECRET-KEY-"))
    made = pyrage.x25519.Identity.from_str(secret).to_public()
    assert lines["BACKUP_RECIPIENT"] == str(made)


@pytest.mark.parametrize("target", ["sqlite", "postgresql"])
def test_an_empty_machine_becomes_the_old_one(
    peopled: Flask,
    file: Path,
    age_key: AgeKey,
    instance: Instance,
    new_machine: Callable[..., Flask],
    target: str,
) -> None:
    before = everything()
    assert before["contact"]
    assert before["tally"]
    machine = new_machine(target, keys_from=instance.folder / "keys")
    with machine.app_context():
        done = run(machine, "restore", str(file), "--identity", str(age_key.file))
        assert done.exit_code == 0, done.output
        assert "sign in as before" in done.output
        after = everything()
        for name in set(LEFT_OUT) - {"outgoing_email"}:
            table = Base.metadata.tables[name]
            assert db.session.execute(select(table)).first() is None
        # what waited for its confirmation is lost, and a key holder's sign-in writes it anew
        mails = db.session.scalars(select(OutgoingEmail).order_by(OutgoingEmail.kind)).all()
        assert [mail.kind for mail in mails] == ["confirm-sign-up", "confirm-signature"]
        assert {(mail.state, mail.blob) for mail in mails} == {("unreadable", None)}
        assert WritingAnew().left(datetime.now(UTC)) == 2
        noted = {"audit_event", "audit_chain"}  # the backup and the restoring are events
        assert {n: r for n, r in after.items() if n not in noted} == {
            n: r for n, r in before.items() if n not in noted
        }
        contact = db.session.scalars(select(Contact)).one()
        holder = db.session.scalars(select(Holder).where(Holder.kind == "staff")).one()
        unlocked = unlock(holder, instance.first.passphrase)
        assert unlocked is not None
        opener = vault().open_with(unlocked.key)
        assert opener.open("contact", contact.id, contact.sealed)["email"] == CANARY
        numbers_go_on()


def numbers_go_on() -> None:
    """New rows get new numbers, on both databases."""
    last = max(db.session.scalars(select(TallyDelta.id)))
    one = TallyDelta(kind="k", subject="s", day=NOW.date(), n=1)
    db.session.add(one)
    db.session.commit()
    assert one.id > last


def test_the_recovery_code_alone_opens_contacts_again(
    file: Path, age_key: AgeKey, instance: Instance, new_machine: Callable[..., Flask]
) -> None:
    machine = new_machine(instance.engine)  # its KEYS_DIR is empty
    with machine.app_context():
        done = run(machine, "restore", str(file), "--identity", str(age_key.file))
        assert done.exit_code == 0, done.output
        assert "staff recover" in done.output
        assert "KEYS_DIR" in done.output
        code = instance.first.recovery_code
        done = run(machine, "staff", "recover", input=f"{code}\ny\ny\n")
        assert "/staff/invitation/" in done.output, done.output
        opener = vault().open_with(holder_from_recovery_code(code))
        contact = db.session.scalars(select(Contact)).one()
        assert opener.open("contact", contact.id, contact.sealed)["email"] == CANARY


def test_no_invitation_is_in_a_backup(peopled: Flask, age_key: AgeKey, tmp_path: Path) -> None:
    """Whoever finds an old link and an old backup would have a key."""
    holder = Holder(kind="invitation", public_key=b"p" * 32, enrolment_tag=b"", created_at=NOW)
    db.session.add(holder)
    db.session.flush()
    db.session.add(VaultShare(vault_id=1, holder_id=holder.id, share=b"s"))
    member = db.session.scalars(select(StaffMember.id)).one()
    db.session.add(Invitation(hash=b"h", staff_id=member, holder_id=holder.id, expires_at=NOW))
    name = str(holder.id)
    db.session.commit()
    path = tmp_path / "invited.age"
    assert run(peopled, "backup", str(path), "--recipient", age_key.public).exit_code == 0
    assert name not in json.dumps(lines_of(path, age_key))


def test_a_key_on_standard_input_will_do(
    file: Path, age_key: AgeKey, instance: Instance, new_machine: Callable[..., Flask]
) -> None:
    machine = new_machine(instance.engine)
    with machine.app_context():
        typed = age_key.file.read_text()
        done = run(machine, "restore", str(file), "--identity", "-", "--check", input=typed)
        assert "is whole" in done.output
        assert is_empty()


def test_a_database_with_anything_in_it_is_refused(
    peopled: Flask, file: Path, age_key: AgeKey
) -> None:
    before = everything()
    refused = run(peopled, "restore", str(file), "--identity", str(age_key.file))
    assert refused.exit_code == 1
    assert "not empty" in refused.output
    assert everything() == before


def truncate(file: Path, age_key: AgeKey) -> None:
    file.write_bytes(file.read_bytes()[:-200])


def flip(file: Path, age_key: AgeKey) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def to_another(file: Path, age_key: AgeKey) -> None:
    other = pyrage.x25519.Identity.generate().to_public()
    file.write_bytes(pyrage.encrypt(b"x", [other]))


def foreign(file: Path, age_key: AgeKey) -> None:
    rewrite(file, age_key, [{"hello": "world"}])


def no_age(file: Path, age_key: AgeKey) -> None:
    file.write_bytes(b"SQLite format 3\0" * 100)


def no_trailer(file: Path, age_key: AgeKey) -> None:
    rewrite(file, age_key, lines_of(file, age_key)[:-1])


def a_row_less(file: Path, age_key: AgeKey) -> None:
    lines = lines_of(file, age_key)
    at = next(i for i, line in enumerate(lines) if isinstance(line, list))
    rewrite(file, age_key, lines[:at] + lines[at + 1 :])


def another_row(file: Path, age_key: AgeKey) -> None:
    lines = lines_of(file, age_key)
    at = next(i for i, line in enumerate(lines) if isinstance(line, list))
    lines[at] = [None for _ in lines[at]]
    rewrite(file, age_key, lines)


def other_revision(file: Path, age_key: AgeKey) -> None:
    lines = lines_of(file, age_key)
    lines[0]["revision"] = "0001"
    digest_anew(lines)
    rewrite(file, age_key, lines)


def digest_anew(lines: list[Any]) -> None:
    """Let the trailer fit what was changed."""
    digest = hashlib.sha256()
    for line in lines[:-1]:
        digest.update(json.dumps(line).encode() + b"\n")
    lines[-1]["sha256"] = digest.hexdigest()


FAULTS = [
    truncate, flip, to_another, foreign, no_age, no_trailer, a_row_less, another_row,
    other_revision,
]  # fmt: skip


@pytest.mark.parametrize("spoil", FAULTS, ids=lambda spoil: spoil.__name__)
def test_a_file_that_is_not_whole_changes_nothing(
    file: Path,
    age_key: AgeKey,
    instance: Instance,
    new_machine: Callable[..., Flask],
    spoil: Callable[[Path, AgeKey], None],
) -> None:
    spoil(file, age_key)
    machine = new_machine(instance.engine)
    with machine.app_context():
        refused = run(machine, "restore", str(file), "--identity", str(age_key.file))
        assert refused.exit_code == 1, refused.output
        assert "Nothing was changed" in refused.output
        assert "Traceback" not in refused.output
        assert is_empty()


def test_the_backup_is_noted(peopled: Flask, file: Path) -> None:
    with peopled.app_context():
        event = db.session.scalars(
            select(AuditEvent).where(AuditEvent.action == "backup.made")
        ).one()
        assert event.details["rows"] > 10
        assert event.details["bytes"] == file.stat().st_size
