"""Chattigo's wire formats, both directions. What is known of them, and how surely: docs/chattigo.md."""
