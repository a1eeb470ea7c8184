"""Chance that can be repeated: every draw is a function of the seed and of the words that name it.

Promises: the same (seed, words) gives the same draw, whatever was drawn before and in whatever order, so two runs
whose requests carry the same ids meet the same luck even when their timing differs. Leaves to the caller: good
words (ids).
"""

import hashlib
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Dice:
    """Draws keyed by words; `words` are joined by their text."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def digest(self, *words: object, size: int = 16) -> bytes:
        """`size` (1..64) bytes that stand for the words under this seed."""
        text = "\x1f".join([str(self.seed), *map(str, words)])
        return hashlib.blake2b(text.encode(), digest_size=size).digest()

    def roll(self, *words: object) -> float:
        """A number in [0, 1)."""
        return int.from_bytes(self.digest(*words, size=7), "big") / 2**56

    def chance(self, probability: float, *words: object) -> bool:
        """True in `probability` of the cases."""
        return self.roll(*words) < probability

    def between(self, bounds: tuple[float, float], *words: object) -> float:
        """A number in [low, high)."""
        low, high = bounds
        return low + (high - low) * self.roll(*words)

    def number(self, bounds: tuple[int, int], *words: object) -> int:
        """A whole number in [low, high]."""
        low, high = bounds
        return low + int(self.roll(*words) * (high - low + 1))

    def pick(self, choices: Sequence[T], *words: object) -> T:
        """One of the choices, which must not be empty."""
        return choices[int(self.roll(*words) * len(choices))]
