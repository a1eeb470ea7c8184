"""Scripts, schedules, what a turn becomes, and the reckoning: the pure parts of people."""

import itertools
import math
from collections import Counter
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.chattigo import messages
from sandbox.chattigo.numbers import is_number, person
from sandbox.people.offers import Choice, Offer, of_message, of_template
from sandbox.people.schedule import Turn, Who, number, schedule
from sandbox.people.script import Persona, Script, Step, loads, standard
from sandbox.people.spread import Quantiles, Spread
from sandbox.people.tally import Tally
from sandbox.people.wits import Wits
from tests.builders import bot

LINES = ["56912345678", "5491100000000", "56999999999"]
ANA = Who(LINES[0], "56911111111", "Ana", "one")


def turns(**changes: Any) -> list[Turn]:
    return list(schedule(standard(**changes), LINES))


def one(*visit: Step, first: list[Step] | None = None) -> dict[str, Persona]:
    return {"one": Persona(first=first or [], visit=list(visit))}


@given(st.integers(0, 10**6), st.integers(1, 60), st.sampled_from(["poisson", "even"]), st.floats(0, 0.9))
def test_a_schedule_is_the_same_from_its_seed_and_turns_are_in_time(
    seed: int, people: int, arrivals: Any, together: float
) -> None:
    changes = {"seed": seed, "people": people, "arrivals": arrivals, "together": together, "turns": 150}
    play = turns(**changes)
    assert play == turns(**changes)
    assert [turn.ordinal for turn in play] == list(range(150))
    assert [turn.at_s for turn in play] == sorted(turn.at_s for turn in play)
    for before, turn in itertools.pairwise(play):
        assert not turn.shares or (turn.who.did, turn.at_s) == (before.who.did, before.at_s)
    owner: dict[str, str] = {}
    for turn in play:
        assert owner.setdefault(turn.who.contact, turn.who.did) == turn.who.did, "a person keeps to one line"


def test_another_seed_is_another_play() -> None:
    assert turns(turns=200) != turns(turns=200, seed=2)


@pytest.mark.parametrize("arrivals", ["poisson", "even"])
def test_the_rate_is_the_one_that_was_asked_for(arrivals: Any) -> None:
    play = turns(rate=200, for_s=30, arrivals=arrivals, people=500)
    assert len(play) == pytest.approx(6000, rel=0.05)
    gaps = [b.at_s - a.at_s for a, b in itertools.pairwise(play)]
    spread = math.sqrt(sum((gap - 1 / 200) ** 2 for gap in gaps) / len(gaps)) * 200
    assert spread == pytest.approx(1 if arrivals == "poisson" else 0, abs=0.1), "by chance, or evenly"


def test_two_turns_of_a_person_lie_as_far_apart_as_there_are_people() -> None:
    script = Script(one(Step(say="hola")), people=50, rate=100, arrivals="even", turns=500)
    last: dict[str, float] = {}
    for turn in schedule(script, LINES[:1]):
        assert turn.at_s - last.get(turn.who.contact, turn.at_s - 0.5) == pytest.approx(0.5)
        last[turn.who.contact] = turn.at_s
    assert len(last) == 50


def test_personas_stand_in_the_proportions_of_their_weights_in_any_crowd() -> None:
    script = standard(people=200, turns=200)
    found = Counter(turn.who.persona for turn in schedule(script, LINES))
    assert set(found) == set(script.personas)
    assert all(abs(found[name] - 2 * persona.weight) <= 3 for name, persona in script.personas.items())


def test_a_persona_is_done_in_its_order_and_the_first_steps_once() -> None:
    personas = one(Step(say="a"), Step(silent=2), Step(say="b"), first=[Step(say="once")])
    play = list(schedule(Script(personas, people=2, turns=12), LINES[:1]))
    for contact in {turn.who.contact for turn in play}:
        assert [t.step.say for t in play if t.who.contact == contact] == ["once", "a", "b", "a", "b", "a"]


def test_who_is_silent_leaves_the_turn_to_others() -> None:
    personas = {"quiet": Persona(visit=[Step(say="a"), Step(silent=3)]), "loud": Persona(visit=[Step(say="b")])}
    play = list(schedule(Script(personas, people=10, turns=400), LINES[:1]))
    said = Counter(turn.step.say for turn in play)
    assert said["b"] == pytest.approx(4 * said["a"], rel=0.1)


def test_who_leaves_is_followed_by_somebody_new() -> None:
    personas = one(Step(say="a"), Step(do="leave"))
    play = list(schedule(Script(personas, people=3, turns=30), LINES[:1]))
    assert len({turn.who.contact for turn in play}) == 30
    passers = list(schedule(Script({"one": Persona(first=[Step(say="a")])}, people=3, turns=30), LINES[:1]))
    assert len({turn.who.contact for turn in passers}) == 30


