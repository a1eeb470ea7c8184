"""Settings of the lines' workers: time-outs in their order, room in memory, pacing."""

from itertools import pairwise
from typing import Self

from pydantic import Field, model_validator
from pydantic_settings import SettingsConfigDict

from runtime.settings.area import Area


class EgressSettings(Area):
    """The workers that own lines and send.

    The time-outs must be in this order, checked at start, or a doubt could be declared while its call still
    runs: plan deadline < POST time-outs < rebalance time-out < shortest doubt policy.
    """

    model_config = SettingsConfigDict(env_prefix="RELEVO_EGRESS_")

    plan_deadline_s: float = Field(5, gt=0, le=60, description="A plan whose POST has not begun by then is not sent.")
    post_timeout_reply_s: float = Field(10, gt=0, le=120, description="Time for the POST of one reply.")
    post_timeout_batch_s: float = Field(30, gt=0, le=300, description="Time for the POST of a batch.")
    rebalance_timeout_s: float = Field(45, gt=0, le=600, description="Time for the members to hand over partitions.")
    doubt_shortest_s: float = Field(
        60, gt=0, le=86_400, description="Least `resend_after_s` that a tenant's doubt policy may have."
    )
    doubt_grace_s: float = Field(
        5,
        ge=0,
        le=600,
        description="Beyond plan deadline and POST time-out, before a new owner declares a doubt.",
    )
    silence_margin_s: float = Field(
        30,
        ge=0,
        le=86_400,
        description="An accepted send so much older than a doubt is of its time: its receipts show that they flow.",
    )
    transaction_timeout_s: float = Field(10, gt=0, le=60, description="A transaction open for longer is aborted.")
    session_timeout_s: float = Field(30, ge=1, le=300, description="A member unheard of for so long loses its lines.")
    connect_timeout_s: float = Field(3, gt=0, le=60, description="Time to connect to Chattigo.")
    recovery_s: float = Field(60, gt=0, le=3600, description="Time to recover a partition before the worker gives up.")
    line_memory: int = Field(
        2000, ge=1, le=1_000_000, description="Most replies in memory, a line, and most templates; others are parked."
    )
    worker_memory: int = Field(50_000, ge=1, le=10_000_000, description="Most messages in memory, a worker.")
    park_after_s: float = Field(
        30, gt=0, le=3600, description="A message that has waited for so long is kept on outbound.parked too."
    )
    sends_memory: int = Field(
        50_000,
        ge=1,
        le=10_000_000,
        description="Settled messages kept whole in memory for their receipts, a line (some 800 bytes each).",
    )
    checkpoint_records: int = Field(
        20_000,
        ge=10,
        le=40_000,
        description="Records of the journal after which a partition's checkpoint moves on.",
    )
    calls_parallel: int = Field(64, ge=1, le=10_000, description="Calls under way at once, a worker.")
    line_parallel: int = Field(16, ge=1, le=1000, description="Calls under way at once, a line.")
    account_share: float = Field(
        0.25,
        gt=0,
        le=1,
        description="Part of a worker's calls that one account may have under way, at least a line's.",
    )
    circuit_failures: int = Field(
        5,
        ge=0,
        le=1000,
        description="Failures in a row that open an account's circuit: its calls stop for a while; 0: never.",
    )
    circuit_pause_s: float = Field(
        2, gt=0, le=600, description="How long a circuit is open at first; it doubles while probes fail."
    )
    circuit_pause_max_s: float = Field(60, gt=0, le=3600, description="How long at most.")
    group_max: int = Field(500, ge=1, le=10_000, description="Most plans in one transaction.")
    batch_max: int = Field(1000, ge=1, le=1000, description="Most recipients in one call, unless the line says less.")
    rate_per_s: float = Field(80, gt=0, le=10_000, description="Messages a second on a line that names no rate.")
    reserve_per_s: float = Field(8, ge=0, le=10_000, description="Part of a line's rate that is kept for replies.")
    pair_interval_s: float = Field(6, ge=0, le=600, description="One message to one contact in so many seconds…")
    pair_burst: int = Field(45, ge=1, le=10_000, description="…after a burst of so many.")
    throttle_cut: float = Field(
        0.5, gt=0, lt=1, description="What a line's rate is multiplied by when WhatsApp says that it sends too fast."
    )
    throttle_floor: float = Field(
        0.05, gt=0, le=1, description="Share of its configured rate below which a line is not slowed down."
    )
    throttle_grow: float = Field(0.01, gt=0, le=1, description="Share of its rate that a line gets back a second.")
    throttle_window_s: float = Field(5, ge=0, le=600, description="A line is slowed down at most once in so long.")
    attempts_max: int = Field(5, ge=1, le=100, description="Most attempts of a message that was surely not sent.")
    check_numbers: bool = Field(
        True,
        description="Refuse numbers whose length their country has not; false where it has longer ones than we know.",
    )
    withheld_wait_s: float = Field(
        86_400,
        ge=1,
        le=1_209_600,
        description="A message that WhatsApp withholds (131049) goes again after so long, if it has not expired.",
    )
    withheld_attempts: int = Field(3, ge=1, le=10, description="Most attempts of such a message; 1: it fails at once.")
    bisect_calls: int = Field(
        24,
        ge=0,
        le=10_000,
        description="Most calls to find the recipient for whom Chattigo refuses a batch, a batch; 0: none.",
    )
    backoff_s: float = Field(1, gt=0, le=600, description="First wait after a failed attempt; it doubles.")
    backoff_max_s: float = Field(60, gt=0, le=86_400, description="Longest wait between two attempts.")
    young_token_s: float = Field(
        60,
        ge=0,
        le=28_800,
        description="A 401 on a token younger than this means 'not your line', not a dead token.",
    )

    @model_validator(mode="after")
    def _timeouts_are_in_order(self) -> Self:
        for longer in ("post_timeout_reply_s", "post_timeout_batch_s"):
            self._ascend("plan_deadline_s", longer, "rebalance_timeout_s", "doubt_shortest_s")
        if not self.session_timeout_s <= self.rebalance_timeout_s:
            raise ValueError("RELEVO_EGRESS_SESSION_TIMEOUT_S must not be more than RELEVO_EGRESS_REBALANCE_TIMEOUT_S")
        return self

    @model_validator(mode="after")
    def _limits_fit(self) -> Self:
        if not self.reserve_per_s < self.rate_per_s:
            raise ValueError("RELEVO_EGRESS_RESERVE_PER_S must be less than RELEVO_EGRESS_RATE_PER_S")
        if not self.line_memory <= self.worker_memory:
            raise ValueError("RELEVO_EGRESS_LINE_MEMORY must not be more than RELEVO_EGRESS_WORKER_MEMORY")
        if not self.backoff_s <= self.backoff_max_s:
            raise ValueError("RELEVO_EGRESS_BACKOFF_S must not be more than RELEVO_EGRESS_BACKOFF_MAX_S")
        if not self.circuit_pause_s <= self.circuit_pause_max_s:
            raise ValueError("RELEVO_EGRESS_CIRCUIT_PAUSE_S must not be more than RELEVO_EGRESS_CIRCUIT_PAUSE_MAX_S")
        return self

    def _ascend(self, *fields: str) -> None:
        for shorter, longer in pairwise(fields):
            low, high = getattr(self, shorter), getattr(self, longer)
            if not low < high:
                raise ValueError(
                    f"{self.variable(shorter)} ({low:g}) must be less than {self.variable(longer)} ({high:g})"
                )
