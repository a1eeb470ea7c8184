"""Property-based tests draw new examples each time, but not where a change is judged: there all runs draw the same."""

import os

from hypothesis import settings

settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")
