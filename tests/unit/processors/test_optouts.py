"""Opt-outs: what is heard as one, what the person is told once, and who else hears of it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.conversations.terms import Terms, problems
from processors.text import fold
from schemas import ids, inbound
from schemas.optout import Optout
from schemas.record import decode, encode
from schemas.session import Text
from schemas.tenant import Line, Tenant
from tests.builders.conversations import NOW, SOURCE, Conversations, Source, ordered, posted, record, tenant, world
from tests.builders.webhooks import LINE, PERSON, cloud, cloud_value

OTHER = "56911111112"
LINES = [Line(did=did, sends="main", templates="main") for did in (LINE, OTHER)]


def says(text: str, wamid: str = "", **message: Any) -> Source:
    """A message of the person, by default a text."""
    said = {"from": PERSON, "id": wamid or f"wamid.{text}", "timestamp": str(NOW // 1000), "type": "text"}
    return posted(cloud(cloud_value(messages=[{**said, "text": {"body": text}, **message}])))


def order(kind: type[inbound.Command], id_: str = "c1", **fields: Any) -> Source:
    given_ = {"id": id_, "tenant": "acme", "did": LINE, "contact": PERSON, "at_ms": NOW, "by": "person:ana"}
    return ordered(kind(**given_ | fields))


def acme(**fields: Any) -> Conversations:
    return Conversations(world(tenant(**{"also": ["crm"], **fields})))


def wishes(conversations: Conversations) -> list[list[str] | None]:
    found = [one for one in conversations.outputs if one.topic == "optouts"]
    return [None if one.value is None else decode(one.value, Optout).categories for one in found]


def texts(conversations: Conversations) -> list[str]:
    return [one.content.body for one in conversations.said() if isinstance(one.content, Text)]


def kinds(conversations: Conversations, agent: str) -> list[str]:
    return [one.event.kind for one in conversations.told(agent) if one.kind == "event"]


@pytest.mark.parametrize("said", ["baja", "BAJA", "¡Baja!", "Detener", "stop", "Desuscribir."])
def test_without_a_word_of_the_tenants_the_packaged_ones_count(said: str) -> None:
    conversations = acme()
    conversations.feed(says(said))
    assert wishes(conversations) == [[]]


@pytest.mark.parametrize(
    "said", ["salir", "cancelar", "alto", "volver", "sair", "no", "baja por favor", "alta", "start"]
)
def test_a_step_in_a_dialogue_is_no_optout(said: str) -> None:
    conversations = acme()
    conversations.feed(says(said))
    assert (wishes(conversations), texts(conversations)) == ([], [])
    assert kinds(conversations, "menu") == ["message"]


def test_the_person_is_told_once_and_the_agent_hears_what_it_was_instead_of_the_message() -> None:
    conversations = acme()
    conversations.feed(says("hola"), says("Baja", "wamid.1"), says("Baja", "wamid.1"), says("baja", "wamid.2"))
    assert wishes(conversations) == [[]]
    [message] = conversations.said()
    assert message.content == Text(
        body="Listo, no te enviaremos más mensajes que no hayas pedido. Si cambias de opinión, escribe *ALTA*."
    )
    assert (message.id, message.to, message.send_class) == (
        ids.message_id(LINE, "wamid.1", "conversations", 0),
        PERSON,
        "reply",
    )
    assert message.window_expires_ms > NOW
    assert kinds(conversations, "menu") == ["message", "opted_out", "opted_out"]
    told = [one.event for one in conversations.told("menu")][1]
    assert (told.id, told.extra) == ("wamid.1", {"by": "word", "unwanted": ["all"]})
    assert told.content is not None
    assert kinds(conversations, "crm") == ["message", "message", "opted_out", "message"]
    derived = conversations.told("crm")[2].event
    assert (derived.id, derived.content) == ("wamid.1.opted_out", None)
    assert derived.extra == {"by": "word", "why": "word", "unwanted": ["all"]}


def test_the_way_back_is_heard_of_who_is_out_and_told_once() -> None:
    conversations = acme()
    conversations.feed(*(says(text, f"wamid.{n}") for n, text in enumerate(["alta", "baja", "alta", "alta"])))
    assert wishes(conversations) == [[], None]
    assert texts(conversations)[1:] == [
        "Listo, vuelves a recibir nuestros mensajes. Para dejar de recibirlos, escribe *BAJA*."
    ]
    assert kinds(conversations, "menu") == ["message", "opted_out", "opted_in", "message"]
    assert conversations.told("crm")[-2].event.extra["unwanted"] == []


def test_a_word_of_a_category_opts_out_of_that_alone() -> None:
    conversations = acme()
    conversations.feed(says("Detener promociones"), says("alta promociones"))
    assert wishes(conversations) == [["marketing"], None]
    assert texts(conversations) == [
        "Listo, no te enviaremos más promociones. Si cambias de opinión, escribe *ALTA PROMOCIONES*.",
        "Listo, vuelves a recibir promociones. Para dejar de recibirlos, escribe *DETENER PROMOCIONES*.",
    ]
    own = acme(optout={"categories": {"utility": {"words": ["sin avisos"]}}})
    own.feed(says("sin avisos"), says("detener promociones"), says("alta"))
    assert wishes(own) == [["utility"], None]


PORTUGUESE = {"languages": ["es", "pt"]}


def test_it_is_told_in_the_conversations_language_else_in_that_of_the_word() -> None:
    unknown, known, foreign = (acme(**PORTUGUESE) for _ in range(3))
    unknown.feed(says("parar"))
    known.feed(says("Olá, bom dia, tudo bem?"), says("stop"))
    foreign.feed(order(inbound.Resume, language="fr"), says("stop"))
    assert [texts(one)[0].split(",")[0] for one in (unknown, known, foreign)] == ["Pronto", "Pronto", "Listo"]
    spanish = acme()
    spanish.feed(says("parar"))
    assert not wishes(spanish), "a word of a language that the tenant does not speak"


def test_the_tenants_own_words_and_texts_stand_in_for_the_packaged_ones() -> None:
    confirm = {"es": {"out": "Chao. Vuelve con {back}, no con {otra}"}}
    conversations = acme(
        optout={"words": ["chao"], "more": {"es": ["salir"]}, "back": "hola otra vez", "confirm": confirm}
    )
    conversations.feed(*map(says, ["baja", "stop", "Salir", "Hola otra vez", "chao"]))
    assert wishes(conversations) == [[], None, []]
    chao = "Chao. Vuelve con HOLA OTRA VEZ, no con {otra}"
    back = "Listo, vuelves a recibir nuestros mensajes. Para dejar de recibirlos, escribe *SALIR*."
    assert texts(conversations) == [chao, back, chao]
    none = acme(optout={"words": [], "categories": {}})
    none.feed(*map(says, ["baja", "stop", "stop promotions"]))
    assert not wishes(none)
    lost = acme(optout={"back": []})
    lost.feed(says("baja"))
    assert texts(lost) == ["Listo, no te enviaremos más mensajes que no hayas pedido."], "no way back is promised"


def test_without_a_confirmation_the_agent_gets_the_message_and_it_may_have_both() -> None:
    silent, both = acme(optout={"confirm": False}), acme(optout={"agent": True})
    for one in (silent, both):
        one.feed(says("baja"))
        assert wishes(one) == [[]]
        assert kinds(one, "menu") == ["message"]
        assert kinds(one, "crm") == ["message", "opted_out"]
    assert (len(texts(silent)), len(texts(both))) == (0, 1)


def test_a_press_in_a_menu_and_a_caption_are_no_words_but_a_templates_button_is() -> None:
    conversations = acme()
    press = {"type": "button_reply", "button_reply": {"id": "x", "title": "Baja"}}
    conversations.feed(
        says("", "wamid.1", type="interactive", interactive=press),
        says("", "wamid.2", type="image", image={"id": "1", "mime_type": "image/png", "caption": "baja"}),
    )
    assert not wishes(conversations)
    conversations.feed(says("", "wamid.3", type="button", button={"payload": "p", "text": "Detener promociones"}))
    assert wishes(conversations) == [["marketing"]]


def test_while_a_human_owns_the_person_is_told_but_for_an_api_bots_chat() -> None:
    for service, told in (("isv", 1), ("bot", 0)):
        conversations = acme(service=service)
        conversations.feed(order(inbound.HandOff), says("baja"))
        assert wishes(conversations) == [[]]
        assert len(texts(conversations)) == told
        assert kinds(conversations, "menu") == []
        assert kinds(conversations, "crm")[-2:] == ["message", "opted_out"]
    assert conversations.tally["acme", "unconfirmed", "human_owns"] == 1


def test_who_orders_a_change_is_not_told_of_it_and_an_order_is_not_confirmed() -> None:
    conversations = acme()
    conversations.feed(
        order(inbound.OptOut, "a", by="crm"),
        order(inbound.OptIn, "b", categories=["marketing"]),
        order(inbound.OptOut, "c", silent=True),
        order(inbound.OptOut, "d"),
    )
    assert wishes(conversations) == [[], ["reply", "utility"], []]
    [told] = conversations.told("crm")
    assert (told.event.id, told.event.kind) == ("b.opted_in", "opted_in")
    assert told.event.extra == {"by": "person:ana", "why": "opt_in", "unwanted": ["reply", "utility"]}
    assert (texts(conversations), kinds(conversations, "menu")) == ([], [])


def test_what_whatsapp_told_is_written_though_it_is_known_for_a_line_waits_to_read_it() -> None:
    conversations = acme()
    conversations.feed(
        *(order(inbound.OptOut, id_, by="egress", why="131050", categories=["marketing"]) for id_ in "ab")
    )
    assert wishes(conversations) == [["marketing"]] * 2
    assert kinds(conversations, "crm") == ["opted_out"]


def spread(conversations: Conversations) -> list[Source]:
    """The orders that left for other lines."""
    left = [one for one in conversations.outputs if one.topic == SOURCE]
    return [Source(one.value, one.key, list(one.headers), partition=one.partition) for one in left]


def test_a_wish_goes_to_all_lines_of_the_tenant_where_it_says_so_and_no_further() -> None:
    conversations = acme(lines=LINES, optout={"lines": "all"})
    conversations.feed(says("baja"))
    [sent] = spread(conversations)
    assert sent.key == f"{OTHER}|{PERSON}".encode()
    conversations.feed(sent, sent)
    assert wishes(conversations) == [[], []]
    assert [one.event.did for one in conversations.told("crm") if one.event.kind == "opted_out"] == [LINE, OTHER]
    assert (len(texts(conversations)), len(spread(conversations))) == (1, 1)
    back = says("alta")
    conversations.feed(record(back.value or b"", "webhook", at_ms=NOW + 1))
    conversations.feed(spread(conversations)[-1])
    assert wishes(conversations)[2:] == [None, None]
    own = acme(lines=LINES)
    own.feed(says("baja"))
    assert not spread(own)


def at(did: str, kind: type[inbound.Command], ms: int, id_: str) -> Source:
    """An order to a line, as it came at a moment."""
    made = kind(id=id_, tenant="acme", did=did, contact=PERSON, at_ms=ms, by="isv")
    return record(encode(made), "command", did=did, at_ms=ms)


@given(
    st.lists(
        st.tuples(st.sampled_from([LINE, OTHER]), st.sampled_from([inbound.OptOut, inbound.OptIn]), st.integers(0, 3)),
        min_size=1,
        max_size=6,
    ),
    st.randoms(use_true_random=False),
)
@settings(max_examples=150, deadline=None)
def test_lines_that_tell_each_other_crosswise_end_with_one_wish(
    said: list[tuple[str, type[inbound.Command], int]], chance: Any
) -> None:
    """Each line hears its own orders in the order of time, and those of the other one whenever they come."""
    conversations = acme(lines=LINES, optout={"lines": "all"})
    own = [at(did, kind, NOW + ms, f"o{n}") for n, (did, kind, ms) in enumerate(sorted(said, key=lambda one: one[2]))]
    waiting: list[Source] = []
    while own or waiting:
        if own and (not waiting or chance.random() < 0.5):
            next_ = own.pop(0)
        else:
            first = {one.key: n for n, one in reversed(list(enumerate(waiting)))}
            next_ = waiting.pop(first[chance.choice(sorted(first))])
        before = len(spread(conversations))
        conversations.feed(next_)
        waiting += spread(conversations)[before:]
    here, there = (conversations.state(f"{did}|{PERSON}".encode()).optout for did in (LINE, OTHER))
    latest = max(ms for _, _, ms in said)
    last = {kind for _, kind, ms in said if ms == latest}
    if len(last) == 1:
        assert here == there == (None if last == {inbound.OptIn} else [])


WORDS = ["baja", "detener", "desuscribir", "stop", "detener promociones"]
PIECES = [*WORDS, *"bja", "BAJA", " ", "!", "¡", "́", "no", "…", "x" * 40, "👍", "por favor"]


@given(st.one_of(st.lists(st.sampled_from(PIECES), max_size=4).map("".join), st.text(max_size=80)))
@settings(max_examples=300)
def test_a_text_opts_out_if_and_only_if_it_is_a_word_once_folded(said: str) -> None:
    found = Terms(Tenant(tenant="acme")).word(said, is_out=False)
    assert (found is not None) == (fold(said) in WORDS)


def test_a_repeat_of_the_event_beyond_the_ring_is_the_same_message() -> None:
    conversations = Conversations(world(tenant(), ring=1))
    conversations.feed(*(says(text, id_) for text, id_ in [("baja", "a"), ("alta", "b"), ("baja", "a")]))
    first, _, again = conversations.said()
    assert first.id == again.id


@pytest.mark.parametrize(
    ("said", "where", "what"),
    [
        ({"word": ["baja"]}, ("word",), "did you mean 'words'"),
        ({"words": [5]}, ("words", 0), "a word, a list of words"),
        ({"words": {"es": ["baja", True]}}, ("words", "es", 1), "quotes"),
        ({"more": ["  "]}, ("more", 0), "at least one letter"),
        ({"agent": "yes"}, ("agent",), "true where"),
        ({"lines": "some"}, ("lines",), "own: "),
        ({"categories": {"promos": {}}}, ("categories", "promos"), "there are marketing, reply, utility, otp"),
        ({"categories": {"marketing": ["x"]}}, ("categories", "marketing"), "has `words`"),
        ({"confirm": "sí"}, ("confirm",), "false, or texts by language"),
        ({"confirm": {"es": {"in": "x"}}}, ("confirm", "es"), "has `out`"),
        ({"confirm": {"es": {"out": "x {quien}"}}}, ("confirm", "es", "out"), "{quien} is not known"),
        ({"confirm": {"es": {"out": ""}}}, ("confirm", "es", "out"), "at most 1024"),
        ({"words": ["baja"], "back": ["BAJA!"]}, ("back",), "'BAJA!' stands for two things"),
    ],
)
def test_what_is_wrong_is_named_and_does_not_stop_what_can_be_read(
    said: dict[str, Any], where: tuple[Any, ...], what: str
) -> None:
    [(path, told)] = problems(said)
    assert (path, what in told) == (where, True), told
    assert Terms(Tenant(tenant="acme", optout=said)) is not None


def test_what_is_right_has_no_problem() -> None:
    said = {
        "words": {"es": ["baja"], "en": "stop"}, "more": [], "back": "alta", "agent": False, "lines": "all",
        "categories": {"marketing": {"words": ["baja promos"], "back": ["alta promos"]}}, "otp": False,
        "confirm": {"es": {"out": "Listo {what} {back}", "back": "{out}"}},
    }  # fmt: skip
    assert list(problems(said)) == []
    assert list(problems({"confirm": False})) == []
