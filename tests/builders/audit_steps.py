"""Steps of a run for the audit: honest ones, and ones with a planted fault that says what must be named."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from schemas import ids, topics
from schemas.campaign import Chunk, ChunkRef, Contents, Progress, Recipient
from schemas.dead_letter import Cause, source
from schemas.headers import ALIAS_SOURCE
from schemas.inbound import InboundEvent, Part
from schemas.journal import PlannedMessage
from schemas.outbound import OutboundMessage
from schemas.record import encode
from schemas.session import Text
from tests.builders import webhooks
from tests.builders.audit import AGENT, DID, NOW, PARTITION, History

Step = Callable[[History], None]


def routed(history: History) -> None:
    """Two events in one POST, both routed."""
    for event in (names := [history.name("event"), history.name("event")]):
        history.to_agent(event)
    history.arrived(names)


def repeated(history: History) -> None:
    """Chattigo posts the same event three times; it is routed once."""
    event = history.name("event")
    history.arrived([event], times=3)
    history.to_agent(event)
    history.tally["duplicates"] += 2


def dropped(history: History) -> None:
    event = history.name("event")
    history.arrived([event])
    history.to_agent(event, "dropped", ("reason", b"echo"))
    history.tally["dropped"] += 1


def dead_at_conversations(history: History) -> None:
    body = webhooks.cloud(webhooks.cloud_value(messages=[webhooks.cloud_text(wamid=(event := history.name("event")))]))
    at = history.arrived([event])
    history.letter(topics.INBOUND_CONVERSATIONS, msgspec.json.encode(body), "webhook", at)
    history.tally["dead"] += 1


def nameless_and_dead(history: History) -> None:
    """An event without an id, which is known by where its webhook stands, also as a dead letter."""
    text = webhooks.cloud_text()
    del text["id"]
    body = webhooks.cloud(webhooks.cloud_value(messages=[text]))
    data = history.webhook(body, [history.name("raw")])
    offset = history.put(topics.INBOUND_CONVERSATIONS.name, data, "webhook")
    at = source(topics.INBOUND_CONVERSATIONS.name, PARTITION, offset)
    history.letter(topics.INBOUND_CONVERSATIONS, data, "webhook", at)
    history.tally["dead"] += 1


def nameless_and_routed(history: History) -> None:
    """Two events without ids in one POST: told apart by their places in it."""
    text = webhooks.cloud_text()
    del text["id"]
    data = history.webhook(webhooks.cloud(webhooks.cloud_value(messages=[text, text])), [history.name("raw")])
    offset = history.put(topics.INBOUND_CONVERSATIONS.name, data, "webhook")
    at = source(topics.INBOUND_CONVERSATIONS.name, PARTITION, offset)
    history.to_agent(at)
    history.to_agent(f"{at}.1")


def by_way_of_an_alias(history: History) -> None:
    """What stands under a user id and was forwarded to the phone: a routed event, and a dead one; neither has an id."""
    nameless = webhooks.cloud_text()
    del nameless["id"]
    for dead in (False, True):
        data = history.webhook(webhooks.cloud(webhooks.cloud_value(messages=[nameless])), [history.name("raw")])
        topic = topics.INBOUND_CONVERSATIONS
        at = source(topic.name, PARTITION, history.put(topic.name, data, "webhook"))
        forwarded = history.put(topic.name, data, "webhook", (ALIAS_SOURCE, at.encode()))
        if dead:
            cause = Cause(reason="failed", error="why", source=source(topic.name, PARTITION, forwarded), at_ms=NOW)
            letter = cause.headers([(ALIAS_SOURCE, at.encode())])
            history.put(topics.dead_letters(topic).name, data, "webhook", *letter)
            history.tally["dead"] += 1
        else:
            history.to_agent(at)


def rejected(history: History) -> None:
    event = history.name("event")
    body = webhooks.cloud(webhooks.cloud_value(messages=[webhooks.cloud_text(wamid=event)]))
    history.put(topics.INBOUND_REJECTED.name, history.webhook(body, [event]), "webhook")


def rejected_unknown_shape(history: History) -> None:
    """A body of a shape that nobody knows: acknowledged, kept, and named by the ledger alone."""
    name = history.name("raw")
    history.put(topics.INBOUND_REJECTED.name, history.webhook({"ping": name}, [name]), "webhook")


def never_acknowledged(history: History) -> None:
    history.webhook({}, [history.name("event")], [f"{history.name('wamid')}:sent"], acked=False)


def receipts_kept(history: History) -> None:
    for wamid, states in ((history.name("wamid"), ("sent", "delivered", "played")), (history.name("wamid"), ("odd",))):
        for state in states:
            body = webhooks.cloud(webhooks.cloud_value(statuses=[webhooks.cloud_status(state, wamid=wamid)]))
            data = history.webhook(body, receipts=[f"{wamid}:{state}"])
            history.put(topics.INBOUND_RECEIPTS.name, data, "webhook")


def reply_sent(history: History) -> None:
    history.sent()


def equal_texts(history: History) -> None:
    """Two honest messages to one person, equal to the byte."""
    who = history.person()
    history.sent(who)
    history.sent(who)


def batch_sent(history: History) -> None:
    people = {history.asked(who, topics.OUTBOUND_TEMPLATES): who for who in (history.person(), history.person())}
    plan = history.planned(people, root=history.name("root"))
    history.taken(plan)
    history.became(plan, "accepted")


def one_person_twice_in_a_batch(history: History) -> None:
    """Two honest templates to one person that went in one call."""
    who = history.person()
    people = {history.asked(who, topics.OUTBOUND_TEMPLATES): who, history.asked(who, topics.OUTBOUND_TEMPLATES): who}
    plan = history.planned(people, root=history.name("root"))
    history.taken(plan)
    history.became(plan, "accepted")


def resent_on_record(history: History) -> None:
    """A reply and a batch in doubt, both taken after all, resent by policy and taken again."""
    for topic in (topics.OUTBOUND_REPLIES, topics.OUTBOUND_TEMPLATES):
        root = history.name("root") if topic is topics.OUTBOUND_TEMPLATES else ""
        people = {history.asked(who, topic): who for who in (history.person(),)}
        first = history.planned(people, root)
        history.taken(first)
        history.outcome(list(people), "in_doubt")
        second = history.planned(people, f"{root}-2" if root else "", attempt=2, resend_of=first.plan_id)
        history.taken(second)
        history.became(second, "delivered")
        history.tally["resent"] += 1


def tried_again(history: History) -> None:
    """A call that was not sent, and its second attempt that was: no resend."""
    who = history.person()
    message = history.asked(who)
    history.became(history.planned({message: who}), "not_sent")
    again = history.planned({message: who}, attempt=2)
    history.taken(again)
    history.became(again, "accepted")


def refused(history: History) -> None:
    who = history.person()
    history.became(history.planned({history.asked(who): who}), "refused")


def dead_message(history: History) -> None:
    message = history.asked(who := history.person())
    value = OutboundMessage(id=message, tenant="acme", did=DID, contact=who, to=who, content=Text(body="hola"))
    history.letter(topics.OUTBOUND_REPLIES, encode(value), "message", "outbound.replies-0-0")


def parked_and_sent(history: History) -> None:
    """It was parked, its input is no longer kept, and it went at last."""
    message, who = history.parked()
    plan = history.planned({message: who})
    history.taken(plan)
    history.became(plan, "accepted")


def poison_buried(history: History) -> None:
    """A record that nobody can read, and its dead letter: accounted for."""
    offset = history.put(topics.OUTBOUND_REPLIES.name, b"{poison", "message")
    at = source(topics.OUTBOUND_REPLIES.name, PARTITION, offset)
    history.letter(topics.OUTBOUND_REPLIES, b"{poison", "message", at)


def campaign_sent(history: History) -> None:
    """A campaign of two, one of whom was sent to; and chunks of another that was never committed."""
    campaign, people = history.name("campaign"), [history.person(), history.person()]
    for committed in (campaign, history.name("campaign")):
        chunk = Chunk(
            campaign=committed, did=DID, index=0, first=0, recipients=[Recipient(one) for one in people], digest=""
        )
        offset = history.put(topics.CAMPAIGNS_CHUNKS.name, encode(chunk), "chunk")
        if committed == campaign:
            contents = Contents(
                campaign=campaign, did=DID, total=2, chunks=[ChunkRef(offset, 2)], digest="", committed_ms=NOW
            )
            history.put(topics.CAMPAIGNS.name, encode(contents), "contents")
    messages = {ids.message_id_of_recipient(DID, campaign, position): who for position, who in enumerate(people)}
    plan = history.planned(messages, root=history.name("root"), source=f"campaign/{campaign}/0")
    history.taken(plan)
    history.became(plan, "accepted")


def campaign_cancelled(history: History) -> None:
    """A campaign of four that was cancelled after two of its second chunk."""
    campaign, people = history.name("campaign"), [history.person() for _ in range(4)]
    refs = []
    for index, part in enumerate((people[:1], people[1:])):
        rows = [Recipient(one) for one in part]
        chunk = Chunk(campaign=campaign, did=DID, index=index, first=index, recipients=rows, digest="")
        refs.append(ChunkRef(history.put(topics.CAMPAIGNS_CHUNKS.name, encode(chunk), "chunk"), len(part)))
    contents = Contents(campaign=campaign, did=DID, total=4, chunks=refs, digest="", committed_ms=NOW)
    said = Progress(campaign=campaign, did=DID, state="cancelled", chunk=1, position=2, at_ms=NOW, planned=3)
    history.put(topics.CAMPAIGNS.name, encode(contents), "contents")
    history.put(topics.CAMPAIGNS.name, encode(said), "progress")
    messages = {ids.message_id_of_recipient(DID, campaign, position): people[position] for position in (0, 1, 2)}
    plan = history.planned(messages, root=history.name("root"), source=f"campaign/{campaign}/0")
    history.taken(plan)
    history.became(plan, "accepted")


def told_as_one(history: History) -> None:
    """Three messages in a row, each routed, that the agent answers with one reply."""
    names = [history.name("event") for _ in range(3)]
    history.arrived(names)
    for event in names:
        history.to_agent(event)
    history.sent(cause=names[-1], answers=names[:-1])
    history.tally["answered"] += 3


def dead_as_one(history: History) -> None:
    """Two messages that were told as one, which the agent could not take."""
    names = [history.name("event") for _ in range(2)]
    history.arrived(names)
    for event in names:
        history.to_agent(event)
    parts = [Part(id=one, at_ms=NOW) for one in names]
    value = InboundEvent(
        id=names[-1], tenant="acme", did=DID, contact="1", reply_to="1", kind="message", at_ms=NOW, parts=parts
    )
    history.letter(topics.agent(AGENT), encode(value), "event", f"agents.{AGENT}-{PARTITION}-0")
    history.tally["dead"] += 2


def opted_out(history: History) -> None:
    """A word that is obeyed where it arrives, and confirmed there."""
    event = history.name("event")
    history.arrived([event])
    history.to_agent(event)
    history.sent(cause=event)
    history.tally["answered"] += 1


def logged_in(history: History) -> None:
    history.login(f"isv|{history.name('user')}", 1)


def in_order(history: History) -> None:
    """Two replies to one person, and one that waits for its time while a later one goes."""
    who = history.person()
    history.sent(who)
    waits = history.asked(who, not_before_ms=NOW + 1)
    history.sent(who)
    plan = history.planned({waits: who})
    history.taken(plan)
    history.became(plan, "accepted")


def tombstones(history: History) -> None:
    for topic in (topics.EGRESS_JOURNAL, topics.CAMPAIGNS, topics.OUTBOUND_REPLIES):
        history.put(topic.name, None, "")


def notices(history: History) -> None:
    """What stands on the topics and is neither webhook nor event."""
    history.put(topics.INBOUND_CONVERSATIONS.name, b'{"type":"close"}', "command")
    history.put(topics.agent(AGENT).name, b"{}", "erase")


HONEST: dict[str, Step] = {
    step.__name__: step
    for step in (
        routed, repeated, dropped, dead_at_conversations, nameless_and_dead, nameless_and_routed, rejected,
        by_way_of_an_alias,
        rejected_unknown_shape, never_acknowledged, receipts_kept, reply_sent, equal_texts, batch_sent,
        one_person_twice_in_a_batch, resent_on_record, tried_again, refused, dead_message, parked_and_sent,
        poison_buried, campaign_sent, campaign_cancelled, told_as_one, dead_as_one, opted_out, logged_in, in_order,
        tombstones, notices,
    )
}  # fmt: skip


# -- planted faults


def lost_event(history: History) -> None:
    """One of two events of an acknowledged POST stands nowhere."""
    kept, lost = history.name("event"), history.name("event")
    history.webhook({}, [kept, lost])
    history.arrived([kept])
    history.to_agent(kept)
    history.expected["lost"].append(f"{DID} {lost}")


def lost_receipt(history: History) -> None:
    """`sent` of a message stands in Kafka, its `delivered` does not."""
    wamid = history.name("wamid")
    body = webhooks.cloud(webhooks.cloud_value(statuses=[webhooks.cloud_status("sent", wamid=wamid)]))
    data = history.webhook(body, receipts=[f"{wamid}:sent", f"{wamid}:delivered"])
    history.put(topics.INBOUND_RECEIPTS.name, data, "webhook")
    history.expected["lost_receipts"].append(f"{DID} {wamid}:delivered")


def pending_event(history: History) -> None:
    event = history.name("event")
    history.arrived([event])
    history.expected["pending_events"].append(f"{DID} {event}")


def twice_as_session(history: History) -> None:
    plan = history.sent()
    history.taken(plan)
    history.expected["twice"].append(plan.messages[0].id)


def twice_though_its_equal_was_refused(history: History) -> None:
    """Of two equal messages one was refused, and yet two were taken."""
    who = history.person()
    plan = history.sent(who)
    history.became(history.planned({history.asked(who): who}), "refused")
    history.taken(plan)
    history.expected["twice"].append(plan.messages[0].id)


def twice_in_a_batch(history: History) -> None:
    """A batch of two is posted again for one of them, and nobody wrote that down as a resend."""
    one, other = history.person(), history.person()
    people = {history.asked(who, topics.OUTBOUND_TEMPLATES): who for who in (one, other)}
    plan = history.planned(people, root=history.name("root"))
    history.taken(plan)
    history.became(plan, "accepted")
    message = plan.messages[0]
    history.taken(history.planned({message.id: one}, root=history.name("root"), attempt=2))
    history.expected["twice"].append(message.id)


def thrice_though_resent_once(history: History) -> None:
    who = history.person()
    message = history.asked(who)
    first = history.planned({message: who})
    second = history.planned({message: who}, attempt=2, resend_of=first.plan_id)
    for plan in (first, second, second):
        history.taken(plan)
    history.became(second, "accepted")
    history.expected["twice"].append(message)
    history.tally["resent"] += 1


def unplanned_session(history: History) -> None:
    plan = history.planned({history.name("message"): history.person()})
    history.take_back()
    history.taken(plan)
    history.expected["unplanned"].append(f"{DID} {history.entries[-2].wamid}")  # type: ignore[attr-defined]


def unplanned_in_a_batch(history: History) -> None:
    """A call whose plan has one person and that reached another as well."""
    who, other = history.person(), history.person()
    plan = history.planned({history.asked(who, topics.OUTBOUND_TEMPLATES): who}, root=history.name("root"))
    history.became(plan, "accepted")
    more = PlannedMessage("never", other, other, "x", 0)
    history.taken(msgspec.structs.replace(plan, messages=[*plan.messages, more]))
    history.expected["unplanned"].append(f"{DID} {history.entries[-2].wamid}")  # type: ignore[attr-defined]


def unowed(history: History) -> None:
    message = history.name("message")
    history.outcome([message], "accepted")
    history.expected["unowed"].append(message)


def pending_message(history: History) -> None:
    history.expected["pending_messages"].append(history.asked(history.person()))


def parked(history: History) -> None:
    history.expected["parked"].append(history.parked()[0])


def parked_nowhere(history: History) -> None:
    message = history.asked(history.person())
    history.outcome([message], "parked")
    history.expected["unkept"].append(message)


def in_doubt(history: History) -> None:
    who = history.person()
    plan = history.planned({history.asked(who): who})
    history.outcome([plan.messages[0].id], "in_doubt")
    history.expected["in_doubt"].append(plan.messages[0].id)


def uncommitted_campaign_sent(history: History) -> None:
    """Outcomes of a campaign whose chunks were written and that was never committed."""
    campaign, who = history.name("campaign"), history.person()
    chunk = Chunk(campaign=campaign, did=DID, index=0, first=0, recipients=[Recipient(who)], digest="")
    history.put(topics.CAMPAIGNS_CHUNKS.name, encode(chunk), "chunk")
    message = ids.message_id_of_recipient(DID, campaign, 0)
    history.outcome([message], "accepted")
    history.expected["unowed"].append(message)


def unreadable(history: History) -> None:
    offset = history.put(topics.OUTCOMES.name, b'{"did":1}', "outcome")
    history.expected["unreadable"].append(source(topics.OUTCOMES.name, PARTITION, offset))


def routed_twice(history: History) -> None:
    event = history.name("event")
    history.arrived([event])
    history.to_agent(event)
    history.to_agent(event)
    history.expected["routed_twice"].append(f"{DID} {event}")


def planned_twice(history: History) -> None:
    """Two plans of the same attempt, of which one went."""
    who, other = history.person(), history.person()
    people = {history.asked(one, topics.OUTBOUND_TEMPLATES): one for one in (who, other)}
    message = next(iter(people))
    plan = history.planned(people, root=history.name("root"))
    history.taken(plan)
    history.became(plan, "accepted")
    history.planned({message: who}, root=history.name("root"))
    history.expected["planned_twice"].append(message)


def overtaken_event(history: History) -> None:
    first, second = history.name("event"), history.name("event")
    history.arrived([first])
    history.arrived([second])
    history.to_agent(second)
    history.to_agent(first)
    history.expected["out_of_order"].append(f"{DID} {first}")


def overtaken_in_one_post(history: History) -> None:
    names = [history.name("event") for _ in range(3)]
    history.arrived(names)
    for event in (names[0], names[2], names[1]):
        history.to_agent(event)
    history.expected["out_of_order"].append(f"{DID} {names[1]}")


def overtaken_reply(history: History) -> None:
    who = history.person()
    first, second = history.asked(who), history.asked(who)
    for message in (second, first):
        plan = history.planned({message: who})
        history.taken(plan)
        history.became(plan, "accepted")
    history.expected["out_of_order"].append(f"{DID} {first}")


def event_of_another_tenant(history: History) -> None:
    event = history.name("event")
    history.arrived([event])
    history.to_agent(event, tenant="globex")
    history.expected["crossed"].append(f"{DID} {event}")


def sent_for_another_tenant(history: History) -> None:
    who = history.person()
    plan = history.planned({history.asked(who): who}, tenant="globex")
    history.taken(plan)
    history.became(plan, "accepted")
    history.expected["crossed"].append(plan.messages[0].id)


def login_off_record(history: History) -> None:
    """Two tokens, and only one login that its owner said it would make."""
    account = f"isv|{history.name('user')}"
    history.login(account, 1)
    history.login(account, 2, on_record=False)
    history.expected["off_record"].append(account)


FAULTS: dict[str, Step] = {
    step.__name__: step
    for step in (
        lost_event, lost_receipt, pending_event, twice_as_session, twice_though_its_equal_was_refused,
        twice_in_a_batch, thrice_though_resent_once, unplanned_session, unplanned_in_a_batch, unowed, pending_message,
        parked, parked_nowhere, in_doubt, uncommitted_campaign_sent, unreadable, routed_twice, planned_twice,
        overtaken_event, overtaken_in_one_post, overtaken_reply, event_of_another_tenant, sent_for_another_tenant,
        login_off_record,
    )
}  # fmt: skip
STEPS = HONEST | FAULTS


def history(steps: Sequence[str]) -> History:
    """A run of these steps."""
    made = History()
    for step in steps:
        STEPS[step](made)
    return made


WORDS = {
    "routed_twice": "routed twice",
    "planned_twice": "planned twice",
    "out_of_order": "out of order",
    "crossed": "of two tenants",
    "off_record": "a login that is not on record",
}
"""How an audit words what is expected and has no list of its own in its report."""


def worded(violations: Sequence[str]) -> dict[str, list[str]]:
    """The names in these lines, under the builders' words."""
    found = {
        what: [line.removeprefix(f"{word}: ") for line in violations if line.startswith(f"{word}: ")]
        for what, word in WORDS.items()
    }
    return {what: names for what, names in found.items() if names}
