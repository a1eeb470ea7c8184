"""How a knob is declared: its type and bounds, the question that it stands for, what is known of its default, and
what it turns. `docs/reference/sandbox.md` is made of these words.

Promises: `declared` gives every knob of a nest of structs once, in order; a knob without its words is an error.
"""

from collections.abc import Iterator
from typing import Annotated, Any, Literal, NamedTuple, get_type_hints

import msgspec

Evidence = Literal["DOC", "LIVE", "META", "CODE", "SEED", "GUESS", "INVENTION"]
"""Documented by Chattigo; seen live; documented by Meta; in code never seen to run; in a report; inferred; ours."""
CERTAIN = ("DOC", "LIVE")

Probability = Annotated[float, msgspec.Meta(ge=0, le=1)]
Seconds = Annotated[float, msgspec.Meta(ge=0)]
Rate = Annotated[float, msgspec.Meta(ge=0)]
Range = tuple[Seconds, Seconds]


class About(NamedTuple):
    """`question`: Q1 to Q36, or empty; `evidence`: of the default; `text`: what the knob turns."""

    question: str
    evidence: Evidence
    text: str

    @property
    def assumed(self) -> bool:
        """Whether the default is an assumption: neither documented by Chattigo nor seen live."""
        return self.evidence not in CERTAIN


class Declared(NamedTuple):
    """A knob: its path (`webhooks.retry_s`), its type as written, its default, its words."""

    name: str
    kind: Any
    default: Any
    about: About


def declared(knobs: msgspec.Struct, prefix: str = "") -> Iterator[Declared]:
    """Every knob of these and of the areas inside; raises TypeError for one without words."""
    hints = get_type_hints(type(knobs), include_extras=True)
    for name in knobs.__struct_fields__:
        value, path = getattr(knobs, name), f"{prefix}{name}"
        if isinstance(value, msgspec.Struct):
            yield from declared(value, f"{path}.")
            continue
        words = [one for one in getattr(hints[name], "__metadata__", ()) if isinstance(one, About)]
        if len(words) != 1:
            raise TypeError(f"knob {path} says not what it is about")
        yield Declared(path, hints[name], value, words[0])
