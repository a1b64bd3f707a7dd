#!/usr/bin/python3
"""bad_disk.py SHIM SERVER MAILER CONSUMER CLIENT PLANTED - programs whose disk fails, is full, or does half of what it is
told (docs/bad-disks.md): what they then say, that they sync nothing twice, and that nothing acknowledged is lost. Programs
with a fault are caught by the same. PLANTED: the directory of those. TAP."""
import contextlib
import itertools
import json
import os
import pathlib
import subprocess
import sys

from bad_disk_kinds import BIG, OUTBOX, STATE, Events, Mails, Presses, check_decided
from disk_scene import PATIENCE, OnDisk, acknowledged, event, events_of, join, write_until
from ese_program import run, wait_until

SHIM, SERVER, MAILER, CONSUMER, CLIENT, PLANTED = (os.path.abspath(path) for path in sys.argv[1:7])
WRITERS = 8
SERVING = {"os": ("--transport", "http", "--durability", "os"), "disk": ("--transport", "http", "--durability", "disk")}


# ---- who stores, and how it is asked --------------------------------------------------------------------------

def a_server(durability, program=SERVER, options=(), **trouble):
    return OnDisk(SHIM, program, "--listen", "127.0.0.1:0", "--data", "disk/data", *SERVING[durability], *options, **trouble)


def a_mailer(program=MAILER, **trouble):
    return OnDisk(SHIM, program, "--listen", "127.0.0.1:0", "--outbox", f"disk/{OUTBOX}", "--smtp", "127.0.0.1:1", **trouble)


def check_kept(program, kind, writers):
    kept = kind.kept(program)
    assert len(kept) == len(set(kept)), "kept twice"
    lost = set(acknowledged(writers)) - set(kept)
    assert not lost, f"acknowledged and lost: {len(lost)} of {len(acknowledged(writers))}"
    return kept


# ---- a sync fails ------------------------------------------------------------------------------------------------

class SyncedAgain(AssertionError):
    """After a sync had failed."""


class Unanswered(AssertionError):
    """Who waited was told nothing."""


@contextlib.contextmanager
def is_caught(problem):
    """By what is meant to: anything else that goes wrong is a failure of the test."""
    try:
        yield
    except problem:
        return
    raise AssertionError(f"no {problem.__name__}")


def behind_the_failed(program):
    """The syncs after the first that failed; None: none did."""
    syncs = program.syncs()
    first = next((i for i, (how, _) in enumerate(syncs) if how == "failed"), None)
    return None if first is None else syncs[first + 1:]


def check_ended_well(program):
    """With a message, by itself, and after no further sync of anything."""
    behind = behind_the_failed(program)
    assert behind is not None, "no sync has failed"
    if behind:
        raise SyncedAgain(behind)
    assert program.ends() == 1, program.process.returncode
    assert "sync" in program.said() and "start this program again" in program.said(), program.said()


def fail_a_sync(program, kind, number):
    """The n-th one; whether somebody was told of it, or None where there was none. Then it starts with a disk that is good
    again."""
    told = True
    program.set_trouble(SYNC_FAILS=number)
    writers = [kind.writer(program, i) for i in range(WRITERS)]
    if program.started():
        write_until(writers, lambda: not program.lives() or len(acknowledged(writers)) > 800, "it does not end")
        join(writers)
        if program.lives():
            program.stop()
            return None
        refused = [writer.refusal for writer in writers if writer.refusal is not None]
        assert set(refused) <= {503}, refused
        told = len(refused) > 0 or not acknowledged(writers)
    check_ended_well(program)
    program.set_trouble()
    program.start()
    kept = set(check_kept(program, kind, writers))
    again = kind.writer(program, 0, first=writers[0].next)  # the last one again, as a client does
    write_until([again], lambda: len(acknowledged([again])) > 2 or not again.is_alive(), "it does not go on")
    join([again])
    assert again.refusal is None and len(check_kept(program, kind, [*writers, again])) > len(kept), again.refusal
    program.stop()
    return told


def fail_until_told(make, kind, number):
    """Where nobody waits just then, and it has ended before anybody comes, nobody is told: then once more."""
    for _ in range(3):
        program = make()
        try:
            told = fail_a_sync(program, kind, number)
        finally:
            program.close()
        if told is not False:
            return told
    raise AssertionError(("nobody is told that this sync failed", number))


def each_sync_may_fail(make, kind, numbers, least):
    failed = [fail_until_told(make, kind, number) for number in numbers].count(True)
    assert failed >= least, (failed, "of these syncs there were")


def a_servers_sync_at_disk():
    each_sync_may_fail(lambda: a_server("disk"), Events, (1, 2, 3, 6, 7, 9, 10, 14, 30), 9)


