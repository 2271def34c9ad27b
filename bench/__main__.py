"""`make bench`: Vigil beside the barest Flask, in turns, on both databases; writes RESULTS.md."""

from __future__ import annotations

import argparse
import re
import socket
import tempfile
import urllib.request
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import report
from bench.bare import make_table
from bench.load import Case, Figures, middle, run
from bench.many import add_many, dashboard_milliseconds
from bench.profiling import shares
from bench.servers import Server, granian
from tests.support.instances import Instance, InstanceMaker
from tests.support.ports import free_port
from tests.support.postgres import Postgres

CLIENTS = (1, 16, 64)
PETITION = "/uk/petitions/bring-the-children-home"
PERSON = "name=Anna+K.&email=anna.NUMBER%40example.org&country=LT&consent=y&website="
HELLO = Case("hello", "get.lua")
PAGE = Case("page", "get.lua", PETITION)
INSERT = Case("insert", "post.lua", "/", (PERSON, "post", ""))
VISIT = Case("visit", "post.lua", PETITION, (PERSON + "&form_token=TOKEN", "visit", ""))


@dataclass(frozen=True)
class Pair:
    """Vigil and the bare application on one database."""

    vigil: Server
    bare: Server
    instance: Instance


def main() -> None:
    """Measure, then write."""
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--seconds", type=int, default=4, help="of each single run")
    parser.add_argument("--rounds", type=int, default=3, help="each figure is the median of these")
    parser.add_argument("--signatures", type=int, default=10_000_000, help="for the large database")
    chosen = parser.parse_args()
    results = report.Results()
    postgres = Postgres(durable=True)
    postgres.start()
    try:
        with tempfile.TemporaryDirectory() as folder:
            maker = InstanceMaker(Path(folder), postgres)
            for engine in ("sqlite", "postgresql"):
                _measure(engine, maker, postgres, chosen, results)
    finally:
        postgres.stop()
    report.write(results, chosen)


def _measure(
    engine: str,
    maker: InstanceMaker,
    postgres: Postgres,
    chosen: argparse.Namespace,
    results: report.Results,
) -> None:
    with _pair(engine, maker, postgres) as pair:
        post = Case(
            "post", "post.lua", PETITION, (PERSON + f"&form_token={_token(pair)}", "post", "")
        )
        for clients in CLIENTS:
            cases = [(HELLO, pair.bare), (PAGE, pair.vigil), (INSERT, pair.bare)]
            cases += [(post, pair.vigil), (VISIT, pair.vigil)]
            figures = _in_turns(cases, clients, chosen)
            results.rates[engine, clients] = figures
        with _half_sent(pair.vigil, 64):
            beside = _in_turns([(PAGE, pair.vigil)], 16, chosen)["page"]
        results.kept[engine] = beside.rate / results.rates[engine, 16]["page"].rate
        before = _in_turns([(PAGE, pair.vigil)], 16, chosen)["page"]
        add_many(pair.instance, chosen.signatures)
        after = _in_turns([(PAGE, pair.vigil)], 16, chosen)["page"]
        results.many[engine] = after.rate / before.rate
        results.dashboard[engine] = dashboard_milliseconds(pair.instance)
    results.profile[engine] = shares(maker.make(engine))


def _in_turns(
    cases: list[tuple[Case, Server]], clients: int, chosen: argparse.Namespace
) -> dict[str, Figures]:
    """Every case in each round, so that a slow minute of the machine falls on all alike."""
    runs: dict[str, list[Figures]] = defaultdict(list)
    for _ in range(chosen.rounds):
        for case, server in cases:
            runs[case.name].append(run(case, server, clients, chosen.seconds))
    return {name: middle(figures) for name, figures in runs.items()}


@contextmanager
def _pair(engine: str, maker: InstanceMaker, postgres: Postgres) -> Iterator[Pair]:
    instance = maker.make(engine)
    bare_url = f"sqlite:///{instance.folder / 'bare.db'}"
    if engine == "postgresql":
        bare_url = postgres.create("bare").replace("postgresql://", "postgresql+psycopg://")
    make_table(bare_url)
    ours, theirs = free_port(), free_port()
    environment = {
        **instance.environment,
        "BASE_URL": f"http://127.0.0.1:{ours}",
        "FORM_LIMIT": "1000000000 per hour",
    }
    database = (postgres.pid,) if engine == "postgresql" else ()
    with ExitStack() as stack:
        vigil = stack.enter_context(granian("app:create_app", ours, environment, "/readyz"))
        bare_environment = {"BARE_DATABASE_URL": bare_url}
        bare = stack.enter_context(granian("bench.bare:create_app", theirs, bare_environment, "/"))
        yield Pair(
            Server(f"http://127.0.0.1:{ours}", (vigil, *database)),
            Server(f"http://127.0.0.1:{theirs}", (bare, *database)),
            instance,
        )


def _token(pair: Pair) -> str:
    with urllib.request.urlopen(pair.vigil.url + PETITION, timeout=10) as answer:  # noqa: S310
        page = answer.read().decode()
    found = re.search(r'name="form_token"[^>]*?value="([^"]+)"', page)
    if found is None:
        raise RuntimeError("the petition page has no form token")
    return found[1]


@contextmanager
def _half_sent(server: Server, count: int) -> Iterator[None]:
    """Connections that begin a request and never end it."""
    host, port = server.url.removeprefix("http://").split(":")
    with ExitStack() as stack:
        for _ in range(count):
            connection = stack.enter_context(socket.create_connection((host, int(port))))
            connection.sendall(b"POST /uk/volunteer HTTP/1.1\r\nHost: " + host.encode())
        yield


main()
