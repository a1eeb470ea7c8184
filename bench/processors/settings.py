"""What the measured programs have in common, so that they do the same work under the same conditions."""

RING = 46  # ids of recent events that a conversation remembers
WINDOW_S = 86_400
SESSION_S = 300  # no group must miss a process that is frozen while the others have their turns
