"""The process ends at any point: before or after any commit, before or after any call to Stripe.

Whatever it was about is done again, as Stripe, the worker or the donor would. No gift is lost, none
is counted twice, nobody is charged twice, and no money is given back twice.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from config.database import db
from config.settings import ROOT
from demo.stripe.ledger import Json
from donate.books.models import RefundState
from donate.gateway import LOOKS
from donate.models import Donation, State
from tests.unit.donate.desk import DEBIT_PAYS
from tests.unit.donate.lives.mortal import KILLED, WORKS, give
from tests.unit.donate.lives.playing import Playbill
from tests.unit.donate.lives.scripts import OF_REFUSED_COUNTRY
from tests.unit.donate.lives.snapshot import Books, our_balance, read_books, their_balance
from tests.unit.donate.lives.stage import Stage, Telling
from tests.unit.donate.lives.theatre import Moment, Theatre

UNTOLD = Telling("untold", drops=lambda *_: True)


def later(stage: Stage) -> datetime:
    """When what is left behind is looked at again."""
    return stage.now + timedelta(hours=2)


class Mortals:
    """Processes that can be killed at a point; see mortal.py."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.unit.donate.lives.mortal"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def close(self) -> None:
        """There are no more orders."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(timeout=10)
        assert self.process.stdout is not None
        self.process.stdout.close()

    def work(self, stage: Stage, work: str, dies_at: int = 0, **args: Any) -> int:
        """Have one work on a stage; the number of points where it may die."""
        order = {
            "home": str(stage.home),
            "database": stage.database,
            "stripe": stage.desk.stand_in.url,
            "now": later(stage).timestamp(),
            "work": work,
            "args": args,
            "dies_at": dies_at,
        }
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        assert answer["status"] == (KILLED if dies_at else 0)
        return int(answer["points"])


@pytest.fixture(scope="session")
def mortals() -> Iterator[Mortals]:
    made = Mortals()
    yield made
    made.close()


@pytest.fixture
def engine() -> str:
    """SQLite, unless a test asks for both."""
    return "sqlite"


on_both = pytest.mark.parametrize("engine", ["sqlite", "postgresql"])


def end(stage: Stage) -> Books:
    """Tell all, twice, let the worker work, reconcile: the books, held to Stripe's own."""
    stage.desk.let_pass(60)
    for event in events(stage) * 2:
        assert stage.desk.tell(event).status_code == 200
    stage.work()
    for event in events(stage):
        assert stage.desk.tell(event).status_code == 200
    assert our_balance(stage.desk) == their_balance(stage.desk)
    books = read_books(stage.desk)
    stage.reconcile()
    compared = stage.compare()
    assert (compared.recorded, compared.differences) == ([], [])
    assert read_books(stage.desk) == books
    return books


def events(stage: Stage) -> list[Json]:
    return [event for event in stage.desk.events("") if event["type"] in LOOKS]


def kill_everywhere(
    theatre: Theatre, mortals: Mortals, moment: Moment, work: str, **args: Any
) -> int:
    """Kill the work at each of its points, do it again, and compare with the work done in peace."""
    with theatre.stage_from(moment) as stage:
        points = mortals.work(stage, work, **args)
        in_peace = end(stage)
    for point in range(1, points + 1):
        with theatre.stage_from(moment) as stage:
            mortals.work(stage, work, dies_at=point, **args)
            WORKS[work](stage.desk, args, later(stage))
            assert end(stage) == in_peace, f"killed at point {point} of {points}"
    assert points >= 4
    return points


# What happened before


def one_gift(stage: Stage) -> None:
    """Paid, and part of it given back in Stripe's dashboard; nobody has told us."""
    stage.pay(stage.give())
    stage.order("refund", charge=stage.newest("charge")["id"], amount=600)


def monthly_gift(stage: Stage) -> None:
    """Begun and paid; nobody has told us."""
    stage.pay(stage.give(frequency="month"))


def lost_gifts(stage: Stage) -> None:
    """One whose session we never stored, and one by bank debit; nobody has told us of either."""
    session, debit = stage.give(), stage.give()
    with stage.desk.app.app_context():
        lost = update(Donation).where(Donation.stripe_session_id == session)
        db.session.execute(lost.values(stripe_session_id=None, state=State.CREATED))
        db.session.commit()
    stage.pay(session)
    stage.debit(debit, DEBIT_PAYS)
    stage.wait(10)


def refunds_asked_for(stage: Stage) -> None:
    """Two equal parts of one gift."""
    session = stage.give()
    stage.pay(session)
    stage.come_back(session)
    for _ in range(2):
        stage.ask_for_refund(700)


def refused_monthly(stage: Stage) -> None:
    """A card of a refused country: the gift goes back, and there will be no other."""
    session = stage.give(frequency="month")
    stage.pay(session, OF_REFUSED_COUNTRY)
    for event in events(stage):
        stage.desk.tell(event)


