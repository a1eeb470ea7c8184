"""What can go wrong with the sandbox's Kafka, told so that a newcomer knows what to do."""

from collections.abc import Sequence
from pathlib import Path


class KafkaUnavailable(Exception):
    """No genuine Kafka can be had on this machine; the text, one paragraph, says what was tried and what to do."""

    def __init__(self, tried: Sequence[str], advice: Sequence[str]) -> None:
        super().__init__(
            f"No genuine Kafka can be had on this machine. Tried: {'; '.join(tried)}. What to do: {'; '.join(advice)}."
        )
        self.tried = tuple(tried)
        self.advice = tuple(advice)


class BrokerFailed(Exception):
    """The broker did not come up, or went away; carries the last lines of its log."""

    def __init__(self, what: str, log: Path, lines: int = 25) -> None:
        self.tail = tail(log, lines)
        shown = "\n".join(f"  | {line}" for line in self.tail) or "  (empty)"
        super().__init__(f"{what}\nlast lines of {log}:\n{shown}")


def tail(log: Path, lines: int) -> list[str]:
    """The last lines of a log file; none if it does not exist."""
    if not log.exists():
        return []
    return log.read_text(errors="replace").splitlines()[-lines:]
