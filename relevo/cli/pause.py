"""`relevo pause`, `relevo resume`: sending stands still for everybody, a tenant or a line, until it is resumed."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import msgspec
import typer

from relevo.campaigns.records import read_campaigns
from relevo.campaigns.view import because
from relevo.cli.console import err, fail, say, who
from relevo.cli.span import moment
from relevo.lines import pausing
from relevo.lines.pausing import Action, Scope
from relevo.lines.standing import read_lines
from relevo.tenants.store import standing_tenants
from runtime.clock import now_ms
from runtime.settings import KafkaSettings, load
from schemas.tenant import Tenant

app = typer.Typer(help="Sending stands still until it is resumed; and what stands still.", invoke_without_command=True)

Everybody = Annotated[bool, typer.Option("--all", help="Every line of every tenant.")]
OfTenant = Annotated[str, typer.Option("--tenant", help="Every line of this tenant.")]
OfLine = Annotated[str, typer.Option("--line", metavar="DID", help="This line.")]
Within = Annotated[float, typer.Option("--wait", min=0, help="Seconds to wait until every line has said so.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.callback()
def pause(
    context: typer.Context,
    everybody: Everybody = False,
    tenant: OfTenant = "",
    line: OfLine = "",
    why: Annotated[str, typer.Option(help="The reason, kept with it.")] = "",
    within_s: Within = 30,
    as_json: AsJson = False,
) -> None:
    """Let sending stand still. Exit code 1 when a line's owner did not say in time that it holds."""
    if context.invoked_subcommand is None:
        _order("pause", _scope(everybody, tenant, line, ""), why, within_s, as_json=as_json)


def resume(
    everybody: Everybody = False,
    tenant: OfTenant = "",
    line: OfLine = "",
    template: Annotated[str, typer.Option(help="With --line: NAME/LANGUAGE, stopped by WhatsApp there.")] = "",
    within_s: Within = 30,
    as_json: AsJson = False,
) -> None:
    """Go on after a pause of the same kind, or on a line after a stop of WhatsApp's."""
    _order("resume", _scope(everybody, tenant, line, template), "", within_s, as_json=as_json)


def add_to(program: typer.Typer) -> None:
    """Adds both verbs to the program."""
    program.add_typer(app, name="pause")
    program.command()(resume)


def _scope(everybody: bool, tenant: str, line: str, template: str) -> Scope:
    if sum(map(bool, (everybody, tenant, line))) != 1:
        fail("say one of --all, --tenant T, --line DID", 2)
    if template and (not line or "/" not in template):
        fail("a template is resumed on a line: --line DID --template NAME/LANGUAGE", 2)
    return Scope(tenant, line, template)


def _order(action: Action, scope: Scope, why: str, within_s: float, *, as_json: bool) -> None:
    settings = load(KafkaSettings)
    lines = pausing.concerned(_tenants(settings), scope)
    # A cluster without the topic says so here: an order would only time out.
    stood = pausing.standing_pauses(settings) if scope.standing else {}
    if scope.standing and action == "resume" and scope.key not in stood:
        err.print(f"no pause of {scope.key} stood", style="yellow", markup=False)
    pausing.order(settings, scope, lines, action, why.strip(), who(), now_ms())
    held = pausing.wait(settings, lines, pausing.obeyed(scope, action), within_s)
    done = "paused" if action == "pause" else "resumed"
    idle = f", {len(held.idle)} never had an owner and are idle" if held.idle else ""
    if as_json:
        sys.stdout.write(msgspec.json.encode({"action": action, **held._asdict()}).decode() + "\n")
    else:
        say(f"{len(held.done)} of {len(lines)} lines {done}{idle}")
    if action == "resume":
        _say_still_held(settings, scope, lines)
    if held.silent:
        fail(
            f"not within {within_s:g} s: {', '.join(held.silent)}. The order stands and needs no second one; is egress "
            "running? See: relevo pause ls"
        )


def _say_still_held(settings: KafkaSettings, scope: Scope, lines: dict[str, str]) -> None:
    """A line that was resumed may be held by a pause of another kind."""
    pauses = pausing.standing_pauses(settings)
    for key, one in pauses.items():
        if one.scope == "all" or one.tenant in lines.values():
            err.print(f"still paused by {key}: {_because(one.why)}by {one.by}", style="yellow", markup=False)
    if not scope.did:
        for did, state in read_lines(settings, lines).items():
            if state.paused:
                err.print(f"still paused: line {did}, by {state.paused_by}", style="yellow", markup=False)
            for stop in state.stops:
                what = f"template {stop.name} on line {did}" if stop.what == "template" else f"line {did}"
                err.print(f"still stopped by WhatsApp's {stop.code}: {what}", style="yellow", markup=False)


@app.command("ls")
def list_pauses(
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON array.")] = False,
) -> None:
    """What stands still, since when, and why: everybody, tenants, lines, templates, campaigns."""
    settings = load(KafkaSettings)
    lines = pausing.concerned(_tenants(settings), Scope())
    found = _found(settings, lines)
    if as_json:
        sys.stdout.write(msgspec.json.encode(found).decode() + "\n")
    elif found:
        for one in found:
            what = " ".join(filter(None, (one["what"], one["name"])))
            by = f"by {one['by']}, " if one["by"] else ""
            say(f"{what}: {_because(one['why'])}{by}since {moment(one['since_ms'])}")
    else:
        say("nothing stands still")


def _found(settings: KafkaSettings, lines: dict[str, str]) -> list[dict[str, Any]]:
    found = []
    for one in pausing.standing_pauses(settings).values():
        what = "everybody" if one.scope == "all" else "tenant"
        found.append(_entry(what, one.tenant, one.why, one.by, one.since_ms))
    for did, state in sorted(read_lines(settings, lines).items()):
        if state.paused:
            found.append(_entry("line", did, "", state.paused_by, state.paused_ms))
        for stop in state.stops:
            name = f"{stop.name} on {did}" if stop.what == "template" else did
            found.append(_entry(stop.what, name, f"WhatsApp's code {stop.code}", "WhatsApp", stop.since_ms))
    for campaign in read_campaigns(settings).campaigns():
        for line in campaign.lines.values():
            if line.state == "paused" and line.progress is not None:
                name = f"{campaign.name.campaign} of {campaign.name.tenant} on {line.did}"
                found.append(_entry("campaign", name, because(line.progress.why), "", line.progress.at_ms))
    return found


def _entry(what: str, name: str, why: str, by: str, since_ms: int) -> dict[str, Any]:
    return {"what": what, "name": name, "why": why, "by": by, "since_ms": since_ms}


def _because(why: str) -> str:
    return f"{why}, " if why else ""


def _tenants(settings: KafkaSettings) -> dict[str, Tenant]:
    def broken(name: str, problem: str) -> None:
        err.print(f"tenant {name}: its newest record cannot be read ({problem})", style="yellow", markup=False)

    return standing_tenants(settings, broken)
