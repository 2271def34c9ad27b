"""Stripe's own description, and a stand-in on a free port for each test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from demo.stripe import RunningStandIn
from demo.stripe.gate import DESCRIPTIONS, open_gate
from tests.unit.demo.support import KEY, SECRET, Desk, Endpoint


@pytest.fixture(scope="session")
def descriptions() -> dict[str, Any]:
    """Both of Stripe's descriptions; without them these tests would prove nothing."""
    gate = open_gate()
    if set(gate.descriptions) != set(DESCRIPTIONS):
        pytest.fail(
            "Stripe's description is not at hand. Put the folder with stripe_spec.py and"
            f" {', '.join(DESCRIPTIONS)} at ../shared/stripe, or name it in STRIPE_SPEC; jsonschema"
            " must be installed.",
            pytrace=False,
        )
    return dict(gate.descriptions)


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with Endpoint() as made:
        yield made


@pytest.fixture
def desk(descriptions: dict[str, Any], endpoint: Endpoint) -> Iterator[Desk]:
    """A stand-in that posts to `endpoint`, with the donation's product."""
    running = RunningStandIn(webhook_url=endpoint.url, webhook_secrets=[SECRET], secret_key=KEY)
    with running:
        made = Desk(running)
        made.create_product()
        yield made
