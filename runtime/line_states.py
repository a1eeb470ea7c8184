"""Line states: the read model of the compacted `lines.state` topic: how each line stands, as its owner said last.

Promises: everything that the topic had at the start is known once it is caught up; a record that does not decode is
logged, and the one before it stays in force. Leaves to others: writing (a line's owner alone), and what follows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from runtime import logs
from runtime.kafka.follower import Follower
from runtime.settings import KafkaSettings
from runtime.tenants import Message
from schemas import topics
from schemas.line_state import LineState
from schemas.record import RecordError

_DECODER = topics.LINES_STATE.decoder()
_log = logs.get(__name__)


class LineStates:
    """Follows the topic and answers from memory. Use it on the event loop on which it was started."""

    def __init__(
        self,
        settings: KafkaSettings,
        heard: Callable[[LineState], None],
        *,
        topic: str = topics.LINES_STATE.name,
        on_failure: Callable[[BaseException], None] | None = None,
    ) -> None:
        """`heard` is told each record; `on_failure` when following the topic ends by itself."""
        self.states: dict[str, LineState] = {}
        self._heard = heard
        self._follower = Follower(settings, topic, self.apply, on_failure=on_failure)

    async def start(self) -> None:
        await self._follower.start()

    async def caught_up(self, timeout_s: float) -> None:
        """Waits until all was read that the topic had at the start. Raises TimeoutError or FollowerFailed."""
        await self._follower.caught_up(timeout_s)

    async def stop(self) -> None:
        await self._follower.stop()

    def apply(self, messages: Iterable[Message]) -> None:
        """Takes records in the order of their partitions; the follower calls it."""
        for message in messages:
            value = message.value()
            if value is None:
                key = message.key() or b""
                self.states.pop(key if isinstance(key, str) else key.decode("utf-8", "replace"), None)
                continue
            try:
                state: LineState = _DECODER.decode(value if isinstance(value, bytes) else value.encode())
            except RecordError as error:
                _log.error("unreadable line state", offset=message.offset(), problem=str(error))
                continue
            self.states[state.did] = state
            self._heard(state)
