"""Free ports on 127.0.0.1 that stay free while a broker is down.

Not from the system's ephemeral range: a client that keeps knocking at a stopped broker's port there can be
given that very port as its own, and then holds it.
"""

import random
import socket

FIRST, LAST = 20_000, 32_000


def free_ports(count: int) -> list[int]:
    """So many different ports that nobody listens on right now."""
    found: list[int] = []
    for port in random.SystemRandom().sample(range(FIRST, LAST), LAST - FIRST):
        if is_free(port):
            found.append(port)
        if len(found) == count:
            return found
    raise OSError(f"no {count} free ports between {FIRST} and {LAST} on 127.0.0.1")


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        # Like the broker's own listener: a port with connections in TIME_WAIT counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def accepts(port: int) -> bool:
    """Somebody listens there."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
