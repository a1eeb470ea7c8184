"""The knobs as a person sees them: each with its words, in groups by the open question behind it, and which of them
somebody turned.

Promises: every declared knob is described once; a knob counts as turned when it is neither as by default nor as the
profile and the configuration set it. Leaves to `control`: turning them.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from sandbox.chattigo import profiles
from sandbox.chattigo.knobs import Knobs, declared, merged, own
from sandbox.chattigo.ledger import KnobChange
from sandbox.chattigo.world import World

# What nobody documents (Chattigo's facts, section 8); knobs that stand for no question come last.
QUESTIONS = {
    "Q1": "Which forms of Authorization are taken?",
    "Q2": "How long does a token live, and what says so?",
    "Q3": "Does a new login kill the old token?",
    "Q4": "How often may an account log in?",
    "Q5": "What does a 401 for a token look like?",
    "Q6": "What is answered to a batch that is accepted?",
    "Q7": "What if some recipients of a batch are bad?",
    "Q8": "Too many, no, or repeated recipients?",
    "Q9": "Where does a batch name its recipients?",
    "Q10": "Which fields must a batch have, and which may it not?",
    "Q11": "How fast may one be, and what if one is faster?",
    "Q12": "Is a repeated id sent twice?",
    "Q13": "When are windows and templates looked at?",
    "Q14": "What does a cloud line hear of human agents?",
    "Q15": "In which form do receipts of batches and flat messages come?",
    "Q16": "How do receipts misbehave?",
    "Q17": "How does one get the files of customers?",
    "Q18": "How is a webhook tried again?",
    "Q19": "Do webhooks come twice, and several in one POST?",
    "Q20": "How does Chattigo show a webhook who it is?",
    "Q21": "What does a registration answer, and do?",
    "Q22": "Which registration gets what?",
    "Q23": "What if a call names somebody else's number?",
    "Q24": "What is answered to a message that is accepted?",
    "Q25": "What do refusals of messages look like?",
    "Q26": "Which status has throttling?",
    "Q27": "What of fields that nobody knows, on the legacy inbound?",
    "Q28": "Does biz_opaque_callback_data come back?",
    "Q29": "Does a flat line hear that a window opened?",
    "Q30": "In which form are numbers written?",
    "Q31": "Are people named by an id without a number?",
    "Q32": "How long may a text be on flat routes?",
    "Q33": "Which linked files fail?",
    "Q34": "What goes wrong on the wire?",
    "Q35": "Are changes forwarded that are no messages?",
    "Q36": "Does a flat line hear its own words?",
    "": "Beside the questions",
}
EVIDENCE = {
    "DOC": "documented",
    "LIVE": "seen live",
    "META": "assumption: Meta's own",
    "CODE": "assumption: in code alone",
    "SEED": "assumption: in a report",
    "GUESS": "assumption: a guess",
    "INVENTION": "invention",
}


def described() -> list[dict[str, Any]]:
    """Every knob with its words, its default and the values that it takes (a JSON schema), in order."""
    return [
        {
            "name": knob.name,
            "question": knob.about.question,
            "text": knob.about.text,
            "evidence": knob.about.evidence,
            "assumed": knob.about.assumed,
            "default": knob.default,
            "schema": msgspec.json.schema(knob.kind),
        }
        for knob in declared(Knobs())
    ]


def flattened(values: dict[str, Any], areas: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Each knob by its path; `areas` tells which objects are areas of knobs."""
    for name, value in values.items():
        if isinstance(areas.get(name), msgspec.Struct):
            yield from ((f"{name}.{inner}", one) for inner, one in value.items())
        else:
            yield name, value


class Panel:
    """The knobs of one world. What was set when this began counts as the configuration's."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._at_start = own(world.knobs)
        self._before = len(world.ledger.of(KnobChange))

    def standing(self) -> dict[str, Any]:
        """`values` now and `usual` ones by path, the profile that is on, and those that are packaged."""
        areas = msgspec.structs.asdict(Knobs())
        return {
            "profile": self._world.profile,
            "profiles": profiles.names(),
            "values": dict(flattened(msgspec.to_builtins(self._world.knobs), areas)),
            "usual": dict(flattened(self._usual(), areas)),
        }

    def _usual(self) -> dict[str, Any]:
        """What the last switch of a profile set, or the start."""
        switched = [one for one in self._world.ledger.of(KnobChange)[self._before :] if one.profile]
        return merged(msgspec.to_builtins(Knobs()), switched[-1].changes if switched else self._at_start)
