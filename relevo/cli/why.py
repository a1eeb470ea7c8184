"""`relevo why`: what became of one event or message, and why."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
import typer
from rich.status import Status

from relevo.cli.console import err, fail, say
from relevo.cli.span import parsed
from relevo.doubts import Directory
from relevo.tenants.store import standing_tenants
from relevo.why import show
from relevo.why.find import Found, find
from relevo.why.question import Question
from relevo.why.reading import Reading, Scope
from runtime.clock import now_ms
from runtime.settings import KafkaSettings, load
from schemas.keys import KeyPartError

NOT_FOUND = 1


def why(
    id_: Annotated[
        str,
        typer.Argument(
            metavar="ID", help="Of an event, an order or a message; or a record's place, TOPIC-PARTITION-OFFSET."
        ),
    ],
    line: Annotated[str, typer.Option(metavar="DID", help="The line: less has to be read.")] = "",
    contact: Annotated[str, typer.Option(help="The person, with --line: one partition is read.")] = "",
    since: Annotated[str, typer.Option(help="How far back to look: 24h, 7d, 30min.")] = "24h",
    contacts: Annotated[
        bool, typer.Option("--contacts", help="Also numbers of people, and ids that hold them.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """What came in, where it went and by which rule, what the agents did, and what became of each message.

    Reads Kafka's records alone and changes nothing. Exit code 1 when the id is found nowhere.
    """
    question = Question.of(id_)
    if not question.id:
        fail("an id, or the place of a record", 2)
    try:
        scope = Scope.of(line, contact, now_ms() - parsed(since))
    except (ValueError, KeyPartError) as wrong:
        fail(str(wrong), 2)
    settings = load(KafkaSettings)
    with _Progress() as progress:
        reading = Reading(settings, progress)
        found = find(reading, question, scope, _owners(settings).owner, clear=contacts)
    if as_json:
        sys.stdout.write(msgspec.json.encode(_as_json(found, reading)).decode() + "\n")
    else:
        _say(found)
        if not found.anything:
            _say_where(id_, scope, since, reading)
        _say_older(reading)
    if not found.anything:
        raise typer.Exit(NOT_FOUND)


class _Progress:
    """How far the reading is, on a terminal alone and gone at the end."""

    def __init__(self) -> None:
        self._status = Status("reading", console=err) if err.is_terminal else None

    def __enter__(self) -> _Progress:
        if self._status is not None:
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._status is not None:
            self._status.stop()

    def __call__(self, passed: int, total: int) -> None:
        if self._status is not None:
            self._status.update(f"reading {passed:,} of {total:,} records")


def _owners(settings: KafkaSettings) -> Directory:
    """The tenants as the services have them now."""

    def broken(name: str, why: str) -> None:
        err.print(f"tenant {name}: its newest record cannot be read: {why}", style="yellow", markup=False)

    return Directory(standing_tenants(settings, broken))


def _as_json(found: Found, reading: Reading) -> dict[str, Any]:
    return {
        "found": found.anything,
        "stories": found.stories,
        "rejected": found.rejected,
        "searched": list(reading.searched),
        "records": reading.records,
        "not_looked_at": reading.not_looked_at(),
    }


def _say(found: Found) -> None:
    for number, story in enumerate(found.stories):
        if number:
            say("")
        for text in show.lines(story):
            say(text)
    for one in found.rejected:
        say(show.rejected(one))


def _say_where(asked: str, scope: Scope, since: str, reading: Reading) -> None:
    """What was searched, and what it may mean that there is nothing."""
    begin = datetime.fromtimestamp(scope.since_ms / 1000, UTC)
    said = [f"nothing of {asked} since {begin:%Y-%m-%d %H:%M}Z ({since}): {reading.records:,} records were read"]
    if reading.searched:
        said.append(f"searched: {', '.join(reading.searched)}")
    said.append(
        "it may be older (--since 7d; events are kept 7 days, rejected bodies and dead letters 30, outcomes 90)"
    )
    if scope.did or scope.contact:
        said.append("it may be of another line or person: leave out --line and --contact")
    said.append("or it never came: the provider's webhook was not sent, or not acknowledged (relevo doctor)")
    for text in said:
        err.print(text, markup=False, soft_wrap=True)


def _say_older(reading: Reading) -> None:
    """What is kept of the same partitions and was not looked at."""
    if older := reading.not_looked_at():
        listed = ", ".join(f"{number:,} of {topic}" for topic, number in older.items())
        err.print(f"not looked at, as older than --since: about {listed}", markup=False, soft_wrap=True)


def add_to(app: typer.Typer) -> None:
    """Add the verb to the program."""
    app.command("why")(why)
