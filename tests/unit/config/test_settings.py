"""Settings are refused loudly, all faults in one message."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from app import CheckedSettings
from config.settings import ROOT, Settings, SettingsError, load_settings


def create_settings(**given: Any) -> Settings:
    """Settings of nothing but what is given."""
    return load_settings(CheckedSettings, _env_file=None, **given)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("base_url", "https://example.org:port"),
        ("base_url", "https://example.org:99999"),
        ("base_url", "https://me:secret@example.org"),
        ("base_url", "https://example.org/#x"),
        ("base_url", "https://приклад.укр"),
        ("base_url", "http://example.org"),
        ("stripe_api_base", "ftp://example.org"),
        ("stripe_secret_key", "sk_test_beside_no_secret"),
        ("database_url", "mysql://x"),
        ("database_url", "sqlite:///"),
        ("database_url", "sqlite:///:memory:"),
        ("redis_url", "http://127.0.0.1"),
        ("volatile_keys", "memcached://:secret@host"),
        ("secret_key", "short"),
        ("mail_url", "smtp://host:port"),
        ("mail_url", "smtp://host?tls=maybe"),
        ("mail_url", "http://host"),
        ("mail_from", "nobody"),
        ("contact_email", "nobody"),
        ("security_contact", "me@example.org"),
        ("bank_iban", "DE89 3704 0044 0532 0130 01"),
        ("bank_iban", "DE89370400440532O13000"),
        ("bank_iban", "370400440532013000"),
        ("bank_iban", "GB82"),
        ("bank_iban", "DE89 3704 0044 0532 0130 00 0000 0000 0000 0"),
        ("bank_bic", "COBADEFF37"),
        ("bank_bic", "COBA1EFF"),
        ("bank_bic", "COBADEFFXXXX"),
        ("statement_name", "12345"),
        ("statement_name", "Ve'r'bot"),
        ("statement_name", "ВІДЖИЛ"),
        ("supported_languages", ","),
        ("supported_languages", "en,en"),
        ("supported_languages", "en,xx"),
        ("supported_languages", "en,../etc"),
        ("currencies", "EUR,eur"),
        ("currencies", "EUR,EUR"),
        ("currencies", "EUR,ABC"),
        ("currencies", " , "),
        ("default_currency", "CHF"),
        ("gift_limits", "EUR:5"),
        ("gift_limits", "EUR:5:many"),
        ("gift_limits", "eur:5:50"),
        ("gift_limits", "EUR:-5:50"),
        ("gift_limits", "*:5:50"),
        ("gift_limits", "CHF:5:50"),  # not one of CURRENCIES
        ("gift_limits", "EUR:0:50"),
        ("gift_limits", "EUR:50:50"),
        ("gift_limits", "EUR:5:50,EUR:6:60"),
        ("gift_limits", "EUR:5.005:50"),  # finer than a cent
        ("gift_limits", "EUR:5:1000000"),  # more than Stripe takes at once
        ("fees", "2.9"),
        ("fees", "EUR:2.9"),
        ("fees", "EUR:2,9:0.3"),
        ("fees", "ABC:2.9:0.3"),
        ("fees", "EUR:29:0.3"),
        ("fees", "*:2.9:0.3 *:3:0.3"),
        ("recurring_fee", "0,7"),
        ("recurring_fee", "-1"),
        ("recurring_fee", "11"),
        ("form_limit", "many"),
        ("checkout_limit", "5 per hour; 2 per minute"),
        ("sign_in_limit", "0 per hour"),
    ],
)
def test_a_faulty_setting_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError) as refused:
        create_settings(**{name: value})
    named = "stripe_webhook_secrets" if name == "stripe_secret_key" else name
    assert f"\n  {named.upper()}: " in str(refused.value)
    assert "secret@" not in str(refused.value)


def test_every_fault_is_in_one_message() -> None:
    with pytest.raises(SettingsError) as refused:
        create_settings(mail_url="smtp://host?tls=no", mail_from="x", form_limit="x", base_url="x")
    for name in ("MAIL_URL", "MAIL_FROM", "FORM_LIMIT", "BASE_URL"):
        assert str(refused.value).count(f"{name}:") == 1


def test_lists_may_be_written_as_people_write_them() -> None:
    chosen = create_settings(supported_languages="en, uk ,be,", currencies="EUR USD")
    assert chosen.supported_languages == ("en", "uk", "be")
    assert chosen.currencies == ("EUR", "USD")


def test_limits_and_fees_are_written_by_currency() -> None:
    chosen = create_settings(
        gift_limits="EUR:5:5000, JPY:500:100000 ,KWD:1.5:300",
        fees="EUR:1.5:0.25 *:2.9:0.30",
        currencies="EUR,JPY,KWD",
        recurring_fee="0.7",
    )
    assert chosen.gift_limits == ("EUR:5:5000", "JPY:500:100000", "KWD:1.5:300")
    assert chosen.fees == ("EUR:1.5:0.25", "*:2.9:0.30")
    assert chosen.recurring_fee == Decimal("0.7")
    assert create_settings(fees=",").fees == ()


@pytest.mark.parametrize("entry", ["JPY:500.5:9000", "ISK:300:400.25", "KWD:1.125:9"])
def test_a_limit_is_no_finer_than_its_currency(entry: str) -> None:
    with pytest.raises(SettingsError) as refused:
        create_settings(gift_limits=entry, currencies="EUR,JPY,ISK,KWD")
    assert f"GIFT_LIMITS: {entry}: finer than" in str(refused.value)


def test_relative_places_lie_in_our_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    chosen = create_settings(
        database_url="sqlite:///instance/vigil.db", keys_dir="keys", volatile_keys="volatile"
    )
    assert chosen.database_url == f"sqlite:///{ROOT}/instance/vigil.db"
    assert chosen.keys_dir == ROOT / "keys"
    assert chosen.volatile_keys == str(ROOT / "volatile")
    elsewhere = create_settings(keys_dir="/srv/keys", volatile_keys="redis://r/0")
    assert (str(elsewhere.keys_dir), elsewhere.volatile_keys) == ("/srv/keys", "redis://r/0")


def test_bank_account_may_be_written_as_it_is_printed() -> None:
    chosen = create_settings(
        bank_iban=" de89 3704\u00a00044 0532 0130 00\n", bank_bic="cobadeff xxx", bank_name="A\nB"
    )
    assert chosen.bank_iban == "DE89370400440532013000"
    assert chosen.bank_bic == "COBADEFFXXX"
    assert chosen.bank_name == "A B"


@pytest.mark.parametrize(
    "iban",
    [
        "NO9386011117947",  # the shortest
        "MT84MALT011000012345MTLCAST001S",  # the longest in SEPA
        "GB82WEST12345698765432",
        "UA213223130000026007233566001",
    ],
)
def test_ibans_of_many_countries_are_taken(iban: str) -> None:
    assert create_settings(bank_iban=iban).bank_iban == iban
