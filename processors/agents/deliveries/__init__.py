"""Ordered deliveries of one conversation to a system outside: kept with what the agent remembers, tried until done.

An agent that brings something to a system which may be away yields what `work` yields:

    async def crm(conversation, event):
        made = [Made({"do": "upsert", "fields": {"name": conversation.name}}, merge="contact")]
        async for action in work(conversation, event, made, send, terms, by="crm"):
            yield action

Promises: as durable as the conversation itself; in order; at least once, with a key that is the same on each attempt;
what is given up is a dead letter with its bytes, and the next one goes on. Leaves to the agent: what a delivery says,
and the call (`send`).
"""

from processors.agents.deliveries.queue import PREFIX, TIMER, Delivery, GivenUp, Queue
from processors.agents.deliveries.work import Made, Result, Send, work
from processors.agents.terms import Terms

__all__ = ["PREFIX", "TIMER", "Delivery", "GivenUp", "Made", "Queue", "Result", "Send", "Terms", "work"]
