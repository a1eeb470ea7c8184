"""Submits a campaign: definition, chunks, then the one record that makes it exist.

Promises: a campaign exists whole or not at all; submitting the same file for the same line and template again gives
the same id and is refused, so that a retried command cannot pay twice; memory does not grow with the file but for a
hash of each number. Leaves to egress: when and how the campaign is sent.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from relevo.campaigns.chunks import chunked, whole
from relevo.campaigns.recipients import BadRow, ColumnMapping, map_columns, open_csv, read_rows
from runtime.kafka.producer import Producer
from runtime.kafka.reader import read_partition
from runtime.kafka.record import Delivered, Record
from runtime.settings import KafkaSettings
from schemas import ids, keys, topics
from schemas.campaign import CHUNKS_MAX, ChunkRef, Contents, Definition, Part, Recipient
from schemas.headers import Headers
from schemas.outbound import SendClass
from schemas.record import Frozen, encode
from schemas.session import Template
from schemas.tenant import Line, TemplateSpec, Tenant

_READ_BYTES = 1 << 20


class SubmitError(ValueError):
    """Nothing was submitted; the message says why and what to do."""


class Order(Frozen):
    """What a person asks for: which file, on which line, with which template."""

    file: Path
    tenant: Tenant
    line: Line
    template: TemplateSpec
    mapping: ColumnMapping
    campaign: str
    start_ms: int = 0
    expires_ms: int = 0


class Submitted(Frozen):
    """What became of it: `bad` rows were left out (the first thousand of them, all counted in `refused`)."""

    campaign: str
    total: int
    chunks: int
    refused: int
    bad: list[BadRow] = []


def campaign_id(tenant: str, did: str, template: str, file: Path) -> str:
    """The same for the same file, line and template: a campaign submitted twice by mistake is one."""
    content = hashlib.blake2b(digest_size=16)
    with file.open("rb") as stream:
        while part := stream.read(_READ_BYTES):
            content.update(part)
    return "c" + ids.digest("campaign-file", tenant, did, template, content.hexdigest())[:12]


def order(
    file: Path,
    tenant: Tenant,
    *,
    line: str,
    template: str,
    language: str,
    campaign: str = "",
    columns: dict[str, str | list[str]] | None = None,
) -> Order:
    """Checks the request against the tenant and the file's columns; SubmitError or MappingError."""
    found = tenant.line(line) if line else next((one for one in tenant.lines if one.templates), None)
    if found is None:
        listed = ", ".join(one.did for one in tenant.lines)
        raise SubmitError(f"tenant {tenant.tenant} has no line {line!r}; it has {listed or 'none'}")
    if not found.templates:
        raise SubmitError(f"line {found.did} has no account for templates (`templates:` in the tenant file)")
    spec = tenant.template(template, language)
    if spec is None:
        listed = ", ".join(f"{one.name}/{one.language}" for one in tenant.templates)
        raise SubmitError(f"tenant {tenant.tenant} has no template {template}/{language}; it has {listed or 'none'}")
    with file.open(encoding="utf-8-sig", newline="") as stream:
        names = list(open_csv(stream).fieldnames or ())
    mapping = map_columns(names, spec, **(columns or {}))  # type: ignore[arg-type]
    chosen = campaign or campaign_id(tenant.tenant, found.did, template, file)
    try:
        keys.join(chosen)
    except keys.KeyPartError as error:
        raise SubmitError(f"a campaign's id cannot be {chosen!r}: {error}") from error
    return Order(file=file, tenant=tenant, line=found, template=spec, mapping=mapping, campaign=chosen)


def exists(settings: KafkaSettings, campaign: str, partition: int) -> bool:
    """Whether a campaign with this id was committed on the line's partition. Blocks."""
    decoder = topics.CAMPAIGNS.decoder()
    for message in read_partition(settings, topics.CAMPAIGNS.name, partition):
        if (value := message.value()) is None:
            continue
        record = decoder.decode(value)
        if isinstance(record, Contents) and record.campaign == campaign:
            return True
    return False


