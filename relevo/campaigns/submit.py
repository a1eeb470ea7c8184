"""Submits a campaign: chunks first, then everything that makes it exist in one transaction.

Promises: a campaign exists whole, on all its lines, or not at all; submitting the same file for the same lines and
template again is refused, also by two commands at once: their transactional id is the campaign's, so the later one
fences the earlier, and looks only then whether the campaign exists. A submission that is killed leaves chunks that
nobody names. Memory does not grow with the file. Leaves to egress when and how the campaign is sent.
"""

from __future__ import annotations

import asyncio
from asyncio import Future
from collections import deque
from typing import NamedTuple

from relevo.campaigns.chunks import whole
from relevo.campaigns.intake import Report
from relevo.campaigns.order import Order, static
from relevo.campaigns.passage import MAX_BAD, Found, Passage, learn_optouts
from relevo.campaigns.people import People
from relevo.campaigns.records import Name, partition_of, read_campaigns
from relevo.campaigns.refused import SubmitError
from relevo.lines.standing import read_lines
from runtime.kafka.producer import Producer
from runtime.kafka.record import Delivered, Record
from runtime.kafka.transactions import Fenced, TransactionalProducer, TransactionFailed
from runtime.settings import KafkaSettings
from schemas import keys, topics
from schemas.campaign import CHUNKS_MAX, Chunk, ChunkRef, Contents, Definition, Part
from schemas.headers import Headers
from schemas.line_state import LineState
from schemas.record import encode

AHEAD = 8
TRANSACTION_S = 30.0


class _Written(NamedTuple):
    """A chunk on its way to Kafka."""

    did: str
    recipients: int
    digest: str
    landing: Future[Delivered]


