#!/usr/bin/python3
"""bench.py ESE_BENCH ESE_SERVER ESE_CONSUMER DOCUMENT - the bench as it is typed, without peers and with rounds too short
for a figure: what it prints is what the document says; who does not sync under the name of disk comes out void; an
interrupted one goes on; nothing is left behind. TAP."""
import fcntl
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile

from ese_program import run, wait_until

BENCH, SERVER, CONSUMER = (os.path.abspath(path) for path in sys.argv[1:4])
DOCUMENT = pathlib.Path(sys.argv[4])
SHORT = ("--side", "ours", "--repeats", "0", "--round-ms", "400", "--warm-up-ms", "50", "--rounds", "1")
MEMBERS = {"id", "what", "ours", "peer", "ratio", "goal", "durability", "rounds", "min", "max", "syncs_per_s",
           "verified"}


class House:
    """A copy of the bench with scripts beside it in the place of our binaries, and a directory to work in."""

    def __init__(self, **scripts):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="ese-test-"))
        self.program = BENCH
        if scripts:
            self.program = shutil.copy(BENCH, self.directory / "ese-bench")
        for name, script in scripts.items():
            path = self.directory / f"ese-{name}"
            path.write_text(f"#!/bin/sh\n{script}\n")
            path.chmod(0o755)
        self.environment = {**os.environ, "ESE_LAB_HOME": str(self.directory / "home")}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        assert not processes_in(self.directory), processes_in(self.directory)
        shutil.rmtree(self.directory)

    def bench(self, *options):
        return subprocess.run([self.program, *options], env=self.environment, stdin=subprocess.DEVNULL, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120, check=False)

    def rows(self, *options, just=SHORT):
        done = self.bench(*just, "--json", *options)
        assert done.returncode in (0, 1), (done.returncode, done.stderr)
        return done.returncode, {row["id"]: row for row in json.loads(done.stdout)}


def processes_in(directory):
    """What still runs and was told of the directory."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if any(str(directory) in word for word in words):
            found.append(words)
    return found


def members(document):
    """The names in the first column of its table of members."""
    table = document.split("## What `--json` prints")[1].split("\n## ")[0]
    return {name for line in table.splitlines() if line.startswith("| `")
            for name in re.findall(r"`(\w+)`", line.split("|")[1])}


def rows_are_measured_and_have_their_receipt():
    with House() as house:
        status, rows = house.rows("--only", "http-128,http-disk-1")
        assert status == 0 and list(rows) == ["http-disk-1", "http-128"], rows
        for row in rows.values():
            assert MEMBERS <= set(row) == members(DOCUMENT.read_text()), set(row) ^ members(DOCUMENT.read_text())
            assert row["ours"] > 0 and row["syncs_per_s"] > 0 and row["verified"] and row["rounds"] == 1, row
            assert row["peer"] is None and row["ratio"] is None and row["durability"] == "disk", row
        left = {path.name for path in (house.directory / "home/bench").iterdir()}
        assert left <= {"bench.lock", "server.log"}, left


def by_itself_there_are_five_rounds_of_each():
    """In turn; and the spread is theirs."""
    with House() as house:
        status, rows = house.rows("--only", "http-disk-1-naive", just=("--repeats", "0", "--round-ms", "100", "--warm-up-ms", "20"))
        row = rows["http-disk-1-naive"]
        assert status in (0, 1) and row["rounds"] == 5 and row["min"] <= row["ratio"] <= row["max"], row
        assert row["min"] < row["max"] and row["peer"] > 0, row


def without_a_broker_the_other_rows_are_measured_too():
    """What is voided by a machine that has no time for it is not wrong."""
    with House() as house:
        ids = ("http-slow-disk", "e2e-http-1k", "e2e-http-1k-p50", "backlog-http", "client-cost", "idle-memory",
               "soak-http")
        _, rows = house.rows("--only", ",".join(ids), "--backlog", "2000")
        assert tuple(rows) == ids, rows
        for row in rows.values():
            assert row["ours"] > 0, row
            assert row["verified"] or re.search("were due|behind its own schedule", row["void"]), row
        assert rows["e2e-http-1k"]["ours"] >= rows["e2e-http-1k-p50"]["ours"], rows
        assert 0 < rows["http-slow-disk"]["syncs_per_s"] < 1000, rows
        assert rows["backlog-http"]["memory_mib"] > 1 and rows["backlog-http"]["syncs_per_s"] > 0, rows
        left = {path.name for path in (house.directory / "home/bench").iterdir()}
        assert left <= {"bench.lock", "server.log", "reader.log", "client.log", "fleet.log"}, left


def what_is_pushed_is_measured_where_it_comes():
    """Beside what needs nobody else's program: a bare loop, a bound, and itself."""
    with House() as house:
        ids = ("webhook-os-64", "push-1", "push-100", "push-live", "push-hang")
        _, rows = house.rows("--only", ",".join(ids), just=("--repeats", "0", "--round-ms", "300", "--warm-up-ms", "50",
                                                            "--rounds", "1"))
        assert tuple(rows) == ids, rows
        for row in rows.values():
            assert row["verified"] or "nothing was acknowledged" in row["void"], row  # no time for us
            assert not row["verified"] or row["ours"] > 0 and row["peer"] > 0 and row["ratio"] > 0, row
        assert any(row["verified"] for row in rows.values()) and rows["push-100"]["peer"] == 100000, rows
        left = {path.name for path in (house.directory / "home/bench").iterdir()}
        assert left <= {"bench.lock", "server.log", "outside.log"}, left


