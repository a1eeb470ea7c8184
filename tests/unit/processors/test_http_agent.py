"""The agent `http`: the tenant's service is told of an event once, and what it answers happens whole or not at all."""

from __future__ import annotations

from typing import Any, get_args

import msgspec
import pytest

from processors.agents.actions import Action, SessionContent
from processors.agents.agent import Agent
from processors.agents.builtin.http.agent import HttpAgent, http
from processors.agents.builtin.http.answer import TYPES, actions_of
from processors.agents.builtin.http.request import Request
from processors.agents.limits import OF_THE_TENANT, Limits, excused
from processors.agents.registry import find
from relevo import HandOff, Reply
from relevo.testing import AgentFailed
from relevo.testing.loop import run
from runtime import metrics
from runtime.hooks import Answer
from tests.builders.hooks import SECRET
from tests.builders.http_agent import CONFIG, FAILED, Service, acting, deciding

OPEN = Answer(outcome="open", retry_after_s=1, why="left alone")
TIMEOUT = Answer(outcome="timeout", why="no whole answer")
REPLY = {"type": "reply", "text": "hola"}

EVERY = {
    "reply": {"text": "x", "preview_url": True, "quote": True, "fallback": {"name": "p", "language": "es"}},
    "image": {"link": "https://x", "caption": "c"},
    "document": {"link": "https://x", "filename": "f.pdf"},
    "video": {"link": "https://x"},
    "audio": {"link": "https://x"},
    "sticker": {"link": "https://x"},
    "location": {"latitude": -33.4, "longitude": -70.6, "name": "Aquí"},
    "contacts": {"contacts": [{"name": {"formatted_name": "Ana", "first_name": "Ana"}}]},
    "reaction": {"message_id": "wamid.1", "emoji": "👍"},
    "buttons": {"text": "¿?", "buttons": ["Sí", {"id": "n", "title": "No"}], "footer": "f"},
    "list": {"text": "¿?", "button": "Ver", "rows": ["a", {"title": "b", "id": "2", "description": "d"}]},
    "interactive": {"interactive": {"type": "cta_url"}},
    "template": {"name": "p", "language": "es", "body": ["1"], "buttons": [{"index": 0, "parameter": "u"}]},
    "handoff": {"group": "g", "note": "n", "text": "t"},
    "close": {},
    "remember": {"values": {"a": [1]}},
    "schedule": {"name": "n", "in_s": 60, "payload": {"a": 1}},
    "cancel": {"name": "n"},
    "crm": {"fields": {"stage": 2}},
    "optout": {"categories": ["marketing"]},
    "optin": {"categories": ["marketing"]},
}


def test_the_service_is_told_of_the_event_with_all_that_is_known() -> None:
    service = Service(acting({"type": "remember", "values": {"visits": 1}}, REPLY), extra={"shop": 7}, history=True)
    chat = service.chat
    chat.says("buenas")
    assert chat.texts == ["hola"]
    chat.says("¿precio?")
    told = service.told()
    assert told["event"]["text"] == "¿precio?"
    assert told["event"]["content"] == {"type": "text", "body": "¿precio?"}
    assert (told["tenant"], told["agent"], told["did"], told["contact"], told["name"]) == (
        "acme",
        "http",
        chat.did,
        chat.contact,
        "Ana",
    )
    assert told["memory"] == {"visits": 1}
    assert told["extra"] == {"shop": 7}
    assert told["facts"]["window_expires_ms"] > 0
    assert [line["text"] for line in told["transcript"]] == ["buenas", "hola", "¿precio?"]
    call = service.calls.made[0]
    assert call.headers["Content-Type"] == "application/json"
    assert call.secrets == (SECRET,)
    assert (call.id, call.tenant) == (service.told(0)["id"], "acme")
    assert msgspec.json.decode(call.body, type=Request).event.kind == "message"


def test_every_type_of_answer_is_an_action_of_the_sdk_and_every_action_can_be_answered() -> None:
    assert EVERY.keys() == TYPES.keys()
    body = msgspec.json.encode({"actions": [{"type": kind} | fields for kind, fields in EVERY.items()]})
    actions = actions_of(200, body)
    assert {type(action).__name__ for action in actions} == ours(Action) - NOT_A_SERVICES
    said = {type(action.content) for action in actions if isinstance(action, Reply)}
    assert said == set(get_args(SessionContent))


