"""Leases, retries, and what is written down."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update

from config.database import db
from mail import claims
from mail.claims import LEASE, MAX_ATTEMPTS, Claim, delay_after
from mail.models import OutgoingEmail, State
from tests.unit.mail.small_app import NOW, queue, row, rows


def take(app: Flask, now: Any = NOW, limit: int = 20) -> list[Claim]:
    with app.app_context():
        taken = claims.claim(now, limit)
        db.session.commit()
    return taken


def record(app: Flask, write: Any, *args: Any, **given: Any) -> Any:
    with app.app_context():
        answer = write(*args, **given)
        db.session.commit()
    return answer


def test_longest_waiting_come_first_and_not_more_than_asked(app: Flask) -> None:
    late, early, middle = (queue(app, now=NOW + timedelta(minutes=m))[0] for m in (3, 1, 2))
    now = NOW + timedelta(minutes=5)
    assert [email.id for email in take(app, now, limit=2)] == [early, middle]
    assert [email.id for email in take(app, now, limit=2)] == [late]
    assert take(app, now) == []


def test_mail_that_is_not_due_or_overdue_stays(app: Flask) -> None:
    queue(app, now=NOW + timedelta(seconds=1))
    queue(app, lifetime=timedelta(0))
    assert take(app) == []


def test_lost_mail_comes_back_when_the_lease_ends(app: Flask) -> None:
    [email_id] = queue(app)
    take(app)
    assert take(app, NOW + LEASE - timedelta(seconds=1)) == []
    [again] = take(app, NOW + LEASE)
    assert (again.id, again.attempts) == (email_id, 1)


def test_mail_that_kills_its_worker_is_put_aside(app: Flask) -> None:
    [email_id] = queue(app)
    now = NOW
    for _ in range(MAX_ATTEMPTS):
        assert len(take(app, now)) == 1
        now += LEASE
    assert take(app, now) == []
    email = row(app, email_id)
    assert (email.state, email.error) == ("failed", "worker-lost")
    assert email.blob


def test_worker_that_lost_its_lease_changes_nothing(app: Flask) -> None:
    [email_id] = queue(app)
    [old] = take(app)
    [new] = take(app, NOW + LEASE)
    record(app, claims.record_failure, old, "timeout", NOW, is_final=True)
    record(app, claims.give_back, [old])
    record(app, claims.record_useless, old, State.EXPIRED)
    assert row(app, email_id).leased_until == new.leased_until
    assert row(app, email_id).state == "sending"


def test_mail_known_to_be_sent_is_sent_even_after_the_lease(app: Flask) -> None:
    [email_id] = queue(app)
    [old] = take(app)
    take(app, NOW + LEASE)
    record(app, claims.record_sent, old, NOW + LEASE)
    email = row(app, email_id)
    assert (email.state, email.blob, email.sent_at) == ("sent", None, NOW + LEASE)


def test_given_back_mail_has_cost_no_attempt(app: Flask) -> None:
    [email_id] = queue(app)
    record(app, claims.give_back, take(app), "refused")
    email = row(app, email_id)
    assert (email.state, email.attempts, email.error) == ("queued", 0, "refused")
    assert len(take(app)) == 1


@pytest.mark.parametrize(
    ("attempts", "minutes"), [(1, 1), (2, 5), (3, 15), (4, 60), (5, 180), (9, 180)]
)
def test_delays_grow_and_scatter(attempts: int, minutes: int) -> None:
    delays = {delay_after(attempts) for _ in range(50)}
    assert len(delays) > 1
    assert min(delays) >= timedelta(minutes=minutes * 0.8)
    assert max(delays) <= timedelta(minutes=minutes * 1.2)


def test_failure_that_may_pass_is_tried_again_later(app: Flask) -> None:
    [email_id] = queue(app)
    [email] = take(app)
    assert record(app, claims.record_failure, email, "smtp-451", NOW, is_final=False) == "queued"
    found = row(app, email_id)
    assert (found.attempts, found.error, found.leased_until) == (1, "smtp-451", None)
    assert found.due_at > NOW


@pytest.mark.parametrize(
    ("values", "is_final"),
    [
        ({}, True),
        ({"attempts": MAX_ATTEMPTS - 1}, False),
        ({"expires_at": NOW + timedelta(seconds=30)}, False),
    ],
)
def test_failure_that_will_not_pass_waits_for_staff(
    app: Flask, values: dict[str, Any], is_final: bool
) -> None:
    """Also where no further attempt fits before the mail expires. The address stays until then."""
    [email_id] = queue(app)
    with app.app_context():
        if values:
            db.session.execute(update(OutgoingEmail).values(values))
            db.session.commit()
    [email] = take(app)
    state = record(app, claims.record_failure, email, "smtp-550", NOW, is_final=is_final)
    found = row(app, email_id)
    assert state == found.state == "failed"
    assert found.blob
    assert take(app, NOW + timedelta(seconds=29)) == []


def test_claims_name_every_column_they_need() -> None:
    assert set(Claim.__annotations__) <= set(OutgoingEmail.__table__.c.keys())


def test_nothing_to_do(app: Flask) -> None:
    assert take(app) == []
    assert rows(app) == []
