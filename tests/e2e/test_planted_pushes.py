#!/usr/bin/python3
"""Servers that push, with one known fault each (tests/planted/builds.plants): the tests by webhook_peer.py's subscriber that
look for it have to fail with it, and say why. TAP.

    test_planted_pushes.py PLANTED    the directory of such programs
"""
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from lab_scene import run

PLANTED = os.path.abspath(sys.argv[1])
HERE = os.path.dirname(os.path.abspath(__file__))

# Which test sees it, in which script, and a word of what it says.
FAULTS = {
    "a_redirect_is_taken_for_success": ("retries", "answers_are_taken_for_what_they_are", "(301, [1, 2, 3])"),
    "waits_stay_as_they_are": ("retries", "waits_double", "[0.0"),
    "who_hangs_is_waited_for": ("retries", "nobody_waits_for_who_hangs", "0 of 200|/yes"),
    "a_pause_is_passed_over": ("delivery", "a_paused_one_gets_nothing", "pushes behind the answer"),
    "deleted_ones_go_on": ("delivery", "a_deleted_one_gets_nothing_more", "already exists"),
    "now_and_then_one_comes_twice": ("concurrency", "of_many_writers_all_see_one_order", "6 doubled"),
    "a_hole_at_the_hand_over": ("concurrency", "none_of_600_misses_or_doubles_an_event", "missing|, not |, None)"),
    "a_key_is_forgotten": ("routes", "a_repeated_post_is_one_event", ""),
    "noted_before_it_was_taken": ("kills", "nothing_is_lost_and_the_order_is_kept", "missing|is not behind the stored"),
    "noted_late": ("kills", "nothing_is_lost_and_the_order_is_kept", "were taken"),
}


def passes(fault, script, test):
    program = os.path.join(PLANTED, "ese-server." + fault)
    more = ["6"] if script == "kills" else []
    done = subprocess.run([sys.executable, os.path.join(HERE, f"webhook_{script}.py"), program, *more, test],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=200, check=False,
                          env={**os.environ, "ESE_PATIENCE_S": "15"})
    assert f"ok 1 - {test}" in done.stdout, done.stdout
    return done.returncode == 0, done.stdout


def is_caught(fault, script, test, word):
    passed, said = passes(fault, script, test)
    assert not passed, f"{test} passes"
    assert any(one in said for one in word.split("|")), said


def main():
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        cases = [(f"{fault}_is_caught", threads.submit(is_caught, fault, *seen).result) for fault, seen in FAULTS.items()]
        return run(cases)


if __name__ == "__main__":
    sys.exit(main())
