"""One theatre for all lives. With LIVES_TABLE=<file>, what the books said is written there."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from requests.adapters import HTTPAdapter

from demo.stripe import RunningStandIn
from demo.stripe.gate import Gate
from tests.unit.donate.conftest import Copies
from tests.unit.donate.desk import KEY
from tests.unit.donate.lives.playing import Playbill
from tests.unit.donate.lives.shortcuts import NoSocket, RememberingGate
from tests.unit.donate.lives.table import write_table
from tests.unit.donate.lives.theatre import Theatre


@pytest.fixture(scope="session")
def theatre(
    gate: Gate, copies: Copies, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Theatre]:
    assert gate.is_closed, "Stripe's description is missing: set STRIPE_SPEC to its folder"
    with ExitStack() as closing:
        patch = closing.enter_context(pytest.MonkeyPatch.context())
        patch.setattr("demo.stripe.serving.open_gate", lambda: RememberingGate(gate))
        patch.setattr("demo.stripe.api.encode", lambda body: json.dumps(body).encode())
        stand_in = closing.enter_context(RunningStandIn(secret_key=KEY))
        stand_in.deliverer.stop()  # what is due is done at each call, never beside a test
        line = NoSocket(stand_in)
        patch.setattr(HTTPAdapter, "send", line.as_method())
        yield Theatre(stand_in, line, copies, tmp_path_factory.mktemp("lives"))


@pytest.fixture(scope="session")
def playbill(theatre: Theatre) -> Iterator[Playbill]:
    made = Playbill(theatre)
    yield made
    if file := os.environ.get("LIVES_TABLE"):
        Path(file).write_text(write_table(made), "utf-8")
