"""Routing: the first rule that matches picks the agent, taps see everything, patterns cannot hold anyone up."""

from __future__ import annotations

import random
import re
import time
import unicodedata
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.routing import PatternError, Router, Subject, problems, router_of
from processors.routing.pattern import TEXT_MAX, compiled
from processors.text import _FOLDED, fold, spread
from schemas import content as c
from schemas.inbound import Facts, InboundEvent
from schemas.tenant import Hours, Line, Routing, Rule, Tenant, When

OFFICE = Hours(zone="America/Santiago", week={"mon-fri": ["09:00-18:00"]})
NOON, NIGHT = 1_700_060_400_000, 1_700_028_000_000  # Wednesday 2023-11-15, 12:00 and 03:00 in Santiago
AD = {"source_type": "ad", "source_id": "1209", "headline": "2x1"}


def subject(said: str = "", **fields: Any) -> Subject:
    given = {"did": "569", "kind": "message", "content": c.Text(body=said) if said else None}
    return Subject(**(given | fields))


def router(*rules: Rule, also: list[str] | None = None, **tenant: Any) -> Router:
    routing = Routing(route=list(rules), also=also or [])
    return Router.of(Tenant(tenant="acme", routing=routing, hours={"office": OFFICE}, **tenant))


CASES = [
    (When(), subject("hola"), True),
    (When(keyword=["humano"]), subject("Quiero un HUMANO, ya"), True),
    (When(keyword=["atención al cliente"]), subject("atencion al CLIENTE!"), True),
    (When(keyword=["al cliente"]), subject("atención al clientes"), False),
    (When(keyword=["humano"]), subject("inhumano"), False),
    (When(keyword=["humano", "👍"]), subject("👍"), True),
    (When(keyword=["humano"]), subject(), False),
    (When(keyword=["humano"]), subject("x " * 3000 + "humano"), False),
    (When(pattern=r"pedido\s+\d{3}"), subject("mi Pedido 123"), True),
    (When(pattern="tarde"), subject("x" * TEXT_MAX + "tarde"), False),
    (When(pattern="."), subject(), False),
    (When(pattern=r"(a+)+b"), subject("aaab"), False),
    (When(choice=["ventas"]), subject(content=c.ButtonReply(id="ventas", title="Ventas")), True),
    (When(choice=["ventas"]), subject(content=c.ListReply(id="ventas", title="Ventas")), True),
    (When(choice=["ventas"]), subject("ventas"), False),
    (When(choice=["p1"]), subject(content=c.TemplateButton(payload="p1", text="Sí")), True),
    (When(line=["570"]), subject("x"), False),
    (When(line=["570", "569"]), subject("x"), True),
    (When(kind=["timer"]), subject(kind="timer"), True),
    (When(owner="human"), subject("x"), False),
    (When(owner="bot"), subject("x"), True),
    (When(referral=True), subject("x", referral=AD), True),
    (When(referral=False), subject("x", referral=AD), False),
    (When(source_type=["ad"]), subject("x", referral=AD), True),
    (When(source_type=["post"]), subject("x", referral=AD), False),
    (When(source_id=["1209"]), subject("x", referral={"source_id": 1209}), True),
    (When(source_id=["1209"]), subject("x", referral={"source_id": ["1209"]}), False),
    (When(source_id=["1209"]), subject("x"), False),
    (When(new_contact=True), subject("x"), False),
    (When(new_contact=True), subject("x", new_contact=True), True),
    (When(language=["es"]), subject("x", language="es_CL"), True),
    (When(language=["es-CL"]), subject("x", language="es"), False),
    (When(language=["es-CL", "PT"]), subject("x", language="pt-BR"), True),
    (When(language=["es"]), subject("x"), False),
    (When(hours="office"), subject("x", at_ms=NOON), True),
    (When(hours="office"), subject("x", at_ms=NIGHT), False),
    (When(hours="ofice"), subject("x", at_ms=NOON), False),
    (When(keyword=["humano"], line=["570"]), subject("humano"), False),
]


@pytest.mark.parametrize(("when", "about", "expected"), CASES)
def test_all_conditions_that_are_given_must_hold(when: When, about: Subject, expected: bool) -> None:
    decision = router(Rule(to="sales", when=when)).decide(about)
    assert (decision.agent == "sales") is expected


