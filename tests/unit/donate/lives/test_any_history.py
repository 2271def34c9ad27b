"""Whatever happens, in whatever order and currency: our books say what Stripe's do.

LIVES_EXAMPLES sets how many histories are tried; then each run tries others.
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from demo.stripe.ledger import Json
from donate.books.models import LedgerLine, RefundState
from donate.currencies import limits, step
from donate.models import Donation, RecurringDonation, RecurringState, Review, State
from donate.money import write_amount
from mail.models import OutgoingEmail
from tests.unit.donate.desk import Desk
from tests.unit.donate.lives.history import MOVES, NEVER_BY_ITSELF, History
from tests.unit.donate.lives.house import CURRENCIES
from tests.unit.donate.lives.snapshot import our_balance, read_books, their_balance
from tests.unit.donate.lives.theatre import Theatre

EXAMPLES = int(os.environ.get("LIVES_EXAMPLES", "0"))

Gift = tuple[str, str, int]
Move = tuple[str, int]


@st.composite
def gifts(draw: st.DrawFn) -> Gift:
    """Frequency, currency and amount in minor units, as the form takes them."""
    frequency = draw(st.sampled_from(("once", "once", "month", "year")))
    currency = draw(st.sampled_from(CURRENCIES))
    allowed, least = limits(currency), step(currency)
    steps = draw(st.integers(-(-allowed.minimum // least), allowed.maximum // least))
    return frequency, currency, steps * least


MOVE = st.tuples(st.sampled_from(sorted(MOVES)), st.integers(0, 1_000_000))
PAYING = st.tuples(st.sampled_from(("pay", "pay", "debit")), st.integers(0, 1_000_000))


@settings(
    max_examples=EXAMPLES or 40,
    derandomize=not EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    st.lists(st.tuples(gifts(), PAYING), min_size=1, max_size=3),
    st.lists(MOVE, min_size=8, max_size=40),
)
def test_books_say_what_stripes_do(
    theatre: Theatre, begun: list[tuple[Gift, Move]], moves: list[Move]
) -> None:
    theatre.line.is_on = True
    with theatre.stage(NEVER_BY_ITSELF) as stage:
        for (frequency, currency, minor), _ in begun:
            amount = write_amount(minor, currency)
            stage.give(frequency=frequency, currency=currency, amount=amount)
        history = History(stage)
        for name, number in (*(payment for _, payment in begun), *moves):
            history.move(name, number)
        history.end()
        assert_agreement(stage.desk)
        before = read_books(stage.desk)
        compared = stage.compare()
        assert (compared.recorded, compared.differences) == ([], [])
        stage.reconcile()
        assert read_books(stage.desk) == before


def assert_agreement(desk: Desk) -> None:
    """Gift by gift, refund by refund, dispute by dispute, and every count."""
    assert our_balance(desk) == their_balance(desk)
    account = desk.stand_in.account.ledger
    charges = [one for one in account.all("charge") if one["status"] == "succeeded"]
    donations = [one for one in desk.donations() if one.state == State.PAID]
    assert {one.stripe_charge_id: (one.amount_minor, one.currency) for one in donations} == {
        one["id"]: (one["amount"], one["currency"].upper()) for one in charges
    }
    assert len(donations) == len(charges)
    assert_refunds(desk, account.all("refund"))
    assert {one.stripe_dispute_id: one.status for one in desk.disputes()} == {
        one["id"]: one["status"] for one in account.all("dispute")
    }
    assert_recurring(desk, account.all("subscription"))
    assert_counts(desk, donations)
    refused = {one["id"] for one in charges if card_country(one) == "BY"}
    assert_mails(desk, [one for one in donations if one.stripe_charge_id not in refused])


def assert_refunds(desk: Desk, theirs: list[Json]) -> None:
    ours = desk.refunds()
    made = {one.stripe_refund_id: (one.amount_minor, one.state) for one in ours}
    made.pop(None, None)
    assert made == {one["id"]: (one["amount"], one["status"]) for one in theirs}
    marks = Counter(one["metadata"].get("refund") for one in theirs if one["metadata"])
    assert all(count == 1 for count in marks.values())
    waiting = {one.state for one in ours if one.stripe_refund_id is None}
    assert waiting <= {RefundState.REFUSED}


def assert_recurring(desk: Desk, theirs: list[Json]) -> None:
    ours = {one.stripe_subscription_id: one for one in desk.rows(RecurringDonation)}
    for one in theirs:
        state = ours[one["id"]].state
        assert (state == RecurringState.ENDED) is (one["status"] == "canceled")
        if one["status"] == "active":
            paused = bool(one["pause_collection"])
            assert state == (RecurringState.PAUSED if paused else RecurringState.ACTIVE)


def assert_counts(desk: Desk, donations: list[Donation]) -> None:
    """Each total that staff see, against the rows."""
    expected: dict[str, int] = defaultdict(int)
    currency_of = {one.id: one.currency for one in donations}
    for donation in donations:
        expected[f"donation.count.{donation.currency}"] += 1
        expected[f"donation.amount.{donation.currency}"] += donation.amount_minor
        expected[f"raised.{donation.currency}"] += donation.amount_minor
    for refund in desk.refunds():
        if refund.state in {RefundState.PENDING, RefundState.SUCCEEDED}:
            expected[f"donation.refunded.{refund.currency}"] += refund.amount_minor
            expected[f"raised.{refund.currency}"] -= refund.amount_minor
    for dispute in desk.disputes():
        if dispute.status != "won":
            expected[f"donation.disputed.{dispute.currency}"] += dispute.amount_minor
            expected[f"raised.{dispute.currency}"] -= dispute.amount_minor
    names = {"gift": ("gross", 1), "refund": ("refunded", -1), "dispute": ("disputed", -1)}
    for line in desk.rows(LedgerLine):
        name, sign = names[line.kind.removesuffix("-returned")]
        expected[f"books.{name}.{line.currency}"] += sign * line.gross_minor
        expected[f"books.fee.{line.currency}"] += line.fee_minor
        assert line.donation_id in currency_of
    counted: dict[str, int] = defaultdict(int)
    for name, n in read_books(desk)["counts"].items():
        counted[name.split()[0]] += n
    assert _not_nought(counted.items()) == _not_nought(expected.items())


def _not_nought(counts: Iterable[tuple[str, int]]) -> dict[str, int]:
    return {name: n for name, n in counts if n}


def card_country(charge: Json) -> str:
    return str((charge["payment_method_details"].get("card") or {}).get("country"))


def assert_mails(desk: Desk, kept: list[Donation]) -> None:
    """One thank-you for each gift that we keep; at most three mails for one renewal.

    Where there was a warning of fraud, it hangs on which we heard of first.
    """
    sure = [one for one in kept if one.review != Review.HELD]
    keys = [mail.idem_key for mail in desk.rows(OutgoingEmail)]
    thanked = {key.partition(":")[2] for key in keys if key.startswith("thank-you:")}
    assert {str(one.id) for one in sure} <= thanked <= {str(one.id) for one in kept}
    renewals = Counter(key.rsplit(":", 1)[0] for key in keys if key.startswith("renewal:"))
    assert all(count <= 3 for count in renewals.values())
