"""`relevo dlq`: dead letters, what nobody could process: listed, looked at, put back, dropped."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable
from typing import Annotated, Any

import msgspec
import typer

from relevo.cli.console import err, fail, say
from relevo.cli.span import span
from relevo.dead_letters import preview, shelf
from relevo.dead_letters.letter import Action, Address, Letter, LetterError, counted, pairs
from relevo.dead_letters.records import refusal
from runtime.clock import now_ms
from runtime.settings import KafkaSettings, load
from schemas.dead_letter import ATTEMPTS

SHOWN = 5

app = typer.Typer(help="Dead letters: what nobody could process.", no_args_is_help=True)

Addresses = Annotated[list[str] | None, typer.Argument(help="topic:partition:offset, as `ls` shows it.")]
Topic = Annotated[str, typer.Option(help="Only of this topic, with or without .dlq.")]
TenantName = Annotated[str, typer.Option("--tenant", help="Only of this tenant.")]
Reason = Annotated[str, typer.Option(help="Only with this reason.")]


@app.command("ls")
def list_letters(
    topic: Topic = "",
    tenant: TenantName = "",
    reason: Reason = "",
    all_: Annotated[bool, typer.Option("--all", help="Also those that were put back or dropped.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """How many there are by topic and reason, then each, newest first. Shows no numbers of people and no texts."""
    settings = load(KafkaSettings)
    try:
        names = shelf.letter_topics(settings, topic)
    except LetterError as wrong:
        fail(str(wrong))
    found = _fitting(shelf.letters(settings, names), tenant, reason, done=all_)
    if as_json:
        sys.stdout.write(msgspec.json.encode(_listed(found)).decode() + "\n")
        return
    for name, why, count in counted(found):
        say(f"{name}  {why}  {count}")
    if found:
        say("")
    now = now_ms()
    for letter in found:
        done = f"  {letter.done.action}" if letter.done else ""
        say(f"{letter.address}  {span(now - letter.at_ms)}  {letter.tenant or '-'}  {letter.reason or '-'}{done}")
    if not found:
        say("no dead letters" + (" that fit" if topic or tenant or reason else ""))


def _fitting(letters: Iterable[Letter], tenant: str, reason: str, *, done: bool) -> list[Letter]:
    return [
        one
        for one in letters
        if tenant in ("", one.tenant) and reason in ("", one.reason) and (done or one.done is None)
    ]


def _listed(letters: list[Letter]) -> dict[str, Any]:
    counts = [{"topic": topic, "reason": reason, "count": count} for topic, reason, count in counted(letters)]
    return {"counts": counts, "letters": [_as_json(letter) for letter in letters]}


def _as_json(letter: Letter) -> dict[str, Any]:
    """Without `error` and `attempts`, which may be long; `show` has them."""
    fields = msgspec.structs.asdict(letter)
    del fields["error"], fields["attempts"]
    return fields | {"address": str(letter.address), "topic": letter.topic}


@app.command()
def show(
    address: Annotated[str, typer.Argument(help="topic:partition:offset, as `ls` shows it.")],
    raw: Annotated[bool, typer.Option("--raw", help="Write exactly the bytes, and nothing else.")] = False,
    text: Annotated[bool, typer.Option("--text", help="In clear, with texts and numbers of people.")] = False,
) -> None:
    """The cause in full, the headers and the shape of the bytes; what people wrote only with --text or --raw."""
    if raw and text:
        fail("--raw and --text are two ways to show the same; choose one", 2)
    settings = load(KafkaSettings)
    try:
        place = Address.parse(address)
        [letter] = _at(shelf.letters(settings, shelf.letter_topics(settings, place.topic)), [place])
        [(_, message)] = shelf.contents(settings, [letter])
    except LetterError as wrong:
        fail(str(wrong))
    value, key = message.value(), message.key()
    body = value.encode() if isinstance(value, str) else value
    if raw:
        sys.stdout.buffer.write(body or b"")
        sys.stdout.buffer.flush()
        return
    _tell_cause(letter)
    _tell_attempts(letter)
    in_bytes = key.encode() if isinstance(key, str) else key
    say(f"key      {'none' if in_bytes is None else preview.shown(in_bytes, clear=text)}")
    told = {ATTEMPTS} if letter.attempts else set()
    for name, shown in preview.headers((one for one in pairs(message) if one[0] not in told), clear=text):
        say(f"header   {name}: {shown}")
    _tell_bytes(body, clear=text)
    say(_advice(letter))


def _tell_cause(letter: Letter) -> None:
    say(f"{letter.address}  {letter.reason}, {span(now_ms() - letter.at_ms)} ago")
    lines = (("error", letter.error), ("source", letter.source), ("by", letter.by), ("tenant", letter.tenant))
    for name, value in lines:
        if value:
            say(f"{name:8} {value}")
    if letter.done:
        why = f": {letter.done.why}" if letter.done.why else ""
        say(f"{letter.done.action} {span(now_ms() - letter.done.at_ms)} ago by run {letter.done.run}{why}")


def _tell_attempts(letter: Letter) -> None:
    """Each call that was made for it, in a line."""
    for number, one in enumerate(letter.attempts, 1):
        ended = " ".join(filter(None, (one.result or "no outcome", str(one.status or ""), one.code)))
        run = f", put back by run {one.run}" if one.run else ""
        say(f"call {number:<3} {span(now_ms() - one.at_ms)} ago, plan {one.plan}: {ended}{run}")


def _tell_bytes(body: bytes | None, *, clear: bool) -> None:
    if body is None:
        say("no bytes: the record is a tombstone")
        return
    say(f"{len(body)} bytes" + ("" if clear else ", values hidden; --text shows them"))
    say(preview.readable(body) if clear else preview.preview(body))


def _advice(letter: Letter) -> str:
    if letter.done:
        return f"it was {letter.done.action}; to put it back once more: relevo dlq requeue {letter.address} --again"
    drop = f"or: relevo dlq drop {letter.address} --why TEXT"
    return f"{refusal(letter) or f'put it back: relevo dlq requeue {letter.address}'}; {drop}"


@app.command()
def requeue(
    addresses: Addresses = None,
    topic: Topic = "",
    reason: Reason = "",
    tenant: TenantName = "",
    again: Annotated[bool, typer.Option("--again", help="Also what was put back or dropped before.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Put letters back onto the topic and partition that they came from, with key, value, headers and ids as they were.

    Either by their addresses, or all open ones of a topic with a reason.
    """
    if bool(addresses) == bool(topic and reason) or (addresses and (topic or reason or tenant)):
        fail("either addresses, or --topic with --reason (and --tenant)", 2)
    if again and not addresses:
        fail("--again is for letters that are named by their addresses", 2)
    settings = load(KafkaSettings)
    try:
        places = [Address.parse(one) for one in addresses or ()]
        names = _names(settings, places, topic)

        def choose(letters: list[Letter]) -> list[Letter]:
            if not places:
                return _may_go(_fitting(letters, tenant, reason, done=False))
            return _may_go(_open(_at(letters, places), again=again))

        if not places and not yes:
            _confirm(len(choose(shelf.letters(settings, names))))
        _carry_out(settings, names, "requeued", choose)
    except LetterError as wrong:
        fail(str(wrong))


