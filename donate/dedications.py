"""In whose honour or memory a gift is made: for staff, and for the donor's own receipt."""

from __future__ import annotations

from typing import Any

from flask_babel import force_locale
from flask_babel import lazy_gettext as _

LONGEST = 100  # characters of a name

HONOUR, MEMORY = "honour", "memory"
KINDS: dict[str, Any] = {HONOUR: _("In honour of"), MEMORY: _("In memory of")}


def dedication_line(kind: str, name: str, language: str) -> str:
    """The dedication as a line in a language; empty for a kind that there is not."""
    with force_locale(language):
        if kind == HONOUR:
            return str(_("In honour of %(name)s", name=name))
        return str(_("In memory of %(name)s", name=name)) if kind == MEMORY else ""
