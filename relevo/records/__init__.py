"""Records outlive versions: what each one wrote is kept, and compared with what the present one reads and writes."""
