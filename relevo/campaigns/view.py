"""How a campaign is shown: for people line by line, for programs as one object. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from relevo.campaigns.estimate import Load, finish_ms
from relevo.campaigns.fold import Counts
from relevo.campaigns.records import Name, OnLine, Standing
from relevo.cli.span import moment, span
from relevo.lines.standing import holds
from schemas.campaign import Definition
from schemas.line_state import LineState
from schemas.session import Template

STATES = (
    "accepted", "sent", "delivered", "read", "failed", "refused", "expired", "dead", "not_sent", "in_doubt", "parked",
)  # fmt: skip
_UNTIL = re.compile(r"^until ([0-9]{10,15})\b")


def view(
    name: Name,
    lines: Mapping[str, OnLine],
    by_line: Mapping[str, Counts],
    states: Mapping[str, LineState],
    now_ms: int,
) -> list[str]:
    """The campaign, its counts in all, and each line; of several lines also the counts of each."""
    definition = next(line.definition for line in lines.values() if line.definition is not None)
    counts = sum(by_line.values(), Counts())
    shown = [
        f"campaign {name.campaign} of {name.tenant}: {definition.name}",
        _terms(definition, now_ms),
        f"{'/'.join(sorted({line.state for line in lines.values()}))}, {counts.total} recipients",
        *_counted(counts),
        *_withheld(lines.values()),
    ]
    for did, line in lines.items():
        shown.append(f"line {did}: {', '.join(_how(line, definition.template, states.get(did), now_ms))}")
        if len(lines) > 1:
            shown += [f"  {one}" for one in (*_counted(by_line[did]), *_withheld([line]))]
    return shown


def _terms(definition: Definition, now_ms: int) -> str:
    template = definition.template
    parts = [f"template {template.name}/{template.language}", f"submitted {moment(definition.created_ms)}"]
    if definition.by:
        parts[-1] += f" by {definition.by}"
    if definition.start_ms > now_ms:
        parts.append(f"begins {moment(definition.start_ms)}")
    if definition.expires_ms:
        parts.append(f"expires {moment(definition.expires_ms)}")
    return ", ".join(parts)


def _counted(counts: Counts) -> list[str]:
    """The counts that are not 0; those of a state by code where it has codes."""
    shown = []
    for state in STATES:
        if count := counts.states[state]:
            codes = ", ".join(f"{code}: {n}" for (of, code), n in counts.codes.most_common() if of == state)
            shown.append(f"  {state.replace('_', ' ')} {count}{f' ({codes})' if codes else ''}")
    rest = (("sending", counts.sending), ("not started", counts.not_started))
    return shown + [f"  {name} {count}" for name, count in rest if count]


def _withheld(lines: Iterable[OnLine]) -> list[str]:
    """Who is withheld is in one of the counts, too: WhatsApp accepted it before."""
    counts = {True: 0, False: 0}
    for line in lines:
        counts[line.state == "cancelled"] += line.withheld
    words = {False: "sent to again later", True: "not sent to again"}
    return [f"  of these, withheld by WhatsApp and {words[over]} {n}" for over, n in counts.items() if n]


def _how(line: OnLine, template: Template, state: LineState | None, now_ms: int) -> list[str]:
    """State and stage of a line, its rate, when it is through, and what holds it."""
    said, left = line.progress, line.total - line.started
    parts = [line.state, f"{line.started} of {line.total} taken up"]
    if said is not None and said.why:
        parts.append(because(said.why))
    if said is not None and said.stage != "full" and line.state == "running":
        parts.append(f"{said.stage}{_share(line)} since {span(now_ms - said.stage_ms)}")
    if state is None:
        return parts
    if held := holds(state, f"{template.name}/{template.language}"):
        parts.append(f"the line is held: {', '.join(held)}")
    elif state.rate and line.state == "running" and left:
        waiting = sum(count for kind, count in state.waiting.items() if kind != "reply")
        ahead = max(state.recipients - left, 0) + waiting
        begin_ms = max(now_ms, _until_ms(said.why if said is not None else ""))
        through = finish_ms([Load(line.did, state.rate, ahead, left)], begin_ms, None, None)
        parts.append(f"{state.rate:g} messages a second, through in about {span(through - now_ms)}")
    return parts


def because(why: str) -> str:
    """Why a campaign stands as it does, for people: its owner writes a moment in milliseconds."""
    return _UNTIL.sub(lambda found: f"until {moment(int(found[1]))}", why)


def _until_ms(why: str) -> int:
    """Until when it waits by itself; 0 where it does not."""
    found = _UNTIL.match(why)
    return int(found[1]) if found else 0


def _share(line: OnLine) -> str:
    """The share of the rate that a ramp is at."""
    ramp, said = line.definition.ramp if line.definition else None, line.progress
    if ramp is None or said is None or said.stage != "ramp" or said.step >= len(ramp.shares):
        return ""
    return f" at {ramp.shares[said.step]:.0%}"


def entry(one: Standing) -> dict[str, Any]:
    """A campaign for programs, without counts."""
    definition = one.definition
    return {
        "campaign": one.name.campaign,
        "tenant": one.name.tenant,
        "name": definition.name,
        "state": one.state,
        "template": f"{definition.template.name}/{definition.template.language}",
        "total": one.total,
        "started": one.started,
        "withheld": one.withheld,
        "created_ms": definition.created_ms,
        "start_ms": definition.start_ms,
        "expires_ms": definition.expires_ms,
        "lines": {did: _line_entry(line) for did, line in one.lines.items()},
    }


def _line_entry(line: OnLine) -> dict[str, Any]:
    said = line.progress
    return {
        "state": line.state,
        "total": line.total,
        "started": line.started,
        "withheld": line.withheld,
        "stage": said.stage if said else "",
        "step": said.step if said else 0,
        "why": said.why if said else "",
    }


def counted(one: Standing, by_line: Mapping[str, Counts], states: Mapping[str, LineState]) -> dict[str, Any]:
    """A campaign for programs, with counts in all and by line."""
    found = entry(one)
    found["counts"] = _numbers(sum(by_line.values(), Counts()))
    for did, counts in by_line.items():
        found["lines"][did]["counts"] = _numbers(counts)
        found["lines"][did]["rate"] = states[did].rate if did in states else 0
    return found


def _numbers(counts: Counts) -> dict[str, Any]:
    codes: dict[str, dict[str, int]] = {}
    for (state, code), count in counts.codes.items():
        codes.setdefault(state, {})[code] = count
    numbers: dict[str, Any] = {state: counts.states[state] for state in STATES}
    return numbers | {
        "sending": counts.sending,
        "not_started": counts.not_started,
        "total": counts.total,
        "codes": codes,
    }


def lost(one: Standing) -> str:
    """Whom a cancellation would leave out, as far as its owners have said."""
    left = f"{sum(line.left for line in one.lines.values())} of {one.total} recipients"
    return left + (f" and {one.withheld} who are withheld" if one.withheld else "")


def told(one: Standing) -> str:
    """A campaign in one line."""
    definition, states = one.definition, sorted({line.state for line in one.lines.values()})
    template = f"{definition.template.name}/{definition.template.language}"
    lines = next(iter(one.lines)) if len(one.lines) == 1 else f"{len(one.lines)} lines"
    whys = sorted({because(line.progress.why) for line in one.lines.values() if line.progress and line.progress.why})
    taken_up = f"{one.started} of {one.total}" + (f", {one.withheld} withheld" if one.withheld else "")
    parts = (
        one.name.campaign, one.name.tenant, "+".join(states), taken_up, template, lines,
        moment(definition.created_ms), definition.name, *([f"({'; '.join(whys)})"] if whys else []),
    )  # fmt: skip
    return "  ".join(parts)
