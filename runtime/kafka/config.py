"""Turns the Kafka settings into what each client library wants: TLS, login, names, and our fixed choices.

The only place that knows librdkafka's and aiokafka's option names for the connection. Every librdkafka client logs
to the logger `relevo.librdkafka`; secrets are unwrapped here and nowhere else.
"""

import logging
import ssl
from collections.abc import Mapping
from typing import Any, Literal

from runtime.settings import KafkaSettings

Config = dict[str, Any]
Isolation = Literal["read_committed", "read_uncommitted"]

# 4 MiB end to end, as the topics allow.
MESSAGE_MAX_BYTES = 4 * 1024 * 1024
COORDINATOR_KEPT_MS = 2000

_LOGGER = logging.getLogger("relevo.librdkafka")


def librdkafka(settings: KafkaSettings) -> Config:
    """What every confluent-kafka client needs: brokers, name, TLS, login, logger."""
    config: Config = {
        "bootstrap.servers": settings.bootstrap,
        "client.id": settings.client_id,
        "security.protocol": settings.security_protocol,
        "logger": _LOGGER,
        # Idle connections that a broker or a proxy closes are no news.
        "log.connection.close": False,
        "reconnect.backoff.max.ms": 2000,
    }
    return config | _tls(settings) | _login(settings)


def _tls(settings: KafkaSettings) -> Config:
    if "SSL" not in settings.security_protocol:
        return {}
    options = {
        "ssl.ca.location": settings.ssl_ca_file,
        "ssl.certificate.location": settings.ssl_cert_file,
        "ssl.key.location": settings.ssl_key_file,
        "ssl.key.password": settings.ssl_key_password.get_secret_value() if settings.ssl_key_password else None,
    }
    return {name: str(value) for name, value in options.items() if value is not None}


def _login(settings: KafkaSettings) -> Config:
    if not settings.security_protocol.startswith("SASL") or settings.sasl_password is None:
        return {}
    return {
        "sasl.mechanism": settings.sasl_mechanism,
        "sasl.username": settings.sasl_username,
        "sasl.password": settings.sasl_password.get_secret_value(),
    }


def admin(settings: KafkaSettings) -> Config:
    """For an AdminClient."""
    return librdkafka(settings) | {"socket.timeout.ms": 15_000}


def producer(settings: KafkaSettings, overrides: Mapping[str, Any] | None = None) -> Config:
    """For an idempotent producer that puts keys where Java and Faust would (`murmur2_random`)."""
    fixed = {
        "acks": "all",
        "enable.idempotence": True,
        "partitioner": "murmur2_random",
        "message.max.bytes": MESSAGE_MAX_BYTES,
        "queue.buffering.max.messages": 100_000,
        "queue.buffering.max.kbytes": 256 * 1024,
    }
    return librdkafka(settings) | fixed | dict(overrides or {})


def transactional(settings: KafkaSettings, transactional_id: str, timeout_s: float) -> Config:
    """For a transactional producer; the broker aborts what stays open longer than `timeout_s`."""
    milliseconds = int(timeout_s * 1000)
    own = {
        "transactional.id": transactional_id,
        "transaction.timeout.ms": milliseconds,
        "message.timeout.ms": milliseconds,
        # What is written on the way to a commit is gathered; the commit itself waits for nobody's linger.
        "linger.ms": 5,
        # A commit waits for the markers of the one before by retrying: the default of 100 ms would be its latency.
        "retry.backoff.ms": 5,
        "retry.backoff.max.ms": 200,
        "delivery.report.only.error": True,
        # It remembers the group's coordinator for as long. A broker that Kafka did not list for a moment (in a restart,
        # or too busy to say that it lives) is given up, but not as the coordinator that is remembered, and then
        # `send_offsets_to_transaction` waits for it for ever. What was forgotten meanwhile is asked for again.
        "metadata.max.age.ms": COORDINATOR_KEPT_MS,
    }
    return producer(settings, own)


def consumer(
    settings: KafkaSettings,
    group: str,
    isolation: Isolation = "read_committed",
    overrides: Mapping[str, Any] | None = None,
) -> Config:
    """For a consumer that never commits by itself and starts where it is told."""
    fixed = {
        "group.id": group,
        "isolation.level": isolation,
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "earliest",
        "fetch.wait.max.ms": 100,
        "fetch.error.backoff.ms": 100,
        "queued.max.messages.kbytes": 32 * 1024,
        "max.partition.fetch.bytes": MESSAGE_MAX_BYTES,
    }
    return librdkafka(settings) | fixed | dict(overrides or {})


def aiokafka(settings: KafkaSettings) -> Config:
    """Keyword arguments of aiokafka's clients."""
    arguments: Config = {
        "bootstrap_servers": [address.strip() for address in settings.bootstrap.split(",") if address.strip()],
        "client_id": settings.client_id,
        "security_protocol": settings.security_protocol,
    }
    if "SSL" in settings.security_protocol:
        arguments["ssl_context"] = ssl_context(settings)
    if settings.security_protocol.startswith("SASL") and settings.sasl_password is not None:
        arguments["sasl_mechanism"] = settings.sasl_mechanism
        arguments["sasl_plain_username"] = settings.sasl_username
        arguments["sasl_plain_password"] = settings.sasl_password.get_secret_value()
    return arguments


def ssl_context(settings: KafkaSettings) -> ssl.SSLContext:
    """Checks the brokers' certificates and names; shows the client's own certificate if there is one."""
    context = ssl.create_default_context(cafile=str(settings.ssl_ca_file) if settings.ssl_ca_file else None)
    if settings.ssl_cert_file is not None:
        password = settings.ssl_key_password.get_secret_value() if settings.ssl_key_password else None
        context.load_cert_chain(settings.ssl_cert_file, settings.ssl_key_file, password)
    return context
