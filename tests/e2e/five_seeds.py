#!/usr/bin/python3
"""The bad day of the default, as a newcomer sees it, over five seeds: what the lesson has to lose it loses, by each cause
and by name; of what the others acknowledged nothing is lost or doubled; and whoever counts independently comes to the same.
Then one seed twice with nothing broken, data and all. Takes ten minutes. TAP.

    five_seeds.py ESE_LAB TRANSPORTS
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile

import count_independently
import same_seed
from lab_scene import JARS, a_real_broker_can_be_had, no_process_is_left, processes_of, run, skip

LAB, TRANSPORTS = os.path.abspath(sys.argv[1]), sys.argv[2]
SEEDS = range(1, 6)


def compare(out, seed, *more):
    done = subprocess.run([LAB, "compare", "--transports", TRANSPORTS, "--seed", str(seed), "--out", out, "--json",
                           "--quiet", *more],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=300, check=False)
    assert done.returncode == 0, (done.returncode, done.stderr, done.stdout[-2000:])
    return json.loads(done.stdout)["transports"]


def check_lesson(one):
    lost_by, mails = one["ledger"]["lost_by"], one["mails"]
    assert lost_by["clash"] > 0 and lost_by["death"] > 0 and lost_by["other"] == 0, lost_by
    assert mails["lost"] >= 3 and mails["doubled"] == 0, mails
    named = {person["person"]: person["story"] for person in one["never_got_mail"]}
    assert len(named) == 3 and all("no mail came" in story for story in named.values()), named


def check_careful(one):
    ledger, mails = one["ledger"], one["mails"]
    assert ledger["lost"] == 0 and mails["expected"] >= 200 and mails["lost"] == 0 and mails["doubled"] == 0, (ledger, mails)
    assert one["never_got_mail"] == [], one["never_got_mail"]


def tell(seed, one):
    ledger, mails = one["ledger"], one["mails"]
    print("# seed %d %s: %d acknowledged of %d, lost %d (clash %d, death %d), unknown %d; mails %d of %d, lost %d, doubled"
          " %d; acknowledged again after %.1f s; load %.1f" % (
              seed, one["name"], ledger["acknowledged"], ledger["offered"], ledger["lost"], ledger["lost_by"]["clash"],
              ledger["lost_by"]["death"], ledger["unknown"], mails["arrived"], mails["expected"], mails["lost"],
              mails["doubled"], one["acknowledges_again_us"] / 1e6, os.getloadavg()[0]), flush=True)


def in_a_directory(test):
    directory = tempfile.mkdtemp(prefix="ese-five-")
    try:
        test(directory)
        assert no_process_is_left(directory), processes_of(directory)
    finally:
        shutil.rmtree(directory)


def a_bad_day(seed, directory):
    out = os.path.join(directory, "run")
    transports = compare(out, seed)
    for one in transports:
        tell(seed, one)
        assert one["verdict"]["ledger"]["word"] == "pass" and one["endings"] == [], one
        (check_lesson if "+" in one["name"] else check_careful)(one)
    wrong = [words for one in count_independently.count_all(out, JARS) for words in count_independently.differences(*one)]
    assert wrong == [], wrong


def a_good_day_twice(directory):
    days = []
    for number in range(2):
        out = os.path.join(directory, str(number))
        compare(out, 1, "--fault", "none")
        days.append([side for side in same_seed.sides_of(out, True) if side.has_data])
    careful = [side for day in days for side in day]
    assert len(careful) == 2 * sum("+" not in name for name in TRANSPORTS.split(",")), len(careful)
    different = same_seed.differences(careful)
    assert different == [], different
    print("# %d events and %d decisions on each of %d sides" % (
        len(careful[0].offers), len(careful[0].decisions), len(careful)))


def main():
    if "kafka" in TRANSPORTS and not a_real_broker_can_be_had():
        skip("no Java or no jars of a broker in " + JARS)
    sys.exit(run([("a_bad_day_of_seed_%d" % seed, lambda seed=seed: in_a_directory(lambda place: a_bad_day(seed, place)))
                  for seed in SEEDS] +
                 [("a_good_day_twice", lambda: in_a_directory(a_good_day_twice))]))


main()
