"""Tests that guard the house: who may import whom, where commits are, what must be documented."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from config.settings import ROOT, Settings

# Rooms from the roof to the ground; rooms of one floor do not know each other.
FLOORS = [
    {"app"},
    {"safety"},
    {"staff"},
    {"campaigns"},
    {"donate", "petitions", "volunteers"},
    {"contacts"},
    {"mail", "web"},
    {"vault"},
    {"config"},
]
FLOOR = {room: number for number, floor in enumerate(FLOORS) for room in floor}
# Views, webhooks, commands, and the worker's jobs, which are called with no transaction open.
EDGES = re.compile(
    r"^(views|views_\w+|webhooks|cli|cli_\w+|worker|jobs|refunds|missed|left_behind|comparison"
    r"|keyed_work)\.py$"
)


def source_files() -> Iterator[tuple[str, Path]]:
    """Each Python file of a room, with the room's name."""
    yield "app", ROOT / "app.py"
    for room in sorted(FLOOR):
        for path in sorted((ROOT / room).rglob("*.py")):
            yield room, path


def imported_rooms(path: Path) -> set[str]:
    """The rooms that a file imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names & (set(FLOOR) | {"demo", "tests"})


@pytest.mark.parametrize(("room", "path"), list(source_files()), ids=lambda value: str(value)[-40:])
def test_imports_run_downwards(room: str, path: Path) -> None:
    for other in imported_rooms(path) - {room}:
        assert other not in {"demo", "tests"}, f"{path} imports {other}"
        assert FLOOR[other] > FLOOR[room], f"{path}: {room} must not import {other}"


def test_only_the_gateway_knows_stripe() -> None:
    users = [
        path
        for _, path in source_files()
        if re.search(r"^\s*(import|from) stripe", path.read_text("utf-8"), re.M)
    ]
    assert users == [ROOT / "donate" / "gateway.py"]


@pytest.mark.parametrize(("room", "path"), list(source_files()), ids=lambda value: str(value)[-40:])
def test_commits_stand_at_the_edge(room: str, path: Path) -> None:
    if ".commit()" in path.read_text("utf-8"):
        in_views = path.parent.name == "views"
        assert EDGES.match(path.name) or in_views, f"{path} commits; only edges may"


def test_every_setting_is_documented() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    table = set(re.findall(r"^\| `([A-Z_]+)` \|", readme, re.M))
    assert table == {name.upper() for name in Settings.model_fields}


def page_templates() -> list[Path]:
    """Templates that are a page of their own."""
    return [
        path
        for path in sorted((ROOT / "templates").rglob("*.html"))
        if "{% extends" in path.read_text("utf-8") and path.parent.parent.name != "mail"
    ]


@pytest.mark.parametrize("path", page_templates(), ids=lambda path: str(path)[-40:])
def test_every_page_has_a_title(path: Path) -> None:
    """Its own, or that of the frame that it shares with another page; the layout's is empty."""
    text = path.read_text("utf-8")
    frame = re.search(r'\{% extends "(private/\w+\.html)" %\}', text)
    if frame:
        text = (ROOT / "templates" / frame[1]).read_text("utf-8")
    assert re.search(r"\{%-? ?block title ?-?%\}", text)


@pytest.mark.parametrize(
    "path", sorted((ROOT / "templates").rglob("*.html")), ids=lambda p: str(p)[-40:]
)
def test_no_page_has_inline_style_or_script(path: Path) -> None:
    if path.parent.parent.name == "mail" or path.name == "_layout.html":
        pytest.skip("mail clients read no stylesheet")
    text = path.read_text("utf-8")
    # a script may only come from a file of ours
    scripts = r'<script(?! type="module" src="\{\{ static_url\([^"]*"></script>)'
    assert not re.search(rf'{scripts}|<style|\sstyle=|\son[a-z]+="', text)


def test_addresses_are_kebab_case(app: Flask) -> None:
    for rule in app.url_map.iter_rules():
        words = re.sub(r"<[^>]*>", "", rule.rule)
        assert re.fullmatch(r"[a-z0-9./-]*", words), rule.rule


def test_every_mail_has_its_three_files() -> None:
    folders = [path for path in (ROOT / "templates" / "mail").iterdir() if path.is_dir()]
    assert folders
    for folder in folders:
        assert {"subject.txt", "body.txt", "body.html"} <= {path.name for path in folder.iterdir()}


def test_what_serves_is_locked_without_what_the_demo_adds() -> None:
    packages = {
        name: set(
            re.split(
                r"\n(?=\S)", (ROOT / "requirements" / f"{name}.txt").read_text("utf-8").strip()
            )
        )
        for name in ("run", "demo", "test")
    }
    more = {one.split("==")[0] for one in packages["demo"] - packages["run"]}
    assert packages["run"] < packages["demo"] < packages["test"]
    assert more == {"aiosmtpd", "atpublic", "attrs"}


def test_no_file_names_this_machine_or_a_registry() -> None:
    for path in (ROOT / "requirements").glob("*.txt"):
        text = path.read_text("utf-8")
        assert "--hash=sha256:" in text
        assert not re.search(r"https?://|index-url|find-links", text), path
