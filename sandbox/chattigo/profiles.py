"""Profiles: whole sets of knobs under a name, packaged as YAML, or files of your own.

Promises: a profile starts from the defaults, so that nothing of the one before stays; what the configuration's own
`knobs` say holds in every profile.
"""

from pathlib import Path
from typing import Any

import msgspec

from sandbox.chattigo.knobs import Knobs, merged, own, replace

FOLDER = Path(__file__).parent / "knobs"


def names() -> list[str]:
    """The packaged ones."""
    return sorted(file.stem for file in FOLDER.glob("*.yaml"))


def load(name: str | Path) -> dict[str, Any]:
    """The knobs of a packaged profile or of a file, nested. Raises ValueError, OSError or msgspec.ValidationError."""
    file = FOLDER / f"{name}.yaml"
    if str(name) not in names():
        file = Path(name)
        if not file.is_file():
            raise ValueError(f"no profile {name}: neither one of {', '.join(names())} nor a file")
    knobs: dict[str, Any] = msgspec.yaml.decode(file.read_bytes(), type=dict[str, Any] | None) or {}
    replace(Knobs(), knobs)
    return knobs


def apply(knobs: Knobs, profile: dict[str, Any], always: dict[str, Any]) -> None:
    """Set the knobs to a profile; `always` stands above it. Raises msgspec.ValidationError and changes nothing."""
    replace(knobs, merged(profile, always))


def changes(knobs: Knobs) -> dict[str, Any]:
    """What a person sees of the knobs that are on: what is not as by default."""
    return own(knobs)
