"""Who owns a conversation: hand-offs, returns, closes, and the epoch that tells agents about them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import inbound
from schemas.dead_letter import Cause
from schemas.headers import Headers
from schemas.optout import Optout
from schemas.outbound import OutboundMessage
from schemas.record import Record as OurRecord
from schemas.record import decode
from schemas.session import Control, Text
from tests.builders.conversations import NOW, Conversations, Source, ordered, posted, tenant, world
from tests.builders.webhooks import LINE, PERSON, cloud, cloud_text, cloud_value, flat


def order(kind: type[inbound.Command], id: str = "c1", **fields: Any) -> Source:
    made = kind(id=id, tenant="acme", did=LINE, contact=PERSON, at_ms=NOW, **{"by": "menu", **fields})
    return ordered(made)


def customer(id: int, **fields: Any) -> Source:
    return posted(flat(id=id, **fields))


def tapped(service: str = "isv", **fields: Any) -> Conversations:
    return Conversations(world(tenant(service, also=["crm"], **fields)))


def test_while_a_human_owns_only_taps_hear_and_the_bot_comes_back_by_transfer() -> None:
    conversations = tapped()
    conversations.feed(customer(1), order(inbound.HandOff), customer(2), customer(3, kind="transfer"), customer(4))
    menus = [one.event.kind if one.kind == "event" else one.kind for one in conversations.told("menu")]
    assert menus == ["message", "said", "resumed", "message"]
    assert [one.event.kind for one in conversations.told("crm")] == [
        "message",
        "handed_off",
        "message",
        "resumed",
        "message",
    ]
    assert [one.event.facts.owner_epoch for one in conversations.told("crm")] == [0, 1, 1, 2, 2]


def test_without_taps_what_a_person_says_to_a_human_is_noted() -> None:
    conversations = Conversations()
    conversations.feed(order(inbound.HandOff), customer(2))
    (note,) = conversations.told()
    assert (note.agent, note.kind, note.reason, note.event.id) == ("menu", "dropped", "human_owns", "2")


@pytest.mark.parametrize("direction", ["INBOUND", "OUTBOUND"])
def test_a_human_seen_in_an_event_takes_over(direction: str) -> None:
    conversations = tapped()
    conversations.feed(customer(1, stateAgent="AGENT", chatType=direction), customer(2, stateAgent="AGENT"))
    assert conversations.state().owner == "human"
    assert conversations.state().epoch == 1
    assert [one.event.id for one in conversations.told("crm") if one.event.kind == "handed_off"] == ["1.handed_off"]


def test_an_event_that_still_says_bot_does_not_undo_a_hand_off() -> None:
    conversations = tapped()
    conversations.feed(order(inbound.HandOff), customer(2, stateAgent="BOT"))
    assert conversations.state().owner == "human"


@pytest.mark.parametrize("kind", ["close", "timeout"])
def test_a_chat_that_ends_is_the_bots_again(kind: str) -> None:
    conversations = Conversations()
    conversations.feed(order(inbound.HandOff), customer(2, kind=kind))
    (told,) = conversations.told("menu")
    assert (told.event.kind, told.event.facts.owner, told.event.facts.owner_epoch) == ("session", "bot", 2)


@given(
    st.lists(
        st.sampled_from(["message", "human", "transfer", "close", "hand_off", "resume", "close_command"]), max_size=30
    )
)
def test_the_epoch_never_goes_back_and_grows_with_every_change_of_owner(steps: list[str]) -> None:
    conversations = tapped("bot")
    owner, epoch = "bot", 0
    for i, step in enumerate(steps):
        conversations.feed(_step(step, i))
        state = conversations.state()
        assert state.epoch >= epoch
        assert state.owner == owner or state.epoch > epoch
        owner, epoch = state.owner, state.epoch
    assert not conversations.letters()


@given(st.lists(st.sampled_from(["message", "human", "transfer", "close", "hand_off", "resume"]), max_size=30))
def test_a_tap_hears_all_that_the_person_says_once_and_in_order_whoever_owns_the_conversation(steps: list[str]) -> None:
    conversations = tapped("bot")
    conversations.feed(*(_step(step, i) for i, step in enumerate(steps, 1)), chunk=False)
    said = [str(i) for i, step in enumerate(steps, 1) if step in ("message", "human")]
    assert [one.event.id for one in conversations.told("crm") if one.event.kind == "message"] == said
    menus = conversations.told("menu")
    heard = sum((one.kind == "event" and one.event.kind == "message") or one.kind == "said" for one in menus)
    assert heard == len(said), "and the agent has it as an event, or as a line of its transcript"


def _step(step: str, i: int) -> Source:
    match step:
        case "message":
            return customer(i)
        case "human":
            return customer(i, stateAgent="AGENT")
        case "transfer" | "close":
            return customer(i, kind=step)
        case "hand_off":
            return order(inbound.HandOff, f"c{i}")
        case "resume":
            return order(inbound.Resume, f"c{i}")
        case _:
            return order(inbound.Close, f"c{i}")


def test_on_an_api_bot_account_a_hand_off_leaves_as_a_control_with_the_chats_context() -> None:
    conversations = Conversations(world(tenant("bot")))
    conversations.feed(customer(1), order(inbound.HandOff, group="ventas", text="Te paso con alguien"))
    words, message = conversations.said()
    assert words.content == Text(body="Te paso con alguien"), "a group's control has no room for words"
    assert message.content == Control(
        action="group",
        group="ventas",
        text="Te paso con alguien",
        id_campaign="9",
        id_chat="87654321",
        channel_id="77",
    )
    assert (message.to, message.cause, message.tenant) == (PERSON, "c1", "acme")


def test_elsewhere_the_text_of_a_hand_off_goes_to_the_person() -> None:
    conversations = Conversations()
    conversations.feed(customer(1), order(inbound.HandOff, text="Te paso con alguien"))
    (message,) = conversations.said()
    assert message.content == Text(body="Te paso con alguien")
    assert message.window_expires_ms == conversations.state().window_expires_ms(86_100_000) > 0


def test_an_order_is_obeyed_once() -> None:
    conversations = Conversations(world(tenant("bot")))
    conversations.feed(order(inbound.HandOff), order(inbound.HandOff), order(inbound.HandOff, "c2"))
    assert len(conversations.said()) == 1
    assert conversations.state().epoch == 1


def test_a_resume_lets_a_silent_agent_speak_even_if_the_bot_owned_already() -> None:
    conversations = Conversations()
    conversations.feed(order(inbound.Resume, by="operator"))
    (told,) = conversations.told("menu")
    assert (told.event.kind, told.event.facts.owner_epoch) == ("resumed", 1)


def test_a_close_is_told_to_all_but_the_agent_that_asked_for_it() -> None:
    conversations = tapped("bot")
    conversations.feed(order(inbound.Close))
    assert [one.agent for one in conversations.told()] == ["crm"]
    (message,) = conversations.said()
    assert isinstance(message.content, Control)
    assert message.content.action == "close"


def test_a_message_of_the_isv_leaves_with_the_window_it_may_use() -> None:
    message = OutboundMessage(id="m1", tenant="evil", did="x", contact="y", to="", content=Text(body="hola"))
    conversations = Conversations()
    conversations.feed(customer(1, timestamp=str(NOW // 1000)), order(inbound.Send, message=message))
    (said,) = conversations.said()
    assert (said.id, said.tenant, said.did, said.contact, said.to) == ("m1", "acme", LINE, PERSON, PERSON)
    assert said.window_expires_ms == NOW + 86_100_000
    (output,) = [one for one in conversations.outputs if one.topic == "outbound.replies"]
    assert 0 <= output.partition < 4
    assert Headers.from_kafka(output.headers).id == "m1"


def optouts(conversations: Conversations) -> list[list[str] | None]:
    found = [one for one in conversations.outputs if one.topic == "optouts"]
    return [None if one.value is None else decode(one.value, Optout).categories for one in found]


@pytest.mark.parametrize(
    ("orders", "expected"),
    [
        ([(inbound.OptOut, ["marketing"]), (inbound.OptOut, ["utility"])], [["marketing"], ["marketing", "utility"]]),
        ([(inbound.OptOut, []), (inbound.OptIn, ["utility"])], [[], ["marketing", "reply"]]),
        ([(inbound.OptOut, ["marketing"]), (inbound.OptIn, ["marketing"])], [["marketing"], None]),
        ([(inbound.OptOut, ["marketing"]), (inbound.OptIn, [])], [["marketing"], None]),
        ([(inbound.OptOut, []), (inbound.OptOut, ["marketing"])], [[]]),
    ],
)
def test_opting_out_and_in(orders: list[tuple[type[inbound.Command], list[str]]], expected: list[Any]) -> None:
    conversations = Conversations()
    conversations.feed(*(order(kind, f"c{i}", categories=names) for i, (kind, names) in enumerate(orders)))
    assert optouts(conversations) == expected


@pytest.mark.parametrize("words", [{"es": ["baja"]}, {"es": "baja"}, ["baja"], "baja", {"es": [5, None, "baja"]}])
def test_an_optout_word_is_a_word_however_it_is_listed(words: object) -> None:
    """Taken for a list, the letters of a lone word would opt out who writes one of them."""
    conversations = Conversations(world(tenant(optout={"words": words})))
    conversations.feed(*(posted(cloud(cloud_value(messages=[cloud_text(text, wamid=text)]))) for text in "baj"))
    assert not optouts(conversations)
    conversations.feed(posted(cloud(cloud_value(messages=[cloud_text("Baja.", wamid="baja")]))))
    assert optouts(conversations) == [[]]
    assert not conversations.letters()


def test_an_optout_word_counts_only_as_the_whole_message() -> None:
    conversations = Conversations(world(tenant(optout={"words": {"es": ["baja", "salir"]}})))
    conversations.feed(customer(1, content="quiero darme de baja mañana"), customer(2, content=" Baja. "))
    assert optouts(conversations) == [[]]
    assert len(conversations.told("menu")) == 2


def test_erasing_forgets_the_state_and_tells_every_agent_but_keeps_the_optout() -> None:
    conversations = Conversations()
    conversations.feed(customer(1), order(inbound.OptOut), order(inbound.Erase, "c2"))
    assert (conversations.state().forgotten, conversations.state().optout) == (True, [])
    assert {one.agent for one in conversations.told() if one.kind == "erase"} == {"menu", "echo", "crm"}
    assert optouts(conversations) == [[]]
    conversations.feed(order(inbound.OptIn, "c3", categories=["marketing"]))
    assert optouts(conversations) == [[], ["reply", "utility"]], "an opt-in takes off what it names, and no more"


def test_an_erasure_leaves_what_was_handled_so_that_a_repeat_does_not_bring_the_person_back() -> None:
    conversations = Conversations()
    conversations.feed(customer(1), order(inbound.Erase, "c2"))
    assert conversations.state().forgotten
    assert conversations.feed(customer(1)) == []
    assert conversations.state().forgotten
    conversations.feed(customer(2))
    assert not conversations.state().forgotten, "who writes anew is somebody new"
    conversations.feed(order(inbound.Erase, "c3"))
    conversations.now_ms += 7 * 86_400_000 + 1
    conversations.run([], sweep=8)
    assert conversations.table == {}, "when it was idle for long nothing is left"


def timer(due_ms: int, agent: str = "menu") -> Source:
    record: OurRecord = inbound.Timer(
        id="t1", tenant="acme", did=LINE, contact=PERSON, agent=agent, name="remind", due_ms=due_ms
    )
    return ordered(record)


def test_a_timer_that_is_due_becomes_an_event_for_its_agent_alone() -> None:
    conversations = tapped()
    conversations.feed(timer(NOW), timer(NOW))
    (told,) = conversations.told()
    assert (told.agent, told.event.kind, told.event.extra["name"]) == ("menu", "timer", "remind")


def test_a_timer_that_is_not_due_is_kept_not_lost() -> None:
    conversations = Conversations()
    conversations.feed(timer(NOW + 1))
    assert Cause.from_headers(conversations.letters()[0].headers).reason == "timer_not_due"


def test_a_timer_is_noted_while_a_human_owns() -> None:
    conversations = Conversations()
    conversations.feed(order(inbound.HandOff), timer(NOW))
    (note,) = conversations.told()
    assert (note.agent, note.kind, note.reason) == ("menu", "dropped", "human_owns")


def test_a_taps_timer_rings_also_while_a_human_owns() -> None:
    conversations = Conversations(world(tenant(also=["menu"])))
    conversations.feed(order(inbound.HandOff), timer(NOW))
    assert [(told.kind, told.event.kind) for told in conversations.told()][-1] == ("event", "timer")


def test_what_was_said_before_a_close_is_told_with_it() -> None:
    conversations = Conversations(world(tenant(also=["crm"])))
    lines = [inbound.Said(who="customer", text="hola", at_ms=1)]
    conversations.feed(order(inbound.Close, transcript=lines))
    (told,) = conversations.told("crm")
    assert told.event.extra["transcript"] == [{"who": "customer", "text": "hola", "at_ms": 1}]


def test_an_order_of_another_tenant_is_not_obeyed() -> None:
    foreign = inbound.Resume(id="c1", tenant="evil", did=LINE, contact=PERSON, at_ms=NOW, by="x")
    conversations = Conversations()
    conversations.feed(ordered(foreign))
    assert Cause.from_headers(conversations.letters()[0].headers).reason == "misplaced"
    assert conversations.state().epoch == 0
