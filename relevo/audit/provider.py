"""What Chattigo's side says: the sandbox's ledger, reduced to what the balance joins."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, get_args

import msgspec

from relevo.audit import facts as f
from relevo.audit.joins import call_of_batch, call_of_session
from relevo.audit.store import CALLS, IDS
from sandbox.chattigo import ledger
from schemas.chattigo.inbound import ReceiptState

_STATES = frozenset(get_args(ReceiptState))
_ALSO = {"played": "read", "delivery": "delivered", "invalid": "failed"}


class Taken(NamedTuple):
    """One recipient or session message that the provider accepted; each is paid or seen once."""

    did: str
    contact: str
    root_id: str
    destination_id: str
    digest: str
    wamid: str
    batch: bool


@dataclass
class Provider:
    """The provider's view.

    `acked` are (line, event id) and `acked_receipts` the receipts' names that Relevo acknowledged; `alone` is the
    size in bytes of the body of an event that came alone. `batches` are (template, recipients) of each accepted call;
    `logins` counts by account.
    """

    acked: set[tuple[str, str]] = field(default_factory=set)
    acked_receipts: set[tuple[str, str]] = field(default_factory=set)
    alone: dict[tuple[str, str], int] = field(default_factory=dict)
    webhooks_acked: int = 0
    webhooks_failed: int = 0
    taken: list[Taken] = field(default_factory=list)
    batches: list[tuple[str, int]] = field(default_factory=list)
    logins: Counter[str] = field(default_factory=Counter)
    ack_ms: list[int] = field(default_factory=list)
    controls: int = 0

    def facts(self) -> Iterator[tuple[str, f.Fact]]:
        """(stage, fact) of all that the balance joins."""
        for did, event in self.acked:
            yield IDS, f.Acked(event, did, self.alone.get((did, event), -1))
        for did, name in self.acked_receipts:
            known, state = _receipt(name)
            yield IDS, f.AckedReceipt(known, did, state, name)
        for one in self.taken:
            batch = one.batch
            call = call_of_batch(one.did, one.root_id, one.contact) if batch else call_of_session(one.did, one.digest)
            yield CALLS, f.Taken(call, one.did, one.wamid)


def _receipt(name: str) -> tuple[str, str]:
    """(id, state) of a receipt's name in the ledger, which is `<id>:<state>`."""
    known, _, said = name.rpartition(":")
    state = _ALSO.get(said.lower(), said.lower())
    return known, state if state in _STATES else "other"


_line = msgspec.json.Decoder(ledger.Line)


def stream(path: Path) -> Iterator[Provider]:
    """The ledger's file piece by piece, each as a provider's view of its own: a webhook, or a call and what it caused.
    Raises OSError or msgspec.MsgspecError."""
    calls: list[ledger.Entry] = []
    with path.open("rb") as file:
        for data in file:
            if not data.endswith(b"\n"):
                return  # a kill left it unfinished
            entry = _line.decode(data)
            calls.append(entry)
            # What a call caused counts once its own line is there.
            if isinstance(entry, ledger.Call | ledger.Webhook):
                yield read_entries(calls)
                calls = []


def read_ledger(path: Path) -> Provider:
    """The ledger's file, read to its end. Raises OSError or msgspec.MsgspecError."""
    return read_entries(ledger.read(path))


def read_entries(entries: Sequence[ledger.Entry]) -> Provider:
    """What a ledger's entries say."""
    digests = {entry.call: entry.digest for entry in entries if isinstance(entry, ledger.Call)}
    found = Provider()
    templates: dict[int, list[str]] = {}
    for entry in entries:
        match entry:
            case ledger.Webhook():
                _webhook(found, entry)
            case ledger.Recipient():
                templates.setdefault(entry.call, []).append(entry.template)
                found.taken.append(_recipient(entry, digests[entry.call]))
            case ledger.Message():
                found.taken.append(_message(entry, digests[entry.call]))
            case ledger.Login(ok=True):
                found.logins[f"{entry.service}|{entry.account}"] += 1
            case ledger.Control():
                found.controls += 1
            case _:
                pass
    found.batches = [(names[0], len(names)) for names in templates.values()]
    return found


def _webhook(found: Provider, entry: ledger.Webhook) -> None:
    if not entry.acked:
        found.webhooks_failed += 1
        return
    found.webhooks_acked += 1
    found.ack_ms.append(entry.took_ms)
    found.acked.update((entry.did, event) for event in entry.events)
    found.acked_receipts.update((entry.did, receipt) for receipt in entry.receipts)
    if len(entry.events) == 1 and not entry.receipts:
        found.alone[entry.did, entry.events[0]] = entry.bytes


def _recipient(entry: ledger.Recipient, digest: str) -> Taken:
    return Taken(
        did=entry.did,
        contact=entry.contact,
        root_id=entry.root_id or "",
        destination_id=entry.destination_id or "",
        digest=digest,
        wamid=entry.wamid,
        batch=True,
    )


def _message(entry: ledger.Message, digest: str) -> Taken:
    return Taken(
        did=entry.did,
        contact=entry.contact,
        root_id="",
        destination_id=entry.client_id or "",
        digest=digest,
        wamid=entry.wamid,
        batch=False,
    )
