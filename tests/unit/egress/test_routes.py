"""Each message takes the route that its line has for it, or is refused."""

from __future__ import annotations

import json

import pytest

from egress.lines.gate.gate import Refusal
from egress.lines.gate.planning import make_grant
from egress.lines.gate.routes import Channel, Routes, batch_key, channel
from egress.lines.item import Item
from runtime.settings import EgressSettings
from schemas import ids
from schemas.chattigo.cloud_send import NotOnThisRoute
from schemas.outbound import OutboundMessage
from schemas.session import Control, Location, Template
from schemas.tenant import Account, Line
from tests.builders.lines import DID, START, message, promo, reply_item, template_item, tenant

BOT = Account(service="bot", base="http://bot", username="b", password="x")
OTP = message("o", content=Template(name="code", language="es", body=["1"]), send_class="otp")
UTILITY = message("u", content=Template(name="order", language="es"), send_class="utility")
REPLY_TEMPLATE = message("r", content=Template(name="order", language="es"))
CONTROL = message("c", content=Control(action="transfer"))


def taken(sent: OutboundMessage, sends: str, templates: str) -> str:
    accounts = tenant().accounts | {"bot": BOT}
    chosen = channel(sent, tenant(accounts=accounts), Line(did=DID, sends=sends, templates=templates))
    return chosen.code if isinstance(chosen, Refusal) else f"{chosen.route} {chosen.account.service}"


@pytest.mark.parametrize(
    ("sent", "sends", "templates", "expected"),
    [
        (message(), "isv", "hsm", "session isv"),
        (message(), "bot", "hsm", "session bot"),
        (message(), "", "hsm", "no_account"),
        (message(), "hsm", "hsm", "no_account"),
        (CONTROL, "bot", "hsm", "control bot"),
        (CONTROL, "isv", "hsm", "no_control_route"),
        (UTILITY, "isv", "hsm", "batch hsm"),
        (UTILITY, "isv", "", "session isv"),
        (UTILITY, "bot", "", "no_account"),
        (UTILITY, "bot", "isv", "session isv"),
        (OTP, "isv", "hsm", "session isv"),
        (OTP, "bot", "hsm", "batch hsm"),
        (REPLY_TEMPLATE, "isv", "hsm", "session isv"),
        (REPLY_TEMPLATE, "bot", "hsm", "batch hsm"),
    ],
)
def test_the_route(sent: OutboundMessage, sends: str, templates: str, expected: str) -> None:
    assert taken(sent, sends, templates) == expected


def test_only_a_batch_has_a_batch_key() -> None:
    hsm = Channel("batch", tenant().accounts["hsm"])
    assert batch_key(hsm, promo("p", "5691")) is not None
    assert batch_key(Channel("session", tenant().accounts["isv"]), promo("p", "5691")) is None


def test_a_plan_says_what_is_called_and_where_it_came_from() -> None:
    items = [template_item("a", "5691", 7), template_item("b", "5692", 8)]
    grant = make_grant(3, items, Channel("batch", tenant().accounts["hsm"]), START, EgressSettings())
    body = json.loads(grant.payload.body)
    assert grant.plan.plan_id == ids.plan_id(["a", "b"], 1)
    assert [(m.id, m.source, m.position) for m in grant.plan.messages] == [
        ("a", "outbound.templates", 7),
        ("b", "outbound.templates", 8),
    ]
    assert str(body["id"]) == grant.plan.root_id
    assert [d["destination"] for d in body["hsm"]["destinations"]] == ["5691", "5692"]
    assert grant.payload.paid
    assert grant.plan.deadline_ms == START.wall_ms + 5000


def test_what_a_service_has_no_form_for_is_said_before_anything_is_sent() -> None:
    item = Item(message("l", content=Location(latitude=1, longitude=2)), "outbound.replies", 0, 0.0)
    with pytest.raises(NotOnThisRoute):
        make_grant(0, [item], Channel("session", BOT), START, EgressSettings())


def test_a_reply_is_not_paid() -> None:
    grant = make_grant(0, [reply_item("r")], Channel("session", tenant().accounts["isv"]), START, EgressSettings())
    assert not grant.payload.paid
    assert grant.payload.path == f"/v15.0/{DID}/messages"
    assert grant.plan.root_id == ""


def test_what_is_known_of_a_lines_routes_is_what_would_be_found_again_also_when_its_tenant_changes() -> None:
    routes, before = Routes(), tenant()
    after = tenant(lines=[Line(did=DID, sends="", templates="hsm")])
    every = [message(), OTP, UTILITY, REPLY_TEMPLATE, CONTROL]
    for owner in (before, before, after, before):
        for sent in every:
            assert routes.channel(sent, owner, owner.lines[0]) == channel(sent, owner, owner.lines[0])
