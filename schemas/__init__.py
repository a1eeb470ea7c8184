"""What flows through Relevo: records, topics, keys, ids and Chattigo's wire formats. Pure, no I/O."""
