"""Scripted customers, knobs, configuration and the small pure parts."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.chattigo import knobs, ledger, messages
from sandbox.chattigo.config import Account, Config, Line, load
from sandbox.chattigo.customers import Script
from sandbox.chattigo.dice import Dice
from sandbox.chattigo.knobs import Knobs
from sandbox.chattigo.numbers import person, wa_id
from sandbox.chattigo.server import Chattigo
from sandbox.chattigo.tokens import Holder, Tokens
from sandbox.people.schedule import schedule

SCRIPT = Script(dids=["56912345678", "5491100000000"], customers=20, messages=100, rate=1000)


def test_everybody_opens_and_then_says_words_and_samples() -> None:
    turns = list(schedule(SCRIPT.people()))
    assert len(turns) == 100
    assert turns[-1].at_s < 0.1
    opened = [turn.who.contact for turn in turns if turn.step.say == "hola"]
    assert opened == list(dict.fromkeys(turn.who.contact for turn in turns))
    assert len(opened) == 20
    assert {turn.step.deed for turn in turns} == {"say", "send"}


@pytest.mark.parametrize(("texts", "deeds"), [(1, {"say"}), (0, {"say", "send"})])
def test_the_share_of_texts_may_be_all_or_none(texts: float, deeds: set[str]) -> None:
    script = msgspec.structs.replace(SCRIPT, texts=texts)
    turns = list(schedule(script.people()))
    assert {turn.step.deed for turn in turns} == deeds
    assert sum(turn.step.deed == "say" for turn in turns) == (100 if texts else 20)


async def test_a_run_delivers_everything(client: Any, chattigo: Chattigo, dids: Any) -> None:
    body = msgspec.to_builtins(SCRIPT) | {"dids": list(dids[:2])}
    status, answer = await client.control("POST", "customers/run", body)
    assert (status, answer) == (200, {"run": 1})
    await chattigo.control.crowd.play(1).said()
    await chattigo.settled()
    _, progress = await client.control("GET", "customers/run/1")
    assert (progress["said"], progress["done"]) == (100, True)
    events = {one.event for one in chattigo.ledger.of(ledger.Event)}
    acked = {key for post in chattigo.ledger.of(ledger.Webhook) if post.acked for key in post.events}
    assert len(events) == 100
    assert acked == events


@pytest.mark.parametrize("change", [{"dids": []}, {"dids": ["1"]}, {"types": ["poem"]}, {"rate": 0}, {"messages": 0}])
async def test_a_bad_script_is_refused(client: Any, dids: Any, change: Any) -> None:
    body = {"dids": [dids[0]], "customers": 1, "messages": 1} | change
    assert (await client.control("POST", "customers/run", body))[0] == 400


async def test_say_over_http(client: Any, chattigo: Chattigo, dids: Any) -> None:
    one = {"did": dids[0], "contact": "56911111111", "message": "hola"}
    status, answer = await client.control("POST", "customers/say", [one, one | {"sample": "image"}])
    assert (status, len(answer["ids"])) == (200, 2)
    assert (await client.control("POST", "customers/say", one | {"did": "1"}))[0] == 400
    assert (await client.control("POST", "customers/say", one | {"sample": "poem"}))[0] == 400
    await chattigo.settled()
    assert [event.kind for event in chattigo.ledger.of(ledger.Event)] == ["text", "image"]


async def test_state_and_ledger_over_http(client: Any, chattigo: Chattigo, dids: Any) -> None:
    chattigo.say(dids[0], "56911111111", "hola")
    await chattigo.settled()
    _, state = await client.control("GET", "state")
    assert (state["pending"], state["counts"]["event"], state["seed"]) == (0, 1, 1)
    _, first = await client.control("GET", "ledger?limit=1")
    assert (first["entries"][0]["type"], first["next"]) == ("run", 1)
    _, rest = await client.control("GET", f"ledger?since={first['next']}&type=webhook")
    assert [entry["type"] for entry in rest["entries"]] == ["webhook"]
    assert rest["next"] == state["entries"]


async def test_knobs_over_http(client: Any, chattigo: Chattigo) -> None:
    status, answer = await client.control("PATCH", "knobs", {"receipts": {"lost": 0.5}})
    assert (status, answer["receipts"]["lost"], answer["receipts"]["read"]) == (200, 0.5, 1)
    assert (await client.control("PATCH", "knobs", {"receipts": {"luck": 1}}))[0] == 400
    assert (await client.control("PATCH", "knobs", {"window": "maybe"}))[0] == 400
    _, now = await client.control("GET", "knobs")
    assert (now["receipts"]["lost"], now["window"]) == (0.5, "never")
    assert chattigo.ledger.of(ledger.KnobChange)[-1].changes == {"receipts": {"lost": 0.5}}


async def test_two_runs_of_one_seed_give_the_same_ids(config: Config, tmp_path: Path) -> None:
    ids = []
    for name in ("a", "b"):
        async with Chattigo(config, ledger_path=tmp_path / name) as chattigo:
            ids.append([chattigo.say(line.did, "56911111111", "hola") for line in config.lines])
    assert ids[0] == ids[1]
    assert len(set(ids[0])) == 3


def test_a_patch_is_whole_or_nothing() -> None:
    some = Knobs()
    with pytest.raises(msgspec.ValidationError):
        knobs.patch(some, {"echo": False, "nonsense": 1})
    assert some.echo is True


def test_a_configuration_file(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(
        "seed: 3\nknobs: {window: never}\n"
        'lines: [{did: "56912345678", kind: flat}]\n'
        'accounts: [{service: isv, username: a@a, password: p, dids: ["56912345678"]}]\n'
    )
    config = load(path)
    assert (config.seed, config.lines[0].kind, config.knobs.window) == (3, "flat", "never")
    path.write_text("lines: []\naccounts: []\ncolour: blue\n")
    with pytest.raises(msgspec.ValidationError, match="colour"):
        load(path)


@pytest.mark.parametrize(
    ("lines", "dids", "words"),
    [(["+569"], [], "10 to 15"), (["56912345678"] * 2, [], "twice"), (["56912345678"], ["1"], "no line")],
)
def test_a_wrong_configuration_says_what(lines: list[str], dids: list[str], words: str) -> None:
    config = Config([Account("isv", "a", "p", dids)], [Line(did) for did in lines])
    with pytest.raises(ValueError, match=words):
        config.check()


@pytest.mark.parametrize(
    ("number", "who"),
    [
        ("541155550000", "5491155550000"),
        ("5491155550000", "5491155550000"),
        ("5215512345678", "525512345678"),
        ("525512345678", "525512345678"),
        ("551187654321", "5511987654321"),
        ("56911111111", "56911111111"),
    ],
)
def test_forms_of_a_number(number: str, who: str) -> None:
    assert person(number) == who
    assert wa_id(number) == who
    assert wa_id(number, forms=False) == number


@given(st.from_regex(r"[0-9]{7,15}", fullmatch=True))
def test_a_person_is_stable(number: str) -> None:
    assert person(person(number)) == person(number)


@given(st.integers(), st.lists(st.text(), min_size=1), st.floats(0, 1))
def test_dice_repeat_themselves(seed: int, words: list[str], probability: float) -> None:
    dice = Dice(seed)
    assert dice.roll(*words) == Dice(seed).roll(*words)
    assert 0 <= dice.roll(*words) < 1
    assert dice.number((1, 3), *words) in (1, 2, 3)
    assert dice.pick("abc", *words) in "abc"
    assert dice.chance(probability, *words) is (dice.roll(*words) < probability)


def test_tokens_are_jwts_that_die() -> None:
    tokens = Tokens(b"k")
    token = tokens.issue("isv", "a", 1, now_ms=1_000, ttl_s=10)
    assert token.count(".") == 2
    assert isinstance(tokens.check(token, "isv", 1_000), Holder)
    assert tokens.check(token, "isv", 11_000) == "expired"
    assert tokens.check(token, "hsm", 1_000) == "bad"
    assert tokens.check(token[:-2], "isv", 1_000) == "bad"
    assert tokens.check("", "isv", 1_000) == "bad"
    tokens.expire("isv", "b", 1_000)
    assert isinstance(tokens.check(token, "isv", 1_000), Holder)
    tokens.expire("isv", "a", 1_000)
    assert tokens.check(token, "isv", 1_000) == "expired"
    assert isinstance(tokens.check(tokens.issue("isv", "a", 1, 1_000, 10), "isv", 1_000), Holder)


def test_samples_are_the_scripts_types() -> None:
    assert set(Script(dids=[]).types) == set(messages.SAMPLES) - {"text"}
