"""What a receipt does: `claims` finds its message, `failures` come late, `receipts` puts it on record."""
