"""The pages that a link in a mail leads to."""

from __future__ import annotations

from web.public import public_blueprint

contacts = public_blueprint("contacts", __name__)
