"""The control API under `/_sandbox/`: what a demo and tests turn and read while the sandbox runs. JSON in, JSON
out.

Promises: a bad request is answered 400 with `{"error": …}` and changes nothing. It asks for no credentials: the
sandbox listens on this machine alone unless told otherwise.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from aiohttp import web

from sandbox.chattigo import customers, humans, knobs, ledger, people, profiles, raw
from sandbox.chattigo.crowd import Crowd
from sandbox.chattigo.delivery import Item, Parcel, other
from sandbox.chattigo.faults import Fault
from sandbox.chattigo.isv import FIELDS
from sandbox.chattigo.templates import Template
from sandbox.chattigo.world import World
from sandbox.people.script import Script

PREFIX = "/_sandbox"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Where(msgspec.Struct, forbid_unknown_fields=True):
    """A conversation, and for a human what is said."""

    did: str
    contact: str
    text: str = ""


class Login(msgspec.Struct, forbid_unknown_fields=True):
    """An account."""

    service: str
    username: str


class Profile(msgspec.Struct, forbid_unknown_fields=True):
    """A profile; `knobs` for one that is not packaged."""

    name: str
    knobs: dict[str, Any] | None = None


class Address(msgspec.Struct, forbid_unknown_fields=True):
    """A webhook address; `kind`: inbound, outbound or notifications."""

    did: str
    url: str
    kind: str = "inbound"


def answer(value: Any, status: int = 200) -> web.Response:
    """A JSON answer."""
    return web.Response(body=msgspec.json.encode(value), status=status, content_type="application/json")


@web.middleware
async def errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """What the caller did wrong becomes a 400 that says it."""
    if not request.path.startswith(PREFIX):
        return await handler(request)
    try:
        return await handler(request)
    except (msgspec.MsgspecError, KeyError, ValueError) as wrong:
        return answer({"error": f"{type(wrong).__name__}: {wrong}"}, 400)


class Control:
    """The handlers over one world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.crowd = Crowd(world)

    def add(self, app: web.Application) -> None:
        """Register the routes."""
        post, get = app.router.add_post, app.router.add_get
        get(f"{PREFIX}/state", self.state)
        get(f"{PREFIX}/ledger", self.ledger)
        get(f"{PREFIX}/knobs", self.knobs)
        app.router.add_patch(f"{PREFIX}/knobs", self.turn)
        get(f"{PREFIX}/faults", self.faults)
        get(f"{PREFIX}/profiles", self.profiles)
        post(f"{PREFIX}/profile", self.profile)
        get(f"{PREFIX}/templates", self.templates)
        post(f"{PREFIX}/templates", self.template)
        post(f"{PREFIX}/faults", self.arm)
        app.router.add_delete(f"{PREFIX}/faults", self.disarm)
        post(f"{PREFIX}/tokens/expire", self.expire)
        post(f"{PREFIX}/webhooks", self.webhook)
        post(f"{PREFIX}/customers/say", self.say)
        post(f"{PREFIX}/customers/run", self.run)
        get(f"{PREFIX}/customers/run/{{run}}", self.progress)
        post(f"{PREFIX}/people/run", self.gather)
        get(f"{PREFIX}/people/run/{{run}}", self.gathered)
        app.router.add_delete(f"{PREFIX}/people/run/{{run}}", self.scatter)
        post(f"{PREFIX}/humans/{{action:take|say|return}}", self.human)
        post(f"{PREFIX}/deliver", self.deliver)

    async def state(self, _: web.Request) -> web.Response:
        """Counts of ledger lines, what is pending, addresses, faults, chats with a human."""
        world = self.world
        human = [{"did": did, "contact": contact} for did, contact in sorted(world.human)]
        urls = {f"{did}|{kind}": url for (did, kind), url in world.urls.items()}
        summary = {
            "seed": world.config.seed,
            "ledger": str(world.ledger.path),
            "entries": len(world.ledger.entries),
            "counts": world.ledger.counts,
            "pending": world.pending,
            "profile": world.profile,
            "lines": world.config.lines,
            "accounts": [{"service": one.service, "username": one.username} for one in world.config.accounts],
            "webhooks": urls,
            "faults": world.faults.armed,
            "human": human,
            "runs": self.crowd.summaries(),
        }
        return answer(summary)

    async def ledger(self, request: web.Request) -> web.Response:
        """Entries after `since` (a seq), of `type`s (comma), at most `limit`; `next` is the seq to go on from."""
        since, limit = int(request.query.get("since", 0)), int(request.query.get("limit", 1000))
        types = set(filter(None, request.query.get("type", "").split(",")))
        found: list[ledger.Entry] = []
        for entry in self.world.ledger.entries[since:]:
            if len(found) == limit:
                break
            since = entry.seq
            if not types or entry.__struct_config__.tag in types:
                found.append(entry)
        return answer({"entries": found, "next": since})

    async def knobs(self, _: web.Request) -> web.Response:
        """All knobs."""
        return answer(self.world.knobs)

    async def turn(self, request: web.Request) -> web.Response:
        """Change the knobs that are given."""
        changes = msgspec.json.decode(await request.read(), type=dict[str, Any])
        knobs.patch(self.world.knobs, changes)
        self.world.ledger.write(ledger.KnobChange(changes=changes))
        return answer(self.world.knobs)

    async def profiles(self, _: web.Request) -> web.Response:
        """The packaged profiles with their knobs, and which is on."""
        found = {name: profiles.load(name) for name in profiles.names()}
        return answer({"profile": self.world.profile, "profiles": found})

    async def profile(self, request: web.Request) -> web.Response:
        """Switch to a profile: a packaged one by its name, or any name with its `knobs`."""
        wanted = msgspec.json.decode(await request.read(), type=Profile)
        switch(self.world, wanted.name, wanted.knobs)
        return answer(self.world.knobs)

    async def templates(self, _: web.Request) -> web.Response:
        """All templates."""
        return answer({"templates": list(self.world.templates)})

    async def template(self, request: web.Request) -> web.Response:
        """Put in a template, or change one: its state, say."""
        template = msgspec.json.decode(await request.read(), type=Template)
        put(self.world, template)
        return answer(template)

    async def faults(self, _: web.Request) -> web.Response:
        """The script with its counters."""
        return answer({"faults": self.world.faults.armed})

    async def arm(self, request: web.Request) -> web.Response:
        """Add one fault, or a list of them."""
        found = msgspec.json.decode(await request.read(), type=Fault | list[Fault])
        return answer({"armed": arm(self.world, *(found if isinstance(found, list) else [found]))})

    async def disarm(self, _: web.Request) -> web.Response:
        """Clear the script."""
        self.world.faults.clear()
        self.world.ledger.write(ledger.FaultArmed(number=0))
        return answer({"armed": []})

    async def expire(self, request: web.Request) -> web.Response:
        """Kill all tokens of an account."""
        login = msgspec.json.decode(await request.read(), type=Login)
        expire(self.world, login.service, login.username)
        return answer({"expired": login})

    async def webhook(self, request: web.Request) -> web.Response:
        """Set a line's address as Chattigo's staff would."""
        address = msgspec.json.decode(await request.read(), type=Address)
        if address.did not in self.world.lines or address.kind not in (*FIELDS, "notifications"):
            raise ValueError(f"no line {address.did} or no kind {address.kind}")
        self.world.ledger.write(ledger.Registration(call=0, did=address.did, kind=address.kind, url=address.url))
        self.world.register(address.did, address.kind, address.url)
        return answer(address)

    async def say(self, request: web.Request) -> web.Response:
        """One saying, or a list of one line that leaves in one POST."""
        found = msgspec.json.decode(await request.read(), type=people.Saying | list[people.Saying])
        sayings = found if isinstance(found, list) else [found]
        if len({one.did for one in sayings}) != 1:
            raise ValueError("sayings of one POST must be of one line")
        return answer({"ids": people.say(self.world, sayings)})

    async def run(self, request: web.Request) -> web.Response:
        """Start a script of customers; answers its number at once."""
        script = msgspec.json.decode(await request.read(), type=customers.Script)
        return answer({"run": self.crowd.start(script.people())})

    async def progress(self, request: web.Request) -> web.Response:
        """How far a run is."""
        return answer(customers.told(self.crowd.play(int(request.match_info["run"])).summary()))

    async def gather(self, request: web.Request) -> web.Response:
        """People of a script begin to write; answers the run's number at once."""
        script = msgspec.json.decode(await request.read(), type=Script)
        return answer({"run": self.crowd.start(script)})

    async def gathered(self, request: web.Request) -> web.Response:
        """How far a run of people is."""
        return answer(self.crowd.play(int(request.match_info["run"])).summary())

    async def scatter(self, request: web.Request) -> web.Response:
        """They stop writing."""
        play = self.crowd.play(int(request.match_info["run"]))
        await play.stop()
        return answer(play.summary())

    async def human(self, request: web.Request) -> web.Response:
        """A human takes, says, or returns."""
        where = msgspec.json.decode(await request.read(), type=Where)
        action = request.match_info["action"]
        if action == "take":
            humans.take(self.world, where.did, where.contact)
            return answer({"id": ""})
        if action == "say":
            return answer({"id": humans.say(self.world, where.did, where.contact, where.text)})
        return answer({"id": humans.give_back(self.world, where.did, where.contact)})

    async def deliver(self, request: web.Request) -> web.Response:
        """POST the raw body to a line's webhook: `?did=…`; `id` names it in the ledger if it has none inside."""
        did, key = request.query["did"], request.query.get("id", "")
        return answer({"ids": deliver(self.world, did, await request.read(), key)})

    async def stop(self) -> None:
        """End the runs."""
        await self.crowd.stop()


