"""Drills of Chattigo: it refuses, it throttles, it kills tokens, it is away."""

from __future__ import annotations

from relevo.drills.drill import Drill, Load, Needs
from relevo.drills.outside.chattigo import Down, Refusals, TokensDie, few_logins
from relevo.drills.outside.steps import Turned

LOAD = Load(messages=160, rate=8.0, within_s=240.0)
WAIT = (("Retry-After", "2"),)
# Five accounts: each may log in at its start, after each death of its token, and once more for a 401 behind that.
LOGINS = 5 * 12

DRILLS = (
    Drill("chattigo-401-storm", "Chattigo answers 401 to call after call, though tokens are alive",
          (Refusals(401, (("isv.send", 8), ("hsm.send", 1))),), LOAD,
          expects=(few_logins(LOGINS),), family="chattigo"),
    Drill("chattigo-tokens-die", "all tokens die five times within seconds: one login for each, and no storm",
          (TokensDie(),), LOAD, expects=(few_logins(LOGINS),), family="chattigo"),
    Drill("chattigo-429-storm", "Chattigo answers 429 with Retry-After to call after call",
          (Refusals(429, (("isv.send", 20), ("hsm.send", 1)), WAIT),), LOAD, family="chattigo", brief=True),
    Drill("chattigo-503-storm", "Chattigo answers 503 to call after call: nothing was taken",
          (Refusals(503, (("isv.send", 20), ("hsm.send", 1), ("bot.send", 5))),), LOAD, family="chattigo"),
    Drill("chattigo-down", "Chattigo is away for so long that circuits open, and comes back",
          (Down(), Turned()), Load(messages=280, rate=8.0, within_s=240.0), Needs(network=True), family="chattigo"),
)  # fmt: skip
