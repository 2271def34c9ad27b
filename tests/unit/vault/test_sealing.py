"""Sealing and opening: what opens, what does not, and when nothing is sealed."""

from __future__ import annotations

import logging
import uuid
from pathlib import Path

import pytest
from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_decrypt as aead_open
from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_encrypt as aead_seal
from nacl.bindings import sodium_pad
from nacl.public import PrivateKey, PublicKey, SealedBox
from sqlalchemy import delete, select, update

from config.database import db
from tests.unit.vault.conftest import NOW
from vault.box import ARCHIVE, HEADER, VERSION, box_vault_id, box_version, seal_archive
from vault.models import Holder, VaultPair, VaultShare
from vault.opener import Opener
from vault.services import (
    CannotOpen,
    Initialised,
    Vault,
    VaultMissing,
    enrol_holder,
    holder_from_recovery_code,
)

ROW = uuid.UUID("6f1c3a52-5e0b-4b3a-9c2e-0d9a3f5b7c11")
DETAILS = {"name": "Алеся Čarniaŭskaja", "phone": "+375291234567", "languages": ["be", "uk"]}


def forget_checks(vault: Vault) -> None:
    """Let the next sealing check, as half a second later."""
    vault._checked = (-1.0, VaultMissing())


def test_holder_reads_what_was_sealed(vault: Vault, first: Initialised) -> None:
    blob = vault.seal("signature", ROW, DETAILS)
    opener = vault.open_with(holder_from_recovery_code(first.recovery_code))
    assert opener.open("signature", ROW, blob) == DETAILS
    for word in ("Алеся", "375291234567", "signature"):
        assert word.encode() not in blob


def test_sealing_twice_shows_no_equality(vault: Vault, first: Initialised) -> None:
    assert vault.seal("signature", ROW, DETAILS) != vault.seal("signature", ROW, DETAILS)


def test_short_details_are_equally_long(vault: Vault, first: Initialised) -> None:
    lengths = {
        len(vault.seal("signature", uuid.uuid4(), {"name": name}))
        for name in ("", "Ян", "Алеся" * 6, "a" * 100)
    }
    assert lengths == {3 + 48 + 256}
    assert len(vault.seal("signature", ROW, {"name": "a" * 256})) == 3 + 48 + 512


def test_moved_box_does_not_open(vault: Vault, first: Initialised) -> None:
    blob = vault.seal("signature", ROW, DETAILS)
    with pytest.raises(CannotOpen, match="moved"):
        first.opener.open("signature", uuid.uuid4(), blob)
    with pytest.raises(CannotOpen, match="moved"):
        first.opener.open("volunteer_sign_up", ROW, blob)


@pytest.mark.parametrize("position", [0, 1, 2, 3, 40, 200, -1])
def test_tampered_box_does_not_open(vault: Vault, first: Initialised, position: int) -> None:
    blob = bytearray(vault.seal("signature", ROW, DETAILS))
    blob[position] ^= 1
    with pytest.raises(CannotOpen):
        first.opener.open("signature", ROW, bytes(blob))


def test_archive_box_opens_in_its_row_alone(vault: Vault, first: Initialised) -> None:
    blob = first.opener.archive("signature", ROW, DETAILS)
    assert (box_version(blob), box_vault_id(blob)) == (ARCHIVE, 1)
    opener = vault.open_with(holder_from_recovery_code(first.recovery_code))
    assert opener.open("signature", ROW, blob) == DETAILS
    assert len(first.opener.archive("signature", ROW, {})) == len(blob) == 3 + 24 + 16 + 256
    assert blob != first.opener.archive("signature", ROW, DETAILS)
    for table, row in (("signature", uuid.uuid4()), ("volunteer_signup", ROW)):
        with pytest.raises(CannotOpen, match="moved"):
            first.opener.open(table, row, blob)


@pytest.mark.parametrize("position", [0, 1, 2, 3, 27, 40, 200, -1])
def test_tampered_archive_box_does_not_open(first: Initialised, position: int) -> None:
    blob = bytearray(first.opener.archive("signature", ROW, DETAILS))
    blob[position] ^= 1
    with pytest.raises(CannotOpen):
        first.opener.open("signature", ROW, bytes(blob))


