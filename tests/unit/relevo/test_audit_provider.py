"""Chattigo's side is read from the file that the sandbox's ledger writes."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from relevo.audit.provider import Provider, Taken, read_ledger
from sandbox.chattigo import ledger
from sandbox.chattigo.ledger import Call, Control, Entry, Ledger, Login, Message, Recipient, Run, Webhook


def read(path: Path, *groups: list[Entry]) -> Provider:
    """What is read of a ledger to which these groups were written, one write each."""
    written = Ledger(path / "ledger.ndjson")
    for group in groups:
        written.write(*group)
    written.close()
    return read_ledger(path / "ledger.ndjson")


def call(number: int, **fields: Any) -> Call:
    return Call(call=number, method="POST", path="/", route="x", status=200, accepted=True, **fields)


def webhook(events: list[str], receipts: list[str], *, acked: bool = True, **fields: Any) -> Webhook:
    return Webhook(
        post=1, attempt=1, did="569", format="cloud", events=events, receipts=receipts,
        status=200 if acked else 0, acked=acked, last=True, duplicate=False, **fields,
    )  # fmt: skip


def recipient(number: int, contact: str, template: str = "order", **fields: Any) -> Recipient:
    values: dict[str, Any] = {"destination_id": None, "root_id": "77", "wamid": f"w{contact}", **fields}
    return Recipient(
        call=number, account="u", did="569", destination=contact, contact=contact, template=template, language="es",
        namespace="", bot_attention=None, parameters="", position=0, **values,
    )  # fmt: skip


def message(number: int, **fields: Any) -> Message:
    return Message(
        call=number, service="isv", account="u", did="569", to="57", contact="57", kind="text", body={}, wamid="w",
        **fields,
    )  # fmt: skip


def test_only_acknowledged_posts_owe_anything(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        [Run(seed=1, pid=1, base_url="http://x")],
        [webhook(["a", "b"], ["w:sent"], took_ms=3, bytes=90)],
        [webhook(["c"], ["v:read"], acked=False, took_ms=9)],
        [webhook(["a"], [], took_ms=4, bytes=40)],
    )
    assert found.acked == {("569", "a"), ("569", "b")}
    assert found.acked_receipts == {("569", "w:sent")}
    assert (found.webhooks_acked, found.webhooks_failed) == (2, 1)
    assert found.ack_ms == [3, 4]
    assert found.alone == {("569", "a"): 40}


def test_each_recipient_and_session_message_was_taken_once_for_each_line(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        [recipient(1, "57", destination_id="m1"), recipient(1, "58"), call(1, digest="d1")],
        [message(2, client_id="m2"), call(2, digest="d2")],
        [message(3), call(3, digest="d2")],
    )
    assert found.taken == [
        Taken("569", "57", "77", "m1", "d1", "w57", batch=True),
        Taken("569", "58", "77", "", "d1", "w58", batch=True),
        Taken("569", "57", "", "m2", "d2", "w", batch=False),
        Taken("569", "57", "", "", "d2", "w", batch=False),
    ]


def test_calls_are_listed_with_their_template_and_size(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        [*(recipient(1, str(n)) for n in range(1000)), call(1)],
        [recipient(2, "9", "promo"), call(2)],
        [call(3)],
    )
    assert found.batches == [("order", 1000), ("promo", 1)]


def test_logins_that_gave_a_token_are_counted_by_account(tmp_path: Path) -> None:
    logins = [("isv", "a", True), ("isv", "a", True), ("isv", "a", False), ("hsm", "a", True)]
    groups: list[list[Entry]] = [
        [Login(call=n, service=service, account=account, ok=ok), call(n)]
        for n, (service, account, ok) in enumerate(logins, 1)
    ]
    assert read(tmp_path, *groups).logins == Counter({"isv|a": 2, "hsm|a": 1})


def test_controls_are_counted(tmp_path: Path) -> None:
    control = Control(
        call=1, account="u", did="569", msisdn="57", contact="57", kind="group", id_campaign=None, content="", body={}
    )
    assert read(tmp_path, [control, call(1)]).controls == 1


def test_what_a_kill_left_unfinished_was_not_taken(tmp_path: Path) -> None:
    read(tmp_path, [message(1), call(1, digest="d")], [message(2)])
    with (tmp_path / "ledger.ndjson").open("ab") as file:
        file.write(b'{"type":"mess')
    assert [one.digest for one in read_ledger(tmp_path / "ledger.ndjson").taken] == ["d"]


def test_an_empty_ledger_says_nothing(tmp_path: Path) -> None:
    assert read(tmp_path) == Provider()


def test_a_ledger_that_is_none_raises(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="ledger"):
        read_ledger(tmp_path / "ledger")
    (tmp_path / "x").write_text('{"type": "nobody"}\n')
    with pytest.raises(ledger.msgspec.MsgspecError):
        read_ledger(tmp_path / "x")
