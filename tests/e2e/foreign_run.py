#!/usr/bin/python3
"""foreign_run.py LAB EXAMPLE DOCUMENT - a run of somebody else's service, recorded as docs/evidence.md says, is judged
as the lab's own are: it balances, and what it loses, doubles or confuses is found out. And histories become text, and
that a history again. TAP."""
import json
import os
import re
import subprocess
import sys
import tempfile

import documents
from ese_program import run

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LAB, EXAMPLE, DOCUMENT = (os.path.abspath(path) for path in sys.argv[1:4])
PASS, FAIL, CANNOT_TELL, USAGE = 0, 1, 2, 64


def check(directory, *options):
    return subprocess.run([LAB, "check", directory, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, timeout=60, check=False)


def judge(directory):
    """Exit status, and what results.json has of it."""
    done = check(directory, "--json")
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)["transports"][0]


class Run:
    """Made by the example, and changed by a test."""

    def __init__(self, *fault):
        self.place = tempfile.TemporaryDirectory(prefix="ese-foreign-")
        self.directory = os.path.join(self.place.name, "run")
        subprocess.run([sys.executable, EXAMPLE, self.directory, *fault], check=True, timeout=60)

    def __enter__(self):
        return self

    def __exit__(self, *problem):
        self.place.cleanup()

    def path(self, name):
        return os.path.join(self.directory, name)

    def lines(self, who):
        with open(self.path(who + ".ndjson"), encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    def write(self, who, lines):
        with open(self.path(who + ".ndjson"), "w", encoding="utf-8") as file:
            file.writelines(json.dumps(line) + "\n" for line in lines)

    def change(self, who, changed):
        self.write(who, changed(self.lines(who)))


def what_is_as_it_was_promised_balances():
    with Run() as made:
        status, result = judge(made.directory)
        ledger = result["ledger"]
        assert status == PASS and result["name"] == "a list in memory", result
        assert ledger["offered"] == ledger["acknowledged"] == ledger["processed"] == 200 and ledger["lost"] == 0, ledger
        assert result["latency_us"]["end_to_end"]["count"] == 200, result["latency_us"]
        table = check(made.directory).stdout
        assert "a list in memory" in table and "balances" in table and "at least once" in table, table


def what_is_lost_is_found():
    with Run("lose") as made:
        status, result = judge(made.directory)
        assert status == FAIL and result["ledger"]["lost"] == 1, result
        story = result["faults"][0]["story"]
        assert story.startswith("event order-100 of customer-2, due at "), story
        assert "event order-100 of customer-2" in check(made.directory).stdout
        made.change("client", lambda lines: [with_an_id(line) for line in lines])  # near: what is an id of ours stays one
        made.change("consumer-1", lambda lines: [with_an_id(line) for line in lines])
        story = judge(made.directory)[1]["faults"][0]["story"]
        assert story.startswith("event 018bcfe5-6800-7001-8000-000000000064 of customer-2"), story


def what_may_be_lost_is_counted_only():
    with Run("lose") as made:
        with open(made.path("run.json"), encoding="utf-8") as file:
            said = json.load(file)
        said["promises"]["delivery"] = "at_most_once"
        with open(made.path("run.json"), "w", encoding="utf-8") as file:
            json.dump(said, file)
        status, result = judge(made.directory)
        assert status == PASS and result["ledger"]["lost"] == 1, result


def exchanged(lines, name, other):
    """Each of the two lies where the other does."""
    names = {name: other, other: name}
    return [{**line, "id": names.get(line["id"], line["id"])} if line.get("kind") == "handed" else line
            for line in lines]


def without_places(lines):
    return [{name: value for name, value in line.items() if name not in ("offset", "partition")} for line in lines]


def what_is_out_of_order_is_found():
    with Run("reorder") as made:
        status, result = judge(made.directory)
        assert status == FAIL and result["ledger"]["handed_out_of_order_by"]["within_ownership"] == 1, result
    with Run() as made:
        made.change("client", without_places)
        made.change("consumer-1", lambda lines: exchanged(lines, "order-100", "order-107"))
        status, result = judge(made.directory)
        assert status == FAIL and result["ledger"]["reordered"] == 1, result


def placed(kind, where):
    """Those of that kind where the function says: of the number of an event, its partition and offset."""
    def change(lines):
        return [{**line, "partition": where(number(line))[0], "offset": where(number(line))[1]}
                if line.get("kind") == kind else line for line in lines]
    return change


def number(line):
    return int(line["id"].split("-")[1])


def places_that_contradict_each_other_prove_nothing():
    def given(lines):
        return [{**lines[0], "partition": 3}] + lines
    def at_one_place(lines):
        return placed("handed", lambda i: (0, min(i, 190)))(lines)
    def taken(kind):
        def change(lines):
            at = next(i for i, line in enumerate(lines) if line["kind"] == kind and line.get("offset", 100) == 100)
            return lines[:at] + [{"time_ns": lines[at]["time_ns"], "kind": kind_of_end}] + lines[at:]
        kind_of_end = "taken" if kind == "handed" else "fenced"
        return change
    wrong = (
        ((("client", without_places), ("consumer-1", at_one_place)),
         ("consumer-1.ndjson, line 193: order-191 handed at 0/190", "line 192: order-190 handed at 0/190")),
        ((("client", placed("acknowledged", lambda i: (0, max(i, 9)))),),
         ("order-1 acknowledged at 0/9", "order-0 acknowledged at 0/9")),
        ((("client", placed("acknowledged", lambda i: (-1, max(i, 9)))),),
         ("order-1 acknowledged at offset 9", "order-0 acknowledged at offset 9")),
        ((("client", placed("acknowledged", lambda i: (0, (i + 3) % 200))),),
         ("consumer-1.ndjson, line 2: order-0 handed at 0/0", "order-197 acknowledged at 0/0")),
        ((("client", placed("acknowledged", lambda i: (-1, (i + 3) % 200))),),
         ("handed at 0/", "acknowledged at offset ")),
        ((("client", placed("acknowledged", lambda i: (0, i))), ("consumer-1", placed("handed", lambda i: (3, i))),
          ("consumer-1", given)),
         ("order-0 handed at 3/0", "order-0 acknowledged at 0/0")),
        ((("consumer-1", taken("handed")),),
         ("consumer-1.ndjson, line 103: order-100 handed in partition 0, which it had no more since line 102",)),
        ((("consumer-1", taken("committed")),),
         ("line 203: committed in partition 0, which it had no more since line 202",)),
        ((("consumer-1", lambda lines: lines[1:]),),
         ("consumer-1.ndjson, line 1: order-0 handed in partition 0, which it was never given",)),
        ((("consumer-1", lambda lines: [{**lines[0], "partition": 7}] + lines[1:]),), ("which it was never given",)),
    )
    for changes, words in wrong:
        with Run() as made:
            for who, change in changes:
                made.change(who, change)
            status, result = judge(made.directory)
            verdict = result["verdict"]
            assert status == CANNOT_TELL and verdict["timing"]["word"] == "cannot tell", (words, result)
            for word in (*words, "contradict themselves"):
                assert word in verdict["ledger"]["reason"], (word, verdict)


def stored_at(where):
    return [{"time_ns": 1, "kind": "stored", "id": f"order-{i}", "partition": where(i)[0], "offset": where(i)[1]}
            for i in sorted(range(200), key=where)]


def what_is_read_back_lies_where_it_was_told():
    with Run() as made:
        made.write("store", stored_at(lambda i: (0, i)))
        assert judge(made.directory)[0] == PASS
        made.write("store", stored_at(lambda i: (0, i + 1000)))
        reason = judge(made.directory)[1]["verdict"]["ledger"]["reason"]
        assert "contradict" not in reason, reason  # it was handed where its client was told
        made.write("store", stored_at(lambda i: (0, {5: 6, 6: 5}.get(i, i))))
        status, result = judge(made.directory)
        reason = result["verdict"]["ledger"]["reason"]
        assert status == CANNOT_TELL and "store.ndjson, line 6: order-6 stored at 0/5" in reason, reason
        assert "consumer-1.ndjson, line 7: order-5 handed at 0/5" in reason, reason


def what_may_well_be_contradicts_nothing():
    """An event that was sent again lies at two places, partitions number by themselves, and one is given anew."""
    def again(lines):
        return [{**line, "attempts": 2} if line["kind"] == "acknowledged" and number(line) == 150 else line
                for line in placed("acknowledged", lambda i: (0, 300 if i == 150 else i))(lines)]
    def halves(i):
        return i % 7 % 2, i
    def by_partition(lines):
        committed = {**lines[-1], "events": 0}
        return [lines[0], {**lines[0], "partition": 1}, *placed("handed", halves)(lines[1:-1]), committed,
                {**committed, "partition": 1}]
    def anew(lines):
        end = lines[101]["time_ns"]
        return lines[:101] + [{"time_ns": end, "kind": "committed", "next": 100}, {"time_ns": end, "kind": "taken"},
                              {"time_ns": end, "kind": "given", "offset": 100}] + lines[101:]
    fine = (("client", again), ("consumer-1", anew))
    with Run() as made:
        for who, change in fine:
            made.change(who, change)
            status, result = judge(made.directory)
            assert status == PASS, result
    with Run() as made:  # no partition is told of an acknowledgement, and of two each may have that offset
        made.change("client", placed("acknowledged", lambda i: (-1, i // 2 * 2)))
        made.change("consumer-1", lambda lines: placed("handed", lambda i: (i % 2, i // 2 * 2))(
            [lines[0], {**lines[0], "partition": 1}, *lines[1:], {**lines[-1], "partition": 1}]))
        reason = judge(made.directory)[1]["verdict"]["ledger"]["reason"]
        assert "contradict" not in reason, reason
    with Run() as made:
        made.change("client", placed("acknowledged", halves))
        made.change("consumer-1", by_partition)
        status, result = judge(made.directory)
        assert status == PASS, result


def each_writes_what_is_its_to_tell():
    wrong = {"client": ("handed", "given", "committed", "stored", "skipped"),
             "consumer-1": ("offered", "sent", "stored"),
             "store": ("handed", "committed", "taken", "acknowledged")}
    of_server = ("kept", "overwritten", "expired", "begun_empty")  # it has no file
    wrong = {who: kinds + of_server for who, kinds in wrong.items()}
    members = {"id": "a", "key": "k", "client_ts": 1, "offset": 0, "next": 0, "from": 0, "to": 1, "by": "b",
               "server_ts": 1, "written_ms": 1, "kept_ms": 1}
    for who, kinds in wrong.items():
        for kind in kinds:
            with Run() as made:
                lines = made.lines(who) if who != "store" else []
                made.write(who, [{"time_ns": 1, "kind": kind, **members}] + lines)
                done = check(made.directory)
                assert done.returncode == CANNOT_TELL, (who, kind, done)
                assert f"{who}.ndjson, line 1" in done.stderr and f"'{kind}'" in done.stderr, done.stderr
    with Run() as made:  # near
        made.write("store", [{"time_ns": 1, "kind": "given", "offset": 0}] + stored_at(lambda i: (0, i)))
        assert judge(made.directory)[0] == PASS


def what_nobody_offered_is_found():
    with Run() as made:
        made.change("consumer-1", lambda lines: [{**line, "id": "order-x"} if line.get("id") == "order-7" else line
                                                 for line in lines])
        status, result = judge(made.directory)
        assert status == FAIL and result["ledger"]["phantom"] == 1 and result["ledger"]["lost"] == 1, result
        assert any(fault["story"].startswith("event order-x: no client says") for fault in result["faults"]), result


def what_was_handed_again_is_no_fault():
    def again(lines):
        return lines[:9] + [{**line, "time_ns": lines[8]["time_ns"]} for line in lines[3:9]] + lines[9:]
    with Run() as made:
        made.change("consumer-1", again)
        status, result = judge(made.directory)
        assert status == PASS and result["ledger"]["redelivered"] == 6, result


def with_members(made, **members):
    with open(made.path("run.json"), encoding="utf-8") as file:
        said = json.load(file)
    with open(made.path("run.json"), "w", encoding="utf-8") as file:
        json.dump({**said, **members}, file)


def what_waited_longer_than_the_bound_is_found():
    def late(lines):
        return [{**line, "time_ns": line["time_ns"] + 2 * 10 ** 9} if line.get("kind") == "committed" else line
                for line in lines]
    with Run() as made:
        made.change("consumer-1", late)
        status, result = judge(made.directory)
        assert status == PASS and result["ledger"]["stale"] == 0 and result["stale_worst_us"] >= 2 * 10 ** 6, result
        with_members(made, stale_after_ms=1500)
        status, result = judge(made.directory)
        assert status == FAIL and result["ledger"]["stale"] == 200, result
        assert check(made.directory, "--stale-after-ms", "60000").returncode == PASS
        assert check(made.directory, "--stale-after-ms", "0").returncode == PASS
        status, told = explain(made, "order-3")
        assert status == PASS and re.search(r"judged: .*2\.\d+ s after it was acknowledged", told), told


def handed(lines, name):
    return next(i for i, line in enumerate(lines) if line.get("kind") == "handed" and line["id"] == name)


def what_its_reader_passed_over_is_found():
    def pass_over(lines):
        one, other = handed(lines, "order-20"), handed(lines, "order-27")  # of one key
        lines[one], lines[other] = ({**lines[other], "time_ns": lines[one]["time_ns"]},
                                    {**lines[one], "time_ns": lines[other]["time_ns"]})
        return lines
    with Run() as made:
        made.change("consumer-1", pass_over)
        status, result = judge(made.directory)
        ledger = result["ledger"]
        assert status == FAIL and ledger["handed_out_of_order"] == 1 and ledger["reordered"] == 0, result
        assert ledger["handed_out_of_order_by"] == {"within_ownership": 1, "after_rebalance": 0}, ledger
        assert ledger["passed_over_first"] == 7, ledger
        status, told = explain(made, "order-20")
        assert status == PASS and "after an event of its key that was sent later, while" in told, told


def what_is_doubled_has_its_cause():
    def again(lines):
        return lines[:-1] + [{**lines[handed(lines, "order-20")], "offset": 200, "time_ns": lines[-1]["time_ns"]},
                             {**lines[-1], "next": 201}]
    def at_second_attempt(lines):
        return [{**line, "attempts": 2} if line["id"] == "order-20" and line["kind"] == "acknowledged" else line
                for line in lines]
    with Run() as made:
        made.change("consumer-1", again)
        status, result = judge(made.directory)
        assert status == PASS and result["ledger"]["redelivered_by"]["other"] == 1, result
        made.change("client", at_second_attempt)
        status, result = judge(made.directory)
        assert status == PASS and result["ledger"]["redelivered_by"]["retry"] == 1, result
        assert any(fault["kind"] == "stored or handed again by a retry" for fault in result["faults"]), result


def explain(made, name):
    done = check(made.directory, "--explain", name)
    return done.returncode, done.stdout + done.stderr


def how_late_the_load_was_has_to_be_told():
    def unsent(first):
        return lambda lines: [line for line in lines
                              if line["kind"] != "sent" or number(line) >= first]
    def in_time(lines):  # whatever else the machine had to do when they were made
        return [{**line, "time_ns": before["time_ns"]} if line["kind"] == "sent" else line
                for before, line in zip(lines[:1] + lines, lines)]
    with Run() as made:
        made.change("client", in_time)
        assert judge(made.directory)[1]["verdict"]["timing"]["word"] == "pass"
        made.change("client", unsent(2))  # near: it cannot have been more than a hundredth that was late
        assert judge(made.directory)[1]["verdict"]["timing"]["word"] == "pass"
        made.change("client", unsent(3))
        timing = judge(made.directory)[1]["verdict"]["timing"]
        assert timing["word"] == "cannot tell" and "when 3 of 200 events were sent" in timing["reason"], timing
        assert check(made.directory).returncode == PASS and check(made.directory, "--strict").returncode == CANNOT_TELL


def what_a_replayable_store_has_lost_is_told_as_that():
    """In the same terms in verdict, story and explanation."""
    with Run() as made:
        with_members(made, promises={"delivery": "at_least_once", "ordered_per_key": True, "replayable": True})
        made.write("store", [{"time_ns": 1, "kind": "given", "offset": 0}] + stored_at(lambda i: (0, i)))
        assert judge(made.directory)[0] == PASS
        made.change("store", lambda lines: [line for line in lines if line.get("id") != "order-4"])
        status, result = judge(made.directory)
        assert status == FAIL and result["ledger"]["lost"] == 1, result
        reason, first = result["verdict"]["ledger"]["reason"], result["faults"][0]
        assert "1 was processed, and gone from the store since" in reason, reason
        assert first["kind"] == "lost by its store, after it was processed", result["faults"]
        told = explain(made, "order-4")[1]
        for text in (first["story"], told):
            assert "it is gone from the store" in text and "it was processed at" in text, text
            assert "not committed" not in text, text


def no_reason_is_made_up():
    with Run() as made:
        made.change("client", lambda lines: [line for line in lines if line["id"] != "order-4"
                                             or line["kind"] == "offered"])
        made.change("consumer-1", lambda lines: [line for line in lines if line.get("id") != "order-4"])
        told = check(made.directory).stdout + explain(made, "order-4")[1]
        assert "no room" not in told and "nobody says that it was sent, or what became of it" in told, told
        made.change("client", lambda lines: lines[:13] + [{"time_ns": lines[12]["time_ns"], "kind": "not_sent",
                                                           "id": "order-4"}] + lines[13:])
        told = check(made.directory).stdout + explain(made, "order-4")[1]
        assert "no room" not in told and "not sent, as its client says" in told, told


def what_two_have_at_once_was_not_given_anew():
    with Run() as made:
        lines = made.lines("consumer-1")
        for who in ("consumer-1", "consumer-2"):
            made.write(who, [{**lines[0], "time_ns": 1}] + lines[1:])
        redelivered = judge(made.directory)[1]["ledger"]["redelivered_by"]
        assert (redelivered["return"], redelivered["other"]) == (0, 200), redelivered
        anew = [{**line, "time_ns": line["time_ns"] + 10 ** 6} for line in lines]  # near
        anew[0]["time_ns"] = lines[1]["time_ns"] + 1
        made.write("consumer-2", sorted(anew, key=lambda line: line["time_ns"]))
        redelivered = judge(made.directory)[1]["ledger"]["redelivered_by"]
        assert (redelivered["return"], redelivered["other"]) == (200, 0), redelivered


def an_events_story_is_told():
    with Run("lose") as made:
        status, told = explain(made, "order-99")
        assert status == PASS, told
        order = [re.search(rf" {who} +{words}", told).start() for who, words in
                 [("client", "due: .*of customer-1"), ("client", "sent"),
                  ("client", "acknowledged, as stored at offset 99, of which partition is not told"),
                  ("consumer-1", "handed, from partition 0 at offset 99"), ("consumer-1", "committed")]]
        assert order == sorted(order), told
        status, told = explain(made, "order-100")
        seen, judged = told.split("  judged: ")
        assert status == PASS and "acknowledged" in seen and "handed" not in seen and "committed" not in told, told
        assert "no reader was handed it" in judged, told
        assert "partition -1" not in told and "due: an event of customer-2\n" in told, told
        assert "as stored at offset 100, of which partition is not told" in told, told
        status, told = explain(made, "order-9999")
        assert status == FAIL and "order-9999" in told, told


def what_was_not_committed_cannot_be_told():
    with Run() as made:
        made.change("consumer-1", lambda lines: lines[:-1])
        status, result = judge(made.directory)
        assert status == CANNOT_TELL and result["ledger"]["processed"] == 0, result
        assert result["ledger"]["in_flight"] == 200 and result["ledger"]["lost"] == 0, result
        assert "store.ndjson" in result["verdict"]["ledger"]["reason"], result["verdict"]


def until(count):
    """A consumer that has read and committed so many, and no more."""
    return lambda lines: lines[:count + 1] + [{**lines[-1], "next": count, "events": count}]


def what_lies_beyond_the_last_commit_is_in_flight():
    with Run() as made:
        made.change("consumer-1", until(150))
        status, result = judge(made.directory)
        ledger = result["ledger"]
        assert status == CANNOT_TELL and (ledger["in_flight"], ledger["lost"]) == (50, 0), result
        assert "may be in the store" in explain(made, "order-170")[1]
        # near: what was acknowledged below the commit, and never handed, is lost for sure
        made.change("consumer-1", lambda lines: [line for line in lines if line.get("id") != "order-120"])
        status, result = judge(made.directory)
        assert status == FAIL and (result["ledger"]["in_flight"], result["ledger"]["lost"]) == (50, 1), result
        # and whose place nobody was told may be anywhere
        made.change("client", without_places)
        status, result = judge(made.directory)
        assert status == CANNOT_TELL and (result["ledger"]["in_flight"], result["ledger"]["lost"]) == (51, 0), result


def whoever_looked_into_the_store_knows_what_is_lost():
    def stored(count):
        return [{"time_ns": 1, "kind": "stored", "id": f"order-{i}", "offset": i} for i in range(count)]
    with Run() as made:
        made.change("consumer-1", until(150))
        made.write("store", stored(190))
        status, result = judge(made.directory)
        assert status == FAIL and (result["ledger"]["in_flight"], result["ledger"]["lost"]) == (40, 10), result


def what_was_not_processed_is_told_of_histories_and_not_of_a_drain():
    """Which only the lab's own runs have, as they alone have logs."""
    with Run() as made:
        made.change("consumer-1", until(150))
        made.write("store", [{"time_ns": 1, "kind": "stored", "id": f"order-{i}", "offset": i} for i in range(200)])
        status, result = judge(made.directory)
        reason = result["verdict"]["ledger"]["reason"]
        assert status == CANNOT_TELL and reason.startswith("50 stored events"), reason
        assert "consumers' histories ended" in reason, reason
        told = check(made.directory).stdout + json.dumps(result)
        assert "drain ended" not in told and "logs/" not in told, told


def what_another_partition_may_hold_is_in_flight():
    """No partition is told of an acknowledgement, and one of two was given and never committed in."""
    with Run() as made:
        made.change("consumer-1", lambda lines: [line for line in lines if line.get("id") != "order-120"])
        assert judge(made.directory)[1]["ledger"]["lost"] == 1
        made.change("consumer-1", lambda lines: [{**lines[0], "partition": 1}] + lines)
        status, result = judge(made.directory)
        assert status == CANNOT_TELL and (result["ledger"]["in_flight"], result["ledger"]["lost"]) == (1, 0), result


def what_is_wrong_is_named_with_its_line():
    wrong = {
        '{"time_ns":1,"kind":"offerd","id":"a"}': "there is none 'offerd'",
        '{"time_ns":1,"kind":"sent"}': '"id" is missing',
        '{"kind":"sent","id":"a"}': '"time_ns" is missing',
        '{"time_ns":1.5,"kind":"sent","id":"a"}': '"time_ns"',
        '{"time_ns":0,"kind":"sent","id":"a"}': '"time_ns": 0',
        '{"time_ns":-9000000000000000000,"kind":"sent","id":"a"}': '"time_ns"',
        '{"time_ns":9000000000000000000,"kind":"sent","id":"a"}': '"time_ns"',
        '{"time_ns":1,"kind":"handed","id":"a"}': '"offset" is missing',
        '{"time_ns":1,"kind":"handed","id":"a","offset":0,"partition":99999999999}': '"partition": 99999999999',
        '{"time_ns":1,"kind":"sent","id":"%s"}' % ("a" * 300): "longer than",
        '{"time_ns":1,"kind":"mail_sent","id":"a"}': "events alone",
        '{"time_ns":1,"kind":"acknowledged","id":"a","attempts":-1}': '"attempts": -1',
        '{"time_ns":1,"kind":"acknowledged","id":"a","partition":-2}': '"partition": -2',
        '{"time_ns":1,"kind":"handed","id":"a","offset":0,"partition":-1}': '"partition": -1',
        '{"time_ns":1,"kind":"handed","id":"a","offset":true}': '"offset" is true',
        '{"time_ns":1,"kind":"acknowledged","id":"a","attempts":false}': '"attempts" is false',
        '{"time_ns":true,"kind":"sent","id":"a"}': '"time_ns" is true',
        '{"time_ns":1,"kind":"skipped","from":7,"to":5}': '"to": 5 is before "from", 7',
        '{"time_ns":1,"kind":"sent","id":"a"}\0{"kind":"lost"}': "NUL in it, at byte 37",
        '{"time_ns":1,"kind":"sent","id":"%s"}' % ("a" * 70000): "longer than 65536 bytes",
        '[1]': "JSON object",
        '{': "no JSON",
    }
    for text, words in wrong.items():
        with Run() as made:
            with open(made.path("client.ndjson"), "r+", encoding="utf-8") as file:
                rest = file.read()
                file.seek(0)
                file.write(text + "\n" + rest)
            done = check(made.directory)
            assert done.returncode == CANNOT_TELL and words in done.stderr, (text, done.stderr)
            assert "line 1" in done.stderr, (text, done.stderr)
    with Run() as made:
        made.change("client", lambda lines: [lines[0], lines[2], lines[1]])
        assert "line 3" in check(made.directory).stderr


def a_run_says_what_it_promises():
    wrong = {"{}": '"run"', '{"run":2}': '"run"', '{"run":1}': '"name"', '{"run":1,"name":"a"}': '"promises"',
             '{"run":1,"name":"a","promises":{}}': '"delivery"',
             '{"run":1,"name":"a","promises":{"delivery":"at_least_once","ordered_per_key":1}}': '"ordered_per_key"',
             '{"run":1,"name":"a","promises":{"delivery":"at_least_once","ordered_by_key":true}}': '"ordered_by_key"',
             '{"run":1,"name":"a","rate":-1,"promises":{"delivery":"at_least_once"}}': '"rate"',
             '{"run":1,"name":"a","rate":1000001,"promises":{"delivery":"at_least_once"}}': "from 0 to 1000000",
             '{"run":1,"name":"a","rate":true,"promises":{"delivery":"at_least_once"}}': '"rate"',
             '{"run":1,"name":"a","warm_up_s":3,"promises":{"delivery":"at_least_once"}}': '"warm_up_s"',
             '{"run":1,"name":"a","durability":"tape","promises":{"delivery":"at_least_once"}}': '"durability"',
             '{"run":1,"name":"a","promises":{"delivery":"at_least_once","replayable":true}}': "store.ndjson"}
    for text, words in wrong.items():
        with Run() as made:
            with open(made.path("run.json"), "w", encoding="utf-8") as file:
                file.write(text)
            done = check(made.directory)
            assert done.returncode == CANNOT_TELL and words in done.stderr, (text, done.returncode, done.stderr)
    with Run() as made:
        os.unlink(made.path("run.json"))
        done = check(made.directory)
        assert done.returncode == CANNOT_TELL, done
        for name in ("run.json", "client.ndjson", "consumer-1.ndjson", "results.json"):
            assert name in done.stderr, done.stderr
    for name in ("client", "consumer-1"):
        with Run() as made:
            os.unlink(made.path(name + ".ndjson"))
            done = check(made.directory)
            assert done.returncode == CANNOT_TELL and name + ".ndjson" in done.stderr, done.stderr


def consumers_are_numbered_without_a_gap():
    for names, missing in ((("consumer-1", "consumer-3"), "consumer-2.ndjson"), (("consumer-2",), "consumer-1.ndjson"),
                           (("consumer-1", "consumer"), "consumer-2.ndjson"),
                           (("consumer-01",), "consumer-1.ndjson")):
        with Run() as made:
            lines = made.lines("consumer-1")
            os.unlink(made.path("consumer-1.ndjson"))
            for name in names:
                made.write(name, lines)
            done = check(made.directory)
            assert done.returncode == CANNOT_TELL and missing in done.stderr, (names, done.stderr)
    with Run() as made:  # near
        made.write("consumer-2", [])
        assert check(made.directory).returncode == PASS


def with_an_id(line):
    """As one of ours has it, where it has any."""
    return {**line, "id": "018bcfe5-6800-7001-8000-%012x" % int(line["id"].split("-")[1])} if "id" in line else line


def converted(made, who):
    """Its text, made a history and text again: without the title."""
    lines = made.lines(who)
    text, history = made.path(who + ".text"), made.path(who + ".history")
    with open(text, "w", encoding="utf-8") as file:
        file.writelines(json.dumps(line) + "\n" for line in [{"history": 1, "party": "somebody", "boot": "1f"}] + lines)
    subprocess.run([LAB, "history", text, "--into", history], check=True, timeout=60)
    printed = subprocess.run([LAB, "history", history], stdout=subprocess.PIPE, check=True, text=True,
                             timeout=60).stdout
    title, *rest = [json.loads(line) for line in printed.splitlines()]
    assert (title["history"], title["party"], title["boot"]) == (1, "somebody", "000000000000001f"), title
    return lines, rest


def a_text_becomes_a_history_and_text_again():
    with Run() as made:
        for who in ("client", "consumer-1"):
            made.change(who, lambda lines: [with_an_id(line) for line in lines])
            lines, again = converted(made, who)
            assert len(lines) == len(again), (len(lines), len(again))
            for line, other in zip(lines, again):
                assert {**other, **line} == other, (line, other)
        refused = subprocess.run([LAB, "history", made.path("client.text"), "--into", made.path("client.history")],
                                 stderr=subprocess.PIPE, text=True, check=False, timeout=60)
        assert refused.returncode == USAGE and "there already" in refused.stderr, refused


def of_a_text_that_is_wrong_no_history_is_left():
    first = {"history": 1, "party": "somebody"}
    event = {"id": "018bcfe5-6800-7001-8000-000000000001"}
    good = [first, {"time_ns": 5, "kind": "offered", "key": "k", "client_ts": 1, **event},
            {"time_ns": 6, "kind": "sent", **event}, {"time_ns": 7, "kind": "acknowledged", **event}]
    wrong = ((3, "time_ns", {"time_ns": 4}), (4, "time_ns", {"time_ns": 5}), (4, "attempts", {"attempts": -1}))
    with Run() as made:
        text, history = made.path("some.text"), made.path("some.history")
        command = [LAB, "history", text, "--into", history]
        before = set(os.listdir(made.directory)) | {"some.text"}
        for number, words, members in wrong:
            lines = [{**line, **members} if i + 1 == number else line for i, line in enumerate(good)]
            with open(text, "w", encoding="utf-8") as file:
                file.writelines(json.dumps(line) + "\n" for line in lines)
            done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False, timeout=60)
            assert done.returncode != PASS and words in done.stderr and f"line {number}" in done.stderr, done
            assert set(os.listdir(made.directory)) == before, os.listdir(made.directory)
        with open(text, "w", encoding="utf-8") as file:
            file.writelines(json.dumps(line) + "\n" for line in good)
        subprocess.run(command, check=True, timeout=60)
        assert set(os.listdir(made.directory)) == before | {"some.history"}, os.listdir(made.directory)


def the_document_shows_the_example():
    with open(DOCUMENT, encoding="utf-8") as file:
        shown = re.search(r"```python\n(.*?)```", file.read(), re.DOTALL).group(1)
    with open(EXAMPLE, encoding="utf-8") as file:
        assert file.read() == shown


def the_documents_commands_make_a_run_that_balances():
    with Run() as made:
        directory = made.path("mine")
        for command in documents.commands(TREE, "docs/evidence.md", "python3"):
            subprocess.run(command.text.replace("/tmp/mine", directory).split(), cwd=TREE, check=True, timeout=60)
        assert check(directory).returncode == PASS


if __name__ == "__main__":
    sys.exit(run((what_is_as_it_was_promised_balances, what_is_lost_is_found, what_may_be_lost_is_counted_only,
                  what_is_out_of_order_is_found, places_that_contradict_each_other_prove_nothing,
                  what_is_read_back_lies_where_it_was_told, what_may_well_be_contradicts_nothing,
                  each_writes_what_is_its_to_tell, what_nobody_offered_is_found, what_was_handed_again_is_no_fault,
                  what_waited_longer_than_the_bound_is_found, what_its_reader_passed_over_is_found,
                  what_is_doubled_has_its_cause, how_late_the_load_was_has_to_be_told,
                  what_a_replayable_store_has_lost_is_told_as_that, no_reason_is_made_up,
                  what_two_have_at_once_was_not_given_anew, an_events_story_is_told,
                  what_was_not_committed_cannot_be_told,
                  what_lies_beyond_the_last_commit_is_in_flight, whoever_looked_into_the_store_knows_what_is_lost,
                  what_another_partition_may_hold_is_in_flight,
                  what_was_not_processed_is_told_of_histories_and_not_of_a_drain,
                  what_is_wrong_is_named_with_its_line, a_run_says_what_it_promises,
                  consumers_are_numbered_without_a_gap, of_a_text_that_is_wrong_no_history_is_left,
                  a_text_becomes_a_history_and_text_again, the_document_shows_the_example,
                  the_documents_commands_make_a_run_that_balances)))
