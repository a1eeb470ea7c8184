"""The Kafka settings reach both client libraries whole: addresses, names, TLS and login."""

import datetime
import ssl
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from runtime.kafka import config
from runtime.settings import KafkaSettings

PASSWORD = "key's password"


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A self-signed certificate and its encrypted key."""
    folder = tmp_path_factory.mktemp("pem")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "relevo")])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1))
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    files = {"cert": folder / "cert.pem", "key": folder / "key.pem"}
    files["cert"].write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    encryption = serialization.BestAvailableEncryption(PASSWORD.encode())
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    files["key"].write_bytes(private)
    return files


@pytest.fixture
def everything(pem: dict[str, Path]) -> KafkaSettings:
    return KafkaSettings(
        bootstrap="one:9093, two:9093",
        client_id="relevo-webhooks",
        security_protocol="SASL_SSL",
        sasl_mechanism="SCRAM-SHA-512",
        sasl_username="relevo",
        sasl_password="secret",
        ssl_ca_file=pem["cert"],
        ssl_cert_file=pem["cert"],
        ssl_key_file=pem["key"],
        ssl_key_password=PASSWORD,
    )


def test_plaintext_needs_no_more_than_the_address() -> None:
    made = config.librdkafka(KafkaSettings(bootstrap="one:9092"))
    assert made["bootstrap.servers"] == "one:9092"
    assert made["security.protocol"] == "PLAINTEXT"
    assert not [name for name in made if name.startswith(("ssl.", "sasl."))]
    arguments = config.aiokafka(KafkaSettings(bootstrap="one:9092"))
    assert arguments == {"bootstrap_servers": ["one:9092"], "client_id": "relevo", "security_protocol": "PLAINTEXT"}


def test_tls_and_login_reach_librdkafka(everything: KafkaSettings, pem: dict[str, Path]) -> None:
    made = config.librdkafka(everything)
    assert {name: made[name] for name in made if name.startswith(("ssl.", "sasl.", "security.", "client."))} == {
        "client.id": "relevo-webhooks",
        "security.protocol": "SASL_SSL",
        "ssl.ca.location": str(pem["cert"]),
        "ssl.certificate.location": str(pem["cert"]),
        "ssl.key.location": str(pem["key"]),
        "ssl.key.password": PASSWORD,
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "relevo",
        "sasl.password": "secret",
    }


def test_tls_and_login_reach_aiokafka(everything: KafkaSettings) -> None:
    made = config.aiokafka(everything)
    context = made.pop("ssl_context")
    assert made == {
        "bootstrap_servers": ["one:9093", "two:9093"],
        "client_id": "relevo-webhooks",
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "relevo",
        "sasl_plain_password": "secret",
    }
    assert isinstance(context, ssl.SSLContext)
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.get_ca_certs()


async def test_the_libraries_accept_what_is_made(everything: KafkaSettings) -> None:
    """They raise for what they do not know."""
    await AIOKafkaConsumer(**config.aiokafka(everything)).stop()
    silent = {"log_level": 0}
    assert Producer(config.producer(everything, silent)) is not None
    assert Producer(config.transactional(everything, "id", 10) | silent) is not None
    Consumer(config.consumer(everything, "group", overrides=silent)).close()
    assert AdminClient(config.admin(everything) | silent) is not None


def test_what_must_not_be_lost_is_confirmed_by_all_replicas_once() -> None:
    made = config.producer(KafkaSettings(), {"linger.ms": 7})
    assert (made["acks"], made["enable.idempotence"], made["partitioner"]) == ("all", True, "murmur2_random")
    assert made["linger.ms"] == 7


def test_readers_see_committed_records_and_commit_nothing_by_themselves() -> None:
    made = config.consumer(KafkaSettings(), "group")
    assert (made["isolation.level"], made["enable.auto.commit"]) == ("read_committed", False)


def test_a_message_never_outlives_its_transaction() -> None:
    made = config.transactional(KafkaSettings(), "egress-0", 10)
    assert made["transactional.id"] == "egress-0"
    assert made["message.timeout.ms"] <= made["transaction.timeout.ms"] == 10_000
    assert made["metadata.max.age.ms"] == 2000, "a coordinator that left Kafka's list must be forgotten"
