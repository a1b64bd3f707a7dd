#!/usr/bin/python3
"""nonsense.py ESE_LAB ESE_CLIENT ESE_SERVER ESE_CONSUMER ESE_MAILER - every binary and command is
given nonsense: each says one line that names the value and what to do, and ends with 64, or with 69
where it is the machine that lacks something. TAP.
"""
import concurrent.futures
import json
import os
import subprocess
import sys
import tempfile

LAB, CLIENT, SERVER, CONSUMER, MAILER = map(os.path.abspath, sys.argv[1:6])
SOON_S = 30
LONG = "x" * 300

TO_FILE = [CLIENT, "--transport", "file", "--data", "d", "--count", "1"]
TO_HTTP = [CLIENT, "--transport", "http", "--count", "1"]
TO_KAFKA = [CLIENT, "--transport", "kafka", "--via", "direct", "--count", "1"]
SERVE = [SERVER, "--transport", "http", "--listen", "127.0.0.1:0"]
CONSUME = [CONSUMER, "--transport", "http"]
CREW = [CONSUMER, "--transport", "kafka", "--consumers", "3"]
MAIL = [MAILER, "--listen", "127.0.0.1:0"]
COMPARE = [LAB, "compare", "--transports", "file"]
TORTURE = [LAB, "torture", "--transports", "file"]
WATCH = [LAB, "watch", "--transports", "http"]

