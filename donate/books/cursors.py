"""How far each comparison with Stripe has come: one row each, moved forward by guarded updates."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select, update

from config.database import begin_read, db, insert_or_update
from donate.books.models import Reconciliation


def read_cursor(name: str) -> datetime | None:
    """Where the last run came to; None before the first. Leaves no transaction open."""
    begin_read()
    found: datetime | None = db.session.scalar(
        select(Reconciliation.cursor_at).where(Reconciliation.name == name)
    )
    db.session.rollback()
    return found


def move_cursor(name: str, to: datetime, now: datetime) -> None:
    """Move it forward, never back: of two runs at once the one that came further counts."""
    statement = insert_or_update(Reconciliation).values(
        name=name, cursor_at=to, ran_at=now, differences=[]
    )
    further = statement.excluded.cursor_at
    db.session.execute(
        statement.on_conflict_do_update(
            index_elements=["name"],
            set_={"cursor_at": further, "ran_at": now},
            where=Reconciliation.cursor_at < further,
        )
    )


def place_cursor(name: str, at: datetime, now: datetime) -> None:
    """Put it anywhere: for those that go round and round."""
    statement = insert_or_update(Reconciliation).values(
        name=name, cursor_at=at, ran_at=now, differences=[]
    )
    new = {"cursor_at": at, "ran_at": now}
    db.session.execute(statement.on_conflict_do_update(index_elements=["name"], set_=new))


def note_run(name: str, now: datetime, differences: Sequence[dict[str, Any]]) -> None:
    """Keep what a run found, for staff: ids and numbers only."""
    db.session.execute(
        update(Reconciliation)
        .where(Reconciliation.name == name)
        .values(ran_at=now, differences=list(differences))
    )
