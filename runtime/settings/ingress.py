"""Settings of the webhooks' public server: limits, time-outs, who may come in."""

from typing import Self

from pydantic import Field, FilePath, model_validator
from pydantic_settings import SettingsConfigDict

from runtime.settings.area import Area, Networks

RECORD_LIMIT = 4 * 1024 * 1024  # bytes of a Kafka message, end to end
HEADROOM = 64 * 1024  # keys, headers and batch framing beside the body


class IngressSettings(Area):
    """The server that takes webhooks."""

    model_config = SettingsConfigDict(env_prefix="RELEVO_INGRESS_")

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8080, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    max_body_bytes: int = Field(
        RECORD_LIMIT - HEADROOM,
        ge=1024,
        le=RECORD_LIMIT - HEADROOM,
        description="Largest body; Meta's reach 3 MB, and a Kafka message holds 4 MiB.",
    )
    max_depth: int = Field(64, ge=8, le=500, description="Deepest nesting of a JSON body.")
    read_s: float = Field(10, gt=0, le=120, description="Time to receive a whole body.")
    ack_hold_s: float = Field(
        8, gt=0, le=60, description="Time for Kafka to confirm before the answer is 503 instead of 200."
    )
    retry_after_s: int = Field(5, ge=1, le=3600, description="What Retry-After says beside 429 and 503.")
    rate_per_s: float = Field(0, ge=0, le=100_000, description="Requests a second for one secret; 0 is no limit.")
    rate_burst: int = Field(200, ge=1, le=1_000_000, description="Requests at once for one secret.")
    allowed_networks: Networks = Field((), description="Networks that may send webhooks; empty allows all.")
    trusted_proxies: int = Field(
        0,
        ge=0,
        le=10,
        description="Proxies of ours in front, whose last entries of X-Forwarded-For are believed.",
    )
    tls_cert_file: FilePath | None = Field(None, description="The server's certificate chain (PEM); unset: no TLS.")
    tls_key_file: FilePath | None = Field(None, description="Key (PEM) of the server's certificate.")
    secret_header: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9-]{1,64}$",
        description="Header that may carry the secret instead of the path.",
    )

    @model_validator(mode="after")
    def _certificate_has_its_key(self) -> Self:
        if (self.tls_cert_file is None) != (self.tls_key_file is None):
            raise ValueError("RELEVO_INGRESS_TLS_CERT_FILE and RELEVO_INGRESS_TLS_KEY_FILE go together")
        return self
