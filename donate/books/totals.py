"""The shared arithmetic of the books: what counts as given back or taken, and what is left."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import and_, not_

from donate.books.models import Dispute, RefundState

# Refunds that took money from the gift; the others gave it back, or never did.
REFUNDED = (RefundState.PENDING, RefundState.SUCCEEDED)
# Disputes in which the money is gone, as `services.counts_as_disputed` says it of one.
IS_DISPUTED = and_(
    Dispute.status.not_in(("won", "prevented")), not_(Dispute.status.startswith("warning_"))
)


@dataclass(frozen=True)
class Books:
    """What went over our balance in one currency; minor units, each counted without a sign."""

    currency: str
    gross_minor: int = 0
    refunded_minor: int = 0
    disputed_minor: int = 0
    fee_minor: int = 0

    @property
    def net_minor(self) -> int:
        """What is left of it."""
        return self.gross_minor - self.refunded_minor - self.disputed_minor - self.fee_minor


@dataclass(frozen=True)
class Settled:
    """What one gift came to on our balance, in one currency; signed minor units."""

    currency: str
    gross_minor: int
    fee_minor: int

    @property
    def net_minor(self) -> int:
        """Gross less fees."""
        return self.gross_minor - self.fee_minor
