"""A simulated Chattigo on this machine: its services, its webhooks, its customers, and a ledger of all that
happened.

`server.Chattigo` runs it; `ledger` is the proof of what it received. `docs/sandbox.md` tells documented answers
from assumptions.
"""
