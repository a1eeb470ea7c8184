"""Templates as the sandbox knows them: which exist, in which state, and what a send of one meets (Q13; Chattigo's
facts, 3.6 and 9.3). Pure.

Promises: with no template configured every template exists and nothing is checked. Leaves to the services: when what
is wrong is told.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any, Literal, NamedTuple

import msgspec

from sandbox.chattigo.messages import Json

State = Literal["approved", "pending", "rejected", "paused", "disabled", "in_appeal"]
MISSING, PAUSED, DISABLED = 132001, 132015, 132016
COUNT, TOO_LONG, FORMAT = 132000, 132005, 132012
OF_THE_TEMPLATE = frozenset({MISSING, PAUSED, DISABLED})
ALL = OF_THE_TEMPLATE | {COUNT, TOO_LONG, FORMAT}
BODY_MAX, HEADER_MAX = 1024, 60
_STATES = {"paused": PAUSED, "disabled": DISABLED}
_ODD = re.compile(r"[\n\t]| {5,}")


class Looks(msgspec.Struct, forbid_unknown_fields=True):
    """How a template looks on a phone: `{{1}}` in `header` and `body` stands for a variable; `buttons` are labels."""

    body: str = ""
    header: str = ""
    footer: str = ""
    buttons: list[str] = []


class Template(msgspec.Struct, forbid_unknown_fields=True):
    """A template; the numbers of variables (`parameters` those of the body, `header`, `buttons`) are unchecked when
    None. `length`: characters of the body beside its variables. `looks` is for who sees it: the page, and people.
    """

    name: str
    language: str = "es"
    category: Literal["utility", "marketing", "authentication"] = "utility"
    parameters: int | None = None
    header: int | None = None
    buttons: int | None = None
    length: int = 0
    state: State = "approved"
    looks: Looks = msgspec.field(default_factory=Looks)


class Filled(NamedTuple):
    """What a send puts into a template."""

    body: Sequence[str] = ()
    header: Sequence[Any] = ()
    buttons: int = 0


def of_cloud(template: Json) -> Filled:
    """What a Cloud API template object puts in."""
    parts: list[Json] = template.get("components") or []
    found: dict[str, list[Json]] = {"body": [], "header": []}
    for part in parts:
        given = [one if isinstance(one, dict) else {} for one in part.get("parameters") or []]
        found.setdefault(str(part.get("type")).lower(), []).extend(given)
    texts = [str(one.get("text", "")) for one in found["body"]]
    header = [one.get("text") or _link(one) for one in found["header"]]
    return Filled(texts, header, sum(str(part.get("type")).lower() == "button" for part in parts))


def _link(parameter: Json) -> Any:
    media = parameter.get(str(parameter.get("type")))
    return media.get("link", "") if isinstance(media, dict) else ""


class Templates:
    """All templates by name and language."""

    def __init__(self, known: Iterable[Template]) -> None:
        self._known = {(one.name, one.language): one for one in known}

    def __iter__(self) -> Any:
        return iter(self._known.values())

    def put(self, template: Template) -> None:
        """A new template, or a new state of one."""
        self._known[template.name, template.language] = template

    def looks(self, name: str, language: str) -> Looks:
        """How it looks; nothing is known of one that is not configured."""
        known = self._known.get((name, language))
        return known.looks if known else Looks()

    def state(self, name: str, language: str) -> int:
        """The error that every send of this template meets, 0 for none."""
        if not self._known:
            return 0
        known = self._known.get((name, language))
        if known is None:
            return MISSING
        return 0 if known.state == "approved" else _STATES.get(known.state, MISSING)

    def fate(self, name: str, language: str, filled: Filled) -> tuple[str, int]:
        """The pricing category, and the error that this send meets, 0 for none."""
        known = self._known.get((name, language))
        wrong = self.state(name, language)
        if known is None:
            return "utility", wrong
        return known.category, wrong or _filling(known, filled)


def _filling(known: Template, filled: Filled) -> int:
    counts = (
        (known.parameters, len(filled.body)),
        (known.header, len(filled.header)),
        (known.buttons, filled.buttons),
    )
    if any(wanted is not None and wanted != given for wanted, given in counts):
        return COUNT
    if any(_ODD.search(text) for text in filled.body):
        return FORMAT
    header = [one for one in filled.header if isinstance(one, str) and not one.startswith("http")]
    if known.length + sum(map(len, filled.body)) > BODY_MAX or sum(map(len, header)) > HEADER_MAX:
        return TOO_LONG
    return 0
