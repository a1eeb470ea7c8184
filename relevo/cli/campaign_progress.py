"""`relevo campaign ls|show|results|pause|resume|cancel`: campaigns that were submitted."""

from __future__ import annotations

import csv
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, TextIO

import msgspec
import typer
from rich.live import Live
from rich.text import Text

from relevo.campaigns.control import Action, control
from relevo.campaigns.estimate import Load, finish_ms
from relevo.campaigns.fold import Counts
from relevo.campaigns.progress import OVER, Progress
from relevo.campaigns.records import OnLine, Standing, read_campaigns
from relevo.campaigns.results import COLUMNS, results
from relevo.cli.console import err, fail, out, say, who
from relevo.cli.span import moment, span
from runtime.clock import now_ms
from runtime.settings import KafkaSettings, load

CampaignId = Annotated[str, typer.Argument(metavar="ID", help="The campaign's id, as `relevo campaign ls` shows it.")]
OfTenant = Annotated[str, typer.Option(help="Whose it is, where several have one with this id.")]
NoWait = Annotated[bool, typer.Option("--no-wait", help="Do not wait until it is carried out.")]
Within = Annotated[float, typer.Option("--wait", min=1, help="Seconds to wait until it is carried out.")]

EVERY_S = 1.0
STATES = (
    "accepted",
    "sent",
    "delivered",
    "read",
    "failed",
    "refused",
    "expired",
    "dead",
    "not_sent",
    "in_doubt",
    "parked",
)


def add_to(app: typer.Typer) -> None:
    """Adds the verbs to `relevo campaign`."""
    app.command("ls")(list_campaigns)
    for verb in (show, pause, resume, cancel):
        app.command()(verb)
    app.command("results")(write_results)


def list_campaigns(
    tenant: Annotated[str, typer.Option(help="Only this tenant's.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON array.")] = False,
) -> None:
    """Campaigns, oldest first: state, and how many recipients were taken up."""
    directory = read_campaigns(load(KafkaSettings))
    found = [one for one in directory.campaigns() if tenant in ("", one.name.tenant)]
    _warn_unreadable(directory.unreadable)
    if as_json:
        sys.stdout.write(msgspec.json.encode([_entry(one) for one in found]).decode() + "\n")
    elif found:
        for one in found:
            say(_told(one))
    else:
        say("no campaigns")


def _entry(one: Standing) -> dict[str, Any]:
    definition = one.definition
    return {
        "campaign": one.name.campaign,
        "tenant": one.name.tenant,
        "name": definition.name,
        "state": one.state,
        "template": f"{definition.template.name}/{definition.template.language}",
        "total": one.total,
        "started": one.started,
        "created_ms": definition.created_ms,
        "start_ms": definition.start_ms,
        "expires_ms": definition.expires_ms,
        "lines": {did: _line_entry(line) for did, line in one.lines.items()},
    }


def _line_entry(line: OnLine) -> dict[str, Any]:
    progress = line.progress
    return {
        "state": line.state,
        "total": line.total,
        "started": line.started,
        "stage": progress.stage if progress else "",
        "step": progress.step if progress else 0,
        "why": progress.why if progress else "",
    }


def _told(one: Standing) -> str:
    definition, states = one.definition, sorted({line.state for line in one.lines.values()})
    template = f"{definition.template.name}/{definition.template.language}"
    lines = next(iter(one.lines)) if len(one.lines) == 1 else f"{len(one.lines)} lines"
    whys = {line.progress.why for line in one.lines.values() if line.progress and line.progress.why}
    why = f"  ({'; '.join(sorted(whys))})" if whys else ""
    return (
        f"{one.name.campaign}  {one.name.tenant}  {'+'.join(states)}  {one.started} of {one.total}  {template}  "
        f"{lines}  {moment(definition.created_ms)}  {definition.name}{why}"
    )


