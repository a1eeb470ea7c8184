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
    "between": {"es": "de {} a {}", "pt": "de {} a {}", "en": "{} to {}"},
    "number": {"es": "Debe ser un número.", "pt": "Deve ser um número.", "en": "It must be a number."},
    "integer": {
        "es": "Debe ser un número entero.",
        "pt": "Deve ser um número inteiro.",
        "en": "It must be a whole number.",
    },
    "date": {
        "es": "Debe ser una fecha, por ejemplo 31/12/2026.",
        "pt": "Deve ser uma data, por exemplo 31/12/2026.",
        "en": "It must be a date, such as 31/12/2026.",
    },
    "time": {
        "es": "Debe ser una hora, por ejemplo 15:30.",
        "pt": "Deve ser um horário, por exemplo 15:30.",
        "en": "It must be a time, such as 15:30.",
    },
    "email": {
        "es": "Debe ser un correo, por ejemplo nombre@ejemplo.com.",
        "pt": "Deve ser um e-mail, por exemplo nome@exemplo.com.",
        "en": "It must be an e-mail address, such as name@example.com.",
    },
    "phone": {
        "es": "Debe ser un número de teléfono.",
        "pt": "Deve ser um número de telefone.",
        "en": "It must be a phone number.",
    },
    "yes_no": {"es": "La respuesta es sí o no.", "pt": "A resposta é sim ou não.", "en": "The answer is yes or no."},
    "rut": {
        "es": "Ese RUT no es válido. Un ejemplo: 12.345.678-5.",
        "pt": "Esse RUT não é válido. Um exemplo: 12.345.678-5.",
        "en": "That RUT is not valid. An example: 12.345.678-5.",
    },
    "cuit": {
        "es": "Ese CUIT no es válido. Un ejemplo: 20-12345678-6.",
        "pt": "Esse CUIT não é válido. Um exemplo: 20-12345678-6.",
        "en": "That CUIT is not valid. An example: 20-12345678-6.",
    },
    "dni": {
        "es": "Ese DNI no es válido: son 7 u 8 dígitos.",
        "pt": "Esse DNI não é válido: são 7 ou 8 dígitos.",
        "en": "That DNI is not valid: it has 7 or 8 digits.",
    },
    "image": {"es": "Aquí hace falta una foto.", "pt": "Aqui é preciso uma foto.", "en": "A photo is needed here."},
    "document": {
        "es": "Aquí hace falta un documento.",
        "pt": "Aqui é preciso um documento.",
        "en": "A document is needed here.",
    },
    "audio": {
        "es": "Aquí hace falta un audio.",
        "pt": "Aqui é preciso um áudio.",
        "en": "A voice note is needed here.",
    },
    "video": {"es": "Aquí hace falta un video.", "pt": "Aqui é preciso um vídeo.", "en": "A video is needed here."},
    "location": {
        "es": "Aquí hace falta una ubicación compartida.",
        "pt": "Aqui é preciso uma localização compartilhada.",
        "en": "A shared location is needed here.",
    },
    "file": {
        "es": "Aquí hace falta una foto o un documento.",
        "pt": "Aqui é preciso uma foto ou um documento.",
        "en": "A photo or a document is needed here.",
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
