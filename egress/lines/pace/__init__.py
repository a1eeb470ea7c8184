"""How fast, and whether at all.

`pacing` and `throttle` are a line's speed, `stops` and `stance` say whether it may send, `signals` what changes that;
`accounts` and their shares, `circuit` breakers, `turnstile` for calls side by side.
"""
