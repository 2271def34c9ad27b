"""The files of a campaign: `campaign.toml` and one file for each language."""

from __future__ import annotations

import tomllib
from datetime import date
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError


class BadContent(Exception):
    """A campaign's file cannot be used; the message names the file and every fault."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PetitionFacts(_Part):
    """What is the same in every language."""

    slug: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=80)
    goal: int = Field(gt=0)
    closes: date | None = None  # the last day (UTC) on which one can sign


class CampaignFacts(_Part):
    """`campaign.toml`."""

    slug: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=80)
    position: int
    tags: list[str]
    sister: str | None = None
    fund: str
    petition: PetitionFacts


class Fact(_Part):
    """A figure, what it counts, and the number of its source."""

    figure: str
    text: str
    source: int = Field(ge=1)


class Source(_Part):
    """A note."""

    text: str


class Call(_Part):
    """A call to action."""

    title: str
    text: str
    button: str


class Calls(_Part):
    """The four calls to action."""

    spread: Call
    press: Call
    volunteer: Call
    aid: Call


class PetitionWords(_Part):
    """The petition in one language."""

    title: str
    addressee: str
    summary: str
    text: str


class Thanks(_Part):
    """Thanks for a signature and for a gift."""

    sign: str
    give: str


class Words(_Part):
    """`<language>.toml`."""

    title: str
    kicker: str
    summary: str
    share: str
    story: str
    facts: list[Fact] = []
    sources: list[Source] = []
    calls: Calls
    petition: PetitionWords
    thanks: Thanks


class Content(BaseModel):
    """A whole campaign as its folder has it."""

    facts: CampaignFacts
    words: dict[str, Words]


def read_campaigns(folder: Path) -> list[Content]:
    """Every campaign in a folder, one folder each. Raises BadContent."""
    found = sorted(path.parent for path in folder.glob("*/campaign.toml"))
    if not found:
        raise BadContent(f"{folder}: no folder with a campaign.toml in it")
    return [_read_campaign(path) for path in found]


def _read_campaign(folder: Path) -> Content:
    words = {
        path.stem: _read(path, Words)
        for path in sorted(folder.glob("*.toml"))
        if path.name != "campaign.toml"
    }
    if not words:
        raise BadContent(f"{folder}: no text in any language")
    return Content(facts=_read(folder / "campaign.toml", CampaignFacts), words=words)


def _read(path: Path, model: Any) -> Any:
    try:
        return model.model_validate(tomllib.loads(path.read_text("utf-8")))
    except tomllib.TOMLDecodeError as error:
        raise BadContent(f"{path}: {error}") from error
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, f['loc']))}: {f['msg']}" for f in error.errors()]
        raise BadContent(f"{path}: " + "; ".join(faults)) from error
