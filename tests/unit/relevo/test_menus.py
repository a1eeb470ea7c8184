"""`relevo menu`: checks, plays and draws menus; the examples are good and play as they are written down."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from processors.agents.builtin.menu import TenantFacts, check, load
from processors.agents.builtin.menu.load import default_text
from processors.agents.builtin.menu.model import Node
from relevo.cli.program import app
from relevo.menus import schema
from relevo.menus.draw import mermaid
from relevo.menus.playing import HELP, Playing
from relevo.menus.script import ScriptError, play
from relevo.tenants.dry import facts_of
from relevo.tenants.yaml_source import FileError, YamlSource

ROOT = Path(__file__).parents[3]
EXAMPLES = sorted((ROOT / "docs" / "examples" / "menus").glob("*.yaml"))
DEMO = ROOT / "relevo" / "demo" / "menu.yaml"
SMALL = """\
start: a
zone: America/Lima
nodes:
  a: {text: "Hola {name}", options: [{title: Uno, to: b}, {title: Dos, to: c}]}
  b: {text: B, to: a}
  c: {text: Te paso., handoff: {group: x, note: "{time}"}}
"""
TENANT = """\
tenant: acme
hours: {oficina: {zone: America/Santiago, week: {mon-fri: ["09:00-18:00"]}}}
templates: [{name: aviso, language: es}]
accounts: {isv: {password: none of this is read}}
"""


def run(*words: object) -> Any:
    return CliRunner().invoke(app, ["menu", *map(str, words)])


@pytest.fixture
def small(tmp_path: Path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(SMALL, encoding="utf-8")
    return path


def test_there_is_an_example_for_a_bank_a_shop_and_a_clinic() -> None:
    assert [path.stem for path in EXAMPLES] == ["banco", "clinica", "tienda"]


@pytest.mark.parametrize("path", [*EXAMPLES, DEMO], ids=lambda path: path.stem)
def test_an_example_has_nothing_wrong_and_fits_the_schema_of_editors(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert [str(one) for one in check(text).problems] == []
    if path in EXAMPLES:
        first = text.splitlines()[0]
        target = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", first)
        assert target is not None
        assert target[1].endswith("/menu.schema.json")
        assert (path.parent / target[1]).is_file()
    assert list(misfits(yaml.safe_load(text), schema.schema())) == []


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_plays_as_it_is_written_down(path: Path) -> None:
    script = path.with_suffix(".play")
    played = play(script.read_text(encoding="utf-8"), Playing(path.read_text(encoding="utf-8")), script.name)
    assert played.difference == []
    assert played.same
    came = played.text
    shown = ("(hands off to", "(opts out", "(tells the CRM", "(closes the chat)", "> /wait", "> /send", "> /at")
    assert [one for one in shown if one not in came] == []


def test_the_examples_use_the_language_widely() -> None:
    written = "\n".join(path.read_text(encoding="utf-8") for path in EXAMPLES)
    unused = {name for name in Node.__struct_encode_fields__ if f"{name}:" not in written}
    assert unused <= {"name", "show", "fallback"}


def misfits(value: Any, made: dict[str, Any], path: str = "") -> list[str]:
    """What of a value does not fit a schema: as much of JSON Schema as ours uses."""
    defs = made.get("$defs", {})

    def walk(value: Any, part: dict[str, Any], at: str) -> list[str]:
        if "$ref" in part:
            return walk(value, defs[part["$ref"].rpartition("/")[2]], at)
        if "anyOf" in part:
            found = [walk(value, one, at) for one in part["anyOf"]]
            return [] if any(not one for one in found) else [f"{at}: fits nothing"]
        names = {str: "string", bool: "boolean", int: "integer", float: "number", dict: "object", list: "array"}
        kind = names.get(type(value), "null")
        kinds = part.get("type", kind)
        allowed = {kinds} if isinstance(kinds, str) else set(kinds)
        if kind not in allowed and not (kind == "integer" and "number" in allowed):
            return [f"{at}: {kind} and not {kinds}"]
        if "enum" in part and value not in part["enum"]:
            return [f"{at}: {value!r} is none of {part['enum']}"]
        if isinstance(value, str) and len(value) > part.get("maxLength", len(value)):
            return [f"{at}: too long"]
        if isinstance(value, list):
            return [line for index, one in enumerate(value) for line in walk(one, part["items"], f"{at}[{index}]")]
        if not isinstance(value, dict):
            return []
        lines = [f"{at}: {name} is missing" for name in part.get("required", []) if name not in value]
        for name, inner in value.items():
            known = part.get("properties", {}).get(name, part.get("additionalProperties", True))
            if known is False:
                lines.append(f"{at}.{name}: unknown")
            elif isinstance(known, dict):
                lines += walk(inner, known, f"{at}.{name}")
        return lines

    return walk(value, made, path)


def test_the_schema_refuses_what_the_reader_refuses() -> None:
    for wrong in (
        {"start": "a"},
        {"start": "a", "nodes": {"a": {"texto": "x"}}},
        {"start": "a", "nodes": {"a": {"text": ["x"]}}},
        {"start": "a", "nodes": {"a": {"text": "x" * 4097}}},
        {"start": "a", "nodes": {"a": {"text": "x", "ask": {"save": "x", "type": "datum"}}}},
        {"start": "a", "nodes": {"a": {"text": "x", "name": "b"}}},
    ):
        assert misfits(wrong, schema.schema()), wrong
        assert not check(json.dumps(wrong)).usable, wrong


def test_the_fields_page_has_every_field_and_says_what_it_is() -> None:
    page = schema.fields_page()
    for part in schema.PARTS:
        for name in set(part.__struct_encode_fields__) - {"name", "kinds"}:
            assert re.search(rf"^\| `{name}` \| [^|]+ \| [^|]* \| [^|]+ \|$", page, re.MULTILINE), (part, name)


def test_check_names_file_line_and_column_and_exits_with_1(tmp_path: Path, small: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text(SMALL.replace("to: b}", "to: bb}"), encoding="utf-8")
    done = run("check", small, bad, tmp_path / "none.yaml")
    assert done.exit_code == 1
    assert f"{bad}:4:51: error: an option of node `a`: there is no node `bb`" in done.output
    assert f"{bad}:5:3: warning: node `b`: nobody comes here" in done.output
    assert "none.yaml:1:1: error: cannot be read: No such file or directory" in done.output
    assert "3 files: 2 errors, 1 warning" in done.stderr


def test_check_is_content_with_warnings_unless_it_is_strict(small: Path) -> None:
    small.write_text(SMALL.replace("to: b}", "to: a}"), encoding="utf-8")
    assert run("check", small).exit_code == 0
    assert run("check", "--strict", small).exit_code == 1


def test_check_prints_json_for_programs(small: Path) -> None:
    small.write_text(SMALL.replace("to: b}", "to: bb}"), encoding="utf-8")
    ((first, *_),) = [one["problems"] for one in json.loads(run("check", "--json", small).stdout)]
    assert first == {
        "line": 4,
        "column": 51,
        "severity": "error",
        "what": "an option of node `a`: there is no node `bb`",
        "fix": "did you mean `b`?",
    }


def test_check_knows_the_tenants_hours_and_templates(tmp_path: Path, small: Path) -> None:
    tenant = tmp_path / "acme.yaml"
    tenant.write_text(TENANT, encoding="utf-8")
    small.write_text(
        SMALL.replace("{text: B,", "{text: B, template: {name: avisso}, branch: [{when: {hours: ofi}, to: a}],"),
        encoding="utf-8",
    )
    done = run("check", "--tenant", tenant, small)
    assert "there are no hours `ofi`; did you mean `oficina`?" in done.output
    assert "the tenant has no template `avisso`; did you mean `aviso`?" in done.output
    assert "the hours `ofi` must be the tenant's; check with --tenant FILE" in run("check", small).output


def test_a_tenant_file_that_is_wrong_is_named() -> None:
    assert facts_of(YamlSource("acme.yaml", TENANT)).hours["oficina"].zone == "America/Santiago"
    with pytest.raises(FileError, match=r"acme.yaml:2: hours.oficina.weak"):
        facts_of(YamlSource("acme.yaml", TENANT.replace("week:", "weak:")))


def test_play_is_a_chat_by_lines(small: Path) -> None:
    typed = "hola\n/press Dos\n¿hay alguien?\n/resume\n/vars\n/boo\n/press x\n/wait x\n/send x\n/at x\n/quit\nno\n"
    done = CliRunner().invoke(
        app, ["menu", "play", str(small), "--at", "2026-11-26T10:30", "--name", "Luz"], input=typed
    )
    assert done.exit_code == 0
    assert done.stdout.splitlines() == [
        "Hola Luz",
        "[Uno] [Dos]",
        "Te paso.",
        "(hands off to x: 10:30)",
        "(a human owns the conversation; /resume gives it back)",
        "Thu 2026-11-26 10:30, at no node",
        *HELP.splitlines(),
        "nothing to press is called 'x'; the latest actions offer nothing",
        "/wait a time such as 30s, 10m, 2h or 1d",
        "/send one of image, document, audio, video, sticker, location",
        "/at a time such as 2026-12-25T11:00",
    ]


def test_a_menu_that_cannot_be_used_is_not_played(small: Path) -> None:
    small.write_text("start: a\nnodes: {a: {texto: x}}\n", encoding="utf-8")
    for word in ("play", "draw"):
        done = run(word, small)
        assert done.exit_code == 1
        assert f"{small}: line 2: node `a` has no `texto`; did you mean `text`?" in done.stderr


def test_all_reminders_of_a_long_wait_come() -> None:
    text = "idle: {remind_s: 60, remind: ¿Sigues, close_s: 120, goodbye: Adiós}\n" + SMALL
    playing = Playing(text)
    list(playing.types("hola"))
    assert list(playing.types("/wait 1h")) == ["¿Sigues", "Adiós", "(closes the chat)"]


def test_a_script_is_compared_with_what_comes_and_written_anew(tmp_path: Path, small: Path) -> None:
    script = tmp_path / "small.play"
    script.write_text("# One\n> hola\n\n> uno\n", encoding="utf-8")
    assert run("play", small, "--script", script).exit_code == 0
    assert run("play", small, "--script", script, "--write").exit_code == 0
    written = script.read_text(encoding="utf-8")
    assert written == "# One\n> hola\n< Hola Ana\n< [Uno] [Dos]\n\n> uno\n< B\n< Hola Ana\n< [Uno] [Dos]\n"
    small.write_text(SMALL.replace("text: B", "text: C"), encoding="utf-8")
    done = run("play", small, "--script", script)
    assert done.exit_code == 1
    assert "-< B\n+< C\n" in done.stdout
    script.write_text("hola\n", encoding="utf-8")
    assert "line 1: begin a line with >" in run("play", small, "--script", script).stderr


def test_a_line_that_is_none_of_a_script_is_named() -> None:
    with pytest.raises(ScriptError, match="line 2"):
        play("> hola\n?\n", Playing(SMALL))


def test_the_persons_language_is_guessed_as_conversations_do() -> None:
    text = "languages: [es, pt]\n" + SMALL.replace('"Hola {name}"', "{es: Hola, pt: Olá}")
    playing = Playing(text)
    assert next(playing.types("não quero nada, obrigado")) == "Olá"
    list(playing.types("/close"))
    list(playing.types("/language es"))
    assert next(playing.types("hey")) == "Hola"


def test_a_tenants_hours_are_played_with() -> None:
    text = SMALL.replace("{text: B,", "{branch: [{when: {hours: oficina}, to: c}],")
    playing = Playing(text, facts_of(YamlSource("acme.yaml", TENANT)))
    for typed, first in (("/at 2026-11-26T12:00", "Te paso."), ("/at 2026-11-26T22:00", "Hola Ana")):
        list(playing.types("/resume"))
        list(playing.types(typed))
        list(playing.types("hola"))
        assert next(playing.types("uno")) == first


@pytest.mark.parametrize("text", [SMALL, default_text(), *(path.read_text(encoding="utf-8") for path in EXAMPLES)])
def test_a_drawing_has_every_node_and_every_way(text: str) -> None:
    chart = mermaid(load(text))
    menu = load(text)
    for index, (name, node) in enumerate(menu.nodes.items()):
        assert re.search(rf'^  n{index}\W+"{name}(<br>|")', chart, re.MULTILINE)
        ways = len(re.findall(rf"^  n{index} --", chart, re.MULTILINE))
        assert ways >= len(node.options) + len(node.branch)
    assert all(line.count('"') in (0, 2) and "`" not in line for line in chart.splitlines())


def test_draw_and_schema_print_what_other_programs_read(small: Path) -> None:
    assert run("draw", small).stdout == mermaid(load(SMALL))
    assert json.loads(run("schema").stdout) == schema.schema()


def test_facts_of_nobody_are_not_checked() -> None:
    assert check(SMALL, TenantFacts()).problems == check(SMALL).problems