@pytest.fixture
def moment_of(theatre: Theatre, engine: str) -> Callable[[Callable[[Stage], None]], Moment]:
    """The moment after what happened."""

    def make(happen: Callable[[Stage], None]) -> Moment:
        with theatre.stage(UNTOLD, engine) as stage:
            happen(stage)
            return theatre.keep(stage, engine)

    return make


MomentMaker = Callable[[Callable[[Stage], None]], Moment]


@on_both
@pytest.mark.parametrize(
    ("kind", "happened"),
    [
        ("checkout.session.completed", one_gift),
        ("charge.refunded", one_gift),
        ("invoice.paid", monthly_gift),
    ],
)
def test_killed_while_stripe_tells_us(
    theatre: Theatre,
    mortals: Mortals,
    playbill: Playbill,
    moment_of: MomentMaker,
    kind: str,
    happened: Callable[[Stage], None],
) -> None:
    moment = moment_of(happened)
    with theatre.stage_from(moment) as stage:
        (event, *_) = stage.desk.events(kind)
    points = kill_everywhere(theatre, mortals, moment, "tell", event=event)
    playbill.note_deaths(f"webhook {kind}", points)


def test_killed_while_the_donor_comes_back(
    theatre: Theatre, mortals: Mortals, playbill: Playbill, moment_of: MomentMaker
) -> None:
    moment = moment_of(one_gift)
    session = moment.sessions[-1]
    points = kill_everywhere(theatre, mortals, moment, "come_back", session=session)
    playbill.note_deaths("page of thanks", points)


@on_both
def test_killed_while_refunds_are_sent(
    theatre: Theatre, mortals: Mortals, playbill: Playbill, moment_of: MomentMaker
) -> None:
    moment = moment_of(refunds_asked_for)
    points = kill_everywhere(theatre, mortals, moment, "work")
    with theatre.stage_from(moment) as stage:
        mortals.work(stage, "work")
        made = stage.desk.stand_in.account.ledger.all("refund")
        assert [refund["amount"] for refund in made] == [700, 700]
        states = [refund.state for refund in stage.desk.refunds()]
        assert states == [RefundState.SUCCEEDED, RefundState.SUCCEEDED]
    playbill.note_deaths("two refunds sent", points)


def test_killed_while_a_refused_card_is_seen_to(
    theatre: Theatre, mortals: Mortals, playbill: Playbill, moment_of: MomentMaker
) -> None:
    points = kill_everywhere(theatre, mortals, moment_of(refused_monthly), "work")
    playbill.note_deaths("refused card: refunded and ended", points)


def test_killed_while_reconciling(
    theatre: Theatre, mortals: Mortals, playbill: Playbill, moment_of: MomentMaker
) -> None:
    points = kill_everywhere(theatre, mortals, moment_of(lost_gifts), "catch_up")
    playbill.note_deaths("reconcile --books", points)


@pytest.mark.parametrize("frequency", ["once", "month"])
@pytest.mark.parametrize("then", ["clicks again", "begins anew", "pays what there is"])
def test_killed_while_a_gift_begins(
    theatre: Theatre,
    mortals: Mortals,
    playbill: Playbill,
    moment_of: MomentMaker,
    frequency: str,
    then: str,
) -> None:
    """Whatever the donor does then: at most one charge, and it is in the books."""
    moment = moment_of(lambda stage: None)
    with theatre.stage_from(moment) as stage:
        form = stage.desk.filled(frequency=frequency)
        points = mortals.work(stage, "give", browser="a", form=form)
    for point in range(1, points + 1):
        with theatre.stage_from(moment) as stage:
            mortals.work(stage, "give", dies_at=point, browser="a", form=form)
            if then == "clicks again":
                give(stage.desk, {"browser": "a", "form": form}, stage.now)
                assert len(stage.desk.stand_in.account.ledger.all("checkout.session")) == 1
            elif then == "begins anew":
                give(stage.desk, {"browser": "b", "form": form}, stage.now)
            is_paid = pay_newest(stage)
            stage.reconcile()
            stage.wait(26 * 3600)
            stage.reconcile()
            assert_one_gift(stage, is_paid=is_paid)
    playbill.note_deaths(f"form sent ({frequency}), {then}", points)


def pay_newest(stage: Stage) -> bool:
    """Pay on the newest page that there is at Stripe's; whether there was one."""
    sessions = stage.desk.stand_in.account.ledger.all("checkout.session")
    if sessions:
        stage.pay(sessions[0]["id"])
    return bool(sessions)


def assert_one_gift(stage: Stage, *, is_paid: bool) -> None:
    """All that was paid is in the books, once; what was not has come to its end."""
    assert our_balance(stage.desk) == their_balance(stage.desk)
    assert len(stage.desk.stand_in.account.ledger.all("charge")) == is_paid
    gifts = stage.desk.donations()
    assert [gift.state for gift in gifts].count(State.PAID) == is_paid
    assert {gift.state for gift in gifts} <= {State.PAID, State.EXPIRED}
    assert stage.desk.kinds().count("thank-you") == is_paid
    compared = stage.compare()
    assert (compared.recorded, compared.differences) == ([], [])
