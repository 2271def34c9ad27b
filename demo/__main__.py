"""`make run`: the whole product for a first look, and what stands in for the outside world."""

from __future__ import annotations

from demo.start import main

main()
