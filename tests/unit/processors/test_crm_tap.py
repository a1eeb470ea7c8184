"""The tap `crm` against a HubSpot that checks each request: contacts, notes, and whatever fails on the way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.agents.agent import Conversation
from processors.agents.builtin.crm.agent import Crm
from processors.agents.builtin.crm.mapping import Known, made_of
from processors.agents.builtin.crm.settings import Settings
from processors.agents.limits import Limits
from processors.agents.memory import Memory
from processors.agents.resources import World
from processors.agents.terms import Terms
from relevo.testing.loop import run
from runtime.hooks import Answer, Call
from runtime.secrets import Secret
from schemas import content as c
from schemas.dead_letter import Cause
from schemas.inbound import Facts, InboundEvent
from schemas.record import decode
from tests.builders.hubspot import TOKEN, HubSpotAccount
from tests.builders.taps import Tap
from tests.builders.webhooks import PERSON

CONFIG: dict[str, Any] = {
    "recipe": "hubspot",
    "token": Secret(TOKEN),
    "map": {"firstname": "{name}", "phone": "+{phone}", "email": "{fields.email}", "stage": "{fields.stage}"},
    "notes": {"handed_off": "{note}\n{transcript}", "closed": "Fin\n{transcript}"},
}


def tap_of(calls: Any, config: Mapping[str, Any] = CONFIG, terms: Terms | None = None) -> Tap:
    crm = Crm()
    run(crm.open(World(calls, lambda: 0, Limits(deliveries=terms or Terms()))))
    return Tap(crm, config=config)


def account_of(*faults: Any) -> HubSpotAccount:
    left = list(faults)
    return HubSpotAccount(lambda request: left.pop(0) if left else None)


def crm(tap: Tap, **fields: Any) -> None:
    tap.event("crm", extra={"fields": fields, "by": "menu"})


def test_a_contact_is_made_by_the_first_message_and_only_what_changed_is_sent_again() -> None:
    account = account_of()
    tap = tap_of(account)
    for text in ("hola", "qué tal", "adiós"):
        tap.says(text)
    assert account.by_person() == {PERSON: {"firstname": "Ana", "phone": f"+{PERSON}"}}
    assert account.requests == 1
    crm(tap, email="ana@example.com", stage=2, other="x")
    tap.says("hola", facts=Facts(profile_name="Ana María"))
    assert account.by_person()[PERSON] == {
        "firstname": "Ana María",
        "phone": f"+{PERSON}",
        "email": "ana@example.com",
        "stage": "2",
    }
    assert account.requests == 3
    assert account.wrong == []


def test_a_hand_off_and_an_end_are_notes_with_what_was_said_behind_the_contact() -> None:
    account = account_of()
    tap = tap_of(account)
    tap.says("<hola>")
    lines = [{"who": "customer", "text": "<hola>", "at_ms": 1}, {"who": "bot", "text": "¿sí?", "at_ms": 2}]
    tap.event("handed_off", extra={"note": "Factura", "transcript": lines, "by": "menu"})
    tap.event("session", content=c.SessionControl(action="close"))
    assert account.notes_of(PERSON) == [
        "Factura<br>Cliente: &lt;hola&gt;<br>Bot: ¿sí?",
        "Fin<br>Cliente: &lt;hola&gt;",
    ]
    assert account.wrong == []


def test_with_a_unique_property_a_note_whose_answer_was_lost_is_there_once() -> None:
    faults: list[Any] = [None, None, "lost"]
    account = HubSpotAccount(lambda request: faults.pop(0) if faults else None)
    tap = tap_of(account, CONFIG | {"note_id_property": "relevo_key"})
    tap.says("hola")
    tap.event("session", content=c.SessionControl(action="timeout"))
    tap.event("session", content=c.SessionControl(action="close"))
    tap.advance(60)
    assert account.notes_of(PERSON) == ["Fin<br>Cliente: hola"]
    assert account.wrong == []


def test_a_note_finds_its_contact_again_though_somebody_deleted_it() -> None:
    account = account_of()
    tap = tap_of(account)
    tap.says("hola")
    account.contacts.clear()
    tap.event("session", content=c.SessionControl(action="close"))
    assert account.notes_of(PERSON) == ["Fin<br>Cliente: hola"]


def test_a_value_of_another_contact_makes_that_one_the_persons() -> None:
    account = account_of()
    account.contacts["7"] = {"email": "ana@example.com", "lastname": "Rojas"}
    tap = tap_of(account, CONFIG | {"map": {"email": "{fields.email}"}})
    crm(tap, email="ana@example.com")
    assert account.contacts == {"7": {"email": "ana@example.com", "lastname": "Rojas", "whatsapp_id": PERSON}}
    assert account.wrong == []


@pytest.mark.parametrize("fault", [429, 500, 502, 503, 423, 477, 401, 403, "dead", "lost"])
def test_what_may_pass_is_tried_again_until_it_is_there(fault: Any) -> None:
    account = account_of(fault, fault)
    tap = tap_of(account)
    tap.says("hola")
    assert tap.letters == []
    assert len(tap.memory.alarms) == 1
    tap.advance(86_400)
    assert account.by_person()[PERSON]["firstname"] == "Ana"
    assert (tap.letters, tap.memory.alarms) == ([], [])


def test_a_broken_limit_is_respected() -> None:
    tap = tap_of(account_of(429))
    tap.says("hola")
    (alarm,) = tap.memory.alarms
    assert 10_000 <= alarm.due_ms - tap.now_ms <= 11_500


def test_what_is_refused_for_good_is_a_letter_with_what_hubspot_said_and_no_secret_and_the_rest_goes_on() -> None:
    account = account_of()
    tap = tap_of(account)
    tap.says("hola")
    crm(tap, email=f"not an address {TOKEN}")
    crm(tap, stage=3)
    (cause,) = tap.causes()
    assert (cause.reason, cause.by) == ("refused", "agents.crm")
    assert cause.error == "answered 400: VALIDATION_ERROR email c-1"
    payload = decode(tap.letters[0].value, InboundEvent).extra["payload"]
    assert "not an address [hidden]" in payload["said"]
    assert account.by_person()[PERSON]["stage"] == "3"
    tap.put_back(tap.letters[0])
    assert [one.reason for one in tap.causes()] == ["refused"]


def test_after_a_long_death_the_next_message_brings_the_contact_though_its_letter_is_never_put_back() -> None:
    account = HubSpotAccount(lambda request: "dead")
    tap = tap_of(account, terms=Terms(give_up_s=100, longest_s=20))
    tap.says("hola")
    tap.advance(200)
    assert [cause.reason for cause in tap.causes()] == ["too_old"]
    account.fault = lambda request: None
    tap.says("¿hola?")
    assert account.by_person()[PERSON]["firstname"] == "Ana"


def test_a_change_of_a_persons_wish_is_a_property_and_a_moment() -> None:
    given = CONFIG | {"map": {"stage": "{unwanted}"}, "notes": {"opted_out": "No quiere: {unwanted}"}}
    known, made = Known({}), []
    for kind, unwanted in (("opted_out", ["marketing", "utility"]), ("opted_in", [])):
        happened: Any = {"kind": kind, "extra": {"by": "word", "unwanted": unwanted}, "id": kind, "at_ms": 1}
        event = InboundEvent(tenant="acme", did="1", contact="2", reply_to="2", **happened)
        talk = Conversation(tenant="acme", did="1", contact="2", facts=Facts(), memory={}, config={}, now_ms=1)
        made += [one.body for one in made_of(Settings.of(given), talk, event, known)]
    assert [body.get("fields", body.get("text")) for body in made] == [
        {"stage": ["marketing", "utility"]},
        "No quiere: marketing;utility",
        {"stage": []},
    ]


@pytest.mark.parametrize(
    ("answer", "reason", "error"),
    [
        (Answer(outcome="ok", status=207, body=b'{"errors": [{"category": "VALIDATION_ERROR"}]}'), "refused", "207"),
        (Answer(outcome="forbidden", why="10.0.0.1 is not a public address"), "forbidden", "public"),
        (Answer(outcome="refused", status=302, why="answered 302, a redirect"), "refused", "302"),
        (Answer(outcome="too_large", why="the answer has more than 9 bytes"), "too_large", "9 bytes"),
    ],
)
def test_an_answer_that_another_attempt_does_not_mend_is_a_letter_at_once(
    answer: Answer, reason: str, error: str
) -> None:
    tap = tap_of(Rest(answer), CONFIG)
    tap.says("hola")
    (cause,) = tap.causes()
    assert cause.reason == reason
    assert error in cause.error


def test_a_note_of_which_the_answer_names_no_contact_is_a_letter() -> None:
    odd = Answer(outcome="ok", status=200, body=b"<html>")
    tap = tap_of(Rest(odd, odd), CONFIG | {"map": {}, "notes": {"closed": "Fin"}})
    tap.event("session", content=c.SessionControl(action="close"))
    assert [cause.reason for cause in tap.causes()] == ["not_understood"]


def test_a_text_that_is_too_long_for_a_note_loses_its_end() -> None:
    account = account_of()
    tap = tap_of(account, CONFIG | {"notes": {"handed_off": "{note}"}}, Terms(size=500_000))
    tap.event("handed_off", extra={"note": "<" * 60_000})
    (note,) = account.notes_of(PERSON)
    assert 30_000 < len(note) <= 65_536
    assert account.wrong == []


def test_a_person_keeps_the_contact_when_the_number_changes() -> None:
    account = account_of()
    tap = tap_of(account)
    tap.says("hola")
    tap.contact = "56999999999"
    tap.says("soy yo")
    assert account.by_person() == {PERSON: {"firstname": "Ana", "phone": "+56999999999"}}


def test_an_idle_person_costs_no_memory_and_is_sent_once_more_and_a_moved_one_stays_known() -> None:
    account = account_of()
    tap = tap_of(account)
    tap.says("hola")
    assert tap.memory.is_idle()
    tap.memory = Memory()
    tap.says("hola")
    assert (account.requests, len(account.contacts)) == (2, 1)
    tap.contact = "56999999999"
    tap.says("soy yo")
    assert not tap.memory.is_idle()


def test_a_tenant_without_settings_leaves_letters_that_say_so() -> None:
    tap = tap_of(account_of(), {})
    done = tap.says("hola")
    assert (done.outcome, done.reason) == ("dead_letter", "settings")
    assert "recipe: hubspot" in tap.causes()[0].error


def test_the_settings_that_a_tenant_changed_hold_from_then_on() -> None:
    account = account_of()
    tap = tap_of(account)
    tap.says("hola")
    tap.config = CONFIG | {"map": {"lastname": "{name}"}}
    tap.says("hola")
    assert account.by_person()[PERSON]["lastname"] == "Ana"


class Rest:
    """A REST CRM that keeps its requests."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.made: list[tuple[str, str, Any, str]] = []

    async def call(self, call: Call) -> Answer:
        body = msgspec.json.decode(call.body) if call.body else None
        self.made.append((call.method, call.url, body, call.headers.get("Idempotency-Key", "")))
        return self.answers.pop(0) if self.answers else Answer(outcome="ok", status=200, body=b'{"data": {"id": 7}}')


