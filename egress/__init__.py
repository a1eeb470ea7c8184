"""Egress: one owner per line decides what is sent next, sends it, and records what became of it."""