@pytest.mark.parametrize(
    ("when", "unless", "about", "expected"),
    [
        (When(), When(hours="office"), subject("x", at_ms=NIGHT), True),
        (When(), When(hours="office"), subject("x", at_ms=NOON), False),
        (When(keyword=["hola"]), When(line=["569"], language=["pt"]), subject("hola", language="es"), True),
        (When(keyword=["hola"]), When(line=["569"], language=["pt"]), subject("hola", language="pt"), False),
        (When(keyword=["adiós"]), When(line=["570"]), subject("hola"), False),
        (When(), When(hours="ofice"), subject("x"), False),
    ],
)
def test_a_rule_does_not_match_when_all_of_its_unless_hold(
    when: When, unless: When, about: Subject, expected: bool
) -> None:
    decision = router(Rule(to="sales", when=when, unless=unless)).decide(about)
    assert (decision.agent == "sales") is expected


def test_the_first_rule_wins_and_each_target_is_told_once() -> None:
    made = router(Rule(to="crm", when=When(keyword=["a"])), Rule(to="menu"), also=["crm", "audit", "crm"])
    assert made.decide(subject("a")).targets == ["crm", "audit"]
    assert made.decide(subject("b")).targets == ["menu", "crm", "audit"]
    assert made.decide(subject("b", owner="human")).targets == ["crm", "audit"]
    assert (made.decide(subject("b", owner="human")).muted, made.decide(subject("b")).muted) == (True, False)


def test_without_a_rule_the_default_agent_gets_it() -> None:
    assert (router().decide(subject("x")).agent, router().decide(subject("x")).rule) == ("menu", -1)


def test_a_decision_is_explained_rule_by_rule_without_what_the_person_wrote() -> None:
    made = router(
        Rule(to="sales", when=When(keyword=["venta"], line=["570"])),
        Rule(to="night", when=When(language=["es"]), unless=When(hours="office")),
        Rule(to="broken", when=When(pattern="(")),
        Rule(to="old", when=When(choice=["a"], source_id=["1"], referral=True)),
        Rule(to="menu"),
        also=["crm"],
    )
    pressed = c.ButtonReply(id="secret", title="hush now")
    about = subject(content=pressed, owner="human", language="es", at_ms=NOON)
    lines = made.explain(about)
    assert lines == [
        "rule 0 (to sales): no; line wants 570, there was 569; keyword wants venta, there was text of 8 characters",
        "rule 1 (to night): no; unless hours office, which holds",
        "rule 2 (to broken): no; it can never match (pattern: not a regular expression: "
        "missing ), unterminated subpattern at position 0)",
        "rule 3 (to old): no; referral wants yes, there was no; source_id wants 1, there was none; "
        "choice wants a, there was another choice",
        "rule 4: to menu, which is mute while a human owns",
        "tap: crm",
    ]
    assert not re.search("secret|hush", "".join(lines))
    assert made.faults == [
        "rule 2 (to broken): pattern: not a regular expression: missing ), unterminated subpattern at position 0"
    ]


def test_what_a_condition_saw_is_said_where_nothing_was_there() -> None:
    made = router(
        Rule(to="a", when=When(keyword=[f"w{i}" for i in range(10)])),
        Rule(to="b", when=When(choice=["x"])),
        Rule(to="c", when=When(language=["pt"])),
        Rule(to="d", when=When(hours="office")),
    )
    assert made.explain(subject(at_ms=NIGHT)) == [
        "rule 0 (to a): no; keyword wants w0 or w1 or w2 or w3 or w4 or w5 or w6 or w7 or one of 2 more, "
        "there was no text",
        "rule 1 (to b): no; choice wants x, there was no choice",
        "rule 2 (to c): no; language wants pt, there was not known",
        "rule 3 (to d): no; hours wants office, there was closed at Wed 2023-11-15 03:00 America/Santiago",
        "no rule matched, so the default: to menu",
    ]


conditions = st.sampled_from([one for one, _, _ in CASES])
rules = st.builds(Rule, to=st.sampled_from(["a", "b"]), when=conditions, unless=st.one_of(st.just(When()), conditions))
subjects = st.sampled_from([one for _, one, _ in CASES])


