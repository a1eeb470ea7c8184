"""What is parked comes back by turns: nobody waits behind the backlog of another template, and of a campaign."""

from __future__ import annotations

import pytest

from schemas.line_command import ControlLine
from schemas.outbound import OutboundMessage
from schemas.session import Template, TemplateButton
from schemas.tenant import Line
from tests.builders.line_model import Model
from tests.builders.lines import DID, WALL, message, promo, rules, tenant
from tests.unit.egress.test_partition_model import assert_nobody_twice

PARKED = "outbound.parked"


def model(**settings: float) -> Model:
    line = Line(did=DID, sends="", templates="hsm", rate=10_000, batch_max=5)
    small = {"line_memory": 10, "worker_memory": 20, "circuit_failures": 0, "park_after_s": 10.0}
    return Model(rules(tenant(lines=[line]), **(small | settings)))


def order(made: Model, action: str) -> None:
    made.put("lines.commands", ControlLine(id=action, did=DID, at_ms=WALL, by="ana", action=action))  # type: ignore[arg-type]
    made.step()


def promos(count: int, **fields: int) -> list[OutboundMessage]:
    return [promo(f"p{n:04}", f"5691{n:04}", **fields) for n in range(count)]


def news(name: str, count: int, **fields: int) -> list[OutboundMessage]:
    content = Template(name="order", language="es", body=["x"], buttons=[TemplateButton(index=0, parameter="y")])
    return [message(f"{name}{n:04}", f"5692{n:04}", content, send_class="utility", **fields) for n in range(count)]


def codes(count: int) -> list[OutboundMessage]:
    content = Template(name="code", language="es", body=["1"])
    return [message(f"c{n:04}", f"5693{n:04}", content, send_class="otp") for n in range(count)]


def sent_before(made: Model, names: str, others: str) -> int:
    """How many of the others were sent before the last of these."""
    every = [one for _, one in made.accepted]
    last = max(at for at, one in enumerate(every) if one.startswith(names))
    return sum(one.startswith(others) for one in every[:last])


@pytest.mark.parametrize("crash", [False, True])
def test_what_was_parked_behind_a_backlog_of_another_template_waits_for_a_few_of_its_calls(crash: bool) -> None:
    made = model()
    order(made, "pause")
    made.put("outbound.templates", *promos(300))
    for _ in range(3):
        made.step()
    made.put("outbound.templates", *news("n", 8), *codes(4))
    made.step()
    made.step()
    assert len(made.topics[PARKED]) == 312
    if crash:
        made.crash()
    order(made, "resume")
    made.settle(60)
    assert len(made.accepted) == 312
    assert sent_before(made, "c", "p") == 0, "a one-time password goes first"
    assert sent_before(made, "n", "p") <= 20, "the others take turns"
    assert_nobody_twice(made)
