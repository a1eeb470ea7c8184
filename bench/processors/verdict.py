"""What came out against what must: agents' topics, opt-outs and states, all read back from Kafka, read_committed."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import NamedTuple

from bench.cluster import Cluster
from bench.processors.truth import Facts, Told, Truth
from processors.conversations.state import State, decode
from schemas import content, topics
from schemas.inbound import SAID, InboundEvent, Said
from schemas.record import Decoder

_SHOWN = 5
_LETTERS = topics.dead_letters(topics.INBOUND_CONVERSATIONS).name
_OTHERS = (topics.OUTBOUND_REPLIES, topics.OPTOUTS, topics.CONVERSATIONS_STATE)
_events = Decoder.of(InboundEvent)
_said = Decoder.of(Said)


class Verdict(NamedTuple):
    """`lost`: records that are missing, doubled, changed, out of order, or ought not to be. `wrong_states`:
    conversations whose state is missing, wrong, or ought not to be. `examples` of both, for a person."""

    lost: int
    wrong_states: int
    examples: tuple[str, ...]

    def plus(self, other: Verdict) -> Verdict:
        """Of two programs together."""
        return Verdict(
            self.lost + other.lost, self.wrong_states + other.wrong_states, (*self.examples, *other.examples)
        )


def judge(cluster: Cluster, agents: Sequence[str], truth: Truth) -> Verdict:
    """Read everything that `conversations` wrote and compare."""
    told: dict[tuple[str, bytes], list[Told]] = defaultdict(list)
    outputs = {agent: topics.agent(agent).name for agent in agents}
    read = cluster.read(*outputs.values(), _LETTERS, *(topic.name for topic in _OTHERS))
    for agent, name in outputs.items():
        for record in read[name]:
            told[agent, record.key].append(told_of(record.value, record.headers))
    lost, examples = lost_of(truth.told, told)
    lost += len(read[_LETTERS]) + len(read[topics.OUTBOUND_REPLIES.name])
    optouts = Counter(record.key for record in read[topics.OPTOUTS.name] if record.value is not None)
    wished = {key for key, facts in truth.facts.items() if facts.opted_out}
    states = {record.key: record.value for record in read[topics.CONVERSATIONS_STATE.name]}
    wrong, more = wrong_of(truth, {key: decode(value) for key, value in states.items() if value is not None})
    return Verdict(lost + len(wished ^ optouts.keys()), wrong, (*examples, *more))


def lost_of(
    expected: Mapping[tuple[str, bytes], Sequence[Hashable]], found: Mapping[tuple[str, bytes], Sequence[Hashable]]
) -> tuple[int, list[str]]:
    """How many records differ, at least one where the order alone does; and some examples."""
    lost, examples = 0, []
    for place in expected.keys() | found.keys():
        wanted, got = expected.get(place, ()), found.get(place, ())
        if list(wanted) == list(got):
            continue
        missing, surplus = Counter(wanted) - Counter(got), Counter(got) - Counter(wanted)
        lost += max(missing.total() + surplus.total(), 1)
        examples.append(f"{place}: missing {list(missing)[:2]}, surplus {list(surplus)[:2]}")
    return lost, examples[:_SHOWN]


def wrong_of(truth: Truth, found: Mapping[bytes, State]) -> tuple[int, list[str]]:
    """How many states differ, and some examples."""
    examples = []
    for key in truth.facts.keys() | found.keys():
        wanted, state = truth.facts.get(key), found.get(key)
        got = None if state is None else _facts(state)
        if wanted != got:
            examples.append(f"{key!r}: {got}, expected {wanted}")
        elif state is not None and (forgotten := _forgotten(state, truth.remembered[key])):
            examples.append(f"{key!r} does not remember {forgotten}")
    return len(examples), examples[:_SHOWN]


def told_of(value: bytes | None, headers: Mapping[str, bytes]) -> Told:
    """A record on an agent's topic."""
    if headers["type"] == SAID.encode():
        said: Said = _said.decode(value)
        return Told(SAID, "", "", said.who, said.at_ms, said.text, "", 0)
    event: InboundEvent = _events.decode(value)
    return Told(
        headers["type"].decode(),
        headers.get("reason", b"").decode(),
        event.id,
        event.kind,
        event.at_ms,
        content.words(event.content) if event.content else "",
        event.facts.owner,
        event.facts.owner_epoch,
    )


def _facts(state: State) -> Facts:
    return Facts(
        state.last_inbound_ms,
        state.owner,
        state.epoch,
        state.profile_name,
        state.reply_to,
        state.id_chat,
        state.channel_id,
        state.id_campaign,
        state.optout is not None,
    )


def _forgotten(state: State, ids: Iterable[str]) -> list[str]:
    return [one for one in ids if not state.knows(one)]
