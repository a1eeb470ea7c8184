"""Mistakes in a menu file are named with line, column and what to do; what is probably not meant is a warning."""

from __future__ import annotations

import re
from typing import Any

import pytest

from processors.agents.builtin.menu import TenantFacts, check
from schemas.tenant import Hours, TemplateSpec, Tenant

GOOD = """\
start: inicio
languages: [es, pt]
zone: America/Santiago
hours:
  oficina: {zone: America/Santiago, week: {mon-fri: ["09:00-18:00"]}}
variables: {plan: oro}
forget: [edad]
tries: 3
give_up: humano
anywhere:
  - {keywords: [ayuda], to: humano}
idle: {remind_s: 60, remind: "¿Sigues?", close_s: 120, goodbye: Adiós}
resumed: inicio
nodes:
  inicio:
    text: {es: Hola, pt: Olá}
    options:
      - {title: Edad, to: edad, keywords: [años]}
      - {title: {es: Día, pt: Dia}, to: dia, when: {hours: oficina}}
      - {title: Producto, to: producto, description: Pan y más}
  edad:
    text: ¿Qué edad tienes, {name}?
    ask: {save: edad, type: integer, min: 0, max: 120, tries: 2, give_up: humano}
    timeout: {after_s: 60, to: inicio}
    branch:
      - {when: {variables: {edad: {min: 18}}, language: es}, to: mayor}
    to: inicio
  mayor: {text: "{edad} años", crm: {edad: "{edad}"}, to: inicio}
  dia:
    text: ¿Qué día?
    ask: {save: dia, type: date, min: today, max: today+30d}
    to: aviso
  producto:
    text: ¿Qué?
    ask: {save: producto, type: one_of, values: [Pan, {title: Leche, save: leche}]}
    to: parte
  parte: {call: sub, to: folleto}
  sub: {text: Una parte, to: fin_sub}
  fin_sub: {return: true}
  folleto:
    media: {type: document, link: "https://x.example/a.pdf", filename: a.pdf}
    location: {latitude: -33.4, longitude: -70.6}
    to: aviso
  aviso:
    template: {name: aviso, language: es, body: ["{name}"]}
    opt_out: [marketing]
    language: pt
    set: {plan: "{edad}"}
    to: inicio
  humano:
    text: Te paso
    handoff: {group: ventas, note: "Plan {plan}"}
"""
TENANT = TenantFacts(
    hours={"tienda": Hours(zone="America/Lima", week={"mon": ["09:00-10:00"]})},
    templates=[TemplateSpec(name="aviso", language="es", body=1)],
    languages=["es", "pt"],
)


def found(text: str, severity: str) -> list[str]:
    return [f"{one.line}:{one.column}: {one.text}" for one in check(text, TENANT).problems if one.severity == severity]


def test_the_menu_of_these_tests_has_nothing_wrong() -> None:
    assert found(GOOD, "error") == []
    assert found(GOOD, "warning") == []


