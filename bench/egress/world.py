"""The world of the benchmark: tenants, lines, templates, opt-outs, and what each line has sent before.

The same for the same amounts. Leaves to `traffic` what is sent in it.
"""

from __future__ import annotations

import random
from array import array
from collections.abc import Iterator
from typing import NamedTuple

from egress.chattigo.tokens import token_context
from runtime.kafka.record import Record
from runtime.secrets import KeyRing
from schemas import ids, keys, topics
from schemas.headers import Headers
from schemas.journal import CallOutcome, Plan, PlannedMessage, PlanRef, Segment
from schemas.optout import Optout
from schemas.record import encode
from schemas.tenant import Account, ButtonSpec, Line, TemplateSpec, Tenant
from schemas.token import Token

LINES = 50
TENANTS = 5
TEMPLATES = 20
OPTOUTS = 100_000
CALL = 1000
DECLINED = range(3960, 4000, 2)  # of each line's people: they want nothing at all, and must get nothing
RATE = 1_000_000.0  # messages a second that a line may send: pace is not what is measured
_HOUR_MS = 3_600_000
_SEGMENT = 10_000


class Fill(NamedTuple):
    """What each line remembers at the start: ids in segments, and plans of a thousand that are whole in memory."""

    ids: int
    plans: int


def dids() -> list[str]:
    return [f"569{line:08d}" for line in range(LINES)]


def owner_of(did: str) -> str:
    """The tenant's name."""
    return f"company-{int(did[3:]) % TENANTS}"


def templates_of(did: str, count: int) -> list[str]:
    """So many of the twenty templates that a line sends."""
    return [f"notice_{(int(did[3:]) * 2 + n) % TEMPLATES:02d}" for n in range(count)]


def person(line: int, number: int) -> str:
    """The number of a person; one writes to one line alone."""
    return f"57{line:03d}{number:07d}"


def templates() -> list[TemplateSpec]:
    """The twenty templates of every company."""
    return [
        TemplateSpec(
            name=f"notice_{n:02d}",
            language="es",
            category="marketing",
            body=3,
            buttons=[ButtonSpec(index=0)],
            namespace="n1",
        )
        for n in range(TEMPLATES)
    ]


def tenants(base: str) -> list[Tenant]:
    """Five companies with ten lines each, all of them with the same twenty templates."""
    return [
        Tenant(
            tenant=name,
            accounts={"hsm": account(name, base)},
            lines=[Line(did=did, templates="hsm", rate=RATE) for did in dids() if owner_of(did) == name],
            templates=templates(),
        )
        for name in sorted({owner_of(did) for did in dids()})
    ]


def account(tenant: str, base: str) -> Account:
    """The login of a company; recipients carry their message's id, by which the audit knows them."""
    return Account(service="hsm", base=base, username=f"{tenant}@{tenant}", password="", destination_ids=True)


def partition(did: str, count: int) -> int:
    return keys.partition(did, count)


def token(of: Account, text: str, ring: KeyRing, now_ms: int) -> Record:
    """An account's token as the lease leaves it, good for hours."""
    held = Token(
        account=of.key,
        generation=1,
        token=ring.encrypt(text, token_context(of)),
        obtained_ms=now_ms - _HOUR_MS,
        refresh_ms=now_ms + 6 * _HOUR_MS,
        dies_ms=now_ms + 7 * _HOUR_MS,
    )
    return Record(topics.TOKENS.name, encode(held), of.key.encode())


