"""The token lease: one login an account for the whole cluster.

`state.Lease` decides, `service.main` carries out. The owner of an account's partition of `tokens.requests` logs in and
writes the token to `tokens` in a transaction that the group's generation fences.
"""
