"""One form for each e-mail address, and the keyed hash that finds it again without storing it.

The form, in which an address is only compared and never mailed to:
- spaces around it go; the local part is composed (Unicode NFC, RFC 6532) and lower-cased. Not NFKC,
  not case-folded: both would make one person of two whose addresses differ.
- the domain becomes what DNS sees: lower case, IDNA 2008 (UTS 46, non-transitional), no last dot.
- whatever is no address stays a text of its own: this function refuses nothing, the forms do.
"""

from __future__ import annotations

import hmac
import unicodedata

import idna

INDEX_BYTES = 16
LONGEST_DOMAIN = 253
DOTLESS_DOMAINS = {"gmail.com", "googlemail.com"}


def normalise(email: str) -> str:
    """Return the form of an address that is compared."""
    local, at, domain = email.strip().rpartition("@")
    return _lower(local) + at + _domain(domain)


def fold(email: str) -> str:
    """Return a coarser form, for the cap on mails alone: no +tag, and for Gmail no dots.

    Several names for one mailbox must not get it more mail; they may well be several contacts.
    """
    local, at, domain = normalise(email).rpartition("@")
    untagged = local.partition("+")[0] or local
    if domain in DOTLESS_DOMAINS:
        return untagged.replace(".", "") + at + "gmail.com"
    return untagged + at + domain


def blind_index(key: bytes, text: str) -> bytes:
    """Return 16 bytes that stand for `text` and, without the key, say nothing of it."""
    return hmac.digest(key, text.encode("utf-8", "surrogatepass"), "sha256")[:INDEX_BYTES]


def _lower(text: str) -> str:
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFC", text.lower())


def _domain(domain: str) -> str:
    if not domain.isascii() and len(domain) <= LONGEST_DOMAIN:
        try:
            domain = idna.encode(domain, uts46=True, transitional=False).decode("ascii")
        except (idna.IDNAError, UnicodeError):
            return _lower(domain).rstrip(".")
    return _lower(domain).rstrip(".")
