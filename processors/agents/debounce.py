"""Several messages in a row get one answer: an agent's messages are held until the person has paused. Pure.

    agents: {menu: {debounce: {quiet_s: 3, max_s: 15}}}

A message that may wait is kept in the conversation's memory, in the transaction of its record, until `quiet_s` passed
since the last one or `max_s` since the first. Then a timer brings it back by way of `inbound.conversations`, so that
what is known of the conversation then (who owns it, its window) is known to the agent. What must not wait (a choice, a
reaction, any event that is no message) lets what is held go first.

The agent gets one event. Its content says all that was said in words, so an agent that knows nothing of this works;
`parts` has every message as it came. Its id is that of the last message. Promises: nothing is held that a bound does
not allow; order is kept; the same messages become the same event. Leaves to `step` what becomes of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeGuard

from msgspec.structs import replace

from processors.agents.memory import Held, Memory
from schemas import content as c
from schemas import ids
from schemas.inbound import InboundEvent, Part
from schemas.record import Decoder

TIMER = "relevo.debounce"
"""The name of the timer; agents cannot set it."""

SETTING = "debounce"
RETRY_MS = 30_000
"""A timer that did not come back by then is set anew."""

MESSAGES_MAX = 16  # fewer than the ring of handled ids has
BYTES_MAX = 32_768
QUIET_MAX_S, MAX_S = 60.0, 300.0
_TIMES = 5  # max_s, where it is not said, in quiet times
_FIELDS = ("quiet_s", "max_s", "taps")
_WAITS = (c.Text, c.Media, c.Location, c.Contacts, c.Unsupported, c.Unknown)
_CAPTIONED = (c.Image, c.Video, c.Document)
_events = Decoder.of(InboundEvent)


class Debounce(NamedTuple):
    """The setting of one agent of one tenant, in milliseconds. `taps`: also what it hears as a tap."""

    quiet_ms: int
    max_ms: int
    taps: bool = False

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Debounce | None:
        """None where there is none, or one that cannot be used."""
        said = config.get(SETTING)
        if not isinstance(said, Mapping) or any(True for _ in problems(config)):
            return None
        quiet_s = float(said["quiet_s"])
        max_s = float(said.get("max_s", min(quiet_s * _TIMES, MAX_S)))
        return cls(int(quiet_s * 1000), int(max_s * 1000), said.get("taps", False))

    def due_ms(self, held: Sequence[Held]) -> int:
        """When what is held is to be told."""
        return min(held[-1].at_ms + self.quiet_ms, held[0].at_ms + self.max_ms)


_own: dict[int, tuple[Mapping[str, Any], Mapping[str, Any]]] = {}
_OWN_MAX = 1000


def own_of(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """The settings that are the agent's own: the same object for the same settings, for agents that remember them."""
    if SETTING not in config:
        return config
    known = _own.get(id(config))
    if known is None or known[0] is not config:
        if len(_own) >= _OWN_MAX:
            _own.clear()
        known = _own[id(config)] = config, {name: value for name, value in config.items() if name != SETTING}
    return known[1]


def problems(config: Mapping[str, Any]) -> Iterable[tuple[tuple[str, ...], str]]:
    """(path among the agent's settings, what to write instead) for what is wrong."""
    if SETTING not in config:
        return
    said = config[SETTING]
    if not isinstance(said, Mapping):
        yield (SETTING,), "such as {quiet_s: 3, max_s: 15}"
        return
    for name in said:
        if name not in _FIELDS:
            yield (SETTING, name), f"no such field; known are {', '.join(_FIELDS)}"
    quiet_s, max_s = said.get("quiet_s"), said.get("max_s")
    if not _is_number(quiet_s) or not 0 < quiet_s <= QUIET_MAX_S:
        yield (SETTING, "quiet_s"), f"seconds without a message, above 0 and at most {QUIET_MAX_S:g}"
    elif max_s is not None and (not _is_number(max_s) or not quiet_s <= max_s <= MAX_S):
        yield (SETTING, "max_s"), f"seconds since the first message, at least quiet_s and at most {MAX_S:g}"
    if not isinstance(said.get("taps", False), bool):
        yield (SETTING, "taps"), "true where it holds for what the agent hears as a tap, too"


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def may_wait(event: InboundEvent) -> bool:
    """Whether the event is a message that others may follow."""
    return event.kind == "message" and isinstance(event.content, _WAITS)


def has_room(held: Sequence[Held], value: bytes) -> bool:
    """Whether one more may be held."""
    return len(held) < MESSAGES_MAX and sum(len(one.value) for one in held) + len(value) <= BYTES_MAX


def is_timer(event: InboundEvent) -> bool:
    """Whether it is time to tell what is held."""
    return event.kind == "timer" and event.extra.get("name") == TIMER


def timer_id(did: str, agent: str, memory: Memory) -> str:
    """Of the timer that tells what is held now, at the time for which it is set."""
    return ids.digest(TIMER, did, agent, memory.held[-1].id, str(memory.held_due_ms))


def joined(held: Sequence[Held], now: InboundEvent) -> InboundEvent:
    """What the agent gets: what was held, and of `now` what is known of the conversation by now."""
    events: list[InboundEvent] = [_events.decode(one.value) for one in held]
    last = replace(
        events[-1], did=now.did, contact=now.contact, reply_to=now.reply_to, tenant=now.tenant, facts=now.facts
    )
    if len(events) == 1:
        return last
    return replace(
        last,
        content=_said([one.content for one in events if one.content is not None]),
        context=next((one.context for one in reversed(events) if one.context is not None), None),
        referral=next((one.referral for one in events if one.referral is not None), None),
        parts=[_part(one) for one in events],
    )


def _part(event: InboundEvent) -> Part:
    return Part(
        id=event.id,
        at_ms=event.at_ms,
        content=event.content,
        context=event.context,
        referral=event.referral,
        late=event.late,
        extra=event.extra,
    )


def _said(contents: list[c.AnyContent]) -> c.AnyContent:
    """One content that says all words, a line each: of the last medium that can have a caption, else a text; of media
    without a word the last one."""
    words = "\n".join(filter(None, map(c.words, contents)))
    captioned = [one for one in contents if isinstance(one, _CAPTIONED)]
    if captioned:
        return replace(captioned[-1], caption=words)
    return c.Text(body=words) if words else contents[-1]
