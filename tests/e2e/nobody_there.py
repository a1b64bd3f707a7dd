#!/usr/bin/python3
"""nobody_there.py ESE_LAB ESE_CLIENT ESE_CONSUMER ESE_SERVER TRANSPORT ... - what is said where no Kafka broker
and no server is at the address, or a broker without the topics: what cannot begin ends soon, what
stays says it once. TAP.
"""
import concurrent.futures
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

LAB, CLIENT, CONSUMER, SERVER = map(os.path.abspath, sys.argv[1:5])
TRANSPORTS = sys.argv[5:]
JARS = os.path.abspath(os.path.join(os.environ.get("ESE_LAB_HOME", ".lab"), "kafka", "libs"))
NOBODY = "127.0.0.1:1"
CLUSTER = ["--transport", "kafka", "--bootstrap-servers", NOBODY]
REMEDY = ["./lab kafka start", "--bootstrap-servers"]
SOON_S = 20  # three, by design; a busy machine takes its time
PATIENCE_S = 20  # for a topic of dead letters, by design
QUIET_S = 1.5  # in which nothing may be said again
TOPICS = ["./lab kafka topics"]
SILENT = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}


def with_all(words, text):
    return [line for line in text.splitlines() if all(word in line for word in words)]


def ends(command, status, *words, within_s=SOON_S):
    """It ends by itself, with that status, and has said all of the words in one line."""
    done = subprocess.run(command, **SILENT, stderr=subprocess.PIPE, text=True, timeout=within_s,
                          check=False)
    assert done.returncode == status, (done.returncode, done.stderr)
    assert with_all(words, done.stderr), done.stderr


def stays(command, *words):
    """It goes on until it is asked to stop, and has said a line with all of the words once."""
    with tempfile.NamedTemporaryFile() as said:
        def lines():
            with open(said.name, encoding="utf-8") as text:
                return with_all(words, text.read())

        process = subprocess.Popen(command, **SILENT, stderr=said)
        try:
            until = time.monotonic() + SOON_S
            while not lines():
                assert process.poll() is None and time.monotonic() < until, "it never says so"
                time.sleep(0.02)
            time.sleep(QUIET_S)
            assert process.poll() is None, "it ended with %d" % process.returncode
            assert len(lines()) == 1, lines()
            process.send_signal(signal.SIGINT)
            process.wait(SOON_S)
        finally:
            process.kill()
            process.wait()


def compare_ends_and_writes_nothing():
    ends([LAB, "compare", "--transports", "kafka", *CLUSTER[2:], "--out", "run"], 69, NOBODY,
         *REMEDY, "without the option")
    assert not os.path.exists("run")


def up_ends():
    ends([LAB, "up", *CLUSTER], 69, NOBODY, *REMEDY, "without the option")


def topics_end():
    ends([LAB, "kafka", "topics", *CLUSTER[2:]], 69, NOBODY, *REMEDY)


def a_wrong_option_is_told_before():
    ends([LAB, "up", "--transport", "kafka:no-such=1", *CLUSTER[2:]], 64, "no-such")


def the_client_says_it():
    stays([CLIENT, *CLUSTER, "--via", "direct"], NOBODY, *REMEDY)


def a_client_of_a_server_says_it():
    stays([CLIENT, "--transport", "kafka", "--server", "http://" + NOBODY], NOBODY, "ese-server",
          "--server")


def the_consumer_says_it():
    stays([CONSUMER, *CLUSTER, "--state", "state.db"], NOBODY, *REMEDY)


def the_server_says_it():
    stays([SERVER, *CLUSTER, "--listen", "127.0.0.1:0"], NOBODY, *REMEDY)


def letters_that_nobody_takes_hold_up_no_end():
    if "file" not in TRANSPORTS:
        return "there is no transport file"
    os.makedirs("spoilt")
    with open("spoilt/events.ndjson", "w", encoding="utf-8") as file:
        file.write("no event\n")
    ends([CONSUMER, "--transport", "file:data=spoilt", "--state", "spoilt.db", "--until-end", "--dead-letters",
          "kafka:bootstrap-servers=" + NOBODY], 0, "nobody takes the dead letters", "state file",
         within_s=PATIENCE_S + SOON_S)
    return None


def with_a_broker(test):
    """On a broker of its own, which has topics, but none with the prefix."""
    if shutil.which("java") is None or not os.path.isdir(JARS):
        return "no Java or no jars of a broker in " + JARS
    home = {**os.environ, "ESE_LAB_HOME": os.path.abspath(test.__name__)}
    os.makedirs(os.path.join(home["ESE_LAB_HOME"], "kafka"))
    os.symlink(JARS, os.path.join(home["ESE_LAB_HOME"], "kafka", "libs"))
    start = [LAB, "kafka", "start", "--port", "0"]
    try:
        address = subprocess.run(start, env=home, check=True, text=True, stdout=subprocess.PIPE,
                                 stderr=subprocess.DEVNULL).stdout.strip()
        test(["--transport", "kafka", "--bootstrap-servers", address, "--topic-prefix", "none-"])
    finally:
        subprocess.run([LAB, "kafka", "stop"], env=home, check=True, **SILENT,
                       stderr=subprocess.DEVNULL)
    return None


def lacking_topics_are_told(cluster):
    stays([CONSUMER, *cluster, "--state", "lacking.db"], "none-click-events", *TOPICS)
    stays([CLIENT, *cluster, "--via", "direct", "--retry-deadline-ms", "500"], "'none-click-events'", *TOPICS)
    stays([SERVER, *cluster, "--listen", "127.0.0.1:0"], "none-click-events", *TOPICS)


def where_the_topics_are_lacking_that_is_told():
    return with_a_broker(lacking_topics_are_told)


TESTS = [compare_ends_and_writes_nothing, up_ends, topics_end, a_wrong_option_is_told_before,
         the_client_says_it, a_client_of_a_server_says_it, the_consumer_says_it,
         the_server_says_it, letters_that_nobody_takes_hold_up_no_end, where_the_topics_are_lacking_that_is_told]


def main():
    """All at once: they wait more than they do."""
    failed = 0
    print("1..%d" % len(TESTS))
    with tempfile.TemporaryDirectory(prefix="ese-nobody-") as place, \
            concurrent.futures.ThreadPoolExecutor(len(TESTS)) as pool:
        os.environ["ESE_LAB_HOME"] = os.path.join(place, "lab")
        os.chdir(place)
        results = [pool.submit(test) for test in TESTS]
        for number, (test, result) in enumerate(zip(TESTS, results), 1):
            problem = result.exception()  # a broken test is a failed one
            if problem is None:
                skip = "" if result.result() is None else " # SKIP " + result.result()
                print("ok %d - %s%s" % (number, test.__name__, skip), flush=True)
            else:
                failed = 1
                print("not ok %d - %s\n# %r" % (number, test.__name__, problem), flush=True)
        os.chdir("/")
    sys.exit(failed)


main()
