"""Settings of the processors: conversations, routing and the agents' host."""

from typing import Self

from pydantic import Field, model_validator
from pydantic_settings import SettingsConfigDict

from runtime.settings.area import Area, Words


class ProcessorSettings(Area):
    """The engine of the processors, and what conversations and agents may take."""

    model_config = SettingsConfigDict(env_prefix="RELEVO_PROCESSOR_")

    chunk_max: int = Field(500, ge=1, le=5000, description="Most records in a chunk of one partition.")
    chunks_ahead: int = Field(4, ge=1, le=64, description="Chunks of one partition under way at once.")
    queue_chunks: int = Field(8, ge=1, le=256, description="Chunks that wait in memory, a source topic.")
    poll_records: int = Field(2000, ge=1, le=50_000, description="Most records of one fetch.")
    fetch_wait_ms: int = Field(50, ge=1, le=5000, description="How long a broker may wait to fill a fetch.")
    transaction_timeout_s: float = Field(10, gt=0, le=60, description="A transaction open for longer is aborted.")
    session_timeout_s: float = Field(
        30, ge=1, le=300, description="A member unheard of for so long loses its partitions."
    )
    rebalance_timeout_s: float = Field(45, ge=1, le=600, description="Time for the members to hand over partitions.")
    drain_s: float = Field(8, gt=0, le=60, description="Time to finish started chunks when partitions are taken away.")
    window_s: int = Field(86_400, ge=60, le=604_800, description="Free-form answers are allowed for so long.")
    window_margin_s: int = Field(300, ge=0, le=3600, description="Taken off the window, for clocks and ways.")
    sweep_s: float = Field(10, gt=0, le=3600, description="So often idle conversations are looked for without traffic.")
    late_s: int = Field(86_400, ge=60, le=2_592_000, description="An event older than this is marked late.")
    ring_size: int = Field(46, ge=8, le=4096, description="Recent event ids that a conversation remembers.")
    idle_days: float = Field(7, ge=7, le=365, description="A conversation idle for so long leaves the table.")
    agents: Words = Field(
        ("menu", "echo"), min_length=1, description="Types of agents that have topics, separated by commas."
    )
    agent_timeout_s: float = Field(30, gt=0, le=600, description="Time for an agent to answer one event.")
    agent_parallel: int = Field(256, ge=1, le=10_000, description="Conversations that agents handle side by side.")
    agent_actions_max: int = Field(20, ge=1, le=1000, description="Most actions that one event may cause.")
    agent_memory_bytes: int = Field(65_536, ge=1024, le=1_048_576, description="Most that an agent may remember.")

    @model_validator(mode="after")
    def _times_are_in_order(self) -> Self:
        if not self.drain_s < self.rebalance_timeout_s:
            raise ValueError("RELEVO_PROCESSOR_DRAIN_S must be less than RELEVO_PROCESSOR_REBALANCE_TIMEOUT_S")
        if not self.session_timeout_s <= self.rebalance_timeout_s:
            raise ValueError(
                "RELEVO_PROCESSOR_SESSION_TIMEOUT_S must not be more than RELEVO_PROCESSOR_REBALANCE_TIMEOUT_S"
            )
        if not self.window_margin_s < self.window_s:
            raise ValueError("RELEVO_PROCESSOR_WINDOW_MARGIN_S must be less than RELEVO_PROCESSOR_WINDOW_S")
        return self
