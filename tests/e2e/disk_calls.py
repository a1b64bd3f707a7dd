#!/usr/bin/python3
"""disk_calls.py SHIM POWER_CUT CALLER PLANTED PROGRAM ... - what the disk's shim takes over, made call by call (CALLER), and
what a cut then leaves (docs/bad-disks.md). Shims with a fault are caught by the same. PLANTED: the directory of those.
PROGRAM: who relies on it. TAP."""
import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile

from ese_program import run

SHIM, CUT, CALLER, PLANTED, *PROGRAMS = (os.path.abspath(path) for path in sys.argv[1:])
PATIENCE = 30
SEEDS = range(32)  # of cuts: what may be lacking is, in some of them
BLOCK = 4096
SYNCING = {"write_synced", "fsync", "fdatasync", "syncfs"}  # deeds of which nothing may be lacking
TROUBLED = {"fsync_failing", "fsync_lasting"}  # those that are about a bad disk
# What nobody would see, were it used (docs/bad-disks.md).
UNSEEN = {"copy_file_range", "linkat", "mkostemp", "mkostemp64", "mkstemp", "mkstemp64", "pwritev2", "pwritev64v2",
          "remove", "renameat2", "sendfile", "sendfile64", "splice", "symlink", "symlinkat", "sync",
          "truncate", "truncate64"}
# Which deeds do not get into the journal, by the fault.
NOT_NOTED = {
    "new_files_are_not_noted": {"open", "open64", "openat", "openat64", "creat", "creat64", "mkdir"},
    "what_opening_cuts_off_is_not_noted": {"open_truncating", "creat_over"},
    "what_is_appended_is_noted_elsewhere": {"write_appending"},
    "sizes_are_not_noted": {"ftruncate", "ftruncate64"},
    "what_is_reserved_is_not_noted": {"fallocate", "fallocate64", "posix_fallocate", "posix_fallocate64"},
    "renames_are_not_noted": {"rename", "rename_over", "renameat"},
    "links_are_not_noted": {"link"},
    "unlinks_are_not_noted": {"unlink", "unlinkat", "rmdir"},
    "directories_are_not_noted": {"mkdir", "mkdirat"},
}


def planted(name):
    return os.path.join(PLANTED, f"ese-disk.{name}.so")


# ---- a deed, and the cuts after it ----------------------------------------------------------------------------------

def prepare(disk):
    for directory in (disk, disk / "d", disk / "empty"):
        directory.mkdir()
    for name, blocks in {"old": 2, "d/inner": 1, "db-shm": 1}.items():
        (disk / name).write_bytes(b"o" * blocks * BLOCK)


def tree(directory):
    """Each path below it, and its content; None: a directory."""
    return {str(path.relative_to(directory)): None if path.is_dir() else path.read_bytes()
            for path in directory.rglob("*")}


class Done:
    """What a deed has left on the disk, and what it may leave after a cut."""

    def __init__(self, place, ended):
        self.place, self.ended, self.disk = place, ended, tree(place / "disk")

    def cut(self, seed):
        """None: there is no way to tell, as the journal has a gap."""
        left = self.place / f"after-{seed}"
        left.mkdir()
        done = subprocess.run([CUT, "--journal", self.place / "journal", "--seed", str(seed), "--into", left],
                              capture_output=True, text=True, timeout=PATIENCE, check=False)
        if done.returncode != 0:
            assert "gap" in done.stderr, done.stderr
            return None
        assert json.loads(done.stdout)["open_blocks"] >= 0
        return tree(left)

    def may_lack(self):
        """Whether something of what is on the disk is not, or is otherwise, after some cut."""
        return any(self.cut(seed) != self.disk for seed in SEEDS)


@contextlib.contextmanager
def done(shim, deed, *more, ends=0, **trouble):
    with tempfile.TemporaryDirectory(prefix="ese-test-") as name:
        place = pathlib.Path(name)
        prepare(place / "disk")
        environment = {**os.environ, "LD_PRELOAD": shim, "ESE_DISK_ROOT": str(place / "disk"),
                       "ESE_DISK_JOURNAL": str(place / "journal"),
                       **{f"ESE_DISK_{name}": str(value) for name, value in trouble.items()}}
        ended = subprocess.run([CALLER, deed, *more], cwd=place / "disk", env=environment, capture_output=True,
                               text=True, timeout=PATIENCE, check=False)
        assert ended.returncode == ends, (deed, ended.returncode, ended.stderr)
        yield Done(place, ended)


def deeds():
    """Of those a cut is told; mappings are not."""
    names = subprocess.run([CALLER], capture_output=True, text=True, timeout=PATIENCE, check=True).stdout.split()
    return [name for name in names if not name.startswith("mmap") and name not in TROUBLED]


