#!/usr/bin/python3
"""json_output.py DOCUMENT ESE_LAB ESE_CLIENT ESE_CONSUMER - with --json, stdout is one JSON
document whose members DOCUMENT names, for every command and binary that shows something. TAP.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

DOCUMENT, LAB, CLIENT, CONSUMER = map(os.path.abspath, sys.argv[1:5])
JARS = os.path.abspath(os.path.join(os.environ.get("ESE_LAB_HOME", ".lab"), "kafka", "libs"))
QUIET = ["--transport", "file:data=.", "--quiet"]


class Skip(Exception):
    pass


def run(*command):
    return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=120, check=False)


def members(value):
    """All names of members at any depth, but of those whose names are somebody else's."""
    if isinstance(value, list):
        return {name for item in value for name in members(item)}
    if not isinstance(value, dict):
        return set()
    return set(value) | {name for key, item in value.items() if key not in ("properties", "data")
                         for name in members(item)}


def document(status, *command):
    done = run(*command, "--json")
    assert done.returncode == status, (done.returncode, done.stderr)
    value = json.loads(done.stdout)
    with open(DOCUMENT, encoding="utf-8") as file:
        named = set(re.findall(r"`(\w+)(?:\[\])?`", file.read()))
    assert members(value) <= named, "not in the document: %s" % (members(value) - named)
    return value


def every_command_has_it():
    commands = re.findall(r"^  (\w+) ", run(LAB, "--help").stdout, re.MULTILINE)
    assert len(commands) >= 8, commands
    for command in commands:
        said = run(LAB, command, "--help").stdout
        assert "--json" in said or "NDJSON" in said, command  # which is JSON, whatever is asked for


def a_lab_that_comes_and_goes():
    assert document(1, LAB, "status") == {"state": "down"}
    assert document(1, LAB, "logs") == {"logs": []}
    try:
        up = document(0, LAB, "up", "--transport", "file")
        status = document(0, LAB, "status")
        logs = document(0, LAB, "logs")["logs"]
    finally:
        down = document(0, LAB, "down")
    assert down == {"state": "down"} == document(0, LAB, "down")
    assert up["state"] == status["state"] == "up" and up["pid"] == status["pid"]
    assert up["artifacts"] == status["artifacts"] and os.path.isdir(up["artifacts"])
    assert set(status) == {"state", "pid", "transport", "mailer", "smtp", "artifacts", "offered",
                           "acknowledged", "processed", "mails_sent"}, status
    assert {"lab", "client", "consumer", "mailer", "sink"} == {one["process"] for one in logs}
    assert any("takes mails on" in line for one in logs for line in one["lines"])


def logs_bring_the_last_lines_whatever_they_hold():
    path = os.path.join(os.environ["ESE_LAB_HOME"], "up", "planted", "logs", "server.log")
    os.makedirs(os.path.dirname(path))
    with open(path, "wb") as file:
        file.write(b"".join(b"line %d \xff \"\n" % i for i in range(20000)))
    logs = document(0, LAB, "logs")["logs"]
    lines = next(one["lines"] for one in logs if one["file"] == path)
    assert len(lines) == 20 and lines[-1] == 'line 19999 \ufffd "', lines
    shutil.rmtree(os.path.dirname(os.path.dirname(path)))


def what_comes_is_no_document():
    assert run(LAB, "logs", "--json", "--follow").returncode == 64


def the_doctor():
    done = run(LAB, "doctor", "--json")
    findings = document(done.returncode, LAB, "doctor")
    words = [check["finding"] for check in findings["checks"]]
    assert set(words) <= {"ok", "note", "missing"} and len(words) > 8, words
    assert findings["missing"] == words.count("missing")
    assert done.returncode == (69 if findings["missing"] else 0)


def a_kafka_that_does_not_run():
    assert document(1, LAB, "kafka", "status") == {"running": False}
    assert document(0, LAB, "kafka", "stop") == {"running": False}


def a_kafka_that_runs():
    if shutil.which("java") is None or not os.path.isdir(JARS):
        raise Skip("no Java or no jars of a broker in " + JARS)
    os.makedirs(os.path.join(os.environ["ESE_LAB_HOME"], "kafka"))
    os.symlink(JARS, os.path.join(os.environ["ESE_LAB_HOME"], "kafka", "libs"))
    try:
        start = document(0, LAB, "kafka", "start", "--port", "0")
        again = document(0, LAB, "kafka", "start", "--port", "0")
        status = document(0, LAB, "kafka", "status")
        topics = document(0, LAB, "kafka", "topics", "--topic-prefix", "mine-")["topics"]
    finally:
        stop = document(0, LAB, "kafka", "stop")
    assert start == again == status and start["running"] and os.path.exists(start["log"])
    assert stop == {"running": False}
    assert all(topic["name"].startswith("mine-") and topic["partitions"] > 0 for topic in topics)
    assert any("message.timestamp.type" in topic["properties"] for topic in topics), topics


