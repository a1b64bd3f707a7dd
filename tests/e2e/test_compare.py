#!/usr/bin/python3
"""The whole comparison, as a newcomer runs it, with a load that is small but not too small: a bad day at 400 events/s, on
which the consumers are killed and stay away long enough for the servers, killed as well, to be back before them. TAP.

    test_compare.py ESE_LAB TRANSPORTS
"""
import copy
import email.parser
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile

import count_independently
from lab_scene import JARS, a_real_broker_can_be_had, no_process_is_left, processes_of, run, skip

LAB, TRANSPORTS = sys.argv[1:3]


def compare(directory, *more):
    command = [LAB, "compare", "--transports", TRANSPORTS, "--source", "clicks", "--out", directory, "--json",
               "--quiet", *more]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=150)


def check(directory):
    return subprocess.run([LAB, "check", "--json", directory], stdout=subprocess.PIPE, text=True, timeout=60)


def read_log(jar, path):
    """What HistogramLogProcessor makes of a log: percentiles from 0 to 1 with their values in microseconds, and its
    count and maximum."""
    done = subprocess.run(["java", "-cp", jar, "org.HdrHistogram.HistogramLogProcessor", "-i", path,
                           "-outputValueUnitRatio", "1"], stdout=subprocess.PIPE, check=True, timeout=60, text=True)
    lines = re.findall(r"^ *([\d.]+) +([01]\.\d+) +\d+", done.stdout, re.MULTILINE)
    most, count = re.search(r"#\[Max += +([\d.]+), Total count += +(\d+)\]", done.stdout).groups()
    return [(float(percentile), float(value)) for value, percentile in lines], int(count), float(most)


def compare_with_log(told, log, what):
    """As near as two readers of the same buckets come: one in a thousand. Of a percentile that the tool does not list, it
    lies between the two beside it."""
    percentiles, count, most = log
    assert count == told["count"] > 0, (what, count, told)
    assert abs(most - told["max"]) <= told["max"] * 0.001 + 1, (what, most, told)
    for name, wanted in (("p50", 0.5), ("p99", 0.99), ("p999", 0.999)):
        below = max((value for percentile, value in percentiles if percentile <= wanted), default=0)
        above = min(value for percentile, value in percentiles if percentile >= wanted)
        assert below * 0.999 - 1 <= told[name] <= above * 1.001 + 1, (what, name, below, above, told)


def mails_of(directory, transport):
    box = os.path.join(directory, transport["name"], "maildir", "new")
    return sorted(os.path.join(box, name) for name in os.listdir(box))


