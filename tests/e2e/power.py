#!/usr/bin/python3
"""power.py SHIM POWER_CUT SERVER MAILER CONSUMER CLIENT PLANTED CUTS - programs whose power goes at any moment, again and
again (docs/bad-disks.md): everything acknowledged at disk is there afterwards; of what was acknowledged at os it is told how
much was not. Programs with a fault are caught by the same within a few cuts. PLANTED: the directory of those. TAP.

ESE_POWER_SEED=N draws what the run draws that told of N; what a program is at when it dies is another matter. Of a cut that
fails the test the journal is kept, and it is told how that very cut is made again."""
import contextlib
import http.client
import json
import os
import random
import sqlite3
import subprocess
import sys
import time

import history
import steady_click
from bad_disk_kinds import OUTBOX, STATE, Events, Mails, Presses, check_decided
from disk_scene import acknowledged, join, write_until
from ese_program import run, wait_until
from power_scene import SEED, SYNC_US, TO_CATCH, Lost, Powered, Tally, closing, is_caught, tells_what_is_kept

SHIM, CUT, SERVER, MAILER, CONSUMER, CLIENT, PLANTED = (os.path.abspath(path) for path in sys.argv[1:8])
CUTS = int(sys.argv[8])
WRITERS = 8
BIRTH_S = 0.08  # one in five dies that young
FIRST_SYNCS = 12  # a server's and a mailer's: all of their start, and some behind it


# ---- a life, and its end ----------------------------------------------------------------------------------------

def begin(program):
    """And do not wait for it to serve."""
    ready = program.directory / "ready"
    ready.unlink(missing_ok=True)
    with open(program.directory / "said", "ab") as said:
        program.process = subprocess.Popen(
            [program.path, *program.options, "--ready-file", "ready", "--log-level", "warning"], cwd=program.directory,
            env=program.environment, stdin=subprocess.DEVNULL, stdout=said, stderr=said)


def live(program, kind, draw, firsts, at_least=0):
    """Writes for a while, and dies; young, now and then, where nothing has to be stored. The writers."""
    program.keep_journal(draw)
    if draw.random() < 0.2 and at_least == 0:
        begin(program)
        time.sleep(draw.random() * BIRTH_S)
        program.kill()
        return []
    program.start()
    writers = [kind.writer(program, i, first=firsts[i]) for i in range(draw.choice((1, 3, WRITERS)))]
    enough = max(at_least, draw.randrange(80))
    write_until(writers, lambda: len(acknowledged(writers)) >= enough, "it stores nothing")
    time.sleep(draw.random() * 0.01)
    if draw.random() < 0.2:  # while it comes to its end
        program.process.terminate()
        time.sleep(draw.random() * 0.05)
    program.kill()
    join(writers)
    for i, writer in enumerate(writers):
        firsts[i] = writer.next
    return writers


def look(program, kind, expected, promised):
    """Starts on what the cut has left. What of the expected is not there."""
    program.set_trouble()
    if not program.started():
        raise Lost(f"all of {len(expected)}, as it does not start: {program.said()[-300:]}")
    try:
        kept = kind.kept(program)
    except (AssertionError, ValueError, OSError, http.client.HTTPException, sqlite3.Error) as problem:
        raise Lost(f"{len(expected)}, as what is there cannot be read: {problem}") from problem
    program.kill()
    if len(kept) > len(set(kept)):
        raise Lost("the certainty that each is kept once")
    lost = expected - set(kept)
    if lost and promised:
        raise Lost(f"{len(lost)} of {len(expected)} that were acknowledged")
    return lost


