"""What a campaign costs, by the tenant's prices. Pure.

A price is of the longest beginning of the number that the table has; the total says how many recipients it leaves out.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from schemas.tenant import Prices

DEFAULT = "default"


class Cost(NamedTuple):
    """The sum, and how many recipients have no price."""

    currency: str
    amount: float
    unknown: int


class Till:
    """Adds up numbers as they come."""

    def __init__(self, prices: Prices, category: str) -> None:
        self._currency = prices.currency
        self._prices: dict[str, float] = getattr(prices, category)
        self._lengths = sorted({len(name) for name in self._prices if name != DEFAULT}, reverse=True)
        self._counts: Counter[str] = Counter()

    def add(self, number: str) -> None:
        for length in self._lengths:
            if number[:length] in self._prices:
                self._counts[number[:length]] += 1
                return
        self._counts[DEFAULT] += 1

    @property
    def cost(self) -> Cost:
        known = {name: count for name, count in self._counts.items() if name in self._prices}
        amount = sum(self._prices[name] * count for name, count in known.items())
        return Cost(self._currency, round(amount, 2), self._counts.total() - sum(known.values()))


def problems(prices: Prices) -> list[tuple[tuple[str, ...], str]]:
    """(path, what is wrong) of each price that cannot be meant."""
    found: list[tuple[tuple[str, ...], str]] = []
    for category in ("marketing", "utility", "otp"):
        for name, price in getattr(prices, category).items():
            if name != DEFAULT and not (name.isascii() and name.isdigit() and len(name) <= 15):
                found.append(((category, name), 'the beginning of a number is digits, like "56"; or `default`'))
            if price < 0:
                found.append(((category, name), "a price is not negative"))
    return found
