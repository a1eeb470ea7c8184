"""The menu's language, field by field: what a file says is what happens."""

from __future__ import annotations

from typing import Any

import pytest

from processors.agents.actions import Action
from processors.agents.builtin.menu import check
from processors.agents.builtin.menu.agent import menu
from relevo import Close, HandOff, OptOut, Reply, SendTemplate, UpdateCrm
from relevo.testing import Chat
from schemas import content as c
from schemas import session as s
from schemas.tenant import Hours

THURSDAY_11 = 1_795_701_600_000  # 2026-11-26 11:00 in Santiago
OFFICE = Hours(zone="America/Santiago", week={"mon-fri": ["09:00-18:00"]})


def chat(text: str, **more: Any) -> Chat:
    problems = [str(one) for one in check(text).problems if one.severity == "error"]
    assert problems == []
    return Chat(menu, config={"menu": text}, **({"now_ms": THURSDAY_11} | more))


def play(text: str, *said: str, **more: Any) -> Chat:
    playing = chat(text, **more)
    for one in said:
        playing.says(one)
    return playing


def contents(actions: list[Action]) -> list[Any]:
    return [action.content for action in actions if isinstance(action, Reply)]


ASKING = """\
start: edad
tries: 3
give_up: nadie
nodes:
  edad:
    text: ¿Edad?
    ask: {save: edad, type: integer, min: 1, max: 120, tries: 2, give_up: ayuda, retry: Solo un número.}
    branch: [{when: {variables: {edad: {min: 18}}}, to: mayor}]
    to: menor
  mayor: {text: "Mayor: {edad}", close: true}
  menor: {text: "Menor: {edad}", close: true}
  ayuda: {text: Te ayudo., close: true}
  nadie: {text: x, close: true}
"""


@pytest.mark.parametrize(
    ("said", "texts"),
    [
        (["hola", "18"], ["Mayor: 18"]),
        (["hola", "17,0"], ["Menor: 17"]),
        (["hola", "121"], ["Solo un número."]),
        (["hola", "x", "17"], ["Menor: 17"]),
        (["hola", "x", "x"], ["Te ayudo."]),
    ],
)
def test_an_answer_is_asked_for_again_and_then_leads_where_its_question_says(said: list[str], texts: list[str]) -> None:
    assert play(ASKING, *said).texts == texts


CHOOSING = """\
start: a
languages: [es, pt]
nodes:
  a:
    header: "Para {first_name}"
    text: {es: "¿Qué llevas?", pt: "O que leva?"}
    footer: Tienda
    ask:
      save: cosa
      type: one_of
      values: [{title: {es: Pan, pt: Pão}, save: bread, keywords: [pancito]}, Leche, {title: Vino}, Queso]
    to: b
  b:
    text: "¿{cosa}? ({language})"
    ask: {save: seguro, type: yes_no}
    to: c
  c: {text: "{seguro}", to: a}
"""


def test_a_question_with_answers_to_choose_from_shows_them() -> None:
    playing = play(CHOOSING, "hola")
    (shown,) = contents(playing.actions)
    assert isinstance(shown, s.ChoiceList)
    assert (shown.header, shown.footer, shown.button) == ("Para Ana", "Tienda", "Ver opciones")
    assert [row.title for row in shown.sections[0].rows] == ["Pan", "Leche", "Vino", "Queso"]
    playing.presses("Pan")
    (asked,) = contents(playing.actions)
    assert isinstance(asked, s.Buttons)
    assert [asked.body, *(one.title for one in asked.buttons)] == ["¿bread? (es)", "Sí", "No"]
    playing.presses("No")
    assert playing.texts[0] == "no"
    playing.sends(c.ListReply(id="a:2", title="Vino"))
    assert playing.texts == ["¿Vino? (es)"]


@pytest.mark.parametrize(("said", "cosa"), [("pancito", "bread"), ("PÃO", "bread"), ("2", "Leche"), ("vino", "Vino")])
def test_what_can_be_chosen_can_be_typed(said: str, cosa: str) -> None:
    assert play(CHOOSING, "hola", said).texts == [f"¿{cosa}? (es)"]