def the_client_and_the_consumer():
    totals = document(0, CLIENT, *QUIET, "--rate", "max", "--count", "50")
    assert totals["offered"] == totals["acknowledged"] == 50, totals
    statistics = document(0, CONSUMER, *QUIET, "--until-end")
    assert statistics["processed"] == 50, statistics


def dead_letters():
    place, state = ["--transport", "file:data=poisoned", "--quiet"], ["--state", "poisoned.state"]
    totals = document(0, CLIENT, *place, "--rate", "max", "--count", "20", "--poison-every", "5")
    assert totals["acknowledged"] == 20, totals
    with open("poisoned/events.ndjson", "a", encoding="utf-8") as file:
        file.write("no event\n")
    statistics = document(0, CONSUMER, *place, *state, "--until-end", "--rule", "stumble,steady-click")
    assert (statistics["processed"], statistics["dead_letters"], statistics["unreadable"]) == (20, 5, 1), statistics
    letters = document(0, CONSUMER, "dead-letters", "list", *state)
    assert [letter["cause"] for letter in letters] == ["failed"] * 4 + ["unparsable"], letters
    assert letters[-1]["bytes"] == "no event" and letters[0]["data"]["stumble"] == "fail", letters
    assert document(0, CONSUMER, "dead-letters", "show", "2", *state) == letters[1]
    assert run(CONSUMER, "dead-letters", "list", "2", *state).returncode == 64
    assert run(CONSUMER, "dead-letters", "replay", "--all", "--rule", "none", *state).returncode == 64
    assert [letters[1][name] for name in ("settled_ms", "replay", "told_ms")] == [0, 0, 0], letters[1]
    assert re.fullmatch("00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}|", letters[1]["traceparent"]), letters[1]
    replay = document(0, CONSUMER, "dead-letters", "replay", "--all", *state)
    assert (replay["replay"], replay["letters"]) == (1, 4), replay
    assert len(document(0, CONSUMER, "dead-letters", "list", *state)) == 1
    assert [letter["is"] for letter in document(0, CONSUMER, "dead-letters", "list", "--all", *state)] == \
        ["replayed"] * 4 + ["dead"]
    replayed = document(0, CONSUMER, "dead-letters", "show", "2", *state)
    assert replayed["settled_ms"] >= replayed["dead_ms"] > 0 and replayed["replay"] == 1, replayed
    assert document(0, CONSUMER, "dead-letters", "replay", "--all", *state)["letters"] == 0
    assert run(CONSUMER, "dead-letters", "drop", "5", "1", *state).returncode == 64  # 1 was replayed
    assert len(document(0, CONSUMER, "dead-letters", "list", *state)) == 1
    assert document(0, CONSUMER, "dead-letters", "drop", "5", "5", *state)["letters"] == 1
    assert document(0, CONSUMER, "dead-letters", "list", *state) == []
    assert document(0, CONSUMER, "dead-letters", "list", "--all", *state)[-1]["is"] == "dropped"
    assert run(CONSUMER, "dead-letters", "drop", "5", *state).returncode == 64


TESTS = [every_command_has_it, a_lab_that_comes_and_goes,
         logs_bring_the_last_lines_whatever_they_hold, what_comes_is_no_document, the_doctor,
         a_kafka_that_does_not_run, a_kafka_that_runs, the_client_and_the_consumer, dead_letters]


def tell(number, test):
    try:
        test()
        print("ok %d - %s" % (number, test.__name__), flush=True)
    except Skip as why:
        print("ok %d - %s # SKIP %s" % (number, test.__name__, why), flush=True)
    except Exception as problem:  # a broken test is a failed one
        print("not ok %d - %s\n# %r" % (number, test.__name__, problem), flush=True)
        return 1
    return 0


def main():
    print("1..%d" % len(TESTS))
    with tempfile.TemporaryDirectory(prefix="ese-json-") as place:
        os.environ["ESE_LAB_HOME"] = os.path.join(place, "lab")
        os.chdir(place)
        failed = sum(tell(number, test) for number, test in enumerate(TESTS, 1))
        os.chdir("/")
    sys.exit(1 if failed else 0)


main()
