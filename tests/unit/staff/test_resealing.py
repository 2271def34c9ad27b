"""After a rotation every box is sealed anew, doubles are merged, and the old key goes."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from nacl.bindings import sodium_pad
from nacl.public import PublicKey, SealedBox
from sqlalchemy import func, insert, select, update

from config.database import db
from contacts import tally
from contacts.models import Contact, Correction
from donate.models import Donation
from petitions.models import Signature
from staff.models import KeyedWork
from staff.team import rotation
from staff.work import archiving, sealed_rows
from staff.work.indexing import Indexing
from staff.work.resealing import Resealing
from tests.support.moments import NOW
from tests.unit.staff.conftest import PETITION, People
from tests.unit.staff.keyed import Desk
from vault.box import ARCHIVE, box_vault_id, box_version, seal_box
from vault.models import VaultPair, VaultShare
from vault.rotation import GRACE
from vault.services import draw_pair, pin_pair, vault
from volunteers.models import VolunteerNote, VolunteerSignup
from volunteers.services import add_note

ADA = "ada@example.org"


@pytest.fixture
def desk(app: Flask, holder_key: bytes) -> Desk:
    """A key holder."""
    return Desk(app, holder_key)


def create_one_of_each(app: Flask, people: People) -> None:
    """A box in every column."""
    people.create_signature("Ada", ADA)
    signup = people.create_volunteer("Vera")
    gift = people.create_donation("Dora")
    with app.app_context():
        add_note(signup, uuid.uuid4(), "Called her.", "", NOW)
        correction = uuid.uuid4()
        contact_id = db.session.scalars(select(Contact.id).limit(1)).one()
        box = vault().seal("correction", correction, {"name": "Ada L."})
        db.session.execute(
            insert(Correction).values(
                id=correction, contact_id=contact_id, sealed=box, day=NOW.date()
            )
        )
        words = vault().seal("donation.dedication", gift, {"kind": "memory", "name": "Eva"})
        db.session.execute(update(Donation).values(dedication=words))
        db.session.commit()


def rotate(desk: Desk) -> int:
    """A colleague went; the number of the new vault."""
    with desk.app.app_context():
        opener = vault().open_with(desk.key)
        pair = draw_pair()
        pin_pair(pair)
        rotation.rotate(opener, pair, None, desk.now)
        db.session.commit()
        vault().check()
        return pair.id


def boxes(desk: Desk) -> Iterator[tuple[str, uuid.UUID, bytes]]:
    with desk.app.app_context():
        for column in sealed_rows.sealed_columns():
            box = getattr(column.model, column.column)
            rows = select(column.model.id, box).where(box.is_not(None))
            for row_id, blob in db.session.execute(rows):
                yield column.table, row_id, blob


def details(desk: Desk) -> dict[tuple[str, uuid.UUID], Any]:
    with desk.app.app_context():
        opener = vault().open_with(desk.key)
    return {(table, row): opener.open(table, row, blob) for table, row, blob in boxes(desk)}


def test_every_box_is_sealed_anew_and_says_the_same(app: Flask, desk: Desk, people: People) -> None:
    create_one_of_each(app, people)
    tables = {table for table, _id, _blob in boxes(desk)}
    assert tables == {
        "contact", "correction", "signature", "volunteer_signup", "volunteer_note", "donation",
        "donation.dedication",
    }  # fmt: skip
    before, old_index = details(desk), desk.read(select(Contact.email_index).order_by(Contact.id))
    new = rotate(desk)
    assert desk.work() == len(before)
    assert {box_vault_id(blob) for _table, _id, blob in boxes(desk)} == {new}
    assert details(desk) == before
    assert desk.read(select(Contact.email_index).order_by(Contact.id)) != old_index
    with app.app_context():
        index = vault().email_index(ADA)
        assert db.session.scalar(select(Contact.id).where(Contact.email_index == index))


def test_who_signed_before_and_after_the_rotation_is_one_person(
    app: Flask, desk: Desk, people: People
) -> None:
    first = people.create_signature("Ada", ADA, days_ago=2)
    stays = people.contact_of(Signature, first)
    rotate(desk)
    people.create_signature("Ada", ADA)
    assert len(desk.read(select(Contact.id))) == 2
    desk.work()
    assert desk.read(select(Contact.id)) == [(stays,)]
    with app.app_context():
        assert tally.total("signature.confirmed", PETITION) == 1
        assert tally.by_country("signature.confirmed", PETITION, least=1) == {"LT": 1}


def test_old_key_goes_when_nothing_is_left_and_not_before(
    app: Flask, desk: Desk, people: People
) -> None:
    people.create_signature("Ada", ADA)
    rotate(desk)
    shift, (_index, _mail, step, _archive) = (
        desk.create_shift(),
        app.extensions["vigil_keyed_steps"],
    )
    old_shares = select(func.count()).select_from(VaultShare).where(VaultShare.vault_id == 1)
    with app.app_context():
        later = desk.now + GRACE + timedelta(minutes=1)
        assert step.finish(shift.opener, later) is None, "a box is left"
        db.session.commit()
    desk.work()
    assert desk.read(old_shares)[0][0] > 0, "others may have begun to seal with it"
    desk.now += GRACE + timedelta(minutes=1)
    with app.app_context():
        old = VaultPair.id == 1
        db.session.execute(update(VaultPair).where(old).values(retired_at=NOW - 2 * GRACE))
        db.session.commit()
    desk.work()
    assert desk.read(old_shares) == [(0,)]
    with app.app_context():
        assert 1 not in vault().keys_dir.pins()
        assert vault().is_ready()


def test_box_that_does_not_open_does_not_hold_the_old_key_back_but_one_that_waits_does(
    app: Flask, desk: Desk, people: People
) -> None:
    broken, good = people.create_signature("Ada", ADA), people.create_signature("Eva")
    with app.app_context():
        (sealed,) = db.session.scalars(select(Signature.sealed).where(Signature.id == good))
        db.session.execute(
            update(Signature).where(Signature.id == broken).values(sealed=sealed)
        )  # moved from another row
        db.session.commit()
    rotate(desk)
    shift = desk.create_shift()
    with app.app_context():
        db.session.execute(
            update(VaultPair).where(VaultPair.id == 1).values(retired_at=NOW - 2 * GRACE)
        )
        db.session.commit()
    without_old = shift.opener
    keys = dict(without_old._private_keys)
    without_old._private_keys = {k: v for k, v in keys.items() if k != 1}
    without_old._boxes = {k: v for k, v in without_old._boxes.items() if k != 1}
    assert shift.run() == 0
    assert desk.read(select(func.count()).where(VaultShare.vault_id == 1))[0][0] > 0
    assert desk.work() == 3
    assert desk.figures("lease") == (0, 1)
    assert desk.read(select(func.count()).where(VaultShare.vault_id == 1)) == [(0,)]
    assert {box_vault_id(blob) for _t, row_id, blob in boxes(desk) if row_id == broken} == {1}


def test_archive_begins_above_a_number_of_contacts_and_says_the_same(
    app: Flask, desk: Desk, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_one_of_each(app, people)
    before = details(desk)
    monkeypatch.setattr(archiving, "FROM", 3)
    assert desk.work() == 0, "three contacts are not above three"
    monkeypatch.setattr(archiving, "FROM", 2)
    assert desk.work() == len(before)
    assert {box_version(blob) for _table, _id, blob in boxes(desk)} == {ARCHIVE}
    assert details(desk) == before
    people.create_signature("Eva")
    assert desk.work() == 0, "not again within the hour"
    desk.now += archiving.EVERY
    assert desk.work() == 2
    assert desk.read(select(KeyedWork.left).where(KeyedWork.name == "archive")) == [(0,)]


def test_what_changes_while_it_is_being_sealed_anew_is_not_overwritten(
    app: Flask, desk: Desk, people: People
) -> None:
    signature = people.create_signature("Ada", ADA)
    rotate(desk)
    shift = desk.create_shift()
    step = app.extensions["vigil_keyed_steps"][2]
    with app.app_context():
        batch = step.read(shift.opener, NOW, sealed_rows.Place(1, None))
        assert [row.id for row in batch.rows] == [signature]
        db.session.execute(update(Signature).values(sealed=b"\x01\x00\x02newer"))
        assert step.write(shift.opener, batch, NOW) == 0
        assert db.session.scalars(select(Signature.sealed)).one() == b"\x01\x00\x02newer"
    assert not desk.read(select(VolunteerSignup.id)) + desk.read(select(VolunteerNote.id))


def seal_for_old(vault_id: int, table: str, row_id: uuid.UUID, content: Any) -> bytes:
    """A box as somebody sealed it who began before the rotation. Needs a context."""
    pair = db.session.get_one(VaultPair, vault_id)
    return seal_box(SealedBox(PublicKey(pair.public_key)), vault_id, table, row_id, content)


def ripen(app: Flask) -> None:
    """Nobody seals with the old vaults any more."""
    with app.app_context():
        old = VaultPair.retired_at.is_not(None)
        db.session.execute(update(VaultPair).where(old).values(retired_at=NOW - 2 * GRACE))
        db.session.commit()


def vaults_with_shares(desk: Desk) -> set[int]:
    return {row[0] for row in desk.read(select(VaultShare.vault_id))}


class Late(Resealing):
    """Somebody commits what they sealed long ago when the step has read all."""

    def __init__(self, do: Callable[[], object]) -> None:
        self.do = do

    def finish(self, *args: Any) -> Callable[[], None] | None:
        """Commit theirs first."""
        self.do()
        return super().finish(*args)


def test_contact_that_comes_between_two_steps_keeps_box_and_index_together(
    app: Flask, desk: Desk, people: People
) -> None:
    people.create_signature("Ada", ADA)
    (old,) = desk.read(select(Contact.id, Contact.sealed, Contact.email_index))
    rotate(desk)
    desk.work()
    with app.app_context():
        values = {"sealed": old.sealed, "email_index": old.email_index}
        db.session.execute(update(Contact).values(values))
        db.session.commit()
    ripen(app)
    app.extensions["vigil_keyed_steps"] = (Resealing(),)
    desk.work()
    (now,) = desk.read(select(Contact.id, Contact.sealed, Contact.email_index))
    assert now == old, "the step that makes both does it"
    assert vaults_with_shares(desk) == {1, 2}
    app.extensions["vigil_keyed_steps"] = (Indexing(), Resealing())
    desk.work()
    with app.app_context():
        index = vault().email_index(ADA)
        assert db.session.scalars(select(Contact.id).where(Contact.email_index == index)).one()
    assert vaults_with_shares(desk) == {2}


@pytest.mark.parametrize("kind", ["signature", "contact"])
def test_openable_box_holds_its_vault_however_many_of_another_are_broken(
    app: Flask, desk: Desk, people: People, kind: str
) -> None:
    broken = [people.create_signature(f"P{n}") for n in range(3)]
    with app.app_context():
        moved = update(Signature).values(sealed=b"\x01\x00\x01" + bytes(400))
        db.session.execute(moved)
        db.session.commit()
    rotate(desk)
    late = people.create_signature("Late")
    contact_id = people.contact_of(Signature, late)
    rotate(desk)
    ripen(app)

    def come_late() -> None:
        model, row_id = (Signature, late) if kind == "signature" else (Contact, contact_id)
        box = seal_for_old(2, kind, row_id, {"name": "Late", "email": "late@example.org"})
        db.session.execute(update(model).where(model.id == row_id).values(sealed=box))

    index, mail, _resealing, archive = app.extensions["vigil_keyed_steps"]
    app.extensions["vigil_keyed_steps"] = (index, mail, Late(come_late), archive)
    desk.work()
    assert desk.figures("lease") == (0, len(broken))
    assert vaults_with_shares(desk) == {2, 3}
    app.extensions["vigil_keyed_steps"] = (index, mail, Resealing(), archive)
    desk.work()
    assert vaults_with_shares(desk) == {3}


def test_planted_box_that_opens_but_cannot_be_sealed_stops_nothing(
    app: Flask, desk: Desk, people: People, caplog: pytest.LogCaptureFixture
) -> None:
    planted = [people.create_signature(f"P{n}") for n in range(2)]
    people.create_signature("Ada", ADA)
    with app.app_context():
        public_key = db.session.scalars(select(VaultPair.public_key)).one()
        for row_id, number in zip(planted, ("NaN", "1e999"), strict=True):
            text = f'{{"table":"signature","id":"{row_id}","details":{{"name":{number}}}}}'
            box = SealedBox(PublicKey(public_key)).encrypt(sodium_pad(text.encode(), 256))
            moved = update(Signature).where(Signature.id == row_id)
            db.session.execute(moved.values(sealed=b"\x01\x00\x01" + box))
        db.session.commit()
    new = rotate(desk)
    ripen(app)
    assert desk.work() == 4
    assert desk.figures("lease") == (0, 2)
    left = {row_id for _table, row_id, blob in boxes(desk) if box_vault_id(blob) != new}
    assert left == set(planted)
    assert vaults_with_shares(desk) == {new}
    desk.work()
    assert [caplog.text.count(str(row_id)) for row_id in planted] == [1, 1]


def test_large_installation_with_nothing_to_convert_is_looked_through_once_an_hour(
    app: Flask, desk: Desk, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archiving, "FROM", 0)
    people.create_signature("Ada", ADA)
    assert desk.work() == 2
    step, later = archiving.Archiving(), desk.now + archiving.EVERY * 2
    with app.app_context():
        assert step.left(later, most=1) == 0
    people.create_signature("Eva")
    with app.app_context():
        assert step.left(later + archiving.EVERY / 2, most=1) == 0
        assert step.left(later + archiving.EVERY, most=1) == 1
