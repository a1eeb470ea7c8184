"""What a tenant file says of its service is checked when it is applied: each mistake has its line and a fix."""

from __future__ import annotations

import pytest

from relevo.tenants.file import TenantFile
from relevo.tenants.yaml_source import FileError, YamlSource
from runtime.secrets import KeyRing, generate_key
from schemas.tenant import SEALED, Tenant

RING = KeyRing.parse(generate_key("k1"))
ENVIRON = {"HOOK": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "SHORT": "whsec_YWJj", "WORD": "hunter2"}
GOOD = """\
tenant: acme
secrets: {webhook: [auto]}
agents:
  http:
    url: https://shop.example/relevo
    secret: {env: HOOK}
"""


def apply(text: str) -> Tenant:
    return TenantFile(YamlSource("acme.yaml", text), RING, ENVIRON).tenant(None, 1000).tenant


def mistakes(more: str, **changed: str) -> list[str]:
    text = GOOD
    for field, value in changed.items():
        text = "".join(f"    {field}: {value}\n" if f"{field}:" in line else line for line in text.splitlines(True))
    with pytest.raises(FileError) as error:
        apply(text + more)
    return error.value.mistakes


def test_good_settings_are_taken_with_their_secret_encrypted() -> None:
    more = """\
    timeout_s: 3
    retries: 2
    headers: {X-Key: {env: WORD}}
    events: [message, timer, session]
    on_failure: {say: {es: "Ya volvemos."}, handoff: {group: ventas}, every_s: 600}
"""
    settings = apply(GOOD + more).agents["http"]
    assert list(settings["secret"]) == list(settings["headers"]["X-Key"]) == [SEALED]
    assert settings["retries"] == 2


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ("    retires: 1\n", "acme.yaml:7: agents.http.retires: no such field; did you mean `retries`?"),
        ("    retries: 9\n", "acme.yaml:7: agents.http.retries: Expected `int` <= 5"),
        ("    timeout_s: 0\n", "acme.yaml:7: agents.http.timeout_s: Expected `float` > 0.0"),
        ("    on_failure: {}\n", "acme.yaml:7: agents.http.on_failure: needs `say`, `handoff`, or both"),
        ("    on_failure: {tell: x}\n", "acme.yaml:7: agents.http.on_failure.tell: no such field"),
        (
            "    on_failure: {say: {spanish: x}}\n",
            "acme.yaml:7: agents.http.on_failure.say.spanish: a text by language",
        ),
        ("    events: []\n", "acme.yaml:7: agents.http.events: name at least one kind"),
        ("    events: [mesage]\n", "acme.yaml:7: agents.http.events[0]: must be one of crm, handed_off, message,"),
        ("    extra: {a: [{env: WORD}]}\n", "acme.yaml:7: agents.http.extra.a[0]: what is in `extra` is told"),
        ('    headers: {"X Y": a}\n', "acme.yaml:7: agents.http.headers.X Y: not the name of a header"),
        ("    headers: {webhook-id: a}\n", "acme.yaml:7: agents.http.headers.webhook-id: this header is set by Relevo"),
        ('    headers: {X-Shop: "a\\nb"}\n', "acme.yaml:7: agents.http.headers.X-Shop: a header holds"),
        ("    headers: {X-Shop: 5}\n", "acme.yaml:7: agents.http.headers.X-Shop: Expected `str`, got `int`"),
    ],
)
def test_a_mistake_is_named_with_its_line_and_what_to_write(more: str, told: str) -> None:
    (mistake,) = mistakes(more)
    assert mistake.startswith(told)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("shop.example", "an address of the form https://host/path"),
        ("ftp://shop.example", "an address of the form https://host/path"),
        ("https://shop.example:99999/", "an address of the form https://host/path"),
        ("http://shop.example/", "needs https://; in a network of your own `plain: true` allows http://"),
        ("https://ana:hunter2@shop.example/", "must not carry a user name or password"),
    ],
)
def test_an_address_that_cannot_be_called_is_refused(url: str, told: str) -> None:
    (mistake,) = mistakes("", url=f'"{url}"')
    assert mistake.startswith(f"acme.yaml:5: agents.http.url: {told}")
    assert "hunter2" not in mistake


def test_in_a_network_of_its_own_a_tenant_may_do_without_tls() -> None:
    assert apply(GOOD.replace("https", "http") + "    plain: true\n")


@pytest.mark.parametrize(
    ("secret", "told"),
    [
        ("hunter2", "agents.http.secret: a secret is given as {env: NAME} or {file: PATH}, never as text"),
        ("{env: SHORT}", "agents.http.secret: a secret has 24 to 64 bytes"),
        ("{env: WORD}", "agents.http.secret: a secret begins with whsec_"),
        ("[]", "agents.http.secret: at least one"),
        ("[{env: HOOK}, {env: WORD}]", "agents.http.secret[1]: a secret begins with whsec_"),
        ("{env: NONE}", "agents.http.secret: the environment has no NONE"),
    ],
)
def test_a_secret_must_be_one_and_come_from_outside(secret: str, told: str) -> None:
    (mistake,) = mistakes("", secret=secret)
    assert mistake.startswith(f"acme.yaml:6: {told}")
    assert "hunter2" not in mistake


def test_a_file_without_settings_names_what_is_missing() -> None:
    with pytest.raises(FileError, match=r"agents\.http: Object missing required field `url`"):
        apply(GOOD[: GOOD.index("    url")].replace("http:", "http: {}"))
