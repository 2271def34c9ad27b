"""The proof of work: solved for real, and every way of not having solved it."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from donate.guard import proof
from donate.guard.proof import LIFETIME, BadProof, check, make_challenge
from tests.unit.donate.guard.builders import solve

NOW = datetime.now(UTC)
Change = Callable[[dict[str, Any]], None]


@pytest.fixture(autouse=True)
def easy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few tries, so that the tests are quick."""
    monkeypatch.setattr(proof, "FEWEST_TRIES", 3)
    monkeypatch.setattr(proof, "MOST_TRIES", 9)


@pytest.fixture
def app() -> Any:
    made = Flask(__name__)
    made.extensions["vigil_form_keys"] = ["an old key", "the newest key"]
    with made.app_context():
        yield made


def changed(answer: str, change: Change) -> str:
    """An answer with something else in it."""
    read = json.loads(base64.b64decode(answer))
    change(read)
    return base64.b64encode(json.dumps(read).encode()).decode()


def test_a_solved_challenge_is_accepted_until_it_runs_out(app: Flask) -> None:
    spendable = check(solve(make_challenge(NOW)), NOW + LIFETIME - timedelta(seconds=2))
    assert spendable.expires_at == (NOW + LIFETIME).replace(microsecond=0)


def test_the_same_answer_is_known_by_its_hash_and_others_are_not(app: Flask) -> None:
    challenge = make_challenge(NOW)
    answer = solve(challenge)
    again = changed(answer, lambda read: read["solution"].update(time=7))
    assert check(answer, NOW).hash == check(again, NOW).hash
    assert check(solve(make_challenge(NOW)), NOW).hash != check(answer, NOW).hash


def test_what_has_run_out_is_refused(app: Flask) -> None:
    with pytest.raises(BadProof):
        check(solve(make_challenge(NOW)), NOW + LIFETIME)
    with pytest.raises(BadProof):
        check(solve(make_challenge(NOW - 2 * LIFETIME)), NOW - 2 * LIFETIME)


@pytest.mark.parametrize(
    "change",
    [
        lambda read: read["challenge"]["parameters"].update(expiresAt=2_000_000_000),
        lambda read: read["challenge"]["parameters"].update(cost=1),
        lambda read: read["challenge"]["parameters"].update(keyPrefix=""),
        lambda read: read["challenge"]["parameters"].pop("keySignature"),
        lambda read: read["challenge"].update(signature="00" * 32),
        lambda read: read["challenge"].update(signature=None),
        lambda read: read["challenge"].pop("signature"),
        lambda read: read["solution"].update(derivedKey="00" * 32),
        lambda read: read["solution"].update(derivedKey=7),
        lambda read: read.update(challenge=[]),
        lambda read: read.update(solution="x"),
        lambda read: read["challenge"].update(parameters="x"),
        lambda read: read["challenge"]["parameters"].update(expiresAt=[1]),
        lambda read: read["challenge"]["parameters"].update(data={"__proto__": 1}),
        lambda read: read.update(more="A" * 3_000),  # longer than any answer of the widget's
    ],
)
def test_what_was_changed_is_refused(app: Flask, change: Change) -> None:
    with pytest.raises(BadProof):
        check(changed(solve(make_challenge(NOW)), change), NOW)


@pytest.mark.parametrize(
    "answer", ["", "x", "é", "e30=", "bnVsbA==", "W10=", "A" * 5_000, base64.b64encode(b"[" * 900)]
)
def test_what_is_no_answer_is_refused(app: Flask, answer: Any) -> None:
    with pytest.raises(BadProof):
        check(answer if isinstance(answer, str) else answer.decode(), NOW)


def test_an_unsolved_challenge_is_refused(app: Flask) -> None:
    answer = {"challenge": make_challenge(NOW), "solution": {"counter": 1, "derivedKey": "00"}}
    with pytest.raises(BadProof):
        check(base64.b64encode(json.dumps(answer).encode()).decode(), NOW)


def test_a_challenge_that_we_did_not_sign_is_refused(app: Flask) -> None:
    other = Flask(__name__)
    other.extensions["vigil_form_keys"] = ["another installation's key"]
    with other.app_context():
        answer = solve(make_challenge(NOW))
    with pytest.raises(BadProof):
        check(answer, NOW)


def test_a_key_may_be_changed_while_somebody_calculates(app: Flask) -> None:
    answer = solve(make_challenge(NOW))
    app.extensions["vigil_form_keys"] = ["the newest key", "one newer still"]
    assert check(answer, NOW)


def test_each_challenge_is_another_one(app: Flask) -> None:
    first, second = make_challenge(NOW), make_challenge(NOW)
    assert first["signature"] != second["signature"]
    assert first["parameters"]["nonce"] != second["parameters"]["nonce"]