class Submission:
    """One submission, or one dry run of it."""

    def __init__(
        self, settings: KafkaSettings, wanted: Order, now_ms: int, *, max_bad: float = MAX_BAD, force: bool = False
    ) -> None:
        """`force`: also beyond a line's backlog."""
        self._settings, self._order, self._now_ms = settings, wanted, now_ms
        self._max_bad, self._force = max_bad, force
        self._refs: dict[str, list[ChunkRef]] = {did: [] for did in wanted.dids}
        self._digests: dict[str, list[str]] = {did: [] for did in wanted.dids}
        self._open: deque[_Written] = deque()

    async def run(self) -> Found:
        """Writes everything; SubmitError when it is refused, DeliveryError when Kafka would not take it."""
        transactions = self._transactions()
        try:
            try:
                await transactions.start()
            except TransactionFailed as failed:
                raise SubmitError(f"Kafka opens no transaction: {failed}; nothing was submitted") from failed
            await asyncio.to_thread(self._refuse_known)
            return await self._submit(transactions)
        finally:
            await transactions.stop()

    def dry_run(self) -> tuple[Found, list[str]]:
        """What a submission would find, and why it would be refused. Writes the report alone. Blocks."""
        states = read_lines(self._settings, self._order.dids)
        known = [self._known()] if self._exists() else []
        with self._people() as people, self._report() as report:
            passage = Passage(self._order, people, report, self._now_ms)
            for _ in passage.chunks():
                pass
        found = passage.found(states, self._now_ms)
        return found, known + self._refusals(passage, states, found)

    async def _submit(self, transactions: TransactionalProducer) -> Found:
        states = await asyncio.to_thread(read_lines, self._settings, self._order.dids)
        with self._people() as people, self._report() as report:
            passage = Passage(self._order, people, report, self._now_ms)
            if full := self._full(passage, states):
                raise SubmitError(full)
            producer = Producer(self._settings)
            await producer.start()
            try:
                for chunk in passage.chunks():
                    await self._put(producer, chunk)
                while self._open:
                    await self._landed()
            finally:
                for written in self._open:
                    written.landing.cancel()
                await producer.stop()
        found = passage.found(states, self._now_ms)
        if refusals := self._refusals(passage, states, found):
            raise SubmitError(refusals[0])
        await self._commit(transactions, self._records())
        return found

    def _refusals(self, passage: Passage, states: dict[str, LineState], found: Found) -> list[str]:
        """Why the file cannot be submitted, now that it was read."""
        reasons = (
            passage.unfit(self._max_bad),
            self._full(passage, states),
            passage.too_late(found, self._now_ms),
        )
        return [reason for reason in reasons if reason]

    def _full(self, passage: Passage, states: dict[str, LineState]) -> str:
        full = "" if self._force else passage.full(states)
        return f"{full}. To submit it all the same: --force" if full else ""

    # -- what is there

    def _people(self) -> People:
        people = People()
        learn_optouts(self._settings, self._order, people)
        return people

    def _report(self) -> Report:
        return Report(self._order.rejected, self._order.table.titles)

    def _exists(self) -> bool:
        """On any line of the tenant, or under this id on one of the lines."""
        name, dids = Name(self._order.tenant.tenant, self._order.campaign), set(self._order.dids)
        known = read_campaigns(self._settings, {line.did for line in self._order.tenant.lines} | dids)
        return any(
            one.name == name or (one.name.campaign == name.campaign and dids & one.lines.keys())
            for one in known.campaigns()
        )

    def _refuse_known(self) -> None:
        if self._exists():
            raise SubmitError(self._known())

    def _known(self) -> str:
        return (
            f"campaign {self._order.campaign} exists already: this file was submitted before for these lines and this "
            "template, or the id is taken. To send it once more on purpose, give it another id with --id"
        )

    # -- writing

    async def _put(self, producer: Producer, chunk: Chunk) -> None:
        key = keys.join(chunk.campaign, str(chunk.index)).encode()
        place = partition_of(self._settings, chunk.did)
        record = Record(topics.CAMPAIGNS_CHUNKS.name, encode(chunk), key, self._headers("chunk"), place)
        self._open.append(_Written(chunk.did, len(chunk.recipients), chunk.digest, producer.send(record)))
        if len(self._open) >= AHEAD:
            await self._landed()

    async def _landed(self) -> None:
        written = self._open[0]
        landed = await written.landing
        self._open.popleft()
        self._refs[written.did].append(ChunkRef(landed.offset, written.recipients))
        self._digests[written.did].append(written.digest)

    def _records(self) -> list[Record]:
        """What makes the campaign exist, on every line that has recipients of it."""
        dids = [did for did, refs in self._refs.items() if refs]
        return [record for did in dids for record in self._of_line(did, dids if len(dids) > 1 else [])]

    def _of_line(self, did: str, dids: list[str]) -> list[Record]:
        contents = Contents(
            campaign=self._order.campaign,
            did=did,
            total=sum(ref.count for ref in self._refs[did]),
            chunks=self._refs[did],
            digest=whole(self._digests[did]),
            committed_ms=self._now_ms,
        )
        if len(contents.chunks) > CHUNKS_MAX:
            raise SubmitError(
                f"line {did} would have {len(contents.chunks)} chunks, and can have {CHUNKS_MAX}; cut the file in two"
            )
        return [
            self._record(did, "definition", encode(self._definition(did, dids))),
            self._record(did, "contents", encode(contents)),
        ]

    def _definition(self, did: str, dids: list[str]) -> Definition:
        order, terms = self._order, self._order.terms
        return Definition(
            campaign=order.campaign,
            tenant=order.tenant.tenant,
            did=did,
            template=static(order.template),
            created_ms=self._now_ms,
            send_class=order.template.category,
            start_ms=terms.start_ms,
            expires_ms=terms.expires_ms,
            name=terms.name or order.file.name,
            dids=dids,
            draft=terms.draft,
            canary=terms.canary,
            ramp=terms.ramp,
            stop=terms.stop,
            by=terms.by,
        )

    def _record(self, did: str, part: Part, value: bytes) -> Record:
        key = keys.join(did, self._order.campaign, part).encode()
        place = partition_of(self._settings, did)
        return Record(topics.CAMPAIGNS.name, value, key, self._headers(part), place)

    def _headers(self, kind: str) -> list[tuple[str, bytes]]:
        order = self._order
        headers = Headers(id=order.campaign, type=kind, tenant=order.tenant.tenant, at_ms=self._now_ms)
        return headers.to_kafka()

    def _transactions(self) -> TransactionalProducer:
        name = f"relevo-submit-{self._order.tenant.tenant}-{self._order.campaign}"
        return TransactionalProducer(self._settings, name, timeout_s=TRANSACTION_S)

    async def _commit(self, transactions: TransactionalProducer, records: list[Record]) -> None:
        try:
            await transactions.commit(records, [], None)
        except Fenced as failed:
            raise SubmitError(
                f"campaign {self._order.campaign} is being submitted by another command, which goes on; this one "
                "submitted nothing"
            ) from failed
        except TransactionFailed as failed:
            if not failed.indefinite or not await self._stands_after_all():
                raise SubmitError(f"Kafka did not take it: {failed}. Nothing was submitted; try again") from failed

    async def _stands_after_all(self) -> bool:
        """Whether a commit of unknown outcome was made: a new producer of the same id ends what is open first."""
        again = self._transactions()
        try:
            await again.start()
            return await asyncio.to_thread(self._exists)
        finally:
            await again.stop()