def test_who_moves_writes_from_the_new_number() -> None:
    play = list(schedule(Script(one(Step(say="a"), Step(do="move")), people=1, turns=5), LINES[:1]))
    numbers = [turn.who.contact for turn in play]
    assert numbers[0] == numbers[1] != numbers[2] == numbers[3] != numbers[4]
    assert (play[1].moved_to, play[3].moved_to) == (numbers[2], numbers[4])


def test_any_is_one_of_its_steps_by_weight() -> None:
    some = Step(any=[Step(say="often", weight=9), Step(say="seldom")])
    said = Counter(turn.step.say for turn in schedule(Script(one(some), people=10, turns=1000), LINES))
    assert 50 < said["seldom"] < 150


def test_everybody_has_a_number_of_their_own() -> None:
    numbers = [number(ordinal) for ordinal in range(4000)]
    assert len({person(one) for one in numbers}) == 4000
    assert all(is_number(one) for one in numbers)
    first = {turn.who.contact for turn in turns(people=50, turns=500)}
    assert first.isdisjoint(turn.who.contact for turn in turns(people=50, turns=500, first=1000))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("personas: {}", "no persona"),
        ("personas: {a: {visit: [{say: hola, burst: [a]}]}}", "persona a: visit 1: a step is exactly one of"),
        ("personas: {a: {visit: [{}]}}", "visit 1: .* this is none"),
        ("personas: {a: {visit: [{say: []}]}}", "say is empty"),
        ("personas: {a: {visit: [{say: ''}]}}", "say is empty"),
        ("personas: {a: {visit: [{silent: 0}]}}", "silent is empty"),
        ("personas: {a: {visit: [{send: poem}]}}", "no sample poem; there are text"),
        ("personas: {a: {visit: [{silent: 1}]}}", "persona a: never surely writes"),
        ("personas: {a: {visit: [{any: [{say: a}, {silent: 1}]}]}}", "never surely writes"),
        ("personas: {a: {visit: [{any: [{any: [{say: a}]}]}]}}", "any within any"),
        ("personas: {a: {visit: [{say: a, weight: 0}]}}", "weight"),
        ("personas: {a: {visit: [{say: a}], weight: 0}}", "weight"),
        ("personas: {a: {visit: [{say: a}]}}\nrate: 0", "out of bounds: rate"),
        ("personas: {a: {visit: [{say: a}]}}\npeople: 0\ntogether: 1", "out of bounds: people, together"),
        ("personas: {a: {visit: [{shout: a}]}}", "shout"),
        ("personas: {a: {visit: [{do: dance}]}}", "dance"),
    ],
)
def test_a_wrong_script_says_what(text: str, words: str) -> None:
    with pytest.raises((ValueError, msgspec.ValidationError), match=words):
        loads(text.encode())


def test_without_a_line_there_is_no_schedule() -> None:
    with pytest.raises(ValueError, match="no line"):
        schedule(standard())


def said(step: Step, offer: Offer | None = None, ordinal: int = 0) -> dict[str, Any]:
    (found,) = Wits(standard()).messages(Turn(0.0, ordinal, ANA, step), offer)
    return found


BUTTONS = of_message("wamid.1", "interactive", bot.buttons("Sí", "No")["interactive"])
ROWS = of_message("wamid.2", "interactive", bot.rows("Ventas", "Soporte")["interactive"])
NUMBERED = of_message("wamid.3", "text", {"body": "Elige:\n1. Ventas\n 2) Soporte\n3 - Otra cosa"})
QUICK = of_template("wamid.4", ["Sí", "No"], ["SI"])
FLOW = of_message("wamid.5", "interactive", {
    "type": "flow", "body": {"text": "b"}, "action": {"parameters": {"flow_token": "t", "flow_cta": "Abrir"}}
})  # fmt: skip


@pytest.mark.parametrize(
    ("offer", "wanted", "kind", "inner"),
    [
        (BUTTONS, "no", "interactive", ("button_reply", "b1")),
        (BUTTONS, "first", "interactive", ("button_reply", "b0")),
        (ROWS, "Soporte", "interactive", ("list_reply", "r1")),
        (ROWS, "last", "interactive", ("list_reply", "r1")),
        (QUICK, "sí", "button", ("SI", "Sí")),
        (QUICK, "no", "button", ("No", "No")),
        (NUMBERED, "soporte", "text", "2"),
        (NUMBERED, "3", "text", "3"),
    ],
)
def test_what_was_offered_is_pressed_chosen_or_typed(offer: Offer, wanted: str, kind: str, inner: Any) -> None:
    found = said(Step(choose=wanted), offer)
    assert found["type"] == kind
    if kind == "interactive":
        assert (found[kind]["type"], found[kind][inner[0]]["id"]) == inner
    elif kind == "button":
        assert (found[kind]["payload"], found[kind]["text"]) == inner
    else:
        assert found[kind]["body"] == inner
    assert kind == "text" or found["context"] == {"id": offer.wamid}


