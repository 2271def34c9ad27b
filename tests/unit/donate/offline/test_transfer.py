"""Giving by transfer: the account, an announced transfer, its page, and what is kept of it."""

from __future__ import annotations

import gzip
import html
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from sqlalchemy import text, update
from werkzeug.test import TestResponse

from config.database import db
from config.settings import settings
from contacts import tally
from donate.models import Donation, Method, State
from donate.offline.references import parse_reference, print_reference
from donate.offline.services import drop_announced
from donate.services import OfflineGift, record_offline
from mail.models import OutgoingEmail
from mail.render import render
from tests.support.instances import Instance
from tests.support.visitor import mails
from tests.unit.donate.offline.conftest import IBAN, Counter
from tests.unit.donate.offline.reading import read_svg
from vault.services import holder_from_recovery_code

DONOR = "canary-donor@example.org"
PRINTED = "DE89 3704 0044 0532 0130 00"


def code_on(page: TestResponse) -> list[str]:
    """The lines of the code that a page shows."""
    (address,) = re.findall(r'<img src="data:image/svg\+xml;charset=utf-8,([^"]+)"', page.text)
    return read_svg(unquote(html.unescape(address))).text.split("\n")


def shown(page: TestResponse) -> str:
    """What a page says."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", page.text)).split())


def errors_on(page: TestResponse) -> list[str]:
    """What is wrong with a form that came back."""
    found = re.findall(r'<p class="error" id="(\w+)-error">', page.text)
    return sorted(set(found))


def test_the_account_is_shown_with_a_code_that_leaves_the_amount_open(counter: Counter) -> None:
    page = counter.get()
    assert page.status_code == 200
    for word in ("Night Watch", PRINTED, "COBADEFFXXX"):
        assert word in shown(page)
    assert code_on(page) == ["BCD", "002", "1", "SCT", "COBADEFFXXX", "Night Watch", IBAN]


def test_the_page_is_the_same_for_everyone_and_small(counter: Counter) -> None:
    page = counter.get("/uk/donate/transfer")
    assert "public" in page.headers["Cache-Control"]
    assert "Set-Cookie" not in page.headers
    style = (Path(__file__).parents[4] / "static" / "vigil.css").read_bytes()
    assert len(gzip.compress(page.data)) + len(gzip.compress(style)) <= 14 * 1024
    assert not re.search(r"<script|<style|\sstyle=", page.text)


@pytest.mark.parametrize("given", [{"bank_iban": ""}])
def test_without_an_account_there_are_no_such_pages(counter: Counter) -> None:
    assert counter.get().status_code == 404
    assert counter.announce().status_code == 404
    assert counter.get("/en/donate/transfer/RF18539007547034").status_code == 404
    assert counter.donations() == []


@pytest.mark.parametrize("given", [{"bank_holder": "", "organisation": "A  Watch\nof Night" * 6}])
def test_without_a_holder_it_is_the_organisation_as_far_as_it_fits(counter: Counter) -> None:
    holder = code_on(counter.get())[5]
    assert holder.startswith("A Watch of Night")
    assert len(holder) <= 70


def test_an_announced_transfer_is_written_down_and_counts_for_nothing(counter: Counter) -> None:
    answer = counter.announce("be", amount="12,50", email=DONOR)
    donation = counter.donation()
    assert answer.status_code == 303
    assert answer.headers["Location"] == f"/be/donate/transfer/{donation.reference}"
    assert (donation.method, donation.state) == (Method.TRANSFER, State.CREATED)
    assert (donation.amount_minor, donation.currency) == (1_250, "EUR")
    assert (donation.fund, donation.frequency, donation.language) == ("legal-help", "once", "be")
    assert (donation.contact_id, donation.paid_at, donation.newsletter_hash) == (None, None, None)
    assert donation.reference == parse_reference(donation.reference or "")
    assert tally.total("donation.count.EUR") == tally.total("donation.amount.EUR") == 0
    assert db.session.query(OutgoingEmail).count() == 0


def test_the_address_is_sealed_to_its_row(counter: Counter, instance: Instance) -> None:
    counter.announce(email=DONOR)
    donation = counter.donation()
    assert donation.sealed
    opener = counter.app.extensions["vault"].open_with(
        holder_from_recovery_code(instance.first.recovery_code)
    )
    opened = opener.open("donation", donation.id, donation.sealed)
    assert opened == {"name": None, "email": DONOR, "country": None}
    db.session.commit()
    for file in instance.files():
        assert DONOR.encode() not in file.read_bytes()


def test_without_an_address_nothing_is_sealed(counter: Counter) -> None:
    counter.announce(email="  ")
    assert counter.donation().sealed is None


@pytest.mark.parametrize("language", ["en", "uk", "be"])
def test_its_page_has_all_that_a_bank_asks_for(counter: Counter, language: str) -> None:
    answer = counter.announce(language, amount="1234.56", email=DONOR)
    reference = counter.donation().reference or ""
    page = counter.get(answer.headers["Location"])
    assert page.status_code == 200
    assert page.headers["Cache-Control"] == "no-store"
    assert '<meta name="robots" content="noindex">' in page.text
    for word in ("Night Watch", PRINTED, "COBADEFFXXX", print_reference(reference)):
        assert word in shown(page)
    assert DONOR not in page.text
    lines = code_on(page)
    assert lines[5:] == ["Night Watch", IBAN, "EUR1234.56", "", reference]
    assert re.search(rf'alt="[^"]*{print_reference(reference)}[^"]*"', page.text)


def test_its_page_can_be_opened_again_and_however_the_reference_is_written(
    counter: Counter,
) -> None:
    counter.announce()
    reference = counter.donation().reference or ""
    for written in (reference, reference.lower(), print_reference(reference).replace(" ", "%20")):
        assert counter.get(f"/uk/donate/transfer/{written}").status_code == 200


@pytest.mark.parametrize("reference", ["RF18539007547034", "RF00", "x", "%00", "RF18%2F5390"])
def test_an_unknown_reference_is_not_found(counter: Counter, reference: str) -> None:
    assert counter.get(f"/en/donate/transfer/{reference}").status_code == 404


def test_once_it_has_arrived_nobody_is_led_to_pay_again(counter: Counter) -> None:
    address = counter.announce().headers["Location"]
    db.session.execute(update(Donation).values(state=State.PAID))
    db.session.commit()
    page = counter.get(address)
    assert "has arrived" in shown(page)
    assert "<img" not in page.text
    assert PRINTED not in shown(page)


def test_staff_enter_it_and_its_giver_is_thanked(counter: Counter) -> None:
    address = counter.announce("uk", campaign="stolen-childhood", email=DONOR).headers["Location"]
    now = datetime.now(UTC)
    arrived = OfflineGift(
        method=Method.TRANSFER,
        amount_minor=2_400,
        currency="EUR",
        fund="where-most-needed",
        day=now.date(),
        reference=counter.donation().reference or "",
        email=DONOR,
    )
    record_offline(arrived, now)
    db.session.commit()
    donation = counter.donation()
    assert (donation.state, donation.amount_minor) == (State.PAID, 2_400)
    assert (donation.fund, donation.campaign) == ("legal-help", "stolen-childhood")
    page = counter.get(address)
    assert "24,00" in shown(page)
    assert "<img" not in page.text
    (mail,) = mails()
    assert (mail.kind, mail.language, mail.to) == ("thank-you", "uk", DONOR)
    text = render(mail.kind, mail.language, mail.params, "https://vigil.example.org").text
    assert "/uk/donate/manage" in text
    assert settings().statement_name not in text


@pytest.mark.parametrize(
    ("typed", "wrong"),
    [
        ({"amount": ""}, ["amount"]),
        ({"amount": "0"}, ["amount"]),
        ({"amount": "-5"}, ["amount"]),
        ({"amount": "1.001"}, ["amount"]),
        ({"amount": "9999999999999"}, ["amount"]),
        ({"email": "nobody"}, ["email"]),
        ({"email": "a@b.org\r\nBcc: c@d.org"}, ["email"]),
        ({"fund": "yachts"}, ["fund"]),
        ({"fund": "yachts", "amount": "x"}, ["amount", "fund"]),
    ],
)
def test_what_is_wrong_is_said_where_it_stands(
    counter: Counter, typed: dict[str, str], wrong: list[str]
) -> None:
    page = counter.announce(**typed)
    assert page.status_code == 422
    assert errors_on(page) == wrong
    assert 'aria-invalid="true"' in page.text
    assert counter.donations() == []


def test_what_was_typed_stays(counter: Counter) -> None:
    page = counter.announce(amount="1.001", email=DONOR, campaign="stolen-childhood")
    assert 'value="1.001"' in page.text
    assert f'value="{DONOR}"' in page.text
    assert '<option value="legal-help" selected>' in page.text
    assert 'name="campaign" value="stolen-childhood"' in page.text


def test_there_is_no_smallest_transfer_nor_the_cards_largest(counter: Counter) -> None:
    for amount in ("0.01", "250000"):
        assert counter.announce(amount=amount).status_code == 303
    assert [one.amount_minor for one in counter.donations()] == [1, 25_000_000]


@pytest.mark.parametrize(
    ("campaign", "kept"),
    [("stolen-childhood", "stolen-childhood"), ("no-such", ""), ("A B", ""), ("", "")],
)
def test_only_a_campaign_that_exists_is_kept(counter: Counter, campaign: str, kept: str) -> None:
    assert counter.announce(campaign=campaign).status_code == 303
    assert counter.donation().campaign == kept


def test_an_address_chooses_fund_and_campaign(counter: Counter) -> None:
    page = counter.get("/en/donate/transfer?fund=families&campaign=stolen-childhood")
    assert '<option value="families" selected>' in page.text
    assert 'name="campaign" value="stolen-childhood"' in page.text
    page = counter.get("/en/donate/transfer?fund=yachts&campaign=%3Cb%3E")
    assert '<option value="where-most-needed" selected>' in page.text
    assert 'name="campaign" value=""' in page.text


def test_two_announcements_have_two_references(counter: Counter) -> None:
    counter.announce()
    counter.announce()
    first, second = counter.donations()
    assert first.reference != second.reference


def test_a_reference_belongs_to_one_gift(counter: Counter) -> None:
    counter.announce()
    counter.announce()
    with pytest.raises(Exception, match=r"(?i)unique"):
        db.session.execute(update(Donation).values(reference=counter.donations()[0].reference))
    db.session.rollback()


@pytest.mark.parametrize("given", [{"form_limit": "6 per hour"}])
def test_forms_of_one_network_are_limited(counter: Counter) -> None:
    assert [counter.announce().status_code for _ in range(3)] == [303, 303, 429]
    assert len(counter.donations()) == 2


def test_a_post_from_another_site_is_refused(counter: Counter) -> None:
    counter.client.environ_base["HTTP_SEC_FETCH_SITE"] = "cross-site"
    assert counter.announce().status_code == 403
    assert counter.donations() == []


def test_without_the_vault_nothing_is_taken_in(counter: Counter, instance: Instance) -> None:
    for file in (instance.folder / "keys").iterdir():
        file.unlink()
    counter.app.extensions["vault"]._checked = (0.0, "forget what was checked")
    page = counter.announce(email=DONOR)
    assert page.status_code == 503
    assert page.headers["Retry-After"]
    assert counter.donations() == []


@pytest.mark.parametrize(
    ("given", "currency"),
    [
        ({}, "EUR"),
        ({"currencies": ("UAH", "EUR"), "default_currency": "UAH"}, "EUR"),
        ({"currencies": ("USD",), "default_currency": "USD"}, "USD"),
        ({"bank_iban": "UA213223130000026007233566001", "default_currency": "UAH"}, "UAH"),
    ],
)
def test_currency_is_that_of_sepa_where_the_account_is_in_it(
    counter: Counter, currency: str
) -> None:
    assert f"Amount in {currency}" in counter.get().text
    answer = counter.announce()
    assert counter.donation().currency == currency
    page = counter.get(answer.headers["Location"])
    assert ("<img" in page.text) is (currency == "EUR")


@pytest.mark.parametrize("given", [{"bank_iban": "UA213223130000026007233566001"}])
def test_an_account_outside_sepa_has_no_code(counter: Counter) -> None:
    page = counter.get()
    assert page.status_code == 200
    assert "<img" not in page.text
    assert "UA21 3223 1300 0002 6007 2335 6600 1" in shown(page)


class TestWords:
    """The organisation's own words."""

    @pytest.fixture
    def given(self, tmp_path: Path) -> dict[str, Any]:
        words = "Our **bank** asks for patience. <script>x</script> [On](javascript:x)"
        (tmp_path / "transfer.en.md").write_text(words, "utf-8")
        (tmp_path / "transfer.uk.md").write_text(" \n", "utf-8")
        return {"wording_dir": tmp_path}

    def test_they_stand_on_the_page_and_are_clean(self, counter: Counter) -> None:
        page = counter.get()
        assert "Our <strong>bank</strong> asks for patience." in page.text
        assert "<script" not in page.text
        assert 'href="javascript' not in page.text
        assert "where it is needed most" not in shown(page).partition("Our account")[2][:900]

    @pytest.mark.parametrize("language", ["uk", "be"])
    def test_another_language_keeps_ours(self, counter: Counter, language: str) -> None:
        page = counter.get(f"/{language}/donate/transfer")
        assert page.status_code == 200
        assert "patience" not in page.text


