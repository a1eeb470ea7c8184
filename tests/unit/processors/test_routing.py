"""Routing: the first rule that matches picks the agent, taps see everything, patterns cannot hold anyone up."""

from __future__ import annotations

import time
from typing import Any

import pytest

from processors.routing import PatternError, Subject, decide, explain, problems
from processors.routing.pattern import compiled, found_in
from schemas import content as c
from schemas.tenant import Routing, Rule, When


def subject(said: str = "", **fields: Any) -> Subject:
    given = {"did": "569", "kind": "message", "content": c.Text(body=said) if said else None}
    return Subject(**(given | fields))


@pytest.mark.parametrize(
    ("when", "about", "expected"),
    [
        (When(), subject("hola"), True),
        (When(keyword=["humano"]), subject("Quiero un HUMANO, ya"), True),
        (When(keyword=["atención al cliente"]), subject("atencion al CLIENTE!"), True),
        (When(keyword=["humano"]), subject("inhumano"), False),
        (When(keyword=["humano"]), subject(), False),
        (When(pattern=r"pedido\s+\d{3}"), subject("mi Pedido 123"), True),
        (When(pattern=r"(a+)+b"), subject("aaab"), False),
        (When(choice=["ventas"]), subject(content=c.ButtonReply(id="ventas", title="Ventas")), True),
        (When(choice=["ventas"]), subject("ventas"), False),
        (When(choice=["p1"]), subject(content=c.TemplateButton(payload="p1", text="Sí")), True),
        (When(line=["570"]), subject("x"), False),
        (When(kind=["timer"]), subject(kind="timer"), True),
        (When(owner="human"), subject("x"), False),
        (When(referral=True), subject("x", referral=True), True),
        (When(referral=False), subject("x", referral=True), False),
        (When(new_contact=True), subject("x"), False),
        (When(keyword=["humano"], line=["570"]), subject("humano"), False),
    ],
)
def test_all_conditions_that_are_given_must_hold(when: When, about: Subject, expected: bool) -> None:
    decision = decide(Routing(route=[Rule(to="sales", when=when)]), about)
    assert (decision.agent == "sales") is expected


def test_the_first_rule_wins_and_each_target_is_told_once() -> None:
    routing = Routing(route=[Rule(to="crm", when=When(keyword=["a"])), Rule(to="menu")], also=["crm", "audit", "crm"])
    assert decide(routing, subject("a")).targets == ["crm", "audit"]
    assert decide(routing, subject("b")).targets == ["menu", "crm", "audit"]
    assert decide(routing, subject("b", owner="human")).targets == ["crm", "audit"]


def test_without_a_rule_the_default_agent_gets_it() -> None:
    assert decide(Routing(), subject("x")).agent == "menu"


def test_a_decision_is_explained_rule_by_rule() -> None:
    routing = Routing(route=[Rule(to="sales", when=When(keyword=["venta"])), Rule(to="menu")], also=["crm"])
    assert explain(routing, subject("hola", owner="human")) == [
        "rule 0 (to sales): no, because of keyword",
        "rule 1: to menu, which is mute while a human owns",
        "tap: crm",
    ]


@pytest.mark.parametrize(
    "pattern", ["(a+)+$", "(a|aa)+$", "(?=x)y", r"(a)\1", "a*a*a*b", "(", "x" * 300, "((ab)*c)*", "(?>a+)+"]
)
def test_patterns_that_could_take_long_are_refused(pattern: str) -> None:
    with pytest.raises(PatternError):
        compiled(pattern)


@pytest.mark.parametrize("pattern", [r"^\d{6,8}-[\dkK]$", "pedido.*urgente", "(hola|buenas) .*", r"\bcita\b"])
def test_useful_patterns_are_accepted_and_quick_on_hostile_text(pattern: str) -> None:
    started = time.process_time()
    found_in(pattern, "pedido" * 100_000)
    assert time.process_time() - started < 0.5


def test_problems_are_named_before_routing_is_used() -> None:
    routing = Routing(
        route=[Rule(to="Menu!"), Rule(to="sales", when=When(pattern="(")), Rule(to="menu")], also=["crmm"]
    )
    found = "\n".join(problems(routing, {"menu", "sales", "crm"}))
    for part in ("route[0]: 'Menu!' is not an agent type", "route[0]: matches everything", "route[1]: pattern", "crmm"):
        assert part in found
    assert problems(Routing(route=[Rule(to="menu")], also=["crm"]), {"menu", "crm"}) == []
