"""A worker that falls silent when told: several engines beside each other in one process, a fault for each.

Arguments: the admin port, the bootstrap address and the source topics, each named after what befalls its engine.
SIGUSR1 strikes all but the last one, whose thread dies at SIGUSR2.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
from typing import Any

import aiokafka

from processors import hosting
from runtime.engine import Chunk, Effects, Engine, EngineSettings, TableView
from runtime.service import Service, run
from runtime.settings import KafkaSettings, ServiceSettings

STRUCK = "struck"


async def handle(chunk: Chunk, table: TableView) -> Effects:
    return Effects()


def engine(bootstrap: str, source: str) -> Engine:
    """An engine of a group of its own."""
    settings = EngineSettings(session_s=6, heartbeat_s=1, rebalance_s=10, transaction_s=5)
    kafka = KafkaSettings(bootstrap=bootstrap)
    return Engine(app_id=source, source=source, changelog=None, kafka=kafka, handler=handle, settings=settings)


def strike(engine: Any) -> None:
    """What befalls the engine, by its name."""
    consumer = engine._app.consumer
    match engine.app_id.partition("-")[0]:
        case "fetcher":
            _cancel(engine._app._fetcher)
        case "agent":
            for agent in engine._app.agents.values():
                for actor in agent._actors:
                    actor.actor_task.cancel()
        case "paused":
            client = consumer._thread._ensure_consumer()
            client.pause(*(aiokafka.TopicPartition(*tp) for tp in engine._assignment.lanes))
        case "lane":
            for lane in engine._assignment.lanes.values():
                lane._task.cancel()
        case "transactions":
            engine._transactions._commit = lambda works: threading.Event().wait()


def kill_thread(engine: Any) -> None:
    """aiokafka's."""
    loop = engine._app.consumer._thread.thread_loop
    loop.call_soon_threadsafe(loop.stop)


def _cancel(service: Any) -> None:
    for task in list(service._futures):
        task.cancel()


async def main(service: Service) -> None:
    bootstrap, *sources = sys.argv[2:]
    engines = [engine(bootstrap, source) for source in sources]
    loop = asyncio.get_running_loop()

    def struck() -> None:
        for one in engines:
            strike(one)
        service.log.info(STRUCK)

    loop.add_signal_handler(signal.SIGUSR1, struck)
    loop.add_signal_handler(signal.SIGUSR2, kill_thread, engines[-1])
    await asyncio.gather(*(hosting.host(service, one) for one in engines))


if __name__ == "__main__":
    run(main, name="silent", settings=ServiceSettings(stall_s=4, stop_s=3, admin_port=int(sys.argv[1])))
