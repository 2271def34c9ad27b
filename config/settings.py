"""Every setting, parsed once, typed, and refused loudly: all faults in one message."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import limits
from babel import Locale, UnknownLocaleError
from babel.numbers import is_currency
from flask import current_app
from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from config.check_digits import is_checked

ROOT = Path(__file__).resolve().parent.parent
INSTANCE = ROOT / "instance"
LIVE_KEY = re.compile(r"^(sk|rk)_live_")
BY_CURRENCY = re.compile(
    r"([A-Z]{3}|\*):([0-9]{1,9}(?:\.[0-9]{1,3})?):([0-9]{1,9}(?:\.[0-9]{1,3})?)"
)
AGE_RECIPIENT = re.compile(r"age1[02-9ac-hj-np-z]{58}")  # bech32, X25519
MOST_PERCENT = 20  # that a payment may cost
LOOPBACK_HOSTS = {"127.0.0.1", "localhost", "::1"}

Words = Annotated[tuple[str, ...], NoDecode]


class SettingsError(SystemExit):
    """The settings cannot be used; the message names every fault.

    A SystemExit, so that each way of starting prints the message and not a traceback.
    """


class Settings(BaseSettings):
    """The settings of one installation, read from the environment and `instance/settings.env`.

    README.md describes each in its table; a test holds that table to this class.
    """

    model_config = SettingsConfigDict(
        env_file=INSTANCE / "settings.env", extra="ignore", frozen=True, env_ignore_empty=True
    )

    base_url: str = "http://127.0.0.1:8000"
    secret_key: Words = ()
    database_url: str = f"sqlite:///{INSTANCE / 'vigil.db'}"
    keys_dir: Path = INSTANCE / "keys"
    volatile_keys: str = str(INSTANCE / "volatile")
    redis_url: str = ""
    trusted_proxies: int = Field(default=0, ge=0, le=5)

    stripe_secret_key: str = ""
    stripe_webhook_secrets: Words = ()
    stripe_api_base: str = ""
    stripe_refund_key: str = ""
    refused_card_countries: Words = ("BY", "RU")

    mail_url: str = "smtp://127.0.0.1:1025"
    mail_from: str = "Vigil <vigil@example.org>"
    mails_per_address: int = Field(default=3, ge=1, le=20)
    alert_emails: Words = ()
    discreet_from: str = ""
    quick_exit_url: str = "https://www.wikipedia.org/"

    organisation: str = "Vigil"
    organisation_address: str = ""
    organisation_number: str = ""
    wording_dir: Path | None = None
    contact_email: str = "contact@example.org"
    security_contact: str = ""
    statement_name: str = Field(default="VIGIL DONATION", min_length=5, max_length=22)
    bank_holder: str = Field(default="", max_length=70)
    bank_iban: str = ""
    bank_bic: str = ""
    bank_name: str = ""

    supported_languages: Words = ("en", "uk", "be")
    currencies: Words = ("EUR", "USD", "GBP", "PLN", "UAH")
    default_currency: str = "EUR"
    gift_limits: Words = ()
    fees: Words = ("*:2.9:0.30",)
    recurring_fee: Decimal = Field(default=Decimal("0.7"), ge=0, le=10)

    # not less than what it takes to confirm one
    signatures_kept_days: int = Field(default=90, ge=7, le=3650)
    declined_kept_days: int = Field(default=180, ge=1, le=3650)
    donors_kept_days: int = Field(default=730, ge=30, le=3650)
    backup_recipient: str = ""

    form_limit: str = "30 per hour"
    checkout_limit: str = "5 per hour"
    checkout_limit_overall: str = "120 per 10 minutes"
    sign_in_limit: str = "20 per hour"
    max_body_bytes: int = Field(default=64 * 1024, ge=8 * 1024)
    page_cache_seconds: float = Field(default=0.5, ge=0, le=600)

    @field_validator(
        "secret_key",
        "stripe_webhook_secrets",
        "supported_languages",
        "currencies",
        "refused_card_countries",
        "alert_emails",
        "gift_limits",
        "fees",
        mode="before",
    )
    @classmethod
    def _split(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        return tuple(word for word in re.split(r"[\s,]+", value) if word)

    @field_validator("base_url", "stripe_api_base", "quick_exit_url")
    @classmethod
    def _web_address(cls, value: str) -> str:
        if value and not _is_web_address(value):
            raise ValueError("must be a web address such as https://example.org")
        return value.rstrip("/")

    @field_validator("base_url")
    @classmethod
    def _encrypted_or_local(cls, value: str) -> str:
        parts = urlsplit(value)
        host = parts.hostname or ""
        if parts.scheme == "http" and host not in LOOPBACK_HOSTS and not host.endswith(".onion"):
            raise ValueError("must be https:// (http:// only on this machine or for an .onion)")
        if parts.path not in {"", "/"} or parts.query or parts.fragment or "@" in parts.netloc:
            raise ValueError("must be a bare host: addresses on it start with the language")
        return value

    @field_validator("database_url")
    @classmethod
    def _driver(cls, value: str) -> str:
        if value.startswith(("postgresql://", "postgres://")):
            return "postgresql+psycopg://" + value.split("://", 1)[1]
        if value.startswith("sqlite:///"):
            return _sqlite_file(value.removeprefix("sqlite:///"))
        if not value.startswith("postgresql+psycopg://"):
            raise ValueError("must start with sqlite:/// or postgresql://")
        return value

    @field_validator("keys_dir")
    @classmethod
    def _from_our_folder(cls, value: Path) -> Path:
        return ROOT / value

    @field_validator("volatile_keys")
    @classmethod
    def _directory_or_redis(cls, value: str) -> str:
        if "://" not in value:
            return str(ROOT / value)
        if not value.startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("must be a directory, or an address that starts with redis://")
        return value

    @field_validator("redis_url")
    @classmethod
    def _redis(cls, value: str) -> str:
        if value and not value.startswith(("redis://", "rediss://", "redis+unix://")):
            raise ValueError("must start with redis://")
        return value

    @field_validator("mail_url")
    @classmethod
    def _mail_server(cls, value: str) -> str:
        if urlsplit(value).scheme not in {"smtp", "smtps"} or not urlsplit(value).hostname:
            raise ValueError("must look like smtp://user:password@host:587?tls=starttls")
        return value

    @field_validator("secret_key")
    @classmethod
    def _long_enough(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if any(len(key) < 32 for key in value):
            raise ValueError("each key must have 32 characters or more")
        return value

    @field_validator("backup_recipient")
    @classmethod
    def _age_key(cls, value: str) -> str:
        if value and not AGE_RECIPIENT.fullmatch(value):
            raise ValueError("must be an age public key, which starts with age1")
        return value

    @field_validator("stripe_webhook_secrets")
    @classmethod
    def _beside_a_key(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if info.data.get("stripe_secret_key") and not any(value):
            raise ValueError("must be set beside STRIPE_SECRET_KEY: else anybody forges payments")
        return tuple(filter(None, value))

    @field_validator("stripe_api_base")
    @classmethod
    def _never_beside_a_live_key(cls, value: str, info: ValidationInfo) -> str:
        if value and LIVE_KEY.match(info.data.get("stripe_secret_key", "")):
            raise ValueError("must not be set beside a live key")
        return value

    @field_validator("stripe_refund_key")
    @classmethod
    def _of_the_same_mode(cls, value: str, info: ValidationInfo) -> str:
        key = info.data.get("stripe_secret_key", "")
        if value and bool(LIVE_KEY.match(value)) is not bool(LIVE_KEY.match(key)):
            raise ValueError("must be of the same mode, live or test, as STRIPE_SECRET_KEY")
        return value

    @field_validator("refused_card_countries")
    @classmethod
    def _countries(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := [code for code in value if not re.fullmatch(r"[A-Z]{2}", code)]:
            raise ValueError(f"no code of a country (ISO 3166): {', '.join(unknown)}")
        return value

    @field_validator("alert_emails")
    @classmethod
    def _addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(re.fullmatch(r"[^@\s]+@[^@\s]+", address) for address in value):
            raise ValueError("must be addresses like contact@example.org")
        return value

    @field_validator("wording_dir")
    @classmethod
    def _folder(cls, value: Path | None) -> Path | None:
        if value is not None and not (ROOT / value).is_dir():
            raise ValueError("must be a folder that can be read")
        return None if value is None else ROOT / value

    @field_validator("contact_email")
    @classmethod
    def _address(cls, value: str) -> str:
        if not re.fullmatch(r"[^@\s]+@[^@\s]+", value):
            raise ValueError("must be an address like contact@example.org")
        return value

    @field_validator("security_contact")
    @classmethod
    def _address_of_any_kind(cls, value: str) -> str:
        if value and not re.fullmatch(r"(mailto:|https://|tel:)\S+", value):
            raise ValueError("must start with mailto:, https:// or tel:")  # RFC 9116 2.5.3
        return value

    @field_validator("bank_iban", "bank_bic", mode="before")
    @classmethod
    def _as_printed(cls, value: Any) -> Any:
        return re.sub(r"\s", "", value).upper() if isinstance(value, str) else value

    @field_validator("bank_iban")
    @classmethod
    def _iban(cls, value: str) -> str:
        if value and not (15 <= len(value) <= 34 and is_checked(value)):  # ISO 13616
            raise ValueError("must be an IBAN: its check digits do not fit")
        return value

    @field_validator("bank_bic")
    @classmethod
    def _bic(cls, value: str) -> str:
        if value and not re.fullmatch(r"[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}([A-Z0-9]{3})?", value):
            raise ValueError("must be a BIC of 8 or 11 signs (ISO 9362)")
        return value

    @field_validator("bank_holder", "bank_name")
    @classmethod
    def _one_line(cls, value: str) -> str:
        return " ".join(value.split())

    @field_validator("statement_name")
    @classmethod
    def _fit_for_a_statement(cls, value: str) -> str:
        # docs.stripe.com/get-started/account/statement-descriptors
        if not re.fullmatch(r"(?=.*[A-Za-z])[ -~]+", value) or set(value) & set("<>\\'\"*"):
            raise ValueError("must be Latin, with a letter and without < > \\ ' \" *")
        return value

    @field_validator("supported_languages")
    @classmethod
    def _known_languages(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value or len(set(value)) < len(value):
            raise ValueError("must name each language once, such as en,uk,be")
        if unknown := [code for code in value if not _is_language(code)]:
            raise ValueError(f"no code of a language: {', '.join(unknown)}")
        return value

    @field_validator("currencies")
    @classmethod
    def _known_currencies(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value or len(set(value)) < len(value):
            raise ValueError("must name each currency once, such as EUR,USD")
        if unknown := [code for code in value if not (code.isupper() and is_currency(code))]:
            raise ValueError(f"no code of a currency (ISO 4217): {', '.join(unknown)}")
        return value

    @field_validator("gift_limits")
    @classmethod
    def _smallest_and_largest(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        offered = info.data.get("currencies", ())
        for entry, (currency, smallest, largest) in _numbers_by_currency(value, "EUR:5:5000"):
            if offered and currency not in offered:
                raise ValueError(f"{entry}: {currency} is not one of CURRENCIES")
            if not 0 < smallest < largest:
                raise ValueError(f"{entry}: the smallest gift must be above 0, the largest larger")
        return value

    @field_validator("fees")
    @classmethod
    def _percent_and_fixed(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for entry, (currency, percent, _fixed) in _numbers_by_currency(value, "EUR:1.5:0.25"):
            if currency != "*" and not is_currency(currency):
                raise ValueError(f"{entry}: no code of a currency (ISO 4217), nor *")
            if percent > MOST_PERCENT:
                raise ValueError(f"{entry}: more than {MOST_PERCENT} percent cannot be right")
        return value

    @field_validator("form_limit", "checkout_limit", "checkout_limit_overall", "sign_in_limit")
    @classmethod
    def _one_limit(cls, value: str) -> str:
        try:
            (found,) = limits.parse_many(value)
        except ValueError:
            raise ValueError("must look like 30 per hour") from None
        if found.amount < 1:
            raise ValueError("must let something through, such as 30 per hour")
        return value

    @field_validator("default_currency")
    @classmethod
    def _one_of_the_currencies(cls, value: str, info: ValidationInfo) -> str:
        if value not in info.data.get("currencies", (value,)):
            raise ValueError("must be one of CURRENCIES")
        return value

    @property
    def is_secure(self) -> bool:
        """Whether visitors reach the service over https, so that cookies may ask for it."""
        return self.base_url.startswith("https://")

    @property
    def is_livemode(self) -> bool:
        """Whether the Stripe key moves real money."""
        return bool(LIVE_KEY.match(self.stripe_secret_key))


def _is_web_address(value: str) -> bool:
    parts = urlsplit(value)
    try:
        is_port = parts.port is None or parts.port > 0
    except ValueError:
        return False
    return (
        parts.scheme in {"http", "https"} and bool(parts.hostname) and is_port and value.isascii()
    )


def _numbers_by_currency(
    entries: tuple[str, ...], example: str
) -> Iterator[tuple[str, tuple[str, Decimal, Decimal]]]:
    """Each entry as it is written and as it is meant; raises ValueError."""
    seen = set()
    for entry in entries:
        found = BY_CURRENCY.fullmatch(entry)
        if found is None:
            raise ValueError(f"{entry}: must look like {example}")
        if found[1] in seen:
            raise ValueError(f"{entry}: {found[1]} is named twice")
        seen.add(found[1])
        yield entry, (found[1], Decimal(found[2]), Decimal(found[3]))


def _sqlite_file(place: str) -> str:
    """The address of a database file; a relative one lies in our folder, wherever we start."""
    if not place or place.startswith((":", "?")):
        raise ValueError("must name a file: what is in memory alone is lost, and each thread's own")
    return f"sqlite:///{ROOT / place}"


def _is_language(code: str) -> bool:
    try:
        return re.fullmatch(r"[a-z]{2,3}", code) is not None and bool(Locale.parse(code))
    except UnknownLocaleError:
        return False


def load_settings(kind: type[Settings] = Settings, **given: Any) -> Settings:
    """Read the settings; `given` wins over the environment. Raises SettingsError.

    `kind` may check more: what only a room above knows.
    """
    try:
        return kind(**given)
    except ValidationError as error:
        lines = [
            f"  {'.'.join(str(part) for part in fault['loc']).upper() or 'SETTINGS'}: "
            + fault["msg"].removeprefix("Value error, ")
            for fault in error.errors(include_input=False, include_url=False)
        ]
        raise SettingsError(
            "Vigil cannot start with these settings:\n" + "\n".join(lines)
        ) from None


def settings() -> Settings:
    """The settings of the application in hand."""
    current: Settings = current_app.extensions["vigil_settings"]
    return current
