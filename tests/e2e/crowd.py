#!/usr/bin/python3
"""A crowd of destinations over a server of its own: each is brought all of it, in what order and by whom it is
acknowledged stands in its history, and a crowd that is killed goes on from there. TAP.

    crowd.py ESE_SERVER ESE_CLIENT ESE_CROWD ESE_LAB TRANSPORT
"""
import collections
import json
import os
import resource
import subprocess
import sys

from ese_program import Program, run, wait_until

SERVER, CLIENT, CROWD, LAB = (os.path.abspath(path) for path in sys.argv[1:5])
TRANSPORT = sys.argv[5]
COUNT, FLAKY, SEED = 12, 50, 3
HUNG, HEALTHY = "hung", "healthy"


def lines_of(history):
    """As text; of one that is written just now, as far as it goes."""
    told = subprocess.run([LAB, "history", history], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True)
    return [json.loads(line) for line in told.stdout.decode().splitlines()][1:]


def plan():
    """The kind of each destination, by its number."""
    told = subprocess.run([CROWD, "--destinations", str(COUNT), "--flaky", str(FLAKY), "--seed", str(SEED), "--plan"],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True).stdout.decode()
    kinds = {number: HEALTHY for number in range(1, COUNT + 1)}
    for line in told.splitlines():
        who, kind = line.removeprefix("destination ").split(": ")
        kinds[int(who)] = kind.split()[0].rstrip(",")
    return kinds


class Walk:
    """A server, and a crowd that reads from it."""

    def __init__(self, *options):
        self.server = Program(SERVER, "--transport", TRANSPORT, "--listen", "127.0.0.1:0")
        self.options = options
        self.crowd = None

    def __enter__(self):
        self.server.start()
        self.url = f"http://{self.server.address}"
        self.crowd = Program(CROWD, "--transport", TRANSPORT, "--server", self.url, "--destinations", str(COUNT),
                             "--history", "crowd.history", *self.options).start()
        return self

    def __exit__(self, *_):
        self.crowd.close()
        self.server.close()

    def offer(self, count):
        """Ids, all of them acknowledged."""
        history = self.server.directory / f"client-{count}.history"
        subprocess.run([CLIENT, "--transport", TRANSPORT, "--server", self.url, "--source", "clicks", "--rate", "100",
                        "--count", str(count), "--history", history, "--quiet"], stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, check=True)
        ids = [line["id"] for line in lines_of(history) if line["kind"] == "acknowledged"]
        assert len(ids) == count, (len(ids), count)
        return ids

    def lines(self):
        return lines_of(self.crowd.directory / "crowd.history")

    def acknowledged(self):
        """Of each destination the ids that it has acknowledged, in their order, each once."""
        hands, had = collections.defaultdict(dict), collections.defaultdict(dict)
        for line in self.lines():
            who, place = line.get("destination"), line.get("partition")
            if line["kind"] == "given":
                hands[who, place] = {}
            elif line["kind"] == "handed":
                hands[who, place][line["offset"]] = line["id"]
            elif line["kind"] == "committed":
                had[who].update((one, None) for offset, one in sorted(hands[who, place].items()) if offset < line["next"])
                hands[who, place] = {offset: one for offset, one in hands[who, place].items() if offset >= line["next"]}
        return {who: list(ids) for who, ids in had.items()}

    def who_lacks(self, whom, ids):
        had = self.acknowledged()
        return {who: len(had.get(who, [])) for who in whom if len(had.get(who, [])) < len(ids)}

    def await_all(self, whom, ids):
        try:
            wait_until(lambda: not self.who_lacks(whom, ids), "not everybody has had all of it", 60)
        except AssertionError as problem:
            raise AssertionError(f"{problem}: {self.who_lacks(whom, ids)}; {self.crowd.said()}") from problem


def each_is_brought_all_of_it_but_the_one_who_hangs():
    kinds = plan()
    with Walk("--flaky", str(FLAKY), "--seed", str(SEED)) as walk:
        ids = walk.offer(150)
        others = [who for who, kind in kinds.items() if kind != HUNG]
        walk.await_all(others, ids)
        assert walk.crowd.stop() == 0, walk.crowd.said()
        had = walk.acknowledged()
        for who in others:
            assert sorted(had[who]) == sorted(ids), (who, kinds[who], len(had[who]))
        hung = [who for who, kind in kinds.items() if kind == HUNG]
        assert len(hung) == 1 and len(had.get(hung[0], [])) < 60, (hung, had.get(hung[0]))
        handed = collections.Counter(line["destination"] for line in walk.lines() if line["kind"] == "handed")
        assert all(handed[who] == len(ids) for who, kind in kinds.items() if kind == HEALTHY), handed
        assert all(handed[who] > len(ids) for who, kind in kinds.items() if kind in ("failing", "away")), handed


def who_was_killed_goes_on_from_where_each_stood():
    with Walk() as walk:
        first = walk.offer(60)
        walk.await_all(range(1, COUNT + 1), first)
        walk.crowd.kill()
        second = walk.offer(40)
        walk.crowd.start()
        walk.await_all(range(1, COUNT + 1), first + second)
        assert walk.crowd.stop() == 0, walk.crowd.said()
        handed = collections.Counter((line["destination"], line["id"])
                                     for line in walk.lines() if line["kind"] == "handed")
        again = [key for key, times in handed.items() if times > 1]
        assert not again, f"{len(again)} of what was acknowledged was brought again"
        assert all(sorted(ids) == sorted(first + second) for ids in walk.acknowledged().values())


def a_server_that_was_away_is_waited_for():
    with Walk() as walk:
        first = walk.offer(30)
        walk.await_all(range(1, COUNT + 1), first)
        port = walk.server.port()
        walk.server.kill()
        walk.server.options = (*walk.server.options[:-1], f"127.0.0.1:{port}")
        walk.server.start()
        second = walk.offer(20)
        walk.await_all(range(1, COUNT + 1), first + second)
        assert walk.crowd.stop() == 0, walk.crowd.said()
        assert all(sorted(ids) == sorted(first + second) for ids in walk.acknowledged().values())


def it_asks_for_the_handles_that_it_needs():
    """Where each is pushed to, a hundred need more than a process usually may have."""
    with Walk() as walk:
        soft, hard = resource.prlimit(walk.crowd.process.pid, resource.RLIMIT_NOFILE)
        assert soft == hard, (soft, hard)


if __name__ == "__main__":
    sys.exit(run([each_is_brought_all_of_it_but_the_one_who_hangs, who_was_killed_goes_on_from_where_each_stood,
                  a_server_that_was_away_is_waited_for, it_asks_for_the_handles_that_it_needs]))
