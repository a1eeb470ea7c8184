"""Egress without a plan before the POST: the calls are made first, and only then is it committed that they would be."""

from __future__ import annotations

import itertools

from egress.lines.process.owner import Owner, _offsets
from relevo.cli.program import main


async def _cycle(self: Owner) -> None:
    async with self._turn:
        works = self._gather()
        if not works:
            return
        for partition, work in works:
            for grant in work.grants:
                self._poster.start(grant, partition.lines[grant.plan.did])
        await self._poster.drained()
        records = list(itertools.chain.from_iterable(work.records() for _, work in works))
        await self._commit(records, _offsets(works), sum(len(work.grants) for _, work in works))
    await self._pressure.apply(self._partitions.values())


Owner._cycle = _cycle  # type: ignore[method-assign]

if __name__ == "__main__":
    main()
