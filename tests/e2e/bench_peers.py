#!/usr/bin/python3
"""bench_peers.py ESE_BENCH FETCH_PEERS HOME - rows of the bench beside the real peers, quick: each has its receipt, and
nothing is left over. Whether a goal is reached is not asked here: that needs a machine with nothing else to do. TAP."""
import json
import os
import pathlib
import re
import subprocess
import sys

from ese_program import run

BENCH, FETCH, HOME = (os.path.abspath(path) for path in sys.argv[1:4])
# A machine that others use keeps no schedule: then that is what is said.
NO_TIME = "were due and|were to be sent and|behind its own schedule"
ENVIRONMENT = {**os.environ, "ESE_LAB_HOME": HOME}


def rows(*ids):
    done = subprocess.run([BENCH, "--quick", "--repeats", "0", "--json", "--only", ",".join(ids)], env=ENVIRONMENT,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=900, check=False)
    assert done.returncode in (0, 1), done.stderr
    found = json.loads(done.stdout)
    assert [row["id"] for row in found] == list(ids), found
    for row in found:
        assert row["verified"] or re.search(NO_TIME, row["void"]), (row, done.stderr)
        assert row["ours"] > 0 and row["peer"] > 0 and row["ratio"] > 0, (row, done.stderr)
        assert row["rounds"] == (1 if row["id"].startswith("soak") else 3) and row["quick"], row
        assert row["min"] <= row["ratio"] <= row["max"], row
    left = {path.name for path in pathlib.Path(HOME, "bench").iterdir() if path.is_dir()}
    assert not left, left


def peers_come_and_come_once():
    for limit in (900, 5):
        subprocess.run([FETCH, os.path.join(HOME, "peers")], check=True, timeout=limit, stdout=subprocess.DEVNULL)


def beside_redis():
    rows("http-disk-1", "e2e-http-1k", "e2e-http-1k-p50")


def beside_postgresql():
    rows("http-disk-1-pg")


def beside_other_producers():
    rows("kafka-direct", "kafka-direct-tool", "kafka-server-1-os-http", "e2e-kafka-1k", "e2e-kafka-1k-p50",
         "idle-memory-kafka", "idle-memory-gateway", "soak-kafka")


def beside_kcat():
    rows("backlog-kafka", "backlog-http")


if __name__ == "__main__":
    sys.exit(run([peers_come_and_come_once, beside_redis, beside_postgresql, beside_other_producers, beside_kcat]))
