"""Moments that tests stand on."""

from __future__ import annotations

from datetime import UTC, datetime

NOW = datetime.now(UTC).replace(microsecond=0)
