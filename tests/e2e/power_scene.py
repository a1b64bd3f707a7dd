"""A program on a disk whose power goes (docs/bad-disks.md): what it does there is kept in a journal, and a cut decides what
of it survives. Of a cut that fails a test all of that is kept, and it is told how that very cut is made again."""
import contextlib
import functools
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import zlib

from disk_scene import PATIENCE, OnDisk

SEED = int(os.environ.get("ESE_POWER_SEED") or random.randrange(1 << 32))
SYNC_US = (0, 1000, 5000)
TO_CATCH = 20  # cuts, in which a fault has to show


class Lost(AssertionError):
    """What a cut has taken and must not."""


def prints(directory):
    """What lies below it, told by its names and sums."""
    return {str(path.relative_to(directory)): path.is_file() and zlib.crc32(path.read_bytes())
            for path in directory.rglob("*")}


class Powered(OnDisk):
    """cutter: the program that cuts."""

    def __init__(self, shim, cutter, path, *options):
        super().__init__(shim, path, *options)
        self.cutter, self.journal = cutter, self.directory / "journal"
        self.cut_by = self.cut_left = None  # the last one: its seed, and what was left
        self.sync_us = 0  # what its syncs take, where a test draws no other

    def keep_journal(self, draw):
        """Of the next life, a new one. The disk is a fast one, or one in whose syncs a death is likely to fall."""
        self.journal.unlink(missing_ok=True)
        self.cut_by = None
        self.set_trouble(JOURNAL=self.journal, SYNC_US=self.sync_us or draw.choice(SYNC_US))

    def words_of_cut(self, journal, seed, into):
        return [self.cutter, "--journal", str(journal), "--seed", str(seed), "--into", str(into)]

    def cut(self, seed, name="after"):
        """What the disk then has, in a directory of that name, and what there was to decide about."""
        left = self.directory / name
        if not self.journal.exists():  # it died before it was one of ours
            shutil.copytree(self.disk, left)
            return left, {"open_blocks": 0, "open_names": 0}
        left.mkdir()
        done = subprocess.run(self.words_of_cut(self.journal, seed, left), capture_output=True, text=True, timeout=PATIENCE,
                              check=False)
        assert done.returncode == 0, done.stderr
        self.cut_by, self.cut_left = seed, prints(left)
        return left, json.loads(done.stdout)

    def keep(self, problem):
        """What it had, in a place of its own."""
        kept = tempfile.mkdtemp(prefix="ese-power-")
        if self.process and self.lives():
            self.kill()
        self.directory.rename(os.path.join(kept, "was"))
        os.mkdir(os.path.join(kept, "again"))
        problem.kept, problem.again, problem.left = kept, None, None
        if self.cut_by is not None:
            problem.again = self.words_of_cut(f"{kept}/was/journal", self.cut_by, f"{kept}/again")
            problem.left = self.cut_left


def say(text):
    """A line of its own, whoever else writes one."""
    sys.stdout.write("# " + text.replace("\n", " ") + "\n")
    sys.stdout.flush()


class Tally:
    """Over all cuts."""

    def __init__(self, name):
        self.name, self.cuts, self.stored, self.lost, self.open_blocks, self.open_names = name, 0, 0, 0, 0, 0

    def add(self, undecided):
        self.cuts += 1
        self.open_blocks += undecided["open_blocks"]
        self.open_names += undecided["open_names"]

    def tell(self):
        say(f"{self.name}: {self.cuts} cuts (seed {SEED}), of {self.open_blocks} blocks and {self.open_names} names it "
            f"was open whether they survive; {self.stored} acknowledged, {self.lost} of them lost")


@contextlib.contextmanager
def closing(program, tally):
    """Whatever happens; what it had is kept where it is to be looked at."""
    try:
        yield
    except Exception as problem:
        program.keep(problem)
        raise
    finally:
        program.close()
        tally.tell()


def tells_what_is_kept(test):
    @functools.wraps(test)
    def told():
        try:
            test()
        except Exception as problem:
            if hasattr(problem, "kept"):
                again = " ".join(problem.again) if problem.again else "there was none in this life"
                for line in (f"journal and disk are kept in {problem.kept}/was", f"the same cut: {again}",
                             f"a run that draws the same: ESE_POWER_SEED={SEED}"):
                    say(f"{test.__name__}: {line}")
            raise
    return told


def is_caught(test):
    """What it was caught by. A cut that did it can be made again."""
    try:
        test()
    except Lost as problem:
        say(f"caught: {problem}")
        if problem.again:  # it may also show in the next life, before there is another cut
            subprocess.run(problem.again, stdout=subprocess.DEVNULL, timeout=PATIENCE, check=True)
            assert prints(pathlib.Path(problem.kept) / "again") == problem.left, problem.kept
        shutil.rmtree(problem.kept)
        return
    raise AssertionError(f"not within {TO_CATCH} cuts")
