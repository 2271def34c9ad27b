"""The keys that sign form tokens: from the settings, else from a file in KEYS_DIR."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from config.settings import Settings, SettingsError

FILE = "form-key"
SHORTEST = 32  # characters


def form_keys(settings: Settings) -> list[str]:
    """The keys, oldest first; the last one signs. Raises SettingsError.

    Before `flask init` there is no KEYS_DIR: then a key of this process alone, so that nothing
    signed by it outlives it and no well-known key is ever in use.
    """
    if settings.secret_key:
        return list(reversed(settings.secret_key))  # README: the newest first
    if not settings.keys_dir.is_dir():
        return [secrets.token_urlsafe(48)]
    path = settings.keys_dir / FILE
    try:
        make_form_key(settings.keys_dir)  # a KEYS_DIR that was restored without it
        key = path.read_text("ascii").strip()
    except OSError as error:
        raise SettingsError(
            f"SECRET_KEY: must be set, or {path} usable ({error.strerror})"
        ) from None
    except ValueError:
        key = ""
    if len(key) < SHORTEST:
        raise SettingsError(f"SECRET_KEY: {path} is damaged; remove it, and a new one is made")
    return [key]


def make_form_key(keys_dir: Path) -> None:
    """Make the file once, whole, for its owner alone; of several processes one succeeds."""
    path = keys_dir / FILE
    if path.exists():
        return
    unfinished = keys_dir / f".unfinished-{secrets.token_hex(8)}"
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(48))
            file.flush()
            os.fsync(descriptor)
        os.link(unfinished, path)
    except FileExistsError:
        return
    finally:
        unfinished.unlink(missing_ok=True)
