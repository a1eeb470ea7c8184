"""Ways: by which channel a single message goes and in which pile it waits, found once for all that are alike. Pure.

Both follow from the tenant's record and from what `batch_key` and `PileKey` look at, so they are remembered by that.
"""

from __future__ import annotations

from collections.abc import Hashable

from egress.lines.gate import routes
from egress.lines.gate.gate import Refusal
from egress.lines.item import Item
from egress.lines.queues.batching import PileKey
from schemas.session import Template
from schemas.tenant import Line, Tenant


class Ways:
    """Of one line, as long as its tenant's record is the same."""

    def __init__(self) -> None:
        self._routes = routes.Routes()
        self._of: tuple[Tenant, Line] | None = None
        self._first: dict[Hashable, PileKey] = {}

    def channel(self, item: Item, tenant: Tenant, line: Line) -> routes.Channel | Refusal:
        """The channel that a message takes, or why there is none."""
        return self._routes.channel(item.message, tenant, line)

    def pile(self, item: Item, tenant: Tenant | None, line: Line | None) -> PileKey:
        """The pile that a message waits in; where there is no channel the gate will say why."""
        content = item.message.content
        if tenant is None or line is None:
            return PileKey.of(item, None)
        if item.attempt > 1 or item.campaign or item.replay or item.retry_of or not isinstance(content, Template):
            return self._found(item, tenant, line)
        if self._of is None or self._of[0] is not tenant or self._of[1] is not line:
            self._of, self._first = (tenant, line), {}
        named = content.name, content.language, content.namespace, content.bot_attention
        header = content.header_kind if content.header else ""
        alike = (item.message.send_class, *named, content.header_kind, header, *[one.index for one in content.buttons])
        known = self._first.get(alike)
        if known is None:
            known = self._first[alike] = self._found(item, tenant, line)
        return known

    def _found(self, item: Item, tenant: Tenant, line: Line) -> PileKey:
        channel = self._routes.channel(item.message, tenant, line)
        batch = self._routes.batch_key(channel, item.message) if isinstance(channel, routes.Channel) else None
        return PileKey.of(item, batch)
