"""`relevo routes`: where an event would go and why, before it comes."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec
import typer

from processors.routing import Decision, Router, Subject, Tried
from processors.routing.hours import Schedule
from relevo.cli.console import err, fail, say
from relevo.tenants.dry import routing_of
from relevo.tenants.store import read_tenants
from relevo.tenants.yaml_source import YamlSource
from runtime.clock import now_ms
from runtime.settings import KafkaSettings, ProcessorSettings, load
from schemas import content, phone
from schemas.record import Frozen
from schemas.tenant import Tenant

app = typer.Typer(help="Routing: where an event would go, and why.", no_args_is_help=True)


class Answer(Frozen):
    """What `--json` prints."""

    tenant: str
    line: str
    at_ms: int
    decision: Decision
    tried: list[Tried]
    open: dict[str, bool]


@app.callback()
def routes() -> None:
    """Keeps `test` a verb of its own although it is the only one."""


@app.command("test")
def try_out(
    tenant: Annotated[str, typer.Option(help="The tenant as Kafka has it now.")] = "",
    file: Annotated[Path | None, typer.Option(help="Or a tenant file, before it is applied.")] = None,
    text: Annotated[str, typer.Option(help="What the person writes.")] = "",
    choice: Annotated[str, typer.Option(help="The id of the button or row that is pressed.")] = "",
    line: Annotated[str, typer.Option(metavar="DID", help="The tenant's number; else its first.")] = "",
    at: Annotated[str, typer.Option(help="When, such as 2026-12-25T11:00; by the tenant's clock. Else now.")] = "",
    language: Annotated[str, typer.Option(help="The conversation's.")] = "",
    kind: Annotated[str, typer.Option(help="message, session, resumed, handed_off or system.")] = "message",
    human: Annotated[bool, typer.Option("--human", help="A human owns the conversation.")] = False,
    new_contact: Annotated[bool, typer.Option("--new-contact", help="The person never wrote before.")] = False,
    source_type: Annotated[str, typer.Option(help="They come from an ad or a post: ad, post.")] = "",
    source_id: Annotated[str, typer.Option(help="They come from the ad or post with this id.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Each rule that is tried and why it does not match, and where the event ends. Writes nothing."""
    one = _tenant(tenant, file)
    did = _line(one, line)
    referral = {name: value for name, value in (("source_type", source_type), ("source_id", source_id)) if value}
    subject = Subject(
        did=did,
        kind=kind,
        owner="human" if human else "bot",
        content=_content(text, choice),
        referral=referral or None,
        new_contact=new_contact,
        language=language,
        at_ms=_moment(at, one),
    )
    router, schedules = Router.of(one), _schedules(one)
    if as_json:
        answer = Answer(
            tenant=one.tenant,
            line=did,
            at_ms=subject.at_ms,
            decision=router.decide(subject),
            tried=router.trace(subject),
            open={name: schedule.open_at(subject.at_ms) for name, schedule in schedules.items()},
        )
        sys.stdout.write(msgspec.json.encode(answer).decode() + "\n")
        return
    for said in router.explain(subject):
        say(said)
    for name, schedule in schedules.items():
        say(f"hours {name}: {schedule.told(subject.at_ms)}")
    _warn(router.decide(subject))


def _tenant(name: str, file: Path | None) -> Tenant:
    if bool(name) == (file is not None):
        fail("either --tenant NAME, as Kafka has it, or --file FILE", 2)
    if file is not None:
        return routing_of(YamlSource.read(file), load(ProcessorSettings).agents)
    known = read_tenants(load(KafkaSettings))
    if name not in known:
        fail(f"no tenant {name!r}; there are {', '.join(sorted(known)) or 'none'}")
    return known[name]


def _line(tenant: Tenant, wanted: str) -> str:
    dids = [line.did for line in tenant.lines]
    did = phone.digits(wanted) or (dids[0] if dids else "")
    if dids and did not in dids:
        fail(f"{tenant.tenant} has no line {wanted}; it has {', '.join(dids)}")
    return did


def _content(text: str, choice: str) -> content.AnyContent | None:
    if choice:
        return content.ButtonReply(id=choice, title=text)
    return content.Text(body=text) if text else None


def _schedules(tenant: Tenant) -> dict[str, Schedule]:
    """The hours that can be used; a rule that names others says so itself."""
    found = {}
    for name, hours in tenant.hours.items():
        try:
            found[name] = Schedule.of(hours)
        except ValueError as error:
            err.print(f"hours {name}: {error}", style="yellow", markup=False, soft_wrap=True)
    return found


def _moment(text: str, tenant: Tenant) -> int:
    """A time as it was typed; without an offset it is by the one clock that all hours of the tenant go by."""
    if not text:
        return now_ms()
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        fail(f"--at {text!r} is no time; write 2026-12-25T11:00, or with an offset: 2026-12-25T11:00-03:00", 2)
    if at.tzinfo is None:
        zones = {hours.zone for hours in tenant.hours.values()}
        if len(zones) > 1:
            fail(f"the tenant's hours go by several clocks ({', '.join(sorted(zones))}); give --at an offset", 2)
        at = at.replace(tzinfo=_zone(zones.pop()) if zones else UTC)
    return int(at.timestamp() * 1000)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        fail(f"the tenant's hours name a time zone that there is not: {name!r}; give --at an offset")


def _warn(decision: Decision) -> None:
    there = load(ProcessorSettings).agents
    for agent in dict.fromkeys((decision.agent, *decision.taps)):
        if agent not in there:
            err.print(
                f"no agent of type {agent} runs here, as RELEVO_PROCESSOR_AGENTS says it", style="yellow", markup=False
            )
