"""What webhooks and agents cost, beside bare programs that do the same."""
