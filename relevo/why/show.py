"""A story as lines for a person at a terminal. Pure; times are UTC."""

from __future__ import annotations

from collections.abc import Iterator

from relevo.cli.span import moment
from relevo.why.find import Rejected
from relevo.why.messages import MessageStory, Step
from relevo.why.parts import Arrived, Heard, LetterStory, OrderStory, Rules, Story

_STANDING = {
    "done": "handled",
    "duplicate": "known already, so nothing new came of it",
    "pending": "conversations has not come to it yet",
    "dead": "a dead letter, see below",
    "unknown": "Kafka does not say now whether conversations has come to it",
}
_NOTES = {
    "echo": "the bot's or a human's own words",
    "human_owns": "a human has the conversation, and no tap listens",
}


def lines(story: Story) -> Iterator[str]:
    """The whole story."""
    yield _head(story)
    yield from _came(story)
    if story.heard:
        yield from _then(story)
    for heard in story.heard:
        yield from _heard(heard)
    if story.also_told:
        yield f"told that a human took over: {', '.join(story.also_told)}"
    for message in story.messages:
        yield from _message(message, "")
    for letter in story.letters:
        yield from _letter(letter)
    if story.rules:
        yield from _rules(story.rules)
    if verdict := _nothing(story):
        yield verdict
    if story.unreadable:
        yield f"records that cannot be read: {', '.join(story.unreadable)}"


def rejected(one: Rejected) -> str:
    """A body that was never processed."""
    tenant = f", tenant {one.tenant}" if one.tenant else ""
    why = f"{one.reason}{tenant}, {moment(one.at_ms)}"
    return f"kept at the door and never processed: {why}; relevo dlq show {one.address}"


def _head(story: Story) -> str:
    what = f"event {story.id}" if story.id else "a message without an event"
    kind = f" ({story.what})" if story.what else ""
    by = f", caused by {story.caused_by}" if story.caused_by else ""
    return f"{what}{kind}{by}: tenant {story.tenant or '-'}, line {story.line}, contact {story.contact or '-'}"


def _came(story: Story) -> Iterator[str]:
    for number, one in enumerate(story.arrived):
        yield _arrived(one, "came again" if number else "came")


def _arrived(one: Arrived, word: str) -> str:
    run = f", put back by run {one.replay}" if one.replay else ""
    return f"{word}: {one.type} {one.place}, received {moment(one.received_ms)}{run}; {_STANDING[one.standing]}"


def _then(story: Story) -> Iterator[str]:
    said = f"said {moment(story.at_ms)}" + (", more than a day before it was handled" if story.late else "")
    window = f"window until {moment(story.window_expires_ms)}" if story.window_expires_ms else "no window open"
    yield f"then: {said}; owner {story.owner} in epoch {story.owner_epoch}; {window}"


def _heard(heard: Heard) -> Iterator[str]:
    if heard.kind == "dropped":
        why = _NOTES.get(heard.reason, heard.reason)
        yield f"dropped: {heard.reason} ({why}), by rule {heard.rule or '-'}; noted at {heard.place}"
        return
    yield f"{_routed(heard)}, at {heard.place}: {_did(heard)}"
    for message in heard.messages:
        yield from _message(message, "  ")
    for order in heard.orders:
        yield from _order(order)


def _routed(heard: Heard) -> str:
    if heard.rule == "also":
        return f"tap {heard.agent}"
    by = {"": "", "default": " by the default, no rule matched"}.get(heard.rule, f" by rule {heard.rule}")
    return f"routed to {heard.agent}{by}"


def _did(heard: Heard) -> str:
    said = [f"{count} {word}{'' if count == 1 else 's'}" for count, word in
            ((len(heard.messages), "message"), (len(heard.orders), "order")) if count]  # fmt: skip
    return {
        "spoke": " and ".join(said),
        "silent": "handled, and nothing left because of it",
        "held": f"held, and then not told ({heard.reason})"
        if heard.reason
        else "held for the messages that may follow",
        "mute": "mute: the agent had handed the conversation over",
        "pending": "the agent has not come to it yet",
        "dead": "the agent failed, see its dead letter",
        "unknown": "nothing left because of it; Kafka does not say now whether the agent has come to it",
        "note": "",
    }[heard.standing]


def _order(order: OrderStory) -> Iterator[str]:
    told = f"; told {', '.join(order.told)}" if order.told else ""
    yield f"  order {order.kind} {order.id}, at {order.place}: {_STANDING[order.standing]}{told}"
    for message in order.messages:
        yield from _message(message, "    ")


def _message(message: MessageStory, indent: str) -> Iterator[str]:
    kind = f" ({message.kind} of {message.agent or 'a system'})" if message.kind else ""
    waits = ", egress has not come to it yet" if message.state == "waiting" else ""
    yield f"{indent}message {message.id}{kind}: {message.state}{waits}"
    for step in message.steps:
        yield f"{indent}  {_step(step)}"


def _step(step: Step) -> str:
    plan = f", plan {step.plan}" if step.plan else ""
    why = ": " + " ".join(filter(None, (step.code, step.reason))) if step.code or step.reason else ""
    return f"{moment(step.at_ms)} {step.state}{plan}{why}"


def _letter(letter: LetterStory) -> Iterator[str]:
    done = f"; {letter.done} {moment(letter.done_ms)}" if letter.done else ""
    yield f"dead letter of {letter.by}, {moment(letter.at_ms)}: {letter.reason}{done}; relevo dlq show {letter.address}"
    yield f"  {letter.error}"


def _rules(rules: Rules) -> Iterator[str]:
    changed = f"; they were written {moment(rules.changed_ms)}, after the event" if rules.changed_ms else ""
    yield f"why, by the tenant's rules as they are now{changed}:"
    yield from (f"  {line}" for line in rules.lines)
    if rules.agrees is False:
        yield "  so they lead elsewhere now than they did then"


def _nothing(story: Story) -> str:
    """What it may mean that a record came and nothing of it is to be seen."""
    if story.heard or story.letters or story.messages or not story.arrived:
        return ""
    if any(one.standing == "pending" for one in story.arrived):
        return "nothing came of it yet: conversations is behind, or does not run (relevo doctor)"
    if story.arrived[0].type != "webhook":
        return "an order that was obeyed and told to nobody, or one that was known already"
    return (
        "nothing came of it in the time that was searched: it was known already from before (look further back with "
        "--since), or the agents' topics keep it no longer"
    )
