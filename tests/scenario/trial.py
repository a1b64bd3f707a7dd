"""What tests of scenarios share: which there are, how long they may take, whom they leave, and TAP of what came of them."""
import os
import subprocess
import tempfile
import time
import typing

from lab_scene import a_real_broker_can_be_had, pids_of, skip

EACH_S = {"small": 3 * 15, "full": 3 * 180}  # three times what is promised of them


class Case(typing.NamedTuple):
    """Whether it is well, what it is, what there is to say of it, whether it was looked at."""
    is_well: bool
    what: str
    said: str
    is_looked_at: bool = True


def names_of(directory):
    return sorted(name.removesuffix(".scenario") for name in os.listdir(directory) if name.endswith(".scenario"))


def needs_a_broker():
    if not a_real_broker_can_be_had():
        skip("Java or Kafka's jars are missing")


def run(lab, scenarios, *words, limit_s=None):
    """What `ese-lab scenario run` came to, and how many seconds it took."""
    begun = time.monotonic()
    done = subprocess.run([lab, "scenario", "run", *words, "--scenarios", scenarios, "--json"], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=limit_s, check=False)
    return done, time.monotonic() - begun


def takes_at_most(limit_s, who, seconds):
    return Case(seconds <= limit_s, f"{who} at most {limit_s} s", f"{seconds:.1f} s")


def leaves_nobody(directory):
    left = pids_of(directory)
    return Case(not left, "nobody is left", str(left))


def tell(cases):
    """One after the other, as they come; the exit status."""
    number, failed = 0, 0
    for number, case in enumerate(cases, 1):
        skipped = "" if case.is_looked_at else " # SKIP " + " ".join(case.said.split())
        print(f"{'ok' if case.is_well else 'not ok'} {number} - {case.what}{skipped}", flush=True)
        if not case.is_well:
            failed += 1
            print("# " + case.said.replace("\n", "\n# "), flush=True)
    assert number > 0, "nothing was tried"
    print(f"1..{number}")
    return int(failed > 0)


def try_out(cases):
    """Those of a run in a directory, which is gone then; the exit status."""
    with tempfile.TemporaryDirectory(prefix="ese-scenario-") as place:
        return tell(cases(place))
