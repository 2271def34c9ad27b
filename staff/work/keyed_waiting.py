"""What the first page says of work that needs a key: whether somebody is wanted, how far it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from config.database import db
from staff.models import KeyedWork
from staff.work import lease
from staff.work.confirmations_anew import count_lost as lost_mails
from staff.work.indexing import count_unindexed as unindexed
from staff.work.resealing import Resealing
from staff.work.sealed_rows import count_unfinished as old_vaults

ENOUGH = 1_000_000  # a number that is no longer read exactly


@dataclass(frozen=True)
class StepFigures:
    """How far one step of the work is."""

    name: str
    done: int
    left: int


@dataclass(frozen=True)
class KeyedWaiting:
    """What waits for a key; all of it is nothing on most days."""

    is_running: bool
    steps: list[StepFigures]  # of the round that runs, or that was broken off
    unindexed: int  # contacts whose address nobody could compare with others
    mails: int  # confirmations that were lost with the mail key
    is_rotating: bool  # boxes are left of a key that was replaced
    broken: int  # boxes that the last round could not open

    @property
    def wants_somebody(self) -> bool:
        """Whether a key holder should sign in."""
        waits = self.unindexed + self.is_rotating > self.broken or self.mails or self.steps
        return bool(waits) and not self.is_running


def read_keyed_work(now: datetime) -> KeyedWaiting:
    """How it stands, from few rows."""
    rows = {row.name: row for row in db.session.scalars(select(KeyedWork))}
    last = rows.get(lease.ROW)
    counts = [step.scalar_subquery() for step in (unindexed(), lost_mails(now), old_vaults())]
    n_unindexed, n_mails, n_old = db.session.execute(select(*counts)).one()
    return KeyedWaiting(
        is_running=last is not None and last.leased_until is not None and last.leased_until > now,
        steps=[
            StepFigures(row.name, row.done, row.left)
            for name, row in sorted(rows.items())
            if name != lease.ROW and row.left
        ],
        unindexed=n_unindexed,
        mails=n_mails,
        is_rotating=n_old > 0 and Resealing().has_boxes(),
        broken=last.left if last else 0,
    )