@settings(deadline=None)  # a busy machine is no fault
@given(st.lists(rules, max_size=4), subjects, st.sampled_from(["bot", "human"]))
def test_an_explanation_and_a_decision_never_differ(route: list[Rule], about: Subject, owner: Any) -> None:
    about = subject(about.said, owner=owner, referral=about.referral, at_ms=about.at_ms, language=about.language)
    made = router(*route)
    decision, trace = made.decide(about), made.trace(about)
    assert (trace[-1].rule, trace[-1].to, trace[-1].failed) == (decision.rule, decision.agent, [])
    assert [one.rule for one in trace[:-1]] == list(range(decision.rule if decision.rule >= 0 else len(route)))
    assert all(one.failed for one in trace[:-1])
    assert decision.muted is (owner == "human")
    assert made.decide(about) is decision, "nothing is made anew for an event"


@settings(deadline=None)  # a busy machine is no fault
@given(rules, subjects)
def test_negation_turns_a_rule_round(rule: Rule, about: Subject) -> None:
    """A rule that matches is exactly the one whose turned-round twin does not, unless something in it is faulty."""
    if rule.unless == When() and rule.when != When():
        plain, turned = router(rule), router(Rule(to=rule.to, unless=rule.when))
        if not plain.faults:
            assert (plain.decide(about).rule, turned.decide(about).rule) in ((0, -1), (-1, 0))


def plainly(text: str) -> str:
    """Folding as it is defined, without anything remembered."""
    plain = "".join(x for x in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(x))
    return re.sub(r"[^\w]+", " ", plain).strip() or text.strip()


@settings(deadline=None)  # a busy machine is no fault
@given(st.text(max_size=60))
def test_folding_is_what_it_is_said_to_be(text: str) -> None:
    assert fold(text) == plainly(text)


def test_what_folding_remembers_is_bounded() -> None:
    for code in range(0x4E00, 0x9000):
        fold(chr(code))
    assert fold("ÁRBOL 龍") == "arbol 龍"
    assert len(_FOLDED) <= 4096


words = st.sampled_from(["hola", "Adiós", "al", "cliente", "ñandú", "x1"])


@settings(deadline=None)  # a busy machine is no fault
@given(st.lists(words, max_size=6), st.lists(st.lists(words, min_size=1, max_size=3), min_size=1, max_size=3))
def test_keywords_are_whole_words_side_by_side(said: list[str], keywords: list[list[str]]) -> None:
    text = [fold(one) for one in said]
    wanted = [[fold(one) for one in words] for words in keywords]
    expected = any(text[i : i + len(w)] == w for w in wanted for i in range(len(text)))
    made = router(Rule(to="a", when=When(keyword=[" ".join(one) for one in keywords])))
    assert (made.decide(subject(", ".join(said))).rule == 0) is expected


@pytest.mark.parametrize(
    "pattern", ["(a+)+$", "(a|aa)+$", "(?=x)y", r"(a)\1", "a*a*a*b", "(", "x" * 300, "((ab)*c)*", "(?>a+)+"]
)
def test_patterns_that_could_take_long_are_refused(pattern: str) -> None:
    with pytest.raises(PatternError):
        compiled(pattern)


@pytest.mark.parametrize(
    "pattern", [r"^\d{6,8}-[\dkK]$", "pedido.*urgente", "(hola|buenas) .*", r"\bcita\b", "(?>ab)c"]
)
def test_useful_patterns_are_accepted_and_quick_on_hostile_text(pattern: str) -> None:
    made = router(Rule(to="a", when=When(pattern=pattern)))
    started = time.process_time()
    made.decide(subject("pedido" * 100_000))
    assert time.process_time() - started < 0.5
    assert made.faults == []


def test_a_router_is_made_once_for_a_record_and_anew_for_the_next() -> None:
    first = Tenant(tenant="acme", routing=Routing(route=[Rule(to="a")]))
    second = Tenant(tenant="acme", routing=Routing(route=[Rule(to="b")]))
    assert router_of(first) is router_of(first)
    assert router_of(second).decide(subject("x")).agent == "b"
    assert router_of(first).decide(subject("x")).agent == "a"


