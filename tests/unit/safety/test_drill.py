"""The drill: it finds what is there, and says so where it should not be."""

from __future__ import annotations

import base64
import random
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pyrage
import pytest
from flask import Flask
from nacl.public import PrivateKey
from sqlalchemy import select, text

from config.database import db
from contacts.models import Contact
from safety.drill import traces
from safety.drill.guessing import Stretcher
from staff.door import sessions
from staff.models import StaffMember
from tests.support.instances import Instance
from tests.unit.safety.conftest import CANARY, run
from vault.models import Holder
from vault.services import holder_from_recovery_code, unlock, vault

MEMORY = Path("/dev/shm")  # noqa: S108 - a tmpfs
THIEVES = (
    "the database alone", "the disk, powered off", "a backup", "a backup and its offline key",
    "the running machine",
)  # fmt: skip


@pytest.fixture
def lists(tmp_path: Path) -> list[str]:
    """What a thief brings along: the canary among the guesses, two passphrases."""
    (tmp_path / "guesses").write_text(f"nobody@example.org\n{CANARY}\n")
    (tmp_path / "passphrases").write_text("")  # each costs a third of a second
    return [
        "--guesses", str(tmp_path / "guesses"), "--passphrases", str(tmp_path / "passphrases"),
    ]  # fmt: skip


@pytest.fixture
def house(peopled: Flask, instance: Instance) -> Flask:
    """The peopled installation, whose folder is the one to be searched."""
    peopled.instance_path = str(instance.folder)
    return peopled


@pytest.fixture
def volatile(house: Flask, instance: Instance) -> Iterator[Flask]:
    """The same with VOLATILE_KEYS on a tmpfs."""
    folder = MEMORY / instance.folder.name
    shutil.move(instance.folder / "volatile", folder)
    made = instance.app(volatile_keys=str(folder))
    made.instance_path = str(instance.folder)
    db.session.remove()
    yield made
    with made.app_context():
        db.engine.dispose()
    shutil.rmtree(folder)


def parts(output: str) -> dict[str, str]:
    """What was said of each thief."""
    found, rest = {}, output
    for number, name in enumerate(THIEVES, 1):
        rest = rest.split(f"{number}. A thief with {name}\n", 1)[1]
        found[name] = rest.split(f"\n{number + 1}. A thief")[0]
    return found


def test_keys_on_a_disk_let_a_thief_guess(
    house: Flask, lists: list[str], instance: Instance
) -> None:
    before = {path.name for path in instance.folder.iterdir()}
    done = run(house, "drill", *lists)
    assert done.exit_code == 1, done.output
    assert {path.name for path in instance.folder.iterdir()} <= before  # no copy stays
    said = parts(done.output)
    assert "!!" not in said["the database alone"]
    assert "None of" in said["the database alone"]
    assert "contacts 1, signatures 1 by petition" in said["the database alone"]
    assert "names of staff: admin" in said["the database alone"]
    assert f"!! 1 guessed addresses stand in the index ({CANARY})" in said["the disk, powered off"]
    assert "mails that wait were read" in said["the disk, powered off"]
    assert "!!" not in said["a backup"]
    assert "!!" not in said["a backup and its offline key"]
    assert "an ordinary disk" in done.output


def test_keys_in_memory_leave_a_cold_disk_with_nothing(volatile: Flask, lists: list[str]) -> None:
    done = run(volatile, "drill", *lists)
    assert done.exit_code == 0, done.output
    said = parts(done.output)
    assert "!!" not in done.output
    assert CANARY not in said["the disk, powered off"]
    assert CANARY in said["the running machine"]  # as is promised, and no more
    assert "goes with the power" in done.output


def test_a_cookie_of_somebody_signed_in_opens_all(
    volatile: Flask, lists: list[str], instance: Instance, tmp_path: Path
) -> None:
    with volatile.app_context():
        member = db.session.scalars(select(StaffMember)).one()
        holder = db.session.scalars(select(Holder).where(Holder.kind == "staff")).one()
        unlocked = unlock(holder, instance.first.passphrase)
        assert unlocked is not None
        token = sessions.start_session(member.id, unlocked.key, datetime.now(UTC))
        db.session.commit()
        db.session.remove()
    without = run(volatile, "drill", *lists)
    assert without.exit_code == 0, without.output
    assert "staff sessions opened without their cookies" in without.output
    cookie = tmp_path / "cookies"
    cookie.write_text(base64.urlsafe_b64encode(token).rstrip(b"=").decode())
    done = run(volatile, "drill", *lists, "--cookies", str(cookie))
    assert "sealed boxes opened, with the cookie" in parts(done.output)["the running machine"]
    assert "sealed boxes opened, with" not in parts(done.output)["the disk, powered off"]