def test_archive_box_is_bound_to_its_row_and_vault_by_the_seal_itself(first: Initialised) -> None:
    """What is inside says it, too; each of the two holds alone."""
    other = uuid.uuid4()
    [key] = first.opener._archive_keys.values()
    inside = seal_archive(key, 1, "signature", other, DETAILS)
    content = aead_open(
        inside[27:], b"\x02\x00\x01" + f"signature|{other}".encode(), inside[3:27], key
    )
    aad = b"\x02\x00\x01" + f"signature|{ROW}".encode()
    moved = inside[:27] + aead_seal(content, aad, inside[3:27], key)
    with pytest.raises(CannotOpen, match="from another row"):
        first.opener.open("signature", ROW, moved)
    stranger = Opener(1, {1: PrivateKey.generate().encode()})
    with pytest.raises(CannotOpen):
        first.opener.open("signature", ROW, stranger.archive("signature", ROW, DETAILS))


@pytest.mark.parametrize("size", [0, 1, 2, 3, 26, 27, 42, 43, 300])
def test_cut_or_empty_archive_box_does_not_open(first: Initialised, size: int) -> None:
    for blob in (
        first.opener.archive("signature", ROW, {"name": "a" * 300})[:size],
        (b"\x02\x00\x01" + bytes(300))[:size],
    ):
        with pytest.raises(CannotOpen):
            first.opener.open("signature", ROW, blob)


@pytest.mark.parametrize("blob", [b"", b"\x01", b"\x01\x00\x01", b"\x01\x00\x01" + bytes(300)])
def test_what_is_no_box_does_not_open(first: Initialised, blob: bytes) -> None:
    with pytest.raises(CannotOpen):
        first.opener.open("signature", ROW, blob)


@pytest.mark.parametrize(
    "content",
    [b"[" * 100_000, b"[]", b"1", b'{"table": 1}', b"\xff", b'{"details": ' + b"9" * 5000],
)
def test_content_that_somebody_else_sealed_for_us_does_not_open(
    first: Initialised, content: bytes
) -> None:
    public_key = db.session.scalars(select(VaultPair.public_key)).one()
    box = SealedBox(PublicKey(public_key)).encrypt(sodium_pad(content, 256))
    with pytest.raises(CannotOpen):
        first.opener.open("signature", ROW, HEADER.pack(VERSION, 1) + box)


def test_unknown_key_opens_nothing(vault: Vault, first: Initialised) -> None:
    with pytest.raises(CannotOpen):
        vault.open_with(PrivateKey.generate().encode())
    with pytest.raises(CannotOpen):
        vault.open_with(b"short")


def test_removed_holder_opens_nothing(vault: Vault, first: Initialised) -> None:
    enrolled = enrol_holder(first.opener, "invitation", NOW)
    assert vault.open_with(enrolled.key).index_key() == first.opener.index_key()
    db.session.execute(delete(Holder).where(Holder.id == enrolled.holder.id))
    db.session.commit()
    with pytest.raises(CannotOpen):
        vault.open_with(enrolled.key)


def test_share_of_another_vault_key_is_refused(
    vault: Vault, first: Initialised, caplog: pytest.LogCaptureFixture
) -> None:
    enrolled = enrol_holder(first.opener, "invitation", NOW)
    planted = SealedBox(PrivateKey(enrolled.key).public_key).encrypt(PrivateKey.generate().encode())
    mine = VaultShare.holder_id == enrolled.holder.id
    db.session.execute(update(VaultShare).where(mine).values(share=planted))
    with pytest.raises(CannotOpen):
        vault.open_with(enrolled.key)
    assert "does not fit" in caplog.text


def test_holder_slipped_into_the_database_is_not_vouched_for(first: Initialised) -> None:
    holder = enrol_holder(first.opener, "invitation", NOW).holder
    assert first.opener.vouches_for(holder)
    holder.public_key = PrivateKey.generate().public_key.encode()
    assert not first.opener.vouches_for(holder)
    db.session.rollback()


