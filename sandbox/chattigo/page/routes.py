"""The routes of the page.

Promises: a page of another site, open in the same browser, can turn nothing here: what comes with a foreign `Origin`,
or says that another site asks for it, is refused. Who sends neither header is no browser, and is let through.
"""

from collections.abc import Sequence
from urllib.parse import urlsplit

from aiohttp import web

from sandbox.chattigo import messages
from sandbox.chattigo.config import BASES
from sandbox.chattigo.control import PREFIX, Handler, answer
from sandbox.chattigo.errors import KNOWN
from sandbox.chattigo.page.document import document
from sandbox.chattigo.page.feed import Feed
from sandbox.chattigo.page.panel import EVIDENCE, QUESTIONS, Panel, described
from sandbox.chattigo.world import World


@web.middleware
async def own_origin(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse what another site's page asks of the control API; following a link to the page is no such thing."""
    if not request.path.startswith(PREFIX):
        return await handler(request)
    origin, site = request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site", "none")
    navigates = request.method == "GET" and request.headers.get("Sec-Fetch-Mode") == "navigate"
    if origin is not None and urlsplit(origin).netloc != request.host:
        return answer({"error": f"not from {origin}"}, 403)
    if site not in ("none", "same-origin") and not navigates:
        return answer({"error": f"not from a page that is {site}"}, 403)
    return await handler(request)


class Page:
    """The page over one world; `routes` names the routes that a fault can hit."""

    def __init__(self, world: World, routes: Sequence[str] = ()) -> None:
        self._world, self._routes = world, routes
        self._document = document()
        self._feed = Feed(world)
        self._panel = Panel(world)

    def add(self, app: web.Application) -> None:
        """Register the routes."""
        get = app.router.add_get
        get("/", self.forward)
        get(PREFIX, self.forward)
        get(f"{PREFIX}/", self.page)
        get(f"{PREFIX}/page/setup", self.setup)
        get(f"{PREFIX}/page/knobs", self.knobs)
        get(f"{PREFIX}/page/feed", self._feed.watch)
        app.on_shutdown.append(self._feed.stop)

    async def forward(self, _: web.Request) -> web.Response:
        """To where the page is."""
        raise web.HTTPFound(f"{PREFIX}/")

    async def page(self, _: web.Request) -> web.Response:
        """The page."""
        return web.Response(body=self._document.body, headers=self._document.headers)

    async def setup(self, _: web.Request) -> web.Response:
        """What a page is drawn from: lines, accounts, templates, samples, how knobs and errors are named."""
        config = self._world.config
        found = {
            "seed": config.seed,
            "base_url": self._world.base_url,
            "bases": BASES,
            "lines": config.lines,
            "accounts": [{"service": one.service, "username": one.username} for one in config.accounts],
            "templates": list(self._world.templates),
            "samples": list(messages.SAMPLES),
            "routes": self._routes,
            "errors": {str(code): known.title for code, known in KNOWN.items()},
            "knobs": described(),
            "questions": QUESTIONS,
            "evidence": EVIDENCE,
        }
        return answer(found)

    async def knobs(self, _: web.Request) -> web.Response:
        """How the knobs stand, and how they would stand if nobody had turned one since the profile was switched to."""
        return answer(self._panel.standing())
