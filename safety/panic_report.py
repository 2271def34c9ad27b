"""What `flask panic` says: what it did, what is still readable, what to revoke and where."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from sqlalchemy.engine import make_url

from config.settings import Settings
from safety.panic import Ended
from vault.volatile import StoreFacts

STRIPE_KEYS = "https://dashboard.stripe.com/apikeys"
STRIPE_WEBHOOKS = "https://dashboard.stripe.com/webhooks"
SHOWN = 4  # characters of a key, to tell it from others


def ended_words(ended: Ended) -> str:
    """One line about what was ended."""
    return (
        f"{ended.sessions} staff sessions ended, {ended.browsers} known browsers forgotten, "
        f"{ended.invitations} invitations withdrawn, {ended.mails} waiting mails made unreadable, "
        f"{ended.links} private links ended, {ended.copies} copies locked."
    )


def remaining(counts: Mapping[str, int], store: StoreFacts | None) -> Iterator[str]:
    """What somebody who takes the machine now still reads, and what they do not."""
    yield "What is still readable for who takes this machine:"
    yield (
        f"- that there are {counts['contact']} contacts, {counts['signature']} signatures, "
        f"{counts['volunteer_signup']} offers to help and {counts['donation']} gifts: for which "
        "petition or purpose, on which day, in which language; totals by country;"
    )
    yield "- sums of gifts and Stripe's numbers: Stripe tells its authorities who gave;"
    yield f"- the names of {counts['staff_member']} members of staff, and the audit log by ids;"
    yield "- settings: passwords of database and mail server, Stripe's keys (revoke them: below);"
    yield "- what running processes have in memory: restart the services, or turn the machine off."
    yield "Sealed, and to be opened only by a passphrase of six words or the recovery code:"
    yield "- names, addresses, phone numbers, messages, of every contact."
    yield "  KEYS_DIR's pepper lets who has it guess passphrases (77 bits: hopeless). To make even"
    yield "  that impossible, destroy KEYS_DIR; the recovery code opens all the same."
    if store is not None and store.kind == "directory" and not store.vanishes:
        yield "- VOLATILE_KEYS lies on a disk: its files were overwritten, but a journal or flash"
        yield "  disk may keep them. Put it on a tmpfs."


def to_revoke(chosen: Settings) -> Iterator[str]:
    """The keys outside, each with the place where it is revoked."""
    yield "Revoke outside, now, from another machine:"
    for name, key in (
        ("STRIPE_SECRET_KEY", chosen.stripe_secret_key),
        ("STRIPE_REFUND_KEY", chosen.stripe_refund_key),
    ):
        if key:
            yield f"- {name} (…{key[-SHOWN:]}): {STRIPE_KEYS}, Restricted keys, Roll or Delete"
    if chosen.stripe_webhook_secrets:
        yield f"- {len(chosen.stripe_webhook_secrets)} webhook secret(s): {STRIPE_WEBHOOKS}, Roll"
    mail = urlsplit(chosen.mail_url)
    user = f" of {mail.username}" if mail.username else ""
    yield f"- MAIL_URL: the password{user} at {mail.hostname}, in your mail provider's console"
    database = make_url(chosen.database_url)
    if database.host:
        yield f"- DATABASE_URL: the password of {database.username} at {database.host}"
    for name, address in (
        ("VOLATILE_KEYS", chosen.volatile_keys),
        ("REDIS_URL", chosen.redis_url),
    ):
        if "://" in address and urlsplit(address).hostname:
            yield f"- {name}: the password at {urlsplit(address).hostname}"
    if chosen.secret_key:
        yield "- SECRET_KEY: put a new one into the settings"
    host = urlsplit(chosen.base_url).hostname
    yield f"- {host}: your DNS provider and your host: sessions, API keys, SSH keys, and a word to"
    yield "  them not to hand anything out unasked; the certificate, at its issuer"
    yield "- passwords and tokens of the people who had a terminal on this machine"


NEXT = """Visitors now read a page that says that nothing is taken in. Stripe sends its events again
for three days. Undo, on a machine that you trust: flask --app app panic --undo, with the recovery
code."""