MISTAKES = [
    # of YAML
    ("      - {title: Edad, to", "      - {title: Edad to", "not YAML: "),
    ("  edad:\n", "  inicio:\n", "`inicio` stands twice in the same place; the first is in line 15"),
    ("pt: Olá", "pt: *ola", "16:26: aliases (*name) are not allowed; write the part again"),
    # names of fields
    ("tries: 3", "trys: 3", "8:1: the menu has no `trys`; did you mean `tries`?"),
    ("    timeout:", "    time_out:", "24:5: node `edad` has no `time_out`; did you mean `timeout`?"),
    ("save: edad, type", "saves: edad, type", "23:11: `ask` of node `edad` has no `saves`; did you mean `save`?"),
    (
        "keywords: [años]",
        "keyword: [años]",
        "18:33: an option of node `inicio` has no `keyword`; did you mean `keywords`?",
    ),
    (
        "{edad: {min: 18}}",
        "{edad: {minimum: 18}}",
        "`edad` of `variables` of `when` of a branch of node `edad` has no `minimum`",
    ),
    ("{return: true}", "{returns: true}", "39:13: node `fin_sub` has no `returns`; did you mean `return`?"),
    # kinds of values
    ("min: 0, max: 120, tries: 2", "min: 0, max: 120, tries: dos", "`tries` must be a whole number from 0 to 100"),
    (
        "after_s: 60",
        "after_s: 0",
        "24:15: `timeout` of node `edad`: `after_s` must be a whole number from 1 to 2592000",
    ),
    ("type: integer", "type: int", "`type` must be one of audio, cuit, date"),
    ("latitude: -33.4", "latitude: 91", "`latitude` must be a number from -90 to 90"),
    ("latitude: -33.4, ", "", "42:5: `location` of node `folleto`: `latitude` is missing"),
    ("    text: {es: Hola, pt: Olá}", "    text: [Hola]", "16:5: node `inicio`: `text` must be"),
    ("{return: true}", "{return: quizás}", "`return` must be true or false"),
    ("{return: true}", "", "39:3: node `fin_sub` has no fields; it needs at least `text`"),
    ("opt_out: [marketing]", "opt_out: [publicidad]", "`0` must be one of marketing, otp, utility"),
    ("start: inicio\n", "", "1:1: the menu: `start` is missing"),
    ("{title: Edad, to: edad,", "{to: edad,", "18:9: an option of node `inicio`: `title` is missing"),
    # names that lead nowhere
    ("start: inicio", "start: inisio", "1:1: the menu: there is no node `inisio`; did you mean `inicio`?"),
    ("give_up: humano\n", "give_up: nadie\n", "9:1: the menu: there is no node `nadie`; there are `inicio`, `edad`"),
    ("to: dia, when", "to: el_dia, when", "19:37: an option of node `inicio`: there is no node `el_dia`"),
    (
        "{after_s: 60, to: inicio}",
        "{after_s: 60, to: inicia}",
        "24:28: `timeout` of node `edad`: there is no node `inicia`",
    ),
    ("give_up: humano}", "give_up: umano}", "`ask` of node `edad`: there is no node `umano`; did you mean `humano`?"),
    ("call: sub", "call: sup", "37:11: node `parte`: there is no node `sup`; did you mean `sub`?"),
    ("[ayuda], to: humano", "[ayuda], to: umano", "11:25: an entry of `anywhere`: there is no node `umano`"),
    ("resumed: inicio", "resumed: x", "13:1: the menu: there is no node `x`"),
    # what follows a node
    ("    timeout: {a", "    close: true\n    timeout: {a", "only one of `ask`, `close` can follow; split the node"),
    ("    to: inicio\n  mayor", "  mayor", "23:5: node `edad`: a question needs `to`, where to go on with the answer"),
    ("call: sub, to: folleto", "call: sub", "`call` needs `to`, where to go on afterwards; write `to: NODE`"),
    ("{return: true}", "{return: true, branch: [{to: inicio}]}", "`branch` leads nowhere beside `return`"),
    ("    text: ¿Qué día?\n", "", "29:3: node `dia`: `text` is missing; write what is said"),
    ("{return: true}", "{show: list}", "39:3: node `fin_sub`: `text` is missing"),
    ("    location:", "    timeout: {after_s: 5, to: inicio}\n    location:", "`timeout` needs `options` or `ask`"),
    # ways
    ("fin_sub: {return: true}", "fin_sub: {text: x, to: sub}", "goes round in a circle without waiting for the person"),
    ("{return: true}", "{call: parte, to: inicio}", "goes round in a circle without waiting for the person"),
    # choices
    ("title: Producto", "title: Edad", "20:10: an option of node `inicio`: the title 'Edad' stands there twice"),
    (
        "title: Producto",
        "title: {es: Día, pt: Produto}",
        "20:10: an option of node `inicio`: the title 'Día' stands there twice",
    ),
    (
        "title: Edad",
        f"title: {'x' * 81}",
        "18:10: an option of node `inicio`: `title` has 81 characters, at most 80 as auto",
    ),
    (
        "    options:\n",
        f"    show: buttons\n    options:\n      - {{title: {'x' * 21}, to: edad}}\n",
        "at most 20 as buttons",
    ),
    (
        "    options:\n",
        "    show: buttons\n    options:\n      - {title: x, to: edad}\n",
        "4 options, at most 3 as buttons",
    ),
    ("description: Pan y más", f"description: {'x' * 73}", "`description` has 73 characters, at most 72 are shown"),
    (
        "text: {es: Hola, pt: Olá}",
        f"text: {{es: {'x' * 1025}, pt: Olá}}",
        "`text` has 1025 characters, at most 1024 are shown with options",
    ),
    ("text: ¿Qué día?", f"text: {'x' * 4097}", "30:5: node `dia`: `text` has 4097 characters, at most 4096 are shown"),
    (
        "values: [Pan, {title: Leche, save: leche}]",
        "values: []",
        "`values` is missing; write the answers that there are",
    ),
    ("type: one_of, values", "type: text, values", "`values` is for one_of alone; write `type: one_of`"),
    # questions
    ("save: dia", "save: contact", "`save` must be a word that is not name or contact; they are WhatsApp's own"),
    ("save: dia", "save: el día", "'el día' cannot name a variable"),
    (
        "min: today,",
        "min: hoy,",
        "31:34: `ask` of node `dia`: `min` is 'hoy'; for date write YYYY-MM-DD, today, today+7d",
    ),
    ("min: 0, max: 120", "min: 120, max: 0", "`min` is above `max`, so nothing fits; change them"),
    ("type: one_of,", "type: one_of, min: 3,", "`min` means nothing for one_of; leave it out"),
    (
        "type: date,",
        "type: date, pattern: '(a+)+',",
        "`pattern`: a repeat or a choice inside a repeat could take too long",
    ),
    # variables, languages, conditions
    ("¿Qué edad tienes, {name}?", "¿Qué edad, {nombre}?", "22:5: node `edad`: nothing is remembered as `nombre`"),
    ('crm: {edad: "{edad}"}', 'crm: {edad: "{edat}"}', "nothing is remembered as `edat`; did you mean `edad`?"),
    ("{edad: {min: 18}}", "{edat: {min: 18}}", "nothing is remembered as `edat`; did you mean `edad`?"),
    ("{edad: {min: 18}}", "{edad: {min: mucho}}", "nothing can be compared with 'mucho'; write a number, YYYY-MM-DD"),
    ("{edad: {min: 18}}", "{edad: {}}", "`edad` is compared with nothing; write is, not, min, max or known"),
    ("forget: [edad]", "forget: [edat]", "7:10: `forget`: nothing is remembered as `edat`; did you mean `edad`?"),
    ("{es: Día, pt: Dia}", "{es: Día, en: Day}", "`en` is none of the menu's languages"),
    (
        "language: pt\n",
        "language: fr\n",
        "47:5: node `aviso`: `fr` is none of the menu's languages; write `languages: [es, pt, fr]`",
    ),
    (
        "language: es}, to: mayor",
        "language: en}, to: mayor",
        "26:47: `when` of a branch of node `edad`: `en` is none of the menu's languages; there are `es`, `pt`",
    ),
    ("languages: [es, pt]", "languages: [es, pt, es]", "`es` stands there twice"),
    (
        "languages: [es, pt]",
        "languages: [es, pt, español]",
        "'español' is no language; write a code such as es, pt or pt_BR",
    ),
    ("zone: America/Santiago\nhours", "zone: Chile/Lima\nhours", "there is no time zone"),
    # what the tenant has
    (
        "{hours: oficina}",
        "{hours: ofisina}",
        "19:53: `when` of an option of node `inicio`: there are no hours `ofisina`; did you mean `oficina`?",
    ),
    ('mon-fri: ["09:00-18:00"]', 'mon-fri: ["9-18"]', "'9-18' is no span"),
    ("{hours: oficina}", "{hours: oficina, closed: oficina}", "open and closed at once never holds"),
    (
        "template: {name: aviso",
        "template: {name: avisso",
        "45:16: `template` of node `aviso`: the tenant has no template `avisso`; did you mean",
    ),
    ("aviso, language: es", "aviso, language: pt", "the template `aviso` is not there in `pt`; it is in `es`"),
    ('body: ["{name}"]', "body: []", "0 parameters, the template takes 1; write as many"),
    # media, silence
    ("https://x", "http://x", "`link` must be a public address that begins with https://"),
    (
        "close_s: 120",
        "close_s: 30",
        "12:42: `idle`: `close_s` counts from the last message too; write more than `remind_s`",
    ),
    ('idle: {remind_s: 60, remind: "¿Sigues?", close_s: 120, goodbye: Adiós}', "idle: {}", "`idle` does nothing"),
    ("remind_s: 60, ", "", "`remind` never comes without `remind_s`; write `remind_s` in seconds"),
    ("keywords: [ayuda]", 'keywords: [""]', "`keywords` has no word; write those that lead there"),
]


