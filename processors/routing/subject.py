"""What rules look at: one event and what is known of its conversation. What costs time is reckoned once, if asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from processors.text import spread
from schemas.content import AnyContent, choice, words
from schemas.inbound import InboundEvent, Owner

WORDS_MAX = 4096
"""Keywords are looked for in so many characters: as long as WhatsApp's longest text."""


@dataclass(kw_only=True, slots=True)
class Subject:
    """An event as rules see it; nobody changes one.

    `new_contact`: the person never wrote on this line before (as far as is remembered). `at_ms` is the event's own.
    """

    did: str
    kind: str
    owner: Owner = "bot"
    content: AnyContent | None = None
    referral: Mapping[str, Any] | None = None
    new_contact: bool = False
    language: str = ""
    at_ms: int = 0
    _said: str | None = field(default=None, init=False)
    _spread: str | None = field(default=None, init=False)
    _folded: str | None = field(default=None, init=False)
    _words: frozenset[str] | None = field(default=None, init=False)

    @classmethod
    def of(cls, event: InboundEvent, *, new_contact: bool) -> Subject:
        """The subject of an event with the facts that it carries."""
        return cls(
            did=event.did,
            kind=event.kind,
            owner=event.facts.owner,
            content=event.content,
            referral=event.referral,
            new_contact=new_contact,
            language=event.facts.language,
            at_ms=event.at_ms,
        )

    @property
    def said(self) -> str:
        """The person's words: text, caption, or the title of a choice."""
        if self._said is None:
            self._said = words(self.content) if self.content else ""
        return self._said

    @property
    def spread(self) -> str:
        """The words folded, each between blanks, so that a whole word can be found; of signs alone, the signs."""
        if self._spread is None:
            said = self.said[:WORDS_MAX]
            found = spread(said)
            self._spread = f" {' '.join(said.split()) if not found or found.isspace() else found} " if said else ""
        return self._spread

    @property
    def folded(self) -> str:
        """The same with one blank between two words, so that several can be found side by side."""
        if self._folded is None:
            self._folded = f" {' '.join(self.spread.split())} " if self.said else ""
        return self._folded

    @property
    def word_set(self) -> frozenset[str]:
        """The folded words one by one."""
        if self._words is None:
            self._words = frozenset(self.spread.split())
        return self._words

    @property
    def chosen(self) -> str:
        """The id of the button or row that was pressed."""
        return choice(self.content) if self.content else ""

    def source(self, name: str) -> str:
        """`source_type` or `source_id` of the referral, as text."""
        value = self.referral.get(name) if self.referral else None
        return str(value) if isinstance(value, str | int) else ""
