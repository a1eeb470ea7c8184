"""A tenant file becomes a record, or every mistake is named with its line."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from egress.lines.gate.terms import Terms
from relevo.tenants.file import Applied, TenantFile
from relevo.tenants.store import TenantConflict, check_conflicts
from relevo.tenants.yaml_source import FileError, YamlSource
from runtime.secrets import KeyRing, generate_key, secret_digest
from schemas.tenant import Account, Line, Tenant, password_context

RING = KeyRing.parse(generate_key("k1"))
GOOD = """\
tenant: acme
name: Acme Retail
secrets: {webhook: [auto]}
accounts:
  isv: {service: isv, base: "https://c.example/isv", username: acme@acme, password: {env: ACME}, auth: raw}
  hsm: {service: hsm, base: "https://m.example/message", username: acme@acme, password: {env: ACME}}
lines:
  - {did: "56911111111", sends: isv, templates: hsm, quiet: {from: "21:00", to: "09:00"}}
templates:
  - {name: order_update, language: es, body: 2}
routing: {route: [{to: menu}]}
agents: {menu: {}}
"""


def apply(text: str, current: Tenant | None = None) -> Applied:
    return TenantFile(YamlSource("acme.yaml", text), RING, {"ACME": "hunter2"}, ("menu",)).tenant(current, 1000)


def mistakes(text: str) -> list[str]:
    with pytest.raises(FileError) as error:
        apply(text)
    return error.value.mistakes


def test_a_good_file_becomes_a_record_with_its_password_encrypted() -> None:
    tenant = apply(GOOD).tenant
    assert tenant.lines[0].did == "56911111111"
    assert tenant.accounts["isv"].auth == "raw"
    assert b"hunter2" not in msgspec.json.encode(tenant)
    assert RING.decrypt(tenant.accounts["hsm"].password, password_context("acme", "hsm")) == "hunter2"


def test_a_new_webhook_secret_is_shown_once_and_only_its_hash_is_kept() -> None:
    first = apply(GOOD)
    (secret,) = first.new_secrets
    assert len(secret) >= 43
    assert [s.sha256 for s in first.tenant.secrets] == [secret_digest(secret)]
    again = apply(GOOD, first.tenant)
    assert again.new_secrets == []
    assert again.tenant.secrets == first.tenant.secrets


def test_a_secret_of_ones_own_comes_from_outside_the_file() -> None:
    applied = apply(GOOD.replace("[auto]", "[{env: ACME}]"))
    assert [s.sha256 for s in applied.tenant.secrets] == [secret_digest("hunter2")]
    assert applied.new_secrets == []


@pytest.mark.parametrize(
    ("wrong", "right", "says"),
    [
        ("batchmax: 5, did:", "did:", "acme.yaml:8: lines[0].batchmax: no such field; did you mean 'batch_max'?"),
        ('did: "569"', 'did: "56911111111"', "acme.yaml:8: lines[0].did: a number is 7 to 15 digits"),
        (
            "sends: hsm",
            "sends: isv",
            "acme.yaml:8: lines[0].sends: account 'hsm' is of service hsm, needed is isv or bot",
        ),
        ("sends: isw", "sends: isv", "acme.yaml:8: lines[0].sends: no account 'isw'; there are isv, hsm"),
        ("{env: NONE}", "{env: ACME}", "acme.yaml:5: accounts.isv.password: the environment has no NONE"),
        ('"hunter2"', "{env: ACME}", "acme.yaml:5: accounts.isv.password: a secret is given as"),
        ("{to: menus}", "{to: menu}", "acme.yaml:11: routing.route[0]: no agent of type 'menus' runs here"),
        ("service: ivr", "service: isv", "acme.yaml:5: accounts.isv.service: Invalid enum value 'ivr'"),
        ("tenant: a|b", "tenant: acme", "acme.yaml:1: tenant: a key part must not be empty nor hold '|'"),
        ("rate: 0, did:", "did:", "acme.yaml:8: lines[0].rate: messages a second"),
    ],
)
def test_each_mistake_is_named_with_its_line(wrong: str, right: str, says: str) -> None:
    found = mistakes(GOOD.replace(right, wrong, 1))
    assert any(line.startswith(says) for line in found), found


HOURS = """\
hours:
  office:
    zone: America/Santiago
    week: {mon-fri: [09:00-13:00, "14:00-18:00"], sat: ["10:00-14:00"]}
    closed: [2026-12-25, 01-01]
