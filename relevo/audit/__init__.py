"""The audit: proves from the topics, and from the sandbox's ledger, that nothing was lost and nothing sent twice.

`scan` reads topics, `gathered` sorts what they say, `provider` what Chattigo's side says; `balance` joins both and is
pure; `report` prints. Counters of services are never used: they only hint.
"""