class Setting:
    """The records of the world; `partitions` is the number that each topic of lines has, `now_ms` the present."""

    def __init__(self, base: str, ring: KeyRing, partitions: int, now_ms: int) -> None:
        self._base, self._ring, self._partitions, self._now_ms = base, ring, partitions, now_ms

    def records(self, fill: Fill) -> Iterator[Record]:
        """Everything that must stand in Kafka before the worker starts."""
        for tenant in tenants(self._base):
            yield Record(topics.TENANTS.name, encode(tenant), tenant.tenant.encode(), partition=0)
            yield token(tenant.accounts["hsm"], "a token", self._ring, self._now_ms)
        for line, did in enumerate(dids()):
            yield from self._optouts(line, did)
            yield from self._history(line, did, fill)

    def _optouts(self, line: int, did: str) -> Iterator[Record]:
        """Of every second one of a line's first people; most want marketing alone, some nothing at all."""
        for number in range(0, 2 * OPTOUTS // LINES, 2):
            contact = person(line, number)
            out = Optout(
                tenant=owner_of(did),
                since_ms=self._now_ms - 24 * _HOUR_MS,
                why="word",
                categories=[] if number in DECLINED else ["utility"],
            )
            yield self._record(topics.OPTOUTS.name, did, keys.join(did, contact), encode(out), "optout")

    def _history(self, line: int, did: str, fill: Fill) -> Iterator[Record]:
        """What the line sent before, as the journal tells of it."""
        dice = random.Random(line)
        for number in range(1, fill.ids // _SEGMENT + 1):
            segment = encode(_segment(did, number, self._now_ms - 2 * _HOUR_MS, dice))
            yield self._journal(did, keys.join(did, "segment", str(number)), segment, "segment")
        for number in range(fill.plans):
            plan = self._plan(line, did, number)
            outcome = CallOutcome(plan_id=plan.plan_id, did=did, result="accepted", at_ms=plan.at_ms + 100, status=200)
            key = keys.join(did, plan.plan_id)
            yield self._journal(did, key, encode(plan), "plan")
            yield self._journal(did, keys.join(did, plan.plan_id, "outcome"), encode(outcome), "outcome")

    def _plan(self, line: int, did: str, number: int) -> Plan:
        tenant = owner_of(did)
        return Plan(
            plan_id=ids.digest("before", did, str(number)),
            tenant=tenant,
            did=did,
            account=account(tenant, self._base).key,
            route="batch",
            send_class="marketing",
            messages=[
                PlannedMessage(
                    ids.digest("before", did, str(number), str(place)),
                    contact := person(line, 9_000_000 + number * CALL + place),
                    contact,
                    topics.OUTBOUND_TEMPLATES.name,
                    -1,
                )
                for place in range(CALL)
            ],
            digest="",
            deadline_ms=self._now_ms - _HOUR_MS,
            at_ms=self._now_ms - _HOUR_MS,
            template="notice_00",
            root_id=f"before-{did}-{number}",
        )

    def _journal(self, did: str, key: str, value: bytes, kind: str) -> Record:
        return self._record(topics.EGRESS_JOURNAL.name, did, key, value, kind)

    def _record(self, topic: str, did: str, key: str, value: bytes, kind: str) -> Record:
        headers = Headers(id=key, type=kind, tenant=owner_of(did), at_ms=self._now_ms).to_kafka()
        return Record(topic, value, key.encode(), headers, partition=partition(did, self._partitions))


def _segment(did: str, number: int, at_ms: int, dice: random.Random) -> Segment:
    """Ten plans of a thousand messages that are settled: their digests, of no message that comes again."""
    found = array("Q", sorted(dice.getrandbits(64) for _ in range(_SEGMENT)))
    names = array("Q", sorted(dice.getrandbits(64) for _ in range(_SEGMENT)))
    places = array("I", (n % (_SEGMENT // CALL) for n in range(_SEGMENT)))
    return Segment(
        did=did,
        number=number,
        from_ms=at_ms,
        to_ms=at_ms,
        messages=_SEGMENT,
        plans=[PlanRef(ids.digest("older", did, str(number), str(n)), 0, 0) for n in range(_SEGMENT // CALL)],
        ids=found.tobytes(),
        id_plans=places.tobytes(),
        names=names.tobytes(),
        name_plans=places.tobytes(),
    )