def show(
    campaign: CampaignId,
    tenant: OfTenant = "",
    follow: Annotated[bool, typer.Option("--follow", help="Go on until it is over.")] = False,
    every_s: Annotated[float, typer.Option("--every", min=0.2, help="Seconds between two looks.")] = EVERY_S,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object; with --follow one a line.")] = False,
) -> None:
    """How a campaign goes: every recipient in one count, in all and by line; stage, rate, and when it is through."""
    progress = Progress(load(KafkaSettings), campaign, tenant).read()
    if as_json or not (follow and out.is_terminal):
        for _ in _looks(progress, follow, every_s):
            _print(progress, as_json=as_json, apart=follow)
    else:
        with Live(console=out, auto_refresh=False) as live:
            for _ in _looks(progress, follow, every_s):
                live.update(Text("\n".join(view(progress, now_ms()))), refresh=True)
    _warn_unreadable(progress.unreadable)


def _looks(progress: Progress, follow: bool, every_s: float) -> Iterator[None]:
    yield
    while follow and not progress.over:
        time.sleep(every_s)
        progress.read()
        yield


def _print(progress: Progress, *, as_json: bool, apart: bool) -> None:
    if as_json:
        sys.stdout.write(msgspec.json.encode(as_record(progress)).decode() + "\n")
        sys.stdout.flush()
        return
    for line in [*view(progress, now_ms()), *([""] if apart else [])]:
        say(line)


def view(progress: Progress, now: int) -> list[str]:
    """What is shown, line by line."""
    standing, by_line = progress.standing, progress.counts()
    definition, counts = standing.definition, sum(by_line.values(), Counts())
    lines = [
        f"campaign {standing.name.campaign} of {standing.name.tenant}: {definition.name}",
        f"template {definition.template.name}/{definition.template.language}, submitted "
        f"{moment(definition.created_ms)}{f' by {definition.by}' if definition.by else ''}"
        f"{f', begins {moment(definition.start_ms)}' if definition.start_ms > now else ''}"
        f"{f', expires {moment(definition.expires_ms)}' if definition.expires_ms else ''}",
        f"{'/'.join(sorted({line.state for line in standing.lines.values()}))}, {counts.total} recipients",
        *_counted(counts),
    ]
    for did, line in standing.lines.items():
        lines.append(f"line {did}: {_how(progress, line, now)}")
        if len(standing.lines) > 1:
            lines.extend(f"  {one}" for one in _counted(by_line[did]))
    return lines


def _counted(counts: Counts) -> list[str]:
    """The counts that are not 0; those of a state by code where it has codes."""
    shown = []
    for state in STATES:
        if count := counts.states[state]:
            codes = [(code, n) for (of, code), n in counts.codes.most_common() if of == state]
            told = f" ({', '.join(f'{code}: {n}' for code, n in codes)})" if codes else ""
            shown.append(f"  {state.replace('_', ' ')} {count}{told}")
    rest = (("sending", counts.sending), ("not started", counts.not_started))
    return shown + [f"  {name} {count}" for name, count in rest if count]


def _how(progress: Progress, line: OnLine, now: int) -> str:
    """State and stage, rate, and when it is through."""
    said, state = line.progress, progress.states.get(line.did)
    parts = [line.state, f"{line.started} of {line.total} taken up"]
    if said is not None and said.why:
        parts.append(said.why)
    if said is not None and said.stage != "full" and line.state not in OVER:
        ramp = line.definition.ramp if line.definition else None
        share = (
            f" at {ramp.shares[said.step]:.0%}"
            if said.stage == "ramp" and ramp and said.step < len(ramp.shares)
            else ""
        )
        parts.append(f"{said.stage}{share} since {span(now - said.stage_ms)}")
    if state is not None and state.rate and line.state == "running":
        ahead = max(state.recipients - (line.total - line.started), 0) + state.waiting.get("bulk", 0)
        load = Load(line.did, state.rate, ahead, line.total - line.started)
        parts.append(
            f"{state.rate:g} messages a second, through in about {span(finish_ms([load], now, None, None) - now)}"
        )
    if state is not None and (state.paused or state.pauses or state.stops):
        holds = [*(["paused"] if state.paused else []), *state.pauses, *(f"stop {stop.code}" for stop in state.stops)]
        parts.append(f"the line is held: {', '.join(holds)}")
    return ", ".join(parts)


