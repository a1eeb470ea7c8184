"""A tenant's terms of opting out: which words mean it, what is answered, who is told. Pure.

What the tenant's record does not say is as here: words for each of the tenant's languages, a text in Spanish,
Portuguese and English. Packaged words are those that nobody says to a menu: "salir", "cancelar", "alto", "sair" or
"volver" are a step in a dialogue as often as a farewell, and a person who is heard as opted out by mistake gets nothing
any more. Words of the way back count only for who has opted out, so "alta" stays a word like any other for all others.

Promises: what cannot be read of a record is as if it were not there (`problems` names it when a tenant is applied);
a word is the whole message or none. Leaves to `optouts` what a wish changes.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches
from typing import Any, NamedTuple

from processors.text import fold
from schemas.optout import CATEGORIES
from schemas.tenant import Tenant

TEXT_MAX = 1024
FIELDS = ("words", "more", "back", "categories", "confirm", "agent", "lines", "otp")
OTP = "otp"
Listed = tuple[tuple[str, str], ...]
"""Words with their language; empty where the tenant did not say which."""

_ROOM = 16  # characters behind the longest word in which a folded text mostly grows beyond it
_WORD = re.compile(r"\w")
_HOLE = re.compile(r"\{(\w*)\}")
_HOLES = ("what", "back", "out")
_EVERYWHERE = "stop"  # understood in every language
_OUT = {"es": ("baja", "detener", "desuscribir"), "pt": ("parar", "descadastrar"), "en": ("stop", "unsubscribe")}
_BACK = {
    "es": ("alta", "suscribir", "start"),
    "pt": ("assinar", "inscrever", "start"),
    "en": ("start", "subscribe"),
}
_PROMOS = {"es": "detener promociones", "pt": "parar promoções", "en": "stop promotions"}
_PROMOS_BACK = {"es": "alta promociones", "pt": "assinar promoções", "en": "start promotions"}


class Texts(NamedTuple):
    """What is said to who opted out, and to who is back."""

    out: str
    back: str


_TEXTS = {
    "es": Texts(
        "Listo, no te enviaremos más {what}. Si cambias de opinión, escribe *{back}*.",
        "Listo, vuelves a recibir {what}. Para dejar de recibirlos, escribe *{out}*.",
    ),
    "pt": Texts(
        "Pronto, não enviaremos mais {what}. Se mudar de ideia, escreva *{back}*.",
        "Pronto, você volta a receber {what}. Para não receber mais, escreva *{out}*.",
    ),
    "en": Texts(
        "Done, we will not send you any more {what}. If you change your mind, write *{back}*.",
        "Done, you will get {what} again. To stop them, write *{out}*.",
    ),
}
_PACKAGED = frozenset(text for texts in _TEXTS.values() for text in texts)
_WHAT = {
    "es": {
        "out": "mensajes que no hayas pedido",
        "back": "nuestros mensajes",
        "marketing": "promociones",
        "utility": "avisos",
        "otp": "códigos",
    },
    "pt": {
        "out": "mensagens que você não pediu",
        "back": "nossas mensagens",
        "marketing": "promoções",
        "utility": "avisos",
        "otp": "códigos",
    },
    "en": {
        "out": "messages that you did not ask for",
        "back": "our messages",
        "marketing": "promotions",
        "utility": "updates",
        "otp": "codes",
    },
}
_LATIN = "es"


class Word(NamedTuple):
    """What a word means: opting out of these categories (none: all), or `back` in. `said` is the word as written."""

    said: str
    language: str
    categories: tuple[str, ...] = ()
    back: bool = False


class Terms:
    """`confirms`: the person is told; `agent`: the agent gets the message itself; `everywhere`: a wish is one for all
    lines of the tenant."""

    def __init__(self, tenant: Tenant) -> None:
        said = tenant.optout
        self._spoken = tenant.spoken
        self.out: dict[str, Word] = {}
        self.back: dict[str, Word] = {}
        for word in _all_words(said, self._spoken):
            (self.back if word.back else self.out).setdefault(fold(word.said), word)
        self._longest = max(map(len, (*self.out, *self.back)), default=0)
        confirm = said.get("confirm")
        self.confirms = confirm is not False
        self._texts = _texts(confirm)
        agent = said.get("agent")
        self.agent = agent if isinstance(agent, bool) else not self.confirms
        self.everywhere = said.get("lines") == "all"

    def word(self, said: str, *, is_out: bool) -> Word | None:
        """The word that a message is; those of the way back are none for who `is_out` of nothing."""
        found = only(said, self._longest)
        if not found:
            return None
        return self.out.get(found) or (self.back.get(found) if is_out else None)

    def text(self, word: Word, language: str) -> str:
        """What the person is told in this language, with the words for the other way."""
        spoken = language if language in self._texts else language.partition("_")[0]
        if spoken not in self._texts:
            spoken = next((one for one in self._spoken if one in self._texts), _LATIN)
        names = _WHAT.get(spoken.partition("_")[0], _WHAT[_LATIN])
        values = {
            "what": ", ".join(names.get(one, one) for one in word.categories or (_end(word),)),
            "back": self._example(self.back, spoken, word.categories),
            "out": self._example(self.out, spoken, word.categories),
        }
        written: str = getattr(self._texts[spoken], _end(word))
        if not values["out" if word.back else "back"] and written in _PACKAGED:
            written = written.partition(". ")[0] + "."  # there is no word for the other way
        return _HOLE.sub(lambda hole: values.get(hole[1], hole[0]), written)

    def _example(self, words: Mapping[str, Word], language: str, categories: tuple[str, ...]) -> str:
        """The word to name: of the same categories and the language, as far as there is one."""
        of_kind = [one for one in words.values() if one.categories == categories]
        of_kind = of_kind or [one for one in words.values() if not one.categories]
        theirs = [one for one in of_kind if one.language.partition("_")[0] == language.partition("_")[0]] or of_kind
        return theirs[0].said.upper() if theirs else ""


def _end(word: Word) -> str:
    return "back" if word.back else "out"


_made: dict[str, tuple[Tenant, Terms]] = {}


def terms_of(tenant: Tenant) -> Terms:
    """A tenant's terms, made once for each record of it: a new record is another object."""
    known = _made.get(tenant.tenant)
    if known is None or known[0] is not tenant:
        known = _made[tenant.tenant] = tenant, Terms(tenant)
    return known[1]


