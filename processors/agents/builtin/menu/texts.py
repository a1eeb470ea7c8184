"""Texts in the language of a dialogue, with variables filled in, never longer than WhatsApp shows. Pure.

What the menu itself has to say (a hint for an answer that does not fit, a title that is missing) it says in Spanish,
Portuguese or English; in a language that it does not know, in Spanish.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from processors.agents.builtin.menu.model import Menu, Text, Words
from processors.text import fold

VARIABLE = re.compile(r"\{([A-Za-z_]\w*)\}")
BRACES = re.compile(r"\{[^{}\n]*\}")
USUAL = "es"

_SAID: Mapping[str, Mapping[str, str]] = {
    "unknown": {
        "es": "No entendí. Elige una de las opciones, por favor.",
        "pt": "Não entendi. Escolha uma das opções, por favor.",
        "en": "I did not understand. Please choose one of the options.",
    },
    "changed": {
        "es": "Actualizamos nuestro menú. Empecemos de nuevo, por favor.",
        "pt": "Atualizamos nosso menu. Vamos começar de novo, por favor.",
        "en": "Our menu has changed. Let us start again, please.",
    },
    "choose": {"es": "Elige una opción:", "pt": "Escolha uma opção:", "en": "Choose an option:"},
    "button": {"es": "Ver opciones", "pt": "Ver opções", "en": "See options"},
    "remind": {"es": "¿Sigues ahí?", "pt": "Você ainda está aí?", "en": "Are you still there?"},
    "yes": {"es": "Sí", "pt": "Sim", "en": "Yes"},
    "no": {"es": "No", "pt": "Não", "en": "No"},
    "number": {
        "es": "Escribe un número, por favor.",
        "pt": "Escreva um número, por favor.",
        "en": "Please write a number.",
    },
    "integer": {
        "es": "Escribe un número entero, por favor.",
        "pt": "Escreva um número inteiro, por favor.",
        "en": "Please write a whole number.",
    },
    "date": {
        "es": "Escribe una fecha como 31/12/2026, por favor.",
        "pt": "Escreva uma data como 31/12/2026, por favor.",
        "en": "Please write a date such as 31/12/2026.",
    },
    "time": {
        "es": "Escribe una hora como 15:30, por favor.",
        "pt": "Escreva um horário como 15:30, por favor.",
        "en": "Please write a time such as 15:30.",
    },
    "email": {
        "es": "Escribe un correo como nombre@ejemplo.com, por favor.",
        "pt": "Escreva um e-mail como nome@exemplo.com, por favor.",
        "en": "Please write an address such as name@example.com.",
    },
    "phone": {
        "es": "Escribe un número de teléfono, por favor.",
        "pt": "Escreva um número de telefone, por favor.",
        "en": "Please write a phone number.",
    },
    "yes_no": {
        "es": "Responde sí o no, por favor.",
        "pt": "Responda sim ou não, por favor.",
        "en": "Please say yes or no.",
    },
    "rut": {
        "es": "Ese RUT no es válido. Escríbelo como 12.345.678-5, por favor.",
        "pt": "Esse RUT não é válido. Escreva-o como 12.345.678-5, por favor.",
        "en": "That RUT is not valid. Please write it as 12.345.678-5.",
    },
    "cuit": {
        "es": "Ese CUIT no es válido. Son 11 dígitos, por ejemplo 20-12345678-6.",
        "pt": "Esse CUIT não é válido. São 11 dígitos, por exemplo 20-12345678-6.",
        "en": "That CUIT is not valid. It has 11 digits, such as 20-12345678-6.",
    },
    "dni": {
        "es": "Ese DNI no es válido. Son 7 u 8 dígitos, por favor.",
        "pt": "Esse DNI não é válido. São 7 ou 8 dígitos, por favor.",
        "en": "That DNI is not valid. It has 7 or 8 digits.",
    },
    "image": {"es": "Envía una foto, por favor.", "pt": "Envie uma foto, por favor.", "en": "Please send a photo."},
    "document": {
        "es": "Envía un documento, por favor.",
        "pt": "Envie um documento, por favor.",
        "en": "Please send a document.",
    },
    "audio": {
        "es": "Envía un audio, por favor.",
        "pt": "Envie um áudio, por favor.",
        "en": "Please send a voice note.",
    },
    "video": {"es": "Envía un video, por favor.", "pt": "Envie um vídeo, por favor.", "en": "Please send a video."},
    "location": {
        "es": "Comparte tu ubicación, por favor.",
        "pt": "Compartilhe sua localização, por favor.",
        "en": "Please share your location.",
    },
    "file": {
        "es": "Envía una foto o un documento, por favor.",
        "pt": "Envie uma foto ou um documento, por favor.",
        "en": "Please send a photo or a document.",
    },
}


def own(what: str, language: str) -> str:
    """What the menu itself says; empty where it has nothing to say."""
    said = _SAID.get(what, {})
    return said.get(language) or said.get(base(language)) or said.get(USUAL, "")


def base(language: str) -> str:
    """`pt_BR` is `pt`."""
    return language.replace("-", "_").partition("_")[0].lower()


def spoken(menu: Menu, *wanted: str) -> str:
    """The menu's language for the first of the wanted ones that it has; else its usual one."""
    for language in wanted:
        same = [one for one in menu.languages if one.lower() == language.replace("-", "_").lower()]
        near = [one for one in menu.languages if language and base(one) == base(language)]
        if same or near:
            return (same or near)[0]
    return menu.languages[0] if menu.languages else USUAL


def text_in(text: Text, language: str, usual: Sequence[str] = ()) -> str:
    """The text in a language, else in the usual ones, else in any."""
    if isinstance(text, str):
        return text
    for one in (language, base(language), *usual):
        if text.get(one):
            return text[one]
    return next(iter(text.values()), "")


def texts_of(text: Text) -> Iterator[tuple[str, str]]:
    """Each language (empty: of all) and the text in it."""
    if isinstance(text, str):
        if text:
            yield "", text
    else:
        yield from text.items()


def words_of(words: Words) -> Iterator[str]:
    """All words, of all languages: people mix them."""
    if isinstance(words, str):
        words = [words]
    if isinstance(words, dict):
        for some in words.values():
            yield from words_of(some)
    else:
        yield from filter(None, words)


def means(words: Words, said: str) -> bool:
    """Whether what was said (folded) is one of the words."""
    return bool(said) and any(fold(word) == said for word in words_of(words))


def variables_of(text: str) -> list[str]:
    """The variables that a text names."""
    return VARIABLE.findall(text)


def filled(text: str, values: Mapping[str, str], most: int = 0) -> str:
    """The text with `{variables}`; one that is not known is left out. At most so many characters, 0 for any number."""
    found = VARIABLE.sub(lambda match: values.get(match[1], ""), text).strip()
    return cut(found, most)


def cut(text: str, most: int) -> str:
    """At most so many characters, the last one a sign that there were more; 0 for any number."""
    return text if not most or len(text) <= most else text[: most - 1] + "…"
