"""Settings of the Kafka clients: where the cluster is, and how to prove who we are."""

from typing import Literal, Self

from pydantic import Field, FilePath, SecretStr, model_validator
from pydantic_settings import SettingsConfigDict

from runtime.settings.area import Area


class KafkaSettings(Area):
    """The Kafka cluster and the credentials for it."""

    model_config = SettingsConfigDict(env_prefix="RELEVO_KAFKA_")

    bootstrap: str = Field(
        "127.0.0.1:9092",
        min_length=3,
        description="Addresses of some brokers, host:port, separated by commas.",
    )
    profile: Literal["laptop", "production", "mock"] = Field(
        "laptop",
        description="Partition counts and replication of the topic catalogue. `mock` is for librdkafka's mock cluster "
        "alone, where nothing is exactly once; any other cluster is refused with it.",
    )
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="How clients talk to the brokers."
    )
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = Field(
        None, description="How clients log in; needed with a SASL protocol."
    )
    sasl_username: str | None = Field(None, description="User name of the login.")
    sasl_password: SecretStr | None = Field(None, description="Password of the login.")
    ssl_ca_file: FilePath | None = Field(
        None, description="Certificates (PEM) that sign the brokers' certificates; unset: the system's."
    )
    ssl_cert_file: FilePath | None = Field(None, description="The client's own certificate (PEM), for mutual TLS.")
    ssl_key_file: FilePath | None = Field(None, description="Key (PEM) of the client's certificate.")
    ssl_key_password: SecretStr | None = Field(None, description="Password of the key file.")
    client_id: str = Field(
        "relevo", min_length=1, max_length=64, description="Name by which brokers log and limit the clients."
    )

    @model_validator(mode="after")
    def _login_is_complete(self) -> Self:
        parts = {
            "RELEVO_KAFKA_SASL_MECHANISM": self.sasl_mechanism,
            "RELEVO_KAFKA_SASL_USERNAME": self.sasl_username,
            "RELEVO_KAFKA_SASL_PASSWORD": self.sasl_password,
        }
        missing = [name for name, value in parts.items() if not value]
        if self.security_protocol.startswith("SASL") and missing:
            raise ValueError(f"{self.security_protocol} also needs {', '.join(missing)}")
        return self

    @model_validator(mode="after")
    def _certificate_has_its_key(self) -> Self:
        if (self.ssl_cert_file is None) != (self.ssl_key_file is None):
            raise ValueError("RELEVO_KAFKA_SSL_CERT_FILE and RELEVO_KAFKA_SSL_KEY_FILE go together")
        return self
