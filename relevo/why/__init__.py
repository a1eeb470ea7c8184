"""Why: what became of one event or message, told from Kafka's records alone."""
