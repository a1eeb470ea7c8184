"""The tenant file: what a person writes about one client company, and the record that it becomes.

Passwords and given webhook secrets come from the environment or from files, never from the file itself. `auto`
makes a webhook secret, which is shown once; applying the file again keeps the secrets that stand.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import msgspec

from processors import listening
from processors.agents.builtin import handoff
from processors.routing import problems as routing_problems
from relevo.campaigns import prices
from relevo.tenants import menus, sending, shape
from relevo.tenants.agents import AgentsPart
from relevo.tenants.outside import FORMS, NotOutside, Outside
from relevo.tenants.yaml_source import FileError, YamlSource
from runtime.secrets import KeyRing, new_webhook_secret, secret_digest
from schemas import keys, phone
from schemas.tenant import Tenant, WebhookSecret, password_context

SESSION_SERVICES = ("isv", "bot")
_LANGUAGE = re.compile("[a-z]{2,3}(_[A-Z]{2})?")


class Applied(msgspec.Struct, frozen=True):
    """The record to write, and the secrets that were made and must be shown now or never."""

    tenant: Tenant
    new_secrets: list[str]


class TenantFile:
    """One file being turned into a record; collects every mistake before it gives up."""

    def __init__(
        self,
        source: YamlSource,
        ring: KeyRing,
        environ: Mapping[str, str] | None = None,
        agents: Collection[str] = (),
    ) -> None:
        """`agents` are the types that run in the cluster; empty: not checked."""
        self._source = source
        self._ring = ring
        self._types = agents
        self._folder = Path(source.name).parent
        self._outside = Outside(self._folder, environ)
        self._mistakes: list[str] = []
        self._files: Mapping[str, str] = {}

    def tenant(self, current: Tenant | None, now_ms: int) -> Applied:
        """The tenant's new record, given its current one; FileError lists every mistake with its line."""
        data = dict(self._source.data) if isinstance(self._source.data, dict) else {}
        if not data:
            raise FileError([f"{self._source.name}: a tenant file is a mapping that begins with `tenant: NAME`"])
        secrets, new = self._secrets(data.pop("secrets", None), current, now_ms)
        data["accounts"] = self._accounts(data.get("accounts"), str(data.get("tenant", "")))
        data["agents"] = self._agents(data.get("agents"), str(data.get("tenant", "")))
        for path, advice in shape.unknown_fields(data, Tenant):
            self._wrong(path, advice)
        tenant, error = shape.convert(data, Tenant)
        if error:
            self._wrong(*error)
        else:
            self._check(tenant)
        if self._mistakes:
            raise FileError(self._mistakes)
        return Applied(msgspec.structs.replace(tenant, secrets=secrets, updated_ms=now_ms), new)

    def _wrong(self, path: shape.Path, what: str) -> None:
        self._mistakes.append(f"{self._source.at(path)}: {what}")

    def _secrets(self, data: Any, current: Tenant | None, now_ms: int) -> tuple[list[WebhookSecret], list[str]]:
        """The webhook secrets that hold from now on, and those made here."""
        wanted = data.get("webhook") if isinstance(data, dict) else None
        if not isinstance(wanted, list) or not wanted:
            self._wrong(("secrets",), "needs `webhook: [auto]`, or a list of " + FORMS)
            return [], []
        standing = [s for s in (current.secrets if current else []) if not s.until_ms or s.until_ms > now_ms]
        found, new = {s.sha256: s for s in standing}, []
        for index, one in enumerate(wanted):
            if one == "auto":
                if standing:
                    continue
                text = new_webhook_secret()
                new.append(text)
            else:
                text = self._from_outside(one, ("secrets", "webhook", index))
            if text:
                found.setdefault(secret_digest(text), WebhookSecret(sha256=secret_digest(text), since_ms=now_ms))
        return list(found.values()), new

    def _from_outside(self, value: Any, path: shape.Path) -> str:
        """A secret's text; empty, with a mistake noted, when it cannot be had."""
        try:
            return self._outside.secret(value)
        except NotOutside as error:
            self._wrong(path, str(error))
            return ""

    def _accounts(self, data: Any, tenant: str) -> Any:
        """Accounts with their passwords encrypted."""
        if not isinstance(data, dict):
            return data if data is not None else {}
        accounts = {}
        for name, account in data.items():
            if isinstance(account, dict):
                text = self._from_outside(account.get("password"), ("accounts", name, "password"))
                account = account | {"password": self._ring.encrypt(text, password_context(tenant, str(name)))}
            accounts[name] = account
        return accounts

    def _agents(self, data: Any, tenant: str) -> Any:
        """Agents' settings, with their secrets encrypted."""
        part = AgentsPart(tenant, self._folder, self._outside, self._ring)
        settings = part.settings(data)
        for path, what in part.mistakes:
            self._wrong(path, what)
        self._files = part.files
        return settings

    def _check(self, tenant: Tenant) -> None:
        """What the types cannot say."""
        try:
            keys.join(tenant.tenant)
        except keys.KeyPartError as error:
            self._wrong(("tenant",), str(error))
        for index, line in enumerate(tenant.lines):
            path: shape.Path = ("lines", index)
            if not phone.is_number(line.did):
                self._wrong((*path, "did"), "a number is 7 to 15 digits, with country code and without +")
            self._check_account(tenant, (*path, "sends"), line.sends, SESSION_SERVICES)
            self._check_account(tenant, (*path, "templates"), line.templates, ("hsm",))
            if not 0 < line.rate <= 1000:
                self._wrong((*path, "rate"), "messages a second, above 0 and at most 1000")
            if not 1 <= line.batch_max <= 1000:
                self._wrong((*path, "batch_max"), "1 to 1000 recipients a call")
        if len({line.did for line in tenant.lines}) < len(tenant.lines):
            self._wrong(("lines",), "a number stands there twice")
        self._check_languages(tenant)
        for path, what in sending.faults(tenant):
            self._wrong(path, what)
        self._check_routing(tenant)
        self._mistakes += menus.mistakes(tenant, self._files.get(menus.AGENT, ""))
        for place, what in prices.problems(tenant.prices):
            self._wrong(("prices", *place), what)
        self._check_humans(tenant)

    def _check_humans(self, tenant: Tenant) -> None:
        """What agents around humans need of the rest of the file."""
        if "desk" in tenant.routing.also and not tenant.agents.get("desk", {}).get("url"):
            self._wrong(("routing", "also"), "the desk needs an address: agents: {desk: {url: https://…, secret: …}}")
        if name := handoff.unknown_hours(tenant.agents.get("handoff", {}), tenant.hours):
            there = ", ".join(tenant.hours) or "none"
            self._wrong(("agents", "handoff", "hours"), f"no hours {name!r}; there are {there}")
        for path, what in listening.problems(tenant):
            self._wrong(path, what)

    def _check_languages(self, tenant: Tenant) -> None:
        for index, language in enumerate(tenant.languages):
            if not _LANGUAGE.fullmatch(language):
                self._wrong(("languages", index), f"a language is a code like es, pt or pt_BR, not {language!r}")
        if len(set(tenant.languages)) < len(tenant.languages):
            self._wrong(("languages",), "a language stands there twice")
        for index, line in enumerate(tenant.lines):
            if line.language and line.language not in tenant.spoken:
                self._wrong(("lines", index, "language"), f"must be one of `languages`: {', '.join(tenant.spoken)}")

    def _check_account(self, tenant: Tenant, path: shape.Path, name: str, services: tuple[str, ...]) -> None:
        account = tenant.accounts.get(name)
        if name and account is None:
            self._wrong(path, f"no account {name!r}; there are {', '.join(tenant.accounts) or 'none'}")
        elif account is not None and account.service not in services:
            self._wrong(path, f"account {name!r} is of service {account.service}, needed is {' or '.join(services)}")

    def _check_routing(self, tenant: Tenant) -> None:
        self._mistakes += routing_mistakes(self._source, tenant, self._types)


def routing_mistakes(source: YamlSource, tenant: Tenant, agents: Collection[str]) -> list[str]:
    """What is wrong with the routing and the hours, each with its line."""
    found = (problem.partition(": ") for problem in routing_problems(tenant, agents))
    return [f"{source.at(shape.path_of(where))}: {what}" for where, _, what in found]
