#!/usr/bin/python3
"""The clock's shim: the wall clock of a program is set while it runs, the other goes on, and who waits is woken as if the
kernel's had been set. TAP.

    clock.py SHIM
"""
import os
import struct
import subprocess
import sys
import tempfile
import time

from ese_program import run

SHIM = os.path.abspath(sys.argv[1])
HOUR_S = 3600

# Tells both clocks once a line comes, and how long a wait took: by a condition variable of the wall clock's time, as
# librdkafka waits (in the words of C11), or of the monotonic one's, which nobody tells the call.
SCRIPT = """
import ctypes, sys, time
libc = ctypes.CDLL(None)
condition, mutex = ctypes.create_string_buffer(64), ctypes.create_string_buffer(64)
by_monotonic, attributes = ctypes.create_string_buffer(64), ctypes.create_string_buffer(16)
libc.pthread_condattr_init(attributes)
libc.pthread_condattr_setclock(attributes, 1)
libc.pthread_cond_init(by_monotonic, attributes)
for line in sys.stdin:
    begun = time.perf_counter()
    if line.strip() != "tell":
        wall = line.strip() in ("wait", "wait as C11")
        until = (time.time() if wall else time.monotonic()) + 0.2
        moment = (ctypes.c_long * 2)(int(until), int(until % 1 * 1e9))
        libc.pthread_mutex_lock(mutex)
        call = libc.cnd_timedwait if line.strip().endswith("C11") else libc.pthread_cond_timedwait
        call(condition if wall else by_monotonic, mutex, moment)
        libc.pthread_mutex_unlock(mutex)
    print(time.time(), time.monotonic(), time.perf_counter() - begun, flush=True)
"""


class Watched:
    """A program under the shim."""

    def __init__(self, shim=SHIM):
        self.place = tempfile.TemporaryDirectory(prefix="ese-clock-")
        self.path = os.path.join(self.place.name, "clock")
        self.set(0)
        self.process = subprocess.Popen([sys.executable, "-c", SCRIPT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env={**os.environ, "LD_PRELOAD": shim, "ESE_CLOCK_FILE": self.path})

    def set(self, seconds):
        with open(self.path, "r+b" if os.path.exists(self.path) else "wb") as file:
            file.write(struct.pack("=q", int(seconds * 1e9)))

    def ask(self, word="tell"):
        """How far its wall clock is ahead of ours, how far its monotonic one is; what a wait took."""
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        wall, monotonic, waited = map(float, self.process.stdout.readline().split())
        return wall - time.time(), monotonic - time.monotonic(), waited

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(timeout=20)
        self.place.cleanup()


def near(value, wanted):
    return abs(value - wanted) < 1


def the_wall_clock_alone_is_set():
    with Watched() as watched:
        for seconds in (0, HOUR_S, -HOUR_S, 86400 * 365, 0):
            watched.set(seconds)
            wall, monotonic, _ = watched.ask()
            assert near(wall, seconds) and near(monotonic, 0), (seconds, wall, monotonic)


def who_waits_is_not_kept_waiting():
    with Watched() as watched:
        for seconds in (HOUR_S, -HOUR_S):
            watched.set(seconds)
            for word in ("wait", "wait as C11", "wait by the other"):
                waited = watched.ask(word)[2]
                assert 0.15 < waited < 5, (seconds, word, waited)


def without_it_nothing_is_set():
    with Watched(shim="") as watched:
        watched.set(HOUR_S)
        assert near(watched.ask()[0], 0)


def a_file_that_is_not_there_ends_the_program():
    done = subprocess.run(["true"], env={**os.environ, "LD_PRELOAD": SHIM, "ESE_CLOCK_FILE": "/no/such/file"},
                          stderr=subprocess.PIPE, text=True, check=False, timeout=20)
    assert done.returncode == 64 and "ESE_CLOCK_FILE" in done.stderr, done


if __name__ == "__main__":
    sys.exit(run((the_wall_clock_alone_is_set, who_waits_is_not_kept_waiting, without_it_nothing_is_set,
                  a_file_that_is_not_there_ends_the_program)))
