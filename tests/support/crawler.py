"""Walks a site by its links and collects every form on it, as a curious visitor would."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

from flask.testing import FlaskClient

MOST_PAGES = 150
LANGUAGE = re.compile(r"^/(en|uk|be)/")
ID = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|\d{4}-\d{2}-\d{2}[^/]*|[A-Za-z0-9_-]{43}")


def place(address: str) -> str:
    """An address without ids and tokens, and the same in every language."""
    return LANGUAGE.sub("/*/", ID.sub("*", address))


@dataclass
class Field:
    """One field of a form, with what it holds and what it offers."""

    name: str
    kind: str
    value: str = ""
    options: list[str] = field(default_factory=list)


@dataclass
class Form:
    """A form as a page has it."""

    page: str
    action: str
    method: str
    fields: list[Field] = field(default_factory=list)

    @property
    def kind(self) -> str:
        """What makes it this form and no other: where it goes, without ids, and its fields."""
        names = ",".join(sorted({one.name for one in self.fields}))
        return f"{self.method} {place(self.action)} {names}"


class _Reader(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.page = page
        self.links: list[str] = []
        self.forms: list[Form] = []
        self._form: Form | None = None
        self._select: Field | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "a" and "href" in given:
            self.links.append(urljoin(self.page, given["href"]))
        elif tag == "form":
            action = urljoin(self.page, given.get("action") or self.page)
            self._form = Form(self.page, action, given.get("method", "get").lower())
            self.forms.append(self._form)
        elif self._form and tag in {"input", "select", "textarea", "button"} and given.get("name"):
            self._take(tag, given)
        elif tag == "option" and self._select is not None:
            self._select.options.append(given.get("value", ""))

    def _take(self, tag: str, given: dict[str, str]) -> None:
        assert self._form
        kind = given.get("type", "text") if tag == "input" else tag
        known = next((one for one in self._form.fields if one.name == given["name"]), None)
        if known and kind in {"radio", "checkbox"}:
            known.options.append(given.get("value", "on"))
            return
        value = given.get("value", "")
        taken = Field(given["name"], kind, value, [value] if kind in {"radio", "checkbox"} else [])
        self._form.fields.append(taken)
        self._select = taken if tag == "select" else None

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None


def read_forms(page: str, html: str) -> tuple[list[str], list[Form]]:
    """The addresses that a page leads to, and its forms."""
    reader = _Reader(page)
    reader.feed(html)
    return reader.links, reader.forms


def walk(client: FlaskClient, start: Iterable[str], within: str = "/") -> dict[str, Form]:
    """Every form that is reached from some pages, one of each kind; answers are never a fault."""
    waiting, seen = deque(start), set()
    forms: dict[str, Form] = {}
    while waiting and len(seen) < MOST_PAGES:
        address = waiting.popleft()
        parts = urlsplit(address)
        mark = place(parts.path) + "?" + ",".join(re.findall(r"(\w+)=", parts.query))
        if parts.netloc or mark in seen or not parts.path.startswith(within):
            continue
        seen.add(mark)
        answer = client.get(address)
        assert answer.status_code < 500 or answer.status_code == 503, (address, answer.text[:500])
        if answer.mimetype != "text/html":
            continue
        links, found = read_forms(parts.path, answer.text)
        waiting.extend(links)
        for form in found:
            forms.setdefault(form.kind, form)
    return forms
