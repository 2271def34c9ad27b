"""A process that ends where it is told to: `python -m tests.unit.donate.lives.mortal`.

It reads orders, one JSON object a line: an installation, some work, and at which point to die.
Each is carried out by a child forked from what is imported already, so that hundreds of deaths
take seconds. A point is before or after a commit, or a request to Stripe. The answer, a line too,
says how the child ended and how many points it has passed.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from requests.adapters import HTTPAdapter

from config.database import db
from donate.books import refunds
from donate.books.comparison import compare_books
from donate.books.reconcile import reconcile
from tests.unit.donate.desk import Desk
from tests.unit.donate.lives.house import open_house

KILLED = 9


class Fate:
    """Counts the points and ends the process at one of them, as pulling the plug would."""

    def __init__(self, dies_at: int) -> None:
        self.dies_at, self.passed = dies_at, 0

    def point(self) -> None:
        """One more."""
        self.passed += 1
        if self.passed == self.dies_at:
            os._exit(KILLED)

    def around(self, act: Callable[..., Any]) -> Callable[..., Any]:
        """The same act with a point before it and one after."""

        def acted(*args: Any, **named: Any) -> Any:
            self.point()
            done = act(*args, **named)
            self.point()
            return done

        return acted


def give(desk: Desk, args: dict[str, Any], _now: datetime) -> None:
    """A donor sends the form."""
    answer = desk.visitor(args["browser"]).post("/en/donate", data=args["form"])
    assert answer.status_code == 303, answer.text


def tell(desk: Desk, args: dict[str, Any], _now: datetime) -> None:
    """Stripe tells us of an event."""
    assert desk.tell(args["event"]).status_code == 200


def come_back(desk: Desk, args: dict[str, Any], _now: datetime) -> None:
    """The donor comes back from Stripe's page."""
    assert desk.come_back(args["session"]).status_code == 200


def work(desk: Desk, _args: dict[str, Any], _now: datetime) -> None:
    """The worker's round."""
    for job in (refunds.send_refunds, refunds.end_refused):
        with desk.app.app_context():
            job(datetime.now(UTC))


def catch_up(desk: Desk, _args: dict[str, Any], now: datetime) -> None:
    """Reconciling, books and all."""
    with desk.app.app_context():
        assert not reconcile(now).failed
        compare_books(now, is_whole=True)


WORKS = {act.__name__: act for act in (give, tell, come_back, work, catch_up)}


def carry_out(order: dict[str, Any]) -> int:
    """Do the work of one order; how many points were passed."""
    app = open_house(Path(order["home"]), order["database"], order["stripe"])
    fate = Fate(order["dies_at"])
    with app.app_context():
        dialect = db.engine.dialect
        dialect.do_commit = fate.around(dialect.do_commit)
    HTTPAdapter.send = fate.around(HTTPAdapter.send)
    now = datetime.fromtimestamp(order["now"], UTC)
    WORKS[order["work"]](Desk(app, None, None), order["args"], now)
    return fate.passed


def in_a_child(order: dict[str, Any]) -> dict[str, int]:
    """Fork, carry out, and say how it ended."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        try:
            os.write(writing, str(carry_out(order)).encode())
        except BaseException:  # the parent shall hear of it, whatever it is
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        passed = pipe.read()
    _, status = os.waitpid(child, 0)
    return {"status": os.waitstatus_to_exitcode(status), "points": int(passed or 0)}


def main() -> None:
    """Carry out orders until there are no more."""
    for line in sys.stdin:
        print(json.dumps(in_a_child(json.loads(line))), flush=True)  # noqa: T201 - the answer


if __name__ == "__main__":
    main()
