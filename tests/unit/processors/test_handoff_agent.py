"""`handoff` gives a person to a human with the tenant's words, group and note; and what happens outside the hours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from processors.agents.builtin.handoff import handoff
from processors.agents.checks import problems
from relevo.tenants.file import TenantFile
from relevo.tenants.yaml_source import FileError, YamlSource
from relevo.testing import Chat
from runtime.secrets import KeyRing, generate_key
from schemas import content as c
from schemas.tenant import Hours

OFFICE = {"office": Hours(zone="America/Santiago", week={"mon-fri": ["09:00-18:00"]})}
MONDAY_NOON = 1_704_121_200_000  # 2024-01-01 12:00 in Santiago
MONDAY_NIGHT = MONDAY_NOON + 9 * 3_600_000


def chat(at_ms: int = MONDAY_NOON, **config: Any) -> Chat:
    return Chat(handoff, config=config, hours=OFFICE, now_ms=at_ms, facts={"language": "es"})


def test_without_settings_it_hands_off_in_the_persons_language() -> None:
    one = chat()
    one.says("humano")
    assert one.texts == ["Te paso con una persona de nuestro equipo."]
    assert one.owner == "human"
    english = Chat(handoff, facts={"language": "en-US"})
    english.says("human please")
    assert english.texts == ["A person from our team will take it from here."]


@pytest.mark.parametrize(
    ("language", "said"), [("pt-BR", "Já vai."), ("pt", "Já vai."), ("es", "Ya va."), ("fr", "Ya va."), ("", "Ya va.")]
)
def test_words_are_in_the_conversations_language_or_the_first_there_is(language: str, said: str) -> None:
    one = Chat(handoff, config={"text": {"es": "Ya va.", "pt": "Já vai."}}, facts={"language": language})
    one.says("humano")
    assert one.texts == [said]


def test_group_campaign_and_note_go_along_by_the_first_case_that_matches() -> None:
    settings = {
        "group": "ventas",
        "campaign": "77",
        "note": "{name} en {line}: {said} {nada}",
        "cases": [
            {"when": {"line": ["56999999999"]}, "group": "norte"},
            {"when": {"keyword": ["deuda", "pago"]}, "group": "cobranzas", "campaign": "78", "text": "Ya te llaman."},
            {"when": {"language": ["es"]}, "note": "otra"},
        ],
    }
    one = chat(**settings)
    one.says("quiero pagar mi deuda")
    (given,) = one.handoffs
    assert (given.group, given.id_campaign, given.text) == ("cobranzas", "78", "Ya te llaman.")
    assert given.note == "Ana en 56911111111: quiero pagar mi deuda {nada}"
    two = chat(**settings)
    two.says("humano")
    assert (two.handoffs[0].group, two.handoffs[0].note) == ("ventas", "otra")


def test_outside_the_hours_the_bot_stays_or_the_person_waits_all_the_same() -> None:
    closed = {"hours": "office", "closed": {"text": "Abrimos a las 9."}}
    stays = chat(MONDAY_NIGHT, **closed)
    stays.says("humano")
    assert (stays.texts, stays.owner, stays.handoffs) == (["Abrimos a las 9."], "bot", [])
    queues = chat(MONDAY_NIGHT, **{**closed, "closed": {"text": "Abrimos a las 9.", "then": "queue"}, "group": "g"})
    queues.says("humano")
    assert (queues.texts, queues.owner, queues.handoffs[0].group) == (["Abrimos a las 9."], "human", "g")
    opened = chat(MONDAY_NOON, **closed)
    opened.says("humano")
    assert opened.owner == "human"
    usual = chat(MONDAY_NIGHT, hours="office")
    usual.says("humano")
    assert usual.texts[0].startswith("En este momento no hay nadie")


def test_hours_are_judged_by_the_events_own_time_and_hours_that_are_gone_keep_nobody_away() -> None:
    late = chat(MONDAY_NIGHT, hours="office")
    late.says("humano", at_ms=MONDAY_NOON)
    assert late.owner == "human"
    gone = Chat(handoff, config={"hours": "office"}, now_ms=MONDAY_NIGHT)
    gone.says("humano")
    assert gone.owner == "human"


def test_what_is_no_request_is_not_answered() -> None:
    one = chat()
    one.reacts("👍")
    one.closes()
    one.sends(c.Image(url="https://x.example/1.jpg"))
    assert one.outcomes == ["handled", "handled", "handled"]
    assert len(one.handoffs) == 1


def test_options_of_the_host_are_nothing_to_the_agent() -> None:
    one = chat(debounce={"quiet_s": 3}, transcript="whole")
    one.says("humano")
    assert (one.owner, one.held) == ("bot", 1), "the host waits for what may follow"
    one.advance(3)
    assert one.owner == "human"
    assert problems("handoff", {"debounce": {"quiet_s": 3}}) == []


@pytest.mark.parametrize(
    ("settings", "path", "what"),
    [
        ({"txt": "hola"}, ("txt",), "did you mean `text`?"),
        ({"text": 3}, ("text",), "str"),
        ({"text": {"español": "hola"}}, ("text", "español"), "code like es"),
        ({"text": {"es": " "}}, ("text", "es"), "no words"),
        ({"text": "x" * 3001}, ("text",), "at most 3000"),
        ({"note": "{nombre}"}, ("note",), "no variable {nombre}"),
        ({"closed": {"then": "wait"}}, ("closed", "then"), "must be one of queue, stay"),
        ({"closed": {"text": "mañana"}}, ("closed",), "there are none"),
        ({"hours": "o", "closed": {"text": {"es": ""}}}, ("closed", "text", "es"), "no words"),
        ({"cases": [{"group": "a"}, {"group": "b"}]}, ("cases", 0, "when"), "never tried"),
        ({"cases": [{"when": {"hours": "office"}}]}, ("cases", 0, "when", "hours"), "for routing alone"),
        ({"cases": [{"when": {"new_contact": False}}]}, ("cases", 0, "when", "new_contact"), "for routing alone"),
        ({"cases": [{"when": {"pattern": "("}}]}, ("cases", 0, "when", "pattern"), ""),
        ({"cases": [{"note": "{x}"}]}, ("cases", 0, "note"), "no variable"),
        ({"cases": [{"text": {"xx1": "a"}}]}, ("cases", 0, "text", "xx1"), "a language is"),
    ],
)
def test_a_mistake_is_named_with_its_place(settings: dict[str, Any], path: tuple[Any, ...], what: str) -> None:
    found = problems("handoff", settings)
    assert [one.path for one in found] == [path]
    assert what in found[0].what


def test_hours_that_the_tenant_has_not_are_named_when_it_is_applied(tmp_path: Path) -> None:
    file = tmp_path / "acme.yaml"
    file.write_text(
        "tenant: acme\nsecrets: {webhook: [auto]}\nagents:\n  handoff:\n    hours: offce\n"
        "hours: {office: {zone: UTC, week: {mon: ['09:00-10:00']}}}\nhandoff: {timeout_s: 0.5, then: sleep}\n"
    )
    ring = KeyRing.load(_keys(tmp_path))
    with pytest.raises(FileError) as wrong:
        TenantFile(YamlSource.read(file), ring).tenant(None, 0)
    assert "acme.yaml:7" in str(wrong.value)
    file.write_text(file.read_text().replace("sleep", "close"))
    with pytest.raises(FileError) as wrong:
        TenantFile(YamlSource.read(file), ring).tenant(None, 0)
    assert "acme.yaml:5: agents.handoff.hours: no hours 'offce'; there are office" in str(wrong.value)
    assert "handoff.timeout_s: 1 to 604800 seconds; 0 for never" in str(wrong.value)


def test_a_desk_without_an_address_and_an_agent_that_cannot_listen_are_named(tmp_path: Path) -> None:
    file = tmp_path / "acme.yaml"
    file.write_text(
        "tenant: acme\nsecrets: {webhook: [auto]}\nrouting: {also: [desk, mine]}\n"
        "agents:\n  mine: {transcript: whole}\n  yours: {transcript: whole}\n  theirs: {transcript: yes}\n"
    )
    with pytest.raises(FileError) as wrong:
        TenantFile(YamlSource.read(file), KeyRing.load(_keys(tmp_path))).tenant(None, 0)
    told = str(wrong.value)
    assert "acme.yaml:3: routing.also: the desk needs an address" in told
    assert "acme.yaml:6: agents.yours.transcript: taps alone listen" in told
    assert "acme.yaml:7: agents.theirs.transcript: `whole`, for a tap" in told
    assert "agents.mine" not in told


def _keys(folder: Path) -> Path:
    keys = folder / "keys"
    keys.touch(mode=0o600)
    keys.write_text(generate_key("test") + "\n")
    return keys
