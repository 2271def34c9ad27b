"""Settings are refused loudly, all faults in one message."""

from __future__ import annotations

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
