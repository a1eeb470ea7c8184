"""Measurements: what the pipeline does in a second, and what it still does after an hour."""
