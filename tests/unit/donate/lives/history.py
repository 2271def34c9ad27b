"""Anything that donors, banks, staff, Stripe and the network may do, in any order.

Each move takes a number, from which it chooses whom and how; what cannot be done is left undone.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select

from config.database import db
from demo.stripe.ledger import Json
from donate import recording
from donate.books import services
from donate.facts import Facts
from donate.gateway import Gateway
from donate.models import Donation, State
from tests.unit.donate.desk import ASKS, DEBIT_FAILS, DEBIT_PAYS, DECLINED, DISPUTED, PAYS, WARNED
from tests.unit.donate.lives.scripts import (
    DEBIT_DISPUTED,
    OF_REFUSED_COUNTRY,
    REFUND_FAILS,
    REFUND_WAITS,
    RENEWS_NOT,
)
from tests.unit.donate.lives.stage import Stage, Telling

CARDS = (
    *(PAYS, PAYS, PAYS, DECLINED, ASKS, RENEWS_NOT, REFUND_FAILS, REFUND_WAITS),
    *(WARNED, DISPUTED, OF_REFUSED_COUNTRY),
)
ACCOUNTS = (DEBIT_PAYS, DEBIT_FAILS, DEBIT_DISPUTED)
DAY = 86_400
SPANS = (1, 5, 20, 200, 4_000, 3 * DAY, 32 * DAY)  # seconds
OUTCOMES = ("pays", "declined", "authenticate")
NEVER_BY_ITSELF = Telling("by hand", drops=lambda *_: True)


@dataclass
class History:
    """What happens on one stage."""

    stage: Stage
    stale: list[Sequence[Facts]] = field(default_factory=list)  # looked at, not written down yet

    def move(self, name: str, number: int) -> None:
        """One thing happens."""
        MOVES[name](self, random.Random(number))  # noqa: S311

    # Donors

    def pay(self, chance: random.Random) -> None:
        """On one of the pages that are open."""
        if session := self._one_of("checkout.session", chance, status="open"):
            card = chance.choice(CARDS)
            self.stage.pay(session["id"], card)
            if card == ASKS:
                self.stage.authenticate(f"/c/pay/{session['id']}")

    def debit(self, chance: random.Random) -> None:
        """By bank debit, which is for euros."""
        if session := self._one_of("checkout.session", chance, status="open", currency="eur"):
            self.stage.debit(session["id"], chance.choice(ACCOUNTS))

    def come_back(self, chance: random.Random) -> None:
        """To the page of thanks."""
        self.stage.desk.come_back(chance.choice(self.stage.sessions))

    # Time, Stripe and banks

    def wait(self, chance: random.Random) -> None:
        """Seconds or days."""
        self.stage.wait(chance.choice(SPANS))

    def renew(self, chance: random.Random) -> None:
        """A period ends."""
        if one := self._one_of("subscription", chance):
            self._order("renew", subscription=one["id"], outcome=chance.choice(OUTCOMES))

    def retry(self, chance: random.Random) -> None:
        """Stripe tries once more."""
        if one := self._one_of("invoice", chance, status="open"):
            self._order("retry", invoice=one["id"], outcome=chance.choice(OUTCOMES))

    def dispute(self, chance: random.Random) -> None:
        """The donor's bank does not agree."""
        if one := self._one_of("charge", chance, status="succeeded"):
            outcome = chance.choice(({}, {"outcome": "won"}, {"outcome": "lost"}))
            self._order("dispute", charge=one["id"], **outcome)

    def close_dispute(self, chance: random.Random) -> None:
        """And decides."""
        if one := self._one_of("dispute", chance):
            self._order("dispute-close", dispute=one["id"], outcome=chance.choice(("won", "lost")))

    def refund_elsewhere(self, chance: random.Random) -> None:
        """In Stripe's dashboard."""
        if one := self._one_of("charge", chance, status="succeeded"):
            self._order("refund", charge=one["id"], amount=chance.randint(1, one["amount"]))

    def break_refund(self, chance: random.Random) -> None:
        """The donor's bank sends it back, or it is called back."""
        if one := self._one_of("refund", chance):
            self._order(chance.choice(("refund-fail", "refund-cancel")), refund=one["id"])

    def change(self, chance: random.Random) -> None:
        """As the donor does on our pages."""
        gateway: Gateway = self.stage.desk.app.extensions["gateway"]
        if one := self._one_of("subscription", chance, status="active"):
            price = one["items"]["data"][0]["price"]
            currency, interval = price["currency"], price["recurring"]["interval"]
            amount = price["unit_amount"] * 2
            changes: tuple[Callable[[], None], ...] = (
                lambda: gateway.pause(one["id"]),
                lambda: gateway.resume(one["id"]),
                lambda: gateway.cancel(one["id"]),
                lambda: gateway.change_amount(one["id"], amount, currency, interval),
            )
            chance.choice(changes)()

    # Staff and worker

    def refund(self, chance: random.Random) -> None:
        """Part of a gift, as far as it may go back."""
        with self.stage.desk.app.app_context():
            paid = select(Donation).where(Donation.state == State.PAID).order_by(Donation.id)
            if gifts := list(db.session.scalars(paid)):
                gift = chance.choice(gifts)
                part = chance.randint(1, gift.amount_minor)
                try:
                    now = datetime.now(UTC)
                    services.request_refund(gift, part, "donor-asked", None, now)
                    db.session.commit()
                except (services.RefundBlocked, services.RefundTooLarge):
                    db.session.rollback()

    def work(self, _chance: random.Random) -> None:
        """The worker's round."""
        self.stage.work()

    def reconcile(self, _chance: random.Random) -> None:
        """Its quarter of an hour is over."""
        self.stage.reconcile()

    def compare(self, _chance: random.Random) -> None:
        """Or its day."""
        self.stage.compare()

    # The network

    def tell(self, chance: random.Random) -> None:
        """Some events arrive, known or not."""
        events = self.stage.desk.events("")
        for event in chance.sample(events, min(len(events), chance.randint(1, 4))):
            assert self.stage.desk.tell(event).status_code == 200

    def look(self, chance: random.Random) -> None:
        """Somebody looks at Stripe, and is slow to write it down."""
        gateway: Gateway = self.stage.desk.app.extensions["gateway"]
        looks = {
            "checkout.session": gateway.look_at_session,
            "charge": gateway.look_at_charge,
            "invoice": gateway.look_at_invoice,
            "subscription": gateway.look_at_subscription,
        }
        kind = chance.choice(list(looks))
        if one := self._one_of(kind, chance):
            with self.stage.desk.app.app_context():
                self.stale.append(looks[kind](one["id"]))

    def write_late(self, chance: random.Random) -> None:
        """And does at last."""
        if self.stale:
            facts = self.stale.pop(chance.randrange(len(self.stale)))
            with self.stage.desk.app.app_context():
                recording.record_all(facts, datetime.now(UTC))
                db.session.commit()

    def end(self) -> None:
        """All that is on its way arrives, and the books are brought in line."""
        self.stage.wait(4 * 3_600)
        for _ in range(8):
            self.stage.reconcile()
            self.stage.compare()
            before = len(self.stage.desk.events(""))
            self.stage.work()
            self.stage.wait(20)
            if len(self.stage.desk.events("")) == before:
                break
        while self.stale:
            self.write_late(random.Random(0))  # noqa: S311

    def _one_of(self, kind: str, chance: random.Random, **wanted: str) -> Json | None:
        """Any of Stripe's objects of a kind."""
        found = [
            one
            for one in self.stage.desk.stand_in.account.ledger.all(kind)
            if wanted.items() <= one.items()
        ]
        return chance.choice(found) if found else None

    def _order(self, control: str, **what: Any) -> None:
        """What cannot be at Stripe is refused there."""
        answer = self.stage.desk.stand_in.app.test_client().post(f"/_test/{control}", json=what)
        assert answer.status_code in {200, 400}, answer.text


MOVES: dict[str, Callable[[History, random.Random], None]] = {
    move.__name__: move
    for move in (
        *(History.pay, History.debit, History.come_back, History.wait, History.renew),
        *(History.retry, History.dispute, History.close_dispute, History.refund_elsewhere),
        *(History.break_refund, History.change, History.refund, History.work),
        *(History.reconcile, History.compare, History.tell, History.look, History.write_late),
    )
}
