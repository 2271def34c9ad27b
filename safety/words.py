"""What the commands of this room say at length."""

from __future__ import annotations

from vault.services import Fault

NO_RECIPIENT = """Whom shall it be encrypted to? Nothing was made.
Make a key on another machine, which is off or offline most of the time:
    age-keygen -o vigil-backup.key        (or: flask backup-key)
Keep vigil-backup.key there and on paper. Put its public half, age1…, into BACKUP_RECIPIENT."""

NEXT_STEPS = """What is next: the keys are not in a backup.
1. Put KEYS_DIR (pin, pepper) back from its own safe place, and sign in as before.
2. Or, where KEYS_DIR is lost: flask --app app staff recover, with the recovery code from paper.
Then change what the old machine knew: the database's password, SECRET_KEY, Stripe and SMTP keys."""

WHERE_KEYS_FIT = """KEYS_DIR fits this database: start the services and sign in as before.
Who was invited, or had a link in a mail, must ask anew. Mails that waited are written anew when a
key holder signs in."""

KEYS_NOT_DROPPED = """THE VOLATILE KEYS ARE NOT DROPPED: {fault}.
Remove the directory of VOLATILE_KEYS yourself, or FLUSHALL its Redis, or turn that machine off."""

KEYS_DROPPED = "The volatile keys are dropped."
KEYS_DROPPED_AGAIN = """The volatile keys are dropped once more, in case a session that was open
then had put one back."""

NOT_STOPPED = """THE INTAKE IS NOT STOPPED: the vault was being changed at this moment.
Run this again at once."""

NO_VAULT = """THE INTAKE COULD NOT BE STOPPED: no vault stands in this database. Without one nothing
is taken in, but whoever puts it back opens the intake again. Is DATABASE_URL the right one?"""

NOT_ALL_DONE = """NOT ALL WAS DONE. Run this again, where the database is away as soon as it answers
and before the services do: then the intake is stopped for good. While it is away nothing can be
taken in either."""

NO_KEYS_DIR = """KEYS_DIR does not fit this database, so that nothing can be proven. Still stopped.
Put KEYS_DIR back from its safe place, or: flask --app app staff recover."""

RESUMED = """The intake is open again, and the index key is at hand.
All of staff must sign in anew; invite anew who was invited. Put the new outside keys into the
settings, if you revoked them, and restart the services."""

WRONG_CODES = {
    Fault.LENGTH: "The code has 56 letters and digits, in groups of four. Still stopped.",
    Fault.CHARACTER: "There is a sign in it that no code has. Still stopped.",
    Fault.CHECKSUM: "There is a typing mistake in it. Still stopped.",
}

TOO_MUCH = """
Lines with !! say what should not have been readable. What a thief with the running machine gets
besides is within what is promised: see docs/adr/0002-sealing.md."""

NOTHING_MORE = """
Nothing was read that should not be. A server taken over while it runs shows new sign-ups from then
on, and everything once a staff member signs in; that is not prevented."""