@pytest.mark.parametrize(
    "blunder",
    ["address in a log", "address in UTF-16", "address in base64", "phone in a note",
     "recovery code in a file", "offline key on the machine", "token in a log"],
)  # fmt: skip
def test_it_finds_each_blunder(
    volatile: Flask, lists: list[str], instance: Instance, blunder: str
) -> None:
    somebody = "somebody.else@mail.example.net"
    content = {
        "address in a log": f"sent to {somebody}\n".encode(),
        "address in UTF-16": f"sent to {somebody}\n".encode("utf-16-le"),
        "address in base64": base64.b64encode(f"sent to {somebody} now".encode()),
        "phone in a note": b"call +375 29 123-45-67",
        "recovery code in a file": f"code:\n{instance.first.recovery_code}\n".encode(),
        "offline key on the machine": b"",
        "token in a log": base64.urlsafe_b64encode(b"x" * 32),
    }[blunder]
    if blunder == "offline key on the machine":
        identity = pyrage.x25519.Identity.generate()
        content = f"# my key\n{identity}\n".encode()
        settings = volatile.extensions["vigil_settings"]
        volatile.extensions["vigil_settings"] = settings.model_copy(
            update={"backup_recipient": str(identity.to_public())}
        )
    (instance.folder / "notes.txt").write_bytes(content)
    done = run(volatile, "drill", *lists)
    is_harmless = blunder == "token in a log"
    assert done.exit_code == (0 if is_harmless else 1), done.output
    said = parts(done.output)
    assert "!!" not in said["the database alone"]
    if blunder == "recovery code in a file":
        assert "SEALED BOXES OPENED" in said["the disk, powered off"]
    elif not is_harmless:
        assert "!!" in said["the disk, powered off"]


def test_a_right_passphrase_on_the_list_opens_all(
    volatile: Flask, lists: list[str], instance: Instance, tmp_path: Path
) -> None:
    (tmp_path / "passphrases").write_text(f"password\n{instance.first.passphrase}\n")
    done = run(volatile, "drill", *lists)
    said = parts(done.output)
    assert done.exit_code == 1
    assert "!!" not in said["the database alone"]  # no pepper: the right one is as good as none
    assert "!!" not in said["a backup and its offline key"]
    assert "1 PASSPHRASES OF STAFF WERE GUESSED" in said["the disk, powered off"]
    assert "SEALED BOXES OPENED" in said["the disk, powered off"]
    assert "years for half of 2^77" in done.output
    assert instance.first.passphrase not in done.output


def test_a_private_key_in_the_database_is_found(
    house: Flask, lists: list[str], instance: Instance
) -> None:
    pair = PrivateKey.generate()
    with house.app_context():
        opener = vault().open_with(holder_from_recovery_code(instance.first.recovery_code))
        holder = db.session.scalars(select(Holder).where(Holder.kind == "recovery")).one()
        holder.public_key, holder.enrolment_tag = pair.public_key.encode(), pair.encode()
        share = opener.seal_shares(pair.public_key.encode())[1]
        db.session.execute(text("UPDATE vault_share SET share = :share"), {"share": share})
        db.session.commit()
    said = parts(run(house, "drill", *lists).output)
    assert "SEALED BOXES OPENED" in said["the database alone"]


def test_an_address_in_a_row_is_found(volatile: Flask, lists: list[str]) -> None:
    with volatile.app_context():
        contact = db.session.scalars(select(Contact)).one()
        contact.sealed = b"somebody.else@example.net"
        db.session.commit()
        db.session.remove()
    done = run(volatile, "drill", *lists)
    assert "!! IN CLEAR in contact: somebody.else@example.net" in done.output
    assert done.exit_code == 1


@pytest.mark.parametrize("offset", range(3))
def test_disguises_are_found_at_each_offset(offset: int) -> None:
    content = base64.b64encode(b"x" * offset + CANARY.encode() + b"....")
    assert any(form in content for form in traces.disguises(CANARY))


def test_random_bytes_are_no_addresses() -> None:
    noise = random.Random(1).randbytes(4_000_000)  # noqa: S311 - noise
    assert list(traces._texts_in(noise + base64.b64encode(noise))) == []


def test_a_moment_after_a_random_byte_is_no_number() -> None:
    """SQLite keeps times as text, right behind what is sealed: one box in 256 ends in a plus."""
    assert list(traces._texts_in(b"\x07+2026-11-23 01:04:17.000000")) == []
    assert list(traces._texts_in(b"\x07+2026-11-2340")) == []
    assert list(traces._texts_in(b"\x07+2026 11-23 01")) == ["+2026 11-23 01"]


def test_years_are_counted_from_the_speed() -> None:
    by = Stretcher(seconds=10.0, done=40)
    assert by.per_second == 4
    assert 5e14 < by.years() < 7e14
