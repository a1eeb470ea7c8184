"""A long history on a genuine journal: little is read after a crash, and everybody is still known."""

from __future__ import annotations

import re

from runtime.kafka.offsets import end_offsets
from schemas.journal import Checkpoint, Segment
from schemas.session import Template
from tests.builders.egress import SmallChattigo, Worker, World, cloud_status, flat_notice, until

SMALL = {"checkpoint_records": 200, "sends_memory": 50, "reserve_per_s": 1, "line_parallel": 64, "account_share": 1}
PEOPLE = [f"5697{n:03}" for n in range(100)]


def read_by(worker: Worker, partition: int) -> dict[str, int]:
    """What the worker's recovery of a partition's journal read, as it logged it."""
    lines = [
        dict(re.findall(r"(\w+)=(\d+)", line)) for line in worker.log.decode().splitlines() if "journal read" in line
    ]
    return next({k: int(v) for k, v in line.items()} for line in lines if int(line["partition"]) == partition)


async def test_recovery_reads_little_of_a_long_journal_and_knows_everybody(broker: str) -> None:
    async with SmallChattigo() as chattigo, World(broker, chattigo, "56931000001", rate=5000.0) as world:
        first = await world.worker(**SMALL)
        pairs = [(f"{n:02}-{p}", p) for n in range(6) for p in PEOPLE]
        await world.replies(*pairs)
        singles = [
            world.message(
                f"t{n}", f"5698{n:05}", content=Template(name="order", language="es", body=["x"]), send_class="utility"
            )
            for n in range(300)
        ]
        await world.send("outbound.templates", *singles)
        everybody = len(pairs) + len(singles)

        def posted() -> int:
            return sum(len(call.recipients) for call in chattigo.accepted)

        await until(lambda: posted() == everybody, "everything is posted", 90)

        async def checkpointed() -> bool:
            marks = await world.read("egress.journal", Checkpoint)
            return bool(marks) and marks[-1].offset > 800

        await until(checkpointed, "the checkpoint has moved on", 60)

        async def on_record() -> bool:
            return len(await world.messages_in("accepted")) == everybody

        await until(on_record, "what Chattigo took is on record, so that nothing is in doubt", 60)
        await first.kill()
        place = ("egress.journal", world.partition)
        length = end_offsets(world.kafka, [place])[place]

        second = await world.worker(**SMALL)
        await until(lambda: second.log.count(b"partition recovered") == 4, "it recovers", 60)
        read = read_by(second, world.partition)
        assert length > 1200
        assert read["start"] > 800
        assert read["records"] + read["older"] <= 2 * SMALL["checkpoint_records"] + 100, read

        # The same inputs once more, and one new one behind them: nobody gets anything twice.
        await world.replies(*pairs, ("last", PEOPLE[0]))
        await world.send("outbound.templates", *singles)
        await until(lambda: posted() == everybody + 1, "the new one is posted", 60)
        assert len(await world.plans()) == len(chattigo.accepted)

        # Receipts of sends that are in nobody's memory: by wamid, by root id and person.
        old = world.message(pairs[0][0], pairs[0][1])
        call = next(
            n for n, c in enumerate(chattigo.accepted, 1) if "text" in c.body and c.body["text"]["body"] == pairs[0][0]
        )
        batch = next(c for c in chattigo.accepted if "hsm" in c.body)
        await world.receipt(cloud_status(world.did, f"wamid.{call}.{old.contact}", old.contact, "delivered"))
        await world.receipt(flat_notice(world.did, batch.body["id"], batch.recipients[0], "DELIVERY"))

        async def arrived() -> bool:
            return len(await world.messages_in("delivered")) == 2

        await until(arrived, "both receipts are outcomes")
        assert old.id in await world.messages_in("delivered")
        assert await world.read("egress.journal", Segment)
        assert await world.messages_in("in_doubt") == set()
        assert b"[error" not in second.log, second.log.decode()
