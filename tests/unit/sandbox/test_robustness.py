"""No body breaks a service: whatever JSON comes is decided, and the ledger can hold it and be read back."""

from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.chattigo import ledger, raw
from sandbox.chattigo.answers import Verdict
from sandbox.chattigo.calls import Call, Route
from sandbox.chattigo.config import Account, Config, Line, Template
from sandbox.chattigo.ledger import Ledger
from sandbox.chattigo.server import routes
from sandbox.chattigo.world import World

DID = "56912345678"
FIELDS = [
    "messaging_product", "to", "type", "text", "body", "image", "link", "id", "context", "message_id", "contacts",
    "name", "formatted_name", "interactive", "action", "buttons", "reply", "sections", "rows", "template",
    "language", "code", "components", "parameters", "hsm", "destinations", "destination", "languageCode", "channel",
    "did", "msisdn", "content", "isAttachment", "attachment", "mediaUrl", "interactiveMsg", "choices", "waId",
    "externalWebhook", "username", "password", "entry", "changes", "value", "messages", "statuses", "location",
    "biz_opaque_callback_data", "idCampaign",
]  # fmt: skip
WORDS = ["whatsapp", "text", "image", "template", "interactive", "HSM", "body", "group", "close", "button", "list", DID]
LEAVES = st.one_of(st.none(), st.booleans(), st.integers(-9, 9), st.floats(allow_nan=False), st.sampled_from(WORDS))
BODIES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(FIELDS), inner, max_size=8)),
    max_leaves=25,
)
HEADS: dict[str, dict[str, Any]] = {
    "isv.send": {"messaging_product": "whatsapp", "to": "56911111111"},
    "hsm.send": {"type": "HSM", "did": DID, "channel": "WHATSAPP"},
    "bot.send": {"did": DID, "msisdn": "56911111111"},
    "channel.inbound": {"did": DID, "msisdn": "56911111111"},
}


def world(folder: Path) -> World:
    accounts = [Account(service, "a", "p", [DID]) for service in ("isv", "hsm", "bot", "channel")]
    lines, templates = [Line(DID, "channel")], [Template("text", "es", parameters=1)]
    return World(Config(accounts, lines, templates), Ledger(folder / "ledger"))


def decide(world: World, route: Route, body: Any) -> Verdict:
    call = Call(1, route.method, route.path, orjson.dumps(body), body, "", DID, "a", 0)
    return route.handle(world, call)


@pytest.mark.parametrize("route", routes(), ids=lambda route: route.name)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=BODIES)
def test_any_body_is_decided(tmp_path: Path, route: Route, body: Any) -> None:
    if isinstance(body, dict):
        body = HEADS.get(route.name, {}) | body
    here = world(tmp_path)
    verdict = decide(here, route, body)
    assert 200 <= verdict.status < 600
    assert verdict.accepted or verdict.reason
    assert verdict.accepted or not any(isinstance(one, ledger.Message | ledger.Recipient) for one in verdict.entries)
    close = ledger.Call(call=1, method="POST", path="/", route=route.name)
    here.ledger.write(*verdict.entries, close)
    assert ledger.read(here.ledger.path) == here.ledger.entries
    here.ledger.close()


@given(BODIES)
def test_ids_of_any_captured_body(body: Any) -> None:
    found = raw.items(DID, orjson.dumps(body), "mine")
    assert found
    assert all(item.did == DID and isinstance(item.key, str) for item in found)


def test_a_captured_body_that_is_no_json() -> None:
    assert [item.key for item in raw.items(DID, b"{", "mine")] == ["mine"]
