"""What a tenant's file says of its service (`agents: {http: …}`), and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from msgspec import Meta

from processors.agents.checks import Problem, own
from processors.agents.outgoing import address_problem, header_problems, secret_problems
from processors.agents.reading import read, settled
from processors.agents.wording import Wording, strange
from runtime.secrets import Secret
from schemas.inbound import EventKind
from schemas.record import Frozen

Text = Annotated[str, Meta(max_length=1024)]
_OURS = frozenset(("content-type", "accept"))


class Part(Frozen, forbid_unknown_fields=True):
    """The base of the parts."""


class GiveTo(Part):
    """To which humans."""

    group: str = ""
    id_campaign: str = ""
    note: Text = ""


class OnFailure(Part):
    """What is done instead, once in `every_s` of a conversation: `say` a text, and give it to a human (`handoff`)."""

    say: Wording = ""
    handoff: GiveTo | None = None
    every_s: Annotated[float, Meta(ge=60, le=604_800)] = 3600


class HttpSettings(Part):
    """`timeout_s` is for one attempt, of which there are `retries` more; `events` are the kinds that are told; with
    `history` what was said lately goes along."""

    url: Annotated[str, Meta(min_length=1, max_length=2048)]
    secret: str | list[str]
    plain: bool = False
    timeout_s: Annotated[float, Meta(gt=0, le=60)] = 5
    retries: Annotated[int, Meta(ge=0, le=5)] = 1
    on_failure: OnFailure | None = None
    headers: dict[str, str] = {}
    events: tuple[EventKind, ...] = ("message", "timer")
    history: bool = False
    extra: dict[str, Any] = {}

    @property
    def secrets(self) -> tuple[str, ...]:
        """All that sign."""
        given = [self.secret] if isinstance(self.secret, str) else self.secret
        return tuple(str(one) for one in given)


def settings_of(config: Mapping[str, Any]) -> HttpSettings:
    """The settings of an event's tenant, of which a newer version may know more. Raises AgentFailed."""
    return settled("http", config, HttpSettings)


def problems(settings: Mapping[str, Any]) -> Iterator[Problem]:
    """What is wrong with a tenant's settings."""
    read_, problem = read(own(settings), HttpSettings)
    if read_ is None:
        yield problem or Problem((), "cannot be read")
        return
    if what := address_problem(read_.url, plain=read_.plain):
        yield Problem(("url",), what)
    if read_.secret == []:
        yield Problem(("secret",), "at least one, as {env: NAME}")
    yield from secret_problems(read_.secret)
    yield from header_problems(read_.headers, _OURS)
    if not read_.events:
        yield Problem(("events",), "name at least one kind of event, such as message")
    if (_at := _secret_in(read_.extra)) is not None:
        yield Problem(("extra", *_at), "what is in `extra` is told to the service; a secret has no place there")
    if read_.on_failure:
        yield from _failure(read_.on_failure)


def _failure(on_failure: OnFailure) -> Iterator[Problem]:
    if not (on_failure.say or on_failure.handoff):
        yield Problem(("on_failure",), "needs `say`, `handoff`, or both")
    for name in strange(on_failure.say):
        yield Problem(("on_failure", "say", name), "a text by language: a code like es, pt or pt_BR")


def _secret_in(value: Any) -> tuple[str | int, ...] | None:
    """Where a secret stands, if one does."""
    if isinstance(value, Secret):
        return ()
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        place = _secret_in(inner)
        if place is not None:
            return (key, *place)
    return None
