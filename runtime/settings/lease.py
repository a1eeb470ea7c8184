"""Settings of the token lease: how long a token lives, when it is renewed, how seldom a login may happen."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from runtime.settings.area import Area


class LeaseSettings(Area):
    """The one login per account."""

    model_config = SettingsConfigDict(env_prefix="RELEVO_LEASE_")

    token_life_s: float = Field(
        28_800,
        gt=0,
        le=604_800,
        description="Life of a token that does not say itself when it ends (eight hours).",
    )
    refresh_at: float = Field(0.9, gt=0, lt=1, description="Part of the life after which a token is renewed.")
    refresh_jitter: float = Field(
        0.02, ge=0, le=0.2, description="Part of the life by which renewals are spread, earlier only."
    )
    min_login_interval_s: float = Field(
        30, ge=0, le=3600, description="Least time between two logins of an account, whatever is asked."
    )
    login_timeout_s: float = Field(10, gt=0, le=120, description="Time for a login to answer.")
    backoff_s: float = Field(1, gt=0, le=600, description="First wait after a failed login; it doubles.")
    backoff_max_s: float = Field(300, gt=0, le=86_400, description="Longest wait between two failed logins.")
    transaction_timeout_s: float = Field(10, gt=0, le=60, description="A transaction open for longer is aborted.")
    session_timeout_s: float = Field(
        30, ge=1, le=300, description="A member unheard of for so long loses its accounts."
    )
    rebalance_timeout_s: float = Field(45, ge=1, le=600, description="Time for the members to hand over partitions.")
