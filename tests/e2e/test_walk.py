#!/usr/bin/python3
"""docs/walkthrough-by-hand.md, followed to the letter: its own commands, on its own ports, typed
into four terminals, and the keys pressed that it says. TAP.

    test_walk.py TREE BUILD http|webhook|kafka, with TREE/tools in PYTHONPATH
"""
import os
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time

import documents
from lab_scene import (JARS, a_real_broker_can_be_had, no_process_is_left, run, skip,
                       wait_until)
from terminal import Terminal, processes_of_session, users_environment

TREE, BUILD, TRANSPORT = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2]), sys.argv[3]
HEADINGS = {"http": "Over plain HTTP", "webhook": "Over a server that pushes", "kafka": "Over Kafka"}
GUARD = "\0ese-lab-walk"  # one walk at a time on this machine, as all take the document's ports
PATIENCE_S = 60
CHAIN_S = 1.0  # a press may come that long after the one before


def read_document():
    with open(os.path.join(TREE, "docs", "walkthrough-by-hand.md"), encoding="utf-8") as file:
        return file.read()


def commands_to_run():
    """Those before all walks, and those of this one; there is no other."""
    shown = documents.commands(TREE, "docs/walkthrough-by-hand.md")
    assert {command.section for command in shown} == {"", *HEADINGS.values()}, shown
    return [command.text for command in shown if command.section in ("", HEADINGS[TRANSPORT])]


class Repository:
    """The user's: links to the tree and to the build, and a place for what the walk makes."""

    def __init__(self):
        self.path = tempfile.mkdtemp(prefix="ese-walk-")
        for name in os.listdir(TREE):
            if not name.startswith((".", "build", "walk")):
                os.symlink(os.path.join(TREE, name), os.path.join(self.path, name))
        os.symlink(BUILD, os.path.join(self.path, "build"))
        if TRANSPORT == "kafka":  # a lab home of its own, which borrows only the jars
            os.makedirs(os.path.join(self.path, ".lab", "kafka"))
            os.symlink(os.path.abspath(JARS), os.path.join(self.path, ".lab", "kafka", "libs"))

    def close(self):
        shutil.rmtree(self.path)


