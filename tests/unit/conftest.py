"""Property-based tests draw new examples each time, but not where a change is judged: there all runs draw the same.

None has a deadline: on a busy machine any example may take long.
"""

import os

from hypothesis import HealthCheck, settings

settings.register_profile("here", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("here"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")
