"""What waits in Kafka instead of memory: `parked` its records, `lot` what is kept of them, `parking` when, `flows` in
whose turn; what is `withheld` is sent again.
"""
