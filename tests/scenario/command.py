#!/usr/bin/python3
"""ese-lab scenario: lists and shows what there is, refuses what there is not, and finds out what does not hold. Over
transports that need no broker. TAP.

    command.py ESE_LAB SCENARIOS
"""
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import uuid
from unittest import mock

import history
import steady_click
from ese_program import run
from trial import names_of

LAB, SCENARIOS = sys.argv[1:3]
USAGE = 64

HEAD = "title A title\nstory A story\npredict What?\nwith source clicks\nwith rate 200\nwith warmup 0\nwith duration 2\n"
LOSES_NOTHING = "expect all ledger.lost = 0 -- nobody has harmed it\nexpect all ledger.offered > 300\n"


class Shelf:
    """Scenarios of a test's own, and the directories of their runs."""

    def __init__(self, **texts):
        self.place = tempfile.TemporaryDirectory(prefix="ese-scenarios-")
        for name, text in texts.items():
            self.put(name, HEAD + text)

    def put(self, name, text):
        with open(self.path(name + ".scenario"), "w", encoding="utf-8") as file:
            file.write(text)

    def path(self, name):
        return os.path.join(self.place.name, name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.place.cleanup()

    def ask(self, *words):
        return ask(*words, "--scenarios", self.place.name)

    def run(self, name, *options, out="out"):
        return self.ask("run", name, "--quiet", "--transports", "file", "--out", self.path(out), *options)


def ask(*words, **settings):
    return subprocess.run([LAB, "scenario", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=120, check=False, env={**os.environ, **settings})


def all_that_there_are_are_listed():
    listed = ask("list", "--scenarios", SCENARIOS)
    assert listed.returncode == 0, listed
    assert [line.split()[0] for line in listed.stdout.splitlines()] == names_of(SCENARIOS), listed.stdout
    lines = [json.loads(line) for line in ask("list", "--json", "--scenarios", SCENARIOS).stdout.splitlines()]
    assert [line["name"] for line in lines] == names_of(SCENARIOS), lines
    assert all(line["title"] and line["alone"] in (True, False) for line in lines), lines


def each_is_shown_in_both_sizes():
    for name in names_of(SCENARIOS):
        full, small = (ask("show", name, "--scenarios", SCENARIOS, *size) for size in ((), ("--small",)))
        for shown in (full, small):
            assert shown.returncode == 0 and "THE STORY" in shown.stdout and "PREDICT" in shown.stdout, shown
            assert "WHAT HAS TO HOLD" in shown.stdout and " | " not in shown.stdout, shown.stdout
        assert full.stdout != small.stdout, name


def what_holds_is_said_to_hold():
    with Shelf(one=LOSES_NOTHING) as shelf:
        done = shelf.run("one")
        assert done.returncode == 0 and "2 of 2 expectations hold" in done.stdout, done


def what_does_not_hold_is_found_out():
    with Shelf(one=LOSES_NOTHING + "expect all ledger.offered = 7 -- as if\n") as shelf:
        done = shelf.run("one")
        assert done.returncode == 1 and "2 of 3 expectations hold" in done.stdout, done
        assert re.search(r"NO +file +ledger\.offered = 7 +\d{3} +as if", done.stdout), done.stdout


def it_is_told_as_json():
    with Shelf(one=LOSES_NOTHING + "expect all ledger.offered = 7\n") as shelf:
        told = json.loads(shelf.run("one", "--json").stdout)
        assert [one["holds"] for one in told["expectations"]] == ["yes", "yes", "NO"], told["expectations"]
        assert told["scenario"] == "one" and told["results"]["options"]["fault"] == "one", told["results"]["options"]
        with open(os.path.join(told["directory"], "results.json"), encoding="utf-8") as file:
            written = json.load(file)
        assert written["transports"] == told["results"]["transports"]
        assert written["scenario"]["expectations"] == told["expectations"], written["scenario"]
        assert written["scenario"]["verdict"] == told["verdict"], written["scenario"]
        assert told["verdict"] == {"word": "fail", "reason": "1 of 3 expectations do not hold"}, told["verdict"]


def joined(lines):
    """results.json, from a line for the run and one for each of its transports."""
    run_line, *transports = map(json.loads, lines)
    assert "transports" not in run_line, sorted(run_line)
    return {**run_line, "transports": transports}


def lines_of_json_are_results_json_again():
    """Whoever prints them: compare, check and scenario, of one and of all."""
    load = ("--transports", "file,http", "--source", "clicks", "--rate", "100", "--duration", "1", "--warmup", "0")
    with Shelf(good=LOSES_NOTHING, bad=LOSES_NOTHING + "expect all ledger.offered = 7\n",
               broken=LOSES_NOTHING + "expect http ledger.lost == 0\n") as shelf:
        def written(*place):
            with open(os.path.join(shelf.path("out"), *place, "results.json"), encoding="utf-8") as file:
                return json.load(file)

        def lab(*words):
            return subprocess.run([LAB, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
        compared = lab("compare", *load, "--fault", "none", "--quiet", "--ndjson", "--out", shelf.path("out"))
        assert compared.returncode == 0 and joined(compared.stdout.splitlines()) == written(), compared
        checked = lab("check", shelf.path("out"), "--ndjson")
        assert checked.returncode == 0 and len(checked.stdout.splitlines()) == 3, checked
        as_json = lab("check", shelf.path("out"), "--json").stdout
        assert joined(checked.stdout.splitlines()) == json.loads(as_json), (checked.stdout, as_json)
        for words in (("compare", *load), ("check", shelf.path("out")), ("scenario", "run", "good", "--scenarios", shelf.place.name)):
            assert lab(*words, "--json", "--ndjson").returncode == USAGE, words
        assert lab("check", shelf.path("out"), "--ndjson", "--explain", str(uuid.UUID(int=7))).returncode == USAGE
        for verb in (("list",), ("show", "good")):
            assert shelf.ask(*verb, "--ndjson").returncode == USAGE, verb
        told = shelf.run("bad", "--ndjson", out="out/one")
        assert told.returncode == 1 and joined(told.stdout.splitlines()) == written("one"), told
        assert written("one")["scenario"]["verdict"]["word"] == "fail", written("one")["scenario"]
        done = shelf.run("all", "--beside", "2", "--ndjson", out="out/all")
        lines, runs = done.stdout.splitlines(), {}
        for line in lines:
            if "version" in json.loads(line):
                of_run = runs.setdefault(json.loads(line)["scenario"]["name"], [])
            of_run.append(line)
        assert done.returncode == 1 and sorted(runs) == ["bad", "good"] and "broken has no results" in done.stderr, done
        assert all(joined(of_run) == written("all", name) for name, of_run in runs.items()), runs


def one_that_is_shown_is_shown_as_json():
    with Shelf(one="alone\n" + LOSES_NOTHING + "at 300ms..900ms kill consumers\nat 1s start consumers\n") as shelf:
        shown = json.loads(shelf.ask("show", "one", "--json").stdout)
        schedule = [line[2:] for line in shelf.ask("show", "one").stdout.splitlines() if re.match(r"  \d+ ms ", line)]
        assert shown["schedule"] == schedule and len(schedule) == 2, shown
        assert (shown["name"], shown["title"], shown["story"], shown["predict"], shown["alone"]) == ("one", "A title", "A story", "What?", True)
        assert shown["load"] == {"source": "clicks", "rate": "200", "warmup": "0", "duration": "2"}, shown
        assert shown["expectations"][0] == {"who": "all", "claim": "ledger.lost = 0", "because": "nobody has harmed it"}, shown


def who_names_his_directory_as_he_likes_is_told_as_json_all_the_same():
    """A path need not be UTF-8."""
    with Shelf(one=LOSES_NOTHING) as shelf:
        odd = os.fsencode(shelf.place.name) + b"/o\xff"
        for name in ("one", "all"):
            done = subprocess.run([LAB, "scenario", "run", name, "--quiet", "--transports", "file", "--scenarios", shelf.place.name,
                                   "--json", "--out", odd + name.encode()], stdout=subprocess.PIPE, timeout=60, check=True)
            told = json.loads(done.stdout)
            assert told["directory"].startswith(shelf.place.name + "/o?" + name), told["directory"]


def who_does_not_take_part_is_not_looked_at():
    with Shelf(one="expect file ledger.lost <= http/ledger.lost\nexpect http ledger.lost = 0\n" + LOSES_NOTHING) as shelf:
        done = shelf.run("one")
        assert done.returncode == 0 and "2 of 2 expectations hold" in done.stdout, done
    with Shelf(one="expect http ledger.lost = 0\n") as shelf:
        assert shelf.run("one").returncode == 1  # nothing was looked at, so nothing was shown


def what_is_given_beside_it_has_the_last_word():
    with Shelf(one=LOSES_NOTHING) as shelf:
        told = json.loads(shelf.run("one", "--json", "--rate", "300").stdout)
        assert told["results"]["options"]["rate"] == "300", told["results"]["options"]


def offered(directory):
    return [(steady_click.place_of(one.id)[1:], one.type, one.word, one.key)
            for one in history.records(os.path.join(directory, "file", "client.history")) if one.kind == "offered"]


def the_same_seed_gives_the_same_faults_and_the_same_events():
    text = LOSES_NOTHING + "with consumers 1\nat 500ms..900ms kill consumers\nat 1s..1500ms start consumers\n"
    with Shelf(one=text) as shelf:
        for out, seed in (("a", 7), ("b", 7), ("c", 8)):
            done = shelf.run("one", "--seed", str(seed), out=out)
            assert done.returncode == 0, done
        schedules = []
        for out in "abc":
            with open(os.path.join(shelf.path(out), "schedule.txt"), "rb") as file:
                schedules.append(file.read())
        assert schedules[0] == schedules[1] and schedules[0].count(b"\n") == 2, schedules
        assert schedules[0] != schedules[2], schedules
        assert offered(shelf.path("a")) == offered(shelf.path("b")) != offered(shelf.path("c"))


def the_seed_says_which_destinations_are_flaky():
    """That is a part of what is drawn, shown and kept; how many there are may be said beside the text."""
    with Shelf(one=LOSES_NOTHING + "with destinations 6\nwith flaky 50\n") as shelf:
        shown = shelf.ask("show", "one", "--seed", "7").stdout
        assert shown.count("destination ") == 3 and shown.count(": hung from") == 1, shown
        assert shown == shelf.ask("show", "one", "--seed", "7").stdout != shelf.ask("show", "one", "--seed", "8").stdout
        done = shelf.run("one", "--seed", "7", "--flaky", "17", out="a")
        assert done.returncode == 0, done
        with open(os.path.join(shelf.path("a"), "schedule.txt"), encoding="utf-8") as file:
            schedule = file.read().splitlines()
        assert len(schedule) == 2 and all("  " + line in shown for line in schedule), (schedule, shown)
        with open(os.path.join(shelf.path("a"), "results.json"), encoding="utf-8") as file:
            told = json.load(file)["transports"][0]["destinations"]
        assert (told["count"], told["hung"]["count"], told["missed"]) == (5, 1, 0), told


def events_of(directory, kind):
    return [uuid.UUID(bytes=bytes(one.id)) for one in history.records(os.path.join(directory, "file", "client.history"))
            if one.kind == kind]


def an_events_story_is_told_from_its_run():
    with Shelf(one=LOSES_NOTHING) as shelf:
        assert shelf.run("one").returncode == 0
        event = str(events_of(shelf.path("out"), "acknowledged")[5])
        told = subprocess.run([LAB, "check", shelf.path("out"), "--explain", event], stdout=subprocess.PIPE, text=True,
                              check=True, timeout=60).stdout
        places = [told.find(word) for word in ("over file", "due", "sent", "acknowledged", "handed", "committed", "judged")]
        assert -1 not in places and places == sorted(places), told
        as_json = subprocess.run([LAB, "check", shelf.path("out"), "--json", "--explain", event], stdout=subprocess.PIPE, text=True,
                                 check=True, timeout=60).stdout
        assert json.loads(as_json) == {"id": event, "story": told.splitlines()}, as_json
        other = subprocess.run([LAB, "check", shelf.path("out"), "--explain", str(uuid.UUID(int=7))], stderr=subprocess.PIPE,
                               text=True, check=False, timeout=60)
        assert other.returncode == 1 and str(uuid.UUID(int=7)) in other.stderr, other


def the_story_of_what_a_death_took_tells_of_it():
    """Nobody reads when the power goes, and who keeps events in memory alone has acknowledged them."""
    text = ("with retry-deadline-ms 9000\nat 500ms kill consumers\nat 1s power servers 7\nat 1200ms start servers\n"
            "at 1400ms start consumers\nexpect all ledger.lost_by.death > 0\n")
    with Shelf(one=text) as shelf:
        done = shelf.ask("run", "one", "--quiet", "--transports", "http+ese-store", "--out", shelf.path("out"))
        assert done.returncode == 0, done
        judged = subprocess.run([LAB, "check", shelf.path("out")], stdout=subprocess.PIPE, text=True, check=False, timeout=60)
        event = re.search(r"lost by the store's death[^\0]*?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})", judged.stdout)
        told = subprocess.run([LAB, "check", shelf.path("out"), "--explain", event.group(1)], stdout=subprocess.PIPE, text=True,
                              check=True, timeout=60).stdout
        places = [told.find(word) for word in ("acknowledged", "power server 7, after the last", "start server", "judged")]
        assert -1 not in places and sorted(places) == places and " handed, from" not in told, told


def what_is_measured_wrongly_is_drawn_beside_it():
    """Nobody answers for a while: callers who wait have not seen how many wait."""
    with Shelf(one=LOSES_NOTHING + "with retry-deadline-ms 12000\nat 500ms freeze servers\nat 1200ms thaw servers\n") as shelf:
        told = json.loads(shelf.ask("run", "one", "--json", "--transports", "http", "--out", shelf.path("out")).stdout)
        right, wrong = (told["results"]["transports"][0]["latency_us"][name] for name in ("ack", "ack_closed_loop"))
        assert 0 < wrong["count"] < right["count"] and right["p50"] >= wrong["p50"] > 0, (right, wrong)
        compared = subprocess.run([LAB, "compare", "--transports", "file", "--source", "clicks", "--duration", "2", "--warmup", "0",
                                "--fault", "none", "--quiet", "--lie", "--out", shelf.path("other")], stdout=subprocess.PIPE,
                               text=True, check=True, timeout=60).stdout
        ran = shelf.run("one", "--lie", out="ran").stdout
        for drawn in (compared, ran):
            lines = drawn[drawn.index("THE LIE DETECTOR"):].splitlines()
            assert sum("from when it was due" in line for line in lines) == 4, drawn
            assert sum("in a closed loop" in line for line in lines) == 4, drawn
        assert "LIE DETECTOR" not in shelf.run("one", out="without").stdout


def clocks_that_are_apart_do_no_harm_to_a_time():
    """The servers' and the readers' are an hour ahead of the client's from the middle on."""
    text = "with readers 1\n" + LOSES_NOTHING + "at 1s clock servers +3600s\nat 1s clock consumers +3600s\n"
    with Shelf(one=text) as shelf:
        told = json.loads(shelf.ask("run", "one", "--json", "--quiet", "--transports", "http", "--out", shelf.path("out")).stdout)
        one = told["results"]["transports"][0]
        text = subprocess.run([LAB, "history", os.path.join(shelf.path("out"), "http", "store.history")], stdout=subprocess.PIPE,
                              check=True, timeout=60).stdout
        stored = [record["server_ts"] for record in map(json.loads, text.splitlines()) if record.get("kind") == "stored"]
        assert max(stored) - min(stored) > 3600 * 1000, (min(stored), max(stored))
        times = one["latency_us"]["end_to_end"]
        assert times["count"] == one["ledger"]["offered"] > 300 and 0 < times["p50"] <= times["max"] < 120e6, times
        assert "below zero" not in one["verdict"]["timing"]["reason"], one["verdict"]


def a_trace_is_dealt_out_to_its_last_line():
    """Who has no line left has done its part; the others go on."""
    with Shelf(one="expect all ledger.lost = 0\n") as shelf:
        with open(shelf.path("trace"), "w", encoding="ascii") as file:
            file.write("0\n0.1\n0.2\n0.3\n0.4\n1.9\n")
        told = json.loads(shelf.ask("run", "one", "--json", "--quiet", "--transports", "http", "--clients", "3", "--schedule",
                                    "trace:" + shelf.path("trace"), "--out", shelf.path("out")).stdout)
        assert told["results"]["transports"][0]["ledger"]["offered"] == 6, told["results"]["transports"][0]["ledger"]


def a_trace_is_kept_with_the_run():
    """By which it can be repeated though the file is gone, however long its path is."""
    with Shelf(one="expect all ledger.lost = 0\n") as shelf:
        place = shelf.path("x" * 120)
        os.mkdir(place)
        path, text = os.path.join(place, "y" * 120), b"0\n0.1\n0.2\n0.3\n0.4\n1.9\n"
        with open(path, "wb") as file:
            file.write(text)
        told = json.loads(shelf.run("one", "--json", "--schedule", "trace:" + path).stdout)["results"]
        os.remove(path)
        assert told["options"]["schedule"] == "trace:" + path, told["options"]
        assert told["trace"] == {"sha256": hashlib.sha256(text).hexdigest(), "lines": 6, "bytes": len(text), "kept": "trace.txt"}, told
        kept = os.path.join(shelf.path("out"), "trace.txt")
        with open(kept, "rb") as file:
            assert file.read() == text
        again = json.loads(shelf.run("one", "--json", "--schedule", "trace:" + kept, out="again").stdout)["results"]
        assert again["trace"] == told["trace"] and offered(shelf.path("again")) == offered(shelf.path("out"))
        judged = subprocess.run([LAB, "check", shelf.path("out"), "--json"], stdout=subprocess.PIPE, check=True, timeout=60)
        assert json.loads(judged.stdout)["trace"] == told["trace"]
        assert "trace" not in json.loads(shelf.run("one", "--json", out="without").stdout)["results"]


def of_all_each_is_told_and_one_that_fails_fails_all():
    with Shelf(good=LOSES_NOTHING, bad=LOSES_NOTHING + "expect all ledger.offered = 7\n", lonely="alone\n" + LOSES_NOTHING,
               broken=LOSES_NOTHING + "with retry-deadline-ms none\n") as shelf:
        done = shelf.run("all", "--beside", "2")
        assert done.returncode == 1 and "2 of 4 scenarios are as they should be" in done.stdout, done
        said = {line.split()[1]: line.split()[0] for line in done.stdout.splitlines() if line[:3] in ("yes", "NO ")}
        assert said == {"good": "yes", "bad": "NO", "lonely": "yes", "broken": "NO"}, done.stdout
        assert "ledger.offered = 7" in done.stdout and "retry-deadline-ms" in done.stdout, done.stdout
        for name in ("good", "bad", "lonely"):
            assert os.path.exists(os.path.join(shelf.path("out"), name, "results.json")), name


def of_all_each_is_run_with_the_settings_of_all():
    with Shelf(one=LOSES_NOTHING, other=LOSES_NOTHING) as shelf:
        done = ask("run", "all", "--quiet", "--out", shelf.path("out"), ESE_SCENARIOS=shelf.place.name, ESE_TRANSPORTS="file")
        assert done.returncode == 0 and "2 of 2 scenarios are as they should be" in done.stdout, done
        for name in ("one", "other"):
            with open(os.path.join(shelf.path("out"), name, "results.json"), encoding="utf-8") as file:
                assert [side["name"] for side in json.load(file)["transports"]] == ["file"], name


def what_is_shown_is_what_is_run():
    """With the instants that are drawn by the text's own seed, or by the one that is given."""
    text = LOSES_NOTHING + "at 300ms..1900ms kill consumers\nat 1900ms start consumers\nwith seed 11\n"
    with Shelf(one=text) as shelf:
        for out, options in (("own", ()), ("given", ("--seed", "12"))):
            assert shelf.run("one", *options, out=out).returncode == 0
            with open(os.path.join(shelf.path(out), "schedule.txt"), encoding="utf-8") as file:
                schedule = file.read().splitlines()
            shown = shelf.ask("show", "one", *options).stdout.splitlines()
            assert len(schedule) == 2 and all("  " + line in shown for line in schedule), (schedule, shown)
        assert shelf.ask("show", "one").stdout != shelf.ask("show", "one", "--seed", "12").stdout
        assert shelf.ask("show", "one").stdout == shelf.ask("show", "one", "--seed", "11").stdout


def a_slip_is_told_before_anything_is_run():
    wrong = {"with reat 300": "'reat'", "with schedule burts:1:1:1": "burst:TIMES:AT:FOR", "with poll-ms often": "'often'", "expect htpp ledger.lost = 0": "'htpp'",
             "with transports htpp,file": "'htpp'", "expect all ledger.lost <= kafak/ledger.lost": "'kafak'",
             "at 1s power consumers 7": "only each server", "at 1s thaw servers": "nothing has frozen",
             "at 3s kill consumers": "beyond the load", "at 1s kill member 2": "the group has 1",
             "expect all verdict.ledger.word < pass": "words have no order", "expect all ledger.losst = 0": "'ledger.losst' is no figure",
             "expect all verdict.ledger.word > 3": "is no number", "expect all drained < 2": "'drained' is no number",
             "expect all ledger.lost = verdict.ledger.word": "is no number",
             "expect all readers.0.missed = 0": "no reader 0: there are none"}
    for line, said in wrong.items():
        with Shelf(one=LOSES_NOTHING + line + "\n") as shelf:
            for verb, options in (("show", ()), ("show", ("--small",)), ("run", ())):
                done = shelf.ask(verb, "one", *options)
                assert done.returncode == 1 and "one.scenario, line 10" in done.stderr and said in done.stderr, (line, done)


def what_a_run_would_refuse_is_not_shown():
    """Though each line of it could stand in another one: it is said which it is."""
    wrong = {"with schedule trace:/dev/zero": "line 10: --schedule: the trace '/dev/zero' is no regular file",
             "with retry-deadline-ms 500\nat 300ms kill servers\nat 1900ms start servers": "line 10: --retry-deadline-ms 500",
             "with schedule trace:/no/such/trace": "line 10: --schedule: the trace '/no/such/trace'",
             "with seed 3\nwith schedule trace:/dev/null": "line 11: --schedule: the trace '/dev/null'",
             "with readers 2\nwith late-readers true": "line 11: --late-readers: nothing starts them",
             "with broker kafka\nwith bootstrap-servers nowhere:1": "line 11: --bootstrap-servers nowhere:1 and --broker kafka"}
    for lines, said in wrong.items():
        with Shelf(one=LOSES_NOTHING + lines + "\n") as shelf:
            for verb in ("show", "run"):
                done = shelf.ask(verb, "one", "--transports", "http")
                assert done.returncode == 1 and "one.scenario, " + said in done.stderr, (lines, done)
    with Shelf(one=LOSES_NOTHING + list(wrong)[1] + "\n", twice=LOSES_NOTHING + "with transports file,file\n") as shelf:
        assert shelf.ask("show", "one", "--transports", "file").returncode == 0  # it has no servers
        assert "twice.scenario, line 10: --transports: 'file' is there twice" in shelf.ask("show", "twice").stderr


def readers_are_counted_when_it_is_settled_how_many_there_are():
    with Shelf(some=LOSES_NOTHING + "with readers 2\nexpect file readers.1.missed = 0\n", none=LOSES_NOTHING + "expect file readers.2.missed = 0\n",
               each=LOSES_NOTHING + "expect file readers.*.missed = 0\n") as shelf:
        for name, options in (("some", ()), ("some", ("--readers", "4")), ("none", ("--readers", "3")), ("each", ())):
            assert shelf.ask("show", name, *options).returncode == 0, (name, options)
        for name, options, status, said in (("some", ("--readers", "1"), USAGE, "no reader 1: there are 1"), ("none", (), 1, "none.scenario, line 10"),
                                            ("none", ("--readers", "2"), USAGE, "no reader 2: there are 2")):
            done = shelf.ask("show", name, *options)
            assert done.returncode == status and said in done.stderr and (", line" in done.stderr) == (status == 1), done


def by_which_deed_it_is_refused_is_said():
    """What the text does not say of its clients' patience is as compare has it."""
    with Shelf() as shelf:
        shelf.put("one", HEAD.replace("with duration 2", "with duration 30") + LOSES_NOTHING + "at 1s kill servers\nat 2s start servers\n"
                  "at 25s kill consumers\nat 12s kill servers\nat 23s | 13s start servers\nat 29s start consumers\n")
        done = shelf.ask("show", "one", "--transports", "http")
        assert done.returncode == 1 and "one.scenario, line 14: --retry-deadline-ms 10000" in done.stderr, done
        assert shelf.ask("show", "one", "--transports", "http", "--small").returncode == 0


def what_was_given_beside_a_text_is_not_put_down_to_it():
    text = LOSES_NOTHING + "with retry-deadline-ms 9000\nat 300ms kill servers\nat 1900ms start servers\n"
    with Shelf(one=text) as shelf:
        for options, said in ((("--retry-deadline-ms", "500"), "--retry-deadline-ms 500"), (("--clients", "6", "--rate", "5"), "--rate 5"),
                              (("--schedule", "trace:/no/such"), "'/no/such'"), (("--readers", "1", "--late-readers"), "--late-readers")):
            done = shelf.ask("show", "one", "--transports", "http", *options)
            assert done.returncode == USAGE and said in done.stderr and ", line" not in done.stderr, (options, done)


def what_a_scenario_is_told_of_itself_it_can_do():
    """It has no --fault that could be none."""
    with Shelf(one=LOSES_NOTHING + "with consumers 3\nat 300ms kill member 2\n") as shelf:
        done = shelf.ask("run", "one", "--transports", "http", "--consumers", "1")
        assert done.returncode == USAGE and "the scenario one strikes member 2" in done.stderr and "--fault" not in done.stderr, done
    with Shelf(one=LOSES_NOTHING + "with schedule burst:2:1:1\n", hot=LOSES_NOTHING + "with hot-percent 60\n") as shelf:
        for options, name, said in ((("--duration", "1"), "one", "begins after 1 s"), (("--source", "orders"), "hot", "--hot-percent 60"),
                                    (("--schedule", "burst:2:2:1"), "one", "begins after 2 s")):
            done = shelf.ask("show", name, *options)
            assert done.returncode == USAGE and said in done.stderr and ", line" not in done.stderr, done
        shelf.put("two", HEAD + LOSES_NOTHING + "with schedule burst:2:2:1\n")
        done = shelf.ask("show", "two")
        assert done.returncode == 1 and "two.scenario, line 10: --schedule burst:2:2:1: its wave begins after 2 s" in done.stderr, done


def who_is_quiet_says_nothing_of_warnings():
    """The lab reads back with the options that its clients were given, some of which are not for a reader."""
    with Shelf(one=LOSES_NOTHING) as shelf:
        words = ("run", "one", "--transports", "kafka:via=direct:property=linger.ms=5", "--broker", "embedded", "--quiet")
        done = shelf.ask(*words, "--out", shelf.path("quiet"))
        if "there is no transport 'kafka'" in done.stderr:
            return  # not in this build
        assert done.returncode == 0 and done.stderr == "", done.stderr
        for level in ("warning", "info"):  # also the one that it has by itself, where somebody has asked for it
            loud = shelf.ask(*words, "--log-level", level, "--out", shelf.path(level))
            assert loud.returncode == 0 and "producer property" in loud.stderr, (level, loud.stderr)
        with mock.patch.dict(os.environ, ESE_LOG_LEVEL="info"):
            loud = shelf.ask(*words, "--out", shelf.path("environment"))
        assert loud.returncode == 0 and "producer property" in loud.stderr, loud.stderr


def each_client_has_an_event_a_second_to_send():
    with Shelf() as shelf:
        shelf.put("few", HEAD.replace("with rate 200", "with rate 200 | 2") + LOSES_NOTHING + "with clients 4 | 3\n")
        shelf.put("many", HEAD.replace("with rate 200", "with rate 2") + LOSES_NOTHING + "with clients 3 | 2\n")
        for name, size, told in (("few", "--small", "line 5: --rate 2: 3 clients"), ("many", "--small=false", "line 5: --rate 2: 3 clients")):
            for verb in ("show", "run"):
                done = shelf.ask(verb, name, size)
                assert done.returncode == 1 and told in done.stderr and "give --rate 3, or more, or --clients 2" in done.stderr, done
        assert shelf.ask("show", "few").returncode == shelf.ask("show", "many", "--small").returncode == 0
        for option, value in (("--rate", "4"), ("--clients", "2")):
            words = {"--rate": "2", "--clients": "4", option: value}
            given = [word for pair in words.items() for word in pair]
            assert shelf.ask("show", "few", *given).returncode == 0, given
    compared = subprocess.run([LAB, "compare", "--transports", "file", "--rate", "2", "--clients", "4", "--fault", "none", "--quiet"],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    assert compared.returncode == USAGE and compared.stdout == "", compared
    assert "--rate 2: 4 clients share it" in compared.stderr and "give --rate 4, or more, or --clients 2" in compared.stderr, compared


def what_a_build_has_not_is_passed_over():
    text = LOSES_NOTHING + "expect pigeon ledger.lost = 0\nexpect file ledger.lost <= pigeon/ledger.lost\n"
    with Shelf(both=text + "with transports pigeon,file\n", none=text + "with transports pigeon,pigeon:coop=2,file\n",
               neither=LOSES_NOTHING + "with transports pigeon\n") as shelf:
        assert "'pigeon' is not of this build" in shelf.ask("show", "both").stderr
        with open(shelf.path("transports.names"), "w", encoding="utf-8") as file:
            file.write("pigeon\n")
        for name in ("both", "none"):
            done = shelf.ask("run", name, "--quiet", "--out", shelf.path(name))
            assert done.returncode == 0 and "2 of 2 expectations hold" in done.stdout, done
            with open(os.path.join(shelf.path(name), "results.json"), encoding="utf-8") as file:
                assert [one["name"] for one in json.load(file)["transports"]] == ["file"]
        done = shelf.ask("run", "neither", "--quiet", "--out", shelf.path("neither"))
        assert done.returncode == USAGE and "there is no transport 'pigeon'" in done.stderr, done


def names_in(text):
    """The transports that it names, without their options."""
    for line in text.split("\n"):
        words = line.split(" -- ")[0].split()
        if words[:2] == ["with", "transports"]:
            yield from (name.split(":")[0] for word in words[2:] if word != "|" for name in word.split(","))
        if words[:1] == ["expect"]:
            yield from (name.split(":")[0] for name in words[1].split(",") if name != "all")
            yield from (word.split(":")[0].split("/")[0] for word in words[3:] if "/" in word)


def whom_a_text_names_is_listed_beside_it():
    """Also where a build has not got it: that one reads the texts as well."""
    with open(os.path.join(SCENARIOS, "transports.names"), encoding="utf-8") as file:
        listed = {line.strip() for line in file if not line.startswith("#")}
    named = set()
    for name in names_of(SCENARIOS):
        with open(os.path.join(SCENARIOS, name + ".scenario"), encoding="utf-8") as file:
            named |= set(names_in(file.read()))
    assert len(named) >= 4 and named <= listed, (named, listed)


def of_all_each_is_a_line_of_json():
    with Shelf(good=LOSES_NOTHING, bad=LOSES_NOTHING + "expect all ledger.offered = 7\n",
               broken=LOSES_NOTHING + "expect http ledger.lost == 0\n") as shelf:
        done = shelf.run("all", "--beside", "2", "--json=true")
        told = {one["name"]: one for one in map(json.loads, done.stdout.splitlines())}
        assert done.returncode == 1 and sorted(told) == ["bad", "broken", "good"], done
        assert [told[name]["holds"] for name in sorted(told)] == [False, False, True], told
        assert told["good"]["wrong"] == [] and "ledger.offered = 7" in told["bad"]["wrong"][0], told
        assert "'=='" in told["broken"]["wrong"][0], told
        for one in told.values():
            assert one["directory"] == os.path.join(shelf.path("out"), one["name"]) and 0 < one["seconds"] < 60, one


def what_is_about_time_and_withheld_has_shown_nothing():
    """Its own generator stands still for two seconds."""
    late = ("with clients 1\nat 500ms freeze clients\nat 1500ms thaw clients\n"
            "expect all latency_us.ack.p50 < 60000000\nexpect all ledger.lost = 0\n")
    with Shelf(one=late, lonely="alone\n" + late) as shelf:
        done = shelf.run("one")
        assert done.returncode == 0 and "1 of 1 expectations hold, 1 more are about time" in done.stdout, done
        told = json.loads(shelf.run("lonely", "--json", out="lonely").stdout)
        assert told["verdict"]["word"] == "cannot tell" and "withheld" in told["verdict"]["reason"], told["verdict"]
        assert [one["holds"] for one in told["expectations"]] == ["-", "yes"], told["expectations"]
        assert "withheld" in told["expectations"][0]["found"], told["expectations"]
        assert shelf.run("lonely", out="again").returncode == 1


def what_is_no_scenario_is_refused():
    wrong = {("run", "no-such-thing"): "scenario list", ("run",): "run all", (): "run all", ("do", "consumer-down"): "'do'",
             ("show", "../README"): "scenario list", ("list", "all"): "'list'", ("run", "burst", "b"): "run all"}
    for words, said in wrong.items():
        done = ask(*words, "--scenarios", SCENARIOS)
        assert done.returncode == USAGE and said in done.stderr, (words, done)
    with Shelf(one="wiht rate 3\n") as shelf:
        done = shelf.run("one")
        assert done.returncode == 1 and "one.scenario, line 8" in done.stderr and "'wiht'" in done.stderr, done
    done = ask("list", "--scenarios", "/no/such/place")
    assert done.returncode == 69 and "--scenarios" in done.stderr, done
    with Shelf() as shelf:
        for words in (("list",), ("run", "all")):
            done = shelf.ask(*words)
            assert done.returncode == 69 and f"'{shelf.place.name}'" in done.stderr and "NAME.scenario" in done.stderr, done


if __name__ == "__main__":
    sys.exit(run((all_that_there_are_are_listed, each_is_shown_in_both_sizes, what_holds_is_said_to_hold,
                  what_does_not_hold_is_found_out, it_is_told_as_json, who_does_not_take_part_is_not_looked_at,
                  lines_of_json_are_results_json_again, one_that_is_shown_is_shown_as_json,
                  who_names_his_directory_as_he_likes_is_told_as_json_all_the_same,
                  what_is_given_beside_it_has_the_last_word, the_same_seed_gives_the_same_faults_and_the_same_events,
                  the_seed_says_which_destinations_are_flaky,
                  an_events_story_is_told_from_its_run, the_story_of_what_a_death_took_tells_of_it, what_is_measured_wrongly_is_drawn_beside_it,
                  clocks_that_are_apart_do_no_harm_to_a_time, a_trace_is_dealt_out_to_its_last_line, a_trace_is_kept_with_the_run, of_all_each_is_told_and_one_that_fails_fails_all,
                  of_all_each_is_run_with_the_settings_of_all,
                  of_all_each_is_a_line_of_json,
                  what_is_about_time_and_withheld_has_shown_nothing, what_is_shown_is_what_is_run,
                  a_slip_is_told_before_anything_is_run, readers_are_counted_when_it_is_settled_how_many_there_are, what_a_run_would_refuse_is_not_shown,
                  by_which_deed_it_is_refused_is_said, what_was_given_beside_a_text_is_not_put_down_to_it,
                  what_a_scenario_is_told_of_itself_it_can_do, who_is_quiet_says_nothing_of_warnings,
                  each_client_has_an_event_a_second_to_send, what_a_build_has_not_is_passed_over, whom_a_text_names_is_listed_beside_it,
                  what_is_no_scenario_is_refused)))
