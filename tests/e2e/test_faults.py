#!/usr/bin/python3
"""Parts of journeys that serve are killed on all sides and come back: nothing acknowledged is lost, no mail comes twice,
and it is told how long it took. (The bad day is e2e_compare's.) TAP.

    test_faults.py ESE_LAB TRANSPORT ...    those of the tree
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile

from lab_scene import JARS, a_real_broker_can_be_had, no_process_is_left, processes_of, run, skip

LAB, THERE = os.path.abspath(sys.argv[1]), sys.argv[2:]
BROKERS = [name for name in ("kafka",) if name in THERE]
ONE_INSTANT_NS = 250_000_000
SESSIONS = 4  # of a mailer: in each, its death leaves one mail at most of which nobody knows
LEAST_AWAY_US = 1_500_000  # of whoever keeps the events
DEADLINE_US = 30_000_000  # a broker may take its time on a busy machine


def lab(*arguments):
    done = subprocess.run([LAB, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=150,
                          check=False)
    assert done.returncode == 0, (done.returncode, done.stderr, done.stdout)
    return done.stdout, done.stderr


class Fault:
    """One comparison under it; what must hold after any of them is looked at here."""

    def __init__(self, name, transports, *more):
        self.name, self.transports = name, transports
        self.directory = tempfile.mkdtemp(prefix="ese-fault-")
        self.out = os.path.join(self.directory, "run")
        try:
            printed, self.said = lab("compare", "--source", "clicks", "--fault", name, "--transports",
                                     ",".join(transports), "--rate", "100", "--warmup", "1", "--duration", "6",
                                     "--retry-deadline-ms", str(DEADLINE_US // 1000), "--out", self.out, "--json", *more)
            self.results = json.loads(printed)["transports"]
        except BaseException:
            shutil.rmtree(self.directory)
            raise

    def __enter__(self):
        return self

    def __exit__(self, *problem):
        left = None if no_process_is_left(self.directory) else processes_of(self.directory)
        shutil.rmtree(self.directory)
        assert left is None, left

    def nothing_is_lost(self):
        for one in self.results:
            ledger, mails = one["ledger"], one["mails"]
            assert one["verdict"]["ledger"]["word"] == "pass" and one["endings"] == [], one
            assert ledger["acknowledged"] >= 600 and ledger["lost"] == 0 and ledger["in_flight"] == 0, ledger
            assert mails["expected"] >= 10 and mails["lost"] == 0 and mails["doubled"] == 0, mails
            assert mails["unknown"] <= (SESSIONS if self.name == "mailer-down" else 0), mails
            assert one["drained"], one

    def instants(self, act):
        """When it was done on each side, which is at the same moment; of those sides that have the part."""
        steps = [[deed for deed in one["deeds"] if deed["act"] == act] for one in self.results]
        assert all(len(step) == 1 for step in steps), steps
        times = [step[0]["done_ns"] for step in steps]
        assert max(times) - min(times) < ONE_INSTANT_NS, times
        return times

    def parties(self):
        return {one["name"]: [sorted(deed["parties"]) for deed in one["deeds"]] for one in self.results}

    def is_away(self, seconds):
        for killed, started in zip(self.instants("kill"), self.instants("start")):
            assert seconds - 0.5 < (started - killed) / 1e9 < seconds + 2, (killed, started)

    def check_agrees(self):
        again = json.loads(lab("check", "--json", self.out)[0])["transports"]
        assert again == self.results, (again, self.results)

    def rows(self):
        """The table's rows, cell by cell, by their label."""
        rows = {}
        for line in lab("check", self.out)[0].splitlines():
            cells = [cell.strip() for cell in line.strip().split("  ") if cell.strip()]
            if len(cells) == 1 + len(self.results):
                rows[cells[0]] = cells[1:]
        return rows

    def acknowledged_again_us(self):
        times = [one["acknowledges_again_us"] for one in self.results]
        struck = ["server" in one["deeds"][0]["parties"] or "broker" in one["deeds"][0]["parties"]
                  for one in self.results]
        for time, was_struck in zip(times, struck):
            assert (LEAST_AWAY_US < time < DEADLINE_US) if was_struck else time == -1, (times, struck)
        return times


