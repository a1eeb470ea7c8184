"""The record of `optouts`: what a person does not want to receive from a line. A tombstone ends it."""

from __future__ import annotations

from schemas.record import Record

CATEGORIES = ("marketing", "reply", "utility")
"""What an opt-out of everything covers; one-time passwords are exempt."""


class Optout(Record):
    """Written by conversations alone. Empty `categories`: all but OTP."""

    tenant: str
    since_ms: int
    why: str
    categories: list[str] = []
