"""Lines as an operator sees them: how they stand, and orders that pause and resume sending."""
