"""Settings that every service has: its name, its admin port, its log, its stop; keys and tenants."""

from pathlib import Path
from typing import Literal

from pydantic import Field, FilePath
from pydantic_settings import SettingsConfigDict

from runtime.settings.area import Area, Networks


class ServiceSettings(Area):
    """What every service needs."""

    model_config = SettingsConfigDict(env_prefix="RELEVO_SERVICE_")

    instance: str = Field(
        "0",
        pattern=r"^[A-Za-z0-9._-]{1,64}$",
        description="Name of this process within its service, unique among the live ones and kept over "
        "restarts (static membership and transactional ids are made from it).",
    )
    admin_host: str = Field("127.0.0.1", description="Address of the admin server (/live, /ready, /metrics).")
    admin_port: int = Field(0, ge=0, le=65535, description="Port of the admin server; 0 takes a free one.")
    stop_s: float = Field(20, gt=0, le=600, description="Time for a graceful stop; after it the process ends by force.")
    stall_s: float = Field(
        60, gt=0, le=3600, description="A partition with work and no progress for so long fails liveness."
    )
    loop_lag_s: float = Field(5, gt=0, le=600, description="An event loop late by more than this fails liveness.")
    ending_file: Path | None = Field(
        None,
        description="File in which a process says why it ended, for the next one and for who looks at the container; "
        "without one it is only in the log.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level that is logged.")
    log_format: Literal["json", "console"] = Field("console", description="One JSON object a line, or text for people.")


class KeysSettings(Area):
    """The key ring that encrypts fields."""

    model_config = SettingsConfigDict(env_prefix="RELEVO_KEYS_")

    file: FilePath | None = Field(
        None,
        description="File of the key ring; its first key encrypts, all of them decrypt. See `relevo keys`.",
    )


class TenantsSettings(Area):
    """The read model of the tenants, and what tenants may ask for."""

    model_config = SettingsConfigDict(env_prefix="RELEVO_TENANTS_")

    caught_up_s: float = Field(60, gt=0, le=3600, description="Time to read all tenants at start before giving up.")
    label_top: int = Field(
        50,
        ge=0,
        le=1000,
        description="So many tenants get a metric label of their own; the rest share `other`.",
    )
    private_networks: Networks = Field(
        (),
        description="Private networks in which an address given by a tenant may lie (for example 127.0.0.0/8 "
        "with the sandbox). Empty: public addresses only.",
    )
