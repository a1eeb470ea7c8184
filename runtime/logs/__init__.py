"""Logs: structured events on standard error, without secrets and without the numbers of people.

`configure(level, format)` once at start; then `log = logs.get(__name__)` and `log.info("plan written", plan_id=…)`.
Logs of the standard library (Faust, aiokafka, aiohttp, librdkafka) take the same way out, see `runtime.logs.output`;
what is hidden and what stays is decided in `runtime.logs.redaction`.
"""

from runtime.logs.output import configure, get
from runtime.logs.redaction import redact, redact_text

__all__ = ["configure", "get", "redact", "redact_text"]
