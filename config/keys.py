"""The keys that sign form tokens: from the settings, else from a file made at `flask init`."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from config.settings import Settings

FILE = "form-key"


def form_keys(settings: Settings) -> list[str]:
    """The keys, oldest first; the last one signs.

    Without any (before `flask init`) a key of this process alone, so that nothing signed by it
    outlives it and no well-known key is ever in use.
    """
    if settings.secret_key:
        return list(reversed(settings.secret_key))  # README: the newest first
    path = settings.keys_dir / FILE
    return [path.read_text("ascii")] if path.exists() else [secrets.token_urlsafe(48)]


def make_form_key(keys_dir: Path) -> None:
    """Make the file once; only its owner may read it."""
    try:
        descriptor = os.open(keys_dir / FILE, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_urlsafe(48))
