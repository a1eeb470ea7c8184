"""What the page on operations says of topics and versions is what the code says; its commands are checked elsewhere."""

import re
from pathlib import Path

import pytest

from relevo import reference
from relevo.records import version
from relevo.records.grown import GROWN
from schemas import topics

ROOT = Path(reference.__file__).parent.parent
PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
DEAD_LETTERS = "<topic>.dlq"


def kept(topic: topics.Topic) -> str:
    """As the table says it."""
    days = f"{topic.retention_ms // topics.DAY_MS} days" if topic.retention_ms > 0 else ""
    return " and ".join(filter(None, ("newest of each key" if "compact" in topic.cleanup else "", days)))


def table(page: str) -> dict[str, str]:
    """How long each topic is kept, by its name."""
    section = page[page.index("## Retention") :].split("\n## ")[0]
    return dict(re.findall(r"^\| `([^`]+)` \| ([^|]+) \|", section, re.MULTILINE))


def wrong(page: str) -> set[str]:
    """Topics of which the table says another thing than the catalogue, or nothing; and those that are none."""
    said = table(page)
    catalogue = topics.catalogue(("menu",))
    held = {name: kept(one) for name, one in catalogue.items() if not name.endswith(topics.DEAD_LETTERS)}
    letters = {kept(one) for name, one in catalogue.items() if name.endswith(topics.DEAD_LETTERS)}
    return {name for name in held.keys() | said.keys() - {DEAD_LETTERS} if held.get(name) != said.get(name)} | (
        set() if letters == {said.get(DEAD_LETTERS)} else {DEAD_LETTERS}
    )


def test_the_table_of_retention_is_the_catalogue() -> None:
    assert wrong(PAGE) == set()


@pytest.mark.parametrize(
    ("row", "instead", "told"),
    [
        ("| `outcomes` | 90 days |", "| `outcomes` | 30 days |", "outcomes"),
        ("| `pauses` |", "| `breaks` |", "pauses"),
        ("| `<topic>.dlq` | 30 days |", "| `<topic>.dlq` | 7 days |", DEAD_LETTERS),
    ],
)
def test_a_row_that_is_not_the_catalogue_is_told(row: str, instead: str, told: str) -> None:
    assert row in PAGE
    assert told in wrong(PAGE.replace(row, instead))


def test_what_grew_and_the_versions_that_are_kept_stand_on_the_page() -> None:
    section = PAGE[PAGE.index("### Records of each version") :]
    named = {"array": "a called node"}  # what stands in JSON, and what it is to people
    assert [what for _, what in GROWN if named.get(what, f"`{what}`") not in section] == []
    assert [name for name in version.released() if f"`{name}`" not in section] == []
