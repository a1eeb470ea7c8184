"""Output of logs: one handler on standard error for structlog and for the standard library alike.

Promises: every line, also of a library and of an exception, passes `runtime.logs.redaction` last; exceptions are
written without the values of local variables. Leaves to `runtime.kafka.config`: giving Kafka clients a logger of the
standard library, since librdkafka would write to the terminal by itself.
"""

import logging
import sys
import traceback
from collections.abc import MutableMapping
from typing import Any, Literal, TextIO, cast

import orjson
import structlog
from structlog.types import EventDict, ExcInfo, Processor, WrappedLogger

from runtime.logs.redaction import redact, redact_text

Level = Literal["debug", "info", "warning", "error"]
Format = Literal["json", "console"]

# Libraries that tell about every record or connection; their warnings are what matters.
_TALKATIVE = ("aiokafka", "faust", "mode", "kafka", "asyncio", "aiohttp.access", "urllib3")


def get(name: str) -> structlog.stdlib.BoundLogger:
    """A logger of ours; events are short texts in lower case, everything that varies is a field."""
    return structlog.stdlib.get_logger(name)


def configure(level: Level = "info", output: Format = "json", stream: TextIO | None = None) -> None:
    """Send all logs of the process to `stream` (standard error). May be called again; the last call holds."""
    before: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *before,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = _Handler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=before,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _exception,
                _redaction,
                _renderer(output),
            ],
        )
    )
    _install(handler, level)


class _Handler(logging.StreamHandler[TextIO]):
    """Ours, so that `configure` can find and replace it. Standard logging prints the arguments of a record that
    cannot be formatted; they may hold anything, so only the place is told."""

    def handleError(self, record: logging.LogRecord) -> None:
        error = sys.exc_info()[1]
        print(f"log line of {record.name}:{record.lineno} lost: {type(error).__name__}", file=sys.__stderr__)


def _install(handler: logging.Handler, level: Level) -> None:
    root = logging.getLogger()
    for old in [h for h in root.handlers if isinstance(h, _Handler)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    for name in _TALKATIVE:
        quiet = logging.INFO if name == "aiohttp.access" else logging.WARNING
        logging.getLogger(name).setLevel(max(quiet, root.level))
    logging.captureWarnings(True)


def _redaction(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    return redact(event)


def _exception(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Replace `exc_info` by the traceback's text, without local variables."""
    found = _exc_info(event.pop("exc_info", None))
    if found is not None:
        shown = traceback.TracebackException(*found, capture_locals=False, limit=-20, max_group_width=5)
        event["exception"] = "".join(shown.format()).rstrip()
    return event


def _exc_info(value: Any) -> ExcInfo | None:
    if isinstance(value, BaseException):
        return type(value), value, value.__traceback__
    found = sys.exc_info() if value is True else value
    if isinstance(found, tuple) and found[0] is not None:
        return cast(ExcInfo, found)
    return None


def _renderer(output: Format) -> Processor:
    if output == "json":
        return _json
    return structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)


def _json(logger: WrappedLogger, method: str, event: MutableMapping[str, Any]) -> str:
    try:
        return orjson.dumps(event, default=repr, option=orjson.OPT_NON_STR_KEYS).decode()
    except orjson.JSONEncodeError:  # lone surrogates, integers beyond 64 bits
        return orjson.dumps({k: _safe(v) for k, v in event.items()}).decode()


def _plain() -> None:
    """What holds until `configure`: texts to the standard library's loggers, redacted already."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.contextvars.merge_contextvars,
            _exception,
            _redaction,
            _json,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
    )


def _safe(value: object) -> str:
    return redact_text(str(value)).encode("utf-8", "replace").decode()


if not structlog.is_configured():
    _plain()  # structlog's own default would print everything as it is