REST: dict[str, Any] = {
    "recipe": "rest",
    "url": "https://crm.example/api/",
    "map": {"name": "{name}", "vip": {"value": "{fields.vip}", "type": "boolean"}},
    "notes": {"closed": "{transcript}"},
    "answer_id": "data.id",
    "upsert": {"method": "PUT", "path": "/people/{id}", "body": {"ref": "{id}", "values": "{properties}"}},
    "note": {
        "path": "/people/{crm_id}/notes",
        "body": {"text": "{text}", "on": "{at}", "of": "{crm_id}"},
        "accept": [409],
    },
}


def test_a_rest_crm_gets_what_its_settings_say_each_under_a_key_of_its_own() -> None:
    rest = Rest()
    tap = tap_of(rest, REST)
    tap.says("hola")
    crm(tap, vip="sí")
    tap.event("session", content=c.SessionControl(action="close"))
    url = "https://crm.example/api/people"
    assert [made[:3] for made in rest.made] == [
        ("PUT", f"{url}/{PERSON}", {"ref": PERSON, "values": {"name": "Ana"}}),
        ("PUT", f"{url}/{PERSON}", {"ref": PERSON, "values": {"vip": True}}),
        ("PUT", f"{url}/{PERSON}", {"ref": PERSON, "values": {}}),
        ("POST", f"{url}/7/notes", {"text": "Cliente: hola", "on": "2023-11-14T22:15:00+00:00", "of": "7"}),
    ]
    assert len({key for *_, key in rest.made}) == 4


