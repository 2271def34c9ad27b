"""How odd giving looks: calm, odd or closed, by what was counted in the last minutes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

WINDOW = timedelta(minutes=15)  # over which declines and paid gifts are counted
CLOSED_FOR = timedelta(minutes=15)
ODD_DECLINES = 10
EXTREME_DECLINES = 40
EXTREME_PERCENT = 90  # of all attempts


class Level(StrEnum):
    """What a donor meets: nothing, a proof of work, or a page that asks for patience."""

    CALM = "calm"
    ODD = "odd"
    CLOSED = "closed"


@dataclass(frozen=True)
class Pulse:
    """What was counted up to a moment, and what staff and the breaker have decided."""

    at: datetime
    sessions: int  # begun in the time that CHECKOUT_LIMIT_OVERALL names
    most_sessions: int
    declines: int  # in WINDOW, like `paid`
    paid: int
    closed_until: datetime | None = None
    lifted_until: datetime | None = None

    @property
    def level(self) -> Level:
        """What holds now: what was measured, unless staff have lifted the guard."""
        return Level.CALM if self.is_lifted else self.measured

    @property
    def measured(self) -> Level:
        """What would hold if nobody had lifted it. After a closing it stays odd for a while."""
        if self.closed_until is not None and self.at < self.closed_until + WINDOW:
            return Level.CLOSED if self.at < self.closed_until else Level.ODD
        is_odd = self.sessions > self.most_sessions or self.has_odd_declines
        return Level.ODD if is_odd else Level.CALM

    @property
    def is_lifted(self) -> bool:
        """Whether staff have said that this is no attack."""
        return self.lifted_until is not None and self.at < self.lifted_until

    @property
    def has_odd_declines(self) -> bool:
        """Whether more cards are refused than gifts paid, and not just a few."""
        return self.declines >= ODD_DECLINES and self.declines > self.paid

    @property
    def is_extreme(self) -> bool:
        """Whether next to nothing but refused cards comes in: giving closes."""
        attempts = self.declines + self.paid
        return (
            self.declines >= EXTREME_DECLINES and self.declines * 100 >= attempts * EXTREME_PERCENT
        )