def cut_again_and_again(program, kind, cuts, promised=True, anew=1 / 3):
    """Each life begins with what the cut before has left; that often with nothing."""
    draw, tally = random.Random(SEED), Tally(f"{os.path.basename(program.path)} {kind.__name__}")
    expected, firsts = set(), None
    with closing(program, tally):
        for number in range(cuts):
            if number == 0 or draw.random() < anew:
                fresh = program.directory / "fresh"
                fresh.mkdir()
                program.becomes(fresh)
                expected, firsts = set(), [0] * WRITERS
            stored = acknowledged(live(program, kind, draw, firsts, at_least=0 if number > 0 else cuts + 1))
            expected |= set(stored)
            tally.stored += len(stored)
            left, undecided = program.cut(draw.randrange(1 << 32))
            tally.add(undecided)
            program.becomes(left)
            lost = look(program, kind, expected, promised)
            expected -= lost
            tally.lost += len(lost)
    assert tally.stored > cuts, "next to nothing was stored"
    return tally


# ---- who is cut -----------------------------------------------------------------------------------------------

def a_server(durability, program=SERVER):
    return Powered(SHIM, CUT, program, "--listen", "127.0.0.1:0", "--data", "disk/data", "--transport", "http", "--durability",
                  durability)


def a_mailer(program=MAILER):
    return Powered(SHIM, CUT, program, "--listen", "127.0.0.1:0", "--outbox", f"disk/{OUTBOX}", "--smtp", "127.0.0.1:1")


def planted(name):
    return os.path.join(PLANTED, name)


def a_server_at_disk_loses_nothing():
    cut_again_and_again(a_server("disk"), Events, CUTS)


