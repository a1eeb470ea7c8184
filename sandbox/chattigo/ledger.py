"""The sandbox's own record of all that it received and did: the proof that an audit joins.

One JSON object a line, appended and handed to the operating system before the sandbox acts on it (before an
answer leaves, before a receipt is scheduled), so it survives kill -9 of the sandbox. Everything that one call
accepts is appended by one write, its `call` line last: without that line it was not accepted. Opened again, the
file is read back and continued; what a kill left unfinished at its end is cut off.

Every line has `type`, `seq` (1, 2, …) and `at_ms`. Types, each a class below whose docstring says what its fields
mean: `run` `call` `login` `recipient` `message` `control` `registration` `event` `receipt` `webhook` `expired`
`human` `knobs` `fault` `brought` `template`.

Read it like this: a paid template reached Chattigo once for each `recipient` line; a session message once for
each `message` line; a customer's message is owed to the ISV once a `webhook` line with `acked` names its id in
`events`.
"""

import asyncio
import os
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec


class Entry(msgspec.Struct, kw_only=True):
    """What every line has; both are stamped by the ledger."""

    seq: int = 0
    at_ms: int = 0


class Run(Entry, tag="run", kw_only=True):
    """The sandbox started: with this seed, as this process, at this address."""

    seed: int
    pid: int
    base_url: str


class Call(Entry, tag="call", kw_only=True):
    """A call that the sandbox received, whether or not an answer got out.

    `call`: its number, which the lines that it caused repeat. `route`: `isv.send`, `hsm.login`, …, or `none`.
    `account`: the username that the token (or the login's body) names. `auth`: `ok`, `none` (not asked for),
    `missing`, `scheme`, `bad`, `expired`, `foreign`. `status`: what the answer says, 0 when the connection is
    reset instead. `accepted`: the sandbox took the work, whatever the caller saw. `reason`: why not. `fault`: the
    scripted fault that hit it. `recipients`: how many messages it accepted. `digest`: of the body; `bytes`: its
    length. `came_ms`: when it was received; `took_ms`: from then to the decision. `to`: the person of a call for one,
    also of one that was refused; those of a batch have lines of their own.
    """

    call: int
    method: str
    path: str
    route: str
    service: str = ""
    account: str = ""
    did: str = ""
    auth: str = "none"
    status: int = 0
    accepted: bool = False
    reason: str = ""
    fault: str = ""
    recipients: int = 0
    digest: str = ""
    bytes: int = 0
    came_ms: int = 0
    took_ms: int = 0
    to: str = ""


class Login(Entry, tag="login", kw_only=True):
    """A login and whether it gave a token; `token`: its serial, 0 without one."""

    call: int
    service: str
    account: str
    ok: bool
    token: int = 0


class Recipient(Entry, tag="recipient", kw_only=True):
    """One recipient of a template that was accepted; a template through the ISV service is a `message` instead.

    `destination` as it was written, `contact` the person (one text for all forms of a number), `destination_id`
    and `root_id` as text or None, `parameters`: digest of the body, header and button parameters; `position` in
    the batch. `filled`: these parameters themselves, by `body`, `header`, `buttons`, those that there are.
    """

    call: int
    account: str
    did: str
    destination: str
    contact: str
    destination_id: str | None
    root_id: str | None
    template: str
    language: str
    namespace: str
    bot_attention: bool | None
    parameters: str
    wamid: str
    position: int
    filled: dict[str, list[Any]] = {}


class Message(Entry, tag="message", kw_only=True):
    """One session message (or ISV template) that was accepted.

    `kind`: its type in lower case; `body`: the object of that type (cloud) or the flat object; `client_id`: the
    flat `id`; `context`: the quoted message's id; `opaque`: `biz_opaque_callback_data`.
    """

    call: int
    service: str
    account: str
    did: str
    to: str
    contact: str
    kind: str
    body: Any
    wamid: str
    client_id: str | None = None
    context: str | None = None
    opaque: str | None = None


class Control(Entry, tag="control", kw_only=True):
    """A control of a chat that was accepted: `kind` transfer, group, close or timeout."""

    call: int
    account: str
    did: str
    msisdn: str
    contact: str
    kind: str
    id_campaign: str | None
    content: str
    body: Any


class Registration(Entry, tag="registration", kw_only=True):
    """A webhook address was registered, or preset (`call` 0). `kind`: inbound, outbound, notifications."""

    call: int
    did: str
    kind: str
    url: str


class Event(Entry, tag="event", kw_only=True):
    """Something happened that is owed to the ISV: `event` is its id in the webhook.

    `origin`: customer, echo (of the ISV's own send), human, transfer, raw. `format`: cloud or flat. `phone`: the number
    of a person whose `contact` is an id, because the number is hidden. `body`: the object that the webhook carries, and
    `name` whom it says it is from; bytes that were given (`raw`) have neither.
    """

    event: str
    did: str
    contact: str
    kind: str
    format: str
    origin: str
    name: str = ""
    body: Any = None
    phone: str = ""


