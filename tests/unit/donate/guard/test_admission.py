"""Who may begin a gift: all while it is calm, with a proof or a wait while it is odd."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from config.database import db
from donate.guard import proof, waiting
from donate.guard.admission import Ask, keep_asking
from donate.guard.forms import ProofForm
from donate.guard.models import GuardState, SpentProof
from donate.guard.proof import make_challenge
from tests.support.instances import Instance
from tests.support.moments import NOW
from tests.unit.donate.guard.builders import create_declines, create_donation, solve
from tests.unit.donate.guard.conftest import Asker

MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def easy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proof, "FEWEST_TRIES", 2)
    monkeypatch.setattr(proof, "MOST_TRIES", 4)


@pytest.fixture
def odd(app: Flask) -> None:
    """Cards are being tried out."""
    create_declines(12, NOW)


@pytest.fixture
def narrow(instance: Instance) -> None:
    instance.given["checkout_limit"] = "2 per hour"


def test_calm_days_ask_nothing(ask: Asker) -> None:
    assert [ask().ask for _ in range(9)] == [Ask.NOTHING] * 9
    assert ask().status == 200


@pytest.mark.usefixtures("odd")
def test_odd_days_ask_everybody_for_a_proof(ask: Asker) -> None:
    verdict = ask(network="198.51.100.1")
    assert (verdict.ask, verdict.status, verdict.retry_after) == (Ask.PROOF, 429, 60)
    assert verdict.asks_proof
    assert not verdict.is_admitted


def test_many_sessions_are_odd_also_within_a_second(ask: Asker) -> None:
    for _ in range(115):
        create_donation(NOW)
    assert [ask().is_admitted for _ in range(8)] == [True] * 6 + [False] * 2


@pytest.mark.usefixtures("odd")
def test_a_proof_admits_once(ask: Asker) -> None:
    answer = solve(make_challenge(NOW))
    assert ask(altcha=answer).is_admitted
    assert ask(altcha=answer).ask is Ask.AGAIN
    assert ask(altcha=answer, network="198.51.100.1").ask is Ask.AGAIN
    assert ask(altcha=solve(make_challenge(NOW))).is_admitted


@pytest.mark.usefixtures("odd")
def test_a_proof_that_came_to_nothing_is_not_spent(ask: Asker, app: Flask) -> None:
    answer = solve(make_challenge(NOW))
    db.session.commit()
    assert ask(altcha=answer).is_admitted
    db.session.rollback()  # the gift could not be written
    assert ask(altcha=answer).is_admitted


@pytest.mark.usefixtures("odd")
@pytest.mark.parametrize("answer", ["x", "e30=", "A" * 9_000])
def test_nonsense_is_asked_again(ask: Asker, answer: str) -> None:
    assert ask(altcha=answer).ask is Ask.AGAIN
    assert ask(waited=answer).ask is Ask.AGAIN


@pytest.mark.usefixtures("narrow")
def test_a_network_over_its_quota_is_asked_and_not_refused(ask: Asker, app: Flask) -> None:
    assert [ask().ask for _ in range(3)] == [Ask.NOTHING, Ask.NOTHING, Ask.PROOF]
    assert ask(network="198.51.100.1").is_admitted
    for _ in range(20):
        assert ask(altcha=solve(make_challenge(NOW))).is_admitted


@pytest.mark.usefixtures("narrow")
def test_quick_forms_use_the_quota_up_sooner(ask: Asker) -> None:
    assert ask(cost=3).ask is Ask.PROOF


@pytest.mark.usefixtures("odd")
def test_who_has_no_script_waits_a_minute(ask: Asker) -> None:
    token = ask().waited
    soon = ask(waited=token, now=NOW + MINUTE / 2)
    assert (soon.ask, soon.waited) == (Ask.SOONER, token)
    assert soon.retry_after == 30
    later = NOW + MINUTE
    assert ask(waited=token, now=later).is_admitted
    again = ask(waited=token, now=later)
    assert again.ask is Ask.AGAIN
    assert again.waited != token


@pytest.mark.usefixtures("odd")
@pytest.mark.parametrize("tail", ["=", "==", "é"])
def test_a_wait_admits_once_however_its_signature_is_written(ask: Asker, tail: str) -> None:
    token = ask().waited
    later = NOW + MINUTE
    assert ask(waited=token, now=later).is_admitted
    assert ask(waited=token + tail, now=later).ask is Ask.AGAIN


@pytest.mark.usefixtures("odd")
def test_a_wait_runs_out_and_cannot_be_made_up(ask: Asker) -> None:
    token = ask().waited
    assert ask(waited=token, now=NOW + waiting.LIFETIME + MINUTE).is_admitted  # calm again
    create_declines(12, NOW + waiting.LIFETIME + MINUTE)
    late = ask(waited=token, now=NOW + waiting.LIFETIME + 2 * MINUTE)
    assert late.ask is Ask.AGAIN
    assert ask(waited=token[:-2] + "xx", now=NOW + 2 * MINUTE).ask is Ask.AGAIN


@pytest.mark.usefixtures("odd")
def test_only_some_of_those_who_wait_are_admitted_at_once(ask: Asker) -> None:
    tokens = [ask().waited for _ in range(60)]
    later = NOW + 2 * MINUTE
    one_network = [ask(waited=token, now=later).ask for token in tokens[:8]]
    assert one_network == [Ask.NOTHING] * 6 + [Ask.QUEUE] * 2
    networks = [f"10.{n}.0.1" for n in range(52)]
    others = [
        ask(waited=token, now=later, network=network)
        for token, network in zip(tokens[8:], networks, strict=True)
    ]
    assert sum(verdict.is_admitted for verdict in others) == 24
    # nobody is refused: the wait goes on, and the token stays good
    assert {verdict.ask for verdict in others} == {Ask.NOTHING, Ask.QUEUE}
    assert others[-1].waited == tokens[-1]


@pytest.mark.usefixtures("odd")
def test_copies_of_a_wait_take_nobodys_turn(ask: Asker) -> None:
    token, other = ask().waited, ask().waited
    later = NOW + 2 * MINUTE
    copies = [ask(waited=token, now=later) for _ in range(40)]
    assert sum(verdict.is_admitted for verdict in copies) == 1
    assert ask(waited=other, now=later).is_admitted


def test_closed_says_when_to_come_back(ask: Asker) -> None:
    db.session.add(GuardState(id=1, closed_until=NOW + 4 * MINUTE + timedelta(seconds=1)))
    db.session.flush()
    verdict = ask(altcha=solve(make_challenge(NOW)))
    assert (verdict.ask, verdict.status, verdict.asks_proof) == (Ask.CLOSED, 503, False)
    assert (verdict.retry_after, verdict.minutes) == (241, 5)
    assert db.session.scalar(select(func.count()).select_from(SpentProof)) == 0
    assert ask(now=NOW + 5 * MINUTE).ask is Ask.PROOF


def test_lifted_lets_all_through(ask: Asker) -> None:
    create_declines(50, NOW)
    db.session.add(GuardState(id=1, closed_until=NOW + 4 * MINUTE, lifted_until=NOW + 60 * MINUTE))
    db.session.flush()
    assert ask().is_admitted


def test_a_form_that_comes_back_goes_on_asking(app: Flask) -> None:
    token = waiting.make_token(NOW)
    for sent, expected in [
        ({}, None),
        ({"altcha": "x"}, Ask.PROOF),
        ({"waited": token}, Ask.PROOF),
    ]:
        with app.test_request_context("/", method="POST", data=sent):
            verdict = keep_asking(ProofForm(), NOW)
        assert (verdict and verdict.ask) == expected
    assert verdict
    assert verdict.waited == token