"""
ROUTED = "routing: {route: [{when: {hours: office, language: [es]}, unless: {source_type: [ad]}, to: menu}]}"


def routed(text: str = ROUTED, hours: str = HOURS) -> str:
    return GOOD.replace("routing: {route: [{to: menu}]}", text) + hours


def test_hours_and_what_a_rule_excludes_are_taken_as_written() -> None:
    tenant = apply(routed()).tenant
    assert tenant.hours["office"].closed == ["2026-12-25", "01-01"]
    assert tenant.hours["office"].week["mon-fri"] == ["09:00-13:00", "14:00-18:00"]
    [rule] = tenant.routing.route
    assert (rule.when.hours, rule.unless.source_type) == ("office", ["ad"])


@pytest.mark.parametrize(
    ("right", "wrong", "says"),
    [
        (
            "hours: office,",
            "hours: ofice,",
            "acme.yaml:11: routing.route[0].when.hours: no hours 'ofice'; did you mean",
        ),
        ("source_type: [ad]", "pattern: '('", "acme.yaml:11: routing.route[0].unless.pattern: not a regular"),
        ("language: [es]", "langage: [es]", "acme.yaml:11: routing.route[0].when.langage: no such field; did you mean"),
        ("Santiago", "Santigo", "acme.yaml:15: hours.office.zone: no time zone 'America/Santigo'; did you mean"),
        ("09:00-13:00", "9-13", "acme.yaml:16: hours.office.week.mon-fri[0]: '9-13' is no span"),
        ("mon-fri", "lun-vie", "acme.yaml:16: hours.office.week.lun-vie: days are mon"),
        ("2026-12-25", "2026-13-25", "acme.yaml:17: hours.office.closed[0]: '2026-13-25' is no date"),
        ("zone: America/Santiago", "zon: UTC", "acme.yaml:15: hours.office.zon: no such field; did you mean 'zone'?"),
    ],
)
def test_mistakes_of_routing_and_hours_are_named_with_their_line(right: str, wrong: str, says: str) -> None:
    found = mistakes(routed().replace(right, wrong, 1))
    assert any(line.startswith(says) for line in found), found


def test_all_mistakes_are_named_at_once() -> None:
    assert len(mistakes(GOOD.replace("sends: isv", "sends: x").replace("{to: menu}", "{to: y}"))) == 2


@pytest.mark.parametrize("text", ["", "[]", "tenant: [", "tenant: acme"])
def test_what_is_no_tenant_file_is_refused(text: str) -> None:
    assert mistakes(text)


def test_a_file_that_cannot_be_read_is_an_error_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"missing\.yaml: cannot be read"):
        YamlSource.read(tmp_path / "missing.yaml")


def with_menu(folder: Path, menu: str) -> TenantFile:
    (folder / "menu.yaml").write_text(menu)
    source = YamlSource(str(folder / "acme.yaml"), GOOD.replace("{menu: {}}", "{menu: {file: menu.yaml}}"))
    return TenantFile(source, RING, {"ACME": "x"})


def test_an_agents_file_is_taken_into_the_record(tmp_path: Path) -> None:
    text = "start: a\nnodes: {a: {text: hola}}\n"
    assert with_menu(tmp_path, text).tenant(None, 1).tenant.agents["menu"] == {"menu": text}


def test_a_menu_with_a_mistake_is_refused_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"menu\.yaml: line 2: "):
        with_menu(tmp_path, "start: a\nnodes: {a: {texto: hola}}\n").tenant(None, 1)


def test_a_menu_is_checked_against_what_its_own_tenant_file_says(tmp_path: Path) -> None:
    menu = """\
