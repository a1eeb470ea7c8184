"""Menus of any shape, and what people may send to them; and whether what comes of it is what WhatsApp takes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

from processors.agents.actions import Action, HandOff, Reply, SendTemplate
from schemas import content as c
from schemas import session as s

NAMES = ["a", "b", "c", "d", "ñandú:0"]
VARIABLES = ["uno", "dos", "fecha"]
LANGUAGES = ["es", "pt"]
_TYPES = "text number integer date time email phone yes_no one_of rut cuit dni image file location"
TYPES = _TYPES.split(" ")
_said = st.sampled_from(["Hola {name}", "{uno} {dos}", "{fecha}", "x" * 900, "¿Qué?", "{today} {line}", "👍", "  "])
_title = st.integers(1, 40).map("Opción {}".format) | st.sampled_from(
    ["Sí", "No", "Una opción bastante larga", "x" * 20, "y" * 24, "z" * 60, "Ver más", "1", "volver"]
)
_name = st.sampled_from(NAMES)
_variable = st.sampled_from(VARIABLES)


def texts(of: st.SearchStrategy[str] = _said) -> st.SearchStrategy[Any]:
    """A text, or one a language."""
    return of | st.fixed_dictionaries({"es": of}, optional={"pt": of})


def _some(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=fields)


_limit = st.sampled_from(["3", "-2.5", "today", "today-18y", "2026-01-01"])
_test = st.sampled_from(["1", "sí"]) | st.lists(st.sampled_from(["1", "x"]), min_size=1, max_size=2) | _some(
    known=st.booleans(), min=_limit, max=_limit, **{"not": st.just("yes")}
).filter(bool)  # fmt: skip
_when = _some(
    language=st.sampled_from(LANGUAGES),
    hours=st.just("office"),
    new_contact=st.booleans(),
    window=st.booleans(),
    variables=st.dictionaries(_variable, _test, max_size=2),
)
_option = st.fixed_dictionaries(
    {"title": texts(_title), "to": _name},
    optional={
        "keywords": st.lists(st.sampled_from(["si", "no", "cosa"]), max_size=2),
        "description": texts(st.sampled_from(["d" * 72, "{uno}{dos}{name}", ""])),
        "when": _when,
        "set": st.dictionaries(_variable, _said, max_size=1),
    },
)


def _titled(option: dict[str, Any]) -> str:
    """Titles that differ in Spanish, as they must."""
    title = option["title"]
    return title if isinstance(title, str) else title["es"]


@st.composite
def _ask(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from(TYPES))
    ask: dict[str, Any] = {"save": draw(_variable), "type": kind}
    if kind == "one_of":
        ask["values"] = draw(st.lists(_title, min_size=1, max_size=12, unique=True))
        ask["show"] = draw(st.sampled_from(["auto", "numbers"]))
    if draw(st.booleans()):
        ask |= {"tries": 2, "give_up": draw(_name)}
    if draw(st.booleans()):
        ask |= {"retry": draw(texts()), "skip": ["saltar"]}
    return ask


_template = st.fixed_dictionaries({"name": st.just("aviso")}, optional={"body": st.lists(texts(), max_size=2)})
_branch = st.lists(
    st.fixed_dictionaries({"to": _name}, optional={"when": _when, "unless": _when}), min_size=1, max_size=2
)


@st.composite
def nodes(draw: st.DrawFn) -> dict[str, Any]:
    """One node; most can be used."""
    node: dict[str, Any] = draw(
        _some(
            set=st.dictionaries(_variable, _said, max_size=2),
            language=st.sampled_from(LANGUAGES),
            header=texts(st.sampled_from(["cabeza", "{name}{name}{name}"])),
            footer=texts(st.just("pie")),
            location=st.just({"latitude": -33.4, "longitude": -70.6}),
            media=st.just({"type": "document", "link": "https://x.example/a.pdf", "caption": "{dos}"}),
            crm=st.dictionaries(_variable, _said, max_size=2),
            opt_out=st.booleans() | st.just(["marketing"]),
            template=_template,
            fallback=_template,
        )
    )
    node["text"] = draw(texts())
    follows = draw(
        st.sampled_from(["options", "options", "ask", "ask", "to", "branch", "call", "return", "close", "handoff", ""])
    )
    match follows:
        case "options":
            node["options"] = draw(st.lists(_option, min_size=1, max_size=12, unique_by=_titled))
            node["options"][0].pop("when", None)
            node["show"] = draw(st.sampled_from(["auto", "auto", "numbers", "list"]))
        case "ask":
            node |= {"ask": draw(_ask()), "to": draw(_name)}
        case "call":
            node |= {"call": draw(_name), "to": draw(_name)}
        case "branch":
            node |= {"branch": draw(_branch), "to": draw(_name)}
        case "to":
            node["to"] = draw(_name)
        case "handoff":
            node["handoff"] = {"group": "g", "note": draw(texts())}
        case "close" | "return":
            node[follows] = True
    if follows in ("options", "ask") and draw(st.booleans()):
        node["timeout"] = {"after_s": 60, "to": draw(_name)}
    return node


@st.composite
def menus(draw: st.DrawFn) -> str:
    """A menu's text. Many can be used, not all."""
    menu: dict[str, Any] = {
        "start": draw(_name),
        "languages": LANGUAGES,
        "hours": {"office": {"zone": "America/Santiago", "week": {"mon-fri": ["09:00-18:00"]}}},
        "variables": dict.fromkeys(VARIABLES, "1"),
        "nodes": {name: draw(nodes()) for name in NAMES},
    }
    menu |= draw(
        _some(
            idle=st.just({"remind_s": 60, "close_s": 120, "goodbye": "{uno}"}),
            give_up=_name,
            resumed=_name,
            tries=st.just(2),
            forget=st.just(["dos"]),
            anywhere=st.lists(
                st.fixed_dictionaries({"keywords": st.just(["ayuda"]), "to": _name}, optional={"when": _when}),
                max_size=1,
            ),
        )
    )
    return json.dumps(menu, ensure_ascii=False)


