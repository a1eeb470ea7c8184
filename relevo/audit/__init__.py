"""The audit: proves from the topics, and from the sandbox's ledger, that nothing was lost and nothing sent twice.

`window` says what of each topic is read, `scan` reads it, `gathered` turns records into `facts`, and `provider` does so
with what Chattigo's side says. A `store` keeps facts and gives them back joined by id. `balance` and `joins` judge one
bucket of them at a time, and are pure; `invariants` says what each invariant needs and what was found of it; `report`
tells. `bounded` is all of it on disk. Counters of services are never used: they only hint.
"""
