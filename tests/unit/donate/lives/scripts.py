"""The lives of gifts: what donors, banks, staff and Stripe do, one after the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from demo.stripe.ledger import Json
from tests.unit.donate.desk import ASKS, DEBIT_FAILS, DECLINED, PAYS
from tests.unit.donate.lives.stage import Stage

DEBIT_DISPUTED = "DE35370400440532013002"
RENEWS_NOT, WARNED_OF = "4000000000000341", "4000000000005423"
REFUND_FAILS, REFUND_WAITS = "4000000000005126", "4000000000007726"
OF_REFUSED_COUNTRY = "4000001120000005"


@dataclass(frozen=True)
class Life:
    """`passing` are mails that are not due any more to somebody who is told late."""

    name: str
    play: Callable[[Stage], None]
    passing: frozenset[str] = frozenset()


LIVES: list[Life] = []


def life(name: str, *passing: str) -> Callable[[Callable[[Stage], None]], Callable[[Stage], None]]:
    """Add a life to those that are told in every order."""

    def add(play: Callable[[Stage], None]) -> Callable[[Stage], None]:
        LIVES.append(Life(name, play, frozenset(passing)))
        return play

    return add


# One gift


@life("one-off, by card")
def one_off(stage: Stage) -> None:
    stage.pay(stage.give())


@life("one-off, 3-D Secure")
def three_d_secure(stage: Stage) -> None:
    session = stage.give()
    stage.pay(session, ASKS)
    stage.authenticate(f"/c/pay/{session}")


@life("declined, then paid")
def declined_then_paid(stage: Stage) -> None:
    session = stage.give()
    stage.pay(session, DECLINED)
    stage.pay(session)


@life("left until it expires")
def expired(stage: Stage) -> None:
    stage.give()
    stage.wait(2 * 3600)


@life("bank debit that pays", "gift-pending")
def debit_pays(stage: Stage) -> None:
    stage.debit(stage.give())
    stage.wait(10)


@life("bank debit that fails", "gift-pending")
def debit_fails(stage: Stage) -> None:
    stage.debit(stage.give(), DEBIT_FAILS)
    stage.wait(10)


@life("card of a refused country")
def refused_country(stage: Stage) -> None:
    stage.pay(stage.give(), OF_REFUSED_COUNTRY)
    stage.wait(20)


@life("early fraud warning", "thank-you")
def warned(stage: Stage) -> None:
    stage.pay(stage.give(), WARNED_OF)
    stage.wait(10)


# Again and again


def begin(stage: Stage, card: str = PAYS, frequency: str = "month") -> Json:
    """A recurring gift whose first payment went through; the subscription."""
    stage.pay(stage.give(frequency=frequency), card)
    return stage.newest("subscription")


def page_of(invoice: Json) -> str:
    """Where the donor can mend it."""
    return urlsplit(str(invoice["hosted_invoice_url"])).path


@life("monthly for a year")
def monthly(stage: Stage) -> None:
    begin(stage)
    for _ in range(12):
        stage.wait(days=30.5)


@life("yearly")
def yearly(stage: Stage) -> None:
    begin(stage, frequency="year")
    stage.wait(days=366)


@life("monthly, begun by bank debit", "gift-pending")
def monthly_by_debit(stage: Stage) -> None:
    stage.debit(stage.give(frequency="month"))
    stage.wait(10)
    stage.wait(days=31)
    stage.wait(10)


@life("renewal fails twice, then pays", "renewal-failed")
def renewal_recovers(stage: Stage) -> None:
    subscription = begin(stage)["id"]
    invoice = stage.order("renew", subscription=subscription, outcome="declined")["invoice"]["id"]
    stage.order("retry", invoice=invoice, outcome="declined")
    stage.order("retry", invoice=invoice, outcome="pays")


@life("renewal asks for authentication", "renewal-action")
def renewal_asks(stage: Stage) -> None:
    subscription = begin(stage)["id"]
    stage.order("renew", subscription=subscription, outcome="authenticate")
    stage.authenticate(page_of(stage.newest("invoice")))


@life("renewal mended with another card", "renewal-failed")
def renewal_mended(stage: Stage) -> None:
    subscription = begin(stage)["id"]
    stage.order("renew", subscription=subscription, outcome="declined")
    typed = {"name": "C", "method": "card", "card": PAYS, "expiry": "12 / 40", "cvc": "123"}
    stage.desk.at_stripe(page_of(stage.newest("invoice")), typed | {"country": "PL"})
    stage.tell()


@life("renewals fail to the end", "renewal-failed")
def renewals_fail(stage: Stage) -> None:
    begin(stage, RENEWS_NOT)
    stage.wait(days=31)
    for days in (4, 6, 8):
        stage.wait(days=days)


@life("monthly, card of a refused country")
def monthly_refused_country(stage: Stage) -> None:
    begin(stage, OF_REFUSED_COUNTRY)
    stage.wait(20)


@life("monthly, ended by the donor")
def monthly_ended(stage: Stage) -> None:
    subscription = begin(stage)["id"]
    with stage.desk.app.app_context():
        stage.desk.app.extensions["gateway"].cancel(subscription)
    stage.tell()


# Disputes


def quarrel(stage: Stage, outcome: str) -> None:
    """A paid gift is disputed, and the bank decides."""
    stage.pay(stage.give())
    dispute = stage.order("dispute", charge=stage.newest("charge")["id"])["id"]
    stage.order("dispute-answer", dispute=dispute)
    stage.order("dispute-close", dispute=dispute, outcome=outcome)


@life("dispute, won")
def dispute_won(stage: Stage) -> None:
    quarrel(stage, "won")


@life("dispute, lost")
def dispute_lost(stage: Stage) -> None:
    quarrel(stage, "lost")


@life("bank debit disputed", "gift-pending")
def debit_disputed(stage: Stage) -> None:
    stage.debit(stage.give(), DEBIT_DISPUTED)
    stage.wait(20)


@life("renewal disputed and lost")
def renewal_disputed(stage: Stage) -> None:
    stage.order("renew", subscription=begin(stage)["id"], outcome="pays")
    stage.wait(5)
    dispute = stage.order("dispute", charge=stage.newest("charge")["id"])["id"]
    stage.order("dispute-close", dispute=dispute, outcome="lost")


# Refunds


@life("refunded in full")
def refunded(stage: Stage) -> None:
    session = stage.give()
    stage.pay(session)
    stage.come_back(session)
    stage.refund(2_500)
    stage.wait(20)


@life("refunded in three parts, two alike")
def refunded_in_parts(stage: Stage) -> None:
    session = stage.give()
    stage.pay(session)
    stage.come_back(session)
    for part in (500, 700, 500):
        stage.refund(part)
        stage.wait(20)


@life("refund fails later", "gift-refunded")
def refund_fails(stage: Stage) -> None:
    session = stage.give()
    stage.pay(session, REFUND_FAILS)
    stage.come_back(session)
    stage.refund(2_500)
    stage.wait(20)


@life("refund waits, then succeeds")
def refund_waits(stage: Stage) -> None:
    session = stage.give()
    stage.pay(session, REFUND_WAITS)
    stage.come_back(session)
    stage.refund(1_000)
    stage.wait(20)


@life("refunded in Stripe's dashboard")
def refunded_elsewhere(stage: Stage) -> None:
    stage.pay(stage.give())
    charge = stage.newest("charge")["id"]
    stage.order("refund", charge=charge, amount=600)
    stage.wait(20)
    stage.order("refund", charge=charge)
    stage.wait(20)


@life("refunded in part, the rest disputed")
def refunded_then_disputed(stage: Stage) -> None:
    stage.pay(stage.give())
    charge = stage.newest("charge")["id"]
    stage.order("refund", charge=charge, amount=600)
    stage.order("dispute", charge=charge, outcome="lost")


@life("refund called back in Stripe's dashboard", "gift-refunded")
def refund_called_back(stage: Stage) -> None:
    stage.pay(stage.give(), REFUND_WAITS)
    stage.order("refund", charge=stage.newest("charge")["id"], amount=600)
    stage.order("refund-cancel", refund=stage.newest("refund")["id"])