class Submission:
    """One submission under way."""

    def __init__(self, settings: KafkaSettings, wanted: Order, now_ms: int) -> None:
        self._settings = settings
        self._order = wanted
        self._now_ms = now_ms
        count = topics.CAMPAIGNS.count(topics.PROFILES[settings.profile])
        self._partition = keys.partition(wanted.line.did, count)
        self._bad: list[BadRow] = []
        self._refused = 0

    async def run(self) -> Submitted:
        """Writes everything; SubmitError when the campaign exists, DeliveryError when Kafka would not take it."""
        campaign = self._order.campaign
        if await asyncio.to_thread(exists, self._settings, campaign, self._partition):
            raise SubmitError(
                f"campaign {campaign} exists already: this file was submitted before for this line and template. "
                "To send it once more on purpose, give it another id with --id"
            )
        producer = Producer(self._settings)
        await producer.start()
        try:
            return await self._write(producer)
        finally:
            await producer.stop()

    async def _write(self, producer: Producer) -> Submitted:
        refs: list[ChunkRef] = []
        digests: list[str] = []
        with self._order.file.open(encoding="utf-8-sig", newline="") as stream:
            for chunk in chunked(self._order.campaign, self._order.line.did, self._recipients(stream)):
                if chunk.index >= CHUNKS_MAX:
                    raise SubmitError(
                        f"a line's campaign has at most {CHUNKS_MAX} chunks; cut {self._order.file} in two"
                    )
                landed: Delivered = await producer.send(self._chunk_record(chunk.index, encode(chunk)))
                refs.append(ChunkRef(landed.offset, len(chunk.recipients)))
                digests.append(chunk.digest)
        if not refs:
            raise SubmitError(f"{self._order.file} has no row that can be sent ({self._refused} refused)")
        total = sum(ref.count for ref in refs)
        contents = Contents(
            campaign=self._order.campaign,
            did=self._order.line.did,
            total=total,
            chunks=refs,
            digest=whole(digests),
            committed_ms=self._now_ms,
        )
        await producer.send_all([self._record("definition", self._definition())])
        await producer.send_all([self._record("contents", contents)])
        return Submitted(
            campaign=self._order.campaign, total=total, chunks=len(refs), refused=self._refused, bad=self._bad
        )

    def _recipients(self, stream: Iterable[str]) -> Iterator[Recipient]:
        for row in read_rows(open_csv(stream), self._order.mapping):
            if isinstance(row, Recipient):
                yield row
                continue
            self._refused += 1
            if len(self._bad) < 1000:
                self._bad.append(row)

    def _definition(self) -> Definition:
        spec = self._order.template
        send_class: SendClass = spec.category
        return Definition(
            campaign=self._order.campaign,
            tenant=self._order.tenant.tenant,
            did=self._order.line.did,
            template=static(spec),
            created_ms=self._now_ms,
            send_class=send_class,
            start_ms=self._order.start_ms,
            expires_ms=self._order.expires_ms,
            name=self._order.file.name,
        )

    def _record(self, part: Part, value: Definition | Contents) -> Record:
        key = keys.join(value.did, value.campaign, part)
        return Record(topics.CAMPAIGNS.name, encode(value), key.encode(), self._headers(part), self._partition)

    def _chunk_record(self, index: int, value: bytes) -> Record:
        key = keys.join(self._order.campaign, str(index))
        return Record(topics.CAMPAIGNS_CHUNKS.name, value, key.encode(), self._headers("chunk"), self._partition)

    def _headers(self, kind: str) -> list[tuple[str, bytes]]:
        order = self._order
        headers = Headers(id=order.campaign, type=kind, tenant=order.tenant.tenant, at_ms=self._now_ms)
        return headers.to_kafka()


def static(spec: TemplateSpec) -> Template:
    """The template without any recipient's parameters."""
    return Template(
        name=spec.name,
        language=spec.language,
        namespace=spec.namespace,
        header_kind="text" if spec.header == "none" else spec.header,
        bot_attention=spec.bot_attention,
    )
