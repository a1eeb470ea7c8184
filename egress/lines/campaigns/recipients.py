"""Recipients: rows of a campaign's chunks as messages. Pure.

A message's id depends on nothing but the line, the campaign and the position in it, so that however often a row is read
it is the same message.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, cast, overload

from egress.lines.gate.numbers import is_user_id
from egress.lines.item import Item
from schemas import ids, phone
from schemas.campaign import Chunk, Definition, Recipient
from schemas.chattigo.hsm import Destination
from schemas.journal import PlannedMessage
from schemas.outbound import OutboundMessage
from schemas.session import Template, TemplateButton

if TYPE_CHECKING:
    from egress.lines.campaigns.campaign import Campaign

SOURCE = "campaign"


class Rows(Sequence[Item]):
    """Rows of one chunk on their way, column by column: `ids`, `contacts`, `places` and `rows` have one of each. As a
    sequence they are items, made when somebody looks: most of them nobody has to look at one by one."""

    __slots__ = ("_campaign", "_chunk", "_since_s", "contacts", "ids", "places", "rows")

    def __init__(
        self,
        campaign: Campaign,
        chunk: Chunk,
        since_s: float,
        places: Sequence[int],
        ids: list[str],
        contacts: list[str],
        rows: list[Recipient],
    ) -> None:
        self._campaign, self._chunk, self._since_s = campaign, chunk, since_s
        self.places, self.ids, self.contacts, self.rows = places, ids, contacts, rows

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, at: int) -> Item: ...
    @overload
    def __getitem__(self, at: slice) -> Rows: ...
    def __getitem__(self, at: int | slice) -> Item | Rows:
        if isinstance(at, slice):
            return self._of(self.places[at], self.ids[at], self.contacts[at], self.rows[at])
        return item_of(self._campaign, self._chunk, self.places[at], self.rows[at], self._since_s)

    def __iter__(self) -> Iterator[Item]:
        return (self[at] for at in range(len(self)))

    def at(self, chosen: Sequence[int]) -> Rows:
        """Those at some of its places, in this order."""
        columns = (self.places, self.ids, self.contacts, self.rows)
        return self._of(*([column[at] for at in chosen] for column in columns))  # type: ignore[arg-type]

    def _of(self, places: Sequence[int], ids: list[str], contacts: list[str], rows: list[Recipient]) -> Rows:
        return Rows(self._campaign, self._chunk, self._since_s, places, ids, contacts, rows)

    @property
    def template(self) -> Template:
        """What they are told, without their parameters."""
        return cast(Definition, self._campaign.definition).template

    @property
    def bodies(self) -> list[list[str]]:
        """The parameters of each body, as its item has them."""
        usual = self.template.body
        return [row.body or usual for row in self.rows]

    @property
    def buttons(self) -> list[list[str]]:
        """Those of the buttons."""
        usual = [button.parameter for button in self.template.buttons]
        count = len(usual)
        return [(row.buttons if len(row.buttons) <= count else row.buttons[:count]) or usual for row in self.rows]

    @property
    def headers(self) -> list[list[str]]:
        """Those of the header."""
        usual = self.template.header
        return [row.header or usual for row in self.rows]

    def destinations(self, *, named: bool) -> list[Destination]:
        """As a batch names them; `named`: with their ids."""
        names = self.ids if named else [""] * len(self)
        columns = zip(self.rows, self.bodies, names, self.buttons, self.headers, strict=True)
        return [
            Destination(destination=row.to, parameters=body, id=name, buttons=buttons, header=header)
            for row, body, name, buttons, header in columns
        ]

    def planned(self) -> list[PlannedMessage]:
        """As a plan names them."""
        source = source_of(self._campaign.name, self._chunk.index)
        columns = zip(self.ids, self.contacts, self.rows, self.places, strict=True)
        return [PlannedMessage(name, contact, row.to, source, place) for name, contact, row, place in columns]


def take(campaign: Campaign, count: int, now_s: float) -> Rows:
    """The next `count` recipients, or what is left of the chunk."""
    chunk, start = campaign.chunks[campaign.chunk], campaign.position
    rows = chunk.recipients[start : start + count]
    did = cast(Definition, campaign.definition).did
    names = ids.message_ids_of_recipients(did, campaign.name, chunk.first + start, len(rows))
    contacts = [_contact(row.to) for row in rows]
    return Rows(campaign, chunk, now_s, range(start, start + len(rows)), names, contacts, rows)


def _contact(to: str) -> str:
    """Who that is, as an item has it."""
    if to.isdigit() and to.isascii() and not to.startswith(phone.CHANGING):
        return to
    return who(to)


def who(to: str) -> str:
    """Who an address is: of a number its canonical form, however it is written; a user id stays as it is."""
    return to if is_user_id(to) else phone.identity(phone.canonical(to))


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
        contact=who(row.to),
        to=row.to,
        content=personal(definition.template, row),
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


def personal(template: Template, row: Recipient) -> Template:
    """A campaign's template with one recipient's parameters."""
    buttons = [
        TemplateButton(index=button.index, parameter=parameter, kind=button.kind)
        for button, parameter in zip(template.buttons, row.buttons, strict=False)
    ]
    return Template(
        name=template.name,
        language=template.language,
        namespace=template.namespace,
        body=row.body or template.body,
        header=row.header or template.header,
        header_kind=template.header_kind,
        buttons=buttons or template.buttons,
        bot_attention=template.bot_attention,
    )
