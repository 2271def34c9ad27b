"""The code for banking apps, line by line as EPC069-12 has it, and the picture read back."""

from __future__ import annotations

import re
from urllib.parse import unquote

import pytest
import segno

from donate.offline.account import Account
from donate.offline.qr import LARGEST_MINOR, draw_code, transfer_code
from donate.offline.references import make_reference
from tests.unit.donate.offline.reading import read_svg

IBAN = "DE89370400440532013000"
WATCH = Account("Night Watch", IBAN, "COBADEFFXXX", "Commerzbank")


def test_each_line_is_where_the_standard_has_it() -> None:
    code = transfer_code(WATCH, 2_500, "RF18539007547034")
    assert code.split("\n") == [
        "BCD",  # service tag
        "002",  # version
        "1",  # UTF-8
        "SCT",  # SEPA credit transfer
        "COBADEFFXXX",
        "Night Watch",
        IBAN,
        "EUR25.00",
        "",  # purpose
        "RF18539007547034",  # structured; then no unstructured one may follow
    ]


def test_without_a_bic_its_line_is_empty() -> None:
    lines = transfer_code(Account("X", IBAN, "", ""), 1, "RF18539007547034").split("\n")
    assert lines[4:8] == ["", "X", IBAN, "EUR0.01"]


def test_without_amount_and_reference_nothing_follows_the_account() -> None:
    assert transfer_code(WATCH).split("\n")[6:] == [IBAN]
    assert transfer_code(WATCH, 100).split("\n")[6:] == [IBAN, "EUR1.00"]
    assert transfer_code(WATCH, None, "RF18539007547034").split("\n")[7:] == [
        "",
        "",
        "RF18539007547034",
    ]


@pytest.mark.parametrize(
    ("minor", "written"),
    [
        (1, "0.01"),
        (10, "0.10"),
        (100, "1.00"),
        (123_456, "1234.56"),
        (LARGEST_MINOR, "999999999.99"),
    ],
)
def test_amount_has_two_decimals_and_a_point(minor: int, written: str) -> None:
    assert transfer_code(WATCH, minor).split("\n")[7] == f"EUR{written}"


@pytest.mark.parametrize(
    "holder", ["Night Watch", "Нічна варта «Ліхтар»", "Ў" * 70, "Association “L’Été” & Søn"]
)
def test_the_picture_says_what_the_code_says(holder: str) -> None:
    """Read back module by module; no ECI, level M, at most version 13."""
    code = transfer_code(Account(holder, IBAN, "COBADEFFXXX", ""), LARGEST_MINOR, make_reference())
    assert len(code.encode()) <= 331
    read = read_svg(unquote(draw_code(code).removeprefix("data:image/svg+xml;charset=utf-8,")))
    assert read.text == code
    assert read.level == "M"
    assert read.version <= 13
    assert read.quiet == 4


def test_segno_would_draw_the_same() -> None:
    """Its own helper for these codes, where the two agree: an amount that ends in no zero."""
    from segno.helpers import make_epc_qr

    theirs = make_epc_qr(
        WATCH.holder, IBAN, "25.75", reference="RF18539007547034", bic=WATCH.bic, encoding=1
    )
    ours = segno.make_qr(
        transfer_code(WATCH, 2_575, "RF18539007547034").encode(), error="m", boost_error=False
    )
    assert ours.matrix == theirs.matrix


def test_the_picture_needs_no_style_and_loads_nothing() -> None:
    svg = unquote(draw_code(transfer_code(WATCH, 2_500, "RF18539007547034")))
    assert svg.startswith("data:image/svg+xml;charset=utf-8,<svg ")
    assert not re.search(r"style|script|href|url\(|class", svg)


def test_what_is_too_long_is_not_drawn() -> None:
    with pytest.raises(ValueError, match="more than"):
        draw_code("x" * 332)
