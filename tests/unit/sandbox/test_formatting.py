"""A data folder is formatted by what the tool wrote once, for whichever node and cluster."""

from __future__ import annotations

from pathlib import Path

from sandbox.kafka.formatting import LEVELS, NAMES, from_kept, keep, new_id


def names(data: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in (data / NAMES).read_text().splitlines())


def test_what_the_tool_wrote_once_formats_every_other_folder(tmp_path: Path) -> None:
    jars, first = tmp_path / "kafka-4.3.1", tmp_path / "first"
    assert not from_kept(tmp_path / "early", jars, "c", 1), "nothing is kept yet: the tool's turn"
    first.mkdir()
    (first / LEVELS).write_bytes(b"levels")
    keep(first, jars)
    folders = [tmp_path / str(node) / "data" for node in (1, 2)]
    assert all(from_kept(data, jars, "one-cluster", node) for node, data in enumerate(folders, 1))
    assert [(data / LEVELS).read_bytes() for data in folders] == [b"levels"] * 2
    found = [names(data) for data in folders]
    assert [(one["cluster.id"], one["node.id"], one["version"]) for one in found] == [
        ("one-cluster", "1", "1"), ("one-cluster", "2", "1"),
    ]  # fmt: skip
    assert found[0]["directory.id"] != found[1]["directory.id"]


def test_another_version_has_levels_of_its_own(tmp_path: Path) -> None:
    (tmp_path / LEVELS).write_bytes(b"old")
    keep(tmp_path, tmp_path / "kafka-4.3.1")
    assert not from_kept(tmp_path / "data", tmp_path / "kafka-4.4.0", "c", 1)


def test_a_cache_that_cannot_be_written_to_costs_time_alone(tmp_path: Path) -> None:
    keep(tmp_path, tmp_path / "missing" / "kafka-4.3.1")
    keep(tmp_path / "empty", tmp_path / "kafka-4.3.1")
    assert not from_kept(tmp_path / "data", tmp_path / "kafka-4.3.1", "c", 1)


def test_no_id_begins_like_an_option() -> None:
    assert not any(new_id().startswith("-") for _ in range(500))
    assert len({new_id() for _ in range(500)}) == 500
