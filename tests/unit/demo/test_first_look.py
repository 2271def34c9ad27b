"""What `make run` shows of giving at a first look: an account, a refund key, a goal."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app import CheckedSettings
from config.database import db
from config.settings import ROOT, Settings, load_settings
from demo import start
from demo.goals import CAMPAIGN, FUND, GOAL
from demo.stripe.keys import keyring_of
from donate.books.queries import goals_of
from donate.offline.account import Account
from donate.offline.qr import transfer_code
from tests.support.instances import Instance


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Settings:
    """Those that are written at the first start."""
    monkeypatch.setattr(start, "OUTSIDE", tmp_path)
    monkeypatch.setattr(start, "SETTINGS_FILE", tmp_path / "settings.env")
    start._write_settings(start.Ports(8000))
    return load_settings(CheckedSettings, _env_file=tmp_path / "settings.env")


def test_transfers_are_offered_and_say_that_the_account_is_none(settings: Settings) -> None:
    account = Account(settings.bank_holder, settings.bank_iban, settings.bank_bic, "")
    assert account.is_in_sepa
    assert "EUR25.00" in transfer_code(account, 2_500)
    assert "transfer nothing" in settings.bank_name


def test_refunds_have_a_key_of_their_own_which_may_do_nothing_else(settings: Settings) -> None:
    commands = dict(start._commands(start.Ports(8000), settings))
    command = commands["The Stripe stand-in"]
    key, _, permissions = command[command.index("--restricted-key") + 1].partition("=")
    assert key == settings.stripe_refund_key != settings.stripe_secret_key
    assert keyring_of(settings.stripe_secret_key, {key: permissions.split(",")})
    assert permissions == "rak_charge_write"


def test_a_key_of_ones_own_is_not_handed_to_the_stand_in(settings: Settings) -> None:
    own = settings.model_copy(update={"stripe_refund_key": "rk_live_x"})
    assert "--restricted-key" not in str(start._commands(start.Ports(8000), own))


def test_a_goal_is_set_and_set_again_changes_nothing(instance: Instance) -> None:
    for _ in range(2):
        subprocess.run(
            [sys.executable, "-m", "demo.goals"],
            cwd=ROOT,
            env={**os.environ, **instance.environment},
            check=True,
        )
    with instance.app().app_context():
        (goal,) = goals_of(CAMPAIGN)
        db.session.remove()
        db.engine.dispose()
    assert (goal.fund, goal.currency, goal.goal_minor) == (FUND, "EUR", GOAL)
