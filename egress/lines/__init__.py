"""Lines: the owner of a partition of business numbers, from what is asked to what became of it."""
