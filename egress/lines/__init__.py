"""Lines: the owner of a partition of business numbers, from what is asked to what became of it.

Where to look, in the way of a message:

- the process, the only part that reads, writes or waits: service, owner, recovery, fetching, supplies, posting,
  backpressure, gauges
- what is handed around: incoming, work, now
- a partition, which knows the offsets: partition, tracker, commands
- what waits in Kafka: parked, lot, parking
- a line, which decides what goes next: line, item, admission, crowd, lanes, bulk, batching, campaigns
- how fast, and whether at all: pacing, accounts, circuit, turnstile, gate, routes, rules, planning
- what became of a call: verdicts, settling, attempts, bisect, doubts, silence, endings, replays
- what a receipt does: receipts, claims, failures
- what is remembered: book, entry, journal
- what is remembered beyond memory and crashes: index, segments, checkpoint

Everything but the process is pure: it decides over explicit time; tests drive it (`tests/builders/line_model.py`).
"""
