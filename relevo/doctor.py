"""What `relevo doctor` looks at: settings, keys, Kafka, topics, transactions, clock, tenants, logins.

Promises: changes nothing; one finding a thing looked at; a check that cannot be made because an earlier one failed
is left out. A login is made only when asked for: it may evict the token in use.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from email.utils import parsedate_to_datetime
from typing import Literal

import aiohttp
import msgspec
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from processors.agents.config import Configs, has_sealed
from processors.agents.limits import AgentFailed
from relevo.tenants.store import read_tenants
from runtime.kafka import config, topics
from runtime.kafka.mock import is_mock
from runtime.kafka.offsets import OffsetsUnavailable, hanging
from runtime.secrets import DecryptionError, KeyRing, KeyRingError
from runtime.settings import (
    AREAS,
    EgressSettings,
    KafkaSettings,
    KeysSettings,
    LeaseSettings,
    ProcessorSettings,
    SettingsError,
    load,
)
from schemas.chattigo.login import LoginRefused, login_body, read_token
from schemas.record import Frozen, RecordError
from schemas.tenant import Account, Tenant, password_context
from schemas.topics import TENANTS, catalogue

KAFKA_S = 8.0
ABORT_SCAN_S = 12.0  # Kafka looks for transactions past their time-out every 10 s
CLOCK_TOLERANCE_S = 5.0  # a Date header has whole seconds, and the way takes time

_NO_RING = "make one with: relevo keys new FILE, and name it in RELEVO_KEYS_FILE"
_RING = (
    "put back the file that the tenants were applied with; a new one (relevo keys new FILE) means applying them again"
)
_HANGS = "end it with Kafka's tools: docs/operations.md, A transaction that never ends"
_APPLY = "apply the tenant's file again with the key ring that the services have"


class Finding(Frozen):
    """One thing looked at."""

    what: str
    state: Literal["ok", "warning", "failed"]
    detail: str
    advice: str = ""


async def examine(*, login: bool = False) -> list[Finding]:
    """All findings, in the order in which one needs the other."""
    return [finding async for finding in _examine(login)]


async def _examine(login: bool) -> AsyncIterator[Finding]:
    findings = list(_settings())
    for finding in findings:
        yield finding
    if any(finding.state == "failed" for finding in findings):
        return
    ring_finding, ring = _keys()
    yield ring_finding
    kafka = load(KafkaSettings)
    reached = await asyncio.to_thread(_kafka, kafka)
    yield reached
    if reached.state == "failed":
        return
    compared, there = await asyncio.to_thread(_topics, kafka)
    for finding in compared:
        yield finding
    if not there:
        return
    if not is_mock(kafka):
        yield await asyncio.to_thread(_transactions, kafka)
    tenants_finding, tenants = await asyncio.to_thread(_tenants, kafka)
    yield tenants_finding
    yield await _clock([account for tenant in tenants for account in tenant.accounts.values()])
    for tenant in tenants:
        for finding in await _accounts(tenant, ring, login):
            yield finding
        for finding in _agents(tenant, ring):
            yield finding


def _settings() -> Iterator[Finding]:
    lines: list[str] = []
    for area in AREAS:
        try:
            load(area)
        except SettingsError as error:
            lines += [line for line in error.lines if line not in lines]
    if not lines:
        yield Finding(what="settings", state="ok", detail="every RELEVO_ variable is known and within its bounds")
    for line in lines:
        advice = _NO_RING if line.startswith(KeysSettings.variable("file")) else "see docs/reference/settings.md"
        yield Finding(what="settings", state="failed", detail=line, advice=advice)


def _keys() -> tuple[Finding, KeyRing | None]:
    path = load(KeysSettings).file
    if path is None:
        return Finding(what="key ring", state="failed", detail="RELEVO_KEYS_FILE is not set", advice=_NO_RING), None
    try:
        ring = KeyRing.load(path)
    except KeyRingError as error:
        return Finding(what="key ring", state="failed", detail=str(error), advice=_RING), None
    return Finding(what="key ring", state="ok", detail=f"keys {', '.join(ring.ids)}; {ring.ids[0]} encrypts"), ring


def _kafka(settings: KafkaSettings) -> Finding:
    try:
        cluster = AdminClient(config.admin(settings)).list_topics(timeout=KAFKA_S)
    except KafkaException as failed:
        advice = (
            "is RELEVO_KAFKA_BOOTSTRAP right, the network open, and the TLS and SASL settings those of the cluster?"
        )
        detail = f"{settings.bootstrap} does not answer: {failed.args[0].str()}"
        return Finding(what="Kafka", state="failed", detail=detail, advice=advice)
    return Finding(what="Kafka", state="ok", detail=f"{len(cluster.brokers)} brokers at {settings.bootstrap}")


def _topics(settings: KafkaSettings) -> tuple[list[Finding], bool]:
    """The findings, and whether the tenants can be read."""
    wanted = catalogue(tuple(load(ProcessorSettings).agents)).values()
    mismatches = topics.check(settings, wanted)
    if not mismatches:
        return [Finding(what="topics", state="ok", detail=f"{len(wanted)} topics are as the catalogue says")], True
    found = [
        Finding(
            what="topics",
            state="failed",
            detail=str(mismatch),
            advice="relevo topics apply" if mismatch.fixable else mismatch.advice,
        )
        for mismatch in mismatches
    ]
    return found, not any((one.topic, one.field) == (TENANTS.name, "topic") for one in mismatches)


def _transactions(settings: KafkaSettings) -> Finding:
    """Readers stand still at a transaction that nobody ends: Kafka ends one at its time-out, found by the next scan."""
    areas = load(ProcessorSettings), load(LeaseSettings), load(EgressSettings)
    open_s = max(area.transaction_timeout_s for area in areas) + ABORT_SCAN_S
    try:
        found = hanging(settings, catalogue(tuple(load(ProcessorSettings).agents)), open_s)
    except (OffsetsUnavailable, KafkaException) as failed:
        return Finding(what="transactions", state="failed", detail=str(failed), advice="is a broker away?")
    if not found:
        return Finding(what="transactions", state="ok", detail="none is open for longer than it may be")
    named = ", ".join(f"{topic}/{number} at {offset}" for (topic, number), offset in sorted(found.items()))
    detail = f"one is open for more than {open_s:.0f} s, and readers stand still: {named}"
    return Finding(what="transactions", state="failed", detail=detail, advice=_HANGS)


async def _clock(accounts: list[Account]) -> Finding:
    """This machine's clock against the Date of Chattigo's answers: windows and deadlines depend on it."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:
        for base in dict.fromkeys(account.base for account in accounts):
            try:
                async with session.get(base, allow_redirects=False) as answer:
                    said = parsedate_to_datetime(answer.headers["Date"]).timestamp()
            except (aiohttp.ClientError, TimeoutError, KeyError, ValueError):
                continue
            off_s = time.time() - said
            detail = f"{abs(off_s):.1f} s {'ahead of' if off_s > 0 else 'behind'} {base}"
            if abs(off_s) > CLOCK_TOLERANCE_S:
                return Finding(what="clock", state="failed", detail=detail, advice="is time synchronised (NTP)?")
            return Finding(what="clock", state="ok", detail=detail)
    detail = "could not be compared: no account's server tells the time"
    return Finding(what="clock", state="warning", detail=detail, advice="check that time is synchronised (NTP)")


