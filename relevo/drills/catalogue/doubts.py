"""Drills of doubt: Chattigo took a call, and nobody was told."""

from __future__ import annotations

from relevo.drills.catalogue.crashes import LOAD
from relevo.drills.drill import Drill
from relevo.drills.silence import NoAnswer

DRILLS = (
    Drill(
        "egress-no-answer",
        "Chattigo takes replies and a batch, and does not answer them within the time of a POST",
        (NoAnswer("isv.send", (5, 15), 3), NoAnswer("hsm.send")),
        LOAD,
        family="doubts",
        brief=True,
    ),
)
