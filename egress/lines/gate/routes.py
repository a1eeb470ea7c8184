"""Routes: by which account and in which form a message goes to Chattigo. Pure.

A template goes by the batch route of the line's template account; one that must keep a conversation's order, or a
one-time password, by the ISV service where the line has it, because its answer names the message (Chattigo's
facts, section 3.5). A place in a template's header has a form there alone, a control on the API Bot service.
"""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple

import msgspec

from egress.chattigo.paths import batch_path, control_path, session_path
from egress.lines.campaigns.recipients import Rows
from egress.lines.gate.gate import Refusal
from egress.lines.item import Item
from schemas import ids
from schemas.chattigo import cloud_send, flat_send, hsm
from schemas.chattigo.cloud_send import NotOnThisRoute
from schemas.journal import Route
from schemas.outbound import OutboundMessage, SendClass
from schemas.session import Control, Template
from schemas.tenant import Account, Line, Tenant


class Channel(NamedTuple):
    """A route and the account that takes it."""

    route: Route
    account: Account


class Payload(NamedTuple):
    """What is posted: after the account's base, and its bytes; `paid` wants a fresh connection."""

    path: str
    body: bytes
    digest: str
    paid: bool


class Routes:
    """The channels of one line by what they depend on, as long as its tenant's record is the same."""

    def __init__(self) -> None:
        self._of: tuple[Tenant, Line] | None = None
        self._known: dict[tuple[type, str, SendClass], Channel | Refusal] = {}
        self._keys: dict[Hashable, hsm.BatchKey | None] = {}

    def channel(self, message: OutboundMessage, tenant: Tenant, line: Line) -> Channel | Refusal:
        """The channel of a message, or why there is none."""
        if self._of is None or self._of[0] is not tenant or self._of[1] is not line:
            self._of, self._known, self._keys = (tenant, line), {}, {}
        content = message.content
        header = content.header_kind if isinstance(content, Template) else ""
        kind = (type(content), header, message.send_class)
        found = self._known.get(kind)
        if found is None:
            found = self._known[kind] = channel(message, tenant, line)
        return found

    def batch_key(self, channel: Channel, message: OutboundMessage) -> hsm.BatchKey | None:
        """`batch_key` of a channel that it just named: one and the same for all that may go together."""
        content = message.content
        if channel.route != "batch" or not isinstance(content, Template):
            return None
        kind = content.header_kind if content.header else ""
        indexes = [button.index for button in content.buttons]
        shared = (message.send_class, content.name, content.namespace, content.language, content.bot_attention, kind)
        known = (*shared, *indexes)
        found = self._keys.get(known)
        if found is None:
            found = self._keys[known] = batch_key(channel, message)
        return found


def channel(message: OutboundMessage, tenant: Tenant, line: Line) -> Channel | Refusal:
    """The channel of a message on its line, or why there is none. Of its content only the type counts and the kind of
    its header, of the rest only the class: `Routes` looks at nothing else."""
    sends = tenant.accounts.get(line.sends)
    if isinstance(message.content, Control):
        if sends is None or sends.service != "bot":
            return Refusal("no_control_route", "the line's account knows no transfer, close or timeout")
        return Channel("control", sends)
    if isinstance(message.content, Template):
        return _for_template(message, sends, tenant.accounts.get(line.templates))
    if sends is None or sends.service == "hsm":
        return Refusal("no_account", "the line names no account for session messages")
    return Channel("session", sends)


def _for_template(message: OutboundMessage, sends: Account | None, templates: Account | None) -> Channel | Refusal:
    single = sends if sends is not None and sends.service == "isv" else None
    place = isinstance(message.content, Template) and message.content.header_kind == "location"
    if single is not None and (templates is None or place or message.send_class in ("reply", "otp")):
        return Channel("session", single)
    if place and templates is not None and templates.service == "hsm":
        return Refusal("not_on_this_route", "a place in a template's header needs an account of service isv")
    if templates is None:
        return Refusal("no_account", "the line names no account for templates")
    return Channel("batch" if templates.service == "hsm" else "session", templates)


def batch_key(channel: Channel, message: OutboundMessage) -> hsm.BatchKey | None:
    """What a call by this channel must share; None when it takes one message."""
    if channel.route != "batch" or not isinstance(message.content, Template):
        return None
    return hsm.batch_key(channel.account.key, message.did, message.content)


def calls(channel: Channel, items: Sequence[Item]) -> list[Sequence[Item]]:
    """The items of one pile or slice as the calls that they become: one each, or batches that are not too large."""
    if channel.route != "batch":
        return [[item] for item in items]
    if hsm.fit(len(items), _texts(items)):
        return [items]
    counts = hsm.runs(destinations(channel, items))
    return [items[start:end] for start, end in pairwise(accumulate(counts, initial=0))]


def _texts(items: Sequence[Item]) -> list[list[str]]:
    """All parameters of these templates."""
    if isinstance(items, Rows):
        return [*items.bodies, *items.headers, *items.buttons]
    templates = [item.message.content for item in items if isinstance(item.message.content, Template)]
    buttons = [[button.parameter for template in templates for button in template.buttons]]
    return [*(template.body for template in templates), *(template.header for template in templates), *buttons]


def destinations(channel: Channel, items: Sequence[Item]) -> list[hsm.Destination]:
    """As a batch names them. Raises NotOnThisRoute for what is no template."""
    named = channel.account.destination_ids
    if isinstance(items, Rows):
        return items.destinations(named=named)
    return [_destination(item, named=named) for item in items]


def _destination(item: Item, *, named: bool) -> hsm.Destination:
    content = item.message.content
    if not isinstance(content, Template):
        raise NotOnThisRoute("only templates go by the batch route")
    return hsm.recipient(item.id if named else "", item.message.to, content)


def payload(channel: Channel, items: Sequence[Item], root_id: int | str) -> Payload:
    """The call for these items. Raises NotOnThisRoute when the service has no form for the content."""
    message = items[0].message
    account, template = channel.account, isinstance(message.content, Template)
    if channel.route == "batch":
        path, body = batch_path(account), _batch(channel, items, root_id)
    elif channel.route == "control":
        path, body = control_path(account), flat_send.session_body(message)
    else:
        path = session_path(account, message.did)
        body = (cloud_send if account.service == "isv" else flat_send).session_body(message)
    data = msgspec.json.encode(body)
    return Payload(path, data, hashlib.blake2b(data, digest_size=16).hexdigest(), template)


def _batch(channel: Channel, items: Sequence[Item], root_id: int | str) -> dict[str, object]:
    key = batch_key(channel, items[0].message)
    if key is None:
        raise NotOnThisRoute("only templates go by the batch route")
    return hsm.batch_body(channel.account, key, destinations(channel, items), root_id)


def root_id(channel: Channel, plan_id: str) -> int | str:
    """The `id` of a batch at Chattigo; empty for other routes."""
    return ids.hsm_root_id(plan_id, channel.account.hsm_id) if channel.route == "batch" else ""
