"""That what a menu names of its tenant is there: office hours, templates; and that conditions can hold."""

from __future__ import annotations

from processors.agents.builtin.menu.checks import parts
from processors.agents.builtin.menu.conditions import GIVEN, is_limit
from processors.agents.builtin.menu.model import Menu, TemplateUse, Test, When
from processors.agents.builtin.menu.problem import Path, Problems, listed
from processors.agents.builtin.menu.source import closest
from processors.agents.builtin.menu.tenant import TenantFacts
from processors.agents.builtin.menu.texts import base
from processors.routing import hours


def check(menu: Menu, found: Problems, tenant: TenantFacts | None) -> None:
    """Adds what is wrong. Without a tenant its hours and templates are not known, and not checked."""
    for name, one in menu.hours.items():
        for fault in hours.faults(one):
            found.wrong(("hours", name, *fault.path.partition("[")[0].split(".", 1)), f"{fault.path}: {fault.what}")
    for path, when in parts.conditions(menu):
        _when(path, when, menu, found, tenant)
    if tenant is not None:
        _templates(menu, found, tenant)
        for index, language in enumerate(menu.languages):
            if tenant.languages and base(language) not in map(base, tenant.languages):
                fix = f"the tenant's `languages` are {', '.join(tenant.languages)}"
                found.warn(("languages", index), f"nobody is ever heard to write `{language}`", fix)


def _when(path: Path, when: When, menu: Menu, found: Problems, tenant: TenantFacts | None) -> None:
    languages = [when.language] if isinstance(when.language, str) else when.language
    for language in filter(None, languages):
        if base(language) not in map(base, menu.languages):
            fix = closest(language, menu.languages) or f"there are {listed(menu.languages) or 'none'}"
            found.wrong((*path, "language"), f"`{language}` is none of the menu's languages", fix)
    for field in ("hours", "closed"):
        _hours((*path, field), getattr(when, field), menu, found, tenant)
    if when.hours and when.hours == when.closed:
        found.wrong((*path, "closed"), "open and closed at once never holds", "leave one out")
    for name, test in when.variables.items():
        _variable((*path, "variables", name), name, test, menu, found)


def _hours(path: Path, name: str, menu: Menu, found: Problems, tenant: TenantFacts | None) -> None:
    if not name or name in menu.hours or (tenant is not None and name in tenant.hours):
        return
    known = [*menu.hours, *(tenant.hours if tenant else ())]
    fix = closest(name, known) or f"there are {listed(known) or 'none'}"
    if tenant is not None:
        found.wrong(path, f"there are no hours `{name}`", fix)
    else:
        found.warn(path, f"the hours `{name}` must be the tenant's", "check with --tenant FILE")


def _variable(path: Path, name: str, test: str | list[str] | Test, menu: Menu, found: Problems) -> None:
    known = {*GIVEN, *menu.kinds}
    if name not in known:
        found.wrong(
            path, f"nothing is remembered as `{name}`", closest(name, known) or f"there are {listed(sorted(known))}"
        )
    if not isinstance(test, Test):
        if not test:
            found.wrong(path, f"`{name}` is compared with nothing", "write a value, or {known: true}")
        return
    if test == Test():
        found.wrong(path, f"`{name}` is compared with nothing", "write is, not, min, max or known")
    for field in ("min", "max"):
        limit = getattr(test, field)
        if limit and not is_limit(limit):
            fix = "write a number, YYYY-MM-DD, today, today+7d or today-18y"
            found.wrong((*path, field), f"nothing can be compared with {limit!r}", fix)


def _templates(menu: Menu, found: Problems, tenant: TenantFacts) -> None:
    for name, node in menu.nodes.items():
        for field in ("template", "fallback"):
            use = getattr(node, field)
            for language in [use.language] if use and use.language else (menu.languages or ["es"]) if use else ():
                _template(("nodes", name, field), use, language, found, tenant)


def _template(path: Path, use: TemplateUse, language: str, found: Problems, tenant: TenantFacts) -> None:
    named = [spec for spec in tenant.templates if spec.name == use.name]
    if not named:
        known = [spec.name for spec in tenant.templates]
        fix = closest(use.name, known) or f"there are {listed(known) or 'none'}"
        found.wrong((*path, "name"), f"the tenant has no template `{use.name}`", fix)
        return
    spec = next((spec for spec in named if spec.language == language), None)
    if spec is None:
        has = listed([spec.language for spec in named])
        found.wrong((*path, "language"), f"the template `{use.name}` is not there in `{language}`", f"it is in {has}")
    elif spec.body != len(use.body):
        found.wrong((*path, "body"), f"{len(use.body)} parameters, the template takes {spec.body}", "write as many")
