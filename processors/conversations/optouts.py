"""What a person does not want to receive: the wish in the state, its record on `optouts`, and who hears of a change.

A change is told once: to the taps always, to the other lines of the tenant where it says so, and to the person who said
it in a word, in a message whose id is of that event. A wish that is the same as before is no change.
"""

from __future__ import annotations

from typing import NamedTuple

from msgspec.structs import replace

from processors.conversations.draft import Draft
from processors.conversations.routed import tap
from processors.conversations.terms import Word, terms_of
from schemas import ids
from schemas.content import AnyContent, TemplateButton, Text
from schemas.inbound import EventKind, InboundEvent, OptIn, OptOut
from schemas.optout import CATEGORIES, Optout
from schemas.outbound import OutboundMessage
from schemas.record import encode
from schemas.session import Text as Said

BY = "conversations"
WORD = "word"
_PROVIDER = "131050"
_ALL = ["all"]


class Cause(NamedTuple):
    """Why a wish changed: by whose order or word (`by`, `why`), under which id, and when it was said."""

    id: str
    by: str
    why: str
    at_ms: int


def said(draft: Draft, content: AnyContent | None) -> Word | None:
    """The word of the tenant that a message is: a text or a template's button. A press in a menu means what the menu
    says, and a caption is not the whole message."""
    match content:
        case Text(body=text) | TemplateButton(text=text):
            return terms_of(draft.place.tenant).word(text, is_out=draft.state.optout is not None)
        case _:
            return None


def obey(draft: Draft, word: Word) -> bool:
    """Change the wish as the word says; whether that is a change."""
    change = opt_in if word.back else opt_out
    return change(draft, list(word.categories), WORD)


def instead(draft: Draft, word: Word, event: InboundEvent) -> InboundEvent | None:
    """What the agent gets in place of the message, which is answered already; None where it gets the message."""
    if terms_of(draft.place.tenant).agent:
        return None
    return replace(event, kind=_kind(back=word.back), extra={**event.extra, "by": WORD, "unwanted": unwanted(draft)})


def answer(draft: Draft, word: Word, event: InboundEvent, *, changed: bool) -> None:
    """Tell the other lines of a word, and the taps and the person of the change that it made."""
    cause = Cause(event.id, WORD, WORD, event.at_ms)
    share(draft, cause, list(word.categories), back=word.back)
    if changed:
        announce(draft, cause, back=word.back)
        _confirm(draft, word, event)


def _confirm(draft: Draft, word: Word, event: InboundEvent) -> None:
    terms, place = terms_of(draft.place.tenant), draft.place
    account = place.tenant.account_for(place.line, "session")
    if not terms.confirms:
        return
    if draft.state.owner == "human" and account is not None and account.service == "bot":
        draft.count("unconfirmed", "human_owns")  # there a bot must not speak; the human sees the message
        return
    draft.to_line(
        OutboundMessage(
            id=ids.message_id(draft.did, event.id, BY, 0),
            tenant=event.tenant,
            did=draft.did,
            contact=place.contact,
            to=draft.state.reply_to or place.contact,
            content=Said(body=terms.text(word, _language(draft, word))),
            cause=event.id,
            agent=BY,
            window_expires_ms=draft.state.window_expires_ms(draft.world.rules.window_ms),
            at_ms=draft.now_ms,
        )
    )
    draft.count("confirmed", _kind(back=word.back))


def _language(draft: Draft, word: Word) -> str:
    """The conversation's; of a person who has shown none, the word's if the tenant speaks it."""
    shown = draft.state.language
    if not shown and word.language in draft.place.tenant.spoken:
        return word.language
    return shown or draft.place.language


def announce(draft: Draft, cause: Cause, *, back: bool) -> None:
    """Tell the taps of a change, but not the one that made it."""
    kind = _kind(back=back)
    event = InboundEvent(
        id=f"{cause.id}.{kind}",
        tenant=draft.tenant,
        did=draft.did,
        contact=draft.place.contact,
        reply_to=draft.state.reply_to or draft.place.contact,
        kind=kind,
        at_ms=cause.at_ms,
        facts=draft.facts(),
        extra={"by": cause.by, "why": cause.why, "unwanted": unwanted(draft)},
    )
    tap(draft, event, without=cause.by)


def share(draft: Draft, cause: Cause, categories: list[str], *, back: bool, silent: bool = False) -> None:
    """Where a wish is one for all lines of the tenant: the same order to the person's conversation on every other one,
    also where it changes nothing here."""
    contact = draft.place.contact
    if not terms_of(draft.place.tenant).everywhere:
        return
    for line in draft.place.tenant.lines:
        if line.did == draft.did:
            continue
        name = ids.digest("optout", draft.did, cause.id, line.did)
        order = OptIn if back else OptOut
        command = order(
            id=name, tenant=draft.tenant, did=line.did, contact=contact, at_ms=draft.received_ms, by=cause.by,
            categories=categories, spread=True, silent=silent, why=cause.why,
        )  # fmt: skip
        draft.to_conversation(contact, encode(command), "command", did=line.did, record_id=name)


def outdated(draft: Draft, order: OptOut | OptIn) -> bool:
    """Whether the person has said otherwise here after what another line tells. Between two wishes of one moment, the
    one that wants less stands."""
    if not order.spread:
        return False
    if isinstance(order, OptIn):
        return order.at_ms <= draft.state.wished_ms
    return draft.state.optout is None and order.at_ms < draft.state.wished_ms


def unwanted(draft: Draft) -> list[str]:
    """The categories that the person does not want now; `all` for an opt-out of everything."""
    wish = draft.state.optout
    return [] if wish is None else list(wish) or _ALL


def opt_out(draft: Draft, categories: list[str], why: str) -> bool:
    """Want less: categories are added to those not wanted (empty: all). Whether that changes anything."""
    before = draft.state.optout
    everything = not categories or before == []
    return _wish(draft, [] if everything else sorted({*categories, *(before or ())}), why)


def opt_in(draft: Draft, categories: list[str], why: str = "opt_in") -> bool:
    """Want more: categories are taken off those not wanted (empty: all). Whether that changes anything."""
    before = draft.state.optout
    left = set(before or (CATEGORIES if before is not None else ())) - set(categories)
    return _wish(draft, sorted(left) if categories and left else None, why)


def unite(draft: Draft, categories: list[str] | None, cause: Cause) -> None:
    """The person has not wanted these under another key either (None: no such wish): it is this contact's wish now."""
    if categories is not None and opt_out(draft, categories, cause.why) and not draft.former:
        announce(draft, cause, back=False)


def _wish(draft: Draft, wish: list[str] | None, why: str) -> bool:
    """Keep the wish, and write it if it is another one. What WhatsApp itself told is written in any case: a line waits
    to read it."""
    state, tenant = draft.state, draft.place.tenant
    changed = wish != state.optout
    state.optout = wish
    if terms_of(tenant).everywhere:
        state.wished_ms = max(state.wished_ms, draft.received_ms)
    if changed or why == _PROVIDER:
        written = None if wish is None else Optout(
            tenant=tenant.tenant, since_ms=draft.received_ms, why=why, categories=wish
        )  # fmt: skip
        draft.optout(written)
    draft.count(*(("opted_out" if wish is not None else "opted_in", "") if changed else ("ignored", "same_wish")))
    return changed


def _kind(*, back: bool) -> EventKind:
    return "opted_in" if back else "opted_out"
