"""Words of the organisation's own, in Markdown, from WORDING_DIR: `<name>.<language>.md`."""

from __future__ import annotations

from markupsafe import Markup

from config.settings import settings
from web.filters import render_markdown


def wording_text(name: str, language: str) -> str | None:
    """The words as they were written; None where there are none in this language.

    Never those of another language: our own, translated ones stand in their place then.
    """
    folder = settings().wording_dir
    if folder is None:
        return None
    try:
        return (folder / f"{name}.{language}.md").read_text("utf-8").strip() or None
    except FileNotFoundError:
        return None


def wording(name: str, language: str) -> Markup | None:
    """The words as clean HTML; None where there are none in this language."""
    text = wording_text(name, language)
    return render_markdown(text) if text else None
