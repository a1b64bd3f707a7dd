#!/usr/bin/python3
"""An expectation that cannot fail is worth nothing. What each scenario is about is taken out of its text, which has to be
found out: at least one expectation does not hold any more, of those that are about it. TAP.

    mutation.py ESE_LAB SCENARIOS quick|full TRANSPORTS

quick: what shows without a broker, over the transports named here, of those that this build has. full: each, over all
transports of its text.
"""
import concurrent.futures
import json
import os
import shutil
import sys
import tempfile

import trial
from trial import Case

LAB, SCENARIOS, SIZE = sys.argv[1:4]
THERE = set(sys.argv[4].split(","))
BESIDE = {"quick": 3, "full": 2}
LIMIT_S = 240
BROKER = None  # it takes one, and is left to full


def without(*beginnings):
    """The lines that begin so are gone."""
    return lambda text: "".join(line for line in text.splitlines(keepends=True)
                                if not any(line.split()[:len(words)] == words
                                           for words in (beginning.split() for beginning in beginnings)))


def instead(*pairs):
    def changed(text):
        for old, new in pairs:
            assert old in text, f"'{old}' is not there any more"
            text = text.replace(old, new)
        return text
    return changed


# Of each text: what is taken away; over which transports that shows; in which figure.
CALM = without("at")
MUTATIONS = {
    # Nothing goes wrong in it: who is said to win is the other one.
    "answer-now": [(instead(("expect   http,webhook          latency_us", "expect   kafka                 latency_us"),
                            ("kafka/latency_us", "http/latency_us")), BROKER, "latency_us.ack.p50")],
    "bad-deployment": [(CALM, "file", "lag.highest")],
    "bad-disk": [(CALM, "http", "endings.0.party")],
    "broker-loss": [(CALM, "http", "acknowledges_again_us")],
    "burst": [(without("with schedule"), "file", "lag.highest")],
    "clock-set": [(CALM, "file", "ledger.late")],
    "consumer-down": [(CALM, "file", "backlog_at_restart")],
    "crash-before-commit": [(CALM, "file", "ledger.redelivered")],
    "disk-full": [(CALM, "http", "rates.acknowledged.2")],
    "fan-out": [(without("with readers"), "file", "readers.*.missed")],
    "flaky-destinations": [(without("with flaky"), "http", "destinations.hung.missed"),
                           (without("with destinations", "with flaky"), "http", "destinations.missed")],
    "half-open": [(CALM, "http", "lag.highest"), (CALM, "webhook", "lag.highest")],
    "hot-key": [(without("with hot-percent"), BROKER, "latency_us.end_to_end.p99")],
    "later-reader": [(without("with late-readers", "at"), "file", "readers.*.began_ns")],
    # Either claim of it will do: the one is about time.
    "linger": [(instead(("linger.ms=50", "linger.ms=1")), BROKER, "")],
    "lost-acknowledgement": [(CALM, "http", "rates.acknowledged.2")],
    "mail-server": [(CALM, "file", "deeds.0.parties.0")],
    "measuring-wrong": [(CALM, "http", "latency_us.ack.p99")],
    "order-per-key": [(without("with consumers"), BROKER, "consumers")],
    "poison": [(without("with poison-every"), "file", "ledger.dead_letters")],
    "power-cut": [(CALM, "http", "acknowledges_again_us")],
    "pushed-again": [(CALM, f"webhook+{lesson}:push-timeout-ms=200", figure)
                     for lesson, figure in (("gives-up", "ledger.in_flight"), ("two-lines", "ledger.redelivered"))],
    "pushed-carelessly": [(CALM, "webhook+handover-hole", "ledger.lost")],
    # Nor in this: the small one would need half of the other's memory.
    "quiet-shop": [(instead(("expect   http,webhook          cost.rss", "expect   kafka                 cost.rss"),
                            ("kafka/cost.rss", "http/cost.rss")), BROKER, "cost.rss_peak_bytes")],
    "receiver-away": [(CALM, "webhook", "backlog_at_restart"),
                      (instead(("5s  start", "6900ms  start")), "webhook", "lag.at_load_end")],
    "rebalance": [(CALM, "file", "deeds.1.passed_over.0"), (CALM, BROKER, "ledger.redelivered")],
    "retention": [(without("with retention"), transports, "ledger.skipped_by_retention")
                  for transports in ("http", "webhook")],
    "sent-twice": [(without("with resend-every"), "file", "ledger.stored_twice")],
    "slow-consumer": [(without("with rule-cost-us"), "file", "lag.at_load_end")],
    "slow-receiver": [(without("with rule-cost-us"), "webhook", "lag.highest"),
                      # The others stand, too.
                      (instead(("with     readers 3\n", "with     readers 3\nat 1s freeze readers\nat 4s thaw readers\n")),
                       "webhook", "readers.*.lag_highest")],
    "slow-line": [(CALM, BROKER, "latency_us.ack.p99")],
    "sources-and-sinks": [(without("with clients"), "file", "verdict.ledger.word"),
                          (without("with readers"), "http", "readers.*.missed")],
}
OTHERS = [(CALM, "file,http", "")]  # of a text that is not named above: any figure will do