def a_servers_sync_at_os():
    each_sync_may_fail(lambda: a_server("os"), Events, (1, 4, 5, 6, 7), 4)


def a_mailers_sync():
    each_sync_may_fail(a_mailer, Mails, (1, 4, 8, 10, 14), 5)


def fail_where_the_log_is_taken_in(program, kind):
    """A failing checkpoint is nothing that SQLite would tell of."""
    program.set_trouble(SYNC_FAILS="@", ONLY="events.db,outbox")
    writers = [kind.writer(program, i) for i in range(WRITERS)]
    try:
        program.start()
        program.sign.touch()
        write_until(writers, lambda: not program.lives(), "it does not notice")
        join(writers)
        check_ended_well(program)
        assert program.syncs()[-1][1].endswith(("/events.db", "/outbox")), program.syncs()[-1]
        program.set_trouble()
        program.start()
        check_kept(program, kind, writers)
        assert len(acknowledged(writers)) > 100
    finally:
        program.close()


def a_servers_checkpoint():
    fail_where_the_log_is_taken_in(a_server("os"), Events)
    fail_where_the_log_is_taken_in(a_server("disk"), Events)


def a_mailers_checkpoint():
    fail_where_the_log_is_taken_in(a_mailer(), Mails)


def who_waited(writers):
    """Those that had asked well before anybody could hear of the failure: by a refusal, or by an answer to who was before."""
    refused = [writer.heard for writer in writers if writer.refusal is not None]
    told = min(refused) if refused else max(writer.heard for writer in writers)
    return [writer for writer in writers if writer.asked < told - 0.05]


def fail_while_they_wait(program, kind, **trouble):
    """Who waited. With a slow disk they are there when it fails: those whose commit it was, of which nobody knows, and those
    behind. Whose commit had been made has come again too late, perhaps."""
    program.set_trouble(SYNC_US=150000, SYNC_FAILS="@", **trouble)
    writers = [kind.writer(program, i) for i in range(WRITERS)]
    try:
        program.start()
        write_until(writers, lambda: len(acknowledged(writers)) >= WRITERS, "it stores nothing")
        program.sign.touch()
        wait_until(lambda: all(not writer.is_alive() for writer in writers), "it does not end")
        waited = who_waited(writers)
        if None in [writer.refusal for writer in waited]:
            raise Unanswered([writer.refusal for writer in writers])
        assert {writer.refusal for writer in writers} <= {503, None}, [writer.refusal for writer in writers]
        check_ended_well(program)
        return waited
    finally:
        program.close()


def a_server_that_takes_in_by_itself(program=SERVER):
    """At os no commit waits for a sync; but where little log may be, whoever commits takes it in, and others wait."""
    return a_server("os", program, ("--max-bytes", "8388608"))


def all_who_wait_are_answered():
    waited = fail_while_they_wait(a_server("disk"), Events)
    assert len(waited) == WRITERS, len(waited)
    assert not all("Retry-After" in writer.headers for writer in waited), "what may be stored says so"
    waited = fail_while_they_wait(a_server_that_takes_in_by_itself(), Events, ONLY="events.db")
    assert all("Retry-After" in writer.headers for writer in waited), "what was not stored may be sent again"
    waited = fail_while_they_wait(a_mailer(), Mails)
    assert len(waited) == WRITERS, len(waited)
    assert all("Retry-After" in writer.headers for writer in waited), "a mail may be sent again: its id is known"


def check_forgetting_is_caught(make, kind, **trouble):
    """At some time: all may have been in one commit, or have asked just as it failed."""
    with is_caught(Unanswered):
        for _ in range(40):
            fail_while_they_wait(make(), kind, **trouble)


def one_that_forgets_who_waits_is_caught():
    server = os.path.join(PLANTED, "ese-server.who_waits_is_forgotten")
    mailer = os.path.join(PLANTED, "ese-mailer.mails_that_wait_are_forgotten")
    check_forgetting_is_caught(lambda: a_server("disk", server), Events)
    check_forgetting_is_caught(lambda: a_server_that_takes_in_by_itself(server), Events, ONLY="events.db")
    check_forgetting_is_caught(lambda: a_mailer(mailer), Mails)


def one_whose_sync_may_be_tried_again_is_caught():
    for durability in ("os", "disk"):
        program = a_server(durability, os.path.join(PLANTED, "ese-server.a_failed_sync_is_passed_over"), SYNC_FAILS="@")
        sequence = itertools.count()

        def goes_on(program=program, sequence=sequence):
            for _ in range(20):
                program.post("/event", event(0, next(sequence), BIG))
            return behind_the_failed(program)
        try:
            program.start()
            program.sign.touch()
            wait_until(goes_on, "it syncs nothing more", PATIENCE)
            with is_caught(SyncedAgain):
                check_ended_well(program)
        finally:
            program.close()


