"""An event on its way out: to the agent and the taps that routing names, or into a note why nobody gets it.

Every event ends as exactly one of: routed (a record of type `event` on at least one `agents.<type>`), dropped with
a reason (one record of type `dropped`), or undeliverable (the source record becomes a dead letter). The fourth
outcome, duplicate, is decided before an event gets here. See docs/agents.md.
"""

from __future__ import annotations

from processors.agents.transcript import heard, shortened
from processors.conversations.draft import Draft, Undeliverable
from processors.listening import listeners, speakers
from processors.routing import Decision, Subject, router_of, rule_name
from schemas.inbound import SAID, InboundEvent, Said

TAP = "also"


def deliver(
    draft: Draft,
    event: InboundEvent,
    *,
    new_contact: bool = False,
    without: str = "",
    instead: InboundEvent | None = None,
) -> None:
    """Route an event. `without` names an agent that is not told, because it caused the event itself; `instead` is what
    the agent gets in its place, while taps get the event.

    What picked the agent goes along in the record's headers, for `relevo why`.
    """
    decision = _decision(draft, event, new_contact)
    if not decision.muted and decision.agent != without:
        if decision.agent not in draft.world.agents:
            raise Undeliverable("unknown_agent", f"no agent of type {decision.agent!r} runs here")
        draft.to_agent(decision.agent, instead or event, rule=rule_name(decision.rule), new_contact=new_contact)
    taps = [tap for tap in decision.taps if tap not in (without, decision.agent)]
    told = _tell(draft, event, taps, new_contact=new_contact)
    if told or not decision.muted:
        draft.count("routed")
        if decision.muted and decision.agent not in decision.taps:
            _overhear(draft, event, decision.agent)
    else:
        drop(draft, event, "human_owns", decision, new_contact=new_contact)


def tell_agents(draft: Draft, said: Said) -> None:
    """What others said to the person, for the transcripts of agents that may hand off, and of taps that listen."""
    for agent in dict.fromkeys((*speakers(draft.place.tenant), *listeners(draft.place.tenant))):
        _note(draft, agent, said)


def tell_listeners(draft: Draft, said: Said) -> None:
    """The same for taps that listen alone; the agent is told in another way."""
    for agent in listeners(draft.place.tenant):
        _note(draft, agent, said)


def _overhear(draft: Draft, event: InboundEvent, agent: str) -> None:
    """What the person says to a human, for the transcript of the agent that does not get the event."""
    if event.kind == "message" and event.content is not None:
        _note(draft, agent, Said(who="customer", text=shortened(heard(event.content)), at_ms=event.at_ms))


def _note(draft: Draft, agent: str, said: Said) -> None:
    if said.text and agent in draft.world.agents:
        draft.notice(agent, SAID, said)


def tap(draft: Draft, event: InboundEvent, *, without: str = "") -> int:
    """Tell the taps alone: what they should know, and the agent must not answer. How many were told."""
    return _tell(draft, event, [tap for tap in draft.place.tenant.routing.also if tap != without])


def drop(
    draft: Draft, event: InboundEvent, reason: str, decision: Decision | None = None, *, new_contact: bool = False
) -> None:
    """Leave a note, on the topic of the agent that would have got the event, that nobody does."""
    decision = decision or _decision(draft, event, new_contact)
    for agent in (decision.agent, *decision.taps):
        if agent in draft.world.agents:
            rule = rule_name(decision.rule)
            draft.to_agent(agent, event, kind="dropped", reason=reason, rule=rule, new_contact=new_contact)
            draft.count("dropped", reason)
            return
    raise Undeliverable("unknown_agent", f"no agent of type {decision.agent!r} to note a drop ({reason})")


def _tell(draft: Draft, event: InboundEvent, taps: list[str], *, new_contact: bool = False) -> int:
    """Send to each tap; how many were told. A tap that does not run here is counted and holds up nobody."""
    told = 0
    for agent in taps:
        if agent in draft.world.agents:
            draft.to_agent(agent, event, rule=TAP, new_contact=new_contact)
            told += 1
        else:
            draft.count("missing_tap", agent)
    return told


def _decision(draft: Draft, event: InboundEvent, new_contact: bool) -> Decision:
    return router_of(draft.place.tenant).decide(Subject.of(event, new_contact=new_contact))
