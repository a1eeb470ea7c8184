"""Texts that are derived, not drawn, and names that Kafka knows services by: another one would lose what is there.

With another message id a replay sends again; with another key or partition what stands there is not found; with another
group a service begins at the end, or at the beginning, of its topics.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from egress.lease.names import Names
from egress.lines import work
from egress.lines.memory import segments
from egress.lines.process import owner
from processors.agents import debounce, deliveries, memory, moving, silence
from processors.agents.builtin.crm import mapping
from processors.agents.builtin.desk import hooks
from processors.agents.builtin.http import request
from processors.conversations import service, state
from runtime.secrets import DecryptionError, KeyRing
from schemas import dead_letter, headers, ids, inbound, keys, tenant, token, topics
from schemas.campaign import Progress
from schemas.delivery import delivery_id
from schemas.journal import CallOutcome, Plan
from schemas.pause import Pause

DID, CONTACT, ACCOUNT = "56911111111", "56922222222", "isv|acme@example.com"
_RING = KeyRing([("k1", bytes(range(32)))])
_CONTEXT = "tenants/acme/ventas/password"


class Sealed(NamedTuple):
    """A secret as it stands encrypted in records."""

    text: str
    clear: str

    @property
    def opens(self) -> bool:
        """Whether the present version reads it."""
        try:
            return _RING.decrypt(self.text, _CONTEXT) == self.clear
        except DecryptionError:
            return False


def sealed() -> Sealed:
    """One more, written by the present version."""
    return Sealed(_RING.encrypt("clave ñ", _CONTEXT), "clave ñ")


def derived() -> dict[str, str]:
    """Each by what it is."""
    return {name: str(value) for name, value in {**_ids(), **_keys(), **_places(), **_names()}.items()}


def _ids() -> Mapping[str, object]:
    plan = ids.plan_id(["a", "b"], 1)
    return {
        "id of an event without one": ids.event_id(None, "inbound.conversations", 3, 77),
        "id of a message for an event": ids.message_id(DID, "wamid.1", "menu", 2),
        "id of a message of the API": ids.message_id_of_request("acme", "pedido-1"),
        "id of a recipient's message": ids.message_id_of_recipient(DID, "invierno", 12),
        "ids of recipients' messages": " ".join(ids.message_ids_of_recipients(DID, "invierno", 9, 2)),
        "id of a plan": plan,
        "id of a plan put back": ids.plan_id(["a", "b"], 2, "run-1"),
        **{f"root id as {form}": ids.hsm_root_id(plan, form) for form in ids.HSM_ID_FORMS},
        "id of a delivery put back": delivery_id("k", 2),
        "hash of an event in a conversation's state": state.event_hash("wamid.1").hex(),
        "ids in a segment": " ".join(part.hex() for part in _segment("m1", "m2").written()),
        "an unnamed send in a segment": segments.person(CONTACT),
        "hash of an event in an agent's memory": memory.Memory(ring=_noted("wamid.1")).ring.hex(),
    }


def _segment(*messages: str) -> segments.Keys:
    return segments.Keys.sorted((segments.digest(one), place) for place, one in enumerate(messages))


def _noted(event_id: str) -> bytes:
    found = memory.Memory()
    found.note(event_id)
    return found.ring


def _keys() -> Mapping[str, object]:
    plan = Plan(
        plan_id="p1", tenant="acme", did=DID, account=ACCOUNT, route="batch", send_class="marketing", messages=[],
        digest="", deadline_ms=0, at_ms=1,
    )  # fmt: skip
    told = {
        "an outcome": CallOutcome(plan_id="p1", did=DID, result="accepted", at_ms=1),
        "a word": CallOutcome(plan_id="p1", did=DID, result="accepted", at_ms=1, message_id="m1"),
        "an order": CallOutcome(plan_id="p1", did=DID, result="in_doubt", at_ms=1, order="resend"),
    }
    written = work.Work(at_ms=1)
    written.progress(0, "acme", Progress(campaign="c", did=DID, state="running", chunk=0, position=0, at_ms=1))
    (progress,) = written.records()
    return {
        "key of a conversation": keys.conversation(DID, CONTACT),
        "key of a plan": _text(work.plan_record(0, plan).key),
        **{f"key of {what}": _text(work.outcome_record(0, "acme", one).key) for what, one in told.items()},
        "key of a campaign's progress": _text(progress.key),
        "key of an account": keys.account("isv", "acme@example.com"),
        "key of a login": token.attempt_key(ACCOUNT),
        "key of a pause of all": Pause(scope="all", since_ms=1, by="ana").key,
        "key of a tenant's pause": Pause(scope="tenant", since_ms=1, by="ana", tenant="acme").key,
        "context of a password": tenant.password_context("acme", "ventas"),
        "context of an agent's secret": tenant.agent_secret_context("acme", "http", ["headers", 0, "a/b"]),
    }


def _text(key: bytes | None) -> str:
    return (key or b"").decode()


def _places() -> Mapping[str, object]:
    texts = (DID, keys.conversation(DID, CONTACT), ACCOUNT, "ñandú|5")
    return {f"partition of {text} among {count}": keys.partition(text, count) for text in texts for count in (4, 64)}


def _names() -> Mapping[str, object]:
    return {
        "group of conversations": service.APP_ID,
        "group of egress": owner.GROUP,
        "group of the lease": Names(partitions=1).group,
        "ending of dead letters": topics.DEAD_LETTERS,
        "notices to agents": " ".join((inbound.SAID, *sorted(moving.NOTICES), silence.RELEASED)),
        "headers of an alias": " ".join((headers.ALIAS, headers.ALIAS_ADDRESS, headers.ALIAS_SOURCE)),
        "headers of a dead letter": " ".join(sorted(dead_letter.HEADERS)),
        "timers of agents' own": " ".join((debounce.TIMER, deliveries.TIMER)),
        "names in memories": " ".join(
            (memory.SPARE, memory.DELIVERED, deliveries.PREFIX, mapping.STATE, mapping.PERSON, hooks.OPEN, request.OWN)
        ),
    }
