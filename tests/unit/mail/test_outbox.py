"""The outbox: sealed rows, one of a kind, no more than allowed, and gone when done."""

from __future__ import annotations

import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import update

from config.database import db
from mail import outbox
from mail.models import OutgoingEmail, State
from mail.outbox import UnreadableMail, purge, requeue, requeue_failed, seal, unseal
from tests.unit.mail.small_app import NOW, PATH, READER, create_small_app, queue, row, rows
from vault.services import vault


def change(app: Flask, **values: object) -> None:
    with app.app_context():
        db.session.execute(update(OutgoingEmail).values(**values))
        db.session.commit()


def test_row_says_nothing_of_the_person(app: Flask) -> None:
    [email_id] = queue(app)
    email = row(app, email_id)
    assert (email.state, email.attempts, email.due_at, email.day) == ("queued", 0, NOW, NOW.date())
    assert email.expires_at == NOW + timedelta(hours=24)
    plain = repr({k: v for k, v in vars(email).items() if k != "blob"})
    assert "canary" not in plain
    with app.app_context():
        to, params = unseal(email_id, email.blob or b"", vault().mail_key())
    assert (to, params) == (READER, {"path": f"{PATH}-0", "minutes": "60"})


def test_all_short_mails_are_sealed_to_the_same_length(app: Flask) -> None:
    with app.app_context():
        lengths = {len(seal(uuid.uuid4(), to, {})) for to in ("a@b.org", "a" * 60 + "@b.org")}
    assert len(lengths) == 1


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_nothing_personal_on_disk(app: Flask, tmp_path: Path) -> None:
    queue(app, 3, cap=3)
    files = [path for path in tmp_path.iterdir() if path.name.startswith("vigil.db")]
    assert {path.name for path in files} >= {"vigil.db", "vigil.db-wal"}
    for path in files:
        content = path.read_bytes()
        for text in (READER, "canary", json.dumps(PATH)):
            assert text.encode() not in content
            assert text.encode("utf-16-le") not in content


def test_same_idem_key_is_queued_once(app: Flask) -> None:
    with app.app_context():
        answers = [
            outbox.enqueue(
                kind="thank-you",
                idem_key="thank-you:1",
                language="en",
                to=READER,
                params={},
                now=NOW,
            )
            for _ in range(2)
        ]
        db.session.commit()
    assert answers == [True, False]
    assert len(rows(app)) == 1


def test_rolled_back_mail_is_not_sent(app: Flask) -> None:
    with app.app_context():
        outbox.enqueue(kind="thank-you", idem_key="x", language="en", to=READER, params={}, now=NOW)
        db.session.rollback()
    assert rows(app) == []


def test_cap_counts_mails_of_one_address_and_day(app: Flask) -> None:
    queue(app, 5, cap=3)
    queue(app, 1, to="somebody-else@example.org", cap=3)
    queue(app, 2, now=NOW + timedelta(days=1), cap=3)
    assert sorted(email.cap_slot or 0 for email in rows(app)) == [0, 0, 0, 1, 1, 2]


def test_cap_holds_against_parallel_requests(app: Flask) -> None:
    with ThreadPoolExecutor(10) as threads:
        list(threads.map(lambda _: queue(app, 1, cap=3), range(50)))
    assert 1 <= len(rows(app)) <= 3
    queue(app, 5, cap=3)
    assert len(rows(app)) == 3


def test_blob_opens_in_its_own_row_with_its_own_key_only(app: Flask) -> None:
    with app.app_context():
        row_id, key = uuid.uuid4(), vault().mail_key()
        blob = seal(row_id, READER, {})
    for wrong in (
        (uuid.uuid4(), blob, key),
        (row_id, blob, bytes(32)),
        (row_id, blob[:-1] + bytes([blob[-1] ^ 1]), key),
        (row_id, b"", key),
    ):
        with pytest.raises(UnreadableMail):
            unseal(*wrong)


def test_message_id_leads_to_no_row_without_the_mail_key(app: Flask) -> None:
    """It stands in relays' logs beside the address, and the row names the deed."""
    first, second = queue(app, 2)
    with app.app_context():
        key = vault().mail_key()
    mark = outbox.mark_of(first, key, "a")
    assert mark == outbox.mark_of(first, key, "a")
    others = (second, key, "a"), (first, bytes(32), "a"), (first, key, "b")
    assert len({mark, *(outbox.mark_of(*other) for other in others)}) == 4
    assert first.hex not in mark


def test_requeue_gives_a_failed_mail_another_round(app: Flask) -> None:
    failed, other = queue(app, 2)
    later = NOW + timedelta(hours=1)
    with app.app_context():
        db.session.execute(
            update(OutgoingEmail)
            .where(OutgoingEmail.id == failed)
            .values(state=State.FAILED, attempts=5, error="smtp-550")
        )
        assert requeue(failed, later)
        assert not requeue(other, later)
        db.session.commit()
    email = row(app, failed)
    assert (email.state, email.attempts, email.due_at, email.error) == ("queued", 0, later, None)


def test_requeue_does_not_revive_what_has_expired(app: Flask) -> None:
    [email_id] = queue(app)
    change(app, state=State.FAILED)
    with app.app_context():
        assert not requeue(email_id, NOW + timedelta(hours=24))
        assert requeue_failed(NOW + timedelta(hours=24)) == 0
        assert requeue_failed(NOW) == 1


@pytest.mark.parametrize("state", [State.QUEUED, State.FAILED])
def test_purge_erases_overdue_mails(app: Flask, state: State) -> None:
    [email_id] = queue(app, cap=3)
    change(app, state=state)
    with app.app_context():
        assert purge(NOW + timedelta(hours=23)) == (0, 0)
        assert purge(NOW + timedelta(hours=24)) == (1, 0)
        db.session.commit()
    email = row(app, email_id)
    assert (email.state, email.blob, email.cap_key) == ("expired", None, None)


def test_purge_keeps_the_cap_of_today(app: Flask) -> None:
    queue(app, cap=3)
    with app.app_context():
        purge(NOW + timedelta(hours=11))
        db.session.commit()
    assert rows(app)[0].cap_key


def test_purge_drops_old_rows_that_are_done(app: Flask) -> None:
    queue(app, lifetime=timedelta(days=60))
    with app.app_context():
        assert purge(NOW + timedelta(days=31)).dropped == 0
        db.session.commit()
    change(app, state=State.SENT)
    with app.app_context():
        assert purge(NOW + timedelta(days=30)).dropped == 0
        assert purge(NOW + timedelta(days=31)).dropped == 1


def test_without_keys_nothing_is_queued(tmp_path: Path) -> None:
    (tmp_path / "volatile").write_text("a file where the directory should be")
    app = create_small_app(tmp_path, f"sqlite:///{tmp_path / 'other.db'}")
    with pytest.raises(Exception, match="VOLATILE_KEYS"):
        queue(app)
    with app.app_context():
        db.engine.dispose()
