"""Trouble on order: what the next calls to the API shall suffer, for tests of the caller."""

import threading
from dataclasses import dataclass, field
from typing import Literal, get_args

Kind = Literal["500", "429", "slow", "timeout_after_commit", "dropped_after_commit"]
KINDS: tuple[str, ...] = get_args(Kind)


@dataclass
class Fault:
    """`path` is how the address must begin; `seconds` how long to keep the caller waiting."""

    kind: Kind
    count: int = 1
    path: str = "/v1/"
    method: str | None = None
    seconds: float = 15.0


@dataclass
class Faults:
    waiting: list[Fault] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def order(self, fault: Fault) -> None:
        with self._lock:
            self.waiting.append(fault)

    def clear(self) -> None:
        with self._lock:
            self.waiting.clear()

    def take(self, method: str, path: str) -> Fault | None:
        """The fault for this call, used up by it."""
        with self._lock:
            for fault in self.waiting:
                if path.startswith(fault.path) and fault.method in {None, method}:
                    fault.count -= 1
                    if fault.count <= 0:
                        self.waiting.remove(fault)
                    return fault
        return None
