"""Disorder: Chattigo repeats webhooks and receipts, sends several at once, and delivers what people said backwards."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from dataclasses import dataclass

from relevo.drills.drill import Fault, Seen
from relevo.drills.outside.steps import begun
from relevo.drills.scene import Scene

DUPLICATES = (
    ("webhooks", (("duplicate", 0.5), ("duplicate_s", (0.0, 3.0)), ("lanes", 16))),
    ("receipts", (("duplicate", 0.5), ("reorder", 0.5), ("skip_delivered", 0.3), ("array", True))),
)


@dataclass(frozen=True)
class Backwards(Fault):
    """A person's `count` messages arrive last first, each twice, in envelopes of their own."""

    count: int = 8

    @property
    def must(self) -> tuple[str, ...]:
        return (f"{self.count} messages of a person arrived last first, and again",)

    async def strike(self, scene: Scene) -> None:
        await begun(scene, "backwards")
        did = next(line.did for tenant in scene.stage.tenants for line in tenant.lines if not line.flat)
        contact, now_s = f"569888{scene.number:05}", int(time.time())
        bodies = [
            _envelope(did, contact, f"wamid.backwards-{scene.seed}-{scene.number}-{number}", now_s - 60 + number)
            for number in range(self.count)
        ]
        before = (await scene.counts())["webhook"]
        for body in [*reversed(bodies), *bodies]:
            await scene.stage.call("POST", f"deliver?did={did}", body)

        async def delivered() -> bool:
            return (await scene.counts())["webhook"] >= before + 2 * self.count

        await scene.until(delivered, self.must[0])
        scene.mark(self.must[0])


def duplicates(least: int) -> _Duplicates:
    """At least so many repeats were recognised."""
    return _Duplicates(least)


@dataclass(frozen=True)
class _Duplicates:
    least: int

    def __call__(self, seen: Seen) -> Iterable[str]:
        if seen.report.events.duplicates < self.least:
            yield f"only {seen.report.events.duplicates} duplicates were recognised: Chattigo repeated too little"


def _envelope(did: str, contact: str, wamid: str, at_s: int) -> bytes:
    """A webhook of a cloud line, as Meta writes it."""
    message = {"from": contact, "id": wamid, "timestamp": str(at_s), "type": "text", "text": {"body": wamid[-1]}}
    value = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": did, "phone_number_id": "10" + did[::-1]},
        "contacts": [{"profile": {"name": "Ida"}, "wa_id": contact}],
        "messages": [message],
    }
    entry = {"id": "20" + did[::-1], "changes": [{"value": value, "field": "messages"}]}
    return json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()