def a_server_at_os_says_what_it_loses():
    tally = cut_again_and_again(a_server("os"), Events, max(6, CUTS // 4), promised=False)
    assert tally.lost > 0, "at os a power cut takes something: these cuts are too kind"


def a_mailer_loses_nothing():
    cut_again_and_again(a_mailer(), Mails, max(4, CUTS // 2))


def a_server_that_does_not_sync_is_caught():
    program = a_server("disk", planted("ese-server.nothing_is_synced_at_disk"))
    is_caught(lambda: cut_again_and_again(program, Events, TO_CATCH))


def a_server_that_syncs_no_directory_is_caught():
    program = a_server("disk", planted("ese-server.no_directory_is_synced"))
    is_caught(lambda: cut_again_and_again(program, Events, TO_CATCH, anew=1))  # names that have survived once stay


def a_server_that_answers_first_is_caught():
    program = a_server("disk", planted("ese-server.acknowledged_before_the_commit"))
    program.sync_us = max(SYNC_US)  # most of its time it has answered and not synced
    is_caught(lambda: cut_again_and_again(program, Events, TO_CATCH))


def a_mailer_whose_directory_has_no_name_is_caught():
    program = a_mailer(planted("ese-mailer.no_name_of_a_directory_is_synced"))
    is_caught(lambda: cut_again_and_again(program, Mails, TO_CATCH, anew=1))


def a_mailer_that_does_not_sync_is_caught():
    is_caught(lambda: cut_again_and_again(a_mailer(planted("ese-mailer.nothing_is_synced_at_disk")), Mails, TO_CATCH))


# ---- a failed sync, another start, and then the power goes ---------------------------------------------------------

def write_until_it_ends(program, kind):
    """Where it comes so far that it serves. The writers."""
    served = program.started()
    writers = [kind.writer(program, i) for i in range(WRITERS)]
    for writer in writers if served else ():
        writer.start()
    assert program.ends() == 1
    join(writers if served else ())
    return writers


def fail_go_on_and_cut(program, kind, failing, seeds):
    """All in one journal: what the failed sync was about will never be on the disk, unless it is written anew."""
    draw, tally = random.Random(SEED), Tally(f"{os.path.basename(program.path)} after its sync {failing} failed")
    with closing(program, tally):
        program.set_trouble(JOURNAL=program.journal, SYNC_FAILS=failing)
        writers = write_until_it_ends(program, kind)
        program.set_trouble(JOURNAL=program.journal)
        program.start()
        more = [kind.writer(program, i, first=writers[i].next) for i in range(WRITERS)]
        write_until(more, lambda: len(acknowledged(more)) > 3 * WRITERS, "it does not go on")
        program.kill()
        join(more)
        expected = set(acknowledged(writers + more))
        tally.stored = len(expected)
        for seed in range(seeds):
            left, undecided = program.cut(draw.randrange(1 << 32), f"after-{seed}")
            tally.add(undecided)
            program.becomes(left)
            look(program, kind, expected, promised=True)


def fail_while_it_writes(program, seeds):
    fail_go_on_and_cut(program, Events, random.Random(SEED).randrange(16, 40), seeds)


def after_a_failed_sync_it_loses_nothing():
    for _ in range(max(1, CUTS // 10)):
        fail_while_it_writes(a_server("disk"), 4)


def fail_each_of_the_first(make, kind, seeds):
    """Of its files and directories. The names of these are there once they are synced again (docs/bad-disks.md)."""
    for failing in range(1, FIRST_SYNCS + 1):
        fail_go_on_and_cut(make(), kind, failing, seeds)


def whichever_sync_fails_first_a_server_loses_nothing():
    fail_each_of_the_first(lambda: a_server("disk"), Events, max(2, CUTS // 10))


def whichever_sync_fails_first_a_mailer_loses_nothing():
    fail_each_of_the_first(a_mailer, Mails, max(2, CUTS // 10))


def a_server_that_believes_its_log_is_caught():
    is_caught(lambda: fail_while_it_writes(a_server("disk", planted("ese-server.a_log_is_not_written_once_more")), TO_CATCH))


def a_server_that_believes_its_names_is_caught():
    program = planted("ese-server.a_name_is_not_synced_once_more")
    is_caught(lambda: fail_each_of_the_first(lambda: a_server("disk", program), Events, 8))


# ---- the consumer's state ----------------------------------------------------------------------------------------

def position_in(path):
    """As everybody can read it, so that it has to stay; 0: none yet."""
    try:
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=1)) as state:
            rows = state.execute("SELECT next FROM position").fetchall()
            return rows[0][0] or 0 if rows else 0
    except sqlite3.Error:
        return 0


def begin_to_consume(program):
    with open(program.directory / "said", "ab") as said:
        program.process = subprocess.Popen(
            [program.path, "--transport", "file:data=log", "--state", f"disk/{STATE}", "--durability", "disk",
             "--max-batch", "20", "--lateness-ms", "86400000", "--until-end", "--quiet"], cwd=program.directory,
            env=program.environment, stdin=subprocess.DEVNULL, stdout=said, stderr=said)


def check_end(program):
    """By itself, behind the last event."""
    if program.ends() != 0:
        raise Lost(f"its state: {program.said()[-300:]}")


def consume_and_die(program, draw):
    """What it has committed, and whether it came to its end before."""
    state = program.disk / STATE
    had = position_in(state)
    program.keep_journal(draw)
    begin_to_consume(program)

    def committed_now():  # without its -shm it would be us who make that, past the journal
        return position_in(state) if state.with_name("state.db-shm").exists() else 0
    wait_until(lambda: committed_now() > had or not program.lives(), "it commits nothing")
    committed, until = 0, time.monotonic() + draw.random() * 0.1
    while time.monotonic() < until and program.lives():
        committed = max(committed, committed_now())
        time.sleep(0.001)
    if not program.lives():
        check_end(program)
        return committed, True
    program.kill()
    return committed, False


def cut_a_consumer(path, lives, draw):
    tally = Tally(os.path.basename(path))
    program = Powered(SHIM, CUT, path)
    with closing(program, tally):
        presses = Presses(program.directory)
        for _ in range(lives):
            committed, has_ended = consume_and_die(program, draw)
            tally.stored += committed > 0
            left, undecided = program.cut(draw.randrange(1 << 32))
            tally.add(undecided)
            program.becomes(left)
            stands = position_in(program.disk / STATE)
            if stands < committed:
                raise Lost(f"a position: {stands} of {committed}")
            if has_ended:
                break
        program.set_trouble()
        begin_to_consume(program)
        check_end(program)
        check_decided(program, presses)


def a_consumer_stays_where_it_was():
    draw = random.Random(SEED)
    for _ in range(max(1, CUTS // 20)):
        cut_a_consumer(CONSUMER, 4, draw)


def a_consumer_that_does_not_sync_is_caught():
    is_caught(lambda: cut_a_consumer(planted("ese-consumer.nothing_is_synced_at_disk"), TO_CATCH, random.Random(SEED)))


def a_consumer_whose_directory_has_no_name_is_caught():
    path, draw = planted("ese-consumer.no_name_of_a_directory_is_synced"), random.Random(SEED)
    is_caught(lambda: [cut_a_consumer(path, 1, draw) for _ in range(TO_CATCH)])  # a name that has survived once stays


# ---- the file transport --------------------------------------------------------------------------------------------

def send_and_die(program, draw):
    """The ids of what was acknowledged, in this life."""
    program.keep_journal(draw)
    seen = program.directory / "history"
    seen.unlink(missing_ok=True)
    with open(program.directory / "said", "ab") as said:
        program.process = subprocess.Popen(
            [program.path, "--transport", "file:data=disk/log:durability=disk", "--rate", "2000", "--history", "history",
             "--quiet"], cwd=program.directory, env=program.environment, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
    log = program.disk / "log/events.ndjson"
    had = log.stat().st_size if log.exists() else 0
    wait_until(lambda: log.exists() and log.stat().st_size > had, "it sends nothing")
    time.sleep(draw.random() * 0.25)
    program.kill()
    records = history.records(seen) if seen.exists() else ()
    return {steady_click.text_of(record.id) for record in records if record.kind == "acknowledged"}


def stored_in(path):
    """A line without its end is nobody's: who comes next ends it, and it is passed over."""
    stored = set()
    lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    for line in lines:
        with contextlib.suppress(ValueError, KeyError):
            stored.add(json.loads(line)["id"])
    return stored


def cut_a_file(path, cuts):
    draw, tally, expected = random.Random(SEED), Tally(f"{os.path.basename(path)} over file"), set()
    program = Powered(SHIM, CUT, path)
    with closing(program, tally):
        for _ in range(cuts):
            sent = send_and_die(program, draw)
            expected |= sent
            tally.stored += len(sent)
            left, undecided = program.cut(draw.randrange(1 << 32))
            tally.add(undecided)
            program.becomes(left)
            lost = expected - stored_in(program.disk / "log/events.ndjson")
            if lost:
                raise Lost(f"{len(lost)} of {len(expected)} lines")
    assert tally.stored > cuts, "next to nothing was stored"


def a_file_loses_nothing():
    cut_a_file(CLIENT, max(4, CUTS // 4))


def a_file_that_is_not_synced_is_caught():
    is_caught(lambda: cut_a_file(planted("ese-client.lines_are_not_synced"), TO_CATCH))


TESTS = (a_server_at_disk_loses_nothing, a_server_at_os_says_what_it_loses, a_mailer_loses_nothing,
         a_server_that_does_not_sync_is_caught, a_server_that_syncs_no_directory_is_caught,
         a_server_that_answers_first_is_caught, a_mailer_that_does_not_sync_is_caught,
         after_a_failed_sync_it_loses_nothing, a_server_that_believes_its_log_is_caught,
         whichever_sync_fails_first_a_server_loses_nothing, whichever_sync_fails_first_a_mailer_loses_nothing,
         a_server_that_believes_its_names_is_caught, a_consumer_stays_where_it_was,
         a_consumer_that_does_not_sync_is_caught, a_mailer_whose_directory_has_no_name_is_caught,
         a_consumer_whose_directory_has_no_name_is_caught, a_file_loses_nothing, a_file_that_is_not_synced_is_caught)

if __name__ == "__main__":
    sys.exit(run([tells_what_is_kept(test) for test in TESTS], at_once=3))