@pytest.mark.parametrize("name", ["..", "."])
def test_no_name_of_a_person_makes_a_path_that_is_another(name: str) -> None:
    """A client of HTTP would take `/people/..` for the address above it."""
    rest = Rest()
    tap = tap_of(rest, REST | {"id": "{name}"})
    tap.says("hola", facts=Facts(profile_name=name))
    (letter,) = tap.letters
    assert (rest.made, Cause.from_headers(letter.headers).reason) == ([], "unsendable")


def test_a_name_that_is_empty_is_the_contacts_own() -> None:
    rest = Rest()
    tap = tap_of(rest, REST | {"id": "{fields.code|}"})
    tap.says("hola")
    assert rest.made[0][1].endswith(f"/people/{PERSON}")


def test_a_rest_crm_gets_the_same_bytes_under_the_same_key_again() -> None:
    rest = Rest(Answer(outcome="error", status=500), Answer(outcome="timeout"))
    tap = tap_of(rest, REST)
    tap.says("hola", crashes=1)
    tap.advance(60, crashes=1)
    assert len(rest.made) >= 3
    assert len({msgspec.json.encode(made) for made in rest.made}) == 1


def test_a_status_that_is_as_good_counts_as_delivered() -> None:
    rest = Rest(
        *([Answer(outcome="ok", status=200, body=b'{"data": {"id": 7}}')] * 2), Answer(outcome="refused", status=409)
    )
    tap = tap_of(rest, REST)
    tap.says("hola")
    tap.event("session", content=c.SessionControl(action="close"))
    assert (len(rest.made), tap.letters, tap.memory.alarms) == (3, [], [])


