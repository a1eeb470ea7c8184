"""Conversations beside three other ways to read the same webhooks in Python. Run `python -m bench.processors`."""
