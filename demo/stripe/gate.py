"""Holds every request, object and event to Stripe's own OpenAPI description, where it is at hand.

The description is not part of this project: it is read from STRIPE_SPEC, or from `shared/stripe`
beside the project. It needs jsonschema, which is in the test environment only. Without either the
gate is open, and only the handlers' own checks remain.
"""

import importlib.util
import os
import re
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from demo.stripe.errors import StripeError, invalid

BESIDE_THE_PROJECT = Path(__file__).resolve().parents[3] / "shared" / "stripe"
# What comes in and what goes out must satisfy both.
DESCRIPTIONS = ("openapi-trimmed.json.gz", "openapi-trimmed-endive.json.gz")


class DescriptionBroken(Exception):
    """The stand-in built something that Stripe would never send: a fault in the stand-in."""


class Gate:
    """With no descriptions it lets everything pass."""

    def __init__(self, descriptions: Mapping[str, Any]) -> None:
        self.descriptions = descriptions

    @property
    def is_closed(self) -> bool:
        """Whether there is a description to hold anything to."""
        return bool(self.descriptions)

    def check_request(self, method: str, path: str, body: str, query: str) -> None:
        """Raises StripeError for what either API version would refuse, whichever the caller speaks:
        a request that both take survives the next update of the SDK.
        """
        for description in self.descriptions.values():
            _, faults = description.request(method, path, body, query)
            if faults:
                raise _refusal(faults[0])

    def check_answer(self, method: str, path: str, answer: Any) -> None:
        """Raises DescriptionBroken unless every description has this answer to this request."""
        for name, description in self.descriptions.items():
            _complain(name, f"{method} {path}", description.response(method, path, answer))

    def check_error(self, answer: Any) -> None:
        """Errors look the same everywhere."""
        for name, description in self.descriptions.items():
            shape = {"$ref": "#/components/schemas/error"}
            _complain(name, "an error", description.errors(shape, answer))

    def check_event(self, event: Any) -> None:
        for name, description in self.descriptions.items():
            _complain(name, event["type"], description.event(event))


def open_gate() -> Gate:
    """The gate over the descriptions that are at hand, if any are."""
    return _gate_over(Path(os.environ.get("STRIPE_SPEC") or BESIDE_THE_PROJECT))


@cache
def _gate_over(folder: Path) -> Gate:
    checker = _checker(folder / "stripe_spec.py")
    if checker is None:
        return Gate({})
    return Gate({name: checker.Spec(str(folder / name)) for name in DESCRIPTIONS})


def _checker(file: Path) -> ModuleType | None:
    if importlib.util.find_spec("jsonschema") is None or not file.is_file():
        return None
    spec = importlib.util.spec_from_file_location("stripe_spec", file)
    if spec is None or spec.loader is None:
        return None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def _refusal(fault: str) -> StripeError:
    """From the checker's `path/to/param: what is wrong` to Stripe's words for it."""
    where, _, what = fault.partition(": ")
    head, *rest = where.split("/")
    within = head + "".join(f"[{step}]" for step in rest)
    named = re.search(r"'([^']*)' (was unexpected|is a required property)", what)
    if named is None:
        return invalid(f"Invalid value for {within}: {what}", param=within)
    param = f"{within}[{named[1]}]" if within else named[1]
    if named[2] == "was unexpected":
        return invalid(
            f"Received unknown parameter: {param}", param=param, code="parameter_unknown"
        )
    return invalid(f"Missing required param: {param}.", param=param, code="parameter_missing")


def _complain(description: str, subject: str, faults: list[str]) -> None:
    if faults:
        raise DescriptionBroken(f"{subject} does not fit {description}: {'; '.join(faults[:5])}")
