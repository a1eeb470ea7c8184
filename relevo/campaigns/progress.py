"""The progress of a campaign: what its lines' owners say, and what became of whom, now and as it goes on. Blocks.

Promises: `read` takes in everything that is committed by then; counts add up to the total after each. Leaves to `fold`
what becomes of a recipient, and to callers how often they look.
"""

from __future__ import annotations

import msgspec
from confluent_kafka import Message

from relevo.asking import asker
from relevo.audit.scan import scan_between
from relevo.campaigns.fold import Counts, Fold
from relevo.campaigns.records import OVER, Directory, OnLine, Standing, places
from relevo.campaigns.records import TOPIC as CAMPAIGNS
from relevo.lines.standing import TOPIC as LINES_STATE
from relevo.lines.standing import line_state
from runtime.kafka.offsets import begin_offsets, end_offsets, offsets_since
from runtime.settings import KafkaSettings
from schemas import topics
from schemas.line_state import LineState
from schemas.record import RecordError

_OUTCOMES = topics.OUTCOMES
_DECODER = _OUTCOMES.decoder()
# Of outcomes that are older than the campaign by the clocks' difference.
_CLOCKS_MS = 600_000


class Progress:
    """Of one campaign; `lines` are its parts, `states` how its lines stand."""

    def __init__(self, settings: KafkaSettings, campaign: str, tenant: str = "") -> None:
        """Raises SubmitError when there is none, or several."""
        self._settings, self._directory = settings, Directory()
        self.unreadable = 0
        self.states: dict[str, LineState] = {}
        count = CAMPAIGNS.count(topics.PROFILES[settings.profile])
        self._client = asker(settings)
        self._at = begin_offsets(settings, [(CAMPAIGNS.name, number) for number in range(count)], client=self._client)
        self._read()
        found = self._directory.find(campaign, tenant)
        self.name = found.name
        self._folds = {did: Fold(did, found.name.campaign, line.total) for did, line in found.lines.items()}
        self._prefilter = msgspec.json.encode(found.name.campaign)
        self._follow(found)

    def _follow(self, found: Standing) -> None:
        """From here on the partitions of its lines alone."""
        settings, dids = self._settings, list(found.lines)
        mine = set(places(settings, CAMPAIGNS.name, dids))
        self._at = {place: at for place, at in self._at.items() if place in mine}
        outcomes = places(settings, _OUTCOMES.name, dids)
        # Where nothing is young enough, the next record will be; what comes meanwhile is behind this end.
        ends = end_offsets(settings, outcomes, client=self._client)
        since = offsets_since(settings, outcomes, found.definition.created_ms - _CLOCKS_MS, client=self._client)
        states = begin_offsets(settings, places(settings, LINES_STATE.name, dids), client=self._client)
        self._at |= ends | since | states

    @property
    def standing(self) -> Standing:
        """What the owners said last."""
        return self._directory.find(self.name.campaign, self.name.tenant)

    @property
    def over(self) -> bool:
        """Whether nothing more will be sent."""
        return all(line.state in OVER for line in self.standing.lines.values())

    def read(self) -> Progress:
        """Everything that is committed by now."""
        self._read()
        return self

    def counts(self) -> dict[str, Counts]:
        """By line."""
        return {did: self._folds[did].counts(line.started) for did, line in self.standing.lines.items()}

    def fold(self, line: OnLine) -> Fold:
        """What became of the recipients on a line."""
        return self._folds[line.did]

    def _read(self) -> None:
        ends = end_offsets(self._settings, self._at, committed=True, client=self._client)
        behind = {place: at for place, at in self._at.items() if at < ends[place]}
        for message in scan_between(self._settings, behind, ends):
            self._learn(message)
        self._at = {place: max(at, ends[place]) for place, at in self._at.items()}

    def _learn(self, message: Message) -> None:
        match message.topic():
            case CAMPAIGNS.name:
                self._directory.learn(message.key(), message.value())
            case LINES_STATE.name:
                state = line_state(message)
                if state is not None and state.did in self._folds:
                    self.states[state.did] = state
            case _:
                self._outcome(message.value())

    def _outcome(self, value: bytes | str | None) -> None:
        """Records that do not name the campaign are not even decoded."""
        if not isinstance(value, bytes) or self._prefilter not in value:
            return
        try:
            outcome = _DECODER.decode(value)
        except RecordError:
            self.unreadable += 1
            return
        if outcome.did in self._folds and outcome.tenant == self.name.tenant:
            self._folds[outcome.did].add(outcome)
