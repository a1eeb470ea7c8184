"""Who does not want what from the lines of a tenant: listed, looked at, taken in from a list, given out as one."""
