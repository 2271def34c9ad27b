"""The chain of the audit log: whatever is done to it later, the first wrong number is named."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from config.database import begin_write, db, forget_deleted_rows
from staff import audit
from staff.log import audit_chain, audit_check
from staff.log.audit_check import Fault, Head, NotVouchedFor, Verdict, parse_head
from staff.models import AuditChain, AuditEvent, StaffMember
from staff.team.rotation import rotate
from tests.support.instances import Instance
from tests.support.moments import NOW
from tests.unit.staff import chains
from vault.box import ARCHIVE, box_vault_id, box_version
from vault.services import CannotOpen, Opener, draw_pair, pin_pair, vault

OTHER = uuid.uuid4()


@pytest.fixture
def key(app: Flask, holder_key: bytes) -> Opener:
    """The vault, opened by a key holder."""
    with app.app_context():
        return vault().open_with(holder_key)


@pytest.fixture
def log(app: Flask, key: Opener) -> Iterator[int]:
    """Some events more, written in several transactions; gives the number of the last."""
    with app.app_context():
        for n in range(6):
            audit.record("mail.requeued", NOW, actor=OTHER, subject=("mail", uuid.uuid4()))
            if n % 2:
                audit.record("goal.removed", NOW, actor=None, subject=("goal", None), fund=f"f{n}")
            db.session.commit()
        yield chains.end().seq
        db.session.rollback()


def verdict_of(key: Opener | None, mailed: Head | None = None) -> Verdict:
    return audit_check.verify(audit_check.first_key(key) if key else None, mailed)


def found_by(key: Opener | None, mailed: Head | None = None) -> tuple[int | None, Fault | None]:
    verdict = verdict_of(key, mailed)
    return verdict.seq, verdict.fault


def test_untouched_log_holds(log: int, key: Opener) -> None:
    assert [row["seq"] for row in chains.rows()] == list(range(1, log + 1))
    for opener in (None, key):
        verdict = verdict_of(opener, audit_check.head_now())
        assert (verdict.holds, verdict.head.seq) == (True, log)
    assert parse_head(f" {audit_check.head_now()}\n") == audit_check.head_now()


CHANGES: dict[str, Any] = {
    "at": NOW - timedelta(microseconds=1),
    "actor_id": uuid.uuid4(),
    "action": "goal.set",
    "subject_kind": "staff",
    "subject_id": uuid.uuid4(),
    "details": {"fund": "other"},
    "hash": bytes(32),
}


@pytest.mark.parametrize("name", CHANGES)
def test_each_changed_field_is_found(log: int, key: Opener, name: str) -> None:
    chains.change(4, **{name: CHANGES[name]})
    assert found_by(None) == (4, Fault.CHANGED)
    assert found_by(key) == (4, Fault.CHANGED)


@pytest.mark.parametrize("mac", [bytes(32), None])
def test_changed_mark_is_found_by_the_key(log: int, key: Opener, mac: bytes | None) -> None:
    chains.change(4, mac=mac)
    assert verdict_of(None).holds
    assert found_by(key) == (4, Fault.CHANGED)


def test_event_without_a_hash_is_found(log: int, key: Opener) -> None:
    chains.change(1, hash=None, mac=None)
    assert not verdict_of(None).holds
    assert found_by(key) == (1, Fault.CHANGED)


def test_removed_event_is_found(log: int, key: Opener) -> None:
    chains.remove(4)
    assert found_by(None) == found_by(key) == (4, Fault.REMOVED)


def test_removed_event_is_found_though_the_gap_is_closed(log: int, key: Opener) -> None:
    chains.remove(4)
    chains.move(5, -1)
    assert found_by(None) == found_by(key) == (4, Fault.REMOVED)


def test_inserted_event_is_found(log: int, key: Opener) -> None:
    chains.move(4, 1)
    chains.put_in(4, chains.rows()[2])
    assert found_by(None) == found_by(key) == (4, Fault.INSERTED)


def test_event_behind_the_end_is_found(log: int, key: Opener) -> None:
    like = {name: chains.rows()[-1][name] for name in audit_chain.COLUMNS}
    chains.put_in(log + 1, like, hash=chains.end().following(like).hash)
    assert found_by(None) == found_by(key) == (log + 1, Fault.INSERTED)


def test_swapped_events_are_found(log: int, key: Opener) -> None:
    _, _, third, fourth, *_ = chains.rows()
    names = [*audit_chain.COLUMNS, "hash", "mac"]
    chains.change(3, **{name: fourth[name] for name in names})
    chains.change(4, **{name: third[name] for name in names})
    assert found_by(None) == found_by(key) == (3, Fault.CHANGED)


def test_cut_tail_is_found(log: int, key: Opener) -> None:
    chains.remove(log - 1, log)
    assert found_by(None) == found_by(key) == (log - 1, Fault.CUT)


def test_cut_tail_is_found_though_the_end_was_moved(log: int, key: Opener) -> None:
    head, kept = audit_check.head_now(), chains.rows()[-3]
    chains.remove(log - 1, log)
    chains.put_end(audit_chain.Link(log - 2, kept["hash"], chains.end().key))
    assert verdict_of(None).holds  # links alone do not tell
    assert found_by(key) == (log - 1, Fault.CUT)
    assert found_by(None, head) == (log - 1, Fault.CUT)


def test_tail_cut_with_an_older_copy_is_found_by_a_mailed_head(log: int, key: Opener) -> None:
    copy = chains.end()
    audit.record("goal.removed", NOW, actor=None, subject=("goal", None))
    db.session.commit()
    head = audit_check.head_now()
    chains.remove(log + 1)
    chains.put_end(copy)
    assert verdict_of(key).holds  # as every log would that ended then
    assert found_by(None, head) == found_by(key, head) == (log + 1, Fault.CUT)
    audit.record("goal.removed", NOW, actor=OTHER, subject=("goal", None))
    db.session.commit()
    assert found_by(key, head) == (log + 1, Fault.HEAD)


def test_log_written_anew_is_found_by_key_and_by_mailed_head(log: int, key: Opener) -> None:
    """Forward secrecy: the whole database holds no key with which an earlier event verifies."""
    head, keys = audit_check.head_now(), chains.first_keys(audit_check.first_key(key))
    assert chains.end().key == keys[-1]
    chains.change(4, actor_id=uuid.uuid4())
    chains.write_anew(4, chains.end().key)
    assert verdict_of(None).holds
    assert found_by(key) == (4, Fault.CHANGED)
    assert found_by(None, head) == (log, Fault.HEAD)


def test_keys_that_were_are_nowhere_in_the_database(
    instance: Instance, log: int, key: Opener
) -> None:
    keys = chains.first_keys(audit_check.first_key(key))
    tables = [db.session.execute(select(table)).all() for table in db.metadata.sorted_tables]
    held = b"".join(value for rows in tables for row in rows for value in row if _is_bytes(value))
    db.session.rollback()
    if instance.engine == "sqlite":  # and on its disk
        forget_deleted_rows()
        held += b"".join(path.read_bytes() for path in instance.folder.glob("vigil.db*"))
    assert keys[-1] in held
    assert [n for n, old in enumerate(keys[:-1]) if old in held or old.hex().encode() in held] == []


def test_chain_that_an_attacker_began_is_not_vouched_for(log: int, key: Opener) -> None:
    """Anybody can seal a first key of their own for the vault; only who had it open can archive."""
    db.session.execute(AuditChain.__table__.delete())
    audit_chain.begin()
    with pytest.raises(NotVouchedFor):
        audit_check.first_key(key)


def test_new_chain_behind_the_old_one_is_found(log: int, key: Opener) -> None:
    db.session.execute(AuditChain.__table__.delete())
    audit.record("goal.removed", NOW, actor=None, subject=("goal", None))
    db.session.commit()
    assert found_by(None) == (log + 1, Fault.CHANGED)


def test_what_was_written_before_there_was_a_chain_is_held_too(app: Flask, key: Opener) -> None:
    with app.app_context():
        db.session.execute(update(AuditEvent).values(hash=None, mac=None))
        db.session.execute(AuditChain.__table__.delete())
        audit_chain.begin(key)
        audit.record("goal.removed", NOW, actor=None, subject=("goal", None))
        db.session.commit()
        assert verdict_of(key).holds
        assert verdict_of(None).holds
        chains.change(1, actor_id=OTHER)
        assert found_by(key) == (2, Fault.START)
        assert found_by(None) == (3, Fault.CHANGED)
        db.session.rollback()


def test_what_is_undone_leaves_no_event_and_no_gap(log: int) -> None:
    audit.record("goal.set", NOW, actor=None, subject=("goal", None))
    db.session.rollback()
    with db.session.begin_nested() as point:
        audit.record("goal.set", NOW, actor=None, subject=("goal", None))
        point.rollback()
    audit.record("goal.removed", NOW, actor=None, subject=("goal", None))
    db.session.commit()
    assert [row["action"] for row in chains.rows()[log:]] == ["goal.removed"]
    assert verdict_of(None).holds


def test_parallel_writers_leave_no_gap_and_no_fork(app: Flask, key: Opener) -> None:
    """Each records before, between and after the locks that it takes, as services do."""
    with app.app_context():
        members = [StaffMember(id=uuid.uuid4(), name=f"m{n}", role="viewer") for n in range(2)]
        for member in members:
            member.created_at = NOW
        db.session.add_all(members)
        ids = sorted(member.id for member in members)
        db.session.commit()
        before = chains.end().seq
        db.session.rollback()

    def work(n: int) -> None:
        with app.app_context():
            for turn in range(15):
                begin_write()
                for member_id in (ids, ids[:1], ids[1:], [])[(n + turn) % 4]:  # in one order
                    db.session.get(StaffMember, member_id, with_for_update=True)
                    if turn % 2:
                        time.sleep(0.001)
                    audit.record("goal.removed", NOW, actor=None, subject=("goal", member_id))
                audit.record("goal.set", NOW, actor=ids[0], subject=("goal", None), campaign=f"{n}")
                if turn % 3 == 0:
                    db.session.get(StaffMember, ids[1], with_for_update=True)
                (db.session.rollback if turn % 5 == 4 else db.session.commit)()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(6)))
    with app.app_context():
        sets = [row for row in chains.rows() if row["action"] == "goal.set"]
        assert len(sets) == 6 * 12
        assert chains.end().seq > before + 6 * 12
        assert verdict_of(key).holds
        db.session.rollback()


def test_first_key_goes_on_to_the_next_vault(log: int, key: Opener) -> None:
    pair = draw_pair()
    pin_pair(pair)
    new = rotate(key, pair, None, NOW).opener
    db.session.commit()
    sealed = db.session.scalars(select(AuditChain.sealed)).one()
    assert (box_vault_id(sealed), box_version(sealed)) == (new.active_id, ARCHIVE)
    assert verdict_of(new).holds
    assert audit_chain.reseal(new) is False


def test_planted_first_key_is_not_vouched_for_by_a_rotation(log: int, key: Opener) -> None:
    planted = vault().seal("audit_chain", audit_chain.CHAIN_ID, {"seq": 0, "hash": "", "key": ""})
    db.session.execute(update(AuditChain).values(sealed=planted))
    pair = draw_pair()
    pin_pair(pair)
    new = rotate(key, pair, None, NOW).opener
    with pytest.raises(NotVouchedFor):
        audit_check.first_key(new)


@pytest.mark.parametrize("text", ["", "17", "17:ab", "x:" + "a" * 64, "1:" + "g" * 64])
def test_what_is_no_head_is_refused(text: str) -> None:
    assert parse_head(text) is None


@pytest.mark.parametrize("head", ["0:" + "0" * 64, "1:" + "0" * 64])
def test_head_of_another_log_is_refused(log: int, key: Opener, head: str) -> None:
    mailed = parse_head(head)
    assert mailed
    assert found_by(key, mailed) == found_by(None, mailed) == (mailed.seq, Fault.HEAD)


def _is_bytes(value: object) -> bool:
    return isinstance(value, bytes)


def test_event_of_a_savepoint_that_ended_well_goes_with_the_one_around_it(log: int) -> None:
    with db.session.begin_nested() as outer:
        with db.session.begin_nested():
            audit.record("goal.set", NOW, actor=None, subject=("goal", None))
        outer.rollback()
    with db.session.begin_nested(), db.session.begin_nested():
        audit.record("goal.removed", NOW, actor=None, subject=("goal", None))
    db.session.commit()
    assert [row["action"] for row in chains.rows()[log:]] == ["goal.removed"]


def test_first_key_under_an_older_vault_is_not_vouched_for(log: int, key: Opener) -> None:
    """Who left knows that key; and the next rotation must not vouch for them either."""
    forged = key.archive("audit_chain", audit_chain.CHAIN_ID, {"seq": 0, "hash": "", "key": ""})
    new = key
    for _ in range(2):
        pair = draw_pair()
        pin_pair(pair)
        new = rotate(new, pair, None, NOW).opener
        db.session.commit()
        vault().check()
        db.session.execute(update(AuditChain).values(sealed=forged))
        with pytest.raises(NotVouchedFor):
            audit_check.first_key(new)


def test_first_key_with_nonsense_in_it_cannot_be_opened(log: int, key: Opener) -> None:
    nonsense = key.archive("audit_chain", audit_chain.CHAIN_ID, {"seq": 0, "hash": "", "key": 7})
    db.session.execute(update(AuditChain).values(sealed=nonsense))
    with pytest.raises(CannotOpen):
        audit_check.first_key(key)
