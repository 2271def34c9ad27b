"""Starting the stand-in: what it refuses, what it keeps, and the command itself."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests
import stripe

from demo.stripe import RunningStandIn, create_stand_in
from demo.stripe.account import NotLoopback
from demo.stripe.keys import LiveKeyRefused
from tests.unit.demo.support import KEY, SECRET, Desk

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("key", ["sk_live_0123456789", "rk_live_0123456789", "", "sk_unknown"])
def test_keys_that_are_not_test_keys_are_refused(key: str) -> None:
    with pytest.raises(LiveKeyRefused):
        create_stand_in(None, "", [], key, "http://127.0.0.1:1")


def test_webhooks_elsewhere_are_refused() -> None:
    with pytest.raises(NotLoopback):
        create_stand_in(None, "https://example.org/hook", [SECRET], KEY, "http://127.0.0.1:1")


def test_ledger_survives_a_restart(descriptions: Any, tmp_path: Path) -> None:
    ledger = tmp_path / "stripe.db"
    with RunningStandIn(secret_key=KEY, ledger=ledger) as running:
        desk = Desk(running)
        desk.create_product()
        desk.order("clock", advance=1000)
        made = desk.create_session(key="k")
    with RunningStandIn(secret_key=KEY, ledger=ledger) as running:
        again = Desk(running)
        assert again.create_session(key="k").id == made.id
        found = again.client.v1.checkout.sessions.retrieve(made.id)
        assert found.status == "open"
        later = again.create_session()
        assert 0 <= later.created - made.created < 60


def test_ledger_holds_no_card_number(descriptions: Any, tmp_path: Path) -> None:
    ledger = tmp_path / "stripe.db"
    with RunningStandIn(secret_key=KEY, ledger=ledger) as running:
        desk = Desk(running)
        desk.create_product()
        desk.pay(desk.create_session())
    kept = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"olena@example.org" in kept
    assert b"4242424242424242" not in kept


def test_restart_moves_the_configured_endpoint(descriptions: Any, tmp_path: Path) -> None:
    ledger = tmp_path / "stripe.db"
    for port in (1, 2):
        url = f"http://127.0.0.1:{port}/hook"
        app = create_stand_in(ledger, url, [SECRET], KEY, "http://127.0.0.1:9")
        account = app.extensions["account"]
        assert [one["url"] for one in account.endpoints()] == [url]
        account.ledger.close()


def run_command(*more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "demo.stripe", "--port", "0", *more],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_command_serves_until_told_to_stop() -> None:
    with run_command("--secret-key", KEY) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:\d+", line)
        assert found, line

        assert requests.get(found[0], timeout=10).status_code == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--secret-key", "sk_live_x"], "test keys only"),
        (["--secret-key", KEY, "--restricted-key", "rk_test_x=rak_nothing"], "rak_nothing"),
        (["--secret-key", KEY, "--webhook-url", "http://127.0.0.1:9/"], "--webhook-secret"),
    ],
)
def test_command_names_what_is_wrong(more: list[str], says: str) -> None:
    with run_command(*more) as process:
        assert process.stderr is not None
        assert says in process.stderr.read()
        assert process.wait(10) == 2


def test_half_done_work_is_rolled_back(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failure after the first write leaves no trace, and is told as a failure."""

    def fail(*_: object) -> None:
        raise RuntimeError("on purpose")

    monkeypatch.setattr("demo.stripe.account.Account.emit", fail)
    with pytest.raises(stripe.APIError, match="on purpose"):
        desk.client.v1.customers.create({"email": "a@example.org"})
    assert json.dumps(desk.fetch("/v1/customers")["data"]) == "[]"