FAULTS = st.sampled_from((None, 500, 429, 503, 401, "dead", "lost"))
EVENTS = st.one_of(
    st.tuples(st.just("crm"), st.sampled_from(("email", "stage"))),
    st.tuples(st.just("name"), st.none()),
    st.tuples(st.just("close"), st.none()),
    st.tuples(st.just("wait"), st.sampled_from((1, 60, 4000))),
    st.tuples(st.just("fault"), FAULTS),
)


@settings(max_examples=60)
@given(st.lists(st.tuples(EVENTS, st.integers(0, 1)), max_size=25))
def test_under_any_faults_and_crashes_the_contact_ends_in_its_last_state_and_the_notes_in_order(
    happened: list[tuple[tuple[str, Any], int]],
) -> None:
    fault: list[Any] = [None]
    account = HubSpotAccount(lambda request: fault[0])
    tap = tap_of(account, CONFIG | {"notes": {"closed": "{by}"}, "note_id_property": "relevo_key"})
    wanted, notes = dict[str, str](), list[str]()
    for n, ((what, how), crashes) in enumerate(happened):
        match what:
            case "crm":
                wanted[how] = f"n{n}@example.com" if how == "email" else str(n)
                tap.event("crm", crashes, extra={"fields": {how: wanted[how]}, "by": "menu"}, facts=Facts())
            case "name":
                wanted["firstname"] = f"Ana {n}"
                tap.says("hola", crashes, facts=Facts(profile_name=wanted["firstname"]))
            case "close":
                notes.append(f"{n:03}")
                closed = c.SessionControl(action="close")
                tap.event("session", crashes, content=closed, extra={"by": notes[-1]}, facts=Facts())
            case "wait":
                tap.advance(how, crashes)
            case _:
                fault[0] = how
    fault[0] = None
    tap.advance(90_000)
    found = account.by_person().get(PERSON, {})
    assert {name: found.get(name) for name in wanted} == wanted
    assert account.notes_of(PERSON) == notes
    assert (tap.letters, tap.memory.alarms, account.wrong) == ([], [], [])