def test_swapped_public_key_stops_sealing_and_raises_the_alarm(
    vault: Vault, first: Initialised, caplog: pytest.LogCaptureFixture
) -> None:
    vault.seal("signature", ROW, DETAILS)
    planted = PrivateKey.generate().public_key.encode()
    db.session.execute(update(VaultPair).values(public_key=planted))
    forget_checks(vault)
    with caplog.at_level(logging.ERROR, "vigil.vault"), pytest.raises(VaultMissing):
        vault.seal("signature", ROW, DETAILS)
    assert caplog.messages == ["vault: public key does not match its pin"]
    assert not vault.is_ready()
    with pytest.raises(VaultMissing):
        vault.open_with(holder_from_recovery_code(first.recovery_code))
    with pytest.raises(VaultMissing):
        vault.email_index("a@example.org")


def test_swapped_public_key_is_noticed_at_once_when_opening(
    vault: Vault, first: Initialised
) -> None:
    assert vault.is_ready()
    planted = PrivateKey.generate().public_key.encode()
    db.session.execute(update(VaultPair).values(public_key=planted))
    with pytest.raises(VaultMissing):
        vault.open_with(holder_from_recovery_code(first.recovery_code))


def test_planted_newer_vault_stops_sealing(vault: Vault, first: Initialised) -> None:
    planted = PrivateKey.generate().public_key.encode()
    db.session.add(VaultPair(id=2, public_key=planted, created_at=NOW))
    db.session.commit()
    forget_checks(vault)
    assert not vault.is_ready()


def test_swapped_key_is_noticed_within_half_a_second(
    vault: Vault, first: Initialised, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault.seal("signature", ROW, DETAILS)
    checked_at = vault._checked[0]
    db.session.execute(delete(VaultShare))
    db.session.execute(delete(VaultPair))
    db.session.commit()
    monkeypatch.setattr("vault.sealing.time.monotonic", lambda: checked_at + 0.49)
    assert vault.is_ready()
    monkeypatch.setattr("vault.sealing.time.monotonic", lambda: checked_at + 0.51)
    assert not vault.is_ready()


@pytest.mark.parametrize("name", ["pin", "pepper"])
@pytest.mark.parametrize("content", [None, "", "1 2 3\n", "zz\n", "00ff\n", "1 abc\n"])
def test_missing_or_damaged_key_file_stops_sealing(
    vault: Vault, first: Initialised, tmp_path: Path, name: str, content: str | None
) -> None:
    path = tmp_path / "keys" / name
    whole = path.read_text()
    path.unlink()
    if content is not None:
        path.write_text(content)
    forget_checks(vault)
    with pytest.raises(VaultMissing):
        vault.seal("signature", ROW, DETAILS)
    path.write_text(whole)
    forget_checks(vault)
    assert vault.is_ready()


def test_without_a_vault_nothing_is_sealed(vault: Vault) -> None:
    assert not vault.is_ready()
    with pytest.raises(VaultMissing, match="none in the database"):
        vault.seal("signature", ROW, DETAILS)


def test_lasting_fault_is_logged_once_a_minute(
    vault: Vault, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    for second in (0, 1, 59, 60, 61):
        monkeypatch.setattr("vault.sealing.time.monotonic", lambda now=second: 1000.0 + now)
        assert not vault.is_ready()
    assert caplog.messages == ["vault: there is none in the database"] * 2


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_box_with_a_number_that_cannot_be_sealed_again_does_not_open(
    vault: Vault, first: Initialised, number: str
) -> None:
    text = f'{{"table":"signature","id":"{ROW}","details":{{"name":%s}}}}'
    public_key = db.session.scalars(select(VaultPair.public_key)).one()

    def box_with(value: str) -> bytes:
        content = sodium_pad((text % value).encode(), 256)
        return HEADER.pack(VERSION, 1) + SealedBox(PublicKey(public_key)).encrypt(content)

    with pytest.raises(CannotOpen):
        first.opener.open("signature", ROW, box_with(number))
    assert first.opener.open("signature", ROW, box_with("1.5e3")) == {"name": 1500.0}