@app.command()
def drop(
    addresses: Annotated[list[str], typer.Argument(help="topic:partition:offset, as `ls` shows it.")],
    why: Annotated[str, typer.Option(help="Goes on record.")],
) -> None:
    """Let letters rest, on record: `ls` shows them no more. Their bytes stay until Kafka's retention ends."""
    if not why.strip():
        fail("--why must say something; it is all that later tells why nothing was done", 2)
    settings = load(KafkaSettings)
    try:
        places = [Address.parse(one) for one in addresses]
        names = _names(settings, places, "")
        _carry_out(settings, names, "dropped", lambda letters: _open(_at(letters, places), again=False), why)
    except LetterError as wrong:
        fail(str(wrong))


def _names(settings: KafkaSettings, places: list[Address], topic: str) -> list[str]:
    wanted = dict.fromkeys(place.topic for place in places) if places else {topic: None}
    return [name for one in wanted for name in shelf.letter_topics(settings, one)]


def _carry_out(settings: KafkaSettings, names: list[str], action: Action, choose: shelf.Choose, why: str = "") -> None:
    run = shelf.Run(settings, names, action, why)
    done = asyncio.run(run.carry_out(choose))
    told = {"requeued": "put back", "dropped": "dropped"}[action]
    say(f"{done} dead letters {told}, on record as run {run.id}" if done else "no dead letters that fit")


def _confirm(count: int) -> None:
    if count and not sys.stdin.isatty():
        raise LetterError(f"{count} dead letters would be put back; nothing was done. Say --yes")
    if count and not typer.confirm(f"put {count} dead letters back?", err=True):
        err.print("nothing was done")
        raise typer.Exit(1)


def _at(letters: Iterable[Letter], places: list[Address]) -> list[Letter]:
    by_address = {letter.address: letter for letter in letters}
    if missing := [str(place) for place in places if place not in by_address]:
        raise LetterError(
            f"no dead letter at {', '.join(missing)}: there never was one, or Kafka keeps it no longer (30 days); "
            "see: relevo dlq ls --all"
        )
    return [by_address[place] for place in dict.fromkeys(places)]


def _open(letters: list[Letter], *, again: bool) -> list[Letter]:
    before = [f"{one.address} was {one.done.action} by run {one.done.run}" for one in letters if one.done and not again]
    if before:
        raise LetterError("\n".join([*before, "nothing was done; to put them back all the same: requeue --again"]))
    return letters


def _may_go(letters: list[Letter]) -> list[Letter]:
    if refused := [why for one in letters if (why := refusal(one))]:
        more = f"nothing was done; {len(refused)} of {len(letters)} cannot be put back"
        raise LetterError("\n".join([*refused[:SHOWN], more]))
    return letters
