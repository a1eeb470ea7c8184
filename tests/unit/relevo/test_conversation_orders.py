"""`relevo conversation`: what an order is made of, that its reader obeys it, and how a conversation is told."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from processors.conversations.state import State
from processors.conversations.world import Rules
from relevo.conversations import order as orders
from relevo.conversations.order import OrderError, Person
from relevo.conversations.standing import lines, standing
from schemas import ids, topics
from schemas.headers import Headers
from schemas.inbound import Close, Command, Erase, HandOff, OptIn, OptOut, Resume
from schemas.record import RecordError
from schemas.session import Image, Template, TemplateButton, Text
from schemas.tenant import ButtonSpec, TemplateSpec, Tenant
from tests.builders.conversations import NOW, Conversations, Source, posted, tenant, world
from tests.builders.webhooks import LINE, PERSON, cloud, cloud_text, cloud_value

ORDER = TemplateSpec(name="order", language="es", category="marketing", body=2, header="image", namespace="ns")
CODE = TemplateSpec(name="code", language="es", category="otp", body=1, buttons=[ButtonSpec(index=0, type="copy_code")])
ACME = tenant(templates=[ORDER, CODE], languages=["es", "pt"])


def owner(did: str) -> Tenant | None:
    return ACME if did == LINE else None


def person(contact: str = PERSON, line: str = LINE) -> Person:
    return Person.of(line, contact, owner)


def given(command: Command) -> Source:
    record = orders.record(command, 4)
    return Source(record.value, record.key, list(record.headers), partition=record.partition)


def order(kind: type[Any], given: str = "o1", contact: str = PERSON, **fields: Any) -> Any:
    return orders.order(kind, person(contact), given=given, by="ana", now_ms=NOW, **fields)


# -- who is meant


@pytest.mark.parametrize("written", ["+56 9 2222 2222", "56922222222", " 56-922222222 "])
def test_a_number_is_one_person_however_it_is_written(written: str) -> None:
    assert person(written, "+56 9 1111 1111") == Person(ACME, ACME.lines[0], PERSON)
    assert person("5511 8765-4321").contact == "5511987654321"
    assert person("CL.1a2b3c").contact == "CL.1a2b3c"


def test_a_line_that_no_tenant_has_and_a_person_that_is_none_are_refused() -> None:
    for line in ("56999999999", "", "x"):
        with pytest.raises(OrderError, match="no tenant has line"):
            person(line=line)
    for contact in ("", "12", "a|b", "+", "1" * 16):
        with pytest.raises(OrderError, match="a number with its country code, or a user id"):
            person(contact)


# -- orders are what conversations obeys


def test_each_order_is_read_and_obeyed_once_however_often_it_is_given() -> None:
    conversations = Conversations(world(ACME))
    conversations.feed(posted(cloud(cloud_value(messages=[cloud_text("hola", wamid="w1")]))))
    steps = (
        (order(HandOff, "o1", note="n", text="t", group="g"), lambda state: state.owner == "human"),
        (order(Resume, "o2", language="pt"), lambda state: (state.owner, state.language) == ("bot", "pt")),
        (order(Close, "o3"), lambda state: state.owner == "bot"),
        (order(OptOut, "o4", categories=["marketing"], why="asked"), lambda state: state.optout == ["marketing"]),
        (order(OptIn, "o5", categories=[]), lambda state: state.optout is None),
        (orders.send(person(), Text(body="t"), given="o6", by="ana", now_ms=NOW), lambda state: True),
    )
    for command, holds in steps:
        assert conversations.feed(given(command)), command
        assert holds(conversations.state()), command
        assert conversations.state().knows(command.id)
        assert conversations.feed(given(command)) == []
    assert conversations.letters() == []
    conversations.feed(given(order(Erase, "o7")))
    assert conversations.state().forgotten
    assert conversations.state().knows("o7")


def test_an_order_lands_where_its_conversation_is_and_says_whose_it_is() -> None:
    command = order(Resume)
    record = orders.record(command, 4)
    assert (record.topic, record.key) == ("inbound.conversations", f"{LINE}|{PERSON}".encode())
    assert 0 <= record.partition < 4
    headers = Headers.from_kafka(record.headers)
    assert headers == Headers(id="o1", type="command", tenant="acme", at_ms=NOW, did=LINE, contact=PERSON)
    assert topics.INBOUND_CONVERSATIONS.decoder().decode(record.value) == command


def test_an_order_without_an_id_gets_one_of_its_own() -> None:
    named = {order(kind, "").id for kind in (Resume, Close, Erase)}
    assert len(named) == 3
    assert order(Resume, "").id in named
    assert orders.order(Resume, person(), given="", by="ana", now_ms=NOW + 1).id not in named


def test_what_an_order_cannot_say_is_refused() -> None:
    with pytest.raises(OrderError, match="no category is called 'spam'; there are marketing, reply, utility, otp"):
        order(OptOut, categories=["marketing", "spam"])
    with pytest.raises(OrderError, match="a language is written"):
        order(Resume, language="x" * 17)
    with pytest.raises(RecordError):
        orders.record(order(HandOff, note=3), 4)


# -- what is said


def test_a_message_is_of_the_tenant_and_the_id_so_that_it_leaves_once() -> None:
    sent = orders.send(person(), Text(body="hola"), given="ticket-7", by="ana", now_ms=NOW, fallback=None)
    assert sent.message.id == ids.message_id_of_request("acme", "ticket-7")
    assert (sent.id, sent.message.cause, sent.message.send_class) == ("ticket-7", "ticket-7", "reply")
    conversations = Conversations(world(ACME))
    conversations.feed(posted(cloud(cloud_value(messages=[cloud_text("hola", wamid="w1")]))))
    conversations.feed(given(sent), given(sent))
    [said] = conversations.said()
    assert said.window_expires_ms == conversations.state().window_expires_ms(Rules().window_ms) > 0


def test_a_template_has_the_parameters_and_the_class_that_the_tenant_says() -> None:
    made = orders.template(ACME, "order/es", ["Ana", "7"], "https://x.example/a.png")
    assert made == Template(
        name="order", language="es", namespace="ns", body=["Ana", "7"], header=["https://x.example/a.png"],
        header_kind="image",
    )  # fmt: skip
    assert orders.send(person(), made, given="", by="ana", now_ms=NOW).message.send_class == "marketing"
    code = orders.template(ACME, "code", ["1234"], buttons=["1234"])
    assert code.buttons == [TemplateButton(index=0, parameter="1234", kind="copy_code")]


@pytest.mark.parametrize(
    ("named", "body", "header", "buttons", "why"),
    [
        ("gone/es", [], "", [], "tenant acme has no template gone/es; it has order/es, code/es"),
        ("order/pt", [], "", [], "has no template order/pt"),
        ("order/es", ["1"], "h", [], "takes 2 body parameters, not 1"),
        ("order/es", ["1", "2"], "", [], "takes 1 header parameters, not 0"),
        ("code/es", ["1"], "", [], "takes 1 button parameters, not 0"),
    ],
)
def test_a_template_that_would_be_refused_later_is_refused_now(
    named: str, body: list[str], header: str, buttons: list[str], why: str
) -> None:
    with pytest.raises(OrderError, match=why):
        orders.template(ACME, named, body, header, buttons)


def test_content_is_anything_that_can_be_said_but_no_control() -> None:
    assert orders.content(b'{"type": "image", "link": "https://x.example/a"}') == Image(link="https://x.example/a")
    with pytest.raises(OrderError, match="relevo conversation handoff"):
        orders.content(b'{"type": "control", "action": "transfer"}')
    for wrong in (b"hola", b'{"type": "text"}', b'{"type": "other"}'):
        with pytest.raises(OrderError, match="cannot be read"):
            orders.content(wrong)
    missing = msgspec.json.encode({"type": "template", "name": "gone", "language": "es"})
    with pytest.raises(OrderError, match="has no template gone/es"):
        orders.send(person(), orders.content(missing), given="", by="ana", now_ms=NOW)


# -- how it stands


def known(**fields: Any) -> State:
    told: dict[str, Any] = {
        "tenant": "acme", "touched_ms": NOW, "last_inbound_ms": NOW, "profile_name": "Ana", "reply_to": PERSON,
        "user_id": "CL.1a2b", "owner": "human", "epoch": 3, "ids": b"123456" * 2,
    }  # fmt: skip
    return State(**{**told, **fields})


def test_a_conversation_is_told_without_names_and_numbers() -> None:
    stands = standing(person(), known(optout=["marketing"]), Rules())
    told = "\n".join(lines(stands, NOW + 3_600_000))
    for part in ("owner human in epoch 3", "open for 22 h", "language es, the line's", "wants no marketing", "…22"):
        assert part in told
    assert "knows 2 recent ids; last touched 1 h ago" in told
    for secret in (PERSON, "Ana", "CL.1a2b"):
        assert secret not in told
    clear = "\n".join(lines(standing(person(), known(), Rules(), clear=True), NOW))
    for part in (PERSON, "Ana", "CL.1a2b"):
        assert part in clear


def test_each_state_of_window_language_and_wish_has_its_words() -> None:
    def told(**fields: Any) -> str:
        return "\n".join(lines(standing(person(), known(**fields), Rules()), NOW + 2 * 86_400_000))

    assert "window: closed since" in told()
    assert "the person never wrote here" in told(last_inbound_ms=0)
    assert "language pt, an order said so" in told(language="pt", pinned=True)
    assert "language pt, by the person's words" in told(language="pt")
    assert "wants nothing but one-time passwords" in told(optout=[])
    assert "wants" not in told()


def test_what_is_not_known_any_more_is_not_told_but_the_wish_stays() -> None:
    assert standing(person(), None, Rules()).state == "unknown"
    wish = standing(person(), State(optout=[], tenant="acme"), Rules())
    assert (wish.state, wish.optout) == ("wish", ["all"])
    foreign = standing(person(), known(tenant="other"), Rules(), clear=True)
    assert (foreign.state, foreign.owner, foreign.name, foreign.last_inbound_ms) == ("unknown", "bot", "", 0)
    assert "nothing is known" in "\n".join(lines(foreign, NOW))


def test_whose_conversation_it_is_of_a_user_id_is_said() -> None:
    told = lines(standing(person("CL.1a2b"), known(), Rules(), alias_of=PERSON), NOW)
    assert told[0].endswith("contact …2b, whose conversation is that of …22")
