"""The guard on a whole installation, on both databases."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from donate.guard.admission import Verdict, admit
from donate.guard.forms import ProofForm
from tests.support.moments import NOW

Asker = Callable[..., Verdict]


@pytest.fixture
def ask(app: Flask) -> Asker:
    """Asks whether a gift may begin, with what a form carries, from a network."""

    def ask_one(network: str = "203.0.113.7", cost: int = 1, now=NOW, **sent: str) -> Verdict:
        where = {"REMOTE_ADDR": network}
        with app.test_request_context("/", method="POST", data=sent, environ_base=where):
            form = ProofForm()
            form.quota_cost = cost
            return admit(form, now)

    return ask_one