def switch(world: World, name: str, values: dict[str, Any] | None = None) -> None:
    """Set the knobs to a profile: nothing of the one before stays but what the configuration says. Raises ValueError
    or msgspec.ValidationError and changes nothing.
    """
    found = profiles.load(name) if values is None else values
    profiles.apply(world.knobs, found, world.always)
    world.profile = name
    world.ledger.write(ledger.KnobChange(changes=knobs.own(world.knobs), profile=name))


def put(world: World, template: Template) -> None:
    """A template, or a new state of one; lines hear of a state if changes other than messages are forwarded (Q35)."""
    world.ledger.write(ledger.TemplateChange(template=msgspec.to_builtins(template)))
    world.templates.put(template)
    if not world.knobs.webhooks.other_fields:
        return
    told = {"event": template.state.upper(), "message_template_name": template.name, "reason": "NONE"}
    value = {**told, "message_template_language": template.language}
    for line in world.config.lines:
        if line.kind == "cloud":
            world.post.put(other(line, "message_template_status_update", value))


def arm(world: World, *faults: Fault) -> list[int]:
    """Put faults into the script and the ledger; returns their numbers."""
    numbers = world.faults.add(faults)
    world.ledger.write(
        *(
            ledger.FaultArmed(number=number, fault=msgspec.to_builtins(fault))
            for number, fault in zip(numbers, faults, strict=True)
        )
    )
    return numbers


def expire(world: World, service: str, username: str) -> None:
    """Kill all tokens of an account; raises KeyError when there is none."""
    if world.account(service, username) is None:
        raise KeyError(f"no account {service}|{username}")
    world.tokens.expire(service, username, world.now_ms())
    world.ledger.write(ledger.Expired(service=service, account=username))


def deliver(world: World, did: str, body: bytes, key: str = "") -> list[str]:
    """Send any bytes to a line's webhook; returns the ids of the events in it, as the ledger has them.

    `key` stands for the body when no id can be found in it. Raises KeyError for no such line.
    """
    if did not in world.lines:
        raise KeyError(f"no line {did}")
    items = raw.items(did, body, key or f"raw-{world.flat_id()}")
    events = [item for item in items if not item.receipt]
    world.ledger.write(*(_raw_event(item) for item in events))
    world.post.put(Parcel(items, "inbound", raw=body))
    return [item.key for item in events]


def _raw_event(item: Item) -> ledger.Event:
    kind = str(item.payload.get("type", "raw"))
    return ledger.Event(event=item.key, did=item.did, contact=item.contact, kind=kind, format="raw", origin="raw")
