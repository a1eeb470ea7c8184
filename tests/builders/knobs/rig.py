"""What a knob's test needs: a sandbox with everything in it, turned as the test says, and short ways to use it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import orjson

from sandbox.chattigo import ledger
from sandbox.chattigo.config import BASES, Account, Config, Line, Template
from sandbox.chattigo.knobs import Knobs, merged, patch
from sandbox.chattigo.server import Chattigo
from tests.unit.sandbox.conftest import CLOUD, FLAT, OTHER, Client, Isv

CHANNEL, PERSON, ARGENTINE = "56900000001", "56911111111", "5491122334455"
QUIET: dict[str, Any] = {
    "receipts": {
        "sent_s": (0, 0), "delivered_s": (0, 0), "read_s": (0, 0), "read": 1, "failed": 0, "lost": 0, "duplicate": 0,
        "reorder": 0, "skip_delivered": 0, "before_answer": 0,
    },
    "webhooks": {"timeout_s": 2, "retry_s": (0.01,), "duplicate": 0, "batch": (1, 1), "duplicate_s": (0, 0)},
    "humans": {"says_s": 0.01, "returns_s": 0.02},
    "window": "never",
    "allow_http": True,
}  # fmt: skip


class Clock:
    """Stands still unless it is moved."""

    def __init__(self) -> None:
        self.now_s = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now_s


class Rig(Client):
    """A sandbox, its ISV, and a client with tokens."""

    def __init__(self, chattigo: Chattigo, session: aiohttp.ClientSession, isv: Isv, clock: Clock) -> None:
        super().__init__(chattigo, session)
        self.isv, self.clock, self.turned = isv, clock, False

    def batch(self, *destinations: Any, **changes: Any) -> dict[str, Any]:
        """A batch; `changes` replace fields of the root, `hsm_…` those of `hsm`."""
        people = [{"destination": one, "parameters": ["Ana"]} if isinstance(one, str) else one for one in destinations]
        inner = {name[4:]: value for name, value in changes.items() if name.startswith("hsm_")}
        outer = {name: value for name, value in changes.items() if not name.startswith("hsm_")}
        hsm = {"template": "order_update", "languageCode": "es", "destinations": people or [{"destination": PERSON}]}
        return {"id": 7, "did": CLOUD, "type": "HSM", "channel": "WHATSAPP", "hsm": hsm | inner} | outer

    async def batched(self, *destinations: Any, **changes: Any) -> tuple[int, Any]:
        """A batch is sent: the status and the body."""
        status, body = await self.hsm(self.batch(*destinations, **changes))
        return status, orjson.loads(body) if body else None

    async def said(self, content: str = "hola", **changes: Any) -> int:
        """The bot says something: the status."""
        body = {"did": FLAT, "msisdn": PERSON, "type": "text", "content": content} | changes
        return (await self.bot(body))[0]

    async def image(self, link: str) -> int:
        """The business sends an image: the status."""
        image = {"messaging_product": "whatsapp", "to": PERSON, "type": "image", "image": {"link": link}}
        return (await self.send(image))[0]

    async def brought(self, **changes: Any) -> tuple[int, bytes]:
        """A client brings a message from its own channel."""
        body = {"did": CHANNEL, "msisdn": PERSON, "type": "text", "channel": "WEBCHAT", "content": "hola"} | changes
        token = await self.token("channel")
        return await self.call("POST", f"{BASES['channel']}/inbound", body, f"Bearer {token}")

    async def opens(self, service: str, path: str, form: str, method: str = "POST") -> bool:
        """Whether that form of the Authorization header opens the route."""
        token = await self.token(service)  # type: ignore[arg-type]
        return (await self.call(method, path, {}, form.format(token)))[0] != 401

    async def hear(self) -> list[Any]:
        """What the ISV was told, once nothing is owed."""
        await self.chattigo.settled()
        return list(self.isv.bodies)

    def found(self, kind: type[ledger.Entry]) -> list[Any]:
        """The ledger's lines of a type."""
        return self.chattigo.ledger.of(kind)

    async def comes(self, condition: Callable[[], bool], *, turned: bool = False) -> bool:
        """Whether it comes true: waited for where it should (`turned`: with the knob turned), else half a second."""
        try:
            await self.chattigo.ledger.until(condition, 10 if self.turned == turned else 0.5)
        except TimeoutError:
            return False
        return True

    async def receipts(self) -> list[tuple[str, int | None, bool]]:
        """State, code and loss of every receipt, once all are out."""
        await self.chattigo.settled()
        return [(one.state, one.code, one.lost) for one in self.found(ledger.Receipt)]

    async def codes(self) -> list[int]:
        """The numbers that sends failed with."""
        return [code for _, code, _ in await self.receipts() if code]


Probe = Callable[[Rig], Awaitable[Any]]


class Turn(NamedTuple):
    """A knob's test: what is seen must differ between the default and `value`; `besides` is turned in both."""

    knob: str
    value: Any
    besides: dict[str, Any]
    probe: Probe


TURNS: dict[str, Turn] = {}


def turns(knob: str, value: Any, **besides: Any) -> Callable[[Probe], Probe]:
    """Register a probe for a knob; `besides` are other knobs, an area as a dictionary."""

    def register(probe: Probe) -> Probe:
        assert knob not in TURNS, knob
        TURNS[knob] = Turn(knob, value, besides, probe)
        return probe

    return register


def nest(path: str, value: Any) -> dict[str, Any]:
    """`{"area": {"name": value}}` of a knob's path."""
    area, _, name = path.rpartition(".")
    return {area: {name: value}} if area else {name: value}


@asynccontextmanager
async def rig(folder: Path, isv: Isv, changes: dict[str, Any], seed: int = 3) -> AsyncIterator[Rig]:
    """A sandbox on a clock that stands still, with these knobs."""
    knobs = Knobs()
    patch(knobs, merged(QUIET, changes))
    accounts = [
        Account("isv", "acme@acme", "secret", [CLOUD, FLAT]),
        Account("hsm", "acme@acme", "secret", [CLOUD, FLAT]),
        Account("bot", "acme@acme", "secret", [CLOUD, FLAT]),
        Account("channel", "acme@acme", "secret", [CHANNEL]),
    ]
    lines = [Line(CLOUD, "cloud", isv.url), Line(FLAT, "flat", isv.url), Line(OTHER, "cloud", isv.url)]
    lines.append(Line(CHANNEL, "channel", isv.url))
    templates = [Template("order_update"), Template("sale", category="marketing"), Template("two", parameters=2)]
    clock = Clock()
    config = Config(accounts, lines, templates, seed=seed, knobs=knobs)
    path = folder / "ledger.ndjson"
    async with Chattigo(config, ledger_path=path, clock=clock) as chattigo, aiohttp.ClientSession() as session:
        yield Rig(chattigo, session, isv, clock)


async def seen(turn: Turn, folder: Path, isv: Isv, *, turned: bool) -> Any:
    """What the probe sees, with the knob at its default or turned."""
    own = nest(turn.knob, turn.value) if turned else {}
    async with asyncio.timeout(20), rig(folder, isv, merged(turn.besides, own)) as here:
        here.turned = turned
        found = await turn.probe(here)
    isv.bodies.clear()
    isv.raw.clear()
    return found
