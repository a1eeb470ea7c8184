"""An audit of any size takes bounded memory: what is on disk is judged as what is in memory is, bucket by bucket."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relevo.audit.bounded import read_ledger
from relevo.audit.facts import Became, Fact
from relevo.audit.gathered import Gathered, sort
from relevo.audit.provider import read_ledger as read_whole
from relevo.audit.report import Report, evidence, judge, report, told
from relevo.audit.store import IDS, Disk, Memory, Store
from sandbox.chattigo.ledger import Ledger
from tests.builders.audit import AGENT, History
from tests.builders.audit_steps import FAULTS, HONEST, STEPS, history

MILLION = 1_000_000
BOUND_MB = 160

PEOPLE = 50_000

COUNT = f"""
import re
from pathlib import Path
from relevo.audit.facts import Held, Routed
from relevo.audit.gathered import Frame
from relevo.audit.report import judge
from relevo.audit.store import IDS, Disk

def peak():
    # not ru_maxrss, which begins with what the parent had
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) // 1024

before, store = peak(), Disk()
for n in range({MILLION}):
    one, who, late = f"wamid.{{n:030d}}", f"57{{n % {PEOPLE}}}", {MILLION} if n == 7 else n
    store.put(IDS, Held(one, "569", "acme", 1, n, 0, 1))
    store.put(IDS, Routed(one, "569", who, "acme", "acme", "menu", 1, late, 1))
found = judge(store, Frame(), ledger=False)
store.close()
print(before, peak(), found.tally.acknowledged, found.tally.routed, *found.order)
"""


def on_disk(run: History, folder: Path) -> Report:
    """The audit as a command makes it, with buffers so small that everything goes through files."""
    file = folder / "ledger.ndjson"
    file.unlink(missing_ok=True)
    written = Ledger(file)
    written.write(*run.entries)
    written.close()
    with closing(Disk(folder, buffer=400, split=700)) as store:
        logins = read_ledger(store, file)
        memory = sort(run.messages, (AGENT,))
        for facts in memory.store.drain(IDS):
            for fact in facts:
                store.put(IDS, fact)
        judged = judge(store, memory.frame, ledger=True)
        return told(judged, memory.frame, evidence(memory.frame, logins))


@settings(max_examples=15)
@given(st.lists(st.sampled_from(sorted(STEPS)), max_size=10))
def test_what_is_on_disk_is_judged_as_what_is_in_memory(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str]
) -> None:
    run, folder = history(steps), tmp_path_factory.mktemp("audit")
    assert on_disk(run, folder) == report(sort(run.messages, (AGENT,)), run.provider)


def test_every_fault_is_found_on_disk_and_nothing_is_left_there(tmp_path: Path) -> None:
    run = history([*HONEST, *FAULTS, *HONEST])
    assert on_disk(run, tmp_path) == report(sort(run.messages, (AGENT,)), run.provider)
    assert [path.name for path in tmp_path.iterdir()] == ["ledger.ndjson"]


def facts_of(store: Store) -> list[list[Fact]]:
    return list(store.drain(IDS))


@given(st.lists(st.text(max_size=6), max_size=60))
def test_all_facts_of_an_id_lie_in_one_bucket_and_none_is_lost(names: list[str]) -> None:
    facts: list[Fact] = [Became(name, str(n), "t") for n, name in enumerate(names)]
    with closing(Disk(buffer=64, split=128)) as disk:
        memory = Memory()
        for fact in facts:
            disk.put(IDS, fact)
            memory.put(IDS, fact)
        found = facts_of(disk)
        assert facts_of(disk) == []
    assert sorted(fact.state for bucket in found for fact in bucket if isinstance(fact, Became)) == sorted(
        fact.state for fact in facts_of(memory)[0] if isinstance(fact, Became)
    )
    homes = [{fact.id for fact in bucket} for bucket in found]
    assert sum(map(len, homes)) == len(set(names))


def test_a_ledger_is_read_piece_by_piece_as_it_is_read_whole(tmp_path: Path) -> None:
    run = history([*HONEST, *FAULTS])
    file = tmp_path / "ledger.ndjson"
    written = Ledger(file)
    written.write(*run.entries)
    written.close()
    with file.open("ab") as cut:
        cut.write(b'{"type":"mess')
    whole, pieces = Gathered(), Gathered()
    logins = read_ledger(pieces.store, file)
    for stage, fact in read_whole(file).facts():
        whole.store.put(stage, fact)
    for stage in ("ids", "calls"):
        [one], [other] = whole.store.drain(stage), pieces.store.drain(stage)
        assert {(type(fact), fact.id) for fact in one} == {(type(fact), fact.id) for fact in other}
    assert logins == run.provider.logins


@pytest.mark.timeout(600)
def test_a_million_events_take_a_bounded_memory() -> None:
    done = subprocess.run([sys.executable, "-c", COUNT], capture_output=True, text=True, timeout=590, check=True)
    before, peak, acknowledged, routed, *order = done.stdout.split()
    print(f"a million events, each held and routed: {before} MB before, {peak} MB at the peak")
    assert (int(acknowledged), int(routed)) == (MILLION, MILLION)
    assert order == ["569", f"wamid.{7:030d}"], "of a million the one that others overtook"
    assert int(peak) < BOUND_MB