@pytest.mark.parametrize(("before", "after", "problem"), MISTAKES)
def test_a_mistake_is_named_with_its_place_and_what_to_do(before: str, after: str, problem: str) -> None:
    assert before in GOOD
    assert problem in "\n".join(found(GOOD.replace(before, after, 1), "error"))


def test_there_are_many_such_mistakes() -> None:
    assert len({problem for _, _, problem in MISTAKES}) >= 60


WARNINGS = [
    ("    to: aviso\n  producto", "    to: inicio\n  producto", ""),
    ("{title: Edad, to: edad, k", "{title: Edad, to: inicio, k", "21:3: node `edad`: nobody comes here"),
    ("{es: Hola, pt: Olá}", "{es: Hola}", "16:5: node `inicio`: `text` is not said in `pt`; there it is said in es"),
    (
        "keywords: [años]",
        "keywords: [volver]",
        "18:33: an option of node `inicio`: `volver` is a word of `back`, which comes first",
    ),
    ("keywords: [años]", "keywords: [ayuda]", "`ayuda` is a word of `anywhere`, which comes first"),
    ("description: Pan y más", "keywords: [edad]", "`edad` leads to an option before this one"),
    (
        '    to: inicio\n  mayor: {text: "{edad} años", crm: {edad: "{edad}"}, to: inicio}',
        '    to: inicio\n  mayor: {text: "{edad} años"}',
        "28:3: node `mayor`: the dialogue ends here without a word",
    ),
    (
        "{edad} años",
        "{edad de ella} años",
        "`{edad de ella}` is shown as it stands; a variable is one word without blanks",
    ),
    ("title: Producto", "title: 'Producto {edad}'", "titles are the same for everybody"),
    ("after_s: 60", "after_s: 90000", "the 24-hour window has closed by then; send a `template`"),
    ("{return: true}", "{return: true, to: inicio}", "`to` is never taken beside `return`; leave it out"),
    ("text: ¿Qué día?", f"text: {'x' * 3001}", "accounts of the API Bot service take 3000"),
    ("type: document, ", "type: audio, caption: x, ", "`caption` is not shown with audio; write it as `text`"),
    ("language: pt\n", "language: pt\n    header: x\n", "`header` shows with `options`"),
    ("tries: 3\ngive_up: humano\n", "tries: 3\n", "`tries` without `give_up` leads nowhere; write `give_up: NODE`"),
]


