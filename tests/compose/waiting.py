"""Waiting for a condition, never for luck."""
import time


def wait_for(condition, seconds, what, pause=0.05):
    """What the condition gave, once it is true; an AssertionError that says `what` (a text, or asked for it) if not."""
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what() if callable(what) else what}")
        time.sleep(pause)
    return result
