"""How fast: `pacing` of a line, `accounts` and their shares, `circuit` breakers, `turnstile` for calls side by side."""
