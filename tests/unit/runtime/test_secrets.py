"""What the key ring and the hashes of secrets promise."""

import base64
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime import secrets
from runtime.secrets import DecryptionError, KeyRing, KeyRingError, UnknownKey

OLD, NEW = bytes(range(32)), bytes(range(32, 64))
RING = KeyRing([("new", NEW), ("old", OLD)])
TOKEN = RING.encrypt("password", "tenant|acme")


@given(st.text(), st.text())
def test_a_field_opens_in_its_own_context(plaintext: str, context: str) -> None:
    token = RING.encrypt(plaintext, context)
    assert token.startswith("v1.new.")
    assert RING.decrypt(token, context) == plaintext


@given(st.text(min_size=1), st.text(), st.text())
def test_a_field_opens_in_no_other_context(plaintext: str, context: str, other: str) -> None:
    if context == other:
        other += "x"
    with pytest.raises(DecryptionError, match="another place"):
        RING.decrypt(RING.encrypt(plaintext, context), other)


@given(st.data())
def test_a_changed_character_is_noticed(data: st.DataObject) -> None:
    token = TOKEN
    place = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.sampled_from([c for c in "ABab01-_." if c != token[place]]))
    altered = token[:place] + other + token[place + 1 :]
    try:
        opened = RING.decrypt(altered, "tenant|acme")
    except DecryptionError:
        return
    # base64 ignores the unused bits of the last character; everything else must be refused
    assert opened == "password"
    assert place == len(token) - 1


def test_the_same_text_is_never_encrypted_to_the_same_token() -> None:
    assert RING.encrypt("a", "c") != RING.encrypt("a", "c")


def test_after_a_rotation_old_fields_open_and_are_known_to_be_old() -> None:
    token = KeyRing([("old", OLD)]).encrypt("password", "c")
    assert RING.decrypt(token, "c") == "password"
    assert not RING.is_current(token)
    assert RING.is_current(RING.encrypt("password", "c"))


def test_an_unknown_key_is_named() -> None:
    token = KeyRing([("gone", OLD)]).encrypt("password", "c")
    with pytest.raises(UnknownKey, match=r"key gone.*new, old"):
        RING.decrypt(token, "c")


def test_another_key_under_the_same_id_does_not_open() -> None:
    token = KeyRing([("new", OLD)]).encrypt("password", "c")
    with pytest.raises(DecryptionError, match="another key under this id"):
        RING.decrypt(token, "c")


@pytest.mark.parametrize(
    "token", ["", "plain", "v2.new.AAAA", "v1.new.", "v1.new.AAAA", "v1..AAAA", "v1.new.*", "v1.new.A"]
)
def test_what_is_no_encrypted_text_is_refused(token: str) -> None:
    with pytest.raises(DecryptionError):
        RING.decrypt(token, "c")


@given(st.text())
def test_no_text_makes_decrypt_fail_in_another_way(token: str) -> None:
    with pytest.raises(DecryptionError):
        RING.decrypt(token, "c")


def test_lines_and_json_give_the_same_ring(tmp_path: Path) -> None:
    first, second = secrets.generate_key("k2"), secrets.generate_key("k1")
    lines = f"# keys\n{first}\n\n {second} \n"
    entries = [dict(zip(("id", "key"), line.split(":"), strict=True)) for line in (first, second)]
    path = tmp_path / "keys"
    path.write_text(lines)
    token = KeyRing.load(path).encrypt("x", "c")
    ring = KeyRing.parse(json.dumps(entries))
    assert ring.ids == ("k2", "k1")
    assert ring.decrypt(token, "c") == "x"


SHORT = base64.b64encode(b"short").decode()
LONG = base64.b64encode(OLD).decode()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "no key"),
        ("# only a comment", "no key"),
        ("nocolon", "line 1: needs the form"),
        ("a:***", "line 1: the key is not base64"),
        (f"a:{SHORT}", "5 bytes instead of 32"),
        (f"a b:{LONG}", "a key id has"),
        (f"a:{LONG}\na:{LONG}", "twice"),
        ("[", "none"),
        ('[{"id": "a"}]', "entry 1: needs the form"),
        ('["a"]', "entry 1: needs the form"),
    ],
)
def test_a_bad_ring_says_where_and_why_without_the_key(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "keys"
    path.write_text(text)
    with pytest.raises(KeyRingError, match=problem) as caught:
        KeyRing.load(path)
    assert str(path) in str(caught.value)
    assert LONG not in str(caught.value)


def test_a_missing_or_binary_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(KeyRingError, match="No such file"):
        KeyRing.load(tmp_path / "none")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(KeyRingError, match="not UTF-8"):
        KeyRing.load(tmp_path / "binary")


def test_a_key_id_with_separators_is_not_generated() -> None:
    with pytest.raises(KeyRingError):
        secrets.generate_key("a:b")


def test_webhook_secrets_are_long_fit_a_path_and_differ() -> None:
    made = {secrets.new_webhook_secret() for _ in range(50)}
    assert len(made) == 50
    assert all(len(s) == 43 and s.replace("-", "").replace("_", "").isalnum() for s in made)


@given(st.text(), st.text())
def test_digests_are_equal_exactly_for_equal_secrets(one: str, other: str) -> None:
    assert secrets.same_digest(secrets.secret_digest(one), secrets.secret_digest(other)) == (one == other)
    assert secrets.same_digest(secrets.secret_digest(one), secrets.secret_digest(one))


def test_a_ring_that_no_setting_names_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(KeyRingError, match=r"RELEVO_KEYS_FILE is not set.*relevo keys new"):
        KeyRing.named(None)
    file = tmp_path / "keys"
    file.write_text(secrets.generate_key("k1"))
    assert KeyRing.named(file).ids == ("k1",)
