"""`desk`: brings conversations that humans own to the tenant's own desk by signed calls, and takes its answers.

A tap. It is told all that is said, so it hands over the whole transcript, whoever made the hand-off. Promises: what a
person says to a human reaches the desk in order and at least once, each thing with an id that is the same on each
attempt; what a desk answers is obeyed once, with the call that it answers. What the desk does not take in time, or not
at all, is a dead letter that can be put back.
"""

from processors.agents.builtin.desk.agent import Desk
from processors.agents.builtin.desk.settings import problems

desk = Desk()

__all__ = ["Desk", "desk", "problems"]
