"""The page's own routes: one document that loads nothing, a feed that can be taken up again, nobody else's requests."""

import asyncio
import base64
import hashlib
import re
import time
from typing import Any

import aiohttp
import orjson
import pytest

from sandbox.chattigo import ledger
from sandbox.chattigo.messages import SAMPLES
from sandbox.chattigo.page import feed
from sandbox.chattigo.page.document import FOLDER, SCRIPTS, document
from sandbox.chattigo.server import Chattigo

CLOUD, FLAT = "56912345678", "5491100000000"
ANA = "56911111111"


def digest(text: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


def test_the_page_is_one_document_and_its_policy_lets_only_its_own_bytes_run() -> None:
    page = document()
    html, policy = page.body.decode(), page.headers["Content-Security-Policy"]
    (style,) = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)
    (script,) = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    assert f"style-src {digest(style)}" in policy
    assert f"script-src {digest(script)}" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "*" not in policy
    assert re.findall(r"""(?:src|href)=["'](?!data:,|#)""", html) == []
    assert "url(" not in style
    assert "@import" not in style


def test_every_script_of_the_folder_is_in_the_document() -> None:
    assert sorted(SCRIPTS) == sorted(path.stem for path in FOLDER.glob("*.js"))
    body = document().body.decode()
    for name in SCRIPTS:
        assert (FOLDER / f"{name}.js").read_text() in body


def test_what_the_walk_tells_to_press_is_on_the_page() -> None:
    walk = (FOLDER.parents[2] / "docs" / "sandbox-page.md").read_text().split("**A first chat")[1].split("\n\n")[0]
    pressed = re.findall(r"(?<!\*)\*([^*]+)\*(?!\*)", walk)
    assert pressed == ["New customer", "Make", "Set an address", "Set"]
    body = document().body.decode()
    assert [words for words in pressed if f">{words}</button>" not in body and f'"{words}"' not in body] == []


def test_the_pictures_of_the_page_are_light() -> None:
    pictures = sorted((FOLDER.parents[2] / "docs" / "images").glob("sandbox-page*.png"))
    assert [picture.name for picture in pictures if picture.stat().st_size < 200_000] == [
        "sandbox-page-narrow.png",
        "sandbox-page.png",
    ]


def test_no_script_can_turn_text_into_markup() -> None:
    script = "".join((FOLDER / f"{name}.js").read_text() for name in SCRIPTS)
    assert (
        re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|srcdoc", script) == []
    )


@pytest.mark.parametrize(
    ("last_id", "written", "expected"),
    [
        ("", 0, feed.Start(0, 0)),
        ("", 5, feed.Start(0, 0)),
        ("here:3", 5, feed.Start(3, 0)),
        ("here:5", 5, feed.Start(5, 0)),
        ("here:9", 5, feed.Start(0, 0)),  # not of this ledger, whatever its name
        ("there:3", 5, feed.Start(0, 0)),
        ("here:x", 5, feed.Start(0, 0)),
        ("", feed.KEPT + 7, feed.Start(7, 7)),
        ("here:4", feed.KEPT + 7, feed.Start(7, 3)),
        ("here:8", feed.KEPT + 7, feed.Start(8, 0)),
    ],
)
def test_a_page_goes_on_where_it_was_and_hears_no_more_than_it_keeps(
    last_id: str, written: int, expected: feed.Start
) -> None:
    assert feed.start(last_id, "here", written) == expected


class Watcher:
    """Reads a feed: names of events, the last id, and the entries."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.seqs: list[int] = []
        self.last_id = ""
        self.hello: Any = None

    async def read(self, answer: aiohttp.ClientResponse, until: int) -> None:
        while not self.seqs or self.seqs[-1] < until:
            lines = (await asyncio.wait_for(answer.content.readuntil(b"\n\n"), 10)).decode().splitlines()
            event = dict(line.split(": ", 1) for line in lines if line)
            self.names.append(event["event"])
            self.last_id, data = event["id"], orjson.loads(event["data"])
            if event["event"] == "hello":
                self.hello = data
            self.seqs += [one["seq"] for one in data.get("entries", [])]


async def test_a_page_that_comes_back_misses_nothing_and_hears_nothing_twice(chattigo: Chattigo) -> None:
    url, watcher, written = f"{chattigo.base_url}/_sandbox/page/feed", Watcher(), chattigo.ledger.entries
    chattigo.say(CLOUD, ANA, "uno")
    async with aiohttp.ClientSession() as session:
        async with session.get(url) as answer:
            await watcher.read(answer, len(written))
            chattigo.say(CLOUD, ANA, "dos")
            await watcher.read(answer, len(written))
        chattigo.say(CLOUD, ANA, "tres")
        async with session.get(url, headers={"Last-Event-ID": watcher.last_id}) as answer:
            await watcher.read(answer, len(written))
    assert watcher.seqs == list(range(1, watcher.seqs[-1] + 1))
    assert watcher.names[0] == "hello"
    assert watcher.hello["missed"] == 0


async def test_a_page_that_watches_does_not_hold_up_the_end(tmp_path: Any, config: Any) -> None:
    async with aiohttp.ClientSession() as session:
        async with Chattigo(config, ledger_path=tmp_path / "ledger.ndjson") as running:
            answer = await session.get(f"{running.base_url}/_sandbox/page/feed")
            await Watcher().read(answer, 1)
            began = time.monotonic()
        assert time.monotonic() - began < 5
        await answer.content.read()  # an end, and not a broken answer


async def test_the_page_is_where_a_browser_looks_first(chattigo: Chattigo) -> None:
    async with aiohttp.ClientSession() as session:
        for path in ("/", "/_sandbox", "/_sandbox/"):
            async with session.get(chattigo.base_url + path) as answer:
                assert answer.status == 200
                assert answer.url.path == "/_sandbox/"
                assert await answer.read() == document().body
    assert chattigo.ledger.of(ledger.Call) == []


async def test_the_page_is_told_what_there_is(chattigo: Chattigo) -> None:
    async with aiohttp.ClientSession() as session, session.get(f"{chattigo.base_url}/_sandbox/page/setup") as answer:
        setup = await answer.json()
    assert CLOUD in [line["did"] for line in setup["lines"]]
    assert setup["samples"] == list(SAMPLES)
    assert setup["errors"]["131026"] == "Message undeliverable"
    assert "hsm.send" in setup["routes"]
    assert setup["bases"]["channel"] == "/webhook-chattigo"
    assert "secret" not in str(setup)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": "own"}, 200),
        ({"Origin": "own", "Sec-Fetch-Site": "same-origin"}, 200),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, 403),
        ({"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, 403),  # a form of another site
    ],
)
async def test_another_sites_page_can_turn_nothing(chattigo: Chattigo, headers: dict[str, str], status: int) -> None:
    sent = {name: chattigo.base_url if value == "own" else value for name, value in headers.items()}
    url = f"{chattigo.base_url}/_sandbox/knobs"
    request = aiohttp.request("PATCH", url, data=b'{"echo": false}', headers=sent)
    async with request as answer:
        assert answer.status == status
    assert chattigo.world.knobs.echo == (status == 403)


async def test_a_link_to_the_page_may_stand_anywhere(chattigo: Chattigo) -> None:
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    async with aiohttp.request("GET", f"{chattigo.base_url}/_sandbox/", headers=headers) as answer:
        assert answer.status == 200
