"""Writes `bench/RESULTS.md`: the figures, and the ratios beside what was promised."""

from __future__ import annotations

import argparse
import os
import platform
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from bench.load import Figures

RESULTS = Path(__file__).parent / "RESULTS.md"
NAMES = {
    "hello": "bare Flask: hello",
    "page": "Vigil: petition page",
    "insert": "bare Flask: one durable INSERT",
    "post": "Vigil: signing, the post alone",
    "visit": "Vigil: signing as a fresh visitor (GET, then POST)",
}


@dataclass
class Results:
    """All that was measured."""

    rates: dict[tuple[str, int], dict[str, Figures]] = field(default_factory=dict)
    kept: dict[str, float] = field(default_factory=dict)
    many: dict[str, float] = field(default_factory=dict)
    dashboard: dict[str, float] = field(default_factory=dict)
    profile: dict[str, list[tuple[str, float]]] = field(default_factory=dict)


def write(results: Results, chosen: argparse.Namespace) -> None:
    """Write the file anew."""
    lines = _head(chosen)
    for engine in results.many:
        lines += ["", f"## {engine}", "", *_budgets(engine, results), "", *_rates(engine, results)]
        lines += ["", *_profile(engine, results)]
    RESULTS.write_text("\n".join(lines) + "\n", "utf-8")


def _head(chosen: argparse.Namespace) -> list[str]:
    return [
        "# Results",
        "",
        "Written by `make bench`. All of it ran on one machine, server, database and clients side",
        "by side, so that ratios mean more than rates. "
        f"Each figure is the median of {chosen.rounds} runs of {chosen.seconds} s taken in turns.",
        "",
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores of {processor()}, "
        f"Python {platform.python_version()}, granian with 2 workers of 4 threads; commits durable "
        "on both databases (SQLite `synchronous=FULL`, PostgreSQL `fsync=on`).",
        "",
        "Signing as a fresh visitor is two requests, compared with one bare INSERT.",
        f"“Many” is a database with {chosen.signatures:,} signatures.",
    ]


def _budgets(engine: str, results: Results) -> list[str]:
    at = {clients: results.rates[engine, clients] for clients in (1, 16, 64)}
    page = min(f["page"].rate / f["hello"].rate for f in at.values())
    visit = min(f["visit"].rate / f["insert"].rate for f in at.values())
    post = at[16]["post"]
    rows: list[tuple[str, str, str, str]] = [
        ("petition page against bare hello (the lowest of 1, 16, 64)", f"{page:.2f}", "0.4", "0.6"),
        ("signing (GET and POST) against one bare INSERT", f"{visit:.2f}", "0.20", "0.42"),
        ("processor time of a signing post, 16 clients", f"{post.cpu_ms:.1f} ms", "5 ms", "2.4 ms"),
        ("signing post, p99 at 16 clients", f"{post.p99_ms:.0f} ms", "150 ms", "60 ms"),
        ("page rate, many signatures against none", f"{results.many[engine]:.2f}", "0.95", "1"),
        ("dashboard totals, SQL, many", f"{results.dashboard[engine]:.1f} ms", "10 ms", "1 ms"),
        ("rate kept beside 64 half-sent requests", f"{results.kept[engine]:.2f}", "0.7", "0.9"),
    ]
    table = ["| what | measured | must | aim |", "|---|---|---|---|"]
    return table + [f"| {' | '.join(row)} |" for row in rows]


def _rates(engine: str, results: Results) -> list[str]:
    table = ["| clients | what | a second | p50 ms | p99 ms | CPU ms each | errors |"]
    table.append("|---|---|---|---|---|---|---|")
    for (name, clients), cases in results.rates.items():
        if name == engine:
            table += [
                f"| {clients} | {NAMES[case]} | {f.rate:,.0f} | {f.p50_ms:.1f} | {f.p99_ms:.1f} "
                f"| {f.cpu_ms:.2f} | {f.errors} |"
                for case, f in cases.items()
            ]
    return table


def _profile(engine: str, results: Results) -> list[str]:
    parts = (f"{part} {100 * share:.0f} %" for part, share in results.profile[engine])
    return [f"Where the time of a signing post goes (profiled in one process): {', '.join(parts)}."]


def processor() -> str:
    """What the machine calls its processor."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()
