"""Settings of the processors: conversations, routing and the agents' host."""

from typing import Self

from pydantic import Field, model_validator
from pydantic_settings import SettingsConfigDict

from runtime.settings.area import Area, Words

AGENT_CLEAN_UP_S = 1.0  # for an agent that was cancelled


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
    drain_s: float = Field(
        25,
        gt=0,
        le=60,
        description="Time to finish what was begun and its transactions when partitions are taken away.",
    )
    window_s: int = Field(86_400, ge=60, le=604_800, description="Free-form answers are allowed for so long.")
    window_margin_s: int = Field(300, ge=0, le=3600, description="Taken off the window, for clocks and ways.")
    sweep_s: float = Field(10, gt=0, le=3600, description="So often idle conversations are looked for without traffic.")
    late_s: int = Field(86_400, ge=60, le=2_592_000, description="An event older than this is marked late.")
    ring_size: int = Field(46, ge=8, le=4096, description="Recent event ids that a conversation remembers.")
    idle_days: float = Field(7, ge=7, le=365, description="A conversation idle for so long leaves the table.")
    agents: Words = Field(
        ("menu", "echo"), min_length=1, description="Types of agents that have topics, separated by commas."
    )
    agent_timeout_s: float = Field(15, gt=0, le=600, description="Time for an agent to answer one event.")
    agent_parallel: int = Field(
        512, ge=1, le=10_000, description="Conversations that agents handle side by side; one tenant's, half as many."
    )
    agent_actions_max: int = Field(20, ge=1, le=1000, description="Most actions that one event may cause.")
    agent_memory_bytes: int = Field(65_536, ge=1024, le=1_048_576, description="Most that an agent may remember.")
    agent_timers_max: int = Field(50, ge=1, le=1000, description="Most timers of one conversation.")
    transcript_lines: int = Field(
        20, ge=0, le=200, description="Lines of what was said that a hand-off carries; 0 keeps none."
    )
    transcript_bytes: int = Field(8192, ge=1024, le=262_144, description="Most bytes of these lines.")
    loop_burst: int = Field(
        200, ge=0, le=100_000, description="Events in a row on which an agent may act in one conversation; 0: no limit."
    )
    loop_refill_s: float = Field(15, gt=0, le=3600, description="After so long it may act on one more.")
    loop_quiet_s: float = Field(
        600, gt=0, le=86_400, description="Without an event for so long, a conversation that was stopped goes on."
    )
    hand_off_s: float = Field(
        900,
        ge=60,
        le=604_800,
        description="An agent that handed off hears the person again when the bot still owns the conversation in what "
        "came so long after.",
    )
    delivery_timeout_s: float = Field(
        5,
        gt=0,
        le=60,
        description="Time for one attempt of an agent to deliver something to a system outside; at most 0.4 of an "
        "event's.",
    )
    delivery_event_s: float = Field(
        5, ge=0, le=60, description="No further attempt begins in an event after so long; at most 0.4 of an event's."
    )
    delivery_first_s: float = Field(
        2, gt=0, le=3600, description="Wait after the first failed attempt; it doubles with each."
    )
    delivery_longest_s: float = Field(600, gt=0, le=86_400, description="The longest wait between attempts.")
    delivery_give_up_s: float = Field(
        259_200, ge=1, le=2_592_000, description="A delivery that fails for so long becomes a dead letter."
    )
    delivery_max: int = Field(50, ge=1, le=1000, description="Most deliveries of one conversation that may wait.")
    delivery_bytes: int = Field(
        24_576, ge=1024, le=524_288, description="Most bytes of them; at most a third of the memory's."
    )
    drain_begun_share: float = Field(
        0.7,
        gt=0,
        lt=1,
        description="Part of the drain in which begun events of agents may finish; the rest is for their transactions.",
    )
    dead_letter_conversations: int = Field(
        50,
        ge=0,
        le=100_000,
        description="When the last events of so many conversations became dead letters, and most of what was handled "
        "did, the worker stops; 0 is no limit.",
    )
    dead_letter_window_s: float = Field(600, gt=0, le=86_400, description="The time within which they count.")
    dead_letter_share: float = Field(
        0.5, gt=0, lt=1, description="The share of conversations, on the average over tenants, that is most."
    )
    dead_letter_stand_s: float = Field(
        20, ge=0, le=600, description="For so long a stopped worker shows why (/live, metrics) before it ends."
    )

    @model_validator(mode="after")
    def _times_are_in_order(self) -> Self:
        if not self.drain_s < self.rebalance_timeout_s:
            raise ValueError(
                f"RELEVO_PROCESSOR_DRAIN_S ({self.drain_s:g}) must be less than "
                f"RELEVO_PROCESSOR_REBALANCE_TIMEOUT_S ({self.rebalance_timeout_s:g})"
            )
        if not self.session_timeout_s <= self.rebalance_timeout_s:
            raise ValueError(
                "RELEVO_PROCESSOR_SESSION_TIMEOUT_S must not be more than RELEVO_PROCESSOR_REBALANCE_TIMEOUT_S"
            )
        if not self.window_margin_s < self.window_s:
            raise ValueError("RELEVO_PROCESSOR_WINDOW_MARGIN_S must be less than RELEVO_PROCESSOR_WINDOW_S")
        return self

    @model_validator(mode="after")
    def _an_agent_ends_within_the_drain(self) -> Self:
        begun_s = self.drain_s * self.drain_begun_share
        if not self.agent_timeout_s + AGENT_CLEAN_UP_S < begun_s:
            raise ValueError(
                f"RELEVO_PROCESSOR_AGENT_TIMEOUT_S ({self.agent_timeout_s:g}) and a second to clean up must be less "
                f"than RELEVO_PROCESSOR_DRAIN_S times RELEVO_PROCESSOR_DRAIN_BEGUN_SHARE ({begun_s:g}): an agent that "
                "hangs must end before its partition is given away"
            )
        return self
