"""Comparing our books with Stripe's, line by line, and what is told of a difference."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, func, select, update

from config.database import db
from donate.books.models import LedgerLine, Reconciliation
from donate.books.reconcile import compare_now
from donate.models import Donation
from mail.models import OutgoingEmail
from tests.unit.donate.desk import Desk
from tests.unit.donate.reconciling import command, compare, kept, no_events, write


def test_books_agree(desk: Desk, booked: Donation) -> None:
    told = command(desk, "--books")
    assert told.exit_code == 0
    assert "at Stripe       1 lines  gross 25.00 EUR  fees 0.62 EUR  net 24.38 EUR" in told.output
    assert "here            1 lines  gross 25.00 EUR  fees 0.62 EUR  net 24.38 EUR" in told.output
    assert told.output.endswith("The books agree.\n")


def test_missing_line_is_recorded_and_told(desk: Desk, untold: str) -> None:
    with no_events(desk):
        told = command(desk, "--books")
    assert told.exit_code == 0
    assert "25.00 EUR) was missing; recorded now." in told.output
    assert told.output.endswith("The books agree.\n")
    desk.assert_books(1, 2_500)


def test_other_amounts_are_told_once_a_day(desk: Desk, booked: Donation) -> None:
    write(desk, update(LedgerLine).values(fee_minor=61, gross_minor=2_499))
    for _ in range(2):
        told = command(desk, "--books")
        assert told.exit_code == 1
        assert "with other amounts here than at Stripe: theirs 25.00 EUR (fee 0.62 EUR), ours " in (
            told.output
        )
        assert told.output.endswith("Differences: 1.\n")
    (difference,) = kept(desk, "books").differences
    assert difference["what"] == "amounts"
    assert difference["donation"] == str(booked.id)
    assert (difference["ours"], difference["theirs"]) == (2_499, 2_500)
    assert [kind for kind in desk.kinds() if kind == "giving-alert"] == ["giving-alert"]
    write(desk, update(LedgerLine).values(fee_minor=62, gross_minor=2_500))
    assert command(desk, "--books").exit_code == 0
    assert kept(desk, "books").differences == []


def test_line_that_stripe_does_not_know(desk: Desk, booked: Donation) -> None:
    write(desk, update(LedgerLine).values(stripe_balance_transaction_id="txn_made_up"))
    (unknown,) = [one for one in compare(desk).differences if one["what"] == "unknown"]
    assert unknown["id"] == "txn_made_up"


def test_line_that_bears_our_mark_but_has_no_row(desk: Desk, untold: str) -> None:
    write(desk, delete(Donation))
    (missing,) = compare(desk).differences
    assert missing["what"] == "missing"
    assert missing["theirs"] == 2_500


def test_another_shop_in_the_same_account_is_counted_apart(desk: Desk, booked: Donation) -> None:
    session_id = desk.start()
    ledger = desk.stand_in.account.ledger
    private = ledger.private(session_id)
    private["payment_intent_data"]["metadata"] = {}
    ledger.save_private(session_id, private)
    ledger.save(ledger.get("checkout.session", session_id) | {"metadata": {}})
    desk.pay(session_id)
    desk.let_pass()
    told = command(desk, "--books")
    assert told.exit_code == 0
    assert "Lines of the same account that are not ours: 1." in told.output
    assert "at Stripe       1 lines" in told.output


def test_daily_comparison_begins_where_the_books_agreed(desk: Desk, booked: Donation) -> None:
    with desk.app.app_context():
        compare_now(datetime.now(UTC))
        compare_now(datetime.now(UTC) + timedelta(days=60))
    compared = compare(desk, is_whole=False)
    assert (compared.ours, compared.theirs) == ({}, {})
    write(desk, update(LedgerLine).values(fee_minor=0))
    assert compare(desk, is_whole=False).differences == []
    assert len(compare(desk).differences) == 1
    assert len(compare(desk, is_whole=False).differences) == 1  # it goes back to them


def test_nothing_of_a_person_is_kept_or_printed(desk: Desk, untold: str) -> None:
    told = command(desk, "--books")
    assert "canary" not in told.output.lower()
    with desk.app.app_context():
        assert db.session.scalar(select(func.count()).select_from(OutgoingEmail)) == 1
    assert "canary" not in str([row.differences for row in desk.rows(Reconciliation)]).lower()
