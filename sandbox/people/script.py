"""Scripts: who writes, what they do, how many they are, and at which rate.

Promises: a file with an unknown field, a step that does two things or none, a persona who never writes, is refused with
words that name it. Leaves to `schedule` when somebody's turn is, to `wits` what a step becomes.
"""

from pathlib import Path
from typing import Any, Literal

import msgspec

from sandbox.chattigo import messages

NAMES = ("Ana", "Bruno", "Carla", "Diego", "Elena", "Fabián", "Gabriela", "Hugo")
DEEDS = ("say", "burst", "choose", "answer", "send", "react", "do", "silent", "any")
Texts = str | list[str]


class Step(msgspec.Struct, forbid_unknown_fields=True):
    """One thing that a person does: exactly one of the fields before `otherwise`.

    `say`: a text, or one of several by chance; `{name}` is the person's. `burst`: all of these, one message each, in
    quick succession. `choose`: presses the button, or chooses the row, of that title among what the business offered
    last; `any` takes one by chance, `first` and `last` by their place. `answer`: a text that quotes what the business
    said last. `send`: a sample of `sandbox.chattigo.messages`, or one of several by chance. `react`: to what the
    business said last; an empty one takes it back. `do`: the words `optout`, `optin`, `human` of the script, `move` to
    a new number, `leave` for good (somebody new comes instead). `silent`: so many turns pass without a word. `any`:
    one of these steps by chance, by their `weight`.

    `otherwise`: what is said when nothing was offered, or nothing was heard, to choose from, to quote or to react to;
    without it a title that was to be chosen is typed, as people do. `expects`: whether an answer is waited for;
    without it all but a reaction and a move is.
    """

    say: Texts | None = None
    burst: list[str] | None = None
    choose: Texts | None = None
    answer: Texts | None = None
    send: Texts | None = None
    react: Texts | None = None
    do: Literal["optout", "optin", "human", "move", "leave"] | None = None
    silent: int | None = None
    any: list["Step"] | None = None
    otherwise: Texts | None = None
    expects: bool | None = None
    weight: float = 1.0

    @property
    def deed(self) -> str:
        """Which of the fields it is; for `do` what is done."""
        name = next(name for name in DEEDS if getattr(self, name) is not None)
        return str(self.do) if name == "do" else name

    def calls(self) -> bool:
        """Whether an answer is expected."""
        return self.deed not in ("react", "move") if self.expects is None else self.expects

    def writes(self) -> bool:
        """Whether a turn of it always sends something."""
        if self.any is not None:
            return all(step.writes() for step in self.any)
        return self.silent is None and self.do != "leave"

    def check(self, where: str) -> None:
        """Raises ValueError."""
        given = [name for name in DEEDS if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(
                f"{where}: a step is exactly one of {', '.join(DEEDS)}; this is {', '.join(given) or 'none'}"
            )
        value = getattr(self, given[0])
        if value == [] or (value == "" and given[0] != "react") or (self.silent is not None and self.silent < 1):
            raise ValueError(f"{where}: {given[0]} is empty")
        unknown = [name for name in texts(self.send) if name not in messages.SAMPLES]
        if unknown:
            raise ValueError(f"{where}: no sample {', '.join(unknown)}; there are {', '.join(messages.SAMPLES)}")
        if self.weight <= 0:
            raise ValueError(f"{where}: weight must be above 0")
        for number, step in enumerate(self.any or (), 1):
            if step.any is not None:
                raise ValueError(f"{where}: any within any")
            step.check(f"{where}, any {number}")


class Persona(msgspec.Struct, forbid_unknown_fields=True):
    """A kind of person: `first` is done once, `visit` again and again; who has no `visit` leaves after `first`, and
    somebody new comes. `weight`: how many of the people are such, beside the other personas' weights."""

    first: list[Step] = []
    visit: list[Step] = []
    weight: float = 1.0
    names: list[str] = msgspec.field(default_factory=lambda: list(NAMES))

    def check(self, where: str) -> None:
        """Raises ValueError."""
        for part in ("first", "visit"):
            for number, step in enumerate(getattr(self, part), 1):
                step.check(f"{where}: {part} {number}")
        if not any(step.writes() for step in self.visit or self.first):
            raise ValueError(f"{where}: never surely writes")
        if self.weight <= 0 or not self.names:
            raise ValueError(f"{where}: weight must be above 0, and there must be names")


class Words(msgspec.Struct, forbid_unknown_fields=True):
    """What the business takes for a wish."""

    optout: str = "baja"
    optin: str = "alta"
    human: str = "humano"


class Script(msgspec.Struct, forbid_unknown_fields=True):
    """Who writes how much, from one seed.

    `people`: how many at a time, shared out over `lines` (dids; none: every line of WhatsApp that the sandbox has);
    `first`: the number of the first of them, so that two scripts can have different people. `rate`: turns a second over
    all lines, whatever is answered; `arrivals`: by chance in time (`poisson`) or at equal distances. `for_s`: for how
    long, unless `turns` says how many. `together`: turns that share a POST with the one before. `apart_s`: between the
    messages of a burst. `patience_s`: after which a person has waited in vain.
    """

    personas: dict[str, Persona]
    seed: int = 1
    lines: list[str] = []
    people: int = 100
    first: int = 0
    rate: float = 10.0
    arrivals: Literal["poisson", "even"] = "poisson"
    for_s: float = 60.0
    turns: int = 0
    together: float = 0.0
    apart_s: tuple[float, float] = (0.1, 0.5)
    patience_s: float = 30.0
    words: Words = msgspec.field(default_factory=Words)

    def check(self) -> "Script":
        """Itself; raises ValueError."""
        if not self.personas:
            raise ValueError("there is no persona")
        for name, persona in self.personas.items():
            persona.check(f"persona {name}")
        bounds = {"people": self.people >= 1, "rate": self.rate > 0, "first": self.first >= 0, "turns": self.turns >= 0}
        bounds |= {"together": 0 <= self.together <= 0.9, "patience_s": self.patience_s > 0, "for_s": self.for_s > 0}
        bounds |= {"apart_s": 0 <= self.apart_s[0] <= self.apart_s[1]}
        wrong = [name for name, fine in bounds.items() if not fine]
        if wrong:
            raise ValueError(f"out of bounds: {', '.join(wrong)}")
        return self


def texts(value: Texts | None) -> list[str]:
    """One or several as a list."""
    return [] if value is None else [value] if isinstance(value, str) else value


def loads(data: bytes, **changes: Any) -> Script:
    """The script of a YAML (or JSON) text; `changes` replace its fields. Raises msgspec.ValidationError or
    ValueError."""
    return msgspec.structs.replace(msgspec.yaml.decode(data, type=Script), **changes).check()


def load(path: str | Path, **changes: Any) -> Script:
    """The script of a file; raises OSError, too."""
    return loads(Path(path).read_bytes(), **changes)


def standard(**changes: Any) -> Script:
    """People of all kinds, who do everything that people can."""
    return load(Path(__file__).with_name("standard.yaml"), **changes)
