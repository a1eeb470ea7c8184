"""`relevo gate`: whether a message would go now, and which rule says otherwise, without sending it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal, cast, get_args

import msgspec
import typer

from relevo.cli.console import err, fail, say
from relevo.cli.span import moment
from relevo.gate import facts
from relevo.gate.explain import Asked, Explained, Step, explain
from runtime.clock import now_ms
from runtime.settings import EgressSettings, KafkaSettings, load
from schemas.outbound import SendClass

app = typer.Typer(help="The gate: whether a message would go, and why not.", no_args_is_help=True)
_MARKS = {"go": ("ok", None), "refuse": ("no", "red"), "wait": ("wait", "yellow")}


@app.callback()
def gate() -> None:
    """Keeps `explain` a verb of its own although it is the only one."""


@app.command("explain")
def explain_(
    tenant: Annotated[str, typer.Option(help="The tenant, as Kafka has it now.")],
    line: Annotated[str, typer.Option(metavar="DID", help="The tenant's number that would send.")],
    to: Annotated[str, typer.Option(help="The recipient, as it would be given.")],
    template: Annotated[str, typer.Option(metavar="NAME/LANGUAGE", help="One of the tenant's templates.")],
    param: Annotated[list[str] | None, typer.Option(help="The body's parameters, in order.")] = None,
    header: Annotated[list[str] | None, typer.Option(help="The header's.")] = None,
    button: Annotated[list[str] | None, typer.Option(help="The buttons', in order.")] = None,
    class_: Annotated[str, typer.Option("--class", help="Sent as this; else as what the template is.")] = "",
    at: Annotated[
        str, typer.Option(help="When, such as 2026-12-25T11:00-03:00 (UTC without an offset). Else now.")
    ] = "",
    expires: Annotated[str, typer.Option(help="When it would expire, written like --at.")] = "",
    conversation: Annotated[bool, typer.Option("--conversation", help="Said by an agent, in its place.")] = False,
    campaign: Annotated[bool, typer.Option("--campaign", help="To a recipient of a campaign.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """What the gate would say of a template, rule by rule. Exit code 0: it would go; 1: it would not."""
    name, _, language = template.partition("/")
    if not language:
        fail(f"--template {template!r} names no language; write NAME/LANGUAGE", 2)
    if class_ and class_ not in get_args(SendClass):
        fail(f"--class is one of {', '.join(get_args(SendClass))}", 2)
    asked = Asked(
        tenant=tenant,
        line=line,
        to=to,
        name=name,
        language=language,
        body=param or [],
        header=header or [],
        buttons=button or [],
        send_class=cast("SendClass | Literal['']", class_),
        expires_ms=_time("--expires", expires) if expires else 0,
        in_lane=conversation,
        campaign=campaign,
    )
    found = facts.read(load(KafkaSettings), tenant, line, to, _broken)
    when = _time("--at", at) if at else now_ms()
    answer = explain(asked, found, when, check_numbers=load(EgressSettings).check_numbers)
    if as_json:
        say(msgspec.json.encode(answer).decode())
    else:
        _show(answer)
    if answer.verdict != "go":
        raise typer.Exit(1)


def _show(answer: Explained) -> None:
    for step in answer.steps:
        mark, style = _MARKS[step.verdict]
        say(f"{mark:<5} {step.rule:<16} {_told(step)}".rstrip(), style)
    at = f"at {moment(answer.at_ms)}"
    match answer.verdict:
        case "go":
            say(f"{at} it would go")
        case "wait":
            say(f"{at} it would wait: {answer.code}")
        case _:
            say(f"{at} it would be refused: {answer.code}")


def _told(step: Step) -> str:
    until = f", until {moment(step.until_ms)}" if step.until_ms else ""
    return f"{step.code}: {step.reason}{until}" if step.code else ""


def _time(option: str, text: str) -> int:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        fail(f"{option} {text!r} is no time; write 2026-12-25T11:00, or with an offset: 2026-12-25T11:00-03:00", 2)
    return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() * 1000)


def _broken(name: str, why: str) -> None:
    err.print(f"tenant {name}: its newest record cannot be read ({why}); the one before it stands", style="yellow",
              markup=False, soft_wrap=True)  # fmt: skip
