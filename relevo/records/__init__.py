"""Records outlive versions: what each version wrote is kept, and compared with what the present one reads and writes."""