def not_noted(shim):
    """The deeds of which a cut leaves something else, though all was synced after them."""
    found = set()
    for deed in deeds():
        with done(shim, deed, "sync") as one:
            if one.cut(1) != one.disk:
                found.add(deed)
    return found


# ---- all calls ------------------------------------------------------------------------------------------------------

def symbols(path, *options):
    listed = subprocess.run(["nm", "-D", *options, path], capture_output=True, text=True, timeout=PATIENCE, check=True)
    return {line.split()[-1].split("@")[0] for line in listed.stdout.splitlines()}


def each_call_that_is_taken_over_is_made():
    taken = symbols(SHIM, "--defined-only")
    never_made = taken - symbols(CALLER, "--undefined-only")
    assert len(taken) > 30 and not never_made, (taken, never_made)


def none_that_is_not_seen_is_used():
    for program in PROGRAMS:
        used = symbols(program, "--undefined-only")
        assert {"open64", "write"} & used, used
        assert not used & UNSEEN, (program, used & UNSEEN)


def each_changes_the_disk():
    """Or a journal without it would tell the same."""
    for deed in deeds():
        with tempfile.TemporaryDirectory(prefix="ese-test-") as name:
            prepare(pathlib.Path(name) / "disk")
            before = tree(pathlib.Path(name) / "disk")
        with done(SHIM, deed) as one:
            assert one.disk != before, deed


def what_was_done_is_there_once_it_is_synced():
    lacking = not_noted(SHIM)
    assert not lacking, lacking


def what_was_not_synced_may_be_lacking():
    kept = set()
    for deed in deeds():
        with done(SHIM, deed) as one:
            if not one.may_lack():
                kept.add(deed)
    assert kept == SYNCING, kept ^ SYNCING


def what_is_not_noted_is_caught():
    for fault, expected in NOT_NOTED.items():
        found = not_noted(planted(fault))
        assert found == expected, (fault, found ^ expected)


# ---- syncs that fail, and that last ---------------------------------------------------------------------------------

def heals(shim):
    """Whether what a failed sync was about is there by another one."""
    with done(shim, "fsync_failing", SYNC_FAILS=1) as one:
        return not one.may_lack()


def a_failed_sync_is_not_healed_by_another():
    assert not heals(SHIM)


def a_failed_sync_that_is_none_is_caught():
    assert heals(planted("a_failed_sync_is_none"))


def covers(shim):
    """What a sync that lasts brings to the disk: (what was written before, what was written meanwhile)."""
    with done(shim, "fsync_lasting", SYNC_US=1) as one:
        new = b"n" * BLOCK
        assert one.disk["old"] == 2 * new
        cuts = [one.cut(seed)["old"] for seed in SEEDS]
        return all(old.startswith(new) for old in cuts), all(old.endswith(new) for old in cuts)


def a_sync_is_of_what_was_written_before():
    assert covers(SHIM) == (True, False)


def a_sync_of_what_came_meanwhile_is_caught():
    assert covers(planted("a_sync_is_of_what_came_meanwhile")) == (True, True)


# ---- mappings -------------------------------------------------------------------------------------------------------

def what_is_mapped_for_writing_ends_it():
    for deed in ("mmap", "mmap64"):
        with done(SHIM, deed, ends=-signal.SIGABRT) as one:
            assert "/disk/old is mapped for writing" in one.ended.stderr, one.ended.stderr


def a_foreign_mapping_that_goes_on_is_caught():
    for deed in ("mmap", "mmap64"):
        with done(planted("a_foreign_mapping_goes_on"), deed, ends=0):
            pass


def is_left_without(one, name):
    del one.disk[name]
    return one.cut(1) == one.disk


def what_may_be_mapped_counts_for_nothing():
    with done(SHIM, "mmap_of_shm", "sync") as one:
        assert is_left_without(one, "db-shm")
    for deed in ("mmap", "mmap64"):
        with done(SHIM, deed, "sync", MAPPED="/old") as one:
            assert is_left_without(one, "old")


def what_is_mapped_to_be_read_counts():
    for deed in ("mmap_for_reading", "mmap_private"):
        with done(SHIM, deed, "sync") as one:
            assert one.cut(1) == one.disk, deed


TESTS = (each_call_that_is_taken_over_is_made, none_that_is_not_seen_is_used, each_changes_the_disk,
         what_was_done_is_there_once_it_is_synced, what_was_not_synced_may_be_lacking, what_is_not_noted_is_caught,
         a_failed_sync_is_not_healed_by_another, a_failed_sync_that_is_none_is_caught,
         a_sync_is_of_what_was_written_before, a_sync_of_what_came_meanwhile_is_caught, what_is_mapped_for_writing_ends_it,
         a_foreign_mapping_that_goes_on_is_caught, what_may_be_mapped_counts_for_nothing,
         what_is_mapped_to_be_read_counts)

if __name__ == "__main__":
    sys.exit(run(TESTS, at_once=2))