def test_a_dialogue_speaks_the_persons_language_or_else_the_usual_one() -> None:
    for known, text in (
        ("pt", "O que leva?"),
        ("pt_BR", "O que leva?"),
        ("PT-br", "O que leva?"),
        ("en", "¿Qué llevas?"),
    ):
        assert play(CHOOSING, "hola", facts={"language": known}).texts == [text]
    assert play(CHOOSING, "hola").texts == ["¿Qué llevas?"]
    assert play(CHOOSING, "hola", "x", facts={"language": "pt"}).texts == [
        "Não entendi. Escolha uma das opções, por favor.",
        "O que leva?",
    ]


LANGUAGES = """\
start: a
languages: [es, pt]
anywhere: [{keywords: [português], to: pt}]
nodes:
  a:
    text: {es: Hola, pt: Olá}
    options: [{title: Seguir, to: b}]
  pt: {language: pt, to: a}
  b:
    branch: [{when: {language: pt}, to: brasil}]
    to: otros
  brasil: {text: Brasil, to: a}
  otros: {text: Otros, to: a}
"""


def test_a_node_changes_the_language_from_there_on() -> None:
    playing = play(LANGUAGES, "hola", "portugues")
    assert playing.texts == ["Olá"]
    playing.says("seguir")
    assert playing.texts == ["Brasil", "Olá"]
    playing.closes()
    playing.says("oi")
    assert playing.texts == ["Olá"]
    assert play(LANGUAGES, "hola", "seguir").texts == ["Otros", "Hola"]


def test_words_that_lead_from_everywhere_count_from_the_first_message_on() -> None:
    assert play(LANGUAGES, "Português!").texts == ["Olá"]
    assert play(LANGUAGES, "quiero português").texts == ["Hola"]


VARIABLES = """\
start: a
zone: America/Santiago
variables: {plan: oro, visitas: ""}
forget: [plan]
nodes:
  a: {set: {quien: "{first_name} {contact}", visitas: "{visitas}I"}, to: b}
  b:
    text: "{quien} {plan} {visitas} {today} {time} {line} {nadie}"
    options:
      - {title: Plata, to: c, set: {plan: plata}}
      - {title: Nada, to: c, set: {plan: ""}}
  c: {text: "Plan: {plan}", set: {nadie: ""}, to: fin}
  fin: {text: "{name}", close: true}
"""


def test_variables_are_set_filled_in_and_forgotten() -> None:
    playing = play(VARIABLES, "hola", name="Ana  {plan}")
    assert playing.texts == ["Ana 56922222222 oro I 26/11/2026 11:00 56911111111"]
    assert playing.presses("Plata")
    assert playing.texts == ["Plan: plata", "Ana {plan}"]
    playing.says("hola")
    assert "oro II" in playing.texts[0]
    playing.presses("Nada")
    assert playing.texts[0] == "Plan:"


def test_what_a_person_says_is_never_filled_in_again() -> None:
    text = "start: a\nnodes:\n  a: {text: '¿?', ask: {save: x}, to: b}\n  b: {text: '{x} {name}', close: true}\n"
    assert play(text, "hola", "{contact}{name}", name="{x}{x}").texts == ["{contact}{name} {x}{x}"]


CONDITIONS = """\
start: a
zone: America/Santiago
variables: {n: "10", f: "2026-11-26", t: Sí, vacio: ""}
nodes:
  a: {branch: [{when: %s, unless: %s, to: si}], to: "no"}
  si: {text: sí, close: true}
  no: {text: "no", close: true}
"""


