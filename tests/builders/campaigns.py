"""Campaigns for model-based tests: submitted, ordered about, heard of, and what is on record of them."""

from __future__ import annotations

from typing import Any, Literal

from schemas import topics
from schemas.campaign import Chunk, ChunkRef, Contents, Definition, Progress, Recipient
from schemas.journal import Plan
from schemas.line_command import ControlCampaign
from schemas.outcome import Outcome
from schemas.record import decode
from schemas.session import Template
from tests.builders.line_model import Model
from tests.builders.lines import DID, WALL

Action = Literal["pause", "resume", "cancel"]


def submit(made: Model, sizes: list[int], name: str = "c", prefix: str = "5698", **fields: Any) -> list[str]:
    """A campaign with chunks of these sizes; returns whom it is for."""
    first = 0
    for index, size in enumerate(sizes):
        rows = [Recipient(f"{prefix}{first + n:07}", ["x"]) for n in range(size)]
        made.chunks.append(Chunk(campaign=name, did=DID, index=index, first=first, recipients=rows, digest=""))
        first += size
    template = Template(name="promo", language="es")
    definition = Definition(campaign=name, tenant="acme", did=DID, template=template, created_ms=1, **fields)
    refs = [ChunkRef(n, size) for n, size in enumerate(sizes)]
    contents = Contents(campaign=name, did=DID, total=first, chunks=refs, digest="", committed_ms=WALL)
    made.put("campaigns", definition, contents)
    return [f"{prefix}{n:07}" for n in range(first)]


def order(made: Model, action: Action, name: str = "c") -> None:
    """A person's order, taken up."""
    made.put("lines.commands", ControlCampaign(id=action, did=DID, at_ms=WALL, by="ana", campaign=name, action=action))
    made.step("accept")


def notices(made: Model, kind: str, contacts: list[str], code: str = "") -> None:
    """A receipt for each of these people, of the last call to them."""
    root = {m.contact: plan.root_id for plan in made.taken for m in plan.messages}
    errors = {"errors": [{"code": code, "title": "why"}]} if code else {}
    for contact in contacts:
        notice = {"id": root[contact], "did": DID, "msisdn": contact, "type": kind, "channel": "WHATSAPP"}
        made.put("inbound.receipts", notice | errors)


def progress(made: Model, name: str = "c") -> Progress:
    """The last word on a campaign."""
    decoder = topics.CAMPAIGNS.decoder()
    records = [decoder.decode(r.value) for r in made.topics["campaigns"] if r.value is not None]
    return [record for record in records if isinstance(record, Progress) and record.campaign == name][-1]


def first_calls(made: Model, name: str = "c") -> list[Plan]:
    """The calls to recipients that were not called before."""
    return [plan for plan in made.plans() if plan.campaign == name and plan.attempt == 1]


def sizes_of(made: Model, name: str = "c") -> list[int]:
    return [len(plan.messages) for plan in first_calls(made, name)]


def outcomes(made: Model) -> list[Outcome]:
    return [decode(record.value, Outcome) for record in made.topics.get("outcomes", [])]
