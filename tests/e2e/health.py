"""health.py SERVER CONSUMER MAILER CLIENT LAB TRANSPORT... - what runs is made sick: GET /health and --health say so and
why, and that it has healed. Of the tests, those of the transports named."""
import json
import os
import signal
import subprocess
import sys
import time

from ese_program import Program, run, wait_until

SERVER, CONSUMER, MAILER, CLIENT, LAB = (os.path.abspath(path) for path in sys.argv[1:6])
NOBODY = "127.0.0.1:1"
PATIENCE_S = 10  # of the programs, with others who are away
LIMIT_S = 60  # of this test, with the programs
FREE = "127.0.0.1:0"


def state(program):
    """"ok" or "failing", and the text that goes with it."""
    status, body = program.ask("/health")
    said = json.loads(body)
    assert (status, said["status"]) in ((200, "ok"), (503, "failing")), (status, said)
    return said["status"], said.get("note", said.get("reason", ""))


def becomes(program, wanted, *words):
    """Waits until it is in that state and says these words."""
    def is_there():
        status, text = state(program)
        return status == wanted and all(word in text for word in words)
    wait_until(is_there, f"{program.path} does not become {wanted}, saying {words}", LIMIT_S)


def ask_twin(program, where):
    """--health with the configuration that runs."""
    return subprocess.run([program.path, *program.options, f"--{where}", program.address, "--health"],
                          cwd=program.directory, env=program.environment, capture_output=True, text=True, check=False,
                          timeout=20)


def falls_ill(program, where, since, *words):
    """It becomes sick, not before its patience is over, and its health check says so and why."""
    becomes(program, "failing", *words)
    took = time.monotonic() - since
    assert took >= PATIENCE_S - 0.5, f"sick after {took:.1f} s already"
    asked = ask_twin(program, where)
    assert asked.returncode == 1 and asked.stdout == "", asked
    assert all(word in asked.stderr for word in words), asked


def is_well(program, where):
    becomes(program, "ok")
    asked = ask_twin(program, where)
    assert asked.returncode == 0 and asked.stderr == "", asked


def reader(server):
    return Program(CONSUMER, "--transport", f"http:server=http://{server.address}", "--metrics", FREE)


# ---- the consumer --------------------------------------------------------------------------------

def a_consumer_without_its_server():
    with Program(SERVER, "--transport", "http", "--listen", FREE) as server, reader(server) as consumer:
        is_well(consumer, "metrics")
        since = time.monotonic()
        server.kill()
        becomes(consumer, "ok", "has been away", server.address)  # a note, at first
        falls_ill(consumer, "metrics", since, "has been away", server.address)
        server.options = (*server.options, "--listen", server.address)
        server.start()
        is_well(consumer, "metrics")


def a_consumer_with_a_server_that_hangs():
    with Program(SERVER, "--transport", "http", "--listen", FREE) as server, reader(server) as consumer:
        since = time.monotonic()
        server.signal(signal.SIGSTOP)
        falls_ill(consumer, "metrics", since, "has been away", server.address)
        server.signal(signal.SIGCONT)
        is_well(consumer, "metrics")


def a_consumer_without_a_broker():
    since = time.monotonic()
    with Program(CONSUMER, "--transport", "kafka", "--bootstrap-servers", NOBODY, "--metrics", FREE) as consumer:
        assert state(consumer)[0] == "ok"
        falls_ill(consumer, "metrics", since, "has been away", "the Kafka cluster does not answer")


def a_consumer_without_its_mailer():
    with Program(MAILER, "--listen", FREE, "--smtp", NOBODY) as mailer:
        mailer.kill()
        consumer = Program(CONSUMER, "--transport", "file", "--mailer", f"http://{mailer.address}", "--metrics", FREE)
        with consumer:
            is_well(consumer, "metrics")
            since = time.monotonic()
            subprocess.run([CLIENT, "--transport", "file", "--source", "-", "--quiet"], cwd=consumer.directory,
                           input="\n\n\n", text=True, check=True, stdout=subprocess.DEVNULL, timeout=20)
            becomes(consumer, "ok", "the mailer has been away")
            falls_ill(consumer, "metrics", since, "the mailer has been away", mailer.address)
            mailer.options = (*mailer.options, "--listen", mailer.address)
            mailer.start()
            is_well(consumer, "metrics")


def a_consumer_that_does_not_answer():
    with Program(CONSUMER, "--transport", "file", "--metrics", FREE) as consumer:
        consumer.signal(signal.SIGSTOP)
        asked = ask_twin(consumer, "metrics")
        assert asked.returncode == 1 and "does not answer" in asked.stderr, asked
        consumer.signal(signal.SIGCONT)
        is_well(consumer, "metrics")


