#!/usr/bin/python3
"""All scenarios, as `run all` does them, and how long each takes. TAP.

    all.py ESE_LAB SCENARIOS small|full
"""
import json
import os
import sys

import trial
from trial import Case

LAB, SCENARIOS, SIZE = sys.argv[1:4]
PROMISED_S = {"small": 15, "full": 180}  # each; what is asserted leaves room for a machine that others use, too
OPTIONS = {"small": ["--small", "--beside", "3"], "full": []}
PROMISED_ALL_S = {"small": 360, "full": 1800}
ALL_S = {size: 2 * seconds for size, seconds in PROMISED_ALL_S.items()}


def tell_how_long(told, seconds):
    """The last lines, so that it is seen."""
    over = [one["name"] for one in told if one["seconds"] > PROMISED_S[SIZE]]
    for one in sorted(told, key=lambda one: -one["seconds"]):
        mark = f", over {PROMISED_S[SIZE]} s" if one["name"] in over else ""
        print(f"# {one['seconds']:6.1f} s  {one['name']}{mark}")
    print(f"# {sum(one['seconds'] for one in told):6.1f} s  the sum of each one's")
    print(f"# {seconds:6.1f} s  all of them, side by side where there is room; promised are {PROMISED_ALL_S[SIZE]} s")
    print(f"# {len(over)} of {len(told)} took more than the {PROMISED_S[SIZE]} s that are promised of each"
          + (": " if over else "") + ", ".join(over))


def cases(place):
    done, seconds = trial.run(LAB, SCENARIOS, "all", "--out", os.path.join(place, "run"), *OPTIONS[SIZE])
    leaves_nobody = trial.leaves_nobody(place)
    told = [json.loads(line) for line in done.stdout.splitlines()]
    for one in told:
        yield Case(one["holds"], f"{one['name']} is as it should be", "\n".join(one["wrong"]))
        yield trial.takes_at_most(trial.EACH_S[SIZE], f"{one['name']} takes", one["seconds"])
    names = trial.names_of(SCENARIOS)
    yield Case(sorted(one["name"] for one in told) == names, "each is told of", done.stderr[-2000:])
    yield Case((done.returncode == 0) == all(one["holds"] for one in told), "the exit status is theirs", str(done.returncode))
    yield trial.takes_at_most(ALL_S[SIZE], "all of them take", seconds)
    yield leaves_nobody
    tell_how_long(told, seconds)


def main():
    trial.needs_a_broker()
    return trial.try_out(cases)


if __name__ == "__main__":
    sys.exit(main())
