#!/usr/bin/python3
"""Programs with one known fault each walk through the lab, and the ledger says so; the right ones are treated the same,
and pass. What strikes at an instant strikes exactly there: the program stands still at it (tests/planted/stall.h) until
the lab's fault kills it. All walk side by side. TAP.

    test_planted_builds.py ESE_LAB PLANTED TRANSPORT ...    PLANTED: the directory of those programs
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from lab_scene import lab_with, no_process_is_left, processes_of, run

LAB, PLANTED, THERE = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2]), sys.argv[3:]
SECONDS = (3, 12, 48)  # of a walk; a machine that was too busy to come to the point in time is given longer


class Planted(NamedTuple):
    fault: str      # as the binary has it behind its name
    transport: str
    deeds: str      # the lab's fault, which kills who stands still
    treated: dict   # the programs of both walks
    faulty: str     # the program that is the faulty one of the one
    reason: tuple   # any of these is what the ledger says then
    is_treated: object  # whether the treatment has struck: (results of one transport) -> bool


def stood_still(one):
    """Before the lab killed it."""
    return one["stalled_ns"] is not None and one["stalled_ns"] < one["deeds"][0]["done_ns"]


def stored_twice(one):
    return one["ledger"]["stored_twice"] > 10


def needs_no_treatment(_):
    return True


WALKS = [
    Planted("acknowledged_before_the_commit", "http", "server-down", {"ese-server": "ese-server.treated"}, "ese-server",
            ("acknowledged events are lost", "1 acknowledged event is lost"), stood_still),
    Planted("position_committed_before_the_state", "file", "consumer-down", {"ese-consumer": "ese-consumer.treated"},
            "ese-consumer", ("mails are missing",), stood_still),
    Planted("repeat_window_off", "file", "none", {"ese-client": "ese-client.treated"}, "ese-consumer",
            ("mails came a second time", "mails came that no events account for", "mails tell of other events"),
            stored_twice),
    Planted("good_events_passed_over", "file", "none", {}, "ese-consumer", ("were passed over as dead letters",),
            needs_no_treatment),
    Planted("outbox_s_unique_key_off", "file", "mailer-down", {"ese-mailer": "ese-mailer.treated"}, "ese-mailer",
            ("mails came a second time",), stood_still),
]


def read_number(path):
    if not os.path.exists(path):
        return None
    with open(path, encoding="ascii") as file:
        return int(file.read())


def walk(planted, programs, seconds, directory):
    """One comparison with these programs; its exit status and what it found."""
    paths = {name: os.path.join(PLANTED, file) for name, file in programs.items()}
    lab = lab_with(directory, LAB, paths)
    done = subprocess.run(
        [lab, "compare", "--transports", planted.transport, "--source", "clicks", "--fault", planted.deeds, "--gap", "1", "--rate",
         "100", "--warmup", "0", "--duration", str(seconds), "--out", os.path.join(directory, "run"), "--json", "--quiet"],
        cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=200, check=False)
    assert done.stdout, (done.returncode, done.stderr)
    one = json.loads(done.stdout)["transports"][0]
    one["stalled_ns"] = read_number(os.path.join(directory, "stalled"))
    return done.returncode, one


def treat(planted, programs):
    """Until the treatment has struck."""
    for seconds in SECONDS:
        directory = tempfile.mkdtemp(prefix="ese-planted-")
        try:
            status, one = walk(planted, programs, seconds, directory)
            assert no_process_is_left(directory), processes_of(directory)
        finally:
            shutil.rmtree(directory)
        if planted.is_treated(one):
            return status, one
    raise AssertionError((planted.fault, "was never put to the test", one))


def is_caught(planted):
    faulty = {**planted.treated, planted.faulty: f"{planted.faulty}.{planted.fault}"}
    status, one = treat(planted, faulty)
    verdict = one["verdict"]["ledger"]
    assert status == 1 and verdict["word"] == "fail", (status, verdict, one)
    assert any(reason in verdict["reason"] for reason in planted.reason), verdict


def is_no_fault(planted):
    status, one = treat(planted, planted.treated)
    assert status == 0 and one["verdict"]["ledger"]["word"] == "pass", (status, one["verdict"], one)
    assert one["ledger"]["acknowledged"] > 200 and one["mails"]["expected"] > 10, one


def main():
    cases = []
    with ThreadPoolExecutor(2 * len(WALKS)) as threads:
        for planted in WALKS:
            if planted.transport in THERE:
                cases += [(f"{planted.fault}_is_caught", threads.submit(is_caught, planted).result),
                          (f"without_{planted.fault}_it_passes", threads.submit(is_no_fault, planted).result)]
        sys.exit(run(cases))


main()
