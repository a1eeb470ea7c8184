"""Orders to a campaign: pause, resume and cancel on all its lines, and the wait until each owner has obeyed. Blocks.

Promises: an order is acknowledged when the line's owner has said the state that it asks for in a record of progress
that is younger than the order. Leaves to egress what an order does.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Literal, NamedTuple

from relevo.asking import asker
from relevo.audit.scan import scan_between
from relevo.campaigns.records import OVER, TOPIC, OnLine, Standing, places
from relevo.lines.commands import order_record, write
from runtime.kafka.offsets import end_offsets
from runtime.kafka.record import Record
from runtime.settings import KafkaSettings
from schemas import ids
from schemas.campaign import CampaignState, Progress
from schemas.line_command import ControlCampaign
from schemas.record import RecordError

Action = Literal["pause", "resume", "cancel"]
POLL_S = 0.3
_MEANT: dict[Action, frozenset[CampaignState]] = {
    "pause": frozenset({"paused"}),
    "resume": frozenset({"running", "scheduled"}),
    "cancel": frozenset({"cancelled"}),
}
_DECODER = TOPIC.decoder()


class Obeyed(NamedTuple):
    """What became of an order, by line: the state since; and the lines whose owners did not answer in time."""

    states: dict[str, CampaignState]
    silent: list[str]


def control(
    settings: KafkaSettings, standing: Standing, action: Action, by: str, now_ms: int, within_s: float
) -> Obeyed:
    """Orders it on every line that it concerns; `within_s` 0 does not wait."""
    lines = concerned(standing, action)
    ack = _Acknowledged(settings, standing.name.campaign, action, lines)
    write(settings, [_order(settings, standing, line, action, by, now_ms) for line in lines])
    deadline = time.monotonic() + within_s
    while within_s and ack.silent and time.monotonic() < deadline:
        time.sleep(POLL_S)
        ack.read()
    return Obeyed(ack.states, ack.silent)


def concerned(standing: Standing, action: Action) -> list[OnLine]:
    """The lines where the campaign is not over. One that is finished is cancelled with the others: else it would go on
    there when WhatsApp withholds somebody."""
    over = OVER - {"finished"} if action == "cancel" else OVER
    return [line for line in standing.lines.values() if line.state not in over]


def _order(settings: KafkaSettings, standing: Standing, line: OnLine, action: Action, by: str, now_ms: int) -> Record:
    name = ids.digest("campaign-order", line.did, standing.name.campaign, action, str(now_ms))
    order = ControlCampaign(id=name, did=line.did, at_ms=now_ms, by=by, campaign=standing.name.campaign, action=action)
    return order_record(settings, order, standing.name.tenant, "campaign")


class _Acknowledged:
    """What owners say from where `campaigns` ended before the order was written."""

    def __init__(self, settings: KafkaSettings, campaign: str, action: Action, lines: Iterable[OnLine]) -> None:
        self._settings, self._campaign, self._meant = settings, campaign, _MEANT[action] | OVER
        self.silent = [line.did for line in lines]
        self.states: dict[str, CampaignState] = {}
        self._at = end_offsets(settings, places(settings, TOPIC.name, self.silent), client=asker(settings))

    def read(self) -> None:
        ends = end_offsets(self._settings, self._at, committed=True, client=asker(self._settings))
        for message in scan_between(self._settings, self._at, ends):
            if message.value() is not None:
                self._learn(message.value())
        self._at = {place: max(at, ends[place]) for place, at in self._at.items()}

    def _learn(self, value: bytes | str | None) -> None:
        try:
            record = _DECODER.decode(value if isinstance(value, bytes) else None)
        except RecordError:
            return  # said so by whoever shows the campaign
        if not isinstance(record, Progress) or record.campaign != self._campaign or record.did not in self.silent:
            return
        if record.state in self._meant:
            self.states[record.did] = record.state
            self.silent = [did for did in self.silent if did != record.did]
