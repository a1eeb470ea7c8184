"""People play a script against a running sandbox, and a business answers them."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from sandbox.chattigo import ledger
from sandbox.chattigo.server import Chattigo
from sandbox.control import SandboxError
from sandbox.people.driving import Driver
from sandbox.people.script import Persona, Script, Step, standard
from tests.builders.bot import Bot, answering
from tests.unit.sandbox.conftest import CLOUD, FLAT


def script(*visit: Step, **changes: Any) -> Script:
    """One persona who does this, on the line of the bot: quickly, and with little patience."""
    quick = {"lines": [CLOUD], "people": 1, "rate": 20.0, "arrivals": "even", "patience_s": 0.3, "turns": len(visit)}
    return Script(personas={"one": Persona(visit=list(visit))}, **(quick | changes))


@pytest.fixture
async def bot(chattigo: Chattigo) -> AsyncIterator[Bot]:
    async with answering(chattigo, CLOUD) as answering_bot:
        yield answering_bot


async def drive(chattigo: Chattigo, wanted: Script) -> Any:
    async with Driver(chattigo.base_url) as driver:
        return await driver.run(wanted)


async def test_people_press_choose_quote_and_react_to_what_they_were_offered(chattigo: Chattigo, bot: Bot) -> None:
    steps = [
        Step(say="hola {name}"),
        Step(choose="mi pedido"),
        Step(choose="last"),
        Step(answer="el 12"),
        Step(react="👍"),
        Step(react=""),
        Step(choose="Nada de eso"),
    ]
    found = await drive(chattigo, script(*steps, rate=3.0))
    (said,) = bot.heard.values()
    sent = [entry.wamid for entry in chattigo.ledger.of(ledger.Message)]
    assert said[0]["text"]["body"].startswith("hola ")
    assert said[0]["text"]["body"] != "hola {name}"
    assert said[1]["interactive"] == {"type": "button_reply", "button_reply": {"id": "b1", "title": "Mi pedido"}}
    assert said[1]["context"] == {"from": CLOUD, "id": sent[0]}
    assert said[2]["interactive"]["list_reply"] == {"id": "r1", "title": "Soporte"}
    assert (said[3]["text"]["body"], said[3]["context"]["id"]) == ("el 12", sent[2])
    assert said[4]["reaction"] == {"message_id": sent[3], "emoji": "👍"}
    assert said[5]["reaction"] == {"message_id": sent[3]}
    assert said[6]["text"]["body"] == "Nada de eso", "what is not offered is typed"
    assert (found.said, found.answered, found.uncalled, found.silent, found.unheard) == (7, 5, 2, 0, 0)
    assert found.by_kind["choose"].answered == 3


async def test_nobody_waits_for_an_answer_and_who_waited_in_vain_is_told(chattigo: Chattigo, bot: Bot) -> None:
    bot.answers = lambda message: []
    found = await drive(
        chattigo, script(Step(say="hola"), Step(choose="any"), Step(react="👍", otherwise="¿?"), turns=9)
    )
    assert [one["type"] for one in next(iter(bot.heard.values()))] == ["text"] * 9
    assert (found.said, found.answered, found.silent, found.uncalled) == (9, 0, 6, 3)
    assert found.overtaken == 8
    assert (found.unheard, len(found.unheard_some)) == (1, 1)
    assert found.seconds == pytest.approx(8 / 20, abs=0.2)


async def test_how_long_an_answer_took_is_measured(chattigo: Chattigo, bot: Bot) -> None:
    bot.wait_s = 0.15
    found = await drive(chattigo, script(Step(say="hola"), turns=20, people=20, rate=200.0, patience_s=5))
    assert found.answered == 20
    assert 0.15 <= found.latency_s.p50 <= found.latency_s.p99 == found.latency_s.most < 3
    assert found.late_s.count == 20


async def test_a_burst_is_several_messages_in_their_order_and_one_turn(chattigo: Chattigo, bot: Bot) -> None:
    found = await drive(chattigo, script(Step(burst=["a", "b", "c"]), apart_s=(0.0, 0.01)))
    await chattigo.settled()
    assert [one["text"]["body"] for one in next(iter(bot.heard.values()))] == ["a", "b", "c"]
    assert (found.said, found.messages, found.answered) == (1, 3, 1)


async def test_who_moves_writes_from_the_new_number_and_is_still_one_person(chattigo: Chattigo, bot: Bot) -> None:
    steps = [Step(say="hola"), Step(do="move"), Step(choose="Horarios")]
    found = await drive(chattigo, script(*steps, rate=3.0, patience_s=5))
    (old, before), (new, after) = bot.heard.items()
    assert [one["type"] for one in before] == ["text", "system"]
    assert before[1]["system"]["wa_id"] == new != old
    assert [one["interactive"]["button_reply"]["title"] for one in after] == ["Horarios"], "it is still on the phone"
    assert (found.people, found.answered, found.unheard) == (1, 2, 0)


async def test_turns_that_share_a_moment_share_a_post(chattigo: Chattigo, bot: Bot) -> None:
    await drive(chattigo, script(Step(say="hola"), turns=40, people=40, rate=400.0, together=0.8))
    await chattigo.settled()
    posts = [post for post in chattigo.ledger.of(ledger.Webhook) if post.events]
    assert sum(len(post.events) for post in posts) == 40
    assert max(len(post.events) for post in posts) > 1


async def test_words_of_the_script_are_what_people_say_for_a_wish(chattigo: Chattigo, bot: Bot) -> None:
    wishes = [Step(do="optout"), Step(do="optin"), Step(do="human"), Step(send="image")]
    await drive(chattigo, script(*wishes, words={"optout": "STOP", "optin": "START", "human": "persona"}))
    said = next(iter(bot.heard.values()))
    assert [one["text"]["body"] for one in said[:3]] == ["STOP", "START", "persona"]
    assert said[3]["type"] == "image"


async def test_on_a_flat_line_people_choose_from_chattigos_own_lists(chattigo: Chattigo, isv: Any, client: Any) -> None:
    async with Driver(chattigo.base_url) as driver:
        run = await driver.start(script(Step(say="hola"), Step(choose="Sí"), lines=[FLAT], rate=2.0, turns=2))
        await chattigo.ledger.until(lambda: bool(chattigo.ledger.of(ledger.Event)))
        who = chattigo.ledger.of(ledger.Event)[0].contact
        listed = {"interactiveType": "list", "body": "¿?", "titleList": "t", "choices": [{"id": "7", "text": "Sí"}]}
        body = {"id": "m1", "did": FLAT, "msisdn": who, "type": "text", "content": "¿?", "interactiveMsg": listed}
        assert (await client.bot(body))[0] == 200
        await chattigo.ledger.until(
            lambda: sum(one.origin == "customer" for one in chattigo.ledger.of(ledger.Event)) == 2
        )
        await driver.stop(run)
    chosen = [one for one in chattigo.ledger.of(ledger.Event) if one.origin == "customer"][1]
    assert (chosen.body["interactiveChoiceId"], chosen.body["interactiveChoiceText"]) == ("7", "Sí")


async def test_everything_that_people_can_do_is_played(chattigo: Chattigo, bot: Bot) -> None:
    async with Driver(chattigo.base_url) as driver:
        found = await driver.run(standard(lines=[CLOUD], turns=600, rate=600, people=80, patience_s=5))
    assert (found.done, found.all_said, found.said, found.stopped, found.open) == (True, True, 600, "", 0)
    assert found.answered + found.silent + found.uncalled == 600
    assert {"say", "burst", "choose", "answer", "send", "react", "optout", "optin", "human", "move"} <= set(
        found.by_kind
    )
    await chattigo.settled()
    assert sum(one.origin == "customer" for one in chattigo.ledger.of(ledger.Event)) == found.messages
    shown = [one["interactive"]["type"] for said in bot.heard.values() for one in said if one["type"] == "interactive"]
    assert {"button_reply", "list_reply"} <= set(shown)


async def test_people_who_are_stopped_say_nothing_more(chattigo: Chattigo, bot: Bot) -> None:
    async with Driver(chattigo.base_url) as driver:
        run = await driver.start(standard(turns=10_000, rate=50, people=10))
        found = await driver.stop(run)
        assert (found.done, found.all_said, found.stopped) == (True, False, "it was stopped")
        assert (await driver.summary(run)).said == found.said < 10_000
    assert chattigo.ledger.listeners == []


async def test_whoever_stops_waiting_has_the_people_stop(chattigo: Chattigo, bot: Bot) -> None:
    driving = asyncio.create_task(drive(chattigo, script(Step(say="hola"), turns=10_000)))
    await chattigo.ledger.until(lambda: bool(chattigo.ledger.of(ledger.Message)))
    driving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await driving
    assert chattigo.control.crowd.play(1).summary().stopped == "it was stopped"


async def test_what_is_wrong_is_said(chattigo: Chattigo) -> None:
    async with Driver(chattigo.base_url) as driver:
        with pytest.raises(SandboxError, match="no persona"):
            await driver.start(Script(personas={}))
        with pytest.raises(SandboxError, match="no line of WhatsApp 1"):
            await driver.start(standard(lines=["1"]))
        with pytest.raises(SandboxError, match="no run 7"):
            await driver.summary(7)
    async with Driver("http://127.0.0.1:9") as driver:
        with pytest.raises(SandboxError, match="no sandbox answers"):
            await driver.summary(1)
