"""The Faust app under the engine: right settings, no files, no web server, and a crash that ends the process.

Faust as it comes creates folders and topics, commits without fence, and may stay alive after a crash, doing
nothing. All of that is off. A crash of any of its services ends the process (`fatal`).
"""

from typing import Any

import faust
from yarl import URL

from runtime.engine import transport
from runtime.engine.assignment import Assignment
from runtime.engine.chunk import Chunk
from runtime.engine.fatal import Exit, end_process, log
from runtime.engine.settings import EngineSettings

QUEUE_CHUNKS = 4096  # never reached: lanes bound what is fetched


class Unparsed(faust.Schema[Any, Any]):
    """Keys and values as they are: the value of a Faust message is a chunk."""

    def loads_key(self, app: Any, message: Any, **kwargs: Any) -> Any:
        return message.key

    def loads_value(self, app: Any, message: Any, **kwargs: Any) -> Any:
        return message.value


class EngineApp(faust.App):
    """`connection` is aiokafka's: brokers, client id, security."""

    def __init__(
        self,
        app_id: str,
        *,
        source: str,
        instance: str,
        connection: dict[str, Any],
        settings: EngineSettings,
        assignment: Assignment,
    ) -> None:
        transport.register()
        self.source_topic = source
        self.instance = instance
        self.connection = connection
        self.settings = settings
        self.assignment = assignment
        super().__init__(
            app_id,
            broker=URL(f"{transport.SCHEME}://kafka"),
            version=1,
            autodiscover=False,
            web_enabled=False,
            topic_allow_declare=False,
            topic_disable_leader=True,
            stream_wait_empty=False,
            table_standby_replicas=0,
            broker_commit_interval=3600.0,
            broker_session_timeout=settings.session_s,
            broker_request_timeout=max(settings.session_s, settings.rebalance_s) + 5,
        )
        chunks = self.topic(source, schema=Unparsed(), acks=False, maxsize=QUEUE_CHUNKS)
        self.agent(chunks, name=f"{app_id}.lanes")(self._to_lanes)

    async def _to_lanes(self, stream: Any) -> None:
        async for event in stream.events():
            chunk: Chunk = event.value
            self.assignment.deliver(chunk)

    async def on_first_start(self) -> None:
        """Faust would create its folders here; the engine keeps no files."""

    def _crash(self, reason: BaseException) -> None:
        log.error("Faust crashed", exc_info=reason)
        end_process(Exit.INTERNAL, "Faust crashed: %r", reason)
