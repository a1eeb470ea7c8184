"""Formatting: what makes an empty folder a node's data folder, as Kafka's own tool does it, without its Java.

The tool writes two files: names, and the levels of the features that a new cluster begins with. The levels depend
on the version alone, so what the tool wrote the first time is kept beside the jars, and then only names are made.
Leaves to the broker: the tool itself, the first time.
"""

import shutil
import tempfile
import uuid
from base64 import urlsafe_b64encode
from pathlib import Path

LEVELS = "bootstrap.checkpoint"
NAMES = "meta.properties"


def new_id() -> str:
    """A name that nothing else has, as Kafka wants it."""
    # A first bit of 0 keeps the text from beginning with "-", which the tool would take for an option.
    number = uuid.uuid4().int >> 1
    return urlsafe_b64encode(number.to_bytes(16)).decode().rstrip("=")


def kept_levels(jars: Path) -> Path:
    """Where the levels of this version are kept."""
    return jars.with_name(f"{jars.name}.{LEVELS}")


def from_kept(data: Path, jars: Path, cluster_id: str, node: int) -> bool:
    """Formats the folder by what is kept; False where nothing is."""
    kept = kept_levels(jars)
    if not kept.exists():
        return False
    data.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(kept, data / LEVELS)
    names = {"version": 1, "cluster.id": cluster_id, "node.id": node, "directory.id": new_id()}
    (data / NAMES).write_text("".join(f"{name}={value}\n" for name, value in names.items()))
    return True


def keep(data: Path, jars: Path) -> None:
    """Keeps the levels that the tool wrote, whole or not at all. A cache that cannot be written to costs time alone."""
    try:
        with tempfile.TemporaryDirectory(dir=jars.parent, prefix="levels-") as scratch:
            copy = shutil.copyfile(data / LEVELS, Path(scratch) / LEVELS)
            copy.rename(kept_levels(jars))
    except OSError:
        return
