"""`relevo campaign ls|show|results|pause|resume|cancel`: campaigns that were submitted."""

from __future__ import annotations

import csv
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, TextIO

import msgspec
import typer
from rich.live import Live
from rich.text import Text

from relevo.campaigns.control import Action, control
from relevo.campaigns.intake import private
from relevo.campaigns.progress import Progress
from relevo.campaigns.records import OVER, Standing, read_campaigns
from relevo.campaigns.results import COLUMNS, results
from relevo.campaigns.view import counted, entry, lost, told, view
from relevo.cli.console import err, fail, out, say, sure, who
from relevo.cli.span import moment
from runtime.clock import now_ms
from runtime.settings import KafkaSettings, load

CampaignId = Annotated[str, typer.Argument(metavar="ID", help="The campaign's id, as `relevo campaign ls` shows it.")]
OfTenant = Annotated[str, typer.Option(help="Whose it is, where several have one with this id.")]
NoWait = Annotated[bool, typer.Option("--no-wait", help="Do not wait until it is carried out.")]
Within = Annotated[float, typer.Option("--wait", min=1, help="Seconds to wait until it is carried out.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]

EVERY_S = 1.0


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
        sys.stdout.write(msgspec.json.encode([entry(one) for one in found]).decode() + "\n")
    elif found:
        for one in found:
            say(told(one))
    else:
        say("no campaigns")


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
                live.update(Text("\n".join(_view(progress))), refresh=True)
    _warn_unreadable(progress.unreadable)


def _looks(progress: Progress, follow: bool, every_s: float) -> Iterator[None]:
    yield
    while follow and not progress.over:
        time.sleep(every_s)
        progress.read()
        yield


def _print(progress: Progress, *, as_json: bool, apart: bool) -> None:
    if as_json:
        sys.stdout.write(
            msgspec.json.encode(counted(progress.standing, progress.counts(), progress.states)).decode() + "\n"
        )
        sys.stdout.flush()
        return
    for line in [*_view(progress), *([""] if apart else [])]:
        say(line)


def _view(progress: Progress) -> list[str]:
    return view(progress.name, progress.standing.lines, progress.counts(), progress.states, now_ms())


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
    try:
        number = private(to)
    except OSError as error:
        fail(f"{to} cannot be written: {error.strerror}")
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


def pause(
    campaign: CampaignId, tenant: OfTenant = "", no_wait: NoWait = False, within_s: Within = 30, as_json: AsJson = False
) -> None:
    """Let a campaign stand still at the next border of a batch, on all its lines."""
    _control("pause", campaign, tenant, 0 if no_wait else within_s, as_json=as_json)


def resume(
    campaign: CampaignId, tenant: OfTenant = "", no_wait: NoWait = False, within_s: Within = 30, as_json: AsJson = False
) -> None:
    """Go on after a pause, or begin with a draft."""
    _control("resume", campaign, tenant, 0 if no_wait else within_s, as_json=as_json)


def cancel(
    campaign: CampaignId,
    tenant: OfTenant = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    no_wait: NoWait = False,
    within_s: Within = 30,
    as_json: AsJson = False,
) -> None:
    """Never send what was not sent yet. Cannot be undone."""

    def check(standing: Standing) -> None:
        sure(
            f"{lost(standing)} would not be sent to",
            f"cancel campaign {campaign}: {lost(standing)} are not sent to",
            yes=yes,
        )

    _control("cancel", campaign, tenant, 0 if no_wait else within_s, as_json=as_json, check=check)


def _control(
    action: Action,
    campaign: str,
    tenant: str,
    within_s: float,
    *,
    as_json: bool,
    check: Callable[[Standing], None] | None = None,
) -> None:
    settings = load(KafkaSettings)
    standing = read_campaigns(settings).find(campaign, tenant)
    if all(line.state in OVER for line in standing.lines.values()):
        fail(f"campaign {campaign} is {standing.state}; nothing was ordered")
    if check is not None:
        check(standing)
    _order(settings, standing, action, within_s, as_json=as_json)


def _order(settings: KafkaSettings, standing: Standing, action: Action, within_s: float, *, as_json: bool) -> None:
    campaign = standing.name.campaign
    obeyed = control(settings, standing, action, who(), now_ms(), within_s)
    if as_json:
        found = {"campaign": campaign, "action": action, "lines": obeyed.states, "silent": obeyed.silent}
        sys.stdout.write(msgspec.json.encode(found).decode() + "\n")
    for did, state in obeyed.states.items() if not as_json else ():
        say(f"campaign {campaign} on line {did}: {state}")
    if not within_s and not as_json:
        say(
            f"ordered: {action} campaign {campaign} on {', '.join(obeyed.silent)}; see: relevo campaign show {campaign}"
        )
    if within_s and obeyed.silent:
        fail(
            f"not within {within_s:g} s: {', '.join(obeyed.silent)}. The order stands and needs no second one; is "
            "egress running?"
        )


def _warn_unreadable(count: int) -> None:
    if count:
        err.print(f"{count} records could not be read, and count for nothing here", style="yellow")
