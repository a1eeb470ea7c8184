"""The audit: what arrived at the server and what `outcomes` says, against whom it had to reach. Pure.

Promises: knows nothing of how egress works but its public formats. `lost` are messages that did not arrive or have no
outcome `accepted`, `doubled` calls or outcomes too many, `wrong` what arrived changed, at all though it must not, or is
said to be something else. The same record once more is no outcome too many: one whose delivery was not confirmed in
time is written again (docs/outcomes.md).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import orjson

from bench.egress.traffic import Due
from schemas.outcome import Outcome


class Verdict(NamedTuple):
    """Zeros but for `calls` and `recipients`; `examples` say what was not."""

    calls: int = 0
    recipients: int = 0
    lost: int = 0
    doubled: int = 0
    wrong: int = 0
    examples: tuple[str, ...] = ()

    @property
    def clean(self) -> bool:
        return not (self.lost or self.doubled or self.wrong)


class Arrived(NamedTuple):
    """One destination of a call."""

    id: str
    due: Due


def arrived(body: bytes) -> list[Arrived]:
    """Everybody whom a call of the batch service names."""
    call = orjson.loads(body)
    hsm = call["hsm"]
    return [
        Arrived(
            one["id"],
            Due(call["did"], one["destination"], hsm["template"], (*one["parameters"], *one["buttonsParameters"])),
        )
        for one in hsm["destinations"]
    ]


def judge(
    calls: Iterable[bytes], outcomes: Iterable[Outcome], due: Mapping[str, Due], refused: frozenset[str] = frozenset()
) -> Verdict:
    """Calls of these messages alone, and all outcomes."""
    count = 0
    seen: Counter[str] = Counter()
    wrong: list[str] = []
    for body in calls:
        count += 1
        for one in arrived(body):
            seen[one.id] += 1
            if due.get(one.id) != one.due:
                wrong.append(f"{one.id} arrived as {one.due}")
    said = _said(outcomes)
    accepted = {key: n for (key, state, _), n in said.items() if state == "accepted"}
    wrong += [
        f"{key} is said to be {state} {code}" for key, state, code in said if not _right(key, state, code, due, refused)
    ]
    lost = [key for key in due if not seen[key] or not accepted.get(key)]
    lost += [key for key in refused if (key, "refused", "opted_out") not in said]
    doubled = [key for key, n in (*seen.items(), *said.items()) if n > 1]
    shown = [f"lost: {key}" for key in lost[:3]] + [f"twice: {key}" for key in doubled[:3]] + wrong[:3]
    return Verdict(count, len(due), len(lost), len(doubled), len(wrong), tuple(shown))


def _said(outcomes: Iterable[Outcome]) -> Counter[tuple[str, str, str]]:
    told = {(key, str(one.state), one.code, one.plan_id, one.at_ms) for one in outcomes for key in one.message_ids}
    return Counter((key, state, code) for key, state, code, _, _ in told)


def _right(key: str, state: str, code: str, due: Mapping[str, Due], refused: frozenset[str]) -> bool:
    if key in refused:
        return (state, code) == ("refused", "opted_out")
    return key in due and state in ("accepted", "parked")
