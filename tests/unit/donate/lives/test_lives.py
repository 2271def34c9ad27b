"""Each life of a gift, told by Stripe in every way: the same books, to the cent."""

from __future__ import annotations

import random
from functools import partial

import pytest

from demo.stripe.ledger import Json
from tests.unit.donate.lives.playing import Playbill
from tests.unit.donate.lives.scripts import LIVES, Life
from tests.unit.donate.lives.stage import IN_ORDER, Telling, backwards, by_twins

MANY = 8  # events; of longer lives not each is lost in a run of its own


def is_any(_place: int, _event: Json) -> bool:
    return True


def is_at(place: int, this: int, _event: Json) -> bool:
    return this == place


BACKWARDS = Telling("late, in reverse", backwards, lag=None)
NOTHING = Telling("none, then reconciled", drops=is_any, reconciles=True)
TELLINGS = [
    BACKWARDS,
    Telling("each three times, one of them as another event", by_twins),
    Telling("shuffled, seed 1", lag=2, seed=1),
    Telling("shuffled, seed 2", lag=4, seed=2),
    NOTHING,
    Telling(
        "none, and Stripe has forgotten its events; books compared",
        drops=is_any,
        reconciles=True,
        forgets=True,
    ),
]


@pytest.fixture(params=LIVES, ids=lambda life: str(life.name))
def life(request: pytest.FixtureRequest) -> Life:
    """Each in its turn."""
    found: Life = request.param
    return found


def test_books_in_order(playbill: Playbill, life: Life) -> None:
    """Over sockets, held to Stripe's balance; what all others are compared with."""
    playbill.assert_same(life, playbill.reference(life), IN_ORDER.name)


@pytest.mark.parametrize("telling", TELLINGS, ids=lambda telling: str(telling.name))
def test_books_are_the_same_however_told(playbill: Playbill, life: Life, telling: Telling) -> None:
    playbill.assert_same(life, playbill.play(life, telling), telling.name)


def test_books_are_the_same_on_postgresql(playbill: Playbill, life: Life) -> None:
    telling = (BACKWARDS, NOTHING)[LIVES.index(life) % 2]
    played = playbill.play(life, telling, "postgresql")
    playbill.assert_same(life, played, "on PostgreSQL: late and in reverse, or reconciled")


def test_any_one_event_may_be_lost(playbill: Playbill, life: Life) -> None:
    name = "any one lost, then reconciled"
    for place in places_to_lose(playbill.reference(life).types):
        telling = Telling(name, drops=partial(is_at, place), reconciles=True)
        playbill.assert_same(life, playbill.play(life, telling), name)


def places_to_lose(types: list[str]) -> list[int]:
    """Each of a short life; of a long one some of each type."""
    if len(types) <= MANY:
        return list(range(len(types)))
    chance = random.Random(len(types))  # noqa: S311 - a choice, not a secret
    kinds = sorted(set(types))
    places = [[place for place, kind in enumerate(types) if kind == one] for one in kinds]
    return sorted(chance.choice(some) for some in places)
