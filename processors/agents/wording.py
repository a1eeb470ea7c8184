"""Texts that a tenant gives in one language or in several: `say: "…"`, or `say: {es: "…", pt: "…"}`."""

from __future__ import annotations

import re
from collections.abc import Mapping

from processors.text import tongue

Wording = str | dict[str, str]
USUAL = "es"
_LANGUAGE = re.compile("[a-z]{2,3}(_[A-Z]{2})?")


def worded(wording: str | Mapping[str, str], language: str) -> str:
    """The text in the conversation's language, else in Spanish, else in the first that there is."""
    if isinstance(wording, str):
        return wording
    for wanted in (language, language.replace("-", "_"), tongue(language), USUAL):
        if wanted in wording:
            return wording[wanted]
    return next(iter(wording.values()), "")


def strange(wording: str | Mapping[str, str]) -> list[str]:
    """Keys of a wording that are no languages."""
    return [] if isinstance(wording, str) else [name for name in wording if not _LANGUAGE.fullmatch(name)]