def only(said: str, longest: int) -> str:
    """The text folded, if it may be a word of at most so many characters. The beginning of a long text tells that it is
    not; empty then."""
    if not longest:
        return ""
    if len(said) > longest + _ROOM:
        head = fold(said[: longest + _ROOM])
        if len(head) > longest and _WORD.match(head):  # what follows only makes it longer
            return ""
    return fold(said)


def says_only(said: str, wanted: Collection[str]) -> bool:
    """Whether the text, folded, is one of the wanted ones."""
    found = only(said, max(map(len, wanted), default=0))
    return bool(found) and found in wanted


def _all_words(said: Mapping[str, Any], spoken: list[str]) -> Iterator[Word]:
    """The words in the order in which they count: one of everything before one of a category."""
    out = listed(said["words"]) if "words" in said else (*_packaged(_OUT, spoken), ("", _EVERYWHERE))
    yield from (Word(word, language) for language, word in (*out, *listed(said.get("more"))))
    categories = said.get("categories")
    if not isinstance(categories, dict):
        yield from (Word(word, language, ("marketing",)) for language, word in _packaged(_PROMOS, spoken))
    else:
        yield from _of_categories(categories, "words", back=False)
    back = listed(said["back"]) if "back" in said else _packaged(_BACK, spoken)
    yield from (Word(word, language, back=True) for language, word in back)
    if not isinstance(categories, dict):
        packaged = _packaged(_PROMOS_BACK, spoken)
        yield from (Word(word, language, ("marketing",), back=True) for language, word in packaged)
    else:
        yield from _of_categories(categories, "back", back=True)


def _of_categories(categories: Mapping[Any, Any], field: str, *, back: bool) -> Iterator[Word]:
    for name, own in categories.items():
        if isinstance(name, str) and isinstance(own, dict):
            yield from (Word(word, language, (name,), back) for language, word in listed(own.get(field)))


def _packaged(words: Mapping[str, str | tuple[str, ...]], spoken: list[str]) -> Listed:
    return tuple(
        (language, word)
        for language in spoken
        if (own := words.get(language.partition("_")[0]))
        for word in ((own,) if isinstance(own, str) else own)
    )


def listed(written: Any, language: str = "") -> Listed:
    """The words as a tenant wrote them: by language, in a list, or one alone, which is a word and not its letters."""
    match written:
        case str():
            return ((language, written),) if written.strip() else ()
        case dict():
            return tuple(one for name, own in written.items() for one in listed(own, str(name)))
        case list():
            return tuple(one for own in written for one in listed(own, language))
        case _:
            return ()


