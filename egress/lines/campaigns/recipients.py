"""Recipients: rows of a campaign's chunks as messages. Pure.

A message's id depends on nothing but the line, the campaign and the position in it, so that however often a row is read
it is the same message.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, cast

import msgspec

from egress.lines.item import Item
from schemas import ids, phone
from schemas.campaign import Chunk, Definition, Recipient
from schemas.outbound import OutboundMessage
from schemas.session import Template, TemplateButton

if TYPE_CHECKING:
    from egress.lines.campaigns.campaign import Campaign

SOURCE = "campaign"


class Slice(NamedTuple):
    """Recipients `start` to `start + len(items)` of chunk `chunk`."""

    campaign: Campaign
    chunk: int
    start: int
    items: list[Item]


def take(campaign: Campaign, count: int, now_s: float) -> Slice:
    """The next `count` recipients, or what is left of the chunk, as items."""
    chunk, start = campaign.chunks[campaign.chunk], campaign.position
    rows = chunk.recipients[start : start + count]
    items = [item_of(campaign, chunk, start + n, row, now_s) for n, row in enumerate(rows)]
    return Slice(campaign, campaign.chunk, start, items)


def next_of(campaign: Campaign) -> Item:
    """The message to the campaign's next recipient."""
    chunk, place = campaign.chunks[campaign.chunk], campaign.position
    return item_of(campaign, chunk, place, chunk.recipients[place], 0)


def item_of(campaign: Campaign, chunk: Chunk, place: int, row: Recipient, now_s: float) -> Item:
    """One recipient's message."""
    definition = cast(Definition, campaign.definition)
    message = OutboundMessage(
        id=ids.message_id_of_recipient(definition.did, campaign.name, chunk.first + place),
        tenant=definition.tenant,
        did=definition.did,
        contact=phone.canonical(row.to),
        to=row.to,
        content=_personal(definition.template, row),
        send_class=definition.send_class,
        expires_ms=definition.expires_ms,
        at_ms=definition.created_ms,
    )
    return Item(message, source_of(campaign.name, chunk.index), place, now_s, campaign=campaign.name)


def source_of(campaign: str, chunk: int) -> str:
    """What a plan names as its source."""
    return f"{SOURCE}/{campaign}/{chunk}"


def chunk_of(source: str) -> tuple[str, int] | None:
    """Campaign and chunk that a plan's source names; None for a topic."""
    kind, _, rest = source.partition("/")
    name, _, index = rest.rpartition("/")
    return (name, int(index)) if kind == SOURCE and index.isdigit() else None


def _personal(template: Template, row: Recipient) -> Template:
    buttons = [
        TemplateButton(index=button.index, parameter=parameter, kind=button.kind)
        for button, parameter in zip(template.buttons, row.buttons, strict=False)
    ]
    return msgspec.structs.replace(
        template,
        body=row.body or template.body,
        header=row.header or template.header,
        buttons=buttons or template.buttons,
    )
