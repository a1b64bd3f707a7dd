#!/usr/bin/python3
"""Work shared by a group, beside one reader that cannot keep up, while members die and come back: small, as a test may be,
or as the named run has it, over five seeds, which takes a quarter of an hour. Each key has to stay in order, which is told
from the histories independently. TAP.

    share_work.py ESE_LAB TRANSPORTS small|full
"""
import copy
import json
import os
import shutil
import subprocess
import sys
import tempfile

import group_order
from lab_scene import JARS, a_real_broker_can_be_had, no_process_is_left, processes_of, run, skip

LAB, TRANSPORTS, SIZE = os.path.abspath(sys.argv[1]), sys.argv[2], sys.argv[3]
SMALL = ("--source", "clicks", "--rate", "200", "--rule-cost-us", "8000", "--duration", "7", "--warmup", "1",
         "--gap", "1")
MEMBERS = 3
CATCHES_UP_US = 20_000_000


def compare(out, *more):
    done = subprocess.run([LAB, "compare", "--preset", "share-work", "--transports", TRANSPORTS, "--out", out, "--json",
                           "--quiet", *more],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=400, check=False)
    assert done.stdout, (done.returncode, done.stderr)
    results = json.loads(done.stdout)
    assert done.returncode == 0, (done.returncode, done.stderr, [
        (one["name"], one["verdict"], one["endings"], one["ledger"], one["mails"]) for one in results["transports"]])
    return results


def check(out, *more):
    return subprocess.run([LAB, "check", *more, out], stdout=subprocess.PIPE, text=True, timeout=120, check=False)


def read(out, one):
    directory = os.path.join(out, one["name"])
    return (*group_order.offers_of(directory), group_order.members_of(directory))


def is_group(one):
    return one["consumers"] > 1


def waiting_at(one, share):
    """How many waited when so much of the load was over."""
    lag = one["lag"]
    return lag["waiting"][int(share * lag["load_ended_ms"] / lag["bucket_ms"]) - 1]


def keeps_its_books(one):
    assert one["verdict"]["ledger"]["word"] == "pass" and one["endings"] == [] and one["drained"], one["verdict"]
    assert one["ledger"]["lost"] == 0 and one["ledger"]["reordered"] == 0, one["ledger"]
    assert one["mails"]["lost"] == 0 and one["mails"]["doubled"] == 0 and one["mails"]["altered"] == 0, one["mails"]


def falls_behind(one, rate):
    assert one["consumers"] == 1 and all(deed["parties"] == [] for deed in one["deeds"]), one
    third, two_thirds, end = waiting_at(one, 1 / 3), waiting_at(one, 2 / 3), one["lag"]["at_load_end"]
    assert 0 < third < two_thirds < end and end > rate, (third, two_thirds, end)


def lost_members_and_has_them_again(one):
    struck = [(deed["act"], deed["members"]) for deed in one["deeds"]]
    assert struck == [("kill", [2]), ("kill", [3]), ("start", [2]), ("start", [3])], one["deeds"]
    assert one["consumers"] == MEMBERS, one["consumers"]


def keeps_up(one, rate):
    assert 0 <= one["lag"]["caught_up_us"] < CATCHES_UP_US, one["lag"]
    assert one["lag"]["at_load_end"] < rate, one["lag"]


def tell(seed, out, one):
    members = group_order.members_of(os.path.join(out, one["name"]))
    print("# seed %d %s: %d acknowledged; at most %d waited, %d at the end of the load; caught up after %.1f s; handed %s, %d"
          " times to another; load %.1f" % (
              seed, one["name"], one["ledger"]["acknowledged"], one["lag"]["highest"], one["lag"]["at_load_end"],
              one["lag"]["caught_up_us"] / 1e6, group_order.shares_of(members), group_order.takeovers_of(members),
              os.getloadavg()[0]), flush=True)


def in_a_directory(test):
    directory = tempfile.mkdtemp(prefix="ese-share-")
    try:
        test(directory)
        assert no_process_is_left(directory), processes_of(directory)
    finally:
        shutil.rmtree(directory)


# ---- small -----------------------------------------------------------------------------------------------------