def _tenants(settings: KafkaSettings) -> tuple[Finding, list[Tenant]]:
    try:
        tenants = list(read_tenants(settings).values())
    except RecordError as error:
        return Finding(what="tenants", state="failed", detail=str(error), advice="apply the tenant's file again"), []
    if not tenants:
        return Finding(what="tenants", state="warning", detail="there are none", advice="relevo tenants apply FILE"), []
    return Finding(what="tenants", state="ok", detail=", ".join(tenant.tenant for tenant in tenants)), tenants


async def _accounts(tenant: Tenant, ring: KeyRing | None, login: bool) -> list[Finding]:
    if ring is None:
        return []
    found = []
    for name, account in tenant.accounts.items():
        what = f"account {tenant.tenant}/{name}"
        try:
            password = ring.decrypt(account.password, password_context(tenant.tenant, name))
        except DecryptionError as error:
            found.append(Finding(what=what, state="failed", detail=f"its password: {error}", advice=_APPLY))
            continue
        found.append(
            await _login(what, account, password)
            if login
            else Finding(what=what, state="ok", detail="its password can be read; --login tries it")
        )
    return found


def _agents(tenant: Tenant, ring: KeyRing | None) -> Iterator[Finding]:
    """Of agents that have secrets among their settings."""
    for kind, settings in tenant.agents.items():
        if ring is None or not has_sealed(settings):
            continue
        what = f"agent {tenant.tenant}/{kind}"
        try:
            Configs(kind, {tenant.tenant: tenant}.get, ring)(tenant.tenant)
        except AgentFailed as error:
            yield Finding(what=what, state="failed", detail=str(error), advice=_APPLY)
        else:
            yield Finding(what=what, state="ok", detail="its secrets can be read")


async def _login(what: str, account: Account, password: str) -> Finding:
    body = msgspec.json.encode(login_body(account.username, password))
    timeout = aiohttp.ClientTimeout(total=10)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.post(
                f"{account.base}/login", data=body, headers={"Content-Type": "application/json"}, allow_redirects=False
            ) as answer,
        ):
            read_token(answer.status, await answer.read())
    except LoginRefused as refused:
        return Finding(what=what, state="failed", detail=str(refused), advice="ask Chattigo whether the login is right")
    except (aiohttp.ClientError, TimeoutError) as failed:
        detail = f"{account.base} does not answer: {type(failed).__name__}"
        return Finding(what=what, state="failed", detail=detail, advice="is `base` right and the way out open?")
    return Finding(what=what, state="ok", detail="logged in")
