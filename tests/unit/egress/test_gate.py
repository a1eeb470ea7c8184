"""The gate says why a message may not go, and never lets one go that may not."""

import pytest

from egress.lines.gate.gate import Fallback, Refusal, at_admission, judge
from schemas.optout import Optout
from schemas.outbound import OutboundMessage
from schemas.session import Control, Template, TemplateButton, Text
from tests.builders.lines import WALL, message, promo, tenant

ALL = Optout(tenant="acme", since_ms=1, why="word")
MARKETING = Optout(tenant="acme", since_ms=1, why="word", categories=["marketing"])


def code(verdict: object) -> str:
    return verdict.code if isinstance(verdict, Refusal) else "" if verdict is None else type(verdict).__name__


def order(name: str = "o", **fields: object) -> OutboundMessage:
    content = Template(name="order", language="es", body=["x"], buttons=[TemplateButton(0, "u")])
    return message(name, content=content, **({"send_class": "utility"} | fields))


@pytest.mark.parametrize(
    ("sent", "optout", "expected"),
    [
        (message(), None, ""),
        (message(), ALL, ""),
        (message(expires_ms=WALL), None, "expired"),
        (message(expires_ms=WALL + 1), None, ""),
        (message(window_expires_ms=WALL), None, "window_closed"),
        (message(window_expires_ms=0), None, "window_closed"),
        (message(window_expires_ms=WALL + 1), None, ""),
        (message(window_expires_ms=WALL, fallback=Template(name="promo", language="es")), None, "Fallback"),
        (message(content=Control(action="close"), window_expires_ms=WALL), None, ""),
        (promo("p", "5691"), None, ""),
        (promo("p", "5691"), ALL, "opted_out"),
        (promo("p", "5691"), MARKETING, "opted_out"),
        (order(), MARKETING, ""),
        (order(), ALL, "opted_out"),
        (order(send_class="reply"), ALL, "opted_out"),
        (order(send_class="reply"), MARKETING, ""),
        (message(content=Template(name="code", language="es", body=["1"]), send_class="otp"), ALL, ""),
        (message(content=Template(name="nope", language="es")), None, "template_unknown"),
        (message(content=Template(name="promo", language="pt")), None, "template_unknown"),
        (message(content=Template(name="off", language="es")), None, "template_disabled"),
        (message(content=Template(name="promo", language="es")), None, "template_parameters"),
        (message(content=Template(name="order", language="es", body=["x"])), None, "template_parameters"),
    ],
)
def test_the_verdict(sent: OutboundMessage, optout: Optout | None, expected: str) -> None:
    assert code(judge(sent, WALL, tenant(), optout)) == expected


def test_a_fallback_is_the_template_that_was_named() -> None:
    template = Template(name="promo", language="es", body=["x"])
    verdict = judge(message(window_expires_ms=1, fallback=template), WALL, tenant(), None)
    assert verdict == Fallback(template)


def test_what_is_known_at_admission() -> None:
    owner = tenant()
    assert code(at_admission(message(), None, None)) == "tenant_unknown"
    assert code(at_admission(message(), tenant(active=False), owner.lines[0])) == "tenant_inactive"
    assert code(at_admission(message(), owner, None)) == "line_unknown"
    assert code(at_admission(message(contact=""), owner, owner.lines[0])) == "no_recipient"
    assert at_admission(message(), owner, owner.lines[0]) is None


def test_a_reason_holds_no_text_and_no_number_of_a_person() -> None:
    sent = message("secret words", "56987654321", Text(body="secret words"), window_expires_ms=1)
    verdict = judge(sent, WALL, tenant(), None)
    assert isinstance(verdict, Refusal)
    assert "secret" not in verdict.reason
    assert "56987654321" not in verdict.reason
