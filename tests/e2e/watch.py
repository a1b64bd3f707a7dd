"""watch.py INBOX SERVER CONSUMER MAILER CLIENT LAB TRANSPORT - a walk over HTTP, or over the lesson that loses, whose
parties are started one by one, with an inbox that has Mailpit's interface, and ese-lab watch looking on: its table and its
check, while the walk goes on."""
import contextlib
import json
import os
import pathlib
import smtplib
import socket
import sqlite3
import subprocess
import sys
import tempfile
import urllib.request

from ese_program import Program, run, wait_until

INBOX, SERVER, CONSUMER, MAILER, CLIENT, LAB = (os.path.abspath(path) for path in sys.argv[1:7])
LOSSY = "http+ese-store"
FREE = "127.0.0.1:0"
RATE = "60"


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Inbox:
    """The stand-in of Mailpit, on free ports of 127.0.0.1."""

    def __init__(self, directory):
        self.pages, self.smtp = "127.0.0.1:%d" % free_port(), "127.0.0.1:%d" % free_port()
        environment = {**os.environ, "MP_UI_BIND_ADDR": self.pages, "MP_SMTP_BIND_ADDR": self.smtp,
                       "MP_MAX_MESSAGES": "5000", "MP_DATABASE": str(directory / "mails.db")}
        self.process = subprocess.Popen(["/usr/bin/python3", INBOX], env=environment, stdin=subprocess.DEVNULL)
        wait_until(self.answers, "the inbox does not get ready")

    def answers(self):
        with contextlib.suppress(OSError):
            with urllib.request.urlopen("http://%s/readyz" % self.pages, timeout=1) as answer:
                return answer.status == 200
        return False

    def count(self):
        with urllib.request.urlopen("http://%s/api/v1/messages?limit=1" % self.pages, timeout=5) as answer:
            return json.load(answer)["total"]

    def close(self):
        self.process.kill()
        self.process.wait()