# ---- the client ----------------------------------------------------------------------------------

def writer(server):
    return Program(CLIENT, "--transport", f"http:server=http://{server.address}", "--metrics", FREE, "--quiet")


def a_client_without_its_server():
    with Program(SERVER, "--transport", "http", "--listen", FREE) as server, writer(server) as client:
        is_well(client, "metrics")
        wait_until(lambda: "\nese_client_acknowledged_total 0\n" not in client.ask("/metrics")[1], "nothing arrives")
        since = time.monotonic()
        server.kill()
        falls_ill(client, "metrics", since, "none was acknowledged for ")
        server.options = (*server.options, "--listen", server.address)
        server.start()
        is_well(client, "metrics")


def a_client_with_a_server_that_hangs():
    with Program(SERVER, "--transport", "http", "--listen", FREE) as server, writer(server) as client:
        since = time.monotonic()
        server.signal(signal.SIGSTOP)
        falls_ill(client, "metrics", since, "none was acknowledged for ")
        server.signal(signal.SIGCONT)
        is_well(client, "metrics")


def a_client_that_cannot_keep_its_schedule():
    options = ("--transport", "file:durability=disk", "--rate", "1000000", "--metrics", FREE, "--quiet")
    with Program(CLIENT, *options) as client:
        becomes(client, "failing", "the schedule is not kept")


# ---- the lab -------------------------------------------------------------------------------------

def a_watch_that_stands_still():
    watching = ("watch", "--transports", "file", "--inbox", f"http://{NOBODY}", "--metrics", FREE)
    with Program(LAB, *watching) as watch:
        becomes(watch, "ok", "the inbox has been away", NOBODY)  # which is for it to see, and no sickness
        assert ask_twin(watch, "metrics").returncode == 0
        watch.signal(signal.SIGSTOP)
        asked = ask_twin(watch, "metrics")
        assert asked.returncode == 1 and "does not answer" in asked.stderr, asked
        watch.signal(signal.SIGCONT)
        is_well(watch, "metrics")
        assert watch.stop() == 0


# ---- the server and the mailer -------------------------------------------------------------------

def lives_through_a_full_disk(program):
    with program:
        is_well(program, "listen")
        program.let_files_grow(False)  # and nobody sends anything
        becomes(program, "failing")
        assert ask_twin(program, "listen").returncode == 1
        program.let_files_grow(True)
        is_well(program, "listen")


def a_server_whose_disk_is_full():
    lives_through_a_full_disk(Program(SERVER, "--transport", "http", "--listen", FREE))


def a_mailer_whose_disk_is_full():
    lives_through_a_full_disk(Program(MAILER, "--smtp", NOBODY, "--listen", FREE))


def a_gateway_without_its_broker():
    with Program(SERVER, "--transport", "kafka", "--bootstrap-servers", NOBODY, "--listen", FREE) as gateway:
        becomes(gateway, "failing", "no Kafka broker answers")
        asked = ask_twin(gateway, "listen")
        assert asked.returncode == 1 and "no Kafka broker answers" in asked.stderr, asked


def a_mailer_without_its_smtp_server_is_well_and_says_so():
    with Program(MAILER, "--smtp", NOBODY, "--listen", FREE) as mailer:
        assert state(mailer) == ("ok", "")
        mail = {"from": "a@ese.org", "to": "click_updated@ese.org", "subject": "s", "content": "c"}
        assert mailer.post("/mail", mail) == 202
        becomes(mailer, "ok", f"the SMTP server {NOBODY} has been away for ")
        asked = ask_twin(mailer, "listen")
        assert asked.returncode == 0 and NOBODY in asked.stdout, asked


TESTS = {"http": (a_consumer_without_its_server, a_consumer_with_a_server_that_hangs, a_client_without_its_server,
                  a_client_with_a_server_that_hangs, a_server_whose_disk_is_full),
         "kafka": (a_consumer_without_a_broker, a_gateway_without_its_broker),
         "file": (a_consumer_without_its_mailer, a_consumer_that_does_not_answer,
                  a_client_that_cannot_keep_its_schedule, a_mailer_whose_disk_is_full,
                  a_mailer_without_its_smtp_server_is_well_and_says_so, a_watch_that_stands_still)}

if __name__ == "__main__":
    sys.exit(run([test for transport in sys.argv[6:] for test in TESTS.get(transport, ())], at_once=8))