class Small:
    def __init__(self, directory):
        self.out = os.path.join(directory, "run")
        self.results = compare(self.out, *SMALL)
        self.transports = self.results["transports"]
        self.groups = [one for one in self.transports if is_group(one)]

    def the_books_balance(self):
        for one in self.transports:
            keeps_its_books(one)

    def one_reader_falls_behind(self):
        for one in self.transports:
            if not is_group(one):
                falls_behind(one, 200)

    def members_die_and_come_back(self):
        assert len(self.groups) > 0
        for one in self.groups:
            lost_members_and_has_them_again(one)
            assert one["reads_again_us"] >= 0, one["reads_again_us"]

    def each_member_has_its_share(self):
        for one in self.groups:
            members = read(self.out, one)[2]
            shares = group_order.shares_of(members)
            assert sorted(shares) == list(range(1, MEMBERS + 1)) and min(shares.values()) > 0, shares
            assert group_order.takeovers_of(members) > 0

    def each_key_stays_in_order(self):
        for one in self.transports:
            wrong = group_order.faults(*read(self.out, one))
            assert wrong == [], wrong[:5]

    def what_is_out_of_order_is_caught(self):
        """Two of one key, each handed in the other's place; a commit that is taken back; an event that nobody read."""
        for one in self.groups:
            offers, acknowledged, members = read(self.out, one)
            swapped = copy.deepcopy(members)
            records = swapped[1]
            first = next(i for i, record in enumerate(records) if record.kind == "handed")
            second = next(i for i in range(first + 1, len(records)) if records[i].kind == "handed" and
                          offers[records[i].id][1] == offers[records[first].id][1])
            places = records[first].id, records[second].id
            records[first] = records[first]._replace(id=places[1])
            records[second] = records[second]._replace(id=places[0])
            assert any("behind a later one" in words for words in group_order.faults(offers, acknowledged, swapped))
            again = copy.deepcopy(members)
            commit = next(record for record in again[1] if record.kind == "committed")
            again[1].append(commit._replace(time_ns=again[1][-1].time_ns))
            assert any("commits partition" in words for words in group_order.faults(offers, acknowledged, again))
            unread = dict(members)
            unread.pop(1)
            assert any("never processed" in words for words in group_order.faults(offers, acknowledged, unread))

    def check_repeats_it(self):
        again = check(self.out, "--json")
        assert again.returncode == 0 and json.loads(again.stdout)["transports"] == self.transports
        said = check(self.out).stdout
        assert "Sharing: " in said and "Order: over" in said and "Cost: " in said, said
        assert "OVER THE TIME" in said and ("by a group of %d" % MEMBERS) in said, said


def small():
    directory = tempfile.mkdtemp(prefix="ese-share-")
    try:
        test = Small(directory)
        status = run([(name, getattr(test, name)) for name in (
            "the_books_balance", "one_reader_falls_behind", "members_die_and_come_back", "each_member_has_its_share",
            "each_key_stays_in_order", "what_is_out_of_order_is_caught", "check_repeats_it")])
        return status if no_process_is_left(directory) else 1
    finally:
        shutil.rmtree(directory)


# ---- full ------------------------------------------------------------------------------------------------------

def a_run_of(seed, directory):
    out = os.path.join(directory, "run")
    results = compare(out, "--seed", str(seed))
    rate = int(results["options"]["rate"])
    for one in results["transports"]:
        tell(seed, out, one)
    for one in results["transports"]:
        keeps_its_books(one)
        if is_group(one):
            lost_members_and_has_them_again(one)
            keeps_up(one, rate)
        else:
            falls_behind(one, rate)
        wrong = group_order.faults(*read(out, one))
        assert wrong == [], wrong[:5]


def a_member_that_stands_still(directory):
    """For longer than its session: what it held is others' when it goes on."""
    out = os.path.join(directory, "run")
    results = compare(out, "--fault", "member-frozen", "--duration", "40")
    for one in results["transports"]:
        tell(1, out, one)
        keeps_its_books(one)
        wrong = group_order.faults(*read(out, one))
        assert wrong == [], wrong[:5]
        if is_group(one):
            assert [(deed["act"], deed["members"]) for deed in one["deeds"]] == [("freeze", [2]), ("thaw", [2])], one["deeds"]
            assert group_order.takeovers_of(group_order.members_of(os.path.join(out, one["name"]))) > 0
            keeps_up(one, 420)


def full():
    return run([("a_run_of_seed_%d" % seed, lambda seed=seed: in_a_directory(lambda place: a_run_of(seed, place)))
                for seed in range(1, 6)] +
               [("a_member_that_stands_still", lambda: in_a_directory(a_member_that_stands_still))])


if not a_real_broker_can_be_had():
    skip("no Java or no jars of a broker in " + JARS)
sys.exit(small() if SIZE == "small" else full())
