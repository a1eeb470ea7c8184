"""A bad network on this machine: TCP proxies between services and Kafka, and between services and Chattigo.

`server.Proxies` runs them; `weather` says what can be wrong with one, `traps` what happens at a chosen request.
`docs/faults.md` describes it. All stay on 127.0.0.1.
"""