class TestDropping:
    """What never arrives."""

    def age(self, **by: float) -> None:
        made = datetime.now(UTC) - timedelta(**by)
        db.session.execute(update(Donation).values(created_at=made))
        db.session.commit()

    def test_after_180_days_it_goes(self, counter: Counter) -> None:
        address = counter.announce(email=DONOR).headers["Location"]
        self.age(days=179, hours=23)
        assert drop_announced(datetime.now(UTC)) == 0
        self.age(days=180, minutes=1)
        assert drop_announced(datetime.now(UTC)) == 1
        db.session.commit()
        assert counter.donations() == []
        assert counter.get(address).status_code == 404

    @pytest.mark.parametrize(
        "other", [{"state": State.PAID}, {"method": Method.ONLINE}, {"method": Method.CASH}]
    )
    def test_what_arrived_or_came_otherwise_stays(
        self, counter: Counter, other: dict[str, str]
    ) -> None:
        counter.announce()
        self.age(days=999)
        db.session.execute(update(Donation).values(**other))
        db.session.commit()
        assert drop_announced(datetime.now(UTC)) == 0
        assert counter.donation()

    def test_the_worker_does_it(self, counter: Counter) -> None:
        jobs = {job.name: job for job in counter.app.extensions["vigil_jobs"]}
        job = jobs["drop transfers that never came"]
        assert job.run is drop_announced
        assert job.afterwards is not None


def test_nothing_of_the_donor_is_in_clear_in_the_row(counter: Counter) -> None:
    counter.announce(email=DONOR)
    (row,) = db.session.execute(text("SELECT * FROM donation")).mappings()
    assert not any(DONOR in str(value) for value in row.values())
