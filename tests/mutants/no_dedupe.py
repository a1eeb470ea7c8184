"""Conversations that remember no event: whatever Chattigo repeats is routed again."""

from __future__ import annotations

from processors.conversations.state import State
from relevo.cli.program import main


def _never(self: State, event_id: str) -> bool:
    del self, event_id
    return False


State.knows = _never  # type: ignore[method-assign]

if __name__ == "__main__":
    main()
