"""The observer: what the engine tells whoever counts. It knows no metrics library; the default ignores all."""

from typing import Protocol


class EngineObserver(Protocol):
    """Called on the event loop. Must return at once and must not raise."""

    def chunk_received(self, topic: str, partition: int, records: int) -> None:
        """A chunk reached its lane."""

    def transaction_committed(self, seconds: float, works: int, outputs: int, writes: int) -> None:
        """One transaction with so many groups of effects."""

    def recovered(self, partitions: int, records: int, seconds: float) -> None:
        """Partitions taken over; `records` of the changelog were read for it."""

    def waited_for_offsets(self, seconds: float) -> None:
        """Committed offsets became stable only after this wait."""

    def lost_to_retention(self, topic: str, partition: int, offsets: int) -> None:
        """The topic's retention removed records that had not been handled. They are gone."""

    def released(self, partitions: int) -> None:
        """Partitions given back, all transactions ended."""


class SilentObserver:
    """Ignores everything."""

    def chunk_received(self, topic: str, partition: int, records: int) -> None: ...
    def transaction_committed(self, seconds: float, works: int, outputs: int, writes: int) -> None: ...
    def recovered(self, partitions: int, records: int, seconds: float) -> None: ...
    def waited_for_offsets(self, seconds: float) -> None: ...
    def lost_to_retention(self, topic: str, partition: int, offsets: int) -> None: ...
    def released(self, partitions: int) -> None: ...
