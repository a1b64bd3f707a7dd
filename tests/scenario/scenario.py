#!/usr/bin/python3
"""A scenario is run, over every transport of this build, and each of its expectations is a case. TAP.

    scenario.py ESE_LAB SCENARIOS NAME small|full
"""
import json
import os
import sys

import trial
from trial import Case

LAB, SCENARIOS, NAME, SIZE = sys.argv[1:5]
OPTIONS = {"small": ["--small"], "full": []}
TRIES = 3  # where nothing is shown, as the machine was too busy to tell of time


def run_until_something_is_shown(place):
    for number in range(TRIES):
        done, seconds = trial.run(LAB, SCENARIOS, NAME, "--quiet", "--out", os.path.join(place, f"run-{number}"),
                                  *OPTIONS[SIZE])
        told = json.loads(done.stdout) if done.stdout else {}
        if told.get("verdict", {}).get("word") != "cannot tell":
            break
        print(f"# nothing is shown: {told['verdict']['reason']}")
    return told, done, seconds


def cases(place):
    told, done, seconds = run_until_something_is_shown(place)
    leaves_nobody = trial.leaves_nobody(place)
    for one in told.get("expectations", []):
        yield Case(one["holds"] != "NO", f"{one['transport']}: {one['claim']}", f"found: {one['found']}", one["holds"] != "-")
    verdicts = [f"{one['name']}: {one['verdict']}" for one in told.get("results", {}).get("transports", [])]
    is_told = told.get("verdict", {}).get("word") != "cannot tell" or \
        not any(one["holds"] == "-" and "withheld" in one["found"] for one in told["expectations"])
    yield Case(done.returncode == 0 or not is_told, "all that has to hold holds",
               "\n".join([done.stderr[-2000:], str(told.get("verdict")), *verdicts]), is_told)
    yield trial.takes_at_most(trial.EACH_S[SIZE], "it takes", seconds)
    yield leaves_nobody
    print(f"# {seconds:.1f} s")


def main():
    trial.needs_a_broker()
    return trial.try_out(cases)


if __name__ == "__main__":
    sys.exit(main())
