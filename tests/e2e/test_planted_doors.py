#!/usr/bin/python3
"""Programs that let in, or write to, whom they must not, one known fault each (tests/planted/builds.plants): who_may.py,
who_is_written_to.py and tls_proxy.py have to fail with each of them, and only where they look at that. TAP.

    test_planted_doors.py WHO_MAY WHO_IS_WRITTEN_TO TLS_PROXY TREE BUILD SERVER CONSUMER MAILER CLIENT LAB
"""
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from lab_scene import Skipped, run

WHO_MAY, WRITTEN_TO, TLS_PROXY, TREE, BUILD, *PROGRAMS = (os.path.abspath(path) for path in sys.argv[1:])
PLANTED = os.path.join(BUILD, "tests/planted")

# Which program has it, and the test that has to see it; beside that one that does not look there, and has to pass.
DOORS = {
    "any_token_will_do": ("ese-server", "everybody_is_asked_on_every_route", "what_listens_on_loopback_is_not_there_for_others"),
    "a_prefix_will_do": ("ese-server", "everybody_is_asked_on_every_route", "what_listens_on_loopback_is_not_there_for_others"),
    "open_to_all": ("ese-server", "beyond_loopback_nobody_serves_without_a_token", "everybody_is_asked_on_every_route"),
    "sent_on_with_its_token": ("ese-client", "the_token_goes_to_the_server_that_was_named_only",
                               "what_listens_on_loopback_is_not_there_for_others"),
}
MAILS = {
    "without_the_allow_list": ("by_post", None),
    "an_earlier_list_will_do": ("under_an_earlier_list", "by_post"),
    "a_topic_is_asked_nothing": ("by_topic", "by_post"),
}


def passes(script, programs, test):
    """Of that script, this test of several, or the only one it has; None: it is skipped."""
    done = subprocess.run([sys.executable, script, *programs, *([test] if script != TLS_PROXY else [])], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=100, check=False)
    if "# SKIP" in done.stdout:
        return None
    assert f"ok 1 - {test}" in done.stdout, done.stdout
    return done.returncode == 0


def is_caught(script, programs, seen_by, beside):
    passed = [passes(script, programs, test) for test in (seen_by, beside) if test is not None]
    if None in passed:
        raise Skipped(f"so is {os.path.basename(script)}")
    assert not passed[0], f"{seen_by} passes"
    assert beside is None or passed[1], f"{beside} fails, too"


def main():
    cases = []
    threads = ThreadPoolExecutor(os.cpu_count())
    for fault, (program, seen_by, beside) in DOORS.items():
        programs = [os.path.join(PLANTED, f"{program}.{fault}") if os.path.basename(path) == program else path
                    for path in PROGRAMS]
        cases.append((fault, threads.submit(is_caught, WHO_MAY, programs, seen_by, beside)))
    for fault, (seen_by, beside) in MAILS.items():
        programs = [os.path.join(PLANTED, f"ese-mailer.{fault}")]
        cases.append((fault, threads.submit(is_caught, WRITTEN_TO, programs, seen_by, beside)))
    untrusted = [TREE, BUILD, os.path.join(PLANTED, "ese-client.any_certificate_will_do")]
    cases.append(("any_certificate_will_do", threads.submit(
        is_caught, TLS_PROXY, untrusted, "what_the_document_shows_works_and_strangers_stay_outside", None)))
    sys.exit(run([(f"{fault}_is_caught", judged.result) for fault, judged in cases]))


main()
