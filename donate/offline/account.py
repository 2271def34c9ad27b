"""Our bank account, as the settings have it."""

from __future__ import annotations

from dataclasses import dataclass

from config.check_digits import in_fours
from config.settings import settings

LONGEST_HOLDER = 70  # characters, of a SEPA transfer
# Countries whose accounts take SEPA transfers, by the letters of their IBANs (EPC409-09).
SEPA = {
    "AD", "AL", "AT", "BE", "BG", "CH", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR",
    "GB", "GI", "GR", "HR", "HU", "IE", "IS", "IT", "LI", "LT", "LU", "LV", "MC", "MD",
    "ME", "MK", "MT", "NL", "NO", "PL", "PT", "RO", "RS", "SE", "SI", "SK", "SM", "VA",
}  # fmt: skip


@dataclass(frozen=True)
class Account:
    """Where a transfer goes; BIC and bank may be empty."""

    holder: str
    iban: str
    bic: str
    bank: str

    @property
    def printed_iban(self) -> str:
        """The IBAN for people, in groups of four."""
        return in_fours(self.iban)

    @property
    def is_in_sepa(self) -> bool:
        """Whether SEPA transfers, which are in euros, reach it."""
        return self.iban[:2] in SEPA

    @property
    def currency(self) -> str:
        """What an announced transfer is in: euros by SEPA, else the usual currency here."""
        chosen = settings()
        takes_euros = self.is_in_sepa and "EUR" in chosen.currencies
        return "EUR" if takes_euros else chosen.default_currency


def our_account() -> Account | None:
    """The account for transfers; None where none is set and so none is offered."""
    chosen = settings()
    if not chosen.bank_iban:
        return None
    holder = chosen.bank_holder or " ".join(chosen.organisation.split())[:LONGEST_HOLDER].strip()
    return Account(holder, chosen.bank_iban, chosen.bank_bic, chosen.bank_name)
