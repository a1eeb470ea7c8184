"""Access logs of our servers: the route's pattern instead of the path, since the path holds a webhook's secret."""

from aiohttp import web
from aiohttp.abc import AbstractAccessLogger

UNMATCHED = "(no route)"


class AccessLogger(AbstractAccessLogger):
    """Give it to a runner: `web.AppRunner(app, access_log_class=AccessLogger)`."""

    def log(self, request: web.BaseRequest, response: web.StreamResponse, time: float) -> None:
        self.logger.info(
            "%s %s %d in %.1f ms, %d bytes in, %d out",
            request.method,
            route_pattern(request),
            response.status,
            time * 1000,
            request.content_length or 0,
            response.body_length,
        )

    @property
    def enabled(self) -> bool:
        return self.logger.isEnabledFor(20)


def route_pattern(request: web.BaseRequest) -> str:
    """The pattern of the route that took the request, such as `/v1/webhooks/{secret}`; never the path itself."""
    info = request.match_info if isinstance(request, web.Request) else None
    resource = info.route.resource if info is not None else None
    return resource.canonical if resource is not None else UNMATCHED
