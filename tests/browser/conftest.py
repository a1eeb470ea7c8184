"""A genuine Chromium over a sandbox in this process. `make browser` brings the browser; nothing here installs any.

One browser, one loop for all tests of the folder; each test has a sandbox and a page of its own, and a page that says
anything on its console fails its test.
"""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright, expect

from sandbox.chattigo.config import Account, Config, Line, Looks, Template
from sandbox.chattigo.knobs import Knobs, Receipts, Webhooks
from sandbox.chattigo.server import Chattigo
from tests.builders.browser import Business

CLOUD, FLAT, CHANNEL = "56912345678", "5491100000000", "56900000001"
HOME = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "relevo" / "chromium" / "root" / "usr"
PROGRAM = Path(os.environ.get("CHROMIUM", HOME / "lib" / "chromium" / "chromium"))
LOOKS = Looks("Hola {{1}}, tu pedido {{2}} va en camino.", "Pedido {{1}}", "Tienda Acme", ["Ver pedido", "No soy yo"])
STEADY = Receipts(
    sent_s=(0, 0), delivered_s=(0, 0), read_s=(0, 0), read=1, failed=0, lost=0, duplicate=0, reorder=0,
    skip_delivered=0, before_answer=0,
)  # fmt: skip
WIDE, NARROW = (1280, 800), (390, 780)
expect.set_options(timeout=30_000)


def config() -> Config:
    return Config(
        accounts=[
            *(Account(service, "acme@acme", "secret", [CLOUD, FLAT]) for service in ("isv", "hsm", "bot")),
            Account("channel", "acme@acme", "secret", [CHANNEL]),
        ],
        lines=[Line(CLOUD), Line(FLAT, "flat"), Line(CHANNEL, "channel")],
        templates=[Template("order_update", parameters=2, looks=LOOKS)],
        knobs=Knobs(receipts=STEADY, webhooks=Webhooks(duplicate=0, retry_s=())),
    )


def surroundings() -> dict[str, str | float | bool]:
    """What the browser's process is told: where the libraries and fonts are that came with it."""
    if not PROGRAM.exists():
        pytest.fail(f"no Chromium at {PROGRAM}: `make browser` brings one, or set CHROMIUM")
    libraries = HOME / "lib" / "x86_64-linux-gnu"
    return {
        **os.environ,
        "LD_LIBRARY_PATH": f"{libraries}:{libraries}/pulseaudio",
        "XDG_DATA_HOME": str(HOME / "share"),
    }


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def browser() -> AsyncIterator[Browser]:
    environment = surroundings()
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=PROGRAM, args=["--no-sandbox"], env=environment)
        yield running
        await running.close()


@pytest_asyncio.fixture(loop_scope="session")
async def chattigo(tmp_path: Path) -> AsyncIterator[Chattigo]:
    async with Chattigo(config(), ledger_path=tmp_path / "ledger.ndjson") as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def business(chattigo: Chattigo) -> AsyncIterator[Business]:
    async with aiohttp.ClientSession() as session, Business(chattigo, session) as one:
        for did in (CLOUD, FLAT):
            chattigo.world.register(did, "inbound", one.url)
        yield one


@pytest_asyncio.fixture(loop_scope="session")
async def browser_page(browser: Browser) -> AsyncIterator[Page]:
    """A page that is nowhere yet and may say what it likes."""
    context = await browser.new_context(viewport={"width": WIDE[0], "height": WIDE[1]}, reduced_motion="reduce")
    context.set_default_timeout(30_000)
    yield await context.new_page()
    await context.close()


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser_page: Page, chattigo: Chattigo) -> AsyncIterator[Page]:
    """The sandbox's page; nothing may stand on its console but what holds `expected_noise`."""
    said: list[str] = []
    browser_page.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
    browser_page.on("pageerror", lambda problem: said.append(str(problem)))
    browser_page.on("dialog", lambda dialog: said.append(f"dialog: {dialog.message}"))
    await browser_page.goto(chattigo.base_url)
    yield browser_page
    expected = getattr(browser_page, "expected_noise", "")
    assert [line for line in said if not expected or expected not in line] == []
