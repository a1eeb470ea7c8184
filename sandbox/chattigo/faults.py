"""Faults on the wire, by script: which calls are hit, when, and what their caller sees.

A fault is one of: another answer, a delay, a connection reset, a body that comes slowly or is cut; each before or
after the call was accepted. Promises: a fault is used up by the calls that match it, in the order of their
arrival, and a call is hit by the first matching fault alone. Leaves to `wire`: doing it.
"""

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Any, Literal

import msgspec


class Fault(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """One fault.

    Match (all that are given): `route` (a pattern such as `isv.send`, `*.login`), `service`, `did`, `account`
    (username). When: from the `nth` matching call (1 = the next one), for `count` calls (0 = until removed), each
    with `probability`. What: `status` with `headers` and `body` (text, or JSON) instead of the real answer;
    `accepted` says that the call was accepted all the same; `delay_before_s` before it is looked at,
    `delay_after_s` between acceptance and answer; `reset` `before` or `after` acceptance; `trickle_s` sends the
    body in pieces over that time; `truncate` cuts it in the middle.
    """

    name: str = ""
    route: str = "*"
    service: str | None = None
    did: str | None = None
    account: str | None = None
    nth: int = 1
    count: int = 1
    probability: float = 1.0
    status: int | None = None
    headers: dict[str, str] = {}
    body: Any = ""
    accepted: bool = False
    delay_before_s: float = 0.0
    delay_after_s: float = 0.0
    reset: Literal["before", "after"] | None = None
    trickle_s: float = 0.0
    truncate: bool = False

    @property
    def refuses(self) -> bool:
        """True when the call never reaches the service."""
        return self.reset == "before" or (self.status is not None and not self.accepted)

    @property
    def label(self) -> str:
        """What the ledger says: its name, else a short description."""
        return self.name or "+".join(self._parts()) or "none"

    def _parts(self) -> list[str]:
        parts = [f"status {self.status}{' accepted' if self.accepted else ''}"] if self.status else []
        parts += [f"delay before {self.delay_before_s:g}s"] if self.delay_before_s else []
        parts += [f"delay after {self.delay_after_s:g}s"] if self.delay_after_s else []
        parts += [f"reset {self.reset}"] if self.reset else []
        parts += ["trickle"] if self.trickle_s else []
        return parts + (["truncate"] if self.truncate else [])


class Armed(msgspec.Struct):
    """A fault in the script with its counters."""

    number: int
    fault: Fault
    seen: int = 0
    hits: int = 0

    @property
    def spent(self) -> bool:
        """True when it hits no more."""
        return 0 < self.fault.count <= self.hits


class Script:
    """The faults that are armed."""

    def __init__(self) -> None:
        self.armed: list[Armed] = []
        self._numbers = 0

    def add(self, faults: Iterable[Fault]) -> list[int]:
        """Arm them; returns their numbers."""
        added = []
        for fault in faults:
            self._numbers += 1
            self.armed.append(Armed(self._numbers, fault))
            added.append(self._numbers)
        return added

    def clear(self) -> None:
        """Disarm all."""
        self.armed.clear()

    def take(self, route: str, service: str, did: str, account: str, roll: float) -> Fault | None:
        """The fault that hits this call; `roll` in [0, 1) decides its probability."""
        for armed in self.armed:
            fault = armed.fault
            if armed.spent or not _matches(fault, route, service, did, account):
                continue
            armed.seen += 1
            if armed.seen >= fault.nth and roll < fault.probability:
                armed.hits += 1
                return fault
        return None


def _matches(fault: Fault, route: str, service: str, did: str, account: str) -> bool:
    return (
        fnmatchcase(route, fault.route)
        and fault.service in (None, service)
        and fault.did in (None, did)
        and fault.account in (None, account)
    )