def sayings() -> st.SearchStrategy[c.AnyContent]:
    """Anything that a person may send."""
    words = "hola 1 2 12 sí no volver menú ayuda saltar mañana 31/12/2026 12,5 3pm a@b.cl 12.345.678-5 {name}"
    usual = words.split(" ")
    usual += ["20-12345678-6", "+56 9 1234 5678", "", " ", "9" * 5000]
    pressed = st.builds(lambda name, index: f"{name}:{index}", _name, st.integers(0, 13)) | st.text(max_size=8)
    return st.one_of(
        st.sampled_from(usual).map(lambda text: c.Text(body=text)),
        st.text(max_size=40).map(lambda text: c.Text(body=text)),
        pressed.map(lambda chosen: c.ButtonReply(id=chosen, title=chosen)),
        st.sampled_from([c.Image(media_id="1"), c.Location(latitude=1, longitude=2), c.Location(), c.RequestWelcome(),
                         c.Reaction(message_id="m", emoji="👍"), c.Unknown(kind="x"), c.Audio(url="https://a.example/a")]),
    )  # fmt: skip


def unfit(actions: list[Action]) -> Iterator[str]:
    """What WhatsApp would refuse of these."""
    for action in actions:
        match action:
            case Reply(content=s.Text(body=body)):
                yield from _length("text", body, 4096)
            case Reply(content=s.Buttons(body=body, buttons=choices, header=header, footer=footer)):
                yield from _interactive(body, header, footer, choices, 3, 20, 256)
                yield from (f"a button with a description: {one}" for one in choices if one.description)
            case Reply(content=s.ChoiceList(body=body, button=button, sections=sections, header=header, footer=footer)):
                rows = [row for section in sections for row in section.rows]
                yield from _interactive(body, header, footer, rows, 10, 24, 200)
                yield from _length("button", button, 20)
                yield from (f"description {row}" for row in rows if len(row.description) > 72)
            case Reply(content=s.Media(link=link, caption=caption)):
                if not link.startswith("https://") or len(caption) > 1024:
                    yield f"media {link} {caption}"
            case SendTemplate(template=template):
                yield from (f"parameter {one!r}" for one in template.body if not one or "\n" in one or len(one) > 1024)
            case HandOff(text=text) if len(text) > 4096:
                yield "last words too long"


def _interactive(
    body: str, header: str, footer: str, choices: list[s.Choice], most: int, longest: int, id_max: int
) -> Iterator[str]:
    yield from _length("body", body, 1024)
    yield from (f"edge {edge!r}" for edge in (header, footer) if len(edge) > 60)
    if not 1 <= len(choices) <= most:
        yield f"{len(choices)} choices"
    if len({one.title for one in choices}) < len(choices) or len({one.id for one in choices}) < len(choices):
        yield "titles or ids that stand there twice"
    for one in choices:
        yield from _length("title", one.title, longest)
        yield from _length("id", one.id, id_max)


def _length(what: str, text: str, most: int) -> Iterator[str]:
    if not text.strip() or len(text) > most:
        yield f"{what} of {len(text)} characters: {text[:40]!r}"
