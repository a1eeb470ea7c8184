"""Faults of what services depend on: Kafka, its disk, the network, clocks, Chattigo, and what comes from outside.

Each proves that it was there: by the proxy's counts, the sandbox's ledger, the broker's end, or records in Kafka.
"""