class Receipt(Entry, tag="receipt", kw_only=True):
    """A receipt that became due. `receipt` (`<id>:<state>`) is what `webhook` lines list; `id`: the wamid (cloud)
    or the notification's id (flat, may be missing). `wamid` joins it with its recipient or message. `lost`: never
    sent, by the knob.
    """

    receipt: str
    did: str
    contact: str
    wamid: str
    id: str | None
    state: str
    format: str
    code: int | None = None
    lost: bool = False


class Webhook(Entry, tag="webhook", kw_only=True):
    """One attempt to POST to the ISV. Only status 200 makes it `acked`; `status` 0 means no answer, `error` says
    why.

    `post`: number that the attempts of one body share; `attempt` from 1; `last`: no further attempt follows;
    `duplicate`: the sandbox repeats what was acknowledged already; `events`, `receipts`: the ids inside.
    """

    post: int
    attempt: int
    did: str
    format: str
    events: list[str]
    receipts: list[str]
    status: int
    acked: bool
    last: bool
    duplicate: bool
    error: str = ""
    bytes: int = 0
    took_ms: int = 0


class Expired(Entry, tag="expired", kw_only=True):
    """All tokens of an account were killed: by the control API (`call` 0), or by a newer login."""

    service: str
    account: str
    call: int = 0


class Human(Entry, tag="human", kw_only=True):
    """A human agent took a chat, said something, or gave it back (`action`: take, say, return); `text`: what was
    said.
    """

    did: str
    contact: str
    action: str
    text: str = ""


class KnobChange(Entry, tag="knobs", kw_only=True):
    """Knobs were changed; `changes` as they came. With `profile` all others went back to their defaults before."""

    changes: Any
    profile: str = ""


class FaultArmed(Entry, tag="fault", kw_only=True):
    """A fault was put into the script, or (`number` 0) the script was cleared."""

    number: int
    fault: Any = None


class Brought(Entry, tag="brought", kw_only=True):
    """Something that a client brought from its own channel. `taken` False: the answer was success, and it is lost;
    `reason` says why."""

    call: int
    account: str
    did: str
    msisdn: str
    contact: str
    kind: str
    channel: str
    content: str
    taken: bool
    reason: str = ""


class TemplateChange(Entry, tag="template", kw_only=True):
    """A template was put in by the control API, or its state was changed."""

    template: Any


Line = (
    Run | Call | Login | Recipient | Message | Control | Registration | Event
    | Receipt | Webhook | Expired | Human | KnobChange | FaultArmed | Brought | TemplateChange
)  # fmt: skip
E2 = TypeVar("E2", bound=Entry)
_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Line] = msgspec.json.Decoder(Line)


_CAUSED = (Login, Recipient, Message, Control, Registration, Expired, Brought)


def read(path: str | Path) -> list[Entry]:
    """All entries of a ledger file, in order, without what a kill left unfinished at its end."""
    return _whole(Path(path).read_bytes())[0]


def _whole(data: bytes) -> tuple[list[Entry], int]:
    """The entries and how many bytes they take. What a call caused counts only once its `call` line is there."""
    entries: list[Entry] = []
    finished, position, kept = 0, 0, 0
    for line in data[: data.rfind(b"\n") + 1].splitlines(keepends=True):
        entry = _decoder.decode(line)
        entries.append(entry)
        position += len(line)
        if not isinstance(entry, _CAUSED) or entry.call == 0:
            finished, kept = len(entries), position
    return entries[:finished], kept


class Ledger:
    """The file and what is in it. `listeners` are told each entry once it is written; they must not raise."""

    def __init__(self, path: str | Path, clock: Callable[[], float] = time.time) -> None:
        self.path = Path(path)
        self.entries: list[Entry] = []
        self.by_type: dict[type[Entry], list[Any]] = {}
        self.counts: Counter[str] = Counter()
        self._clock = clock
        self.listeners: list[Callable[[Entry], None]] = []
        self._changed = asyncio.Event()
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        self._recover()

    def write(self, *entries: Entry) -> None:
        """Stamp and append all of them in one write; raises OSError when the file cannot take them."""
        now = int(self._clock() * 1000)
        for number, entry in enumerate(entries, len(self.entries) + 1):
            entry.seq, entry.at_ms = number, now
        data = memoryview(b"".join(_encoder.encode(entry) + b"\n" for entry in entries))
        while data:
            data = data[os.write(self._file, data) :]
        for entry in entries:
            self._index(entry)
        for listener in list(self.listeners):
            for entry in entries:
                listener(entry)
        self._changed.set()

    def of(self, kind: type[E2]) -> list[E2]:
        """All entries of one type, in order."""
        return self.by_type.get(kind, [])

    async def until(self, condition: Callable[[], bool], timeout_s: float = 10.0) -> None:
        """Wait until the condition holds, looking again after each entry; raises TimeoutError."""
        async with asyncio.timeout(timeout_s):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    def close(self) -> None:
        """Close the file; the indices stay."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _recover(self) -> None:
        entries, size = _whole(self.path.read_bytes())
        os.ftruncate(self._file, size)
        for entry in entries:
            self._index(entry)

    def _index(self, entry: Entry) -> None:
        self.entries.append(entry)
        self.by_type.setdefault(type(entry), []).append(entry)
        self.counts[str(entry.__struct_config__.tag)] += 1