def a_row_that_is_none_is_named_and_those_there_are():
    with House() as house:
        done = house.bench("--only", "http-disk-1,http-disk-2")
        assert done.returncode == 64 and "http-disk-2" in done.stderr and "http-disk-100" in done.stderr, done.stderr


def told_os_instead_of_disk(program):
    return f'for word; do shift; [ "$word" != disk ] || word=os; set -- "$@" "$word"; done\nexec {program} "$@"'


def a_server_that_only_says_disk_is_void():
    with House(server=told_os_instead_of_disk(SERVER)) as house:
        status, rows = house.rows("--only", "http-disk-1")
        row = rows["http-disk-1"]
        assert status == 1 and not row["verified"] and not row["reached"], row
        assert "it was not on the disk" in row["void"], row


def a_consumer_that_only_says_disk_is_void():
    with House(server=f'exec {SERVER} "$@"', consumer=told_os_instead_of_disk(CONSUMER)) as house:
        _, rows = house.rows("--only", "backlog-http", "--backlog", "2000")
        row = rows["backlog-http"]
        assert row["ours"] > 0 and not row["verified"] and "it was not on the disk" in row["void"], row


def a_consumer_that_does_not_go_on_is_told():
    with House(server=f'exec {SERVER} "$@"', consumer="echo no wish to read >&2; exit 3") as house:
        done = house.bench(*SHORT, "--only", "e2e-http-1k,backlog-http", "--backlog", "1")
        assert done.returncode == 1 and done.stdout.count("no wish to read") == 2, done


def a_server_that_cannot_be_started_is_told():
    with House(server="echo no ground to stand on >&2\nexit 3") as house:
        done = house.bench(*SHORT, "--only", "http-disk-1")
        assert done.returncode == 1 and "is void" in done.stdout and "no ground to stand on" in done.stdout, done


def is_free(lock):
    """Also a child that was forked a moment before its parent's death, and has not run yet, holds it."""
    with open(lock, "rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def an_interrupted_one_goes_on():
    with House() as house:
        options = (*SHORT[:-1], "3", "--only", "http-disk-1")
        journal = house.directory / "home/bench/rounds.jsonl"
        first = subprocess.Popen([BENCH, *options], env=house.environment, stdin=subprocess.DEVNULL,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(lambda: journal.exists() and journal.read_text().count('"round"') >= 1, "no round is finished")
        first.send_signal(signal.SIGKILL)
        first.wait()
        finished = journal.read_text().count('"round"')
        wait_until(lambda: not processes_in(house.directory), "its server is left")
        wait_until(lambda: is_free(house.directory / "home/bench/bench.lock"), "somebody holds its lock")
        second = house.bench(*options)
        assert second.returncode in (0, 1), second.stderr  # 1: a machine so busy that a round came to nothing
        assert second.stderr.count(", round ") == 3 - finished, (finished, second.stderr)
        assert not journal.exists()


def asked_to_stop_it_stops_and_leaves_nobody():
    with House() as house:
        bench = subprocess.Popen([BENCH, "--side", "ours", "--only", "http-disk-1"], env=house.environment,
                                 stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        wait_until(lambda: any("ese-server" in words[0] for words in processes_in(house.directory)), "no server")
        bench.terminate()
        said = bench.communicate(timeout=20)[1]
        assert bench.returncode == 1 and "asked to stop" in said, (bench.returncode, said)


if __name__ == "__main__":
    sys.exit(run([rows_are_measured_and_have_their_receipt, by_itself_there_are_five_rounds_of_each,
                  without_a_broker_the_other_rows_are_measured_too, what_is_pushed_is_measured_where_it_comes,
                  a_row_that_is_none_is_named_and_those_there_are, a_server_that_only_says_disk_is_void,
                  a_consumer_that_only_says_disk_is_void, a_consumer_that_does_not_go_on_is_told,
                  a_server_that_cannot_be_started_is_told, an_interrupted_one_goes_on,
                  asked_to_stop_it_stops_and_leaves_nobody]))
