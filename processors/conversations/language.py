"""Which language a person writes in, among those that the tenant works in: a small guess, made by words alone. Pure.

It knows Spanish, Portuguese and English by words that are common in one of them and not in the others, and by
letters that only one has. It is sticky: a first guess needs some evidence, a change much more, so that a greeting or a
product's name in another language changes nothing. A language that it does not know is never guessed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from processors.text import tongue

FIRST = 1.0  # evidence by which the best must lead for a first guess
CHANGE = 3.0  # and for giving up the one that a conversation has
_TOKENS_MAX = 60
_TEXT_MAX = 1000

_NO_WORDS = re.compile(r"(https?://|www\.)\S+|\S+@\S+|\b[\w-]+\.(com|net|org|br|ar|cl|mx|es|pt)\b\S*")
_TOKENS = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")

_WORDS = {
    "es": """
        el la los las un una unos unas del al y pero muy hay hola buen buenos buenas dias días tardes noches gracias
        quiero quisiera necesito tengo tiene tienen puedo puede pueden hacer cuanto cuánto cuesta precio donde dónde
        cuando cuándo esta está están estoy soy eres es son fue con mi mis tu usted ustedes ayuda favor qué cómo cuál
        cuáles aquí ahora también mañana hoy ayer sí ya lo le les yo nosotros hasta luego bien todavía todavia llegó
        llego pedido comprar envío envio hablar alguien persona sin sobre cuenta entonces porque ningún otra otro
    """,
    "pt": """
        os um uma uns umas dos das ao aos à em na nas com e mas muito muita há tem têm olá oi bom boa
        noite obrigado obrigada obg quero queria gostaria preciso tenho posso pode podem fazer quanto custa
        preço preco onde quando está estão estou sou é são foi meu minha meus minhas seu sua você voce vocês vc vcs
        ajuda favor qual quais aqui agora também tambem amanhã amanha hoje ontem sim não nao já eu nós até logo tudo
        bem ainda chegou pedido comprar falar alguém alguem pessoa sem sobre conta então entao porque nenhum outra
        outro pra tá ta tô né isso esse essa
    """,
    "en": """
        the an and but very there hello hi hey good morning afternoon evening thanks thank you please want would like
        need have has had can could make how much many price cost where when is are am was were with my your his her
        help what which who here now also tomorrow today yesterday yes not don't i we they it its it's this that these
        those of to in on for from still arrived order buy shipping talk speak someone person without about account
        then because any other hasn't haven't i'm i'd what's
    """,
}
_LETTERS = {"es": re.compile("[ñ¿¡]"), "pt": re.compile("[ãõçâêô]|lh|nh")}


def _only_of_one(words: dict[str, str]) -> dict[str, str]:
    """word: language, for the words that stand in one list alone."""
    lists = {language: set(text.split()) for language, text in words.items()}
    return {
        word: language
        for language, own in lists.items()
        for word in own
        if not any(word in other for name, other in lists.items() if name != language)
    }


_LANGUAGE_OF = _only_of_one(_WORDS)
KNOWN = frozenset(_WORDS)


def evidence(text: str, languages: Sequence[str]) -> dict[str, float]:
    """How much speaks for each of the languages that are known here: words, and letters that only one has."""
    meant = {tongue(language): language for language in reversed(languages)}  # pt_BR is written like pt
    scores = {meant[base]: 0.0 for base in meant if base in KNOWN}
    plain = _NO_WORDS.sub(" ", text[:_TEXT_MAX].casefold())
    for token in dict.fromkeys(_TOKENS.findall(plain)[:_TOKENS_MAX]):
        language = meant.get(_LANGUAGE_OF.get(token, ""), "")
        if language:
            scores[language] += 1
    for base, letters in _LETTERS.items():
        if base in meant and letters.search(plain):
            scores[meant[base]] += 1
    return scores


def heard(known: str, text: str, languages: Sequence[str]) -> str:
    """The language of a conversation after this text; `known` is the one before it, empty for none yet.

    A language that the tenant does not work in any more is forgotten.
    """
    known = known if known in languages else ""
    if len(languages) < 2 or not text:
        return known
    scores = evidence(text, languages)
    ranked = sorted(scores, key=lambda language: -scores[language])
    if not ranked or ranked[0] == known:
        return known
    best = ranked[0]
    rival = scores.get(known, 0.0) if known else max((scores[one] for one in ranked[1:]), default=0.0)
    return best if scores[best] - rival >= (CHANGE if known else FIRST) else known
