"""The language of a conversation: real short sentences are told apart, and a stray word changes nothing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.conversations.language import heard
from schemas import inbound
from schemas.tenant import Line
from tests.builders.conversations import NOW, Conversations, ordered, posted, tenant, world
from tests.builders.people import TONGUES, message
from tests.builders.webhooks import LINE, PERSON

ALL = ["es", "pt", "en"]


@pytest.mark.parametrize(("language", "text"), [(name, text) for name, texts in TONGUES.items() for text in texts])
def test_a_short_sentence_says_its_language(language: str, text: str) -> None:
    assert heard("", text, ALL) == language
    pair = [language, "pt" if language == "es" else "es"]
    assert heard("", text, pair) == language


@pytest.mark.parametrize("text", ["", "ok", "1", "👍", "12345", "no", "iPhone 15 Pro Max", "juan@mail.com.br", "a"])
@pytest.mark.parametrize("known", ["", "es", "pt"])
def test_what_says_nothing_changes_nothing(known: str, text: str) -> None:
    assert heard(known, text, ALL) == known


def test_it_is_sticky_and_changes_only_on_strong_evidence() -> None:
    assert heard("es", "hello", ALL) == "es"
    assert heard("es", "quiero el modelo Thank You", ALL) == "es"
    assert heard("es", "não consigo", ALL) == "es"
    assert heard("es", "oi, você pode me ajudar? não chegou ainda", ALL) == "pt"
    assert heard("pt", "where is my order? I want to talk to someone please", ALL) == "en"


def test_only_languages_of_the_tenant_are_guessed() -> None:
    assert heard("", "olá, não chegou meu pedido", ["es", "en"]) == ""
    assert heard("", "hello there, how are you", ["es"]) == ""
    assert heard("pt", "hola", ["es", "en"]) == "es", "one that the tenant has given up is forgotten"
    assert heard("", "hello my friend", ["fr", "en"]) == "en"
    assert heard("", "olá, não chegou meu pedido", ["es_AR", "pt_BR"]) == "pt_BR"
    assert heard("fr", "hello my friend, how are you", ["fr", "en"]) == "en"


@given(st.text(max_size=300), st.sampled_from(["", *ALL]), st.lists(st.sampled_from([*ALL, "fr"]), unique=True))
def test_any_text_gives_one_of_the_tenants_languages_or_none(text: str, known: str, languages: list[str]) -> None:
    found = heard(known, text, languages)
    assert found in ("", *languages)
    assert heard(found, text, languages) == found, "saying it again changes nothing"


def said(conversations: Conversations, *texts: str) -> list[str]:
    """What the agent is told after each text."""
    before = len(conversations.told("menu"))
    bodies = [message(f"wamid.{before + n}", text, sender=PERSON) for n, text in enumerate(texts)]
    conversations.feed(*map(posted, bodies))
    return [one.event.facts.language for one in conversations.told("menu")[before:]]


def test_agents_are_told_the_default_then_what_the_person_writes() -> None:
    conversations = Conversations(world(tenant(languages=["es", "pt"])))
    assert said(conversations, "1", "olá, tudo bem? não chegou", "ok") == ["es", "pt", "pt"]
    assert said(Conversations(), "hello there") == ["es"], "a tenant that names none works in Spanish"


def test_a_line_has_a_default_of_its_own() -> None:
    lines = [Line(did=LINE, sends="main", templates="main", language="pt")]
    conversations = Conversations(world(tenant(languages=["es", "pt"], lines=lines)))
    assert said(conversations, "1", "quiero hablar con alguien") == ["pt", "es"]


def test_an_order_outranks_the_words() -> None:
    conversations = Conversations(world(tenant(languages=["es", "pt"])))
    fields: dict[str, Any] = {"id": "c1", "tenant": "acme", "did": LINE, "contact": PERSON, "at_ms": NOW, "by": "isv"}
    conversations.feed(ordered(inbound.Resume(**fields, language="pt")))
    assert conversations.told("menu")[-1].event.facts.language == "pt"
    assert said(conversations, "hola, quiero hablar con alguien por mi pedido") == ["pt"]
