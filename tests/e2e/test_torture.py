#!/usr/bin/python3
"""Rounds of torture: what balances passes, what was harmed does not, a seed repeats itself, and nothing is left. TAP.

    test_torture.py ESE_LAB TRANSPORT,...    those that three rounds are run over
"""
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile

from lab_scene import (JARS, a_real_broker_can_be_had, no_process_is_left, pids_of, processes_of, run, skip, wait_until)

LAB, TRANSPORTS = os.path.abspath(sys.argv[1]), sys.argv[2]
ONE = TRANSPORTS.split(",", maxsplit=1)[0]
BACK = {"kill": "start", "freeze": "thaw"}
EVERYBODY = {"client", "server", "consumer", "mailer", "sink", "broker"}


def torture(directory, *arguments, transports=ONE, status=0):
    """Its documents: one a round, and the last of them all."""
    done = subprocess.run([LAB, "torture", "--transports", transports, "--json", "--quiet", "--out",
                           os.path.join(directory, "run"), *arguments],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=400, check=False)
    assert done.returncode == status, (done.returncode, done.stderr, done.stdout)
    *rounds, totals = [json.loads(line) for line in done.stdout.splitlines()]
    return rounds, totals


class Place:
    def __enter__(self):
        self.directory = tempfile.mkdtemp(prefix="ese-torture-")
        return self.directory

    def __exit__(self, *problem):
        left = None if no_process_is_left(self.directory) else processes_of(self.directory)
        shutil.rmtree(self.directory)
        assert left is None, left


def is_well(one, transports):
    assert one["verdict"] == {"word": "pass", "reason": ""}, one
    assert [journey["name"] for journey in one["transports"]] == transports.split(","), one
    for journey in one["transports"]:
        assert journey["acknowledged"] > 500 and journey["lost"] == 0, journey
        assert journey["mails_arrived"] > 10 and journey["mails_lost"] == journey["mails_doubled"] == 0, journey
        assert journey["mails_unknown"] <= journey["mails_unknown_most"], journey
        assert journey["waiting_at_kill"] >= 50, journey
    away = set()
    for act in one["acts"]:
        parties = set(act["parties"])
        assert parties <= EVERYBODY and act["at_ms"] <= 13000, act
        away = away | parties if act["act"] in BACK else away - parties
    assert not away, one["acts"]


def three_rounds_pass():
    with Place() as directory:
        rounds, totals = torture(directory, "--rounds", "3", transports=TRANSPORTS)
        assert [one["round"] for one in rounds] == [1, 2, 3], rounds
        for one in rounds:
            is_well(one, TRANSPORTS)
            assert one["artifacts"] is None, one
        assert (totals["passed"], totals["failed"], totals["cannot_tell"]) == (3, 0, 0), totals
        assert totals["lost"] == totals["mails_doubled"] == 0 and totals["waiting_at_kill"] >= 50, totals
        assert os.listdir(os.path.join(directory, "run")) == [], "a good round's artifacts were not removed"


def checked(artifacts):
    done = subprocess.run([LAB, "check", "--json", artifacts], stdout=subprocess.PIPE, text=True, timeout=60,
                          check=False)
    return done.returncode, json.loads(done.stdout)["transports"][0]


def remove_two_mails(kept):
    """The one that was doubled, and its copy."""
    new = os.path.join(kept, ONE, "maildir", "new")
    for name in sorted(os.listdir(new))[:2]:
        os.remove(os.path.join(new, name))


def double_a_mail(kept):
    new = os.path.join(kept, ONE, "maildir", "new")
    first = sorted(os.listdir(new))[0]
    shutil.copy(os.path.join(new, first), os.path.join(new, first + "x"))


def a_round_can_be_repeated_and_harm_is_seen():
    """The second round of a seed, on its own: kept, judged again, and harmed."""
    with Place() as directory:
        rounds, _ = torture(directory, "--rounds", "1", "--from-round", "2", "--seed", "5", "--keep")
        kept = rounds[0]["artifacts"]
        is_well(rounds[0], ONE)
        assert kept == os.path.join(os.path.realpath(directory), "run", "round-2"), kept
        status, again = checked(kept)
        assert status == 0 and again["waiting_at_kill"] == rounds[0]["transports"][0]["waiting_at_kill"], again
        meant = [(act["act"], act["parties"]) for act in rounds[0]["acts"]]
        done = [(deed["act"], deed["parties"] + deed["passed_over"]) for deed in again["deeds"]]
        assert [act for act, _ in meant] == [act for act, _ in done], (meant, done)
        assert all(set(parties) >= set(struck) for (_, parties), (_, struck) in zip(meant, done)), (meant, done)
        for harm, reason in ((double_a_mail, "a second time"), (remove_two_mails, "are missing")):
            harm(kept)
            status, again = checked(kept)
            assert status == 1 and reason in again["verdict"]["ledger"]["reason"], again["verdict"]


def ctrl_c_leaves_nothing():
    """Whoever stands still, too, ends with the lab."""
    with Place() as directory:
        out = os.path.join(directory, "run")
        lab = subprocess.Popen([LAB, "torture", "--transports", ONE, "--quiet", "--out", out],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        wait_until(lambda: any(stands_still(pid) for pid in pids_of(directory)), 60, "somebody is frozen")
        lab.send_signal(signal.SIGINT)
        said = lab.communicate(timeout=60)
        assert lab.returncode == 1 and said[0] == "", (lab.returncode, said)
        assert "stopped before the end" in said[1], said
        assert no_process_is_left(directory), processes_of(directory)
        assert os.listdir(out) == [], "the round that was broken off was not removed"


def stands_still(pid):
    try:
        with open("/proc/%d/stat" % pid, encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0] == "T"
    except OSError:
        return False


def who_may_lose_is_not_tortured():
    done = subprocess.run([LAB, "torture", "--transports", "http+ese-store", "--out", "/nonexistent"],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=30, check=False)
    assert done.returncode == 64 and done.stdout == "" and "may lose" in done.stderr, done
    assert not os.path.exists("/nonexistent")


def main():
    if "kafka" in TRANSPORTS and not a_real_broker_can_be_had():
        skip("no broker in " + JARS)
    tests = [("three_rounds_pass", three_rounds_pass),
             ("a_round_can_be_repeated_and_harm_is_seen", a_round_can_be_repeated_and_harm_is_seen),
             ("ctrl_c_leaves_nothing", ctrl_c_leaves_nothing)]
    if "http" in TRANSPORTS.split(","):
        tests.append(("who_may_lose_is_not_tortured", who_may_lose_is_not_tortured))
    sys.exit(run(tests))


main()