# Status, command, and the words its line has.
CASES = [
    # options that are none, empty values, numbers and words out of their range
    (64, [CLIENT], "--transport is missing", "file"),
    (64, [CLIENT, "--transport", "nope"], "'nope'", "there are: file"),
    (64, [*TO_FILE, "--rat", "1"], "--rat", "did you mean --rate"),
    (64, [*TO_FILE, "-z"], "-z"),
    (64, [*TO_FILE, "extra"], "'extra'", "only options"),
    (64, [*TO_FILE, "--rate"], "--rate needs a value"),
    (64, [*TO_FILE, "--rate", ""], "--rate", "''", "from 1 to"),
    (64, [*TO_FILE, "--rate", "1e3"], "--rate", "'1e3'", "from 1 to"),
    (64, [*TO_FILE, "--lanes", "4097"], "--lanes", "'4097'", "from 1 to 4096"),
    (64, [*TO_FILE, "--trace-part", "5", "--trace-parts", "3"], "--trace-parts", "3", "a part from 1 to 3, or 5 parts"),
    (64, [*TO_FILE, "--payload-bytes", "5"], "--payload-bytes", "5", "at least 14"),
    (64, [*TO_FILE, "--log-level", "loud"], "--log-level", "'loud'", "error|warning"),
    (64, [CLIENT, "--transport", "file", "--data", ""], "--data", "empty", "DIR"),
    (64, [CLIENT, "--transport", "http:server="], "'server'", "empty", "URL"),
    (64, [*TO_HTTP, "--server", "127.0.0.1:1"], "--server", "'127.0.0.1:1'", "http://"),
    (64, [*TO_HTTP, "--server", "http://"], "--server", "'http://'", "http://127"),
    (64, [*TO_HTTP, "--server", "http://h:99999"], "--server", "'http://h:99999'"),
    (64, [*TO_KAFKA, "--bootstrap-servers", ""], "--bootstrap-servers", "empty", "HOST:PORT"),
    (64, [*TO_KAFKA, "-X", "batch.size=-5"], "batch.size", "-5", "allowed range"),
    (64, [*TO_KAFKA, "-X", "acks=0"], "acks", "cannot be changed"),
    (64, [*TO_KAFKA, "--topic-prefix", "a/b"], "--topic-prefix", "'a/b'", "letters"),
    (64, [*TO_KAFKA, "--topic-prefix", LONG], "--topic-prefix", "at most 249"),
    (64, [SERVER, "--transport", "file"], "file cannot be used here", "there are"),
    (64, [*SERVE[:3], "--listen", "127.0.0.1"], "'127.0.0.1'", "HOST:PORT"),
    (64, [*SERVE[:3], "--listen", "0.0.0.0:0"], "'0.0.0.0:0'", "token"),
    (64, [*SERVE[:3], "--retention", "soon"], "--retention", "'soon'", "s, m, h or d"),
    (64, [*SERVE, "--durability", "replicas"], "--durability", "replicas", "only: memory"),
    (64, [*CONSUME, "--group", "a b"], "--group", "'a b'", "letters"),
    (64, [*CONSUME, "--member", LONG], "--member", "at most 100"),
    (64, [*CONSUME, "--consumers", "17"], "--consumers", "'17'", "from 1 to 16"),
    (64, [*CONSUME, "--consumers", "2"], "--consumers 2", "'http' has one partition", "give 1"),
    (64, [*CREW, "--member", "2"], "--member 2", "--consumers 3", "leave one of the two away"),
    (64, [*CREW, "--history", "h"], "--history h", "--consumers 3", "by itself, with --member"),
    (64, [*CREW, "--metrics", "127.0.0.1:0"], "--metrics 127.0.0.1:0", "by itself, with --member"),
    (64, [*CREW, "--ready-file", "r"], "--ready-file r", "by itself, with --member"),
    (64, [*CONSUME, "--rule", "golden"], "'golden'", "known are"),
    (64, [*CONSUME, "--mailer", "http://"], "--mailer", "'http://'", "or none"),
    (64, [*CONSUME, "--mailer", "http://h:1", "--mail-requests", "file"], "--mailer", "--mail-requests file", "one of two"),
    (64, [CONSUMER, "dead-letters"], "list, show, replay or drop"),
    (64, [CONSUMER, "dead-letters", "list"], "--state"),
    (64, [CONSUMER, "dead-letters", "list", "--state", "nowhere"], "--state", "nowhere"),
    (64, [CONSUMER, "dead-letters", "list", "--state", "afile"], "afile"),
    (64, [CONSUMER, "dead-letters", "list", "--state", "a-history"], "a-history"),
    (64, [CONSUMER, "dead-letters", "bury", "--state", "a-state"], "'bury'", "list, show, replay and drop"),
    (64, [CONSUMER, "dead-letters", "list", "3", "--state", "a-state"], "'3'", "show NUMBER"),
    (64, [CONSUMER, "dead-letters", "show", "--state", "a-state"], "by its number"),
    (64, [CONSUMER, "dead-letters", "show", "1", "--state", "a-state"], "no dead letter 1"),
    (64, [CONSUMER, "dead-letters", "replay", "--state", "a-state"], "--all"),
    (64, [CONSUMER, "dead-letters", "replay", "x", "--state", "a-state"], "'x'"),
    (64, [CONSUMER, "dead-letters", "replay", "--all", "--rule", "none", "--state", "a-state"], "--rule none", "`drop`"),
    (64, [CONSUMER, "dead-letters", "drop", "--state", "a-state"], "by their numbers"),
    (64, [CONSUMER, "dead-letters", "drop", "--all", "--state", "a-state"], "by their numbers"),
    (64, [CONSUMER, "dead-letters", "drop", "x", "--state", "a-state"], "'x'"),
    (64, [CONSUMER, "dead-letters", "drop", "1", "--state", "a-state"], "no dead letter 1"),
    (64, [*CONSUME, "--dead-letters", "nope"], "--dead-letters", "'nope'", "there are: file"),
    (64, [*CONSUME, "--dead-letters", "file:x=1"], "--dead-letters", "'x'", "no option"),
    (64, [*CONSUME, "--mail-requests", "nope"], "--mail-requests", "'nope'", "there are: file"),
    (64, [*CONSUME, "--mail-requests", "file:x=1"], "--mail-requests", "'x'", "no option"),
    (64, [*CONSUME, "--server", "x"], "--server", "'x'", "http://"),
    (64, [*CONSUME, "--metrics", "5"], "'5'", "HOST:PORT"),
    (64, [*MAIL, "--smtp", "x"], "--smtp x", "HOST:PORT"),
    (64, [*MAIL, "--to-allow", "bob"], "--to-allow", '"bob"', "@example.org"),
    (64, [*MAIL, "--intake", "nope"], "'nope'", "there are: file"),
    (64, [*MAIL, "--intake", "file:x=1"], "--intake file", "'x'", "no option"),
    (64, [*MAIL, "--smtp-tls", "ssl"], "--smtp-tls", "'ssl'", "off|starttls"),
    (64, [*MAIL, "--smtp-user", "bob"], "--smtp-user", "--smtp-tls starttls only"),
    (64, [*MAIL, "--smtp-tls", "starttls", "--smtp-user", "bob"], "ESE_SMTP_PASSWORD", "--smtp-user"),
    (64, [*MAIL, "--smtp-tls", "starttls", "--smtp-password-file", "x"], "whose", "--smtp-user"),
    (64, [*MAIL, "--smtp-tls", "starttls", "--smtp-user", "bob", "--smtp-password-file", "no"], "'no'", "first line"),
    (64, [*MAIL, "--smtp-tls", "starttls", "--smtp-ca", "/dev/null"], "'/dev/null'", "PEM"),
    (64, [*MAIL, "--smtp-password", "x"], "--smtp-password"),
    (64, [*MAIL, "--retry-first-ms", "9", "--retry-most-ms", "1"], "9", "1", "give the larger"),
    (64, [LAB, "dance"], "'dance'", "--help"),
    (64, [LAB, "--completion", "zsh"], "'zsh'", "bash"),
    (64, [LAB, "compare", "--transports", ""], "--transports", "empty", "LIST"),
    (64, [LAB, "compare", "--transports", "file,file"], "'file'", "twice", "name it once"),
    (64, [LAB, "compare", "--transports", "file:x=1"], "'x'", "no option", "there are: data, "),
    (64, [LAB, "compare", "--transports", ",,"], "--transports", "comma", "no name", "add one"),
    (64, [LAB, "compare", "--transports", "file,"], "--transports", "comma", "no name", "add one"),
    (64, [*COMPARE, "--bootstrap-servers", "h:1", "--broker", "embedded"], "--bootstrap-servers", "--broker embedded",
     "one of two"),
    (64, [LAB, "up", "--transport", "file", "--bootstrap-servers", "h:1", "--broker", "kafka"], "--bootstrap-servers",
     "--broker kafka", "one of two"),
    (64, [*COMPARE, "--fault", "flood"], "--fault", "'flood'", "bad-day|"),
    (64, [LAB, "compare", "--transports", "http", "--retry-deadline-ms", "4000"],
     "--retry-deadline-ms 4000", "bad-day", "'http'", "give at least 5000"),
    (64, [*COMPARE, "--fault", "members-down", "--consumers", "2"], "members-down", "member 3", "--consumers 3"),
    (64, [*COMPARE, "--preset", "share-work", "--consumers", "1"], "members-down (of --preset share-work)", "--fault none"),
    (64, [*COMPARE, "--preset", "quiet-shop", "--fault", "member-frozen"], "--fault member-frozen strikes member 2"),
    (64, [*COMPARE, "--fault", "none", "--duration", "3", "--warmup", "0", "--schedule", "burst:2:100:1"], "burst:2:100:1",
     "begins after 100 s", "ends after 3 s"),
    (64, [*COMPARE, "--fault", "none", "--late-readers"], "--late-readers", "no readers", "--readers"),
    (64, [*COMPARE, "--fault", "none", "--hot-percent", "60", "--source", "orders"], "--hot-percent 60", "--source orders has none"),
    (64, [*COMPARE, "--schedule", "trace:/dev/zero"], "'/dev/zero'", "no regular file"),
    (64, [*COMPARE, "--json", "--ndjson"], "--json and --ndjson", "leave one of the two away"),
    (64, [LAB, "check", "none", "--explain", "x", "--ndjson"], "--ndjson", "give --json"),
    (64, [*COMPARE, "--consumers", "0"], "--consumers", "'0'", "from 1 to 16"),
    (64, [*COMPARE, "--consumers", "-1"], "--consumers", "'-1'", "from 1 to 16"),
    (64, [*TORTURE, "--consumers", "17"], "--consumers", "'17'", "from 1 to 16"),
    (64, [LAB, "up", "--consumers", "1000"], "--consumers", "'1000'", "from 1 to 16"),
    (64, [*COMPARE, "--rule-cost-us", "5000001"], "--rule-cost-us", "'5000001'", "from 0 to 5000000"),
    (64, [*CONSUME, "--rule-cost-us", "-1"], "--rule-cost-us", "'-1'", "from 0 to 5000000"),
    (64, [*COMPARE, "--preset", "siesta"], "--preset", "'siesta'", "share-work|"),
    (64, [*COMPARE, "--gap", "0"], "--gap", "'0'", "from 1 to"),
    (64, [*TORTURE, "--rounds", "0"], "--rounds", "'0'", "from 1 to"),
    (64, [*TORTURE, "--rate", "10"], "--rate", "'10'", "from 50 to"),
    (64, [*TORTURE, "--durability", "memory"], "--durability", "'memory'", "os|disk"),
    (64, [LAB, "torture", "--transports", "kafka", "--broker", "embedded", "--durability", "disk"],
     "--durability disk", "embedded broker", "./lab doctor"),
    (64, [LAB, "up", "--transport", "nope"], "'nope'", "there are"),
    (64, [LAB, "check"], "directory"),
    (64, [LAB, "check", "none", "other"], "'other'", "one too many", "name one"),
    (64, [LAB, "check", "--run", "none", "other"], "'other'", "'none'", "name one"),
    (64, [*WATCH, "--inbox", "x"], "--inbox", "'x'", "http://HOST:PORT"),
    (64, [*WATCH, "--run", "w1", "--metrics", "5"], "'5'", "HOST:PORT"),
    (64, [LAB, "watch", "--run", ""], "--run", "empty", "DIR"),
    (64, [LAB, "watch", "--run", "w2", "--transports", "dance"], "--transports", "dance",
     "none of these", "leave it away"),
    (64, [LAB, "watch", "--run", "w3", "--transports", "http:x=1"], "'x'", "no option"),
    (64, [LAB, "watch", "--run", "w4", "--transports", "http:server=x"], "--server", "'x'",
     "http://"),
    (64, [LAB, "kafka"], "start, stop, status or topics"),
    (64, [LAB, "kafka", "dance"], "'dance'", "start, stop, status or topics"),
    (64, [LAB, "kafka", "status", "now"], "'now'", "too much"),
    (64, [LAB, "kafka", "topics", "--topic-prefix", "a/b"], "--topic-prefix", "'a/b'", "249"),
    (64, [LAB, "kafka", "start", "--topic-prefix", LONG], "--topic-prefix", "at most 249"),
    (64, [LAB, "doctor", "--ready-file", "x"], "--ready-file"),
    # paths that cannot be read or written, a directory where a file is wanted and the reverse
    (64, [*TO_FILE, "--config", "none"], "--config 'none'", "give a file"),
    (64, [*TO_FILE, "--config", "adir"], "--config 'adir'", "Is a directory"),
    (64, [*TO_FILE, "--source", "none"], "--source 'none'", "give clicks"),
    (64, [*TO_FILE, "--history", "adir"], "'adir'", "Is a directory", "give another"),
    (64, [*TO_FILE, "--history", "none/none/h"], "'none/none/h'", "can be made"),
    (64, [*TO_FILE, "--history", "afile"], "'afile'", "no history", "give another"),
    (64, [*TO_FILE, "--ready-file", "adir"], "--ready-file 'adir'", "give another"),
    (64, [CLIENT, "--transport", "file", "--data", "afile"], "--data 'afile", "give another"),
    (64, [*TO_HTTP, "--token-file", "adir"], "'adir'", "Is a directory", "first line"),
    (64, [*SERVE, "--data", "afile"], "--data 'afile", "give another"),
    (64, [*SERVE, "--data", "none/none"], "--data 'none/none'", "can be made"),
    (64, [*SERVE, "--data", "holds-text"], "'holds-text/events.db'", "not a database"),
    (64, [*CONSUME, "--state", "adir"], "'adir'", "Is a directory", "give another"),
    (64, [*CONSUME, "--state", "afile"], "'afile'", "not a database", "give another"),
    (64, [*CONSUME, "--state", "none/none/s"], "--state 'none/none/s'", "can be made"),
    (64, [*MAIL, "--outbox", "none/none/o"], "--outbox 'none/none/o'", "can be made"),
    (64, [*MAIL, "--outbox", "afile"], "'afile'", "not a database", "give another"),
    (64, [*COMPARE, "--out", "afile"], "--out", "afile", "name another"),
    (64, [*COMPARE, "--out", "holds-text"], "--out", "holds-text", "not empty"),
    (64, [*COMPARE, "--out", "afile/run"], "--out", "afile", "name another"),
    (64, [*WATCH, "--run", "afile"], "--run", "afile", "name another"),
    (64, [*WATCH, "--run", "holds-text"], "'holds-text/inbox.db'", "not a database"),
    (2, [LAB, "check", "none"], "'none'", "name a directory"),
    (2, [LAB, "check", "holds-text"], "holds-text/results.json", "name a directory"),
    (2, [LAB, "check", "of-tomorrow"], "of-tomorrow/results.json", "'nats'", "there are: ", "judge it with the ese-lab"),
    # one file for two purposes
    (64, [*CONSUME, "--state", "same", "--history", "./same"], "--state", "--history", "two files"),
    (64, [*MAIL, "--outbox", "same", "--history", "same"], "--outbox", "--history", "two files"),
    (64, [*MAIL, "--outbox", "a-state"], "'a-state'", "something else", "give another"),
    (64, [*CONSUME, "--history", "a-history"], "'a-history'", "of ese-client", "give another"),
    (64, [*CONSUME, "--state", "a-state", "--group", "g"], "'a-state'", "'g'", "--state"),
]