@pytest.mark.parametrize(
    ("when", "unless", "holds"),
    [
        ("{}", "{}", True),
        ('{variables: {n: "10"}}', "{}", True),
        ('{variables: {n: ["9", "10"]}}', "{}", True),
        ("{variables: {t: si}}", "{}", True),
        ("{variables: {t: si}}", "{variables: {t: SI}}", False),
        ("{variables: {t: {is: [no, si]}}}", "{}", True),
        ("{variables: {t: {not: si}}}", "{}", False),
        ("{variables: {vacio: {not: si}}}", "{}", True),
        ("{variables: {n: {min: 10, max: 10}}}", "{}", True),
        ("{variables: {n: {min: 9.5}}}", "{}", True),
        ("{variables: {n: {min: 11}}}", "{}", False),
        ("{variables: {n: {max: 9}}}", "{}", False),
        ("{variables: {f: {min: today, max: today}}}", "{}", True),
        ("{variables: {f: {min: today+1d}}}", "{}", False),
        ("{variables: {f: {max: today-1d}}}", "{}", False),
        ("{variables: {f: {min: 2026-11-01}}}", "{}", True),
        ("{variables: {t: {min: 1}}}", "{}", False),
        ("{variables: {vacio: {max: 1}}}", "{}", False),
        ("{variables: {n: {known: true}, vacio: {known: false}}}", "{}", True),
        ("{variables: {vacio: {known: true}}}", "{}", False),
        ("{variables: {n: '10', t: no}}", "{}", False),
        ("{hours: oficina}", "{}", True),
        ("{closed: oficina}", "{}", False),
        ("{}", "{hours: oficina}", False),
        ("{hours: otra}", "{}", False),
        ("{closed: otra}", "{}", True),
        ("{new_contact: true}", "{}", True),
        ("{new_contact: false}", "{}", False),
        ("{window: true}", "{}", True),
        ("{window: false}", "{}", False),
    ],
)
def test_a_branch_is_taken_when_all_its_conditions_hold(when: str, unless: str, holds: bool) -> None:
    playing = play(CONDITIONS % (when, unless), "hola", hours={"oficina": OFFICE})
    assert playing.texts == ["sí" if holds else "no"]


def test_hours_are_judged_by_the_events_own_time() -> None:
    text = CONDITIONS % ("{hours: oficina}", "{}")
    playing = chat(text, hours={"oficina": OFFICE})
    playing.says("hola", at_ms=THURSDAY_11 - 3 * 3_600_000)
    assert playing.texts == ["no"]


def test_a_person_is_new_until_the_first_dialogue_is_over() -> None:
    text = """\
start: a
nodes:
  a: {branch: [{when: {new_contact: true}, to: nueva}], to: vieja}
  nueva: {text: Bienvenida, options: [{title: x, to: a}, {title: fin, to: fin}]}
  vieja: {text: Otra vez, close: true}
  fin: {text: Adiós, close: true}
"""
    playing = play(text, "hola", "x")
    assert playing.texts == ["Bienvenida"]
    playing.says("menú")
    assert playing.texts == ["Bienvenida"]
    playing.says("fin")
    playing.says("hola")
    assert playing.texts == ["Otra vez"]
    old = chat(text, memory={"at": {"node": "", "answers": {"x": "1"}}})  # of a menu before it counted
    old.says("hola")
    assert old.texts == ["Otra vez"]


CALLING = """\
start: a
nodes:
  a: {text: "¿?", options: [{title: Uno, to: uno}, {title: Dos, to: dos}]}
  uno: {call: sub, to: tras_uno}
  dos: {call: sub, to: tras_dos}
  tras_uno: {text: Tras uno, to: a}
  tras_dos: {text: Tras dos, to: a}
  sub: {text: "¿Nombre?", ask: {save: x}, to: hondo}
  hondo: {call: mas, to: vuelta}
  mas: {text: "¿Más?", ask: {save: y}, to: vuelta}
  vuelta: {return: true}
"""


def test_a_part_that_is_called_comes_back_to_where_it_was_called() -> None:
    assert play(CALLING, "hola", "uno", "x", "y").texts == ["Tras uno", "¿?"]
    assert play(CALLING, "hola", "dos", "x", "y").texts == ["Tras dos", "¿?"]
    assert play(CALLING, "hola", "uno", "x", "volver", "x", "y").texts == ["Tras uno", "¿?"]
    assert play(CALLING, "hola", "uno", "x", "menú", "dos", "x", "y").texts == ["Tras dos", "¿?"]
    assert play(CALLING, "hola", "uno", "x", "y", "volver", "y").texts == ["Tras uno", "¿?"]


def test_a_return_that_nobody_called_ends_the_dialogue() -> None:
    text = "start: a\nnodes:\n  a: {text: Hola, to: b}\n  b: {return: true}\n"
    playing = play(text, "hola", "hola")
    assert playing.texts == ["Hola"]


WAITING = """\
start: a
idle: {remind_s: 60, remind: "¿Sigues, {name}?", close_s: 180, goodbye: Adiós}
nodes:
  a: {text: Hola, options: [{title: Seguir, to: b}]}
  b:
    text: ¿Qué?
    ask: {save: x}
    timeout: {after_s: 30, to: tarde}
    to: fin
  tarde: {text: "Pasó el tiempo {x}", to: a}
  fin: {text: Listo, handoff: {}}
"""