def _texts(confirm: Any) -> dict[str, Texts]:
    """The tenant's texts by language, and where it has none the packaged ones."""
    texts = dict(_TEXTS)
    for language, own in confirm.items() if isinstance(confirm, dict) else ():
        if isinstance(language, str) and isinstance(own, dict):
            known = texts.get(language) or texts.get(language.partition("_")[0], _TEXTS[_LATIN])
            out, back = (own.get(field) for field in Texts._fields)
            texts[language] = Texts(
                out if isinstance(out, str) and out.strip() else known.out,
                back if isinstance(back, str) and back.strip() else known.back,
            )
    return texts


# -- what is wrong with what a tenant file says


Problem = tuple[tuple[str | int, ...], str]


def problems(said: Mapping[str, Any]) -> Iterator[Problem]:
    """(path below `optout`, what to write instead) for everything that is wrong."""
    for field in said:
        if field not in FIELDS:
            near = get_close_matches(str(field), FIELDS, n=1)
            yield (field,), f"no such field; did you mean {near[0]!r}?" if near else f"known are {', '.join(FIELDS)}"
    if not isinstance(said.get("otp", False), bool):
        yield ("otp",), "true where an opt-out of everything holds for one-time passwords, else false"
    if not isinstance(said.get("agent", False), bool):
        yield ("agent",), "true where the agent gets the message itself, else false"
    if said.get("lines", "own") not in ("own", "all"):
        yield ("lines",), "own: a wish is for the line where it was said; all: for every line of the tenant"
    for field in ("words", "more", "back"):
        yield from _wrong_words(said.get(field), (field,))
    yield from _wrong_categories(said.get("categories", {}))
    yield from _wrong_texts(said.get("confirm", {}))
    yield from _said_twice(said)


def _wrong_words(written: Any, path: tuple[str | int, ...]) -> Iterator[Problem]:
    match written:
        case None:
            return
        case str():
            if not fold(written):
                yield path, "a word is at least one letter"
        case dict() | list():
            for name, own in written.items() if isinstance(written, dict) else enumerate(written):
                yield from _wrong_words("" if own is None else own, (*path, name))
        case bool():
            yield path, "YAML reads yes, no, on and off as true and false; put the word in quotes"
        case _:
            yield path, "a word, a list of words, or words by language: {es: [baja], en: [stop]}"


def _wrong_categories(written: Any) -> Iterator[Problem]:
    if not isinstance(written, dict):
        yield ("categories",), "words by category: {marketing: {words: {es: [baja promos]}, back: {es: [alta promos]}}}"
        return
    for name, own in written.items():
        path = ("categories", name)
        if name not in (*CATEGORIES, OTP):
            yield path, f"no such category; there are {', '.join((*CATEGORIES, OTP))}"
        elif not isinstance(own, dict) or set(own) - {"words", "back"}:
            yield path, "has `words` and, for the way back, `back`"
        else:
            for field in own:
                yield from _wrong_words(own[field], (*path, field))


def _wrong_texts(written: Any) -> Iterator[Problem]:
    if written is False or written is True:
        return
    if not isinstance(written, dict):
        yield ("confirm",), "false, or texts by language: {es: {out: …, back: …}}"
        return
    for language, own in written.items():
        path = ("confirm", language)
        if not isinstance(own, dict) or set(own) - set(Texts._fields):
            yield path, "has `out` (said to who opts out) and `back`"
            continue
        for field, text in own.items():
            if not isinstance(text, str) or not 0 < len(text.strip()) <= TEXT_MAX:
                yield (*path, field), f"a text of at most {TEXT_MAX} characters"
            elif unknown := [hole for hole in _HOLE.findall(text) if hole not in _HOLES]:
                yield (*path, field), f"{{{unknown[0]}}} is not known; there are {{what}}, {{back}}, {{out}}"


def _said_twice(said: Mapping[str, Any]) -> Iterator[Problem]:
    """A word that means two things means the first."""
    seen: dict[str, Word] = {}
    for word in _all_words(said, []):
        before = seen.setdefault(fold(word.said), word)
        if (before.categories, before.back) != (word.categories, word.back):
            yield (("back",) if word.back else ("categories",)), f"{word.said!r} stands for two things"