# The same of the environment: a variable, its value, a command, and the words.
ENVIRONMENT = [
    ("ESE_LAB_HOME", "afile", [*COMPARE], "ESE_LAB_HOME", "afile"),
    ("ESE_LAB_HOME", "afile", [LAB, "up", "--transport", "file"], "ESE_LAB_HOME", "afile"),
    ("ESE_LAB_HOME", "afile", [LAB, "kafka", "start", "--port", "0"], "ESE_LAB_HOME", "afile"),
    ("ESE_LAB_HOME", "afile", [LAB, "doctor"], "mended"),
    ("ESE_KAFKA_CONF", "none", [LAB, "kafka", "start", "--port", "0"], "ESE_KAFKA_CONF", "none"),
    ("PATH", "none", [LAB, "kafka", "start", "--port", "0"], "java", "./lab doctor"),
    ("PATH", "none", [LAB, "up", "--transport", "kafka", "--broker", "kafka"], "java"),
]

# The results of a run, as far as they are read, over a transport that is in no build.
RUN = {"version": 1, "seed": 1,
       "options": {"source": "clicks", "rate": "300", "duration_s": 30, "warmup_s": 3, "fault": "none",
                   "gap_s": 5, "durability": "os", "broker": "auto", "bootstrap_servers": "", "in_turn": False,
                   "retry_deadline_ms": 10000},
       "transports": [{"name": "nats", "durability": "os", "broker": "", "mock": False, "drained": True,
                       "schedule_ns": 1, "restarted_ns": 0, "endings": [], "deeds": [],
                       "cost": {"cpu_s": 1.0, "wire_bytes": 1, "disk_bytes": 1, "disk_written_bytes": 1,
                                "rss_peak_bytes": 1, "processes": 4}}]}


