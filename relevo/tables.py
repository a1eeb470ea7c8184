"""What made pages share: their first line, and tables."""

from __future__ import annotations

from collections.abc import Iterable

MADE = "<!-- Made by `python -m relevo.reference --write`; edit the declarations, not this page. -->"


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A Markdown table."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
