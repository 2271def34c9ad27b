"""The sentences of the page "Safety": what is promised, why it matters, what to do where not."""

from __future__ import annotations

from typing import Any, NamedTuple

from flask_babel import lazy_gettext as _


class Sentences(NamedTuple):
    """Three sentences about one promise."""

    title: Any
    why: Any
    remedy: Any


SENTENCES: dict[str, Sentences] = {
    "intake": Sentences(
        _("The intake is open."),
        _("While it is stopped nobody can sign, give or sign in."),
        _("Run “flask panic --undo” with the recovery code when the danger has passed."),
    ),
    "volatile": Sentences(
        _("The index key and the mail key go with the power."),
        _("On a disk they would let a thief test guessed addresses and read mails that wait."),
        _("Set VOLATILE_KEYS to a folder on a tmpfs, or to a Redis without persistence."),
    ),
    "index-key": Sentences(
        _("The index key is at hand."),
        _("Without it new sign-ups are not matched with earlier ones."),
        _("Somebody who holds a key signs in once; the rest happens by itself."),
    ),
    "swap": Sentences(
        _("Nothing in memory is swapped to an open disk."),
        _("Swap would write keys and contacts in use to the disk, where they stay."),
        _("Turn swap off, encrypt it, or set MemorySwapMax=0 in the services."),
    ),
    "cores": Sentences(
        _("No core dump of the service is kept."),
        _("A dump is a copy of its memory, with everything that was open."),
        _("Set LimitCORE=0 in the services, and let no program of kernel.core_pattern keep dumps."),
    ),
    "keys-private": Sentences(
        _("Only the service reads KEYS_DIR."),
        _("It holds the pepper, without which nobody can even guess passphrases."),
        _("Run chmod -R go= on KEYS_DIR."),
    ),
    "settings-private": Sentences(
        _("Only the service reads its settings."),
        _("They hold the passwords of the mail server and the database, and Stripe’s keys."),
        _("Run chmod 600 on instance/settings.env."),
    ),
    "database-private": Sentences(
        _("Only the service reads the database."),
        _("Whoever reads it learns how many took part, for what, and on which day."),
        _("Run chmod 700 on the folder of the database."),
    ),
    "keys-apart": Sentences(
        _("KEYS_DIR is not in the folder of the database."),
        _("Whoever copies that folder would take both, and could guess passphrases."),
        _("Move KEYS_DIR elsewhere, and keep a copy of it apart from the backups."),
    ),
    "no-backup-beside": Sentences(
        _("No backup lies beside the database or the keys."),
        _("It would be taken together with them, and be lost together with them."),
        _("Move backups to another machine."),
    ),
    "https": Sentences(
        _("Visitors reach these pages encrypted."),
        _("Else their provider reads what they send and where they sign."),
        _("Set BASE_URL to an address with https."),
    ),
    "two-holders": Sentences(
        _("Two people or more hold a key."),
        _("Where one alone does, an illness or an arrest leaves only the recovery code."),
        _("Invite somebody with a role that opens contacts, on the page “Team”."),
    ),
    "recovery": Sentences(
        _("The recovery code opens this vault."),
        _("It is the last way when all passphrases are lost."),
        _(
            "Run “flask staff rotate --new-recovery-code” on the server, and write the new code "
            "down twice."
        ),
    ),
    "second-factors": Sentences(
        _("Everybody has set up a second factor."),
        _("Without it a passphrase that was overheard is enough to sign in."),
        _("Ask those who have not to sign in and follow the page."),
    ),
    "alerts": Sentences(
        _("Two people or more are told of exports and of the audit log."),
        _("One alone could lose these mails, or hide them."),
        _("Put two addresses or more into ALERT_EMAILS."),
    ),
    "backup": Sentences(
        _("There is an encrypted backup of this week."),
        _("Without one a broken or seized machine takes everything with it."),
        _("Set BACKUP_RECIPIENT and let a timer run “flask backup”."),
    ),
    "audit-head": Sentences(
        _("The mark of the audit log was mailed in the last two days."),
        _("With it the log cannot be cut or written anew unnoticed."),
        _("See that the mail worker runs and that ALERT_EMAILS is set."),
    ),
}