def as_record(progress: Progress) -> dict[str, Any]:
    """The same for programs."""
    by_line = progress.counts()
    found = _entry(progress.standing)
    found["counts"] = _numbers(sum(by_line.values(), Counts()))
    for did, counts in by_line.items():
        found["lines"][did]["counts"] = _numbers(counts)
        state = progress.states.get(did)
        found["lines"][did]["rate"] = state.rate if state is not None else 0
    return found


def _numbers(counts: Counts) -> dict[str, Any]:
    states = {state: counts.states[state] for state in STATES}
    codes: dict[str, dict[str, int]] = {}
    for (state, code), count in counts.codes.items():
        codes.setdefault(state, {})[code] = count
    return {
        **states,
        "sending": counts.sending,
        "not_started": counts.not_started,
        "total": counts.total,
        "codes": codes,
    }


def write_results(
    campaign: CampaignId,
    to: Annotated[Path, typer.Option("--out", metavar="FILE", help="The CSV to write; - for standard output.")],
    tenant: OfTenant = "",
) -> None:
    """One row a recipient: its row of the file, number, line, state, code, reason, message id, time.

    The file holds people's numbers: nobody but its owner may read it.
    """
    settings = load(KafkaSettings)
    progress = Progress(settings, campaign, tenant).read()
    if str(to) == "-":
        _write(sys.stdout, settings, progress)
        return
    number = os.open(to, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.fchmod(number, 0o600)
    with os.fdopen(number, "w", encoding="utf-8", newline="") as stream:
        count = _write(stream, settings, progress)
    say(f"{count} recipients in {to}")
    _warn_unreadable(progress.unreadable)


def _write(stream: TextIO, settings: KafkaSettings, progress: Progress) -> int:
    writer, count = csv.writer(stream, lineterminator="\n"), 0
    writer.writerow(COLUMNS)
    for one in results(settings, progress):
        writer.writerow([*one[:-1], moment(one.at_ms) if one.at_ms else ""])
        count += 1
    return count


def pause(campaign: CampaignId, tenant: OfTenant = "", no_wait: NoWait = False, within_s: Within = 30) -> None:
    """Let a campaign stand still at the next border of a batch, on all its lines."""
    _control("pause", campaign, tenant, 0 if no_wait else within_s)


def resume(campaign: CampaignId, tenant: OfTenant = "", no_wait: NoWait = False, within_s: Within = 30) -> None:
    """Go on after a pause, or begin with a draft."""
    _control("resume", campaign, tenant, 0 if no_wait else within_s)


def cancel(campaign: CampaignId, tenant: OfTenant = "", no_wait: NoWait = False, within_s: Within = 30) -> None:
    """Never send what was not sent yet."""
    _control("cancel", campaign, tenant, 0 if no_wait else within_s)


def _control(action: Action, campaign: str, tenant: str, within_s: float) -> None:
    settings = load(KafkaSettings)
    standing = read_campaigns(settings).find(campaign, tenant)
    if all(line.state in OVER for line in standing.lines.values()):
        fail(f"campaign {campaign} is {standing.state}; nothing was ordered")
    obeyed = control(settings, standing, action, who(), now_ms(), within_s)
    for did, state in obeyed.states.items():
        say(f"campaign {campaign} on line {did}: {state}")
    if not within_s:
        say(
            f"ordered: {action} campaign {campaign} on {', '.join(obeyed.silent)}; see: relevo campaign show {campaign}"
        )
    elif obeyed.silent:
        fail(
            f"not within {within_s:g} s: {', '.join(obeyed.silent)}. The order stands and needs no second one; is "
            "egress running?"
        )


def _warn_unreadable(count: int) -> None:
    if count:
        err.print(f"{count} records could not be read, and count for nothing here", style="yellow")
