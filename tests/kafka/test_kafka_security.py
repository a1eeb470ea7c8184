"""The settings for TLS and login work against a genuine broker that asks for both, and only then."""

import asyncio
import datetime
import ipaddress
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from runtime.kafka import config, topics
from runtime.kafka.producer import DeliveryError, Producer, Record
from runtime.kafka.reader import read_partition
from runtime.settings import KafkaSettings
from sandbox.kafka import Broker
from schemas.topics import TENANTS

LOGIN = (
    "org.apache.kafka.common.security.plain.PlainLoginModule required "
    'username="broker" password="inner" user_broker="inner" user_relevo="secret";'
)


def certificate(folder: Path) -> tuple[Path, Path]:
    """A self-signed certificate of 127.0.0.1, alone and together with its key."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now - datetime.timedelta(hours=1))
    builder = builder.not_valid_after(now + datetime.timedelta(days=1)).add_extension(address, critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    cert = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    plain = serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    alone, both = folder / "cert.pem", folder / "both.pem"
    alone.write_bytes(cert)
    both.write_bytes(private + cert)
    return alone, both


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaSettings]:
    folder = tmp_path_factory.mktemp("secured")
    cert, both = certificate(folder)
    settings = KafkaSettings(
        security_protocol="SASL_SSL",
        sasl_mechanism="PLAIN",
        sasl_username="relevo",
        sasl_password="secret",
        ssl_ca_file=cert,
    )
    names = ("security.protocol", "sasl.mechanism", "sasl.username", "sasl.password", "ssl.ca.location")
    client = {name: value for name, value in config.librdkafka(settings).items() if name in names}
    properties = {
        "listener.security.protocol.map": "PLAINTEXT:SASL_SSL,CONTROLLER:PLAINTEXT",
        "sasl.enabled.mechanisms": "PLAIN",
        "sasl.mechanism.inter.broker.protocol": "PLAIN",
        "listener.name.plaintext.plain.sasl.jaas.config": LOGIN,
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(both),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(cert),
    }
    with Broker(folder / "kafka", properties=properties, client=client) as broker:
        yield settings.model_copy(update={"bootstrap": broker.bootstrap})


async def test_both_libraries_get_in(secured: KafkaSettings) -> None:
    await asyncio.to_thread(topics.apply, secured, [TENANTS])
    producer = Producer(secured)
    await producer.start()
    assert (await producer.send(Record("tenants", b"value", b"key"))).offset == 0
    await producer.stop()
    found = await asyncio.to_thread(lambda: list(read_partition(secured, "tenants", 0)))
    assert [message.value() for message in found] == [b"value"]
    consumer = AIOKafkaConsumer("tenants", auto_offset_reset="earliest", **config.aiokafka(secured))
    await consumer.start()
    try:
        record = await asyncio.wait_for(consumer.getone(), 20)
        assert record.value == b"value"
    finally:
        await consumer.stop()


@pytest.mark.parametrize("wrong", [{"sasl_password": "guess"}, {"ssl_ca_file": None}])
async def test_nobody_else_does(secured: KafkaSettings, wrong: dict[str, str | None]) -> None:
    fields = secured.model_dump() | wrong
    producer = Producer(KafkaSettings(**fields), message_timeout_ms=2000)
    await producer.start()
    with pytest.raises(DeliveryError):
        await asyncio.wait_for(producer.send(Record("tenants", b"value", b"key")), 20)
    assert producer.errors.keys() & {"_AUTHENTICATION", "_SSL"}
    await producer.stop()
