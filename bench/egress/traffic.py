"""Traffic: single templates and campaigns as their senders write them, and whom it must reach. The same each time.

Each line's backlog stands together, its templates in turns, as a system writes that tells all its customers something;
`mixed` writes all lines' messages in random order. Everybody is sent to once in a run, but those who want nothing.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import orjson

from bench.egress.world import CALL, DECLINED, LINES, dids, owner_of, partition, person, templates_of
from runtime.kafka.record import Record
from schemas import ids, keys, topics
from schemas.campaign import CampaignRecord, Chunk, ChunkRef, Contents, Definition, Recipient
from schemas.headers import Headers
from schemas.outbound import OutboundMessage
from schemas.record import encode
from schemas.session import Template, TemplateButton

_NAMES = ("Ana", "Luis Pérez", "María Fernanda González", "João da Silva", "Camila", "J. R. R.")


class Due(NamedTuple):
    """What one message must look like where it arrives."""

    did: str
    to: str
    template: str
    parameters: tuple[str, ...]


class Batch(NamedTuple):
    """Records of single messages, and by their ids what must become of them; `refused` must not be sent."""

    records: list[Record]
    due: dict[str, Due]
    refused: frozenset[str] = frozenset()


class Campaign(NamedTuple):
    """A campaign of one line before its chunks are written."""

    did: str
    name: str
    chunks: list[Record]
    counts: list[int]
    due: dict[str, Due]


def singles(name: str, at_ms: int, partitions: int, *, each: int, templates: int, mixed: bool = False) -> Batch:
    """So many messages of each of so many templates of each line."""
    due: dict[str, Due] = {}
    records: list[Record] = []
    for line, did in enumerate(dids()):
        chosen = templates_of(did, templates)
        for number in range(each * templates):
            key = ids.message_id_of_request(owner_of(did), f"{name}-{did}-{number}")
            due[key] = _due(line, did, chosen[number % templates], number)
            records.append(_single(key, due[key], at_ms, partitions))
    if mixed:
        random.Random(name).shuffle(records)
    return Batch(records, due)


def warming(name: str, at_ms: int, partitions: int) -> Batch:
    """A few messages for each line, also to people who want none."""
    due: dict[str, Due] = {}
    refused = set()
    for line, did in enumerate(dids()):
        for number in (*range(5), *DECLINED[:2]):
            key = ids.message_id_of_request(owner_of(did), f"{name}-{did}-{number}")
            due[key] = _due(line, did, templates_of(did, 1)[0], number)._replace(to=person(line, number))
            if number in DECLINED:
                refused.add(key)
    records = [_single(key, one, at_ms, partitions) for key, one in due.items()]
    return Batch(records, {key: one for key, one in due.items() if key not in refused}, frozenset(refused))


def _due(line: int, did: str, template: str, number: int) -> Due:
    to = person(line, number if number < DECLINED[0] else number + DECLINED.stop - DECLINED.start)
    return Due(
        did, to, template, (_NAMES[number % len(_NAMES)], f"P-{number:07d}", "mañana de 9 a 14", f"p/{number:x}")
    )


def _single(key: str, due: Due, at_ms: int, partitions: int) -> Record:
    tenant = owner_of(due.did)
    message = OutboundMessage(
        id=key,
        tenant=tenant,
        did=due.did,
        contact=due.to,
        to=due.to,
        content=_template(due.template, due.parameters),
        send_class="marketing",
        expires_ms=at_ms + 86_400_000,
        at_ms=at_ms,
    )
    headers = Headers(id=key, type="message", tenant=tenant, at_ms=at_ms).to_kafka()
    place = partition(due.did, partitions)
    return Record(topics.OUTBOUND_TEMPLATES.name, encode(message), key.encode(), headers, partition=place)


def _template(name: str, parameters: tuple[str, ...]) -> Template:
    *body, button = parameters
    return Template(
        name=name, language="es", namespace="n1", body=body, buttons=[TemplateButton(index=0, parameter=button)]
    )


def campaigns(name: str, partitions: int, *, chunks: int, lines: int = LINES) -> Iterator[Campaign]:
    """One of each of the first so many lines, of so many chunks of a thousand."""
    for line, did in enumerate(dids()[:lines]):
        template = templates_of(did, 1)[0]
        every = [_due(line, did, template, number) for number in range(chunks * CALL)]
        due = {ids.message_id_of_recipient(did, name, number): one for number, one in enumerate(every)}
        parts = [every[first : first + CALL] for first in range(0, len(every), CALL)]
        records = [_chunk(did, name, index, part, partitions) for index, part in enumerate(parts)]
        yield Campaign(did, name, records, [len(part) for part in parts], due)


def _chunk(did: str, name: str, index: int, part: list[Due], partitions: int) -> Record:
    recipients = [Recipient(one.to, list(one.parameters[:-1]), [one.parameters[-1]]) for one in part]
    digest = hashlib.blake2b(encode(recipients), digest_size=16).hexdigest()
    chunk = Chunk(campaign=name, did=did, index=index, first=index * CALL, recipients=recipients, digest=digest)
    return _record(topics.CAMPAIGNS_CHUNKS.name, did, keys.join(name, f"{did}-{index}"), encode(chunk), partitions)


def commit_point(campaign: Campaign, offsets: list[int], at_ms: int, partitions: int) -> list[Record]:
    """Definition and contents, once it is known where the chunks stand."""
    refs = [ChunkRef(offset, count) for offset, count in zip(offsets, campaign.counts, strict=True)]
    definition = Definition(
        campaign=campaign.name,
        tenant=owner_of(campaign.did),
        did=campaign.did,
        template=_template(templates_of(campaign.did, 1)[0], ("", "", "", "")),
        created_ms=at_ms,
        send_class="marketing",
        expires_ms=at_ms + 86_400_000,
    )
    contents = Contents(
        campaign=campaign.name,
        did=campaign.did,
        total=sum(campaign.counts),
        chunks=refs,
        digest=hashlib.blake2b(encode(refs), digest_size=16).hexdigest(),
        committed_ms=at_ms,
    )
    return [_part(definition, "definition", partitions), _part(contents, "contents", partitions)]


def _part(record: CampaignRecord, part: str, partitions: int) -> Record:
    key = keys.join(record.did, record.campaign, part)
    return _record(topics.CAMPAIGNS.name, record.did, key, encode(record), partitions)


def _record(topic: str, did: str, key: str, value: bytes, partitions: int) -> Record:
    headers = Headers(id=key, type="campaign", tenant=owner_of(did), at_ms=0).to_kafka()
    return Record(topic, value, key.encode(), headers, partition=partition(did, partitions))


def receipts(due: Mapping[str, Due], at_ms: int, partitions: int) -> Iterator[Record]:
    """That each of these messages was delivered: a webhook each, as ingress writes it."""
    for key, one in due.items():
        body = {"id": key, "did": one.did, "msisdn": one.to, "type": "DELIVERY", "timestamp": at_ms // 1000}
        headers = Headers(id=key, type="receipt", tenant=owner_of(one.did), at_ms=at_ms, did=one.did, format="flat")
        topic, place = topics.INBOUND_RECEIPTS.name, partition(one.did, partitions)
        yield Record(topic, orjson.dumps(body), one.did.encode(), tuple(headers.to_kafka()), partition=place)
