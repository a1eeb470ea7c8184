"""The menu agent: flows as people type them, and mistakes in a file named with line and fix."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.agents.builtin.menu import MenuError, load, problems
from processors.agents.builtin.menu.agent import menu
from processors.agents.builtin.menu.load import default_text
from relevo import Close, HandOff, Reply
from relevo.testing import Chat
from schemas import content as c
from schemas import session

SHOP = """\
start: inicio
unknown: No entendí.
tries: 2
give_up: humano
nodes:
  inicio:
    text: Hola {name}
    options:
      - {title: Comprar, to: comprar, keywords: [quiero comprar]}
      - {title: Catálogo, to: folleto}
      - {title: Salir, to: fin}
  comprar:
    text: ¿Qué talla?
    options:
      - {title: Chica, to: cantidad}
      - {title: Grande, to: cantidad}
  cantidad:
    text: ¿Cuántas?
    ask: {save: cantidad, pattern: '\\d{1,3}', retry: Solo un número.}
    to: listo
  listo:
    text: Anotamos {cantidad}.
    to: inicio
  folleto:
    media: {type: document, link: 'https://x.example/c.pdf', filename: c.pdf, caption: 'Para {name}'}
    to: inicio
  humano:
    text: Te paso.
    handoff: {group: ventas, note: "Pidió {cantidad}"}
  fin:
    text: Adiós
    close: true
