"""The suggested amounts: for each currency a group of its own, so that each has its choice."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _
from wtforms import StringField

from config.settings import settings
from donate.currencies import limits
from donate.money import NoAmount, format_amount

SuggestedGroup = tuple[str, list[tuple[str, str, bool]]]


class WrongTile(ValueError):
    """A tile of another currency, or none of ours; `message` tells the donor what to do."""

    def __init__(self, message: Any) -> None:
        super().__init__(type(self).__name__)
        self.message = message


class SuggestedField(StringField):
    """One tile of each currency's; a post may also name one tile alone, as `suggested`."""

    def process(self, formdata: Any, *more: Any, **options: Any) -> None:
        """Read the groups of a post; `data` may name a tile to begin with."""
        super().process(formdata, *more, **options)
        prefix = f"{self.name}-"
        self.chosen = {
            name.removeprefix(prefix): formdata[name]
            for name in formdata or ()
            if name.startswith(prefix)
        }

    def groups_in(self, language: str) -> list[SuggestedGroup]:
        """For each currency its tiles: value, label, whether it is chosen, as one always is."""
        return [(code, self._tiles(code, language)) for code in settings().currencies]

    def minor_in(self, currency: str) -> int:
        """What was chosen, in minor units. Raises NoAmount and WrongTile."""
        value = self.chosen.get(currency) or self.data
        if not value:
            raise NoAmount(_("Choose an amount or enter your own."))
        for code in settings().currencies:
            if value not in _values(code):
                continue
            if code != currency:
                raise _of_another(code, currency)
            return int(value.partition("-")[0])
        raise WrongTile(_("Choose one of the amounts, or type your own."))

    def _tiles(self, currency: str, language: str) -> list[tuple[str, str, bool]]:
        values, sums = _values(currency), limits(currency).suggested
        wishes = (self.chosen.get(currency), self.data, values[1])
        chosen = next(value for value in wishes if value in values)
        return [
            (value, format_amount(minor, currency, language, short=True), value == chosen)
            for value, minor in zip(values, sums, strict=True)
        ]


def tile_value(minor: int, currency: str) -> str | None:
    """The value of the tile with this amount; None where there is no such tile."""
    value = f"{minor}-{currency}"
    return value if value in _values(currency) else None


def _values(currency: str) -> list[str]:
    return [f"{minor}-{currency}" for minor in limits(currency).suggested]


def _of_another(chosen: str, currency: str) -> WrongTile:
    return WrongTile(
        _(
            "The amount you chose is in %(chosen)s, but the currency is %(currency)s. "
            "Choose an amount in %(currency)s, or type one.",
            chosen=chosen,
            currency=currency,
        )
    )
