"""Signatures are those of Standard Webhooks: its library reads ours, and we read its."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from runtime.hooks import SecretError, WrongSignature, new_secret, secret_problem, signed, verify

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = '{"text": "¿Sí?"}'.encode()


def test_the_signature_is_that_of_the_standards_own_example() -> None:
    body = b'{"test": 2432232314}'
    headers = signed([SECRET], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@given(st.text(st.characters(codec="ascii", exclude_characters="\n\r"), min_size=1), st.text())
def test_the_library_reads_what_we_sign_and_we_what_it_signs(message_id: str, text: str) -> None:
    now = int(time.time())
    body = text.encode()
    Webhook(SECRET).verify(body, signed([SECRET], message_id, now, body), json_parse=False)
    signature = Webhook(SECRET).sign(message_id, datetime.fromtimestamp(now, UTC), text)
    given = {"Webhook-Id": message_id, "Webhook-Timestamp": str(now), "Webhook-Signature": signature}
    verify([SECRET], given, body, now)


def test_while_a_secret_is_replaced_both_the_old_and_the_new_verify() -> None:
    old, new = new_secret(), new_secret()
    headers = signed([new, old], "m1", 1_000, BODY)
    for known in (old, new):
        verify([known], headers, BODY, 1_000)
    verify([new_secret(), old], headers, BODY, 1_000)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"webhook-id": "m2"}, "no signature"),
        ({"webhook-timestamp": "1001"}, "no signature"),
        ({"webhook-timestamp": "1301"}, "300 s off"),
        ({"webhook-timestamp": "soon"}, "seconds since 1970"),
        ({"webhook-timestamp": "9" * 5000}, "seconds since 1970"),
        ({"webhook-signature": ""}, "needs the headers"),
        ({"webhook-signature": "v1,###"}, "no signature"),
        ({"webhook-signature": "v2,abcd v1"}, "no signature"),
    ],
)
def test_what_was_changed_does_not_verify(change: dict[str, str], why: str) -> None:
    headers = signed([SECRET], "m1", 1_000, BODY)
    verify([SECRET], headers, BODY, 1_000)
    with pytest.raises(WrongSignature, match=why):
        verify([SECRET], headers | change, BODY, 1_000)
    with pytest.raises(WrongSignature, match="no signature"):
        verify([SECRET], headers, BODY + b" ", 1_000)
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(BODY, headers, json_parse=False)  # the library, too, refuses what is old


@pytest.mark.parametrize(
    ("secret", "what"),
    [
        ("hello", "begins with whsec_"),
        ("whsec_###", "must be base64"),
        ("whsec_ñ", "must be base64"),
        ("whsec_YWJj", "24 to 64 bytes"),
        ("whsec_" + "A" * 120, "24 to 64 bytes"),
    ],
)
def test_what_cannot_be_a_secret_is_said_and_not_quoted(secret: str, what: str) -> None:
    assert what in secret_problem(secret)
    assert secret not in secret_problem(secret)
    with pytest.raises(SecretError):
        signed([secret], "m1", 1, b"")


def test_a_new_secret_is_one() -> None:
    assert secret_problem(new_secret()) == ""
    assert new_secret() != new_secret()
