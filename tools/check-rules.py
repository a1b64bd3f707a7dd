#!/usr/bin/python3
"""check-rules.py - switches off rules of this house, one after the other: a unit test must fail with each of them.

    check-rules.py [--sample N] [--find] [--list FILE] BUILD [RULE ...]

The rules are listed in tests/planted/ (tools/plants.py says how), those of the judge in rules.plants, of the mailer in
mailer.plants, of dead letters in letters.plants, of who may come in in who.plants, each with the test and the case that must
fail without it: a unit test's, or, for a target of tests/fuzz, a file of its corpus; for these the source is compiled with
sanitizers. That rule's source alone is compiled, in a directory of its own, and linked in front of the rest of BUILD,
which has to be built. --sample: only so many, evenly spread. --find: tries all cases of the tests that the list names, and
tells which fail. --list: which list; the judge's otherwise. Rules may be named. TAP.
"""
import argparse
import concurrent.futures
import functools
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
import plants

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LIST = os.path.join(TOP, "tests/planted/rules.plants")
LONGEST_S, CUT_SHORT = 60, 124  # of a test; and what timeout(1) says then, or more of one that crashed
FUZZ = "fuzz_"  # as names of targets begin
SANITIZED = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")
WITH_A_NAME, LEFT_OUT = ("-MQ", "-MF", "-o"), ("-MD", "-Werror", "-g")  # of a compiler's options


def run(words, **more):
    return subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False, **more)


def flags_for(test):
    return SANITIZED if test.startswith(FUZZ) else ()


def path_of(test):
    return f"tests/fuzz/{test}" if test.startswith(FUZZ) else f"tests/unit/test_{test}"


def arguments_for(test, case):
    """What the test's program takes to try that case alone."""
    return [os.path.join(TOP, "tests/fuzz/corpus", test.removeprefix(FUZZ), case) if test.startswith(FUZZ) else case]


class House:
    """A build directory: how it compiles a source, and how it links a test."""

    def __init__(self, build):
        self.build = build
        with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as file:
            commands = json.load(file)
        self.compiling = {os.path.normpath(os.path.join(one["directory"], one["file"])): one for one in commands}

    @functools.lru_cache(maxsize=None)
    def link_command(self, test):
        done = run(["ninja", "-C", self.build, "-t", "commands", path_of(test)])
        if done.returncode != 0:
            raise plants.Broken(f"there is no test {test}")
        return shlex.split(done.stdout.splitlines()[-1])

    def compile(self, source, text, place, flags):
        """The object of that source, were this its text; quickly."""
        path, made = os.path.join(place, "source.c"), os.path.join(place, "source.o")
        with open(path, "w", encoding="utf-8") as file:
            file.write(f'#line 1 "{source}"\n' + text)
        own = self.compiling[os.path.join(TOP, source)]
        words, kept = shlex.split(own["command"]), []
        for before, word in zip(["", *words], words):
            if before not in WITH_A_NAME and word not in (*WITH_A_NAME, *LEFT_OUT, own["file"]):
                kept.append(word)
        done = run([*kept, *flags, "-w", "-O0", "-o", made, path], cwd=self.build)
        if done.returncode != 0:
            raise plants.Broken(f"it does not compile: {done.stdout}")
        return made

    def link(self, test, made, place):
        words, out = list(self.link_command(test)), os.path.join(place, test)
        words[words.index("-o") + 1] = out
        first = next(i for i, word in enumerate(words) if word.endswith(".o"))
        words.insert(first + 1, made)
        done = run([*words, *flags_for(test), "-s"], cwd=self.build)
        if done.returncode != 0:
            raise plants.Broken(f"it does not link: {done.stdout}")
        return out


