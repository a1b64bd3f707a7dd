#!/usr/bin/python3
"""A comparison in which a party ends though nobody has asked for it: it is told at once, and nobody waits for what cannot
come any more. TAP.

    test_endings.py ESE_LAB TRANSPORT PARTY ...
"""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import lab_scene
from lab_scene import JARS, a_real_broker_can_be_had, lab_with, own_program, skip, words_of

LAB, TRANSPORT, PARTIES = os.path.abspath(sys.argv[1]), sys.argv[2], sys.argv[3:]
DURATION_S = 5
# how long after its end a run may take: the lab waits 15 s for a party that may come back
LIMIT_S = DURATION_S + 10
# what lets a client get nothing acknowledged: nobody there, no room
IN_VAIN = {**dict.fromkeys(("http", "webhook"), "--server http://127.0.0.1:1"), "file": "--max-bytes 1"}
# a word of each party's command
WORDS = {"client": "/ese-client", "server": "/ese-server", "broker": "kafka.Kafka", "consumer": "/ese-consumer",
         "mailer": "/ese-mailer", "sink": "aiosmtpd"}


def pids_of(directory, word=""):
    """Living processes whose command names the directory, and the word."""
    found = []
    for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
        words = words_of(pid)
        if pid != os.getpid() and any(directory in one for one in words) and any(word in one for one in words):
            found.append(pid)
    return found


def nothing_is_left(directory):
    until = time.monotonic() + 10
    while pids_of(directory) and time.monotonic() < until:
        time.sleep(0.05)
    assert not pids_of(directory), [words_of(pid) for pid in pids_of(directory)]


class Run:
    """One comparison in a directory of its own, started; its stderr is read line by line."""

    def __init__(self, lab=LAB, duration_s=DURATION_S):
        self.directory = tempfile.mkdtemp(prefix="ese-endings-")
        self.out = os.path.join(self.directory, "run")
        self.lab = subprocess.Popen(
            [lab, "compare", "--transports", TRANSPORT, "--source", "clicks", "--fault", "none", "--rate", "100",
             "--warmup", "0", "--duration", str(duration_s), "--retry-deadline-ms", "1000", "--out", self.out, "--json"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.said = ""

    def __enter__(self):
        return self

    def __exit__(self, *problem):
        if self.lab.poll() is None:
            self.lab.kill()
            self.lab.wait()
        nothing_is_left(self.directory)
        self.lab.stdout.close()
        self.lab.stderr.close()
        shutil.rmtree(self.directory)

    def wait_until_it_walks(self):
        for line in self.lab.stderr:
            self.said += line
            walks = re.search(r"running .* (\d+) acknowledged, (\d+) handed on", line)
            if walks and min(map(int, walks.groups())) > 0:
                return
        raise AssertionError("it ended before it ran: %d\n%s" % (self.lab.wait(), self.said))

    def kill(self, party):
        pids = pids_of(self.out, WORDS[party])
        assert len(pids) == 1, (party, pids)
        os.kill(pids[0], signal.SIGKILL)

    def end(self):
        """Its exit status and results; within the limit."""
        printed, said = self.lab.communicate(timeout=LIMIT_S)
        self.said += said
        return self.lab.returncode, json.loads(printed) if printed else None


def check(directory):
    checked = subprocess.run([LAB, "check", "--json", directory], stdout=subprocess.PIPE, text=True, timeout=60)
    return checked.returncode, json.loads(checked.stdout)["transports"][0]


def a_dead_party_is_told(party):
    with Run() as run:
        run.wait_until_it_walks()
        run.kill(party)
        status, results = run.end()
        one = results["transports"][0]
        how = "ended" if party == "broker" else "was killed by signal 9"
        words = "the %s %s, and no fault had asked for it" % (party, how)
        ending = one["endings"][0]
        assert ending["party"] == party and ending["status"] == (-1 if party == "broker" else 137), one["endings"]
        assert ending["ended_ns"] > one["schedule_ns"], one
        assert re.search(r"^ *[\d.]+ s  %s: %s" % (re.escape(TRANSPORT), words), run.said, re.M), run.said
        verdict = one["verdict"]
        assert status == 2 and verdict["ledger"]["word"] == "cannot tell", (status, verdict)
        assert words in verdict["ledger"]["reason"] and words in verdict["timing"]["reason"], verdict
        again, checked = check(run.out)
        assert (again, checked["verdict"], checked["endings"]) == (2, verdict, one["endings"]), checked
        return one


def what_a_dead_client_had_offered_is_judged():
    one = a_dead_party_is_told("client")
    ledger = one["ledger"]
    assert one["drained"] and ledger["offered"] > 0 and ledger["acknowledged"] > 0, ledger
    assert ledger["processed"] == ledger["acknowledged"] and ledger["in_flight"] == 0, ledger


def what_a_dead_consumer_left_is_in_flight():
    one = a_dead_party_is_told("consumer")
    assert one["ledger"]["in_flight"] > 0 and one["ledger"]["lost"] == 0 and not one["drained"], one


def a_client(directory, script):
    client = os.path.join(directory, "a-client")
    with open(client, "w", encoding="ascii") as file:
        file.write("#!/bin/sh\n" + script)
    os.chmod(client, 0o755)
    return client


def a_client_that_cannot_begin_ends_the_run():
    programs = tempfile.mkdtemp(prefix="ese-programs-")
    try:
        client = a_client(programs, "echo 'ese-client: cannot open the source' >&2\nexit 64\n")
        lab = lab_with(programs, LAB, {"ese-client": client})
        with Run(lab) as run:
            status, results = run.end()
            assert status == 1 and results is None, (status, results)
            last = run.said.splitlines()[-1]
            assert "%s: the client ended with exit status 64" % TRANSPORT in last, run.said
            assert "before it had offered an event; it said: ese-client: cannot open the source" in last, run.said
    finally:
        shutil.rmtree(programs)


def a_client_whose_schedule_is_over_has_not_died():
    """Nothing of it was acknowledged: that is told by the ledger, and by nobody's end."""
    programs = tempfile.mkdtemp(prefix="ese-programs-")
    try:
        client = a_client(programs, "exec '%s' \"$@\" %s\n" % (own_program(LAB, "ese-client"), IN_VAIN[TRANSPORT]))
        with Run(lab_with(programs, LAB, {"ese-client": client}), duration_s=1) as run:
            status, results = run.end()
            one = results["transports"][0]
            ledger, verdict = one["ledger"], one["verdict"]["ledger"]
            assert ledger["offered"] > 0 and ledger["acknowledged"] == 0, ledger
            assert one["endings"] == [] and "no fault had asked" not in run.said, (one, run.said)
            assert (status, verdict) == (2, {"word": "cannot tell", "reason": "nothing was acknowledged"}), one
            again, checked = check(run.out)
            assert (again, checked["verdict"]) == (2, one["verdict"]), checked
    finally:
        shutil.rmtree(programs)


OWN = {"client": what_a_dead_client_had_offered_is_judged, "consumer": what_a_dead_consumer_left_is_in_flight}


def test_of(party):
    return OWN.get(party, lambda: a_dead_party_is_told(party))


def main():
    if "broker" in PARTIES and not a_real_broker_can_be_had():
        skip("no Java or no jars of a broker in " + JARS)
    tests = [("a_dead_%s_is_told" % party, test_of(party)) for party in PARTIES]
    if "client" in PARTIES:
        tests += [(test.__name__, test) for test in (a_client_that_cannot_begin_ends_the_run,
                                                     a_client_whose_schedule_is_over_has_not_died)]
    return lab_scene.run(tests)


sys.exit(main())
