"""Customers who press nothing: a short way to say a script of people who open, and then write words and samples.

Promises: everybody writes once before anybody writes twice. Leaves to `sandbox.people` and `crowd` all else.
"""

import msgspec

from sandbox.chattigo import messages
from sandbox.people.script import Persona, Step
from sandbox.people.script import Script as People
from sandbox.people.tally import Summary

WORDS = ("hola", "menu", "1", "2", "3", "precio", "gracias", "¿dónde está mi pedido?")


class Script(msgspec.Struct, forbid_unknown_fields=True):
    """What to play. `rate`: messages a second over all lines; `together`: part of the messages that leave in the POST
    of another.

    `types`: names of `messages.SAMPLES` beside plain text, each customer's first message is always the text
    `opening`; `texts`: the share of plain texts from `words`.
    """

    dids: list[str]
    customers: int = 200
    messages: int = 1000
    rate: float = 100.0
    together: float = 0.2
    texts: float = 0.7
    types: list[str] = msgspec.field(default_factory=lambda: [name for name in messages.SAMPLES if name != "text"])
    words: list[str] = msgspec.field(default_factory=lambda: list(WORDS))
    opening: str = "hola"
    seed: int = 1

    def people(self) -> People:
        """The same as a script of people. Raises ValueError."""
        if not self.dids or self.messages < 1:
            raise ValueError("there is no line to write to, or no message")
        some = [Step(say=self.words, weight=self.texts)] if self.texts > 0 and self.words else []
        some += [Step(send=self.types, weight=1 - self.texts)] if self.texts < 1 and self.types else []
        customer = Persona(first=[Step(say=self.opening)], visit=[Step(any=some)])
        return People(
            personas={"customer": customer},
            lines=self.dids,
            people=self.customers,
            turns=self.messages,
            rate=self.rate,
            arrivals="even",
            together=self.together,
            seed=self.seed,
        ).check()


def told(summary: Summary) -> dict[str, float | bool]:
    """How far a run is: what was said, and whether that is all."""
    done = summary.all_said or summary.done
    return {"run": summary.run, "said": summary.said, "done": done, "late_s": round(summary.late_s.most, 3)}
