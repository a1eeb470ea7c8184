"""Lines: the owner of a partition of business numbers, from what is asked to what became of it.

`partition` knows the offsets (with `tracker`, `intake` and `commands`), `line` decides what goes next, `item` is what
waits; `incoming`, `work` and `now` are handed around. The packages, in the way of a message:

- `process`: the only part that reads, writes or waits
- `parking`: what waits in Kafka
- `queues`: what waits in memory, and in which order it goes
- `campaigns`: how far each is, and how fast it may become
- `pace`, `gate`: how fast, and whether at all
- `results`: what became of a call
- `receipts`: what a receipt does
- `memory`: what is remembered, beyond memory and crashes

Everything but the process is pure: it decides over explicit time; tests drive it (`tests/builders/line_model.py`).
"""
