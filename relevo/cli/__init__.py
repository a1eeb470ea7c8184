"""The `relevo` command: one module a group of verbs, put together in `program`."""
