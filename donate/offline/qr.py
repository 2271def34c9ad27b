"""The picture that a banking app reads a transfer from (EPC069-12, version 2.1)."""

from __future__ import annotations

import segno

from donate.offline.account import Account

LARGEST_MINOR = 99_999_999_999  # cents: EUR999999999.99
LARGEST_VERSION = 13
QUIET = 4  # modules of white around it (ISO/IEC 18004)


def transfer_code(account: Account, amount_minor: int | None = None, reference: str = "") -> str:
    """The lines of a SEPA transfer; `amount_minor` in cents, None where the donor fills it in.

    After the last line that says something comes nothing.
    """
    amount = "" if amount_minor is None else f"EUR{amount_minor // 100}.{amount_minor % 100:02}"
    lines = [
        "BCD",
        "002",
        "1",  # UTF-8
        "SCT",
        account.bic,
        account.holder,
        account.iban,
        amount,
        "",  # no purpose code
        reference,
    ]
    return "\n".join(lines).rstrip("\n")


def draw_code(code: str) -> str:
    """The picture as a data: address (SVG), black on white whatever the page is."""
    # UTF-8 without a mark of its own (ECI), which apps stumble over: the third line says it
    picture = segno.make_qr(code.encode(), error="m", boost_error=False)
    if int(picture.version) > LARGEST_VERSION:
        raise ValueError("more than a transfer's code may hold")
    address: str = picture.svg_data_uri(
        border=QUIET, light="#fff", omitsize=True, svgclass=None, lineclass=None, nl=False
    )
    return address