def test_a_question_that_nobody_answers_leads_on() -> None:
    playing = play(WAITING, "hola", "seguir")
    assert playing.timers == {"menu": 30}
    playing.advance(30)
    assert playing.texts == ["Pasó el tiempo", "Hola"]
    assert playing.timers == {"menu": 60}


def test_who_falls_silent_is_reminded_and_then_the_chat_ends() -> None:
    playing = play(WAITING, "hola")
    playing.advance(59)
    playing.says("¿?")
    playing.advance(60)
    assert playing.texts == ["¿Sigues, Ana?"]
    playing.advance(119)
    assert playing.texts == []
    playing.advance(1)
    assert playing.texts == ["Adiós"]
    assert playing.actions[-1] == Close()
    assert playing.timers == {}
    playing.says("hola")
    assert playing.texts == ["Hola"]


def test_after_a_reminder_the_dialogue_goes_on_where_it_was() -> None:
    playing = play(WAITING, "hola")
    playing.advance(60)
    playing.says("seguir")
    assert playing.texts == ["¿Qué?"]
    assert playing.timers == {"menu": 30}


def test_no_timer_outlives_what_it_waited_for() -> None:
    playing = play(WAITING, "hola", "seguir", "algo")
    assert playing.timers == {}
    playing.event("timer", extra={"name": "menu", "payload": {"what": "timeout", "visit": 2}})
    assert playing.actions == []
    again = play(WAITING, "hola", "seguir")
    for payload in ({"what": "timeout", "visit": 1}, {"what": "boo", "visit": 2}, None, "x", {"visit": 2}):
        again.event("timer", extra={"name": "menu", "payload": payload})
        assert again.actions == []


def test_silence_may_lead_to_a_node_instead_of_the_end() -> None:
    text = WAITING.replace("goodbye: Adiós", "to: tarde")
    playing = play(text, "hola")
    playing.advance(180)
    assert playing.texts == ["Pasó el tiempo", "Hola"]


DOING = """\
start: a
zone: America/Santiago
nodes:
  a:
    media: {type: image, link: "https://x.example/a.png", caption: "Para {name}"}
    location: {latitude: -33.4, longitude: -70.6, name: Aquí}
    text: "{name}"
    fallback: {name: aviso, language: es, body: ["{name}", ""]}
    template: {name: promo, language: es, body: ["{name}"], category: marketing}
    crm: {correo: "{correo}", nombre: "{name}"}
    opt_out: [marketing]
    to: b
  b: {text: "¿Correo?", ask: {save: correo, type: email}, to: c}
  c: {crm: {correo: "{correo}"}, to: d}
  d: {text: Te paso., handoff: {group: ventas, campaign: "7", note: "De {name}:  {nada} {correo}"}}
  e: {set: {nada: x}, opt_out: true, close: true}
"""


def test_a_node_does_what_it_says_in_order() -> None:
    actions = [action for action in play(DOING, "hola").actions if type(action).__name__ != "Remember"]
    assert actions == [
        Reply(s.Image(link="https://x.example/a.png", caption="Para Ana")),
        Reply(s.Location(latitude=-33.4, longitude=-70.6, name="Aquí")),
        Reply(s.Text(body="Ana"), fallback=s.Template(name="aviso", language="es", body=["Ana", "-"])),
        SendTemplate(s.Template(name="promo", language="es", body=["Ana"]), "marketing"),
        UpdateCrm({"nombre": "Ana"}),
        OptOut(["marketing"], why="menu"),
        Reply(s.Text(body="¿Correo?")),
    ]


def test_a_human_gets_group_campaign_and_a_note_with_what_is_known() -> None:
    playing = play(DOING, "hola", "Ana@X.cl")
    assert playing.crm[-1] == {"correo": "ana@x.cl"}
    assert playing.actions[-2] == HandOff(group="ventas", id_campaign="7", note="De Ana: ana@x.cl", text="Te paso.")


