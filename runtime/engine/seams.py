"""Seams."""


def check() -> None:
    """later"""