class Walk:
    """All of it; `run` is the directory the parties write to."""

    transport = "http"

    def __init__(self):
        self.place = tempfile.TemporaryDirectory(prefix="ese-watch-")
        self.run = pathlib.Path(self.place.name)
        for party in (self.transport, "mailer"):
            (self.run / party).mkdir()
        self.open = contextlib.ExitStack()
        self.inbox = Inbox(self.run)
        self.open.callback(self.inbox.close)
        self.server = self.start_server()
        self.mailer = self.start(MAILER, "--listen", FREE, "--smtp", self.inbox.smtp,
                                 "--outbox", self.run / "mailer" / "outbox.db", *self.history("mailer", "mailer"))
        self.consumer = self.start(CONSUMER, "--transport", self.transport, "--server", self.url(self.server),
                                   "--mailer", self.url(self.mailer),
                                   "--state", self.run / self.transport / "state.db",
                                   "--quiet", *self.history(self.transport, "consumer-1"), *self.reading())
        self.watch = self.start(LAB, "watch", *self.watched(), "--run", self.run,
                                "--inbox", "http://" + self.inbox.pages, "--every", "1", "--metrics", FREE,
                                "--history-bytes", "65536", "--history-segments", "50")

    def start_server(self):
        return self.start(SERVER, "--transport", "http", "--listen", FREE, "--data", self.run / "store")

    def reading(self):
        return ()

    def watched(self):
        return "--transports", "http:server=%s,nonsense" % self.url(self.server)

    def start(self, *command):
        program = Program(*(str(word) for word in command))
        self.open.callback(program.close)
        return program.start()

    def history(self, directory, party):
        return ("--history", self.run / directory / (party + ".history"), "--history-bytes", "65536",
                "--history-segments", "50")

    @staticmethod
    def url(program):
        return "http://" + program.address

    def client(self, *more):
        return self.start(CLIENT, "--transport", self.transport, "--server", self.url(self.server), "--rate", RATE,
                          "--quiet", *self.history(self.transport, "client"), *more)

    def check(self):
        """The exit status and the ledger, by the command that anybody would type."""
        done = subprocess.run([LAB, "check", "--json", str(self.run)], stdout=subprocess.PIPE, check=False, timeout=120)
        (http,) = json.loads(done.stdout)["transports"]
        return done.returncode, http

    def balance(self):
        """What /metrics says of the verdict."""
        _, text = self.watch.ask("/metrics")
        return float(next(line for line in text.splitlines() if line.startswith("ese_lab_ledger_balances")).split()[-1])

    def metric(self, name, fate):
        _, text = self.watch.ask("/metrics")
        line = next(line for line in text.splitlines() if line.startswith(name) and 'fate="%s"' % fate in line)
        return float(line.split()[-1])

    def offered(self):
        """By the server's own count, as the lab may not be there."""
        _, text = self.server.ask("/metrics")
        return next(float(line.split()[-1]) for line in text.splitlines() if line.startswith("ese_store_events_total"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.open.close()
        self.place.cleanup()


class LossyWalk(Walk):
    """Over the store that tells its losses. It is polled more often than the original was, to be done sooner."""
    transport = LOSSY

    def start_server(self):
        return self.start(SERVER, "--transport", LOSSY, "--durability", "memory", "--listen", FREE,
                          *self.history(LOSSY, "server"))

    def reading(self):
        return "--poll-ms", "300"

    def watched(self):
        """As compose has it: the transport by its profile's name, its server in a list of all."""
        return ("--transports", LOSSY.replace("+", "-") + ":poll-ms=300,nonsense", "--servers",
                "http=http://127.0.0.1:1,%s=%s" % (LOSSY, self.url(self.server)))


def offered_at_least(walk, count):
    wait_until(lambda: walk.metric("ese_lab_events", "offered") >= count, "%d events are not offered" % count, 60)


def balances(walk):
    status, http = walk.check()
    assert status == 0, (status, http["verdict"], http["ledger"], http["mails"])
    assert http["ledger"]["lost"] == http["mails"]["lost"] == http["mails"]["doubled"] == 0, http
    assert http["mails"]["expected"] == http["mails"]["arrived"] > 0, http["mails"]
    return http


def a_walk_balances_while_it_goes_on():
    with Walk() as walk:
        walk.client()
        offered_at_least(walk, 600)
        first = balances(walk)
        walk.consumer.kill()
        offered_at_least(walk, 1000)
        walk.consumer.start()
        second = balances(walk)
        assert second["ledger"]["offered"] > first["ledger"]["offered"] >= 600
        assert walk.watch.ask("/health")[0] == 200
        assert "offered" in walk.watch.said() and "balances" in walk.watch.said(), walk.watch.said()


def it_goes_on_after_a_stop_of_everybody():
    with Walk() as walk:
        client = walk.client()
        offered_at_least(walk, 300)
        first = balances(walk)
        for party in (client, walk.consumer, walk.server, walk.mailer, walk.watch):
            assert party.stop() == 0, party.said()
        sent = walk.inbox.count()
        walk.server.options = (*walk.server.options, "--listen", walk.server.address)
        for party in (walk.server, walk.mailer, walk.watch, walk.consumer):
            if party is walk.mailer:
                party.options = (*party.options, "--listen", party.address)
            party.start()
        client.start()
        offered_at_least(walk, first["ledger"]["offered"] + 200)
        balances(walk)
        assert walk.inbox.count() >= sent


def balances_though_it_loses(walk, *causes):
    status, lossy = walk.check()
    ledger, mails = lossy["ledger"], lossy["mails"]
    assert status == 0, (status, lossy["verdict"], ledger, mails)
    assert all(ledger["lost_by"][cause] > 0 for cause in causes), ledger
    assert sum(ledger["lost_by"][cause] for cause in causes) == ledger["lost"], ledger
    assert ledger["acknowledged"] == ledger["processed"] + ledger["lost"], ledger
    assert mails["doubled"] == mails["unexpected"] == 0 < mails["lost"], mails


def a_walk_that_loses_balances_while_it_goes_on():
    with LossyWalk() as walk:
        walk.client()
        offered_at_least(walk, 400)
        balances_though_it_loses(walk, "clash")
        walk.consumer.kill()
        walk.watch.kill()  # whoever looks on begins anew, too
        unread = walk.offered()
        wait_until(lambda: walk.offered() > unread + 100, "no more is offered", 60)
        walk.server.kill()
        walk.server.options = (*walk.server.options, "--listen", walk.server.address)
        for party in (walk.server, walk.consumer, walk.watch):
            party.start()
        offered_at_least(walk, 1000)
        balances_though_it_loses(walk, "clash", "death")
        assert walk.watch.ask("/health")[0] == 200


def a_consumer_that_is_away_is_no_pass():
    with Walk() as walk:
        walk.client()
        offered_at_least(walk, 300)
        walk.consumer.kill()
        offered_at_least(walk, 500)
        status, http = walk.check()
        assert status == 2 and "not processed" in http["verdict"]["ledger"]["reason"], http["verdict"]


def a_store_that_forgot_is_found_out():
    with Walk() as walk:
        walk.client()
        offered_at_least(walk, 300)
        walk.consumer.kill()  # so that what is taken away was not handed on,
        walk.watch.kill()     # nor seen
        with contextlib.closing(sqlite3.connect(walk.run / "store" / "events.db", timeout=20)) as database:
            def newest():
                return database.execute("SELECT max(rowid) FROM events").fetchone()[0]
            seen = newest()
            wait_until(lambda: newest() > seen + 60, "nothing further is stored")
            with database:
                database.execute("DELETE FROM events WHERE rowid BETWEEN ? AND ?", (seen + 40, seen + 44))
        walk.watch.start()
        walk.consumer.start()
        status, http = walk.check()
        assert status == 1 and http["ledger"]["lost"] > 0, (status, http["verdict"], http["ledger"])


def a_mail_that_comes_twice_is_found_out():
    with Walk() as walk:
        walk.client()
        offered_at_least(walk, 300)
        wait_until(lambda: walk.inbox.count() > 3, "no mails come")
        database = sqlite3.connect(walk.run / "mails.db", timeout=20)
        (content,) = database.execute("SELECT content FROM mails LIMIT 1").fetchone()
        database.close()
        host, port = walk.inbox.smtp.split(":")
        with smtplib.SMTP(host, int(port), timeout=10) as smtp:
            smtp.sendmail("consumer@ese.org", ["click_updated@ese.org"], content)
        status, http = walk.check()
        assert status == 1 and http["mails"]["doubled"] == 1, (status, http["verdict"], http["mails"])


def what_cannot_be_read_is_said_and_heals():
    with Walk() as walk:
        walk.client()
        offered_at_least(walk, 300)
        balances(walk)
        strange = walk.run / "http" / "consumer-2.history"
        strange.touch()
        status, http = walk.check()
        assert status == 2 and strange.name in http["verdict"]["ledger"]["reason"], (status, http["verdict"])
        assert http["ledger"]["lost"] == 0, http["ledger"]
        strange.unlink()
        wait_until(lambda: walk.balance() == 1, "it does not balance again")
        balances(walk)
        walk.watch.stop()
        for name in ("fold.db-wal", "fold.db-shm"):
            (walk.run / "http" / name).unlink(missing_ok=True)
        (walk.run / "http" / "fold.db").write_bytes(b"not a database, nor was it ever one. " * 200)
        walk.watch.start()
        wait_until(lambda: walk.watch.ask("/health")[0] == 503, "the watch stays well")
        assert walk.balance() == 0 and "fold" in walk.watch.ask("/health")[1], walk.watch.ask("/health")
        assert "its books do not go on" in walk.watch.said(), walk.watch.said()
        status, http = walk.check()
        assert status == 2 and "the fold cannot be used" in http["verdict"]["ledger"]["reason"], (status, http["verdict"])


def a_transport_no_longer_watched_is_left_out():
    with Walk() as walk:
        walk.client()
        offered_at_least(walk, 300)
        walk.watch.stop()
        chosen = walk.watch.options
        at = chosen.index("--transports") + 1
        walk.watch.options = (*chosen[:at], chosen[at].replace("nonsense", "file"), *chosen[at + 1:])
        walk.watch.environment["ESE_DATA"] = str(walk.run / "file")
        walk.watch.start()
        wait_until((walk.run / "file" / "fold.db").exists, "file is not watched")
        walk.watch.stop()
        walk.watch.options = chosen
        walk.watch.start()
        balances(walk)
        done = subprocess.run([LAB, "check", str(walk.run)], stdout=subprocess.PIPE, check=False, timeout=120)
        assert done.returncode == 0 and b"file: no longer watched, so it is not judged" in done.stdout, done
        assert b"single cases are told of a run that is over" in done.stdout, done


TESTS = {"http": (a_walk_balances_while_it_goes_on, it_goes_on_after_a_stop_of_everybody,
                  a_consumer_that_is_away_is_no_pass, a_store_that_forgot_is_found_out,
                  a_mail_that_comes_twice_is_found_out, what_cannot_be_read_is_said_and_heals,
                  a_transport_no_longer_watched_is_left_out),
         LOSSY: (a_walk_that_loses_balances_while_it_goes_on,)}

if __name__ == "__main__":
    sys.exit(run(TESTS[sys.argv[7]], at_once=3))
