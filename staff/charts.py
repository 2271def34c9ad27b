"""Bars over time: as an SVG image without script, and the same figures as a list."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pygal
from babel.dates import format_skeleton
from flask_babel import gettext as _
from pygal.style import Style

from config.languages import current_language
from donate.money import format_amount
from staff.queries import REVIEWED
from web.filters import number

MOST_DAYS = 31
MOST_WEEKS = 26
MONTHS = 12
LEAST_BARS = 7
MOST_LABELS = 6
SPAN = timedelta(days=366)  # how far back a chart may reach
SIZE = {"width": 480, "height": 210}
SMALL = {"width": 300, "height": 200}  # on a phone the large one would be too small to read
MOST_SMALL_LABELS = 3
# The palette of the pages, by day and by night; an image has no access to their stylesheet.
CSS = """
text{fill:#5f584e}
text.no_data{font-size:16px;text-anchor:middle}
.axis.x text{text-anchor:middle}.axis.y text{text-anchor:end}
.background{fill:none}.line,.guide.line{fill:none;stroke:#e2dacd}
.axis.x .guide.line{stroke:none}.rect{fill:#f0a23a}desc{display:none}
@media screen and (prefers-color-scheme:dark){text{fill:#a9a294}.line,.guide.line{stroke:#2c3343}
.rect{fill:#f3ad4e}}
"""


STYLE = Style(
    font_family='system-ui,"Segoe UI",Roboto,"Noto Sans",sans-serif',
    label_font_size=12,
    major_label_font_size=12,
    no_data_font_size=16,
)


@dataclass(frozen=True)
class Bar:
    """One stretch of time and what came in during it."""

    label: str
    value: int


@dataclass(frozen=True)
class Chart:
    """What is drawn: the same for the image, its text alternative and the table beside it."""

    name: str  # donations, signatures or volunteers
    title: str
    bars: list[Bar]
    written: Callable[[int], str]  # a value in words
    currency: str = ""

    @property
    def alternative(self) -> str:
        """The image in a sentence."""
        best = max(self.bars, key=lambda bar: bar.value)
        if not best.value:
            return str(_("%(title)s: nothing yet.", title=self.title))
        return str(
            _(
                "%(title)s from %(first)s to %(last)s. The most: %(value)s (%(when)s).",
                title=self.title,
                first=self.bars[0].label,
                last=self.bars[-1].label,
                value=self.written(best.value),
                when=best.label,
            )
        )


def kinds_of(name: str, currency: str = "") -> list[str]:
    """The counts that a chart adds up. Raises KeyError for a chart that there is not."""
    return {
        "donations": [f"donation.amount.{currency}"],
        "signatures": ["signature.confirmed"],
        # a step of review takes from one state what it adds to another: together, the new ones
        "volunteers": [f"volunteer.{state}" for state in REVIEWED],
    }[name]


def make_chart(
    name: str, counts: Mapping[str, Mapping[date, int]], today: date, currency: str = ""
) -> Chart:
    """Add the counts up by days, weeks or months, whichever suits the time they reach over."""
    sums: dict[date, int] = {}
    for kind in kinds_of(name, currency):
        for day, n in counts[kind].items():
            sums[day] = sums.get(day, 0) + n
    language = current_language()

    def money(minor: int) -> str:
        return format_amount(minor, currency, language, short=True)

    title = {
        "donations": _("Donations in %(currency)s", currency=currency),
        "signatures": _("Confirmed signatures"),
        "volunteers": _("Volunteers"),
    }[name]
    written = money if currency else number
    return Chart(name, title, _bars(sums, today, language), written, currency)


def draw(chart: Chart, *, is_small: bool = False) -> bytes:
    """The chart as SVG: no script, nothing loaded, colours for light and dark."""
    drawing = pygal.Bar(
        js=(),
        style=STYLE,
        css=[f"inline:{CSS}"],
        no_prefix=True,
        disable_xml_declaration=True,
        show_legend=False,
        rounded_bars=3,
        order_min=0,
        max_scale=5,
        show_minor_x_labels=False,
        truncate_label=-1,
        spacing=8,
        margin=12,
        no_data_text=_("Nothing yet"),
        **(SMALL if is_small else SIZE),
    )
    drawing.formatter = drawing.value_formatter = lambda value: chart.written(round(value))
    labels = [bar.label for bar in chart.bars]
    most = MOST_SMALL_LABELS if is_small else MOST_LABELS
    drawing.x_labels = labels
    drawing.x_labels_major = labels[::-1][:: math.ceil(len(labels) / most)]
    if any(bar.value for bar in chart.bars):
        drawing.add("", [bar.value for bar in chart.bars])
    drawing.add_xml_filter(_without_scripts)
    return str(drawing.render()).encode()


def _without_scripts(root: Any) -> Any:
    for parent in root.iter():
        for child in list(parent):
            if isinstance(child.tag, str) and child.tag.rsplit("}", 1)[-1] == "script":
                parent.remove(child)
    return root


def _bars(sums: Mapping[date, int], today: date, language: str) -> list[Bar]:
    first = min((day for day, n in sums.items() if n), default=today)
    if (today - first).days < MOST_DAYS:
        start_of, back, skeleton = _day, timedelta(days=1), "MMMd"
    elif (today - first).days < MOST_WEEKS * 7:
        start_of, back, skeleton = _week, timedelta(days=7), "MMMd"
    else:
        start_of, back, skeleton = _month, timedelta(days=1), "yMMM"
    starts = [start_of(today)]
    while starts[-1] > first or len(starts) < LEAST_BARS:
        if start_of is _month and len(starts) == MONTHS:
            break
        starts.append(start_of(starts[-1] - back))
    values = dict.fromkeys(reversed(starts), 0)
    for day, n in sums.items():
        if start_of(day) in values:
            values[start_of(day)] += n
    return [
        Bar(format_skeleton(skeleton, start, locale=language), n) for start, n in values.items()
    ]


def _day(day: date) -> date:
    return day


def _week(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _month(day: date) -> date:
    return day.replace(day=1)