def test_characters_fold_the_same_with_whatever_they_stand_beside() -> None:
    for code in range(0x3000):
        here, foreign = spread(f"a{chr(code)}b"), spread(f"a{chr(code)}bп")
        assert here + "п" == foreign, hex(code)


WORDS = ["hola", "HUMANO", "¿qué", "niño,", "½", "straße", "👍", "👍👍", "\n", "a-b", "ay", "\u0301", "µ", "", "no"]


@pytest.mark.parametrize("many", [0, 40])
def test_whole_words_are_found_and_nothing_else_is(many: int) -> None:
    """Few keywords are searched for and many are looked up; both find what a plain reading of the folded words does."""
    dice = random.Random(7)
    more = [f"other{number}" for number in range(many)]
    for _ in range(2000):
        text = " ".join(dice.choices(WORDS, k=dice.randrange(1, 6)))
        keyword = " ".join(dice.choices(WORDS, k=dice.randrange(1, 3)))
        wanted, said = fold(keyword).split(), fold(text).split()
        found = any(said[at : at + len(wanted)] == wanted for at in range(len(said) - len(wanted) + 1))
        made = router(Rule(to="a", when=When(keyword=[keyword, *more])))
        assert (made.decide(subject(text)).agent == "a") == (found and bool(wanted)), (text, keyword)


def test_a_subject_is_what_an_event_and_its_facts_say() -> None:
    event = InboundEvent(
        id="e", tenant="t", did="569", contact="57", reply_to="57", kind="message", at_ms=NOON,
        content=c.Image(caption="Mira"), referral=AD, facts=Facts(owner="human", language="pt"),
    )  # fmt: skip
    found = Subject.of(event, new_contact=True)
    assert (found.said, found.folded, found.word_set, found.chosen) == ("Mira", " mira ", {"mira"}, "")
    assert (found.owner, found.language, found.at_ms, found.new_contact) == ("human", "pt", NOON, True)
    assert (found.source("source_type"), found.source("headline"), found.source("nope")) == ("ad", "2x1", "")


TENANT = Tenant(
    tenant="acme",
    lines=[Line(did="56911111111")],
    hours={"office": OFFICE, "Bad": Hours(zone="Chile/Santiago", week={})},
    routing=Routing(
        route=[
            Rule(to="Menu!"),
            Rule(to="sales", when=When(pattern="(", hours="ofice", keyword=["a", " "])),
            Rule(to="menu", when=When(line=["56911111112"]), unless=When(language=["es", "spanish!"], kind=["timr"])),
            Rule(to="menu", when=When(owner="bot"), unless=When(owner="bot")),
            Rule(to="menu"),
        ],
        also=["crmm"],
    ),
)


@pytest.mark.parametrize(
    "says",
    [
        "routing.route[0]: 'Menu!' is not an agent type",
        "routing.route[0]: matches everything",
        "routing.route[1].when.pattern: not a regular expression",
        "routing.route[1].when.hours: no hours 'ofice'; did you mean 'office'?",
        "routing.route[1].when.keyword[1]: an empty word is never said",
        "routing.route[2].when.line[0]: no line '56911111112'; did you mean '56911111111'?",
        "routing.route[2].unless.language[1]: 'spanish!' is no language; write es, or es-CL",
        "routing.route[2].unless.kind[0]: no kind of event 'timr'; did you mean 'timer'?",
        "routing.route[3]: can never match: `unless` says the same as `when`",
        "routing.also[0]: no agent of type 'crmm' runs here; there are crm, menu, sales",
        "hours: 'Bad' is not a name",
        "hours.Bad.zone: no time zone 'Chile/Santiago'; did you mean ",
        "hours.Bad.week: no day has a span",
    ],
)
def test_each_problem_is_named_with_its_place_before_routing_is_used(says: str) -> None:
    found = problems(TENANT, {"menu", "sales", "crm"})
    assert len([one for one in found if one.startswith(says)]) == 1, found


def test_good_routing_has_no_problems() -> None:
    routing = Routing(route=[Rule(to="night", unless=When(hours="office")), Rule(to="menu")], also=["crm"])
    assert problems(Tenant(tenant="a", routing=routing, hours={"office": OFFICE}), {"menu", "crm", "night"}) == []
    assert problems(Tenant(tenant="a", routing=routing, hours={"office": OFFICE})) == []
