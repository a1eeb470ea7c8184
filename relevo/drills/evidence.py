"""What is kept of a drill that failed: the verdict, the audit, every record of the topics, beside logs and ledger.

The broker's own files go: the records are all that is in them, and can be read without it.
"""

from __future__ import annotations

import base64
import shutil
from pathlib import Path
from typing import Any

import msgspec
from confluent_kafka import KafkaException, Message

from relevo.audit.report import Report, as_json
from relevo.audit.scan import scan
from relevo.demo.stage import Stage
from relevo.drills.run import Played
from runtime.kafka.offsets import OffsetsUnavailable
from runtime.kafka.reader import ReadFailed
from schemas.topics import catalogue


def keep(stage: Stage, played: Played) -> None:
    """Write down what explains the failure, while Kafka still runs. Blocks."""
    folder = stage.folder
    (folder / "verdict.json").write_bytes(msgspec.json.format(msgspec.json.encode(played.verdict)))
    _report(folder, played.report)
    if played.trace:
        (folder / "trace.txt").write_text(played.trace, encoding="utf-8")
    with (folder / "records.ndjson").open("wb") as stream:
        try:
            for message in scan(stage.kafka, [topic.name for topic in catalogue(stage.agents).values()]):
                stream.write(msgspec.json.encode(record(message)) + b"\n")
        except (OffsetsUnavailable, ReadFailed, KafkaException) as error:
            stream.write(msgspec.json.encode({"unread": str(error)}) + b"\n")


def drop_broker(folder: Path) -> None:
    """Remove the data of the broker, once it has ended."""
    shutil.rmtree(folder / "kafka" / "data", ignore_errors=True)


def _report(folder: Path, report: Report | None) -> None:
    if report is not None:
        (folder / "audit.json").write_bytes(as_json(report))


def record(message: Message) -> dict[str, Any]:
    """A record as JSON: bytes that are no text are base64."""
    headers: Any = message.headers() or []
    return {
        "topic": message.topic(),
        "partition": message.partition(),
        "offset": message.offset(),
        "at_ms": message.timestamp()[1],
        "key": _text(message.key()),
        "headers": {name: _text(value) for name, value in headers},
        "value": _text(message.value()),
    }


def _text(value: bytes | str | None) -> str | None:
    if value is None or isinstance(value, str):
        return value
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return "base64:" + base64.b64encode(value).decode()
