"""Pauses: the read model of the compacted `pauses` topic: what stands still for everybody, or for a tenant.

Promises: before it is caught up nobody may send (the service does not begin); then what is read holds at once. A record
that does not decode pauses what its key names: to go on because of a record that nobody can read would be the worse
error. Leaves to others: who may write one, and the orders to a single line (`lines.commands`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from runtime import logs, metrics
from runtime.kafka.follower import Follower
from runtime.settings import KafkaSettings
from runtime.tenants import Message
from schemas import keys, topics
from schemas.keys import KeyPartError
from schemas.pause import ALL, Pause
from schemas.record import RecordError, decode

_log = logs.get(__name__)


def tenant_key(tenant: str) -> str:
    """The key under which a tenant's pause stands."""
    return keys.join("tenant", tenant)


class Standing:
    """The pauses that stand, by key. Pure."""

    def __init__(self) -> None:
        self._standing: dict[str, Pause | None] = {}

    def __len__(self) -> int:
        return len(self._standing)

    def holding(self, tenant: str) -> list[str]:
        """The keys of the pauses that hold for a tenant's lines (an empty name: a line that nobody has)."""
        if not self._standing:
            return []
        wanted = [ALL, tenant_key(tenant)] if tenant and keys.SEPARATOR not in tenant else [ALL]
        return [key for key in wanted if key in self._standing]

    def apply(self, messages: Iterable[Message]) -> None:
        """Takes records in the order of the topic."""
        for message in messages:
            key, value = _text(message.key()), message.value()
            if value is None:
                self._standing.pop(key, None)
            elif _is_key(key):
                self._standing[key] = self._decoded(key, value, message.offset() or 0)
            else:
                self._refuse(key, message.offset() or 0, "the key names nothing that can be paused")
        metrics.gauge(metrics.PAUSES_STANDING).labels().set(len(self._standing))

    def _decoded(self, key: str, value: bytes | str, offset: int) -> Pause | None:
        try:
            record = decode(value.encode() if isinstance(value, str) else value, Pause)
            if record.key == key:
                return record
            problem = "the record stands under the key of another"
        except (RecordError, KeyPartError) as error:
            problem = str(error)
        self._refuse(key, offset, problem)
        return None

    def _refuse(self, key: str, offset: int, problem: str) -> None:
        metrics.counter(metrics.PAUSES_UNREADABLE).labels().inc()
        _log.error("a pause cannot be read; what its key names stands still", key=key, offset=offset, problem=problem)


class Pauses(Standing):
    """Follows the topic. Use it on the event loop on which it was started."""

    def __init__(
        self,
        settings: KafkaSettings,
        *,
        on_failure: Callable[[BaseException], None] | None = None,
    ) -> None:
        """`on_failure` is called on the loop when following the topic ends by itself."""
        super().__init__()
        self._callbacks: list[Callable[[], None]] = []
        self._follower = Follower(settings, topics.PAUSES.name, self._take, on_failure=on_failure)

    async def start(self) -> None:
        await self._follower.start()

    async def caught_up(self, timeout_s: float) -> None:
        """Waits until all was read that the topic had at the start. Raises TimeoutError or FollowerFailed."""
        await self._follower.caught_up(timeout_s)

    async def stop(self) -> None:
        await self._follower.stop()

    def on_change(self, callback: Callable[[], None]) -> None:
        """Calls `callback` on the event loop whenever something was paused or resumed."""
        self._callbacks.append(callback)

    def _take(self, messages: Iterable[Message]) -> None:
        self.apply(messages)
        for callback in self._callbacks:
            callback()


def _text(key: bytes | str | None) -> str:
    return key.decode("utf-8", "replace") if isinstance(key, bytes) else key or ""


def _is_key(key: str) -> bool:
    kind, _, rest = key.partition(keys.SEPARATOR)
    return key == ALL or (kind == "tenant" and bool(rest))