# ---- there is no room --------------------------------------------------------------------------------------------

def check_told_to_make_room(program):
    """As long as there is none for what SQLite has to make beside a database, it does not start."""
    told = len(program.said())
    assert not program.started() and program.ends() == 1, program.process.returncode
    said = program.said()[told:]
    assert "No space left on device" in said and "make room" in said and "start this program again" in said, said


def run_out_of_room(program, kind):
    """And find some again, after a while, and after another start."""
    program.set_trouble(FULL="@")
    writers = [kind.writer(program, i) for i in range(WRITERS)]
    try:
        program.start()
        write_until(writers, lambda: len(acknowledged(writers)) > 100, "it stores nothing")
        program.sign.touch()
        wait_until(lambda: all(not writer.is_alive() for writer in writers), "it is not full")
        assert [writer.refusal for writer in writers] == [kind.full] * WRITERS, [writer.refusal for writer in writers]
        check_kept(program, kind, writers)
        program.sign.unlink()
        wait_until(lambda: program.ask("/health")[0] == 200 or not program.lives(), "it does not heal")
        more = [kind.writer(program, i, first=writers[i].next) for i in range(WRITERS)]
        write_until(more, lambda: len(acknowledged(more)) > 100, "it does not go on")
        join(more)
        assert all(writer.refusal is None for writer in more), [writer.refusal for writer in more]
        program.sign.touch()
        program.kill()
        check_told_to_make_room(program)
        program.sign.unlink()
        program.start()
        check_kept(program, kind, writers + more)
    finally:
        program.close()


def a_full_disk_at_os():
    run_out_of_room(a_server("os"), Events)


def a_full_disk_at_disk():
    run_out_of_room(a_server("disk"), Events)


def a_full_disk_of_a_mailer():
    run_out_of_room(a_mailer(), Mails)


def one_that_answers_first_is_caught():
    program = a_server("disk", os.path.join(PLANTED, "ese-server.acknowledged_before_the_commit"), FULL="@")
    writers = [Events.writer(program, i) for i in range(WRITERS)]
    try:
        program.start()
        write_until(writers, lambda: len(acknowledged(writers)) > 100, "it stores nothing")
        program.sign.touch()
        enough = len(acknowledged(writers)) + 50
        wait_until(lambda: len(acknowledged(writers)) > enough, "it answers last")
        join(writers)
        program.sign.unlink()
        assert set(acknowledged(writers)) - set(events_of(program)), "nothing was lost"
    finally:
        program.close()


# ---- writes that are cut short, or fail -----------------------------------------------------------------------------

def work_in_spite_of(program, kind, **trouble):
    program.set_trouble(**trouble)
    writers = [kind.writer(program, i) for i in range(WRITERS)]
    try:
        program.start()
        write_until(writers, lambda: len(acknowledged(writers)) > 400 or
                    all(not writer.is_alive() for writer in writers), "it stores nothing")
        join(writers)
        refused = {writer.refusal for writer in writers} - {None}
        assert refused <= set(kind.refusals), refused
        program.kill()
        program.set_trouble()
        program.start()
        check_kept(program, kind, writers)
        return refused
    finally:
        program.close()


def short_writes_are_gone_on_with():
    assert not work_in_spite_of(a_server("disk"), Events, WRITE_SHORT="/3")
    assert not work_in_spite_of(a_mailer(), Mails, WRITE_SHORT="/2")


def a_write_that_fails_is_no_acknowledgement():
    for number in (40, 41, 57):
        work_in_spite_of(a_server("disk"), Events, WRITE_FAILS=number)
    work_in_spite_of(a_server("os"), Events, WRITE_FAILS="200+")
    work_in_spite_of(a_mailer(), Mails, WRITE_FAILS="200+")


def the_last_piece_of_room_is_no_whole():
    for durability in ("os", "disk"):
        refused = work_in_spite_of(a_server(durability), Events, ROOM=900001)
        assert refused == {Events.full}, refused
    refused = work_in_spite_of(a_mailer(), Mails, ROOM=900001)
    assert refused == {Mails.full}, refused


def who_never_had_room_is_told_to_make_some():
    for program in (a_server("os", FULL="1+"), a_server("disk", FULL="1+"), a_mailer(FULL="1+")):
        with contextlib.closing(program):
            check_told_to_make_room(program)


# ---- the consumer's state file -----------------------------------------------------------------------------------

def consume(program):
    """One life, to the end of the log: its exit status."""
    with open(program.directory / "said", "ab") as said:
        return subprocess.run([program.path, "--transport", "file:data=log", "--state", f"disk/{STATE}", "--durability",
                               "disk", "--max-batch", "50", "--lateness-ms", "86400000", "--until-end", "--quiet"],
                              cwd=program.directory, env=program.environment, stdin=subprocess.DEVNULL, stdout=said,
                              stderr=said, timeout=PATIENCE, check=False).returncode