"""


def chat(text: str = SHOP) -> Chat:
    return Chat(menu, config={"menu": text})


def play(*said: str, text: str = SHOP) -> Chat:
    playing = chat(text)
    for one in said:
        playing.says(one)
    return playing


@pytest.mark.parametrize(
    ("said", "texts"),
    [
        (["hola"], ["Hola Ana"]),
        (["hola", "1"], ["¿Qué talla?"]),
        (["hola", "COMPRAR!"], ["¿Qué talla?"]),
        (["hola", "Quiero  comprar"], ["¿Qué talla?"]),
        (["hola", "catalogo"], ["Para Ana", "Hola Ana"]),
        (["hola", "1", "2"], ["¿Cuántas?"]),
        (["hola", "1", "2", "muchas"], ["Solo un número."]),
        (["hola", "1", "2", "muchas", "12"], ["Anotamos 12.", "Hola Ana"]),
        (["hola", "1", "2", "volver"], ["¿Qué talla?"]),
        (["hola", "1", "2", "atrás", "atras"], ["Hola Ana"]),
        (["hola", "1", "2", "Menú"], ["Hola Ana"]),
        (["hola", "quizás"], ["No entendí.", "Hola Ana"]),
        (["hola", "quizás", "quizás"], ["Te paso."]),
        (["hola", "quizás", "1", "quizás"], ["No entendí.", "¿Qué talla?"]),
        (["hola", "3"], ["Adiós"]),
        (["hola", "3", "hola"], ["Hola Ana"]),
    ],
)
def test_what_a_person_types_leads_on(said: list[str], texts: list[str]) -> None:
    assert play(*said).texts == texts


def test_answers_are_remembered_and_told_to_the_human() -> None:
    playing = play("hola", "1", "1", "7", "x", "y")
    assert playing.actions[0] == HandOff(group="ventas", note="Pidió 7", text="Te paso.")
    assert playing.owner == "human"


def test_after_the_human_the_menu_begins_anew_and_waits_to_be_asked() -> None:
    playing = play("hola", "x", "x")
    playing.resumes()
    assert playing.texts == []
    playing.says("hola")
    assert playing.texts == ["Hola Ana"]


def test_the_end_closes_the_chat() -> None:
    assert play("hola", "salir").actions[1] == Close()


def test_media_are_sent_as_their_type() -> None:
    (first, *_) = play("hola", "2").actions
    assert isinstance(first, Reply)
    assert first.content == session.Document(link="https://x.example/c.pdf", filename="c.pdf", caption="Para Ana")


def test_a_press_on_an_old_button_still_leads_where_it_said() -> None:
    playing = play("hola", "1", "1")
    playing.sends(c.ButtonReply(id="inicio:1", title="Catálogo"))
    assert playing.texts == ["Para Ana", "Hola Ana"]
    playing.sends(c.ListReply(id="gone:7", title="¿?"))
    assert playing.texts == ["No entendí.", "Hola Ana"]


@pytest.mark.parametrize(
    ("content", "texts"),
    [
        (c.Image(media_id="1"), ["No entendí.", "Hola Ana"]),
        (c.Reaction(message_id="m", emoji="👍"), []),
        (c.RequestWelcome(), ["Hola Ana"]),
        (c.TemplateButton(payload="inicio:0", text="Comprar"), ["¿Qué talla?"]),
    ],
)
def test_other_types_of_messages(content: c.AnyContent, texts: list[str]) -> None:
    playing = play("hola")
    playing.sends(content)
    assert playing.texts == texts


def _nodes(options: int, title: str = "opción", extra: str = "") -> str:
    listed = "".join(f"      - {{title: {title} {i}, to: a}}\n" for i in range(options))
    return f"start: a\nnodes:\n  a:\n    text: Elige\n{extra}    options:\n{listed}"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (_nodes(3), session.Buttons),
        (_nodes(4), session.ChoiceList),
        (_nodes(3, "una opción que es larga"), session.Text),
        (_nodes(11), session.Text),
        (_nodes(2, extra="    show: list\n"), session.ChoiceList),
        (_nodes(2, extra="    show: numbers\n"), session.Text),
    ],
)
def test_choices_are_shown_as_whatsapp_allows(text: str, kind: type[Any]) -> None:
    (reply, _) = play("hola", text=text).actions
    assert isinstance(reply, Reply)
    assert isinstance(reply.content, kind)


def test_numbered_texts_are_answered_by_number() -> None:
    assert play("hola", text=_nodes(11)).texts[0].splitlines()[2] == "1. opción 0"
    assert play("hola", "11", text=_nodes(11)).texts == play("hola", text=_nodes(11)).texts


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        (
            "to: comprar,",
            "to: compar,",
            "line 9: an option of node `inicio`: there is no node `compar`; did you mean `comprar`?",
        ),
        ("start: inicio", "start: inico", "line 1: the menu: there is no node `inico`; did you mean `inicio`?"),
        ("unknown:", "unkown:", "line 2: the menu has no `unkown`; did you mean `unknown`?"),
        ("    text: ¿Qué talla?\n", "", "`text` is missing"),
        ("{name}\n    options", "{nombre}\n    options", "line 7: node `inicio`: nothing is remembered as `nombre`"),
        ("'\\d{1,3}'", "'(\\d+)+'", "line 19: `ask` of node `cantidad`: `pattern`"),
        ("    close: true", "    close: quizás", "line 32: node `fin`: `close` must be true or false"),
        ("https://x", "http://x", "line 25: `media` of node `folleto`: `link` must be a public address"),
        (
            "type: document",
            "type: docment",
            "`type` must be one of audio, document, image, sticker, video; did you mean `document`?",
        ),
        ("    to: listo\n", "", "a question needs `to`"),
        ("tries: 2", "tries: dos", "line 3: the menu: `tries` must be a whole number from 1 to 1000000"),
        ("give_up: humano", "give_up: humanos", "did you mean `humano`?"),
        ("    close: true", "    close: true\n    handoff: {}", "only one of `handoff`, `close` can follow"),
        ("    close: true", "    to: bucle\n  bucle:\n    text: x\n    to: fin", "goes round in a circle"),
        ("  fin:\n", "  fin: [\n", "not YAML"),
        ("  fin:\n", "  inicio:\n", "line 30: `inicio` stands twice in the same place; the first is in line 6"),
        ("Adiós", "*ancla", "aliases"),
        ("    text: Hola {name}\n", "    text: Hola {name}\n    show: buttons\n    button: x\n", None),
        ("{title: Comprar", "{title: Comprar una cosa muy larga", None),
    ],
)
def test_a_mistake_is_named_with_its_line_and_what_to_do(before: str, after: str, problem: str | None) -> None:
    assert before in SHOP
    found = problems(SHOP.replace(before, after, 1))
    if problem is None:
        assert found == []
    else:
        assert problem in "\n".join(found)


@pytest.mark.parametrize(
    "text", ["", "- a", "a", "start: x", "start: x\nnodes: {}", "start: x\nnodes: {x: }", "x: " + "[" * 2000]
)
def test_what_is_no_menu_is_refused(text: str) -> None:
    assert problems(text)
    with pytest.raises(MenuError):
        load(text)


@given(st.text(max_size=200))
def test_no_text_breaks_the_reader(text: str) -> None:
    assert isinstance(problems(text), list)


def test_the_packaged_menu_is_good_and_in_spanish() -> None:
    assert problems(default_text()) == []
    playing = Chat(menu)
    playing.says("hola")
    assert playing.texts == ["¡Hola Ana! 👋 ¿En qué te podemos ayudar?"]
    playing.presses("Hablar con alguien")
    assert playing.owner == "human"


@given(st.lists(st.sampled_from(["hola", "1", "2", "3", "volver", "menú", "12345", "x", "sí", "no"]), max_size=15))
def test_whatever_is_typed_the_packaged_menu_answers_until_a_human_has_it(said: list[str]) -> None:
    playing = Chat(menu)
    for one in said:
        answered = playing.says(one)
        assert answered or playing.owner == "human"


@pytest.mark.parametrize("pressed", ["inicio:99", "inicio:" + "9" * 5000, "inicio:²", ":", "nobody:0", ""])
def test_a_press_that_leads_nowhere_breaks_nothing(pressed: str) -> None:
    playing = chat()
    playing.says("hola")
    playing.sends(c.ButtonReply(id=pressed, title="?"))
    assert playing.texts
