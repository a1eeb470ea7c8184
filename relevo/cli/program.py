"""The program: all verbs together. `main` turns expected errors into a line and an exit code.

Exit codes: 0 done, 1 refused or found wrong (the message says what), 2 wrong usage, 78 wrong settings.
"""

from __future__ import annotations

import typer
from confluent_kafka import KafkaException

from relevo.cli.console import fail
from relevo.cli.verbs import Verbs
from runtime import logs
from runtime.kafka.offsets import OffsetsUnavailable
from runtime.service import EXIT_CANNOT_START
from runtime.settings import SettingsError

app = typer.Typer(
    name="relevo",
    cls=Verbs,
    help="The pipeline between your software and WhatsApp through Chattigo.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


@app.callback()
def program() -> None:
    """All verbs are in `verbs`; a callback makes a group of a program that has none of its own."""


_ADVICE = "is RELEVO_KAFKA_BOOTSTRAP right? Are all topics there (relevo topics apply)? relevo doctor looks closer"


def main() -> None:
    """The program. Wrong usage and exit codes are typer's; what comes out of a command is answered here."""
    logs.configure("error", "console")  # of libraries; a service configures its own
    try:
        app()
    except SettingsError as wrong:
        fail(str(wrong), EXIT_CANNOT_START)
    except OffsetsUnavailable as failed:
        fail(f"Kafka does not answer as expected: {failed}; {_ADVICE}")
    except KafkaException as failed:
        fail(f"Kafka does not answer as expected: {failed.args[0].str()}; {_ADVICE}")
    except Exception as failed:
        if not isinstance(failed, _answers()):
            raise
        fail(str(failed))


def _answers() -> tuple[type[Exception], ...]:
    """The errors that say all in their text. Imported once there is one: the verb that raised it has loaded it."""
    from relevo.campaigns.refused import MappingError, SubmitError
    from relevo.conversations.order import OrderError
    from relevo.tenants.store import TenantConflict
    from relevo.tenants.yaml_source import FileError
    from runtime.kafka.reader import ReadFailed
    from runtime.kafka.record import DeliveryError
    from runtime.kafka.topics import TopicMismatch
    from runtime.secrets import KeyRingError
    from schemas.record import RecordError

    return (
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