def a_dead_server_is_waited_for():
    """Over the file there is none: its column says so."""
    with Fault("server-down", [name for name in ("http", "file") if name in THERE]) as fault:
        fault.nothing_is_lost()
        fault.is_away(2)
        fault.acknowledged_again_us()
        parties, rows = fault.parties(), fault.rows()
        if "http" in fault.transports:
            assert parties["http"] == [["server"], ["server"]], parties
        if "file" in fault.transports:
            assert parties["file"] == [[], []], parties
            column = fault.transports.index("file")
            assert rows["server away for"][column] == "passed over", rows
            assert rows["acknowledged again, since death"][column] == "-", rows
            assert "servers killed, passed over on file\n" in fault.said, fault.said
            assert "file: it has no server of its own, so the fault passed it over" in lab("check", fault.out)[0]
        fault.check_agrees()


def a_dead_mailer_is_waited_for():
    with Fault("mailer-down", [name for name in ("http", "file") if name in THERE][:1], "--gap", "2") as fault:
        fault.nothing_is_lost()
        fault.is_away(2)
        assert list(fault.parties().values()) == [[["mailer"], ["mailer"]]], fault.parties()
        assert 1.5 < float(fault.rows()["mailer away for"][0].split()[0]) < 4, fault.rows()
        assert "mailers killed on all sides\n" in fault.said, fault.said
        fault.check_agrees()


def a_dead_broker_is_waited_for():
    """Its gateway lives on. Where there is none, nothing is done."""
    with Fault("broker-down", BROKERS + ["http"]) as fault:
        fault.nothing_is_lost()
        fault.is_away(2)
        again_us = fault.acknowledged_again_us()
        assert fault.parties() == {BROKERS[0]: [["broker"], ["broker"]], "http": [[], []]}, fault.parties()
        assert fault.rows()["server away for"][1] == "passed over", fault.rows()
        assert again_us[1] == -1, again_us
        fault.check_agrees()


def a_deadline_that_is_too_short_is_told_before():
    done = subprocess.run([LAB, "compare", "--transports", "http", "--retry-deadline-ms", "2000", "--out", "/nonexistent"],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=30, check=False)
    assert done.returncode == 64 and done.stdout == "", done
    assert "--retry-deadline-ms 2000" in done.stderr and "bad-day" in done.stderr and "give at least" in done.stderr
    assert not os.path.exists("/nonexistent")


def a_load_that_ends_before_the_fault_is_warned_of_once():
    """Before anything is made."""
    for seconds, warnings in (("6", 1), ("30", 0)):
        done = subprocess.run([LAB, "compare", "--transports", "file", "--fault", "bad-day", "--gap", "5", "--duration", seconds, "--out",
                               "/dev/null/run"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=30, check=False)
        assert done.stderr.count("the load ends before --fault bad-day has killed the servers") == warnings, done
        assert done.returncode != 0 and "/dev/null/run" in done.stderr, done


def main():
    tests = []
    if "http" in THERE or "file" in THERE:
        tests += [("a_dead_server_is_waited_for", a_dead_server_is_waited_for),
                  ("a_dead_mailer_is_waited_for", a_dead_mailer_is_waited_for)]
    if "file" in THERE:
        tests.append(("a_load_that_ends_before_the_fault_is_warned_of_once", a_load_that_ends_before_the_fault_is_warned_of_once))
    if "http" in THERE:
        tests.append(("a_deadline_that_is_too_short_is_told_before", a_deadline_that_is_too_short_is_told_before))
    if "http" in THERE and BROKERS and a_real_broker_can_be_had():
        tests.append(("a_dead_broker_is_waited_for", a_dead_broker_is_waited_for))
    if not tests:
        skip("no transport that is tried here, and no broker in " + JARS)
    sys.exit(run(tests))


main()
