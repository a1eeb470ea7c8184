"""The world of it: a few lines at WhatsApp's usual rate, each with bulk for the whole run; and the Chattigo they have.

The simulated Chattigo keeps a line's rate itself: what it would tell of a line that is too fast is counted, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec

from bench.egress import traffic, world
from runtime.kafka.record import Record
from sandbox.chattigo import config as chattigo
from sandbox.chattigo.knobs import Knobs, Limits, Receipts, Webhooks
from schemas import ids, keys, topics
from schemas.headers import Headers
from schemas.outbound import OutboundMessage
from schemas.record import encode
from schemas.session import Text
from schemas.tenant import Account, Line, Tenant

RATE = 80.0
PASSWORD = "bench"
SERVICES: tuple[Literal["isv", "hsm"], ...] = ("isv", "hsm")
CAMPAIGN = "beside"
_FAR_MS = 10**13


def chattigo_file(folder: Path, dids: Sequence[str]) -> Path:
    """Its configuration: windows do not matter, no receipt is owed for bulk, and nobody hears of the others."""
    accounts = [
        chattigo.Account(service, f"{world.owner_of(did)}@bench", PASSWORD, [did])
        for did in dids
        for service in SERVICES
    ]
    knobs = Knobs(
        receipts=Receipts(hsm="none", before_answer=0.0),
        webhooks=Webhooks(retry_s=()),
        limits=Limits(line_per_s=RATE),
        window="never",
    )
    lines = [chattigo.Line(did) for did in dids]
    made = chattigo.Config(accounts, lines, ledger=str(folder / "ledger.ndjson"), knobs=knobs).check()
    file = folder / "chattigo.json"
    file.write_bytes(msgspec.json.encode(made))
    return file


def tenants(address: str, dids: Sequence[str]) -> list[Tenant]:
    """One company a line: replies by the ISV service, templates by the batch service."""
    return [
        Tenant(
            tenant=world.owner_of(did),
            accounts={service: _account(service, address, did) for service in SERVICES},
            lines=[Line(did=did, sends="isv", templates="hsm", rate=RATE)],
            templates=world.templates(),
        )
        for did in dids
    ]


def _account(service: Literal["isv", "hsm"], address: str, did: str) -> Account:
    return Account(
        service=service,
        base=address + chattigo.BASES[service],
        username=f"{world.owner_of(did)}@bench",
        password="",
        auth="raw" if service == "isv" else "bearer",
        destination_ids=service == "hsm",
    )


def bulk(dids: Sequence[str], chunks: int, partitions: int) -> list[traffic.Campaign]:
    """A campaign of each line."""
    return list(traffic.campaigns(CAMPAIGN, partitions, chunks=chunks, lines=len(dids)))


def reply(did: str, number: int, people: int, at_ms: int, partitions: int) -> Record:
    """The nth reply of a line; every `people`th is for the same person."""
    contact = f"5698{int(did[3:]) % 1000:03d}{number % people:04d}"
    message = OutboundMessage(
        id=ids.message_id(did, f"reply-{number}", "bench", 0),
        tenant=world.owner_of(did),
        did=did,
        contact=contact,
        to=contact,
        content=Text(body=f"{number:06d}"),
        at_ms=at_ms,
        window_expires_ms=_FAR_MS,
    )
    headers = Headers(id=message.id, type="message", tenant=message.tenant, at_ms=at_ms).to_kafka()
    key = keys.conversation(did, contact).encode()
    place = keys.partition(did, partitions)
    return Record(topics.OUTBOUND_REPLIES.name, encode(message), key, headers, partition=place)
