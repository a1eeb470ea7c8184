"""What a turn becomes when its moment has come: messages, as WhatsApp writes them. Pure.

Promises: from the same script, turn and offer come the same messages. A person never waits: who was offered nothing
says what they say otherwise.
"""

from sandbox.chattigo import messages
from sandbox.chattigo.dice import Dice
from sandbox.chattigo.messages import Json
from sandbox.people.offers import Choice, Offer
from sandbox.people.schedule import Turn
from sandbox.people.script import Script, Step, Texts, texts

LOST = "¿hola?"


class Wits:
    """How people of a script speak."""

    def __init__(self, script: Script) -> None:
        self._script, self._dice = script, Dice(script.seed)

    def messages(self, turn: Turn, offer: Offer | None) -> list[Json]:
        """What is written: one message, or those of a burst. `offer`: what the business said last, if it said
        anything."""
        step = turn.step
        if step.burst is not None:
            return [messages.text(self._filled(turn, text)) for text in step.burst]
        if step.send is not None:
            return [self._sample(turn)]
        if step.do is not None:
            return [self._done(turn)]
        if offer is not None and step.answer is not None:
            return [messages.text(self._pick(turn, step.answer)) | {"context": {"id": offer.wamid}}]
        if offer is not None and step.react is not None:
            return [messages.reaction(offer.wamid, self._pick(turn, step.react) or None)]
        return [self._chosen(turn, step, offer) if step.choose is not None else self._said(turn, step)]

    def _said(self, turn: Turn, step: Step) -> Json:
        found = step.say if step.say is not None else step.otherwise
        return messages.text(self._pick(turn, LOST if found is None else found))

    def _chosen(self, turn: Turn, step: Step, offer: Offer | None) -> Json:
        wanted = self._pick(turn, step.choose or "any")
        choice = self._choice(turn, wanted, offer.choices if offer else ())
        if choice is not None and offer is not None:
            return pressed(choice, offer.wamid, turn.who.name)
        title = LOST if wanted in ("any", "first", "last") else wanted
        return messages.text(self._pick(turn, title if step.otherwise is None else step.otherwise))

    def _choice(self, turn: Turn, wanted: str, choices: tuple[Choice, ...]) -> Choice | None:
        if not choices:
            return None
        if wanted in ("first", "last"):
            return choices[0 if wanted == "first" else -1]
        if wanted == "any":
            return self._dice.pick(choices, "choice", turn.ordinal)
        return next((one for one in choices if wanted.casefold() in (one.title.casefold(), one.id.casefold())), None)

    def _sample(self, turn: Turn) -> Json:
        name = self._dice.pick(texts(turn.step.send), "sample", turn.ordinal)
        if name == "number_change":
            return messages.moved(turn.who.contact)
        return messages.SAMPLES[name](self._dice.digest("sample", turn.who.contact, turn.ordinal, size=6).hex())

    def _done(self, turn: Turn) -> Json:
        words = self._script.words
        if turn.step.do == "move":
            return messages.number_change(turn.who.contact, turn.moved_to)
        return messages.text({"optout": words.optout, "optin": words.optin}.get(turn.step.do or "", words.human))

    def _pick(self, turn: Turn, value: Texts) -> str:
        return self._filled(turn, self._dice.pick(texts(value), "text", turn.ordinal))

    @staticmethod
    def _filled(turn: Turn, text: str) -> str:
        return text.replace("{name}", turn.who.name)


def pressed(choice: Choice, wamid: str, name: str) -> Json:
    """The message of a press."""
    if choice.kind == "button_reply":
        return messages.button_reply(choice.id, choice.title, answers=wamid)
    if choice.kind == "list_reply":
        return messages.list_reply(choice.id, choice.title, description=choice.description, answers=wamid)
    if choice.kind == "button":
        return messages.button(choice.id, choice.title, answers=wamid)
    if choice.kind == "nfm_reply":
        return messages.nfm_reply({"flow_token": choice.id, "name": name}, answers=wamid)
    return messages.text(choice.id)
