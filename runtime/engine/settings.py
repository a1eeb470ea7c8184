"""Settings of one engine. The defaults are the values measured on a genuine Kafka.

Checked here: drain < rebalance time-out (others wait so long for a member that gives partitions back), and
heartbeats < session < rebalance time-out. With a transaction time-out below the session's, a dead worker's
transaction is over before its partitions are read by the next one; otherwise that one waits for it (`stable_s`).
"""

from dataclasses import dataclass
from typing import Self

from runtime.settings import ProcessorSettings

CHUNKS_DRAIN_S = 8.0  # enough for a handler of chunks, which waits for nobody
CHUNKS_BEGUN_SHARE = 0.4


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSettings:
    """All times in seconds, sizes in bytes."""

    chunk_max: int = 500
    window: int = 4  # chunks of a partition whose transaction has not ended
    waiting_max: int = 4  # fetched chunks of a partition that wait for the window
    poll_records: int = 2000
    fetch_bytes: int = 4 * 1024 * 1024
    fetch_wait_s: float = 0.05
    session_s: float = 30.0
    heartbeat_s: float = 3.0
    rebalance_s: float = 45.0
    transaction_s: float = 10.0
    drain_s: float = CHUNKS_DRAIN_S  # to give partitions back
    begun_share: float = CHUNKS_BEGUN_SHARE  # of it for what was begun; the rest is for its transactions
    stable_s: float = 60.0  # committed offsets must be stable by then
    recovery_stall_s: float = 60.0  # the changelog must move within this
    works_max: int = 64  # groups of effects in one transaction

    def __post_init__(self) -> None:
        if not self.drain_s < self.rebalance_s:
            raise ValueError("drain_s must be less than rebalance_s")
        if not 0 < self.begun_share < 1:
            raise ValueError("begun_share must be between 0 and 1")
        if not self.heartbeat_s * 2 < self.session_s <= self.rebalance_s:
            raise ValueError("heartbeats must fit into the session, and the session into the rebalance")
        if not self.transaction_s > 0 or not self.window > 0 or not self.chunk_max > 0:
            raise ValueError("transaction_s, window and chunk_max must be positive")

    @classmethod
    def of(cls, processor: ProcessorSettings) -> Self:
        """From the processors' area of the environment, for a handler of chunks: it is done in no time."""
        return cls._of(processor, min(CHUNKS_DRAIN_S, processor.drain_s), CHUNKS_BEGUN_SHARE)

    @classmethod
    def of_agents(cls, processor: ProcessorSettings) -> Self:
        """The same for a handler of events, which may call out and wait."""
        return cls._of(processor, processor.drain_s, processor.drain_begun_share)

    @classmethod
    def _of(cls, processor: ProcessorSettings, drain_s: float, begun_share: float) -> Self:
        return cls(
            chunk_max=processor.chunk_max,
            window=processor.chunks_ahead,
            waiting_max=processor.queue_chunks,
            poll_records=processor.poll_records,
            fetch_wait_s=processor.fetch_wait_ms / 1000,
            session_s=processor.session_timeout_s,
            heartbeat_s=min(3.0, processor.session_timeout_s / 5),
            rebalance_s=processor.rebalance_timeout_s,
            transaction_s=processor.transaction_timeout_s,
            drain_s=drain_s,
            begun_share=begun_share,
        )