def wanted():
    for name in trial.names_of(SCENARIOS):
        for mutate, transports, figure in MUTATIONS.get(name, OTHERS):
            if SIZE == "full" or (transports is not BROKER and
                                  THERE.issuperset(one.split(":")[0] for one in transports.split(","))):
                yield name, mutate, transports if SIZE == "quick" else None, figure


def text_of(name):
    with open(os.path.join(SCENARIOS, name + ".scenario"), encoding="utf-8") as file:
        return file.read()


def stale():
    """Of all of them, those that take nothing away: their text has changed."""
    for name in sorted({*trial.names_of(SCENARIOS), *MUTATIONS}):
        for number, (mutate, _, _) in enumerate(MUTATIONS.get(name, OTHERS), 1):
            try:
                text = text_of(name)
                if mutate(text) == text:
                    yield f"{name}, {number}: there is nothing in it to take away"
            except (AssertionError, OSError) as said:
                yield f"{name}, {number}: {said}"


def look(name, mutate, transports, figure):
    """"" where it was found out, or what was found instead."""
    with tempfile.TemporaryDirectory(prefix="ese-mutation-") as shelf:
        for file in os.listdir(SCENARIOS):
            if not file.endswith(".scenario"):
                shutil.copy(os.path.join(SCENARIOS, file), shelf)
        text = text_of(name)
        mutated = mutate(text)
        with open(os.path.join(shelf, name + ".scenario"), "w", encoding="utf-8") as file:
            file.write(mutated)
        done, _ = trial.run(LAB, shelf, name, "--small", "--quiet", "--out", os.path.join(shelf, "out"),
                            *(["--transports", transports] if transports else []), limit_s=LIMIT_S)
    told = json.loads(done.stdout) if done.stdout else {}
    held = [f"{one['holds']} {one['transport']}: {one['claim']}, found {one['found']}" for one in told.get("expectations", [])]
    broken = [one["claim"] for one in told.get("expectations", []) if one["holds"] == "NO"]
    # What is about time alone, and could not be told, has shown nothing: that is no pass either.
    is_untold = told.get("verdict", {}).get("word") == "cannot tell" and "alone" in text.splitlines()
    if done.returncode == 1 and (is_untold or any(claim.startswith(figure) for claim in broken)):
        return ""
    return "\n".join([f"exit status {done.returncode}", done.stderr[-1000:], *held])


def cases():
    old = list(stale())
    yield Case(not old, "each takes something away", "\n".join(old))
    if old:
        return
    in_time, others = [], []
    for one in wanted():
        (in_time if one[-1].startswith("latency_us") else others).append(one)
    # Who is disturbed has no times to show.
    for tried, beside in ((others, BESIDE[SIZE]), (in_time, 1)):
        with concurrent.futures.ThreadPoolExecutor(beside) as pool:
            for (name, _, transports, figure), found in zip(tried, pool.map(lambda one: look(*one), tried)):
                yield Case(not found, f"{name} without what it is about, over {transports or 'all'}: "
                                      f"{figure or 'something'} shows it", found)


def main():
    if SIZE == "full":
        trial.needs_a_broker()
    return trial.tell(cases())


if __name__ == "__main__":
    sys.exit(main())
