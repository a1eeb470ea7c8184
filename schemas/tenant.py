"""The record of `tenants`: everything that is configured for one client company, secrets encrypted.

The tenant file that people write (`relevo tenants apply`) becomes this record. Passwords are encrypted with the
key ring under `password_context`; webhook secrets are kept as SHA-256 alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, Literal

from schemas import keys
from schemas.record import Frozen, Record

Service = Literal["isv", "hsm", "bot"]


def password_context(tenant: str, account: str) -> str:
    """What an account's encrypted password is bound to, so that it cannot be moved to another account."""
    return f"tenants/{tenant}/{account}/password"


SEALED = "sealed"
"""Where an agent's settings had a secret, the record has a mapping with this name alone: the encrypted text."""


def agent_secret_context(tenant: str, agent: str, path: Sequence[str | int]) -> str:
    """What a secret among an agent's settings is bound to: its place there (as a JSON pointer)."""
    place = "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in path)
    return f"tenants/{tenant}/agents/{agent}{place}"


class Part(Frozen):
    """The base of the parts of a tenant."""


class WebhookSecret(Part):
    """SHA-256 (hex) of a secret; it stands for `lines` (empty: all of the tenant's) until `until_ms` (0: ever)."""

    sha256: str
    lines: list[str] = []
    since_ms: int = 0
    until_ms: int = 0


class Account(Part):
    """A login at one of Chattigo's services and how that service wants to be spoken to.

    `auth` is how the token is sent; `hsm_form`, `hsm_id` and `destination_ids` shape a batch; `retry_500` is
    what a 500 means here.
    """

    service: Service
    base: str
    username: str
    password: str
    auth: Literal["raw", "bearer"] = "bearer"
    version: str = "v15.0"
    hsm_form: Literal["nested", "root"] = "nested"
    hsm_id: Literal["int31", "int53", "text"] = "int53"
    destination_ids: bool = False
    retry_500: Literal["backoff", "in_doubt", "refuse"] = "backoff"

    @property
    def key(self) -> str:
        """The account's key on `tokens`: `<service>|<username>`."""
        return keys.account(self.service, self.username)


class Quiet(Part, rename={"start": "from", "end": "to"}):
    """Hours, `HH:MM`, in which bulk is not sent, also over midnight; `zone` is `recipient` or an IANA name.

    A recipient's zones are those of the number; where it has several (a whole country), it must be no quiet hour in
    any of them.
    """

    start: str
    end: str
    zone: str = "recipient"


class Line(Part):
    """One business number. `sends` and `templates` name the accounts for session messages and templates.

    `rate` is messages a second that the number may send; `batch_max` recipients a call. `language` is what people
    write in here as long as they have not shown otherwise; empty: the tenant's first. No `quiet`: the tenant's holds.
    """

    did: str
    wa_id: str = ""
    sends: str = ""
    templates: str = ""
    rate: float = 80
    batch_max: int = 1000
    quiet: Quiet | None = None
    language: str = ""


class ButtonSpec(Part):
    """A button of a template; without `parameter` it is the same for everybody."""

    index: int
    type: Literal["url", "quick_reply", "copy_code", "flow"] = "url"
    parameter: bool = True


TemplateStatus = Literal["approved", "pending", "rejected", "paused", "disabled", "in_appeal"]


class TemplateSpec(Part):
    """A template as approved: how many body parameters it takes, which buttons have one, and its header.

    `header` is what the header takes: nothing (`none`, also for a fixed text), one text, one medium, or a place
    (latitude, longitude, name, address). `body_chars` are the body's characters without its parameters (0: not known).
    `status` is WhatsApp's, `enabled` Chattigo's.
    """

    name: str
    language: str
    category: Literal["utility", "marketing", "otp"] = "utility"
    body: int = 0
    buttons: list[ButtonSpec] = []
    header: Literal["none", "text", "image", "video", "document", "location"] = "none"
    namespace: str = ""
    bot_attention: bool = True
    enabled: bool = True
    status: TemplateStatus = "approved"
    body_chars: int = 0

    @property
    def taking(self) -> list[ButtonSpec]:
        """The buttons that have a parameter, in their order here."""
        return [button for button in self.buttons if button.parameter]


class Hours(Part):
    """When a business is open, by the clock on its wall.

    `week` has spans (`HH:MM-HH:MM`, also over midnight) by day or days (`mon-fri`, `sat,sun`); nothing begins on a
    `closed` day (`YYYY-MM-DD`, or `MM-DD` for every year).
    """

    zone: str
    week: dict[str, list[str]]
    closed: list[str] = []


class When(Part):
    """A rule's conditions; all that are given must hold, an empty one always does.

    `language` is the conversation's, `hours` the name of one of the tenant's; `source_type` and `source_id` are of the
    ad or post that the person came from.
    """

    keyword: list[str] = []
    pattern: str = ""
    choice: list[str] = []
    line: list[str] = []
    owner: Literal["", "bot", "human"] = ""
    kind: list[str] = []
    referral: bool | None = None
    new_contact: bool | None = None
    language: list[str] = []
    hours: str = ""
    source_type: list[str] = []
    source_id: list[str] = []


class Rule(Part):
    """Where an event goes when `when` holds, unless all conditions of `unless` do; the first rule that matches wins."""

    to: str
    when: When = When()
    unless: When = When()


class Routing(Part):
    """`route` picks one agent; each of `also` sees every event besides."""

    route: list[Rule] = []
    also: list[str] = []


class Prices(Part):
    """What a message costs by its template's category and the beginning of the number (`56`), the longest that fits;
    `default` for all others. A number that none fits has an unknown price."""

    currency: str = "USD"
    marketing: dict[str, float] = {}
    utility: dict[str, float] = {}
    otp: dict[str, float] = {}


class Tenant(Record, dict=True, gc=True):  # for the properties that are worked out once
    """A client company. `active` false: webhooks are kept as rejected and nothing is sent.

    `languages` are those that it talks with people in, the usual one first; none stands for Spanish. `quiet` is for
    lines that have none of their own; `zone` (IANA) for people whose number tells none, and for the day of `limits`.
    """

    tenant: str
    name: str = ""
    active: bool = True
    secrets: list[WebhookSecret] = []
    accounts: dict[str, Account] = {}
    lines: list[Line] = []
    templates: list[TemplateSpec] = []
    routing: Routing = Routing()
    agents: dict[str, dict[str, Any]] = {}
    optout: dict[str, Any] = {}
    limits: dict[str, Any] = {}
    quiet: Quiet | None = None
    zone: str = ""
    policies: dict[str, Any] = {}
    languages: list[str] = []
    updated_ms: int = 0
    hours: dict[str, Hours] = {}
    prices: Prices = Prices()

    @property
    def spoken(self) -> list[str]:
        """The languages that it talks with people in, the usual one first."""
        return self.languages or ["es"]

    def line(self, did: str) -> Line | None:
        """The tenant's line with this number, if it has it."""
        return self._lines.get(did)

    @cached_property
    def _lines(self) -> dict[str, Line]:
        return {line.did: line for line in reversed(self.lines)}

    def account_for(self, line: Line, route: Literal["session", "batch"]) -> Account | None:
        """The account that sends on `line`: session messages and controls, or template batches."""
        return self.accounts.get(line.sends if route == "session" else line.templates)

    def template(self, name: str, language: str) -> TemplateSpec | None:
        """The approved template with this name in this language."""
        return self._templates.get((name, language))

    @cached_property
    def _templates(self) -> dict[tuple[str, str], TemplateSpec]:
        return {(one.name, one.language): one for one in reversed(self.templates)}
