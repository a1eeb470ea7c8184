"""Chattigo's calls to the ISV: POSTs of events and receipts, with time-outs, retries, duplicates and several
events in one.

Promises: events of one contact leave in the order in which they were put, also through retries; every attempt is
a `webhook` line of the ledger, written when its answer is known. Only status 200 acknowledges, unless a knob says
otherwise. Leaves to `world`: what is owed to whom.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from typing import Literal, NamedTuple
from zlib import crc32

import aiohttp
import orjson

from sandbox.chattigo import envelope
from sandbox.chattigo.config import Line
from sandbox.chattigo.dice import Dice
from sandbox.chattigo.knobs import Knobs
from sandbox.chattigo.ledger import Ledger, Webhook
from sandbox.chattigo.messages import Json

log = logging.getLogger(__name__)
Kind = Literal["message", "status", "event", "notification", "raw", "other"]
HEADERS = {"Content-Type": "application/json"}
ALERT = {"entity_type": "PHONE_NUMBER", "alert_severity": "INFORMATIONAL", "alert_type": "OBA_APPROVED"}


class Item(NamedTuple):
    """One event or receipt that is owed. `key`: its id in the ledger. `card`: the customer's, for a cloud message, or
    for a receipt that names people.
    """

    kind: Kind
    did: str
    contact: str
    key: str
    payload: Json
    card: Json | None = None

    @property
    def receipt(self) -> bool:
        """Whether it tells of a send."""
        return self.kind in ("status", "notification")


class Parcel(NamedTuple):
    """What goes into one POST, to the address that is registered as `target` (see `world.World.url`)."""

    items: tuple[Item, ...]
    target: str
    duplicate: bool = False
    raw: bytes | None = None

    @property
    def format(self) -> str:
        """cloud or flat or raw."""
        if self.raw is not None:
            return "raw"
        return "cloud" if self.items[0].kind in ("message", "status") else "flat"


def other(line: Line, field: str, value: Json) -> Parcel:
    """A POST with a change that is no message: nothing that is owed, so the ledger lists nothing in it (Q35)."""
    body = orjson.dumps(envelope.other(line, field, value))
    return Parcel((Item("other", line.did, "", field, value),), "inbound", raw=body)


class Answer(NamedTuple):
    """What the ISV said; status 0 when it said nothing."""

    status: int
    error: str
    took_ms: int


class _Lane:
    def __init__(self) -> None:
        self.waiting: deque[Parcel] = deque()
        self.task: asyncio.Task[None] | None = None


class Deliverer:
    """Lanes per line; a lane sends one POST at a time. `url` gives a did's address of a kind, or None."""

    def __init__(
        self,
        knobs: Knobs,
        dice: Dice,
        ledger: Ledger,
        lines: dict[str, Line],
        url: Callable[[str, str], str | None],
    ) -> None:
        self._knobs, self._dice, self._ledger, self._lines, self._url = knobs, dice, ledger, lines, url
        self._lanes: dict[tuple[str, int], _Lane] = {}
        self._sessions: dict[str, aiohttp.ClientSession] = {}
        self._open = False
        self._posts = max((line.post for line in ledger.of(Webhook)), default=0)
        self._later: set[asyncio.TimerHandle] = set()
        self.pending = 0

    async def start(self) -> None:
        """From now on it calls."""
        self._open = True

    def _session(self) -> aiohttp.ClientSession:
        """The client that calls from the address that the knob names."""
        source = self._knobs.webhooks.source_ip
        if source not in self._sessions:
            connector = aiohttp.TCPConnector(limit=0, local_addr=(source, 0) if source else None)
            self._sessions[source] = aiohttp.ClientSession(connector=connector, auto_decompress=False)
        return self._sessions[source]

    async def stop(self) -> None:
        """Drop what is undelivered and close."""
        for handle in self._later:
            handle.cancel()
        tasks = [lane.task for lane in self._lanes.values() if lane.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._open = False
        for session in self._sessions.values():
            await session.close()

    def put(self, parcel: Parcel) -> None:
        """Queue a parcel, whose items share a did, behind what its contact is owed already."""
        first = parcel.items[0]
        number = crc32(first.contact.encode()) % max(self._knobs.webhooks.lanes, 1)
        lane = self._lanes.setdefault((first.did, number), _Lane())
        lane.waiting.append(parcel)
        self.pending += 1
        if lane.task is None:
            lane.task = asyncio.create_task(self._drain(lane))

    async def _drain(self, lane: _Lane) -> None:
        try:
            while lane.waiting:
                if self._knobs.webhooks.linger_s:
                    await asyncio.sleep(self._knobs.webhooks.linger_s)
                await self._deliver(*self._gather(lane))
        except Exception:
            log.exception("a lane of webhooks broke")
            raise
        finally:
            lane.task = None

    def _gather(self, lane: _Lane) -> tuple[Parcel, int]:
        """The next POST: the first parcel and those behind it that fit, and how many parcels it is."""
        parcel, parcels = lane.waiting.popleft(), 1
        room = self._dice.number(self._knobs.webhooks.batch, "batch", parcel.items[0].key)
        while lane.waiting and self._fits(parcel, lane.waiting[0], room):
            parcel = parcel._replace(items=parcel.items + lane.waiting.popleft().items)
            parcels += 1
        return parcel, parcels

    def _fits(self, parcel: Parcel, other: Parcel, room: int) -> bool:
        did = parcel.items[0].did
        same = (parcel.format, parcel.duplicate) == (other.format, other.duplicate)
        same = same and self._url(did, parcel.target) == self._url(did, other.target)
        if not same or parcel.raw is not None or len(parcel.items) + len(other.items) > room:
            return False
        notices = all(item.kind == "notification" for item in parcel.items + other.items)
        return parcel.format == "cloud" or (notices and self._knobs.receipts.array)

    async def _deliver(self, parcel: Parcel, parcels: int) -> None:
        self._posts += 1
        post, body, waits = self._posts, self._body(parcel), self._knobs.webhooks.retry_s
        acked, began_s = False, time.monotonic()
        for attempt in range(1, len(waits) + 2):
            answer = await self._attempt(parcel, body)
            acked = self._acks(answer)
            last = acked or attempt > len(waits) or self._too_old(time.monotonic() - began_s, waits[attempt - 1])
            self._record(parcel, post, attempt, answer, body, last)
            if last:
                break
            await asyncio.sleep(waits[attempt - 1])
        self.pending -= parcels
        if acked and not parcel.duplicate:
            self._maybe_again(parcel, body)

    def _acks(self, answer: Answer) -> bool:
        return answer.status == 200 or (self._knobs.webhooks.acks == "2xx" and 200 <= answer.status < 300)

    def _too_old(self, age_s: float, wait_s: float) -> bool:
        """Whether the next attempt would begin too late (Q18)."""
        most_s = self._knobs.webhooks.max_age_s
        return bool(most_s) and age_s + wait_s > most_s

    def _headers(self) -> dict[str, str]:
        """How Chattigo shows who it is (Q20)."""
        knobs = self._knobs.webhooks
        if knobs.auth == "none":
            return HEADERS
        if knobs.auth == "bearer":
            return HEADERS | {"Authorization": f"Bearer {knobs.auth_value}"}
        return HEADERS | {knobs.auth_header: knobs.auth_value}

    async def _attempt(self, parcel: Parcel, body: bytes) -> Answer:
        url = self._url(parcel.items[0].did, parcel.target)
        if url is None or not self._open:
            return Answer(0, "no webhook registered", 0)
        began, error, status = time.monotonic(), "", 0
        timeout = aiohttp.ClientTimeout(total=self._knobs.webhooks.timeout_s)
        try:
            async with self._session().post(
                url, data=body, headers=self._headers(), timeout=timeout, allow_redirects=False
            ) as answer:
                status = answer.status
                await answer.read()
        except TimeoutError:
            error = "timeout"
        except (aiohttp.ClientError, OSError) as problem:
            error = type(problem).__name__
        return Answer(status if not error else 0, error, int((time.monotonic() - began) * 1000))

    def _record(self, parcel: Parcel, post: int, attempt: int, answer: Answer, body: bytes, last: bool) -> None:
        self._ledger.write(
            Webhook(
                post=post,
                attempt=attempt,
                did=parcel.items[0].did,
                format=parcel.format,
                events=[item.key for item in parcel.items if not item.receipt and item.kind != "other"],
                receipts=[item.key for item in parcel.items if item.receipt],
                status=answer.status,
                acked=self._acks(answer),
                last=last,
                duplicate=parcel.duplicate,
                error=answer.error,
                bytes=len(body),
                took_ms=answer.took_ms,
            )
        )

    def _body(self, parcel: Parcel) -> bytes:
        if parcel.raw is not None:
            return parcel.raw
        items = parcel.items
        if parcel.format == "flat":
            return orjson.dumps(items[0].payload if len(items) == 1 else [item.payload for item in items])
        layout = self._dice.pick(envelope.LAYOUTS, "layout", items[0].key)
        messages = [(item.payload, item.card) for item in items if item.kind == "message"]
        statuses = [item.payload for item in items if item.kind == "status"]
        cards = {item.payload["id"]: item.card for item in items if item.kind == "status" and item.card}
        body = envelope.wrap(self._lines[items[0].did], messages, statuses, layout, cards)
        if self._dice.chance(self._knobs.webhooks.other_fields, "other", items[0].key):
            body["entry"][-1]["changes"].append({"field": "account_alerts", "value": ALERT})
        return orjson.dumps(body)

    def _maybe_again(self, parcel: Parcel, body: bytes) -> None:
        """By chance repeat what was acknowledged: the same bytes, or one of its items carved anew."""
        word, knobs = parcel.items[0].key, self._knobs.webhooks
        if not self._dice.chance(knobs.duplicate, "duplicate", word):
            return
        again = parcel._replace(duplicate=True, raw=parcel.raw)
        if parcel.raw is None and self._dice.chance(0.5, "carved", word):
            again = again._replace(items=(self._dice.pick(parcel.items, "which", word),))
        self.pending += 1
        self.after(self._dice.between(knobs.duplicate_s, "again", word), lambda: self._requeue(again))

    def _requeue(self, parcel: Parcel) -> None:
        self.pending -= 1
        self.put(parcel)

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        """Do it later, unless stopped before."""
        handles: list[asyncio.TimerHandle] = []

        def due() -> None:
            self._later.discard(handles[0])
            action()

        handles.append(asyncio.get_running_loop().call_later(seconds, due))
        self._later.add(handles[0])