class Walk:
    def __init__(self):
        self.text, self.left = read_document(), commands_to_run()
        self.subject = re.search(r"one mail appears: `(.*?)`", self.text).group(1)
        self.repository = Repository()
        self.terminals, self.mails, self.presses = {}, 0, 0

    def command(self, word):
        """The document's one command of that word."""
        found = [command for command in self.left if word in command]
        assert len(found) == 1, (word, found)
        self.left.remove(found[0])
        return found[0]

    def open(self, name):
        self.terminals[name] = Terminal(self.repository.path, name)
        return self.terminals[name]

    # ---- the steps ----

    def four_terminals_start(self):
        first = self.open("server")
        first.run(self.command("mkdir"))
        if TRANSPORT == "kafka":
            assert "127.0.0.1:19092" in first.run(self.command("./lab kafka start")), first.seen
        self.commands = {name: self.command("ese-" + name)
                         for name in ("server", "mailer", "consumer", "client")}
        for name, command in self.commands.items():
            terminal = self.terminals.get(name) or self.open(name)
            terminal.start(command)
        first.see(r"on http://127\.0\.0\.1:2001")
        self.terminals["mailer"].see(r"takes mails on 127\.0\.0\.1:2525")

    def state(self, question):
        """A number of the consumer's state file, as its command names it."""
        name = re.search(r"--state (\S+)", self.commands["consumer"]).group(1)
        path = os.path.join(self.repository.path, name)
        with sqlite3.connect("file:%s?mode=ro" % path, uri=True) as file:
            return file.execute(question).fetchone()[0]

    def press(self, times):
        self.terminals["client"].type("\r" * times)
        self.presses += times

    def is_processed(self):
        try:
            return (self.state("SELECT sum(processed) FROM position") or 0) >= self.presses
        except sqlite3.OperationalError:  # there is no such file, or no table in it yet
            return False

    def all_is_processed(self):
        wait_until(self.is_processed, PATIENCE_S, "%d presses are processed" % self.presses)

    def decisions(self):
        return self.state("SELECT count(*) FROM decision")

    def one_more_mail(self):
        """Comes, and no second one with it."""
        self.mails += 1
        printed = self.terminals["mailer"]
        printed.see("END MESSAGE", self.mails)
        assert self.decisions() == self.mails, self.decisions()
        assert printed.seen.count("MESSAGE FOLLOWS") == self.mails, printed.seen
        assert printed.seen.count("Subject: " + self.subject) == self.mails, printed.seen

    def three_presses_give_one_mail(self):
        self.press(3)
        self.all_is_processed()
        self.one_more_mail()

    def in_time(self, began):
        """Whether all since then was quick enough to be one chain, by the test's own clock."""
        return time.monotonic() - began < CHAIN_S

    def two_more_give_nothing_and_a_third_the_next(self):
        for _ in range(20):
            began = time.monotonic()
            self.press(2)
            self.all_is_processed()
            assert self.decisions() == self.mails, "a mail for two presses"
            self.press(1)
            self.all_is_processed()
            if self.in_time(began) or self.decisions() > self.mails:
                return self.one_more_mail()
            time.sleep(CHAIN_S + 0.1)  # this machine was too slow: first this chain must end
        raise AssertionError("never three presses within a second")

    def who_is_stopped_catches_up(self, name):
        self.terminals[name].ctrl_c()
        self.press(3)
        client = self.terminals["client"]
        client.see(r"offered %d " % self.presses)
        assert self.decisions() == self.mails, "a mail without the " + name
        self.terminals[name].start(self.commands[name])
        self.all_is_processed()
        self.one_more_mail()

    def a_stopped_consumer_catches_up(self):
        self.who_is_stopped_catches_up("consumer")

    def a_stopped_server_is_waited_for(self):
        self.who_is_stopped_catches_up("server")

    def the_server_knows_how_far_its_reader_has_come(self):
        shown = self.open("looking").run(self.command("curl"))
        assert '"position":%d,' % self.presses in shown and "/push/click-events" in shown, shown

    def kafka_holds_what_was_pressed(self):
        shown = self.open("looking").run(self.command("kcat"))
        keys = re.findall(r"^\d+ \d+ (\S+) \{", shown, re.MULTILINE)
        assert keys == ["203.0.113.7-1"] * self.presses, shown

    def ctrl_c_ends_all_four(self):
        for name in ("client", "consumer", "mailer", "server"):
            self.terminals[name].ctrl_c()
        told = "%d offered: %d acknowledged" % (self.presses, self.presses)
        assert told in self.terminals["client"].seen, self.terminals["client"].seen
        for terminal in self.terminals.values():
            wait_until(lambda: processes_of_session(terminal.pid) == [terminal.pid], 10,
                       "only the shell is left in the terminal of the " + terminal.name)

    def kafka_stops(self):
        self.terminals["server"].run(re.search(r"`(\./lab kafka stop)`", self.text).group(1))
        assert "Kafka has stopped" in self.terminals["server"].seen

    def every_command_was_typed(self):
        assert not self.left, self.left
        wait_until(lambda: not busy_ports(self.text), 10, "its ports are free again")
        assert no_process_is_left(self.repository.path)

    def close(self):
        for terminal in self.terminals.values():
            terminal.close()
        if TRANSPORT == "kafka":  # where a step before has failed, it is still there
            subprocess.run(["./lab", "kafka", "stop"], cwd=self.repository.path, check=True,
                           stderr=subprocess.DEVNULL, env=users_environment())
        self.repository.close()


def is_busy(port):
    with socket.socket() as caller:
        return caller.connect_ex(("127.0.0.1", port)) == 0


def busy_ports(text):
    ports = sorted({int(port) for port in re.findall(r"(?:127\.0\.0\.1:|at port )(\d+)", text)})
    assert len(ports) >= 3, ports
    return [port for port in ports if is_busy(port)]


def take_guard():
    """Waits for whoever walks; it goes when this process does."""
    guard = socket.socket(socket.AF_UNIX)

    def taken():
        try:
            guard.bind(GUARD)
        except OSError:
            return False
        return True
    wait_until(taken, 170, "another walk on this machine has ended")
    return guard


def main():
    if TRANSPORT == "kafka" and not a_real_broker_can_be_had():
        skip("no Java or no jars of a broker in " + JARS)
    if TRANSPORT == "kafka" and shutil.which("kcat") is None:
        skip("no kcat")
    guard = take_guard()
    busy = busy_ports(read_document())
    if busy:
        skip("somebody listens on the document's ports: %s" % busy)
    walk = Walk()
    steps = ["four_terminals_start", "three_presses_give_one_mail",
             "two_more_give_nothing_and_a_third_the_next", "a_stopped_consumer_catches_up",
             "a_stopped_server_is_waited_for"]
    steps += ["the_server_knows_how_far_its_reader_has_come"] if TRANSPORT == "webhook" else []
    steps += ["kafka_holds_what_was_pressed"] if TRANSPORT == "kafka" else []
    steps += ["ctrl_c_ends_all_four"]
    steps += ["kafka_stops"] if TRANSPORT == "kafka" else []
    steps += ["every_command_was_typed"]
    try:
        failed = run([(step, getattr(walk, step)) for step in steps])
    finally:
        walk.close()
    guard.close()
    sys.exit(failed)


main()
