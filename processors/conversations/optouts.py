"""What a person does not want to receive: words, commands, and the record on `optouts` that egress obeys."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from processors.conversations.draft import Draft
from processors.text import fold
from schemas.optout import CATEGORIES, Optout
from schemas.tenant import Tenant

_ROOM = 16  # characters behind the longest word in which a folded text mostly grows beyond it
_WORD = re.compile(r"\w")
_made: dict[str, tuple[Tenant, tuple[str, ...]]] = {}


def said_optout(draft: Draft, said: str) -> None:
    """A message that is one of the tenant's opt-out words, and nothing else, opts out of everything."""
    if says_only(said, _wanted(draft.place.tenant)):
        opt_out(draft, [], "word")


def says_only(said: str, wanted: Sequence[str]) -> bool:
    """Whether the text, folded, is one of the wanted ones. The beginning of a long text tells that it is not."""
    if not wanted:
        return False
    longest = max(map(len, wanted))
    if len(said) > longest + _ROOM:
        head = fold(said[: longest + _ROOM])
        if len(head) > longest and _WORD.match(head):  # what follows only makes it longer
            return False
    found = fold(said)
    return bool(found) and found in wanted


def _wanted(tenant: Tenant) -> tuple[str, ...]:
    """A tenant's words, folded once for each record of it: a new record is another object."""
    known = _made.get(tenant.tenant)
    if known is None or known[0] is not tenant:
        folded = tuple(fold(word) for word in _words(tenant.optout.get("words")))
        known = _made[tenant.tenant] = tenant, folded
    return known[1]


def _words(written: Any) -> Iterator[str]:
    """The words as a tenant wrote them: by language, in a list, or one alone, which is a word and not its letters."""
    if isinstance(written, str):
        yield written
    elif isinstance(written, dict | list):
        for part in written.values() if isinstance(written, dict) else written:
            yield from _words(part)


def opt_out(draft: Draft, categories: list[str], why: str) -> None:
    """Want less: categories are added to those not wanted (empty: all)."""
    before = draft.state.optout
    everything = not categories or before == []
    draft.state.optout = [] if everything else sorted({*categories, *(before or ())})
    _write(draft, why)


def opt_in(draft: Draft, categories: list[str]) -> None:
    """Want more: categories are taken off those not wanted (empty: all)."""
    before = draft.state.optout
    unwanted = set(before or (CATEGORIES if before is not None else ())) - set(categories)
    draft.state.optout = sorted(unwanted) if categories and unwanted else None
    _write(draft, "opt_in")


def unite(draft: Draft, categories: list[str] | None) -> None:
    """The person has not wanted these under another key either (None: no such wish): it is this contact's wish now."""
    if categories is not None:
        opt_out(draft, categories, "joined")


def _write(draft: Draft, why: str) -> None:
    state = draft.state
    tenant = draft.place.tenant.tenant
    draft.optout(
        None
        if state.optout is None
        else Optout(tenant=tenant, since_ms=draft.received_ms, why=why, categories=state.optout)
    )
    draft.count("opted_out" if state.optout is not None else "opted_in")