NOT_A_SERVICES = {"Bury", "GiveBack", "HumanSays", "NoteDeliveries"}
"""What deliveries and the desk do."""


def ours(kind: type) -> set[str]:
    """The subclasses, without those of tests."""
    return {one.__name__ for one in kind.__subclasses__() if one.__module__ == kind.__module__}


def test_every_action_leaves_as_the_sdks_would() -> None:
    def decide(told: dict[str, Any]) -> list[dict[str, Any]]:
        return [{"type": told["event"]["text"]} | EVERY[told["event"]["text"]]]

    for kind in EVERY:
        chat = deciding(decide)
        chat.says(kind)
        assert chat.outcomes == ["handled"], kind
        assert len(chat.messages) + len(chat.commands) + len(chat.timers) + len(chat.memory) == (kind != "cancel"), kind


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (b"<html>", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "nothing else"),
        (b'{"action": []}', "nothing else"),
        (b'{"actions": {}}', "must be a list"),
        ({"actions": [REPLY, {"type": "replay"}]}, r"actions\[1\].type: must be one of reply,"),
        ({"actions": [REPLY, {"type": "reply", "txt": "a"}]}, r"actions\[1\].txt: no such field; did you mean `text`"),
        ({"actions": [{"type": "reply", "text": "x" * 4097}]}, r"actions\[0\].text: .*4096"),
        ({"actions": [{"type": "buttons", "text": "x", "buttons": list("abcd")}]}, r"actions\[0\].buttons: .*3"),
        ({"actions": [{"type": "image", "link": "http://x"}]}, r"actions\[0\].link: .*https://"),
        ({"actions": [{"type": "optout", "categories": ["Juan"]}]}, r"categories\[0\]: must be one of"),
        ({"actions": [{"type": "remember", "values": {"_http": 1}}]}, "take another"),
        ({"actions": [{"type": "remember", "values": {"@delivery:1": 1}}]}, "values.@delivery:1: this name is Relevo"),
    ],
)
def test_a_wrong_answer_is_named_with_its_place_and_nothing_of_it_happens(answer: Any, says: str) -> None:
    body = answer if isinstance(answer, bytes) else msgspec.json.encode(answer)
    service = Service(Answer(outcome="ok", status=200, body=body))
    with pytest.raises(AgentFailed, match=says) as failed:
        service.chat.says("hola")
    assert failed.value.reason == "bad_answer"
    assert "Juan" not in failed.value.error
    assert (service.chat.messages, service.chat.memory, service.chat.outcomes) == ([], {}, ["dead_letter"])
    assert len(service.calls.made) == 1, "the same call would get the same answer"


@pytest.mark.parametrize("answer", [Answer(outcome="ok", status=204), Answer(outcome="ok", status=200), acting()])
def test_an_answer_without_actions_does_nothing(answer: Answer) -> None:
    service = Service(answer)
    assert service.chat.says("hola") == []
    assert service.chat.outcomes == ["handled"]


def test_a_failed_call_is_made_again_with_the_same_id_and_body() -> None:
    service = Service(FAILED, TIMEOUT, acting(REPLY), retries=2)
    service.chat.says("hola")
    assert service.chat.texts == ["hola"]
    assert len({(call.id, call.body) for call in service.calls.made}) == 1
    assert len(service.calls.made) == 3
    assert len(service.clock.slept) == 2


def test_the_id_is_that_of_the_event_whoever_reads_it_again() -> None:
    ids = []
    for text in ("hola", "hola", "adiós"):
        service = Service(acting(REPLY))
        service.chat.says(text, id=f"wamid.{text}")
        ids.append(service.calls.made[0].id)
    assert ids[0] == ids[1] != ids[2]


