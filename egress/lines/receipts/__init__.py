"""What a receipt does: `claims` finds its message, `failures` come late, `wishes` are of people, `receipts` puts it on
record.
"""
