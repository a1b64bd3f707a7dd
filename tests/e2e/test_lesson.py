#!/usr/bin/python3
"""Plain HTTP as it was first written, beside itself done carefully: with nothing broken, half of all clicks is lost on
one side, each loss is told by its cause, and the books balance on both. TAP.

    test_lesson.py ESE_LAB
"""
import collections
import json
import os
import shutil
import subprocess
import sys
import tempfile

import history
from lab_scene import no_process_is_left, processes_of, run

LAB = sys.argv[1]
LESSON, CAREFUL = "http+ese-store", "http"
RATE, SECONDS = 100, 6


def lab(*words):
    return subprocess.run([LAB, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120)


def acknowledged_places(path):
    """Of each acknowledged event its ip and millisecond, read from the client's history by nobody else's code."""
    offered, places = {}, []
    for record in history.records(path):
        if record.kind == "offered":
            offered[record.id] = record.key, record.a
        elif record.kind == "acknowledged":
            places.append(offered[record.id])
    return places


class Lesson:
    def __init__(self):
        self.directory = tempfile.mkdtemp(prefix="ese-lesson-")
        self.run = os.path.join(self.directory, "run")
        self.result = lab("compare", "--transports", f"{LESSON},{CAREFUL}", "--source", "clicks", "--fault", "none",
                          "--rate", str(RATE), "--duration", str(SECONDS), "--warmup", "1", "--out", self.run, "--json",
                          "--quiet")
        found = json.loads(self.result.stdout)["transports"] if self.result.stdout else []
        self.found = {one["name"]: one for one in found}

    def both_ledgers_balance(self):
        assert self.result.returncode == 0, (self.result.returncode, self.result.stderr)
        for one in self.found.values():
            ledger, mails = one["ledger"], one["mails"]
            assert one["verdict"]["ledger"]["word"] == "pass", one["verdict"]
            assert one["drained"] and ledger["in_flight"] == 0, ledger
            assert ledger["offered"] == ledger["acknowledged"] > RATE * SECONDS, ledger
            assert ledger["acknowledged"] == ledger["processed"] + ledger["lost"], ledger
            assert sum(ledger["lost_by"].values()) == ledger["lost"], ledger
            assert mails["arrived"] == mails["matched"] + mails["altered"], mails

    def a_third_at_least_is_lost_by_clash(self):
        ledger = self.found[LESSON]["ledger"]
        assert ledger["lost_by"]["clash"] == ledger["lost"] > ledger["acknowledged"] / 3, ledger
        assert self.found[LESSON]["mails"]["lost"] >= 3, self.found[LESSON]["mails"]

    def and_nothing_beside_it(self):
        ledger, mails = self.found[CAREFUL]["ledger"], self.found[CAREFUL]["mails"]
        assert ledger["lost"] == 0 and ledger["processed"] == ledger["acknowledged"], ledger
        assert mails["lost"] == mails["doubled"] == 0 and mails["arrived"] == mails["expected"], mails

    def an_independent_count_agrees(self):
        """Of each ip and millisecond the last one stays; a poll may have come just before it was overwritten."""
        places = collections.Counter(acknowledged_places(os.path.join(self.run, LESSON, "client.history")))
        clashes = sum(places.values()) - len(places)
        lost = self.found[LESSON]["ledger"]["lost_by"]["clash"]
        assert clashes * 0.95 <= lost <= clashes, (clashes, lost)

    def its_column_says_that_it_has_less_durability(self):
        assert [self.found[name]["durability"] for name in (LESSON, CAREFUL)] == ["memory", "os"]

    def check_repeats_it_and_says_whose_store_it_was(self):
        again = lab("check", self.run)
        assert again.returncode == 0, again.stdout + again.stderr
        for words in ("by key clash", "by the store's death", "in a Redis of its own, and lost it when that died"):
            assert words in again.stdout, again.stdout

    def without_the_servers_history_it_cannot_be_told(self):
        for harm in (os.unlink, lambda path: os.truncate(path, os.path.getsize(path) // 2)):
            copy = os.path.join(self.directory, "copy")
            shutil.copytree(self.run, copy)
            harm(os.path.join(copy, LESSON, "server.history"))
            checked = lab("check", "--json", copy)
            shutil.rmtree(copy)
            verdict = json.loads(checked.stdout)["transports"][0]["verdict"]["ledger"]
            assert checked.returncode == 2 and "server.history" in verdict["reason"], verdict

    def it_is_not_tortured(self):
        """No round over it could fail."""
        tortured = lab("torture", "--transports", LESSON, "--out", os.path.join(self.directory, "torture"))
        assert tortured.returncode == 64 and tortured.stdout == "" and "may lose" in tortured.stderr, tortured
        assert not os.path.exists(os.path.join(self.directory, "torture"))

    def nothing_is_left_running(self):
        assert no_process_is_left(self.directory), processes_of(self.directory)

    def close(self):
        shutil.rmtree(self.directory)


def main():
    lesson = Lesson()
    failed = run([(name, getattr(lesson, name)) for name in (
        "both_ledgers_balance", "a_third_at_least_is_lost_by_clash", "and_nothing_beside_it",
        "an_independent_count_agrees", "its_column_says_that_it_has_less_durability",
        "check_repeats_it_and_says_whose_store_it_was", "without_the_servers_history_it_cannot_be_told",
        "it_is_not_tortured", "nothing_is_left_running")])
    lesson.close()
    sys.exit(failed)


main()