@pytest.mark.parametrize("outcome", ["refused", "too_large", "forbidden", "unsendable", "open"])
def test_what_would_end_the_same_way_is_not_tried_again(outcome: Any) -> None:
    service = Service(Answer(outcome=outcome, why="why"), retries=3)
    with pytest.raises(AgentFailed, match="why") as failed:
        service.chat.says("hola")
    assert failed.value.reason == f"hook_{outcome}"
    assert len(service.calls.made) == 1


def test_attempts_end_within_the_time_of_the_event() -> None:
    service = Service(TIMEOUT, takes_s=60, timeout_s=6, retries=5)
    with pytest.raises(AgentFailed) as failed:
        service.chat.says("hola")
    assert failed.value.reason == "hook_timeout"
    assert service.clock.now_s <= Limits().timeout_s
    assert len(service.calls.made) == 3


def test_a_service_that_asks_for_more_time_than_there_is_is_not_waited_for() -> None:
    busy = Answer(outcome="busy", status=429, retry_after_s=60, why="answered 429")
    service = Service(busy, retries=5)
    with pytest.raises(AgentFailed) as failed:
        service.chat.says("hola")
    assert (failed.value.reason, service.clock.slept) == ("hook_busy", [])
    service = Service(Answer(outcome="busy", retry_after_s=3), acting(REPLY))
    service.chat.says("hola")
    assert service.clock.slept == [3]


def test_events_that_the_service_does_not_want_are_not_told() -> None:
    service = Service(acting(REPLY))
    service.chat.closes()
    service.chat.resumes()
    assert service.calls.made == []
    service = Service(acting(REPLY), events=["session"])
    service.chat.says("hola")
    assert service.calls.made == []
    service.chat.closes()
    assert service.told()["event"]["kind"] == "session"


def test_a_timer_comes_back_with_its_name_and_payload() -> None:
    service = Service(acting({"type": "schedule", "name": "n", "in_s": 60, "payload": [1]}), acting(REPLY))
    service.chat.says("hola")
    service.chat.advance(61)
    assert service.told()["event"]["extra"] == {"name": "n", "payload": [1]}
    assert service.chat.texts == ["hola"]


def test_when_the_service_fails_the_person_is_told_once_and_later_events_can_be_put_back() -> None:
    service = Service(FAILED, retries=0, on_failure={"say": {"es": "Ya volvemos.", "pt": "Já voltamos."}})
    chat = service.chat
    chat.says("hola")
    assert chat.texts == ["Ya volvemos."]
    with pytest.raises(AgentFailed, match="answered 500"):
        chat.says("¿hola?")
    chat.advance(3601)
    chat.says("¿hola?")
    assert chat.texts == ["Ya volvemos."]
    assert chat.outcomes == ["handled", "dead_letter", "handled"]


def test_the_text_is_in_the_conversations_language() -> None:
    service = Service(FAILED, retries=0, on_failure={"say": {"es": "Ya volvemos.", "pt": "Já voltamos."}})
    service.chat.facts["language"] = "pt_BR"
    service.chat.says("oi")
    assert service.chat.texts == ["Já voltamos."]


def test_when_the_service_fails_a_human_may_take_over_with_what_was_said() -> None:
    given = {"say": "Te paso con alguien.", "handoff": {"group": "ventas", "note": "El servicio no responde"}}
    service = Service(OPEN, on_failure=given)
    service.chat.says("hola")
    (order,) = service.chat.handoffs
    assert (order.group, order.note, order.text) == ("ventas", "El servicio no responde", "Te paso con alguien.")
    assert [line.text for line in order.transcript] == ["hola"]
    assert isinstance(service.chat.actions[-1], HandOff)


def test_a_timer_of_which_the_service_could_not_be_told_says_nothing_to_the_person() -> None:
    answers = (acting({"type": "schedule", "name": "n", "in_s": 60}), FAILED)
    service = Service(*answers, retries=0, on_failure={"say": "Ya volvemos."})
    service.chat.says("hola")
    with pytest.raises(AgentFailed):
        service.chat.advance(61)
    assert service.chat.messages == []