@pytest.mark.parametrize(("before", "after", "problem"), WARNINGS)
def test_what_is_probably_not_meant_is_a_warning_and_no_error(before: str, after: str, problem: str) -> None:
    assert before in GOOD
    text = GOOD.replace(before, after, 1)
    assert found(text, "error") == []
    assert problem in "\n".join(found(text, "warning"))


def test_hours_are_the_tenants_where_the_menu_has_none_and_not_checked_where_it_is_not_known() -> None:
    text = GOOD.replace("when: {hours: oficina}", "when: {hours: tienda}")
    assert found(text, "error") == []
    (alone,) = check(text).problems
    assert (alone.severity, alone.fix) == ("warning", "check with --tenant FILE")


def test_too_much_at_once_is_named_where_it_begins() -> None:
    chain = "".join(f"  n{i}: {{text: x, to: n{i + 1}}}\n" for i in range(17))
    (one,) = check(f"start: n0\nnodes:\n{chain}  n17: {{text: x, close: true}}\n").problems
    assert one.line == 3
    assert "19 messages and orders follow at once from here, at most 15" in one.what


def test_what_is_called_counts_where_it_is_called_and_may_be_called_twice() -> None:
    text = """\
start: a
nodes:
  a: {call: sub, to: b}
  b: {call: sub, to: c}
  c: {text: "¿?", options: [{title: x, to: a}]}
  sub: {text: Parte, to: fin}
  fin: {return: true}
"""
    assert check(text).problems == []
    looped = check(text.replace("fin: {return: true}", "fin: {call: b, to: c}"))
    assert "circle" in looped.problems[0].what
    around = check(text.replace("to: c}", "to: a}"))
    assert "(`a` → `b` → `a`)" in around.problems[0].what


@pytest.mark.parametrize(("count", "usable"), [(40, True), (41, False)])
def test_so_many_variables_are_remembered(count: int, usable: bool) -> None:
    variables = ", ".join(f"v{i}: x" for i in range(count))
    text = f"start: a\nvariables: {{{variables}}}\nnodes: {{a: {{text: x, close: true}}}}\n"
    assert check(text).usable is usable


def test_a_menu_that_is_huge_or_deep_is_refused() -> None:
    assert "at most 262144 characters" in check("#" * 262_145).problems[0].what
    assert "nested too deeply" in check("a: " + "[" * 3000 + "]" * 3000).problems[0].what


def test_a_word_that_opts_out_is_never_heard_by_the_menu_and_named() -> None:
    menu = """start: a
languages: [es, pt]
anywhere: [{keywords: {es: [Baja, salir]}, to: a}]
nodes:
  a: {text: Hola, options: [{title: Detener, to: a}, {title: Pan, to: a, keywords: [parar]}]}
"""

    def named(tenant: TenantFacts | None = None) -> list[str]:
        told = [one.what for one in check(menu, tenant).problems if one.severity == "warning"]
        return [word for one in told if "opts out" in one for word in re.findall("`([^`]+)` opts out", one)]

    def of(**optout: Any) -> TenantFacts:
        return TenantFacts.of(Tenant(tenant="acme", languages=["es", "pt"], optout=optout))

    assert sorted(named()) == sorted(named(of())) == ["Baja", "Detener", "parar"]
    assert named(of(words=["salir"])) == ["salir"]
    assert named(of(agent=True)) == named(of(confirm=False)) == [], "the menu gets the message itself"
    assert check(menu).usable
