"""How much memory a conversation takes, and how long a million of them need to be recovered.

    python -m bench.recovery --json [--quick]

A genuine Kafka of its own gets a changelog of realistic conversations with full rings. A fresh process recovers it
with the engine's own `Recovery`, lets every conversation have one more event, and says by how much it grew at most.
`--quick` does a tenth of it.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import json
import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from processors.conversations.state import HASH_BYTES, State, decode, encode
from processors.conversations.world import Rules
from runtime.engine.chunk import Partition
from runtime.engine.recovery import Recovery
from runtime.settings import KafkaSettings
from schemas import keys

CHANGELOG, SOURCE, GROUP = "conversations.state", "inbound.conversations", "bench-recovery"
PARTITIONS = 16
CONVERSATIONS = 1_000_000
_LINES = [f"5691{n:07}" for n in range(1000)]
_NAMES = ["Ana", "Luis Pérez", "María Fernanda González", "João da Silva", "Camila", "J. R. R."]
_NOW_MS = 1_790_000_000_000
_REWRITTEN = 0.2  # of the states stand in the changelog twice: the log cleaner is never quite done


def conversation(number: int, dice: random.Random) -> tuple[bytes, bytes]:
    """Key and value of a realistic conversation: half of them with a user id, half of a chat of API Bot's."""
    contact = f"569{number:08}"
    state = State(
        offset=dice.randrange(10**9),
        ids=dice.randbytes(Rules().ring * HASH_BYTES),
        touched_ms=_NOW_MS - dice.randrange(7 * 86_400_000),
        last_inbound_ms=_NOW_MS - dice.randrange(7 * 86_400_000),
        owner=dice.choice(("bot", "bot", "human")),
        epoch=dice.randrange(20),
        reply_to=contact,
        profile_name=dice.choice(_NAMES),
        language=dice.choice(("", "es")),
        tenant=f"tenant-{number % 100}",
    )
    if number % 2:
        state.user_id, state.claimed_h = f"CL.{dice.randrange(10**16)}", _NOW_MS // 3_600_000
    else:
        state.id_chat, state.channel_id, state.id_campaign = str(dice.randrange(10**8)), "7712", "9041"
    return keys.conversation(_LINES[number % len(_LINES)], contact).encode(), encode(state)


def write(bootstrap: str, count: int) -> int:
    """The changelog; how many records it has."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    for made in admin.create_topics([NewTopic(name, PARTITIONS, 1) for name in (CHANGELOG, SOURCE)]).values():
        made.result(30)
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 50, "acks": "all", "batch.size": 1_000_000})
    dice = random.Random(5)
    written = 0
    for number in range(count):
        key, value = conversation(number, dice)
        for _ in range(1 + (dice.random() < _REWRITTEN)):
            _produce(producer, key, value)
            written += 1
    if producer.flush(60):
        raise TimeoutError("the changelog could not be written")
    return written


def _produce(producer: Producer, key: bytes, value: bytes) -> None:
    while True:
        try:
            producer.produce(CHANGELOG, value, key, partition=keys.partition(key, PARTITIONS))
            return
        except BufferError:
            producer.poll(0.1)


def recover(bootstrap: str) -> dict[str, float]:
    """In this process, which must be a fresh one: seconds, records, conversations, and by how many bytes it grew."""
    recovery = Recovery(KafkaSettings(bootstrap=bootstrap), GROUP, CHANGELOG, stable_s=30, stall_s=30)
    source = [Partition(SOURCE, number) for number in range(PARTITIONS)]
    before = _resident()
    started = time.monotonic()
    restored = recovery.restore(source, {}, threading.Event())
    seconds = time.monotonic() - started
    conversations = sum(map(len, restored.tables.values()))
    grown = _resident() - before
    _live(restored.tables)
    grown = max(grown, _resident() - before)
    return {
        "conversations": conversations,
        "bytes_per_conversation": round(grown / conversations, 1),
        "recovery_s": round(seconds, 2),
        "records": restored.records,
    }


def _live(tables: dict[int, dict[bytes, bytes]]) -> None:
    """Every conversation goes on: its value is one that this process made, as in a worker that has run for a while."""
    for table in tables.values():
        for number, (key, value) in enumerate(list(table.items())):
            state = decode(value)
            state.remember(str(number), Rules().ring)
            table[key] = encode(state)


def _resident() -> int:
    """Bytes of memory that the process really has, less what its allocators only keep in reserve."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    parser.add_argument("--quick", action="store_true", help="a tenth of the conversations")
    parser.add_argument("--recover", metavar="BOOTSTRAP", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.recover:
        print(json.dumps(recover(chosen.recover)))
        return 0
    from sandbox.kafka import Broker  # not in the process that is measured

    with Broker(heap="768m", lasting=True) as broker:
        write(broker.bootstrap, CONVERSATIONS // 10 if chosen.quick else CONVERSATIONS)
        command = [sys.executable, "-m", "bench.recovery", "--recover", broker.bootstrap]
        found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    if chosen.json:
        print(json.dumps(found))
    else:
        print("\n".join(f"{name:24} {value:,}" for name, value in found.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
