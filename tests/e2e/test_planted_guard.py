#!/usr/bin/python3
"""A server without the guard of its HTTP (tests/planted/builds.plants): what strangers may try has to be seen to get through,
and nothing else. TAP.

    test_planted_guard.py SERVER    the one with that fault
"""
import os
import re
import subprocess
import sys

from lab_scene import run

HERE = os.path.dirname(os.path.abspath(__file__))
SEEN = ("two lengths, the other way round", "the same length twice", "a length with chunked", "chunked twice",
        "a coding that is not chunked", "a blank before the first header", "a header with a NUL", "a NUL in the path",
        "300 headers", "no Host", "two Hosts", "chunks that end in LF", "a trailer without a name")


def is_caught():
    done = subprocess.run([sys.executable, os.path.join(HERE, "guard.py"), "server=" + sys.argv[1]], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=150, check=False)
    failed = re.findall(r"^not ok \d+ - (.+)", done.stdout, re.MULTILINE)
    assert done.returncode == 1 and failed == ["raw_bytes of server"], done.stdout
    missed = [case for case in SEEN if not re.search(f"[#:] {case}: ", done.stdout)]
    assert not missed, (missed, done.stdout)


if __name__ == "__main__":
    sys.exit(run([("a server without its guard is caught", is_caught)]))
