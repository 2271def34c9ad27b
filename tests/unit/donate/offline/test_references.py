"""References that a bank's computer takes and a tired person can copy."""

from __future__ import annotations

import re

import pytest

from donate.offline.references import (
    NoReference,
    make_reference,
    parse_reference,
    print_reference,
)


def test_a_reference_is_random_and_passes_its_own_check() -> None:
    made = {make_reference() for _ in range(500)}
    assert len(made) == 500
    for reference in made:
        assert re.fullmatch(r"RF[0-9]{2}[2-9A-HJ-NP-Z]{10}", reference)
        assert parse_reference(reference) == reference


def test_every_sign_is_used() -> None:
    signs = set("".join(make_reference()[4:] for _ in range(500)))
    assert len(signs) == 32


@pytest.mark.parametrize(
    "typed",
    [
        "RF18539007547034",
        "rf18 5390 0754 7034",
        " RF18-5390-0754-7034\n",
        "RF18\u00a05390\u00a00754\u00a07034",
        "RF18.5390/0754,7034",
    ],
)
def test_typed_in_any_way_it_is_the_same(typed: str) -> None:
    assert parse_reference(typed) == "RF18539007547034"


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "RF",
        "RF18",
        "RF19539007547034",
        "RF18539007547043",
        "GB82WEST12345698765432",
        "RF18539007547034é",
        "RF1853900754703٤",
        "RF" + "9" * 400,
        "thank you",
    ],
)
def test_anything_else_is_none(typed: str) -> None:
    with pytest.raises(NoReference):
        parse_reference(typed)


def test_printed_in_fours() -> None:
    assert print_reference("RF18539007547034") == "RF18 5390 0754 7034"
