"""How a run of a scene is brought to its end and judged: by an independent count and by the project's own audit."""

from __future__ import annotations

from relevo.audit.report import Report
from tests.builders.egress import until
from tests.builders.scene import Scene


async def account(scene: Scene) -> None:
    """What the topics and Chattigo say of a run in which a worker has died: before any receipt, and after each accepted
    call has its own."""
    await settled(scene)
    await until(scene.accounted, "every message has an end or is in doubt", 60)
    await closed(scene)
    assert scene.resent() == set(), "no policy and nobody asked for that"


async def settled(scene: Scene) -> None:
    """A worker has died: its calls under way are in doubt, and receipts settle what Chattigo has of them."""
    await declared(scene)
    await scene.receipts()


async def declared(scene: Scene) -> None:
    """A worker is gone, and what became of its calls is on record: the run has left something to get right."""
    await until(scene.proves, "a replay or a doubt: a run without either proves nothing", 60)
    orphans = scene.orphans()
    await until(lambda: scene.declared(orphans), "what became of each call under way is on record", 60)
    before = await scene.audit()
    assert before.violations == []
    assert before.messages.in_doubt or await scene.replayed()


async def closed(scene: Scene) -> Report:
    """The end of a run: receipts for what has none, no call under way, and both sides agree. Gives the audit."""
    await scene.receipts()
    await until(scene.settled, "what Chattigo has is known to be there", 40)
    await scene.stop()
    # A transaction that a dead worker left open hides what is behind it, until Kafka ends it.
    await until(scene.tail.whole, "all that was written can be read", 30)
    scene.judge()
    after = await scene.audit()
    assert after.violations == []
    assert after.messages.pending == []
    assert set(after.messages.in_doubt) == scene.in_doubt
    return after
