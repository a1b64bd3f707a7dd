#!/usr/bin/python3
"""The whole lab in containers, as docker-compose up brings it to who has Docker and the clone. TAP.

    test_compose.py [--own-engine] [--long] [CASE ...]

--long: the cases that are left out otherwise, and what they need.

Uses the Docker engine that is there, under a project name of its own. With --own-engine (or ESE_OWN_ENGINE=1), as
root, it starts one, which needs docker.io, docker-compose, debootstrap and iptables, and takes it away again.
"""
import os
import shutil
import sys
import tempfile
import time

import cases_images
import cases_profiles
import cases_walk
import images
from engine import Engine, OwnEngine
from walk import Walk

PARTS = (cases_images, cases_walk, cases_profiles)
CASES = [case for part in PARTS for case in part.CASES]
NEEDED = [case for part in PARTS for case in part.NEEDED]


class Lab:
    """What the cases share: one walk goes through all of them, in their order."""

    def __init__(self, engine):
        self.engine = engine
        self.walk = Walk(engine)
        self.before_the_night = {}  # the mails of the first day

    def close(self):
        """Whatever became of it."""
        self.walk.compose("down", "--volumes", "--remove-orphans", check=False)


def tell(number, name, test):
    """One case, in TAP, with the seconds it took. Whether it passed."""
    began = time.monotonic()
    try:
        test()
        word = "ok"
    except Exception as problem:  # pylint: disable=broad-except # a broken test is a failed one
        word = "not ok"
        print("# " + f"{type(problem).__name__}: {problem}".replace("\n", "\n# "))
    print(f"{word} {number} - {name}\n# {time.monotonic() - began:.1f} s", flush=True)
    return word == "ok"


def choose_engine(own):
    if not own:
        engine = Engine()
        return engine if engine.answers() else None
    if os.geteuid() != 0:
        sys.exit("--own-engine: only root can start one")
    directory = tempfile.mkdtemp(prefix="ese-engine-")
    os.rmdir(directory)
    return OwnEngine(directory)


def missing():
    """Why there is nothing to test here, or None."""
    if shutil.which("docker-compose") is None:
        return "no docker-compose"
    if not images.JARS.is_dir():
        return f"no jars of a broker in {images.JARS}"
    return None


def main():
    why_not = missing()
    engine = None if why_not else choose_engine("--own-engine" in sys.argv or os.environ.get("ESE_OWN_ENGINE") == "1")
    if engine is None:
        print(f"1..0 # SKIP {why_not or 'no Docker engine answers; --own-engine, as root, starts one'}")
        return
    failed = 0
    only = [word for word in sys.argv[1:] if not word.startswith("--")]
    chosen = cases_profiles.LONG if "--long" in sys.argv else [*CASES, *cases_profiles.LONG] if only else CASES
    cases = [case for case in (*cases_images.NEEDED, *chosen) if case in cases_images.NEEDED or not only or case.__name__ in only]
    cases = list(dict.fromkeys(cases)) # the needed are among the others, too
    print(f"1..{len(cases) + 1}")
    lab = Lab(engine)
    try:
        for number, test in enumerate(cases, 1):
            passed = tell(number, test.__name__, lambda test=test: test(lab))
            failed += not passed
            if not passed and test in NEEDED:
                print(f"Bail out! nothing goes on without it: {test.__name__}", flush=True)
                break
    finally:
        lab.close()
        failed += not tell(len(cases) + 1, "the_engine_is_gone", engine.close)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
