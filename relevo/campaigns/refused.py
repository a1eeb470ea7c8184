"""Why a campaign was not submitted. Nothing of it is in Kafka that anybody would send."""

from __future__ import annotations


class MappingError(ValueError):
    """The file, its columns or the mapping do not fit the template; nothing was read."""


class SubmitError(ValueError):
    """Nothing was submitted; the message says why and what to do."""
