"""The worker's process, the only part that reads, writes or waits.

`service` starts it, `owner` holds the partitions, `recovery` reads them back; `fetching` and `supplies` bring records
by offset, `scout` reads templates ahead where the intake is `behind`, `posting` makes the calls, `backpressure` pauses
inputs, `gauges` shows it all.
"""
