"""The garbage collector's policy for a process that has an engine, set once, when the first one starts.

Records and what handlers make of them are in no circles: they go when the last who holds them lets go, and the
collector only walks over them, again and again, in whichever thread makes objects. So it comes less often, and what was
there before (modules, settings) is no longer looked at. Circles, which errors and tasks make, are still found.
"""

import gc
import threading

# Objects made and not gone: about as many as the chunks hold that are fetched or under way.
COLLECT_AFTER = 100_000

_lock = threading.Lock()
_settled = False


def settle() -> None:
    """What is there now stays for good, and the collector comes after `COLLECT_AFTER` objects. A second call does
    nothing: what one engine leaves behind must not be kept by the next."""
    global _settled
    with _lock:
        if _settled:
            return
        gc.collect()
        gc.freeze()
        gc.set_threshold(max(COLLECT_AFTER, gc.get_threshold()[0]))
        _settled = True
