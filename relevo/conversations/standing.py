"""How a conversation stands, for a person or a program to read. Pure; numbers and names of people are masked."""

from __future__ import annotations

from typing import Literal

from processors.conversations.state import HASH_BYTES, State
from processors.conversations.world import Rules
from relevo.cli.span import moment, span
from relevo.conversations.order import Person
from relevo.why.parts import Masks
from schemas.inbound import Owner
from schemas.record import Frozen


class Standing(Frozen):
    """`state` is `known`, `wish` (idle or erased, but an opt-out stays) or `unknown`.

    `alias_of` is the contact to whose conversation everything belongs that comes for the one that was asked for.
    `optout` are the categories that are not wanted: none, some, or `all` but one-time passwords. Times are milliseconds
    since 1970, 0 where there is none.
    """

    tenant: str
    line: str
    contact: str
    state: Literal["known", "wish", "unknown"]
    alias_of: str = ""
    owner: Owner = "bot"
    owner_epoch: int = 0
    human_since_ms: int = 0
    human_wrote_ms: int = 0
    window_expires_ms: int = 0
    last_inbound_ms: int = 0
    language: str = ""
    language_from: Literal["order", "words", "line"] = "line"
    optout: list[str] = []
    name: str = ""
    user_id: str = ""
    reply_to: str = ""
    id_chat: str = ""
    id_campaign: str = ""
    recent_ids: int = 0
    touched_ms: int = 0
    leaves_ms: int = 0


def standing(person: Person, state: State | None, rules: Rules, *, alias_of: str = "", clear: bool = False) -> Standing:
    """`state` is that of the conversation that the person's belongs to; what it knows of another tenant is not told."""
    hide = Masks("", clear).contact
    now = (state or State()).of(person.tenant.tenant)
    what: Literal["known", "wish", "unknown"] = "known"
    if state is None or state.forgotten or state.tenant not in ("", person.tenant.tenant):
        what = "unknown" if now.optout is None else "wish"
    spoken = person.line.language or person.tenant.spoken[0]
    return Standing(
        tenant=person.tenant.tenant,
        line=person.did,
        contact=hide(person.contact),
        alias_of=hide(alias_of),
        state=what,
        owner=now.owner,
        owner_epoch=now.epoch,
        human_since_ms=now.taken_ms,
        human_wrote_ms=now.wrote_ms,
        window_expires_ms=now.window_expires_ms(rules.window_ms),
        last_inbound_ms=now.last_inbound_ms,
        language=now.language or spoken,
        language_from="order" if now.pinned else "words" if now.language else "line",
        optout=[] if now.optout is None else now.optout or ["all"],
        name=now.profile_name if clear else "",
        user_id=hide(now.user_id or now.parent_id),
        reply_to=hide(now.reply_to),
        id_chat=now.id_chat if clear else "",
        id_campaign=now.id_campaign,
        recent_ids=len(now.ids) // HASH_BYTES,
        touched_ms=now.touched_ms,
        leaves_ms=now.touched_ms + rules.idle_ms if what == "known" else 0,
    )


_LANGUAGE = {"order": "an order said so", "words": "by the person's words", "line": "the line's"}


def lines(one: Standing, now_ms: int) -> list[str]:
    """The conversation in a few lines."""
    head = f"line {one.line} of tenant {one.tenant}, contact {one.contact}"
    told = [f"{head}, whose conversation is that of {one.alias_of}" if one.alias_of else head]
    if one.state == "known":
        told += [
            owner(one),
            *_human(one, now_ms),
            _window(one, now_ms),
            f"language {one.language}, {_LANGUAGE[one.language_from]}",
        ]
    else:
        told.append("nothing is known: nobody wrote, or it was idle for long, erased, or another tenant's")
    if one.optout:
        told.append(
            "wants nothing but one-time passwords" if one.optout == ["all"] else f"wants no {', '.join(one.optout)}"
        )
    named = (("name", one.name), ("answered at", one.reply_to), ("user id", one.user_id), ("chat", one.id_chat))
    told += [f"{name} {value}" for name, value in (*named, ("campaign", one.id_campaign)) if value]
    if one.touched_ms:
        leaves = f"; if nothing happens it leaves at {moment(one.leaves_ms)}" if one.leaves_ms else ""
        told.append(f"knows {one.recent_ids} recent ids; last touched {span(now_ms - one.touched_ms)} ago{leaves}")
    return told


def owner(one: Standing) -> str:
    """Whose it is."""
    return f"owner {one.owner} in epoch {one.owner_epoch}"


def _human(one: Standing, now_ms: int) -> list[str]:
    if not one.human_since_ms:
        return []
    wrote = f"wrote last {span(now_ms - one.human_wrote_ms)} ago" if one.human_wrote_ms else "has not written yet"
    return [f"the human has it for {span(now_ms - one.human_since_ms)} and {wrote}"]


def _window(one: Standing, now_ms: int) -> str:
    if not one.window_expires_ms:
        return "window: none, the person never wrote here"
    said = f"the person wrote {moment(one.last_inbound_ms)}"
    left = one.window_expires_ms - now_ms
    when = f"open for {span(left)}, until" if left > 0 else "closed since"
    return f"window: {when} {moment(one.window_expires_ms)}; {said}"