def nonsense(status, command, *words, **variables):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, text=True, timeout=SOON_S, check=False,
                          env={**os.environ, **variables})
    assert done.returncode == status, (done.returncode, done.stderr)
    last = done.stderr.splitlines()[-1] if done.stderr else ""
    for word in words:
        assert word in last, (word, done.stderr)


def make_place():
    """What the cases stumble over."""
    os.mkdir("adir")
    os.mkdir("holds-text")
    for path in ("afile", "holds-text/events.db", "holds-text/inbox.db"):
        with open(path, "w", encoding="utf-8") as file:
            file.write("this is no database\n")
    with open("holds-text/results.json", "w", encoding="utf-8") as file:
        file.write("{}\n")
    os.mkdir("of-tomorrow")
    with open("of-tomorrow/results.json", "w", encoding="utf-8") as file:
        json.dump(RUN, file)
    quiet = {"check": True, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run([*TO_FILE, "--history", "a-history"], **quiet)
    subprocess.run([CONSUMER, "--transport", "file", "--data", "d", "--state", "a-state",
                    "--until-end"], **quiet)


def one_server_a_directory():
    """The second would give the offsets of the first again."""
    process = subprocess.Popen([*SERVE, "--data", "shared", "--ready-file", "ready"],
                               stderr=subprocess.PIPE, text=True)
    try:
        assert "on http://" in process.stderr.readline()
        nonsense(64, [*SERVE, "--data", "shared"], "--data 'shared", "used by another process")
    finally:
        process.terminate()
        process.wait(SOON_S)
        process.stderr.close()


def plan():
    for status, command, *words in CASES:
        yield " ".join([os.path.basename(command[0]), *command[1:]])[:90], nonsense, (
            status, command, *words), {}
    for variable, value, command, *words in ENVIRONMENT:
        yield "%s=%s %s" % (variable, value, " ".join(command[1:])), nonsense, (
            69, command, *words), {variable: value}
    yield "one server a directory", one_server_a_directory, (), {}


def main():
    failed = 0
    with tempfile.TemporaryDirectory(prefix="ese-nonsense-") as place:
        os.environ["ESE_LAB_HOME"] = os.path.join(place, "lab")
        os.environ.pop("JAVA_HOME", None)
        os.chdir(place)
        make_place()
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            cases = [(what, pool.submit(test, *words, **variables))
                     for what, test, words, variables in plan()]
            print("1..%d" % len(cases))
            for number, (what, result) in enumerate(cases, 1):
                problem = result.exception()  # a broken test is a failed one
                failed += problem is not None
                print("%sok %d - %s" % ("" if problem is None else "not ", number,
                                        what.replace("#", "")))
                if problem is not None:
                    print("# %r" % problem, flush=True)
        os.chdir("/")
    sys.exit(1 if failed else 0)


main()