def test_media_are_asked_for_and_kept() -> None:
    text = """\
start: a
nodes:
  a: {text: "¿Foto?", ask: {save: f, type: image, skip: ["no"]}, to: b}
  b: {text: "[{f}]", close: true}
"""
    playing = play(text, "hola", "aquí va")
    assert playing.texts == ["Aquí hace falta una foto."]
    playing.sends(c.Image(url="https://x.example/1"))
    assert playing.texts == ["[https://x.example/1]"]
    assert play(text, "hola", "no").texts == ["[]"]


def test_options_are_offered_when_their_conditions_hold_and_numbered_so() -> None:
    text = """\
start: a
variables: {vip: "no"}
nodes:
  a:
    text: Elige
    show: numbers
    options:
      - {title: Vip, to: b, when: {variables: {vip: si}}}
      - {title: Todos, to: c}
      - {title: Serlo, to: d}
  b: {text: B, to: a}
  c: {text: C, to: a}
  d: {set: {vip: si}, to: a}
"""
    playing = play(text, "hola")
    assert playing.texts == ["Elige\n\n1. Todos\n2. Serlo"]
    playing.says("vip")
    assert playing.texts[0].startswith("No entendí")
    playing.says("2")
    assert playing.texts == ["Elige\n\n1. Vip\n2. Todos\n3. Serlo"]
    playing.says("1")
    assert playing.texts[0] == "B"


def test_when_a_human_gives_back_the_menu_may_have_something_to_say() -> None:
    text = DOING.replace("start: a", "start: a\nresumed: e\nforget: [correo]")
    playing = play(text, "hola", "a@b.cl")
    playing.resumes()
    assert [type(action).__name__ for action in playing.actions] == ["OptOut", "Close", "Remember"]
    assert playing.memory["at"]["answers"] == {"nada": "x"}


def test_who_is_at_a_node_that_is_gone_is_told_and_begins_anew() -> None:
    playing = play(WAITING, "hola", "seguir")
    changed = WAITING.replace("  b:\n", "  otra:\n").replace("to: b}", "to: otra}")
    other = chat(changed, memory=playing.memory)
    other.says("algo")
    assert other.texts == ["Actualizamos nuestro menú. Empecemos de nuevo, por favor.", "Hola"]
    own = chat("changed: Cambiamos.\n" + changed, memory=playing.memory)
    own.says("algo")
    assert own.texts == ["Cambiamos.", "Hola"]


@pytest.mark.parametrize(
    "text",
    [
        "start: a\nnodes: {a: {text: x, options: [{title: A, to: a}, {title: A, to: b}]}, b: {text: '{no}', to: a}}",
        f"start: {'a' * 101}\nnodes: {{{'a' * 101}: {{text: x, options: [{{title: A, to: {'a' * 101}}}]}}}}",
        "start: n0\nnodes:\n" + "".join(f"  n{i}: {{text: x, to: n{i + 1}}}\n" for i in range(16)) + "  n16: {text: x}",
        "start: a\nnodes:\n"
        + "".join(f"  n{i}: {{text: x, ask: {{save: v{i}}}, to: a}}\n" for i in range(60))
        + "  a: {text: x}",
    ],
)
def test_a_menu_that_was_taken_before_there_were_so_many_checks_is_played_all_the_same(text: str) -> None:
    assert not check(text).usable
    playing = Chat(menu, config={"menu": text})
    assert playing.says("hola")
    assert playing.texts


def test_texts_are_cut_to_what_whatsapp_shows_once_variables_are_filled_in() -> None:
    text = f"""\
start: a
nodes:
  a: {{text: "¿?", ask: {{save: x, max: 500}}, to: b}}
  b: {{header: "{{x}}", text: "{"y" * 1000}{{x}}", options: [{{title: t, to: a, description: "{{x}}"}}]}}
"""
    (shown,) = contents(play(text, "hola", "z" * 500).actions)
    assert isinstance(shown, s.ChoiceList)
    assert (len(shown.body), len(shown.header), len(shown.sections[0].rows[0].description)) == (1024, 60, 72)


def test_a_text_that_has_nothing_to_say_is_not_sent() -> None:
    text = """\
start: a
nodes:
  a: {text: "{x}", to: b}
  b: {text: "{x}", options: [{title: t, to: c}]}
  c: {set: {x: y}, text: z, to: a}
"""
    assert play(text, "hola").texts == ["Elige una opción:"]