def test_nothing_is_said_instead_while_a_human_answers_or_to_what_was_said_long_ago() -> None:
    for event in ("human", "late"):
        service = Service(FAILED, retries=0, on_failure={"say": "Ya volvemos."})
        service.chat.tap = event == "human"
        if service.chat.tap:
            service.chat.human_takes()
        with pytest.raises(AgentFailed, match="answered 500"):
            service.chat.says("hola", late=event == "late")
        assert service.chat.messages == []


def test_a_failure_of_long_ago_is_forgotten_and_the_service_never_sees_it() -> None:
    service = Service(FAILED, acting(REPLY), retries=0, on_failure={"say": "Ya volvemos."})
    service.chat.says("hola")
    service.chat.says("hola")
    assert (service.told()["memory"], list(service.chat.memory)) == ({}, ["_http"])
    service.chat.advance(3601)
    service.chat.says("hola")
    assert service.chat.memory == {}


def test_more_actions_than_an_event_may_cause_fail_as_a_whole() -> None:
    service = Service(acting(*[REPLY] * 21))
    with pytest.raises(AgentFailed) as failed:
        service.chat.says("hola")
    assert failed.value.reason == "too_many_actions"
    assert service.chat.messages == []


def test_settings_that_nobody_checked_are_a_dead_letter_that_names_the_field() -> None:
    service = Service(acting(REPLY), retries="many")
    with pytest.raises(AgentFailed, match=r"agents.http of the tenant's file: retries: Expected `int`, got `str`"):
        service.chat.says("hola")
    newer = Service(acting(REPLY), debounce={"quiet_s": 2}, of_a_newer_version=1)
    newer.chat.says("hola")
    newer.chat.says("¿qué tal?")
    newer.chat.advance(2)
    assert newer.chat.texts == ["hola"]
    told = newer.told()["event"]
    assert (told["text"], [part["content"]["body"] for part in told["parts"]]) == (
        "hola\n¿qué tal?",
        ["hola", "¿qué tal?"],
    )


def test_what_a_tenants_service_does_never_stops_the_worker() -> None:
    assert {"bad_answer", "hook_timeout", "hook_open", "hook_forbidden"} <= OF_THE_TENANT
    assert "raised" not in excused("http")


@pytest.mark.parametrize(
    ("actions", "reason"),
    [
        ([REPLY] * 21, "too_many_actions"),
        ([{"type": "remember", "values": {"a": "x" * 70_000}}], "memory"),
        ([{"type": "schedule", "name": "relevo.debounce", "in_s": 1}], "not_an_action"),
    ],
)
def test_a_service_that_asks_for_more_than_an_event_may_stops_no_worker(actions: list[Any], reason: str) -> None:
    with pytest.raises(AgentFailed) as failed:
        Service(acting(*actions)).chat.says("hola")
    assert failed.value.reason == reason
    assert reason in excused("http")
    assert reason not in excused("menu"), "there it says that the agent is broken"


def test_events_are_counted_by_how_they_ended_and_what_was_done_instead() -> None:
    def count(**labels: str) -> float:
        family = metrics.counter(metrics.HTTP_AGENT_EVENTS)
        return float(family.labels(tenant="acme", **labels)._value.get())

    said, dead = ({"outcome": "hook_error", "instead": instead} for instead in ("on_failure", "dead_letter"))
    before = count(**said), count(**dead)
    service = Service(FAILED, retries=0, on_failure={"say": "Ya volvemos."})
    service.chat.says("hola")
    with pytest.raises(AgentFailed):
        service.chat.says("hola")
    assert (count(**said), count(**dead)) == (before[0] + 1, before[1] + 1)


def test_it_is_found_by_its_name_and_needs_to_be_opened() -> None:
    assert find("http") == Agent("http", http)
    service = Service(acting(REPLY))
    agent = service.chat.agent.function
    assert isinstance(agent, HttpAgent)
    run(agent.close())
    with pytest.raises(AgentFailed, match="not opened"):
        service.chat.says("hola")


def test_the_settings_may_name_several_secrets() -> None:
    service = Service(acting(REPLY), secret=[SECRET, "whsec_" + "B" * 32])
    service.chat.says("hola")
    assert service.calls.made[0].secrets == (SECRET, "whsec_" + "B" * 32)
    assert CONFIG["url"] == service.calls.made[0].url