def test_a_flow_is_filled_in() -> None:
    assert said(Step(choose="any"), FLOW)["interactive"]["type"] == "nfm_reply"


def test_any_choice_is_taken_by_chance_and_all_are_taken() -> None:
    taken = {said(Step(choose="any"), ROWS, ordinal)["interactive"]["list_reply"]["title"] for ordinal in range(30)}
    assert taken == {"Ventas", "Soporte"}


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (Step(choose="Ventas"), "Ventas"),
        (Step(choose="Ventas", otherwise="menú"), "menú"),
        (Step(choose="any"), "¿hola?"),
        (Step(choose="last", otherwise="{name} otra vez"), "Ana otra vez"),
        (Step(answer="el 12"), "¿hola?"),
        (Step(react="👍", otherwise="gracias"), "gracias"),
    ],
)
def test_who_was_offered_nothing_says_something_all_the_same(step: Step, words: str) -> None:
    assert said(step)["text"]["body"] == words
    if step.choose:
        assert said(step, Offer("wamid.1", "hola"))["text"]["body"] == words


@pytest.mark.parametrize("name", sorted(set(messages.SAMPLES) - {"number_change"}))
def test_every_sample_can_be_sent(name: str) -> None:
    assert said(Step(send=name))["type"] == messages.SAMPLES[name]("w")["type"]
    assert said(Step(send=["number_change"]))["system"]["body"].startswith(f"User A changed from {ANA.contact} to")


FIELDS = [
    "type", "body", "action", "buttons", "reply", "sections", "rows", "interactiveMsg", "choices", "components",
    "sub_type", "parameters", "text", "content",
]  # fmt: skip
LEAVES = st.none() | st.booleans() | st.integers() | st.text()
BODIES = st.recursive(
    LEAVES, lambda deep: st.lists(deep) | st.dictionaries(st.sampled_from(FIELDS), deep), max_leaves=20
)


@given(BODIES, st.sampled_from(["text", "interactive", "template", "image", "media"]))
def test_whatever_was_sent_to_a_person_offers_something_or_nothing(body: Any, kind: str) -> None:
    offer = of_message("wamid.1", kind, body)
    assert isinstance(offer.text, str)
    assert all(isinstance(choice, Choice) for choice in offer.choices)


def test_a_turn_has_the_next_message_for_its_answer_and_no_wait_is_told_shorter_than_it_was() -> None:
    tally = Tally(10)
    tally.said("ana", "say", 0.0, 0.0)
    tally.heard("ana", 0.5)
    tally.heard("ana", 0.6)  # more of the same answer
    tally.said("ana", "say", 2.0, 0.3)
    tally.said("ana", "choose", 3.0, 0.0)  # overtakes the one before
    tally.heard("ana", 5.0)
    tally.heard("ana", 5.5)
    tally.heard("eva", 5.5)  # who never wrote
    found = tally.summary(6.0)
    assert (found.said, found.answered, found.open, found.silent, found.overtaken, found.heard) == (3, 3, 0, 0, 1, 4)
    assert (found.latency_s.p50, found.latency_s.most) == (pytest.approx(2.5, rel=0.01), 3.0)
    assert (found.late, found.late_s.most) == (1, 0.3)
    assert (found.by_kind["say"].answered, found.by_kind["choose"].answered) == (2, 1)


def test_who_waited_in_vain_is_told_and_the_next_answer_is_not_theirs() -> None:
    tally = Tally(1)
    tally.said("ana", "say", 0.0, 0.0)
    tally.said("ana", "react", 0.5, 0.0, calls=False)
    assert tally.wait(0.9) == 1
    assert tally.wait(1.1) == 0
    tally.said("ana", "say", 2.0, 0.0)
    tally.heard("ana", 2.25)
    found = tally.summary(9.0)
    assert (found.silent, found.uncalled, found.answered, found.latency_s.most) == (1, 1, 1, 0.25)
    assert (found.seconds, found.rate, found.people, found.unheard) == (2.0, 1.0, 1, 0)


@given(st.lists(st.floats(0, 100), min_size=1, max_size=300))
def test_quantiles_are_by_nearest_rank_and_at_most_one_per_cent_above(times: list[float]) -> None:
    spread = Spread()
    for one in times:
        spread.add(one)
    found, ordered = spread.quantiles(), sorted(times)
    assert (found.count, found.most) == (len(times), round(max(times), 4))
    for share, told in ((0.5, found.p50), (0.9, found.p90), (0.99, found.p99)):
        exact = ordered[math.ceil(share * len(ordered)) - 1]
        assert exact - 1e-4 <= told <= exact * 1.01 + 1e-4


def test_of_nothing_there_are_no_quantiles_and_a_negative_time_is_none() -> None:
    spread = Spread()
    assert spread.quantiles() == Quantiles()
    spread.add(-1)
    assert spread.quantiles() == Quantiles(1)
