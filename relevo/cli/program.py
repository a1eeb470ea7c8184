"""The program: all verbs together. `main` turns expected errors into a line and an exit code.

Exit codes: 0 done, 1 refused or found wrong (the message says what), 2 wrong usage, 78 wrong settings.
"""

from __future__ import annotations

import sys

import click
import typer
from confluent_kafka import KafkaException

from relevo.campaigns.recipients import MappingError
from relevo.campaigns.submit import SubmitError
from relevo.cli import audit, campaign, demo, doctor, keys, run, sandbox, tenants, topics
from relevo.cli.console import fail
from relevo.tenants.store import LineTaken
from relevo.tenants.yaml_source import FileError
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
for group in (run, demo, audit, doctor):
    group.add_to(app)
app.add_typer(topics.app, name="topics")
app.add_typer(tenants.app, name="tenants")
app.add_typer(campaign.app, name="campaign")
app.add_typer(sandbox.app, name="sandbox")
app.add_typer(keys.app, name="keys")

_ANSWERS = (
    FileError,
    LineTaken,
    MappingError,
    SubmitError,
    TopicMismatch,
    RecordError,
    KeyRingError,
    ReadFailed,
    DeliveryError,
    OffsetsUnavailable,
)


def main() -> None:
    """The program."""
    try:
        app(standalone_mode=False)
    except click.exceptions.Exit as ended:
        sys.exit(ended.exit_code)
    except click.Abort:
        sys.exit(130)
    except click.ClickException as wrong:
        wrong.show()
        sys.exit(wrong.exit_code)
    except SettingsError as wrong:
        fail(str(wrong), EXIT_CANNOT_START)
    except _ANSWERS as refused:
        fail(str(refused))
    except KafkaException as failed:
        fail(f"Kafka does not answer as expected: {failed.args[0].str()}; is RELEVO_KAFKA_BOOTSTRAP right?")