def consume_with(program_path, trouble, then):
    program = OnDisk(SHIM, program_path)
    try:
        presses = Presses(program.directory)
        program.set_trouble(**trouble)
        ended = consume(program)
        then(program, ended)
        program.set_trouble()
        assert consume(program) == 0, program.said()
        check_decided(program, presses)
    finally:
        program.close()


def a_consumer_ends_at_a_failed_sync():
    def then(program, ended):
        syncs = program.syncs()
        first = [how for how, _ in syncs].index("failed")
        assert len(syncs) == first + 1 and ended == 1, (ended, syncs[first:])
        assert "sync" in program.said(), program.said()
    for number in (1, 2, 4, 8, 10, 11, 26):
        consume_with(CONSUMER, {"SYNC_FAILS": number}, then)


def a_consumer_without_room_loses_nothing():
    def then(program, ended):
        assert ended in (0, 1), (ended, program.said())
    for room in (50000, 100001, 200002):
        consume_with(CONSUMER, {"ROOM": room}, then)


def a_consumer_that_syncs_again_is_caught():
    def then(program, ended):
        syncs = program.syncs()
        assert len(syncs) > [how for how, _ in syncs].index("failed") + 1, syncs
        del ended
    consume_with(os.path.join(PLANTED, "ese-consumer.a_failed_sync_is_passed_over"), {"SYNC_FAILS": 11}, then)


# ---- the file transport ------------------------------------------------------------------------------------------

def the_file_transport_syncs_no_second_time():
    program = OnDisk(SHIM, CLIENT, SYNC_FAILS=3)
    try:
        done = subprocess.run([CLIENT, "--transport", "file:data=disk:durability=disk", "--rate", "500", "--count", "500",
                               "--json", "--quiet"], cwd=program.directory, env=program.environment, capture_output=True,
                              text=True, timeout=PATIENCE, check=False)
        totals, syncs = json.loads(done.stdout), program.syncs()
        assert [how for how, _ in syncs] == ["synced", "synced", "failed"], syncs
        assert totals["unknown"] > 0 and totals["refused"] == 0, totals
        stored = len((program.disk / "events.ndjson").read_text().splitlines())
        assert stored == 500 and totals["acknowledged"] + totals["unknown"] == 500, (stored, totals)
    finally:
        program.close()


# ---- the shim itself ---------------------------------------------------------------------------------------------

def what_cannot_be_understood_is_refused():
    with contextlib.closing(OnDisk(SHIM, SERVER)) as program:
        for name, value in (("SYNC_US", "soon"), ("SYNC_US", "-1"), ("SYNC_FAILS", "0"), ("SYNC_FAILS", "2-"), ("FULL", "@"),
                            ("WRITE_SHORT", "/0"), ("ROOM", "1k"), ("ONLY", ",a"), ("JOURNAL", "journal"),
                            ("TOLD", str(program.disk / "told")), ("ROOT", str(program.disk / "nowhere")), ("ROOT", "/")):
            environment = {**program.environment, f"ESE_DISK_{name}": value}
            done = subprocess.run([SERVER, "--version"], env=environment, capture_output=True, text=True, check=False)
            assert done.returncode == 64 and f"ESE_DISK_{name}" in done.stderr and "give" in done.stderr, (name, value, done)
        bare = {"LD_PRELOAD": str(pathlib.Path(SHIM)), "ESE_DISK_SYNC_US": "1"}
        done = subprocess.run([SERVER, "--version"], env=bare, capture_output=True, text=True, check=False)
        assert done.returncode == 64 and "ESE_DISK_ROOT" in done.stderr, done


TESTS = (what_cannot_be_understood_is_refused, a_servers_sync_at_disk, a_servers_sync_at_os, a_servers_checkpoint,
         all_who_wait_are_answered, one_that_forgets_who_waits_is_caught, one_whose_sync_may_be_tried_again_is_caught,
         a_full_disk_at_os, a_full_disk_at_disk, one_that_answers_first_is_caught, short_writes_are_gone_on_with,
         a_write_that_fails_is_no_acknowledgement, the_last_piece_of_room_is_no_whole,
         who_never_had_room_is_told_to_make_some, a_mailers_sync, a_mailers_checkpoint, a_full_disk_of_a_mailer,
         a_consumer_ends_at_a_failed_sync, a_consumer_without_room_loses_nothing, a_consumer_that_syncs_again_is_caught,
         the_file_transport_syncs_no_second_time)

if __name__ == "__main__":
    sys.exit(run(TESTS, at_once=3))
