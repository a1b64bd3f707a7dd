#!/usr/bin/python3
"""Rounds of torture: what balances passes, what was harmed does not, what was broken off goes on, and nothing is left.
The three rounds go on behind the other cases, which need little. TAP.

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
FATES = ("acknowledged", "unknown", "refused", "not_sent")
EVERYBODY = {"client", "server", "consumer", "mailer", "sink", "broker"}


class Place:
    def __enter__(self):
        self.directory = tempfile.mkdtemp(prefix="ese-torture-")
        self.out = os.path.join(self.directory, "run")
        self.labs = []
        return self

    def __exit__(self, *problem):
        for lab in self.labs:
            lab.kill()
            lab.communicate()
        left = None if no_process_is_left(self.directory) else processes_of(self.directory)
        shutil.rmtree(self.directory)
        assert left is None, left

    def torture(self, *arguments, transports=ONE):
        """Begins it; read_all() ends it."""
        self.labs.append(subprocess.Popen(
            [LAB, "torture", "--transports", transports, "--quiet", "--out", self.out, *arguments],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        return self.labs[-1]


def read_all(lab, status):
    """What it said on stdout and on stderr, to its end."""
    said = lab.communicate(timeout=400)
    assert lab.returncode == status, (lab.returncode, said)
    return said


def documents(said):
    """One a round, and the last of them all."""
    *rounds, totals = [json.loads(line) for line in said[0].splitlines()]
    return rounds, totals


def is_well(one, transports):
    assert one["verdict"] == {"word": "pass", "reason": ""}, one
    assert one["artifacts"] is None, one
    assert [journey["name"] for journey in one["transports"]] == transports.split(","), one
    for journey in one["transports"]:
        assert journey["acknowledged"] > 500 and journey["lost"] == 0, journey
        assert journey["offered"] == sum(journey[fate] for fate in FATES), journey
        assert journey["mails_arrived"] > 10, journey
        assert {journey["mails_" + kind] for kind in ("lost", "doubled", "altered", "unexpected")} == {0}, journey
        assert journey["mails_unknown"] <= journey["mails_unknown_most"], journey
        assert journey["waiting_at_kill"] >= 50, journey
        assert journey["dead_letters"] > 5, journey
    away = set()
    for act in one["acts"]:
        parties = set(act["parties"])
        assert parties <= EVERYBODY and act["at_ms"] <= 13000, act
        away = away | parties if act["act"] in BACK else away - parties
    assert not away, one["acts"]


def three_rounds_pass(place, lab):
    rounds, totals = documents(read_all(lab, 0))
    assert [one["round"] for one in rounds] == [1, 2, 3], rounds
    for one in rounds:
        is_well(one, TRANSPORTS)
    assert (totals["passed"], totals["failed"], totals["cannot_tell"]) == (3, 0, 0), totals
    assert totals["lost"] == totals["mails_doubled"] == 0 and totals["waiting_at_kill"] >= 50, totals
    assert os.listdir(place.out) == [], "a good round's artifacts were not removed"


def checked(artifacts):
    done = subprocess.run([LAB, "check", "--json", artifacts], stdout=subprocess.PIPE, text=True, timeout=60,
                          check=False)
    one = json.loads(done.stdout)["transports"][0]
    return done.returncode, one["verdict"]["ledger"]["reason"], one


def was_done_as_meant(acts, deeds):
    assert [act["act"] for act in acts] == [deed["act"] for deed in deeds], (acts, deeds)
    for act, deed in zip(acts, deeds):
        assert set(deed["parties"] + deed["passed_over"]) <= set(act["parties"]), (act, deed)


def harm_is_seen():
    """Somebody doubles a mail during the round."""
    with Place() as place:
        new = os.path.join(place.out, "round-2", ONE, "maildir", "new")
        lab = place.torture("--rounds", "1", "--from-round", "2", "--seed", "5", "--json")
        wait_until(lambda: os.path.isdir(new) and os.listdir(new), 60, "a mail has come")
        first = os.path.join(new, os.listdir(new)[0])
        shutil.copy(first, first + "x")
        (one,), totals = documents(read_all(lab, 1))
        (journey,), reason = one["transports"], one["verdict"]["reason"]
        assert one["verdict"]["word"] == "fail" and reason.startswith(ONE) and "a second time" in reason, one
        assert totals["failed"] == totals["mails_doubled"] == journey["mails_doubled"] == 1, totals
        kept = one["artifacts"]
        assert kept == os.path.join(os.path.realpath(place.out), "round-2"), kept
        status, reason, again = checked(kept)
        assert status == 1 and "a second time" in reason, reason
        assert again["waiting_at_kill"] == journey["waiting_at_kill"], again
        was_done_as_meant(one["acts"], again["deeds"])
        os.remove(first + "x")
        assert checked(kept)[:2] == (0, ""), "what was mended does not balance"
        os.remove(first)
        status, reason, _ = checked(kept)
        assert status == 1 and "missing" in reason, reason


def ctrl_c_leaves_nothing_but_what_it_came_to():
    """Whoever stands still, too, ends with the lab."""
    with Place() as place:
        lab = place.torture("--from-round", "3", "--rounds", "9")
        wait_until(lambda: os.path.exists(os.path.join(place.out, "round-4")), 120, "the fourth round begins")
        wait_until(lambda: any(stands_still(pid) for pid in pids_of(place.directory)), 60, "somebody is frozen")
        lab.send_signal(signal.SIGINT)
        said, talk = read_all(lab, 1)
        lines = said.splitlines()
        assert lines[0].startswith("round 3: ") and " | %s: " % ONE in lines[0], said
        assert " passed, " in lines[-1], said
        assert "round 4 was broken off, --from-round 4 goes on: stopped before the end" in talk, talk
        assert no_process_is_left(place.directory), processes_of(place.directory)
        assert "round-4" not in os.listdir(place.out), "the round that was broken off was not removed"


def stands_still(pid):
    try:
        with open("/proc/%d/stat" % pid, encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0] == "T"
    except OSError:
        return False


def main():
    if "kafka" in TRANSPORTS and not a_real_broker_can_be_had():
        skip("no broker in " + JARS)
    with Place() as place:
        lab = place.torture("--rounds", "3", "--poison-every", "50", "--json", transports=TRANSPORTS)
        failed = run([("harm_is_seen", harm_is_seen),
                      ("ctrl_c_leaves_nothing_but_what_it_came_to", ctrl_c_leaves_nothing_but_what_it_came_to),
                      ("three_rounds_pass", lambda: three_rounds_pass(place, lab))])
    sys.exit(failed)


main()
