"""The HTTP client for Chattigo: one call, and what became of it.

`client.Client` sends; `answers` and `failures` decide what an answer or its absence means; `tokens.Tokens` has the
accounts' tokens from the lease. Leaves to the line's owner: when to call, what, and what follows from the result.
"""
