"""Routing: which agent an event goes to, and which taps see it besides. Declarative per tenant, pure."""

from processors.routing.decision import Decision, Subject, decide, explain
from processors.routing.pattern import PatternError
from processors.routing.problems import problems

__all__ = ["Decision", "PatternError", "Subject", "decide", "explain", "problems"]
