"""From single templates to bodies of calls: everybody in exactly one, of one key, in order, as Chattigo reads it."""

from __future__ import annotations

import itertools
import json
from collections import defaultdict
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from egress.lines.gate.gate import Refusal
from egress.lines.gate.routes import Channel, batch_key, calls, channel, payload, root_id
from egress.lines.item import Item
from egress.lines.queues.batching import Batcher, PileKey
from sandbox.chattigo import batch as reader
from sandbox.chattigo.cloud_body import check
from sandbox.chattigo.knobs import Knobs
from schemas.chattigo import cloud_send, hsm
from schemas.session import Template, TemplateButton
from schemas.tenant import Account, Line
from tests.builders.lines import DID, message, tenant

TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=8)
TEMPLATES = st.builds(
    Template,
    name=st.sampled_from(["promo", "order"]),
    language=st.sampled_from(["es", "pt_BR"]),
    namespace=st.sampled_from(["", "ns"]),
    body=st.lists(TEXTS, max_size=3),
    header=st.lists(TEXTS, max_size=1),
    buttons=st.lists(st.builds(TemplateButton, st.integers(0, 2), TEXTS), max_size=2),
    bot_attention=st.booleans(),
)
KINDS = st.sampled_from(["otp", "utility", "marketing"])
ACCOUNTS = st.builds(
    lambda form, ids, name: Account(
        service="hsm",
        base="https://m/message",
        username="u",
        password="",
        hsm_form=form,
        hsm_id=ids,
        destination_ids=name,
    ),
    st.sampled_from(["nested", "root"]),
    st.sampled_from(["int31", "int53", "text"]),
    st.booleans(),
)


def items_of(rows: list[tuple[Template, Any]]) -> list[Item]:
    return [
        Item(message(f"{n:03}", f"5691111{n:04}", content, send_class=kind), "outbound.templates", n, 0.0)
        for n, (content, kind) in enumerate(rows)
    ]


def gathered(items: list[Item], chosen: Channel, batch_max: int) -> list[list[Item]]:
    """The calls that these become, as the line makes them."""
    batcher, made = Batcher(), []
    for item in items:
        batcher.add(PileKey.of(item, batch_key(chosen, item.message)), item, 0.0)
    while key := next(iter(batcher.ripe(10.0, batch_max)), None):
        made += calls(chosen, batcher.take(key, batch_max))
    assert batcher.waiting == 0
    return made


@given(st.lists(st.tuples(TEMPLATES, KINDS), max_size=30), ACCOUNTS, st.integers(1, 9))
def test_every_message_is_in_one_call_of_its_own_key_and_reads_as_it_was_written(
    rows: list[tuple[Template, Any]], account: Account, batch_max: int
) -> None:
    chosen, items = Channel("batch", account), items_of(rows)
    made = gathered(items, chosen, batch_max)
    assert sorted(item.id for item in itertools.chain(*made)) == [item.id for item in items]
    order = defaultdict(list)
    for call in made:
        (key,) = {PileKey.of(item, batch_key(chosen, item.message)) for item in call}
        order[key] += [item.id for item in call]
        assert 1 <= len(call) <= (1 if key.send_class == "otp" else batch_max)
        _reads_back(call, chosen)
    assert all(ids == sorted(ids) for ids in order.values())


def _reads_back(call: list[Item], chosen: Channel) -> None:
    account, root = chosen.account, root_id(chosen, "plan")
    body = json.loads(payload(chosen, call, root).body)
    knobs = Knobs(hsm_form=account.hsm_form, hsm_id=account.hsm_id)
    found = reader.read(body, knobs)
    first = call[0].message.content
    assert isinstance(first, Template)
    shared = (found.root_id, found.template, found.language, found.namespace, found.bot_attention)
    assert shared == (root, first.name, first.language, first.namespace, first.bot_attention)
    assert [b["index"] for b in body["hsm"].get("component", {}).get("buttons", [])] == [b.index for b in first.buttons]
    assert found.parameters == []
    for item, one in zip(call, found.destinations, strict=True):
        content = item.message.content
        assert isinstance(content, Template)
        assert one["destination"] == item.message.to
        assert one.get("id") == (item.id if account.destination_ids else None)
        assert one["parameters"] == content.body
        assert one.get("buttonsParameters", []) == [button.parameter for button in content.buttons]
        assert one.get("headerParameters", []) == content.header


@given(st.lists(st.text(max_size=40), max_size=40), st.integers(1, 5000))
def test_no_call_is_larger_than_allowed_but_of_one_recipient(texts: list[str], room: int) -> None:
    limit = hsm._ROOM + room
    account = Account(service="hsm", base="https://m", username="u", password="", destination_ids=True)
    rows = [
        hsm.recipient(f"m{n}", "56911111111", Template(name="t", language="es", body=[text]))
        for n, text in enumerate(texts)
    ]
    counts = hsm.runs(rows, limit)
    assert sum(counts) == len(rows)
    key = hsm.batch_key("a", DID, Template(name="t", language="es"))
    for count in counts:
        part, rows = rows[:count], rows[count:]
        assert count == 1 or len(msgspec.json.encode(hsm.batch_body(account, key, part, 1))) <= limit


def test_a_thousand_of_the_longest_are_several_calls_within_four_mebibytes() -> None:
    content = Template(name="t", language="es", body=["\x01" * 1024], buttons=[TemplateButton(0, "x" * 2000)])
    chosen = Channel("batch", tenant().accounts["hsm"])
    made = calls(chosen, items_of([(content, "marketing")] * 1000))
    assert sum(map(len, made)) == 1000
    assert 1 < len(made) < 8
    assert max(len(payload(chosen, call, 1).body) for call in made) <= hsm.BYTES_MAX
    short = Template(name="t", language="es", body=["x" * 600])
    assert len(calls(chosen, items_of([(short, "marketing")] * 1000))) == 1


@pytest.mark.parametrize(
    ("kind", "parameter"),
    [
        ("url", {"type": "text", "text": "p"}),
        ("quick_reply", {"type": "payload", "payload": "p"}),
        ("copy_code", {"type": "coupon_code", "coupon_code": "p"}),
        ("flow", {"type": "action", "action": {"flow_token": "p"}}),
    ],
)
def test_a_button_takes_the_parameter_of_its_kind(kind: str, parameter: dict[str, Any]) -> None:
    content = Template(name="t", language="es", buttons=[TemplateButton(3, "p", kind)])
    body = cloud_send.session_body(message("m", "56911111111", content))
    assert check(body) == "template"
    assert body["template"]["components"] == [
        {"type": "button", "sub_type": kind, "index": "3", "parameters": [parameter]}
    ]


PLACE = Template(name="t", language="es", header=["-33.4", "-70.6", "Plaza"], header_kind="location")


def test_a_place_in_the_header_has_a_form_on_the_isv_service_alone() -> None:
    owner, sent = tenant(), message("m", "56911111111", PLACE, send_class="utility")
    chosen = channel(sent, owner, owner.lines[0])
    assert isinstance(chosen, Channel)
    assert (chosen.route, chosen.account.service) == ("session", "isv")
    (component,) = cloud_send.session_body(sent)["template"]["components"]
    place = {"latitude": "-33.4", "longitude": "-70.6", "name": "Plaza"}
    assert component["parameters"] == [{"type": "location", "location": place}]
    refused = channel(sent, owner, Line(did=DID, templates="hsm"))
    assert isinstance(refused, Refusal)
    assert refused.code == "not_on_this_route"