def failing(program, case):
    """The first case of the program that fails, of those asked for; None: none does. A program may try others, too, and
    theirs is no answer; what is in front of them all, and fails, is one. What they write is in memory where there is any:
    they sync it."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    names = {os.path.basename(name) for name in case}
    failed = False
    with tempfile.TemporaryDirectory(prefix="ese-rules-", dir=memory) as place, subprocess.Popen(
            ["timeout", str(LONGEST_S), "stdbuf", "-oL", program, *case], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            env={**os.environ, "CMOCKA_MESSAGE_OUTPUT": "TAP", "TMPDIR": place}) as test:
        for line in test.stdout:
            told = re.match(r"(not )?ok \d+ - (\S+)", line)
            if told is None:
                continue
            if told[2] in names or (told[1] and (not names or "GROUP SETUP" in line)):
                test.terminate()
                return told[2] if told[1] else None
            failed = failed or told[1] is not None
    came_to_its_end = test.returncode < CUT_SHORT
    if names and (test.returncode == 0 or (failed and came_to_its_end)):
        raise plants.Broken(f"{os.path.basename(program)} has no case {case[0]}")
    return None if test.returncode == 0 else "it breaks off, or does not end"


def find(house, plant, tests):
    """The first test, and its case, that fails without the rule; None: none does."""
    with open(os.path.join(TOP, plant.source), encoding="utf-8") as file:
        text = plant.apply(file.read())
    with tempfile.TemporaryDirectory(prefix="ese-rules-") as place:
        made = house.compile(plant.source, text, place, flags_for(tests[0][0]))
        for test, case in tests:
            failed = failing(house.link(test, made, place), case)
            if failed is not None:
                return f"{test} {failed}"
    return None


@functools.lru_cache(maxsize=None)
def fails_with_all(house, test, case):
    """Whether the case fails while all rules are there."""
    return failing(os.path.join(house.build, path_of(test)), arguments_for(test, case)) is not None


def check(house, plant):
    """What is wrong with it; None: nothing."""
    try:
        if len(plant.by) != 2:
            return "no test and case are named that catch it"
        test, case = plant.by
        if fails_with_all(house, test, case):
            return f"with the rule, {test} {case} fails, too"
        return None if find(house, plant, [(test, arguments_for(test, case))]) else f"without it, {test} {case} passes"
    except plants.Broken as problem:
        return str(problem)


def tell_found(house, plant, tests):
    try:
        return find(house, plant, [(test, []) for test in tests]) or "NOBODY"
    except plants.Broken as problem:
        return f"BROKEN {problem}"


def choose(wanted, names, sample):
    """All texts of the list are looked for, whichever rules are tried."""
    for plant in wanted:
        with open(os.path.join(TOP, plant.source), encoding="utf-8") as file:
            plant.apply(file.read())
    if names:
        wanted = [plant for plant in wanted if plant.name in names]
    if sample and sample < len(wanted):
        wanted = [wanted[i * len(wanted) // sample] for i in range(sample)]
    return wanted


def main():
    parser = argparse.ArgumentParser(description="Switches off rules: a unit test must fail.")
    parser.add_argument("--sample", type=int, metavar="N")
    parser.add_argument("--find", action="store_true")
    parser.add_argument("--list", default=LIST, metavar="FILE")
    parser.add_argument("build")
    parser.add_argument("rules", nargs="*", metavar="RULE")
    asked = parser.parse_args()
    listed = plants.read(asked.list)
    tests = sorted({plant.by[0] for plant in listed if plant.by})
    wanted = choose(listed, asked.rules, asked.sample)
    house = House(os.path.abspath(asked.build))
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as threads:
        if asked.find:
            for plant, found in zip(wanted, threads.map(lambda plant: tell_found(house, plant, tests), wanted)):
                print(f"{plant.name}\tby {found}", flush=True)
            return 0
        print(f"1..{len(wanted)}")
        for number, (plant, problem) in enumerate(zip(wanted, threads.map(lambda one: check(house, one), wanted)), 1):
            failed += problem is not None
            print(f"{'ok' if problem is None else 'not ok'} {number} - {plant.source}: {plant.name}", flush=True)
            if problem is not None:
                print(f"# {plant.place}: {problem}".replace("\n", "\n# "), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except plants.Broken as problem:
        sys.exit(f"check-rules.py: {problem}")
