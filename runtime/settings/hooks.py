"""Settings of calls to addresses that tenants give."""

from typing import Self

from pydantic import Field, model_validator
from pydantic_settings import SettingsConfigDict

from runtime.settings.area import Area


class HooksSettings(Area):
    """Calls to addresses that tenants give: the agent `http`, the CRM, the desk."""

    model_config = SettingsConfigDict(env_prefix="RELEVO_HOOKS_")

    connect_timeout_s: float = Field(3, gt=0, le=30, description="Time for a connection, the name's look-up included.")
    answer_max: int = Field(262_144, ge=1024, le=4_194_304, description="Most bytes of an answer, decompressed.")
    per_host: int = Field(128, ge=1, le=4096, description="Connections of one worker to one service.")
    failures: int = Field(
        10, ge=0, le=1000, description="After so many failures in a row a tenant's service is left alone; 0: never."
    )
    pause_s: float = Field(1, gt=0, le=300, description="For so long at first, then one call asks again.")
    pause_max_s: float = Field(30, gt=0, le=3600, description="Each failure of that call doubles the pause up to this.")

    @model_validator(mode="after")
    def _pauses_are_in_order(self) -> Self:
        if self.pause_s > self.pause_max_s:
            raise ValueError("RELEVO_HOOKS_PAUSE_S must not be more than RELEVO_HOOKS_PAUSE_MAX_S")
        return self
