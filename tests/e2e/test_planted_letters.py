#!/usr/bin/python3
"""Consumers that replay dead letters as they must not, one known fault each (tests/planted/builds.plants): the walk with
dead letters has to fail with each of them, and where it looks at that. TAP.

    test_planted_letters.py SOURCE WALK PLANTED TRANSPORT ...    SOURCE: of WALK, test_e2e_dead_letters; PLANTED: the
                                                                 directory of those consumers
"""
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from lab_scene import run

SOURCE, WALK, PLANTED = (os.path.abspath(path) for path in sys.argv[1:4])
SEEN = {"letters_replayed_one_by_one": 'json_object_get(replay, "decisions")), 1)',
        "letters_replayed_again": "0 != 0x40"}  # by which line of it, or by what it says: the command's exit status


def is_caught(fault, transport):
    done = subprocess.run([WALK, os.path.join(PLANTED, "ese-consumer." + fault), transport], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=150, check=False)
    place = re.search(r"test_dead_letters\.c:(\d+): error: Failure!", done.stdout)
    assert done.returncode == 1 and place, (done.returncode, done.stdout)
    with open(SOURCE, encoding="utf-8") as file:
        line = file.read().splitlines()[int(place.group(1)) - 1]
    assert SEEN[fault] in line or SEEN[fault] in done.stdout, (line, done.stdout)


def main():
    cases = []
    with ThreadPoolExecutor(len(SEEN)) as threads:
        for transport in sys.argv[4:]:
            for fault in SEEN:
                judged = threads.submit(is_caught, fault, transport)
                cases.append((f"{fault}_over_{transport}_is_caught", judged.result))
        sys.exit(run(cases))


main()