start: a
nodes:
  a:
    branch: [{when: {hours: ofice}, to: b}]
    to: b
  b: {template: {name: ordr_update, language: es, body: [x, y]}, close: true}
"""
    with pytest.raises(FileError) as error:
        with_menu(tmp_path, menu).tenant(None, 1)
    assert error.value.mistakes == [
        "menu.yaml: line 4: `when` of a branch of node `a`: there are no hours `ofice`; there are none",
        "menu.yaml: line 6: `template` of node `b`: the tenant has no template `ordr_update`; "
        "did you mean `order_update`?",
    ]
    good = menu.replace("{hours: ofice}", "{new_contact: true}").replace("ordr", "order")
    assert with_menu(tmp_path, good).tenant(None, 1).tenant.agents["menu"] == {"menu": good}


def test_a_menu_in_the_tenant_file_itself_is_checked_too() -> None:
    inline = GOOD.replace("{menu: {}}", '{menu: {menu: "start: b\\nnodes: {a: {text: x}}"}}')
    assert mistakes(inline)[0].startswith("agents.menu.menu: line 1: the menu: there is no node `b`")
    assert mistakes(GOOD.replace("{menu: {}}", "{menu: {menu: [a]}}")) == [
        "acme.yaml:12: agents.menu.menu: a menu's text, or `file: PATH` instead"
    ]


SENDING = """\
zone: America/Santiago
quiet: {from: "22:00", to: "08:00", zone: recipient}
limits: {paid_per_day: 200000, zone: America/Lima, backlog: 2000000}
optout: {words: {es: [baja]}, otp: true}
"""


def test_what_is_said_about_sending_is_what_the_gate_acts_on() -> None:
    tenant = apply(GOOD + SENDING).tenant
    terms = Terms(tenant, tenant.lines[0])
    assert (terms.fault, terms.cap, terms.otp_too, terms.hours) == ("", 200_000, True, (21 * 60, 9 * 60))


@pytest.mark.parametrize(
    ("old", "new", "wrong"),
    [
        ('from: "21:00"', 'from: "9pm"', "acme.yaml:8: lines[0].quiet: a time of the day is written HH:MM, not '9pm'"),
        ('to: "09:00"', 'to: "21:00"', "acme.yaml:8: lines[0].quiet: begins and ends at the same time"),
        ('to: "09:00"', 'to: "09:00", zone: Chile', "acme.yaml:8: lines[0].quiet.zone: no time zone 'Chile'"),
        ("zone: America/Santiago", "zone: Santiago", "acme.yaml:13: zone: no time zone 'Santiago'"),
        ("paid_per_day: 200000", "paid_per_day: 0", "limits.paid_per_day: paid_per_day is a whole number"),
        ("paid_per_day: 200000", "paid_per_day: lots", "limits.paid_per_day: paid_per_day is a whole number"),
        ("zone: America/Lima", "zone: Peru", "limits.zone: no time zone 'Peru'"),
        ("backlog:", "backlogs:", "limits.backlogs: no such limit; known are paid_per_day, zone, backlog"),
        ("otp: true", "otp: always", "optout.otp: true where"),
        ("otp: true", "line: all", "optout.line: no such field; did you mean 'lines'?"),
        ("es: [baja]", "es: [baja, 5]", "optout.words.es[1]: a word, a list of words"),
        ("otp: true", "confirm: {es: {out: '{quien}'}}", "optout.confirm.es.out: {quien} is not known"),
        ("name: order_update", "name: Order-Update", "templates[0].name: as WhatsApp has it"),
        ("language: es, body: 2", "language: español, body: 2", "templates[0].language: a language is a code"),
        ("body: 2", "body: -1", "templates[0].body: how many"),
        ("body: 2", "body: 2, body_chars: 1025", "templates[0].body_chars: 0 to 1024"),
        ("body: 2", "body: 2, status: fine", "templates[0].status: Invalid enum value 'fine'"),
        ("body: 2", "body: 2, header: sound", "templates[0].header: Invalid enum value 'sound'"),
        ("body: 2", "body: 2, buttons: [{index: 10}]", "templates[0].buttons[0].index: the button's place, 0 to 9"),
        ("body: 2", "body: 2, buttons: [{index: 1}, {index: 1}]", "templates[0].buttons[1].index: button 1 stands"),
        (
            "  - {name: order_update, language: es, body: 2}",
            "  - {name: a, language: es}\n  - {name: a, language: es}",
            "templates[0].name: a stands there twice in es",
        ),
    ],
)
def test_what_is_wrong_about_sending_is_named_with_its_line(old: str, new: str, wrong: str) -> None:
    text = GOOD + SENDING
    assert old in text
    assert wrong in mistakes(text.replace(old, new))[0]


def test_a_number_belongs_to_one_tenant() -> None:
    mine, theirs = (Tenant(tenant=name, lines=[Line(did="56911111111")]) for name in ("a", "b"))
    check_conflicts(mine, {"a": mine})
    with pytest.raises(TenantConflict, match="belongs to tenant b"):
        check_conflicts(mine, {"b": theirs})


def test_an_account_has_one_address() -> None:
    def tenant(name: str, base: str) -> Tenant:
        account = Account(service="isv", base=base, username="u", password="")
        return Tenant(tenant=name, accounts={"isv": account})

    check_conflicts(tenant("a", "https://x"), {"b": tenant("b", "https://x")})
    with pytest.raises(TenantConflict, match=r"account isv\|u is at https://y for tenant b"):
        check_conflicts(tenant("a", "https://x"), {"b": tenant("b", "https://y")})


def test_languages_are_codes_and_a_lines_is_one_of_them() -> None:
    assert apply(GOOD + "languages: [es, pt_BR]\n").tenant.spoken == ["es", "pt_BR"]
    assert apply(GOOD).tenant.spoken == ["es"]
    (wrong,) = mistakes(GOOD + "languages: [es, Spanish]\n")
    assert "a code like es, pt or pt_BR, not 'Spanish'" in wrong
    (twice,) = mistakes(GOOD + "languages: [es, es]\n")
    assert "twice" in twice
    (foreign,) = mistakes(GOOD.replace("sends: isv,", "sends: isv, language: pt,"))
    assert "must be one of `languages`: es" in foreign


PRICED = 'prices: {currency: CLP, marketing: {"56": 80.5, default: 90}}\nlimits: {backlog: 500}\n'


def test_prices_and_what_may_wait_are_taken_as_written() -> None:
    tenant = apply(GOOD + PRICED).tenant
    assert (tenant.prices.currency, tenant.prices.marketing) == ("CLP", {"56": 80.5, "default": 90})
    assert tenant.limits == {"backlog": 500}


@pytest.mark.parametrize(
    ("right", "wrong", "says"),
    [
        ('"56": 80.5', '"+56": 80.5', "prices.marketing.+56: the beginning of a number is digits"),
        ("default: 90", "default: -1", "prices.marketing.default: a price is not negative"),
        ("currency", "curency", "prices.curency: no such field; did you mean 'currency'?"),
        ("backlog: 500", "backlog: 0", "limits.backlog: so many messages may wait on a line"),
        ("backlog: 500", "backlog: lots", "limits.backlog: so many messages may wait on a line"),
    ],
)
def test_mistakes_of_prices_and_limits_are_named(right: str, wrong: str, says: str) -> None:
    found = mistakes(GOOD + PRICED.replace(right, wrong))
    assert any(says in line for line in found), found


def test_messages_in_a_row_are_a_setting_of_any_agent_and_a_mistake_in_it_is_named_with_its_line() -> None:
    right = GOOD.replace("agents: {menu: {}}", "agents: {menu: {debounce: {quiet_s: 3, max_s: 15}}}")
    assert apply(right).tenant.agents["menu"] == {"debounce": {"quiet_s": 3, "max_s": 15}}
    found = mistakes(right.replace("max_s: 15", "max_s: 1"))
    assert found == [
        "acme.yaml:12: agents.menu.debounce.max_s: seconds since the first message, at least quiet_s and at most 300"
    ]
