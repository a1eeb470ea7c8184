"""Routing: which agent an event goes to, and which taps see it besides. Declarative per tenant, pure."""

from processors.routing.pattern import PatternError
from processors.routing.problems import problems
from processors.routing.router import Decision, Failed, Router, Tried, router_of, rule_name
from processors.routing.subject import Subject

__all__ = [
    "Decision",
    "Failed",
    "PatternError",
    "Router",
    "Subject",
    "Tried",
    "problems",
    "router_of",
    "rule_name",
]