class Comparison:
    def __init__(self):
        self.directory = tempfile.mkdtemp(prefix="ese-compare-")
        self.run = os.path.join(self.directory, "run")
        self.result = compare(self.run, "--rate", "400", "--duration", "15", "--warmup", "2", "--gap", "4",
                              "--retry-deadline-ms", "30000")  # a broker may take its time on a busy machine
        self.transports = json.loads(self.result.stdout)["transports"] if self.result.stdout else []
        self.careful = [one for one in self.transports if "+" not in one["name"]]
        self.counted = []

    def the_ledgers_balance(self):
        for one in self.careful:
            ledger, mails = one["ledger"], one["mails"]
            assert one["verdict"]["ledger"]["word"] == "pass", one["verdict"]
            assert ledger["acknowledged"] > 6400 and ledger["lost"] == 0 and ledger["in_flight"] == 0, ledger
            assert one["endings"] == [], one["endings"]
            assert mails["expected"] >= 200 and mails["lost"] == 0 and mails["doubled"] == 0, mails
            assert mails["arrived"] == mails["expected"], mails
        assert self.result.returncode == 0, self.result.returncode
        assert [one["name"] for one in self.transports] == TRANSPORTS.split(",")

    def a_lesson_has_lost_what_it_is_to_show(self):
        for one in self.transports:
            lost_by, mails = one["ledger"]["lost_by"], one["mails"]
            assert one["verdict"]["ledger"]["word"] == "pass", one["verdict"]
            if one in self.careful:
                assert one["never_got_mail"] == [], one["never_got_mail"]
                continue
            assert lost_by["clash"] > 0 and lost_by["death"] > 0 and lost_by["other"] == 0, lost_by
            assert mails["lost"] >= 3 and len(one["never_got_mail"]) == 3, (mails, one["never_got_mail"])

    def a_backlog_was_read_soon(self):
        for one in self.careful:
            assert one["backlog_at_restart"] >= 50, one["backlog_at_restart"]
            assert 0 <= one["reads_again_us"] < 3 * 2000000, one["reads_again_us"]  # promised: two seconds

    def the_bad_day_came_to_all_at_once(self):
        wanted = [("kill", "consumer", 0), ("kill", "server", 4), ("start", "server", 6), ("start", "consumer", 10)]
        for one in self.transports:
            deeds, began_ns = one["deeds"], self.transports[0]["deeds"][0]["done_ns"]
            done = [(deed["act"], (deed["parties"] + deed["passed_over"])[0]) for deed in deeds]
            assert done == [step[:2] for step in wanted], deeds
            assert one["broker"] == "" or "broker" in deeds[1]["parties"], deeds
            for deed, (_, _, seconds) in zip(deeds, wanted):
                assert abs((deed["done_ns"] - began_ns) / 1e9 - seconds) < 0.5, deeds

    def all_was_well_again_soon(self):
        for one in self.transports:
            if one["deeds"][1]["parties"]:
                assert 1500000 < one["acknowledges_again_us"] < 30000000, one["acknowledges_again_us"]
            assert 0 <= one["backlog_gone_us"] < 30000000, one["backlog_gone_us"]

    def the_cost_is_told(self):
        for one in self.transports:
            for name, value in one["cost"].items():
                assert name == "parties" or value > 0, (one["name"], name)

    def each_partys_cost_is_told(self):
        for one in self.transports:
            parties = {party["party"]: party for party in one["cost"]["parties"]}
            client, consumer, mailer = parties["client"], parties["consumer"], parties["mailer"]
            assert len(parties) == one["cost"]["processes"], parties
            assert abs(sum(party["cpu_s"] for party in parties.values()) - one["cost"]["cpu_s"]) < 0.001, parties
            assert sum(party["wire_bytes"] or 0 for party in parties.values()) == one["cost"]["wire_bytes"], parties
            for party in parties.values():
                assert party["context_switches"] > 0 and party["rss_peak_bytes"] > 1000000, party
            assert consumer["lives"] == 2 and client["lives"] == 1, parties
            assert consumer["syncs"] > 0 and mailer["syncs"] > 0, parties
            assert mailer["requests"] > 0 and consumer["requests_sent"] >= mailer["requests"], parties
            if "broker" in parties:
                asked = sum(party["requests_sent"] for name, party in parties.items() if name != "broker")
                assert 0 < parties["broker"]["requests"] < asked and parties["broker"]["syncs"] is None, parties
            if client["requests_sent"] > one["ledger"]["offered"]:  # one an event, and what was tried again
                assert parties["server"]["requests"] >= one["ledger"]["acknowledged"], parties
            assert client["requests_per_event"] * one["ledger"]["offered"] >= client["requests_sent"] * 0.999, client

    def the_public_tools_read_the_latencies(self):
        """HdrHistogram's own reader of logs, which comes with a broker's jars, says what results.json does."""
        jars = [os.path.join(JARS, name) for name in os.listdir(JARS) if name.startswith("HdrHistogram-")] \
            if os.path.isdir(JARS) else []
        if not jars or shutil.which("java") is None:
            print("# not looked at: no Java, or no HdrHistogram's jar")
            return
        for one in self.transports:
            for name in ("ack", "end_to_end", "mail"):
                log = os.path.join(self.run, one["name"], name + ".hlog")
                compare_with_log(one["latency_us"][name], read_log(jars[0], log), (one["name"], name))

    def check_repeats_the_ledger(self):
        again = check(self.run)
        assert again.returncode == 0
        assert json.loads(again.stdout)["transports"] == self.transports

    def an_independent_count_agrees(self):
        self.counted = list(count_independently.count_all(self.run, JARS))
        wrong = [words for one in self.counted for words in count_independently.differences(*one)]
        assert len(self.counted) == len(self.transports) and wrong == [], wrong

    def a_count_that_is_one_off_is_caught(self):
        """Each of them, and a person who is not among those who miss a mail."""
        for transport, counted, missed in self.counted:
            for member in counted:
                off = copy.deepcopy(transport)
                *path, last = member.split(".")
                count_independently.said(off, ".".join(path))[last] += 1
                (wrong,) = count_independently.differences(off, counted, missed)
                assert member in wrong, wrong
            off = dict(transport, never_got_mail=[{"person": "somebody"}] * min(3, len(missed) + 1))
            assert len(count_independently.differences(off, counted, missed)) == 1

    def a_mail_taken_away_is_counted(self):
        """Of those whose store needs no broker to be read."""
        for one, before, _ in self.counted:
            if one["broker"] == "" and one in self.careful:
                self.count_one_less(one, before)

    def count_one_less(self, one, before):
        def plant(directory):
            os.unlink(mails_of(directory, one)[0])
            return count_independently.count(os.path.join(directory, one["name"]), JARS)[0]
        after = self.with_copy(one, plant)
        changed = {member: after[member] - before[member] for member in before if after[member] != before[member]}
        assert changed == {"mails.arrived": -1, "mails.matched": -1, "mails.lost": 1}, changed

    def a_mail_names_the_trace_of_its_event(self):
        """The trace id of a mail is the id of the event that completed it, in the client's own history."""
        for one in self.transports:
            with open(os.path.join(self.run, one["name"], "client.history"), "rb") as file:
                history = file.read()
            for path in mails_of(self.run, one)[:20]:
                with open(path, "rb") as file:
                    head = email.parser.BytesHeaderParser().parse(file)
                version, trace, _, _ = head["traceparent"].split("-")
                assert version == "00" and bytes.fromhex(trace) in history, path
                assert head["X-ESE-Transport"] == one["name"], head["X-ESE-Transport"]

    def with_copy(self, one, do):
        """Of a run that was over this transport alone."""
        place = os.path.join(self.directory, "planted")
        shutil.copytree(os.path.join(self.run, one["name"]), os.path.join(place, one["name"]),
                        ignore=shutil.ignore_patterns("broker"))
        with open(os.path.join(self.run, "results.json")) as file:
            results = json.load(file)
        results["transports"] = [found for found in results["transports"] if found["name"] == one["name"]]
        with open(os.path.join(place, "results.json"), "w") as file:
            json.dump(results, file)
        try:
            return do(place)
        finally:
            shutil.rmtree(place)

    def planted(self, plant):
        return self.with_copy(self.careful[0], lambda place: (plant(place), check(place))[1])

    def a_copy_without_harm_passes(self):
        assert self.planted(lambda place: None).returncode == 0

    def a_missing_mail_is_caught(self):
        assert self.planted(lambda place: os.unlink(mails_of(place, self.careful[0])[0])).returncode == 1

    def a_doubled_mail_is_caught(self):
        def plant(place):
            mail = mails_of(place, self.careful[0])[0]
            shutil.copy(mail, mail + ".again")
        assert self.planted(plant).returncode == 1

    def a_history_cut_short_cannot_be_told(self):
        for name in ("client.history", "consumer-1.history", "store.history", "mailer.history"):
            for keep in (lambda size: 100, lambda size: 4096, lambda size: size // 2, lambda size: size - 48):
                def cut(place):
                    path = os.path.join(place, self.careful[0]["name"], name)
                    os.truncate(path, keep(os.path.getsize(path)))
                checked = self.planted(cut)
                verdict = json.loads(checked.stdout)["transports"][0]["verdict"]["ledger"]
                assert checked.returncode == 2 and name in verdict["reason"], (name, verdict)

    def nothing_is_left_running(self):
        assert no_process_is_left(self.directory), processes_of(self.directory)

    def close(self):
        shutil.rmtree(self.directory)


def start_until_it_moves(directory):
    lab = subprocess.Popen([LAB, "compare", "--transports", TRANSPORTS, "--out", directory],
                           stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    for line in lab.stderr:
        if "running" in line or "warming" in line:
            return lab
    raise AssertionError("it ended before it ran: %s" % lab.wait())


def ended_early(how):
    """The lab is stopped in the middle of a run: nothing of it may stay."""
    directory = tempfile.mkdtemp(prefix="ese-stopped-")
    try:
        lab = start_until_it_moves(os.path.join(directory, "run"))
        lab.send_signal(how)
        lab.stderr.close()
        lab.wait(30)
        assert no_process_is_left(directory), processes_of(directory)
    finally:
        shutil.rmtree(directory)


def main():
    if "kafka" in TRANSPORTS and not a_real_broker_can_be_had():
        skip("no Java or no jars of a broker in " + JARS)
    whole = Comparison()
    tests = [(name, getattr(whole, name)) for name in (
        "the_ledgers_balance", "a_lesson_has_lost_what_it_is_to_show", "the_bad_day_came_to_all_at_once",
        "all_was_well_again_soon", "a_backlog_was_read_soon", "the_cost_is_told", "each_partys_cost_is_told",
        "the_public_tools_read_the_latencies",
        "check_repeats_the_ledger",
        "an_independent_count_agrees", "a_count_that_is_one_off_is_caught", "a_mail_taken_away_is_counted",
        "a_mail_names_the_trace_of_its_event", "a_copy_without_harm_passes", "a_missing_mail_is_caught",
        "a_doubled_mail_is_caught", "a_history_cut_short_cannot_be_told", "nothing_is_left_running")]
    tests += [("ctrl_c_leaves_nothing", lambda: ended_early(signal.SIGINT)),
              ("a_crash_of_the_lab_leaves_nothing", lambda: ended_early(signal.SIGKILL))]
    failed = run(tests)
    whole.close()
    sys.exit(failed)


main()
