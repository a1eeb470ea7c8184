"""The example service of docs/http-agent.md answers genuine, signed calls, as the page says."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from processors.agents.builtin.http.agent import http
from processors.agents.builtin.http.answer import TYPES, Answer
from processors.agents.builtin.http.request import Request
from processors.agents.limits import OF_THE_TENANT
from relevo import reference
from relevo.testing import AgentFailed, Chat
from relevo.testing.calls import calling
from runtime.hooks import new_secret
from tests.builders.shop import PAGE, blocks, shop

ROOT = Path(__file__).parents[3]


def test_the_example_is_short() -> None:
    (text,) = blocks("python")
    assert sum(bool(line.strip()) for line in text.splitlines()) <= 20


def test_the_example_answers_who_knows_the_secret_and_nobody_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RELEVO_TENANTS_PRIVATE_NETWORKS", "127.0.0.0/8")
    secret = new_secret()
    with shop(tmp_path, secret) as url, calling("test") as calls:
        config = {"url": url, "plain": True, "secret": [new_secret(), secret]}
        with Chat(http, kind="http", config=config, calls=calls) as chat:
            chat.says("buenas")
            chat.says("¿precio?")
            assert chat.texts == ["Hola Ana, es tu mensaje 2: ¿precio?"]
            assert chat.memory == {"visits": 2}
        with Chat(http, kind="http", config=config | {"secret": new_secret()}, calls=calls) as chat:
            with pytest.raises(AgentFailed, match="answered 401") as failed:
                chat.says("buenas")
            assert failed.value.reason == "hook_refused"


def test_the_page_is_played_in_the_terminal_as_it_says(tmp_path: Path) -> None:
    (block,) = [one for one in blocks("sh") if "relevo chat" in one]
    secret = new_secret()
    with shop(tmp_path, secret) as url:
        lines = block.replace("http://127.0.0.1:8099/", url).replace("relevo chat", f"{sys.executable} -m relevo chat")
        lines = lines.replace("python shop.py &\n", "").replace('"whsec_$(openssl rand -base64 32)"', secret)
        env = {name: value for name, value in os.environ.items() if not name.startswith("RELEVO_")}
        done = subprocess.run(
            ["bash", "-ec", lines],
            cwd=tmp_path,
            env=env | {"PYTHONPATH": str(ROOT)},
            input="buenas\n",
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.stdout.splitlines() == ["« Hola Ana, es tu mensaje 1: buenas"], done.stderr


def test_the_page_names_every_type_and_every_cause() -> None:
    assert {kind for kind in TYPES if f"`{kind}`" not in PAGE} == set()
    assert {cause for cause in OF_THE_TENANT - {"hook_ok"} if f"`{cause}`" not in PAGE} == set()


def test_the_request_of_the_page_is_one() -> None:
    (shown,) = blocks("json")
    request = msgspec.json.decode(shown, type=Request)
    assert request.event.text == "buenas"
    fields = {field.encode_name for field in msgspec.structs.fields(Request) if field.required}
    assert fields == set(json.loads(shown))


def test_the_schemas_have_every_type_and_are_linked() -> None:
    names = [name for name in reference.PAGES if name.startswith("http-")]
    request, answer = (json.loads((reference.FOLDER / name).read_text()) for name in names)
    assert (
        answer["$defs"]["Answer"]["properties"]["actions"]["items"]["discriminator"]["mapping"].keys() == TYPES.keys()
    )
    assert set(request["$defs"]["Request"]["required"]) == {
        field.encode_name for field in msgspec.structs.fields(Request) if field.required
    }
    assert {f"reference/{name}" for name in names} <= set(re.findall(r"\]\((.*?)\)", PAGE))


def test_what_the_schema_refuses_is_refused() -> None:
    for wrong in ({"type": "reply"}, {"type": "reply", "text": "x", "txt": 1}, {"type": "buttons", "text": "x"}):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert({"actions": [wrong]}, Answer)
