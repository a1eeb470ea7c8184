"""A broker that nobody enters without TLS and a login."""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from runtime.kafka import config
from runtime.settings import KafkaSettings
from sandbox.kafka import Broker

_CLIENT = ("security.protocol", "sasl.mechanism", "sasl.username", "sasl.password", "ssl.ca.location")


@contextmanager
def secured_broker(
    folder: Path,
    username: str,
    password: str,
    login: str,
    properties: Mapping[str, str] | None = None,
    log_level: str = "warn",
) -> Iterator[KafkaSettings]:
    """How this user gets in. `login` is the broker's list of users; `properties` are the broker's further ones. Its
    log is `kafka/broker.log` in the folder."""
    cert, both = certificate(folder)
    settings = KafkaSettings(
        security_protocol="SASL_SSL",
        sasl_mechanism="PLAIN",
        sasl_username=username,
        sasl_password=password,
        ssl_ca_file=cert,
    )
    client = {name: value for name, value in config.librdkafka(settings).items() if name in _CLIENT}
    secure = {
        "listener.security.protocol.map": "PLAINTEXT:SASL_SSL,CONTROLLER:PLAINTEXT",
        "sasl.enabled.mechanisms": "PLAIN",
        "sasl.mechanism.inter.broker.protocol": "PLAIN",
        "listener.name.plaintext.plain.sasl.jaas.config": login,
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(both),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(cert),
        **(properties or {}),
    }
    with Broker(folder / "kafka", properties=secure, client=client, log_level=log_level) as broker:
        yield settings.model_copy(update={"bootstrap": broker.bootstrap})


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
