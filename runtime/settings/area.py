"""An area of settings: how variables are named, read, checked and complained about.

Promises: every wrong variable of an area is named in one error, with what is wrong and never with its
value; a variable `RELEVO_…` that no area knows is an error too, since a misspelt limit would silently not
hold. Leaves to the areas: which fields there are, their bounds, and what must fit together.
"""

import difflib
import os
import re
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, TypeVar, get_args

from pydantic import BeforeValidator, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

PREFIX = "RELEVO_"
TEST_PREFIX = "RELEVO_TEST_"  # belongs to the tests and their fault points, which check it themselves
SECRET_FILE_LIMIT = 64 * 1024

# Kubernetes sets such variables for every service whose name begins with "relevo-"; they are nobody's typo.
_SERVICE_LINK = re.compile(r"_SERVICE_(HOST|PORT(_\w+)?)$|_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$")
_SERVICE_LINK_VALUE = re.compile(r"^(tcp|udp|sctp)://")

AreaT = TypeVar("AreaT", bound="Area")


class SettingsError(Exception):
    """Wrong settings. `lines` has one entry a wrong variable: its name and what is wrong with it."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("wrong settings:\n" + "\n".join(f"  {line}" for line in lines))
        self.lines = lines


def _split(value: object) -> object:
    """Items of a text list; commas and blanks separate."""
    return [item for item in re.split(r"[,\s]+", value) if item] if isinstance(value, str) else value


def _networks(value: object) -> object:
    items = _split(value)
    if not isinstance(items, list | tuple):
        return items
    return tuple(_network(item) for item in items)


def _network(item: object) -> IPv4Network | IPv6Network:
    try:
        return ip_network(str(item))
    except ValueError:
        raise ValueError("needs networks such as 10.0.0.0/8, separated by commas") from None


Network = IPv4Network | IPv6Network
Networks = Annotated[tuple[Network, ...], NoDecode, BeforeValidator(_networks)]
Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]


class Area(BaseSettings):
    """Base of all areas: immutable, empty variables count as unset, unknown arguments are refused."""

    model_config = SettingsConfigDict(
        frozen=True, env_ignore_empty=True, hide_input_in_errors=True, extra="forbid", validate_default=True
    )

    @classmethod
    def prefix(cls) -> str:
        return str(cls.model_config.get("env_prefix", PREFIX))

    @classmethod
    def variable(cls, field: str) -> str:
        """Name of the environment variable of a field."""
        return f"{cls.prefix()}{field}".upper()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, _SecretFiles(settings_cls)


class _SecretFiles(PydanticBaseSettingsSource):
    """Secrets from files named by `<variable>_FILE`. Files that cannot be read are reported by `load`."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        area = self.settings_cls
        assert issubclass(area, Area)
        path = os.environ.get(file_variable(area, field_name)) if is_secret(field) else None
        return (_read_secret(Path(path))[0] if path else None), field_name, False

    def __call__(self) -> dict[str, Any]:
        fields = self.settings_cls.model_fields.items()
        found = {name: self.get_field_value(field, name)[0] for name, field in fields}
        return {name: value for name, value in found.items() if value is not None}


def is_secret(field: FieldInfo) -> bool:
    """Whether a field holds a secret (its type is `SecretStr`, perhaps optional)."""
    kinds = get_args(field.annotation) if isinstance(field.annotation, UnionType) else (field.annotation,)
    return SecretStr in kinds


def file_variable(area: type[Area], field: str) -> str:
    return f"{area.variable(field)}_FILE"


def _read_secret(path: Path) -> tuple[str | None, str]:
    """Text of a secret's file without the last line end, or None and what is wrong."""
    try:
        with path.open("rb") as file:
            text = file.read(SECRET_FILE_LIMIT + 1).decode().rstrip("\r\n")
    except OSError as error:
        return None, f"cannot read the file ({error.strerror})"
    except UnicodeDecodeError:
        return None, "the file is not UTF-8 text"
    if len(text) > SECRET_FILE_LIMIT:
        return None, f"the file has more than {SECRET_FILE_LIMIT} bytes"
    return (text, "") if text else (None, "the file is empty")


def load(area: type[AreaT]) -> AreaT:
    """The checked settings of an area, from the environment. Raises `SettingsError`."""
    lines = unknown_variables(os.environ) + _file_problems(area, os.environ)
    try:
        settings = area()
    except ValidationError as error:
        raise SettingsError(lines + [_line(area, detail) for detail in error.errors()]) from None
    if lines:
        raise SettingsError(lines)
    return settings


def _line(area: type[Area], detail: Any) -> str:
    location = detail["loc"]
    name = area.variable(str(location[0])) if location else f"{area.prefix()}*"
    return f"{name}: {str(detail['msg']).removeprefix('Value error, ')}"


def _file_problems(area: type[Area], environ: Mapping[str, str]) -> list[str]:
    lines = []
    for name, field in area.model_fields.items():
        variable = file_variable(area, name)
        path = environ.get(variable) if is_secret(field) else None
        if path and environ.get(area.variable(name)):
            lines.append(f"{variable}: give the secret either here or in {area.variable(name)}, not in both")
        elif path and (problem := _read_secret(Path(path))[1]):
            lines.append(f"{variable}: {problem}")
    return lines


def known_variables() -> set[str]:
    """Names of all variables that any area reads."""
    names = set()
    for area in Area.__subclasses__():
        for name, field in area.model_fields.items():
            names |= {area.variable(name), file_variable(area, name)} if is_secret(field) else {area.variable(name)}
    return names


def unknown_variables(environ: Mapping[str, str]) -> list[str]:
    """One line for each variable `RELEVO_…` that no area knows, with the closest known name."""
    known = known_variables()
    lines = []
    for name, value in sorted(environ.items()):
        if not name.startswith(PREFIX) or name in known or _is_others(name, value):
            continue
        close = difflib.get_close_matches(name, known, n=1, cutoff=0.75)
        lines.append(f"{name}: no such setting" + (f"; did you mean {close[0]}?" if close else ""))
    return lines


def _is_others(name: str, value: str) -> bool:
    if name.startswith(TEST_PREFIX):
        return True
    return bool(_SERVICE_LINK.search(name) or (name.endswith("_PORT") and _SERVICE_LINK_VALUE.match(value)))


def describe(settings: Area) -> dict[str, object]:
    """Variables and values for the log at start; secrets are only said to be set or not."""
    shown: dict[str, object] = {}
    for name, field in type(settings).model_fields.items():
        value = getattr(settings, name)
        hidden = is_secret(field) and value is not None
        shown[type(settings).variable(name)] = "(set, hidden)" if hidden else _shown(value)
    return shown


def _shown(value: object) -> object:
    if value is None:
        return ""
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return value if isinstance(value, int | float | str) else str(value)
