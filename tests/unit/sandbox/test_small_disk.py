"""A disk of one's own can be full, and then not; it is nowhere else on the machine."""

from __future__ import annotations

import errno
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.kafka.disk import MIB, NoSmallDisk, SmallDisk


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    made = SmallDisk(tmp_path / "data", 4 * MIB)
    try:
        made.start()
    except NoSmallDisk as refused:
        pytest.skip(str(refused))
    yield made
    made.close()


def test_a_disk_is_full_until_it_is_cleared_and_keeps_what_was_on_it(disk: SmallDisk) -> None:
    (disk.seen / "before").write_bytes(b"kept")
    assert 3 * MIB < disk.fill() <= 4 * MIB
    assert disk.free == 0
    with pytest.raises(OSError, match="No space left") as full:
        (disk.seen / "more").write_bytes(b"x")
    assert full.value.errno == errno.ENOSPC
    disk.clear()
    (disk.seen / "after").write_bytes(b"x" * MIB)
    assert (disk.seen / "before").read_bytes() == b"kept"


def test_only_who_is_started_behind_its_prefix_sees_it(disk: SmallDisk) -> None:
    (disk.seen / "here").write_bytes(b"yes")
    inside = subprocess.run([*disk.prefix, "cat", str(disk.folder / "here")], capture_output=True, check=True)
    assert inside.stdout == b"yes"
    assert list(disk.folder.iterdir()) == [], "the machine's own folder is empty"


def test_it_is_gone_with_its_holder(disk: SmallDisk) -> None:
    (disk.seen / "here").write_bytes(b"yes")
    disk.close()
    assert not disk.mounted
    with pytest.raises(RuntimeError):
        _ = disk.seen
