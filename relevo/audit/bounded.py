"""An audit of any size in bounded memory: facts go to disk, and are joined one bucket at a time.

What looks as if nothing became of it, where only a part of the time was read, is looked for in all that Kafka keeps
before it is named: it may have been repeated long after it was dealt with. Blocks. Reads only; joins no group.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from relevo.audit import facts as f
from relevo.audit.balance import Tally
from relevo.audit.gathered import Frame, Gathered, _readers, gather_into
from relevo.audit.phrases import logged
from relevo.audit.provider import stream
from relevo.audit.report import Report, evidence, judge, told
from relevo.audit.store import IDS, Disk, Store
from relevo.audit.window import CAUSES, Window, look
from runtime.settings import KafkaSettings

EFFECTS = (f.Routed, f.Dropped, f.Dead, f.Received, f.Became, f.Planned, f.Kept, f.DeadMessage)


class Question(NamedTuple):
    """What is asked: which agents there are, since when (0: ever), of which tenant (empty: all), and what is there
    beside the topics."""

    agents: tuple[str, ...]
    since_ms: int = 0
    tenant: str = ""
    ledger: Path | None = None
    logs: tuple[Path, ...] = ()


def audit(settings: KafkaSettings, question: Question, folder: Path | None = None) -> Report:
    """The answer. Raises OSError (the ledger, a log, the disk), msgspec.MsgspecError of what is no ledger, ReadFailed
    and OffsetsUnavailable."""
    with closing(Disk(folder)) as store:
        # First the ledger: what is acknowledged after it was read cannot be missed in Kafka.
        logins = read_ledger(store, question.ledger) if question.ledger else None
        for path in question.logs:
            _put(store, logged(path))
        window = look(settings, _readers(question.agents), question.since_ms)
        frame = Frame(window=window, wants_logs=bool(question.logs), wants_times=False, only=question.tenant)
        gather_into(Gathered(store, frame), settings, question.agents)
        judged = judge(store, frame, ledger=logins is not None)
        if not window.whole:
            _look_again(settings, question, window, judged.tally)
        return told(judged, frame, evidence(frame, logins))


def read_ledger(store: Store, path: Path) -> Counter[str]:
    """The ledger's facts into the store; its logins by account."""
    logins: Counter[str] = Counter()
    for piece in stream(path):
        logins += piece.logins
        for stage, fact in piece.facts():
            store.put(stage, fact)
    return logins


def _put(store: Store, facts: Iterable[f.Fact]) -> None:
    for fact in facts:
        store.put(IDS, fact)


class _Sought:
    """A store that keeps nothing but which of the ids something became of."""

    def __init__(self, ids: Iterable[str]) -> None:
        self._ids, self.found = frozenset(ids), set[str]()

    def put(self, stage: str, fact: f.Fact) -> None:
        if stage == IDS and isinstance(fact, EFFECTS) and fact.id in self._ids:
            self.found.add(fact.id)

    def drain(self, stage: str) -> Iterator[list[f.Fact]]:
        """Nothing is kept."""
        return iter(())


def _look_again(settings: KafkaSettings, question: Question, window: Window, tally: Tally) -> None:
    """What was dealt with before the time that was read is no fault."""
    suspects = {line.partition(" ")[2] for line in tally.silent} | set(tally.unaccounted)
    if not suspects:
        return
    sought = _Sought(suspects)
    places = {place: begin for place, begin in window.begins.items() if place[0] not in CAUSES}
    whole = Window(starts=places, ends={place: window.ends[place] for place in places}, begins=places)
    gather_into(Gathered(sought, Frame(window=whole, wants_times=False)), settings, question.agents)
    tally.not_judged += len(sought.found)
    tally.silent = [line for line in tally.silent if line.partition(" ")[2] not in sought.found]
    tally.unaccounted = [one for one in tally.unaccounted if one not in sought.found]
