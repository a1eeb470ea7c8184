"""The program: all verbs together. `main` turns expected errors into a line and an exit code.

Exit codes: 0 done, 1 refused or found wrong (the message says what), 2 wrong usage, 78 wrong settings.
"""

from __future__ import annotations

import typer
from confluent_kafka import KafkaException

from relevo.campaigns.refused import MappingError, SubmitError
from relevo.cli import (
    audit,
    campaign,
    chat,
    conversation,
    crm,
    demo,
    dlq,
    doctor,
    doubt,
    drill,
    gate,
    keys,
    menu,
    optout,
    pause,
    routes,
    run,
    sandbox,
    tenants,
    token,
    topics,
    why,
)
from relevo.cli.console import fail
from relevo.conversations.order import OrderError
from relevo.tenants.store import TenantConflict
from relevo.tenants.yaml_source import FileError
from runtime import logs
from runtime.kafka.offsets import OffsetsUnavailable
from runtime.kafka.reader import ReadFailed
from runtime.kafka.record import DeliveryError
from runtime.kafka.topics import TopicMismatch
from runtime.secrets import KeyRingError
from runtime.service import EXIT_CANNOT_START
from runtime.settings import SettingsError
from schemas.record import RecordError

app = typer.Typer(
    name="relevo",
    help="The pipeline between your software and WhatsApp through Chattigo.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
for group in (run, chat, demo, audit, doctor, why, pause, drill):
    group.add_to(app)
app.add_typer(topics.app, name="topics")
app.add_typer(tenants.app, name="tenants")
app.add_typer(routes.app, name="routes")
app.add_typer(campaign.app, name="campaign")
app.add_typer(conversation.app, name="conversation")
app.add_typer(optout.app, name="optout")
app.add_typer(crm.app, name="crm")
app.add_typer(doubt.app, name="doubt")
app.add_typer(gate.app, name="gate")
app.add_typer(menu.app, name="menu")
app.add_typer(dlq.app, name="dlq")
app.add_typer(token.app, name="token")
app.add_typer(sandbox.app, name="sandbox")
app.add_typer(keys.app, name="keys")

_ANSWERS = (
    FileError,
    TenantConflict,
    MappingError,
    SubmitError,
    OrderError,
    TopicMismatch,
    RecordError,
    KeyRingError,
    ReadFailed,
    DeliveryError,
)
_ADVICE = "is RELEVO_KAFKA_BOOTSTRAP right? Are all topics there (relevo topics apply)? relevo doctor looks closer"


def main() -> None:
    """The program. Wrong usage and exit codes are typer's; what comes out of a command is answered here."""
    logs.configure("error", "console")  # of libraries; a service configures its own
    try:
        app()
    except SettingsError as wrong:
        fail(str(wrong), EXIT_CANNOT_START)
    except _ANSWERS as refused:
        fail(str(refused))
    except OffsetsUnavailable as failed:
        fail(f"Kafka does not answer as expected: {failed}; {_ADVICE}")
    except KafkaException as failed:
        fail(f"Kafka does not answer as expected: {failed.args[0].str()}; {_ADVICE}")
