"""Dead letters as a person handles them: listed, looked at, put back or dropped, all of it on record."""
