"""WhatsApp's errors by number (Chattigo's facts, 9.3): titles, HTTP statuses, and where each is told.

Promises: every number of the facts is here. Whether Chattigo keeps Meta's numbers in notifications of batches is an
assumption.
"""

from typing import Literal, NamedTuple

Where = Literal["answer", "receipt", "both"]


class Known(NamedTuple):
    """An error: its title, the status of an answer with it, and where it is told."""

    title: str
    where: Where = "answer"
    status: int = 400


KNOWN: dict[int, Known] = {
    0: Known("AuthException", status=401),
    190: Known("Access token has expired", status=401),
    3: Known("API Method", status=500),
    10: Known("Permission Denied", status=403),
    200: Known("API Permission", status=403),
    4: Known("API Too Many Calls"),
    80007: Known("Rate limit issues"),
    100: Known("Invalid parameter"),
    131008: Known("Required parameter is missing"),
    131009: Known("Parameter value is not valid"),
    130429: Known("Rate limit hit", "both"),
    131056: Known("Pair rate limit hit", "both"),
    131048: Known("Spam rate limit hit", "receipt"),
    131049: Known("Message withheld to maintain healthy ecosystem engagement", "receipt"),
    131050: Known("User has stopped marketing messages from this business", "receipt"),
    130472: Known("User's number is part of an experiment", "receipt"),
    131026: Known("Message undeliverable", "receipt"),
    131047: Known("Re-engagement message", "both"),
    470: Known("Message failed to send because more than 24 hours have passed", "receipt"),
    131021: Known("Recipient cannot be sender"),
    131031: Known("Account has been locked", status=403),
    368: Known("Temporarily blocked for policies violations", status=403),
    130497: Known("Business account is restricted from messaging users in this country", status=403),
    131042: Known("Business eligibility payment issue", "receipt"),
    131051: Known("Unsupported message type", "both"),
    131052: Known("Media download error", "receipt"),
    131053: Known("Media upload error", "receipt"),
    131000: Known("Something went wrong", "both"),
    131016: Known("Service unavailable", "both"),
    1: Known("API Unknown", "both"),
    2: Known("API Service", "both"),
    131057: Known("Account in maintenance mode"),
    132000: Known("Number of parameters does not match the expected number of params"),
    132001: Known("Template name does not exist in the translation", status=404),
    132005: Known("Translated text too long"),
    132007: Known("Template format character policy violated"),
    132012: Known("Template parameter format mismatch"),
    132015: Known("Template is paused"),
    132016: Known("Template is disabled"),
    133016: Known("Account register or deregister rate limit exceeded"),
}


def title(code: int) -> str:
    """What WhatsApp calls it."""
    return KNOWN[code].title if code in KNOWN else "Error"


def status(code: int) -> int:
    """The HTTP status of an answer with it."""
    return KNOWN[code].status if code in KNOWN else 400
