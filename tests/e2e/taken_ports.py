#!/usr/bin/python3
"""taken_ports.py ESE_LAB ESE_SERVER ESE_MAILER ESE_CONSUMER - a port that is taken is named, with
who has it and what to do; it is the machine's fault, 69. TAP.
"""
import os
import re
import socket
import subprocess
import sys
import tempfile

LAB, SERVER, MAILER, CONSUMER = map(os.path.abspath, sys.argv[1:5])
HOLDER = "(process %d)" % os.getpid()


def run(*command):
    return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=60, check=False)


def listener(port=0):
    taken = socket.socket()
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    taken.bind(("127.0.0.1", port))
    taken.listen()
    return taken


def walk_ports():
    """What the doctor says of each port of the walk by hand: {port: (word, text)}."""
    lines = re.findall(r"^ +(\w+) +port (\d+) +(.*)$", run(LAB, "doctor").stdout, re.MULTILINE)
    return {int(port): (word, text) for word, port, text in lines}


def the_doctor_names_who_is_in_the_way():
    before = walk_ports()
    assert len(before) == 4, before
    free = [port for port in before if before[port][0] == "ok"]
    assert free, "all of them are taken: %r" % before
    with listener(free[-1]):
        status = run(LAB, "doctor").returncode
        word, text = walk_ports()[free[-1]]
    assert word == "note" and HOLDER in text and "end that" in text and "--" in text, (word, text)
    assert status == run(LAB, "doctor").returncode, "a taken port is nothing that is missing"
    assert walk_ports()[free[-1]] == before[free[-1]]


def refuses(option, *command):
    with listener() as taken:
        port = taken.getsockname()[1]
        done = run(*[word.replace("PORT", str(port)) for word in command])
    assert done.returncode == 69, (done.returncode, done.stderr)
    for word in (str(port), HOLDER, "end that", option):
        assert word in done.stderr, (word, done.stderr)


def kafka_start_names_it():
    refuses("--port", LAB, "kafka", "start", "--port", "PORT")


def the_server_names_it():
    refuses("another port", SERVER, "--transport", "http", "--data", "data", "--listen",
            "127.0.0.1:PORT")


def the_mailer_names_it():
    refuses("another port", MAILER, "--listen", "127.0.0.1:PORT")


def the_consumer_names_it():
    refuses("another port", CONSUMER, "--transport", "http", "--metrics", "127.0.0.1:PORT")


TESTS = [the_doctor_names_who_is_in_the_way, kafka_start_names_it, the_server_names_it,
         the_mailer_names_it, the_consumer_names_it]


def main():
    failed = 0
    print("1..%d" % len(TESTS))
    with tempfile.TemporaryDirectory(prefix="ese-ports-") as place:
        os.environ["ESE_LAB_HOME"] = os.path.join(place, "lab")
        os.chdir(place)
        for number, test in enumerate(TESTS, 1):
            try:
                test()
                print("ok %d - %s" % (number, test.__name__), flush=True)
            except Exception as problem:  # a broken test is a failed one
                failed = 1
                print("not ok %d - %s\n# %r" % (number, test.__name__, problem), flush=True)
        os.chdir("/")
    sys.exit(failed)


main()
