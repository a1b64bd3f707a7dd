#!/usr/bin/python3
"""overload.py SHIM SERVER PLANTED SECONDS - an http server whose disk is slow (docs/bad-disks.md), so that it and not the
processor is the limit, is offered twice what it can store, for so long: its memory stays bounded, what it does not take it
refuses with 503 and Retry-After, and counts, it goes on storing nearly as much as it can, and is itself again at once
after. One whose queue has no bound is caught, and one that keeps something of what it refuses. TAP."""
import asyncio
import itertools
import json
import os
import re
import sys
import time

from disk_scene import OnDisk, event
from ese_program import run

SHIM, SERVER, PLANTED = (os.path.abspath(path) for path in sys.argv[1:4])
SECONDS = float(sys.argv[4])
SYNC_S = 0.03  # and a commit takes so many requests (--group): 260 a second at most
GROUP, QUEUE = 8, 100
CLOSED = 64     # connections that measure what can be stored
MOST = 400      # of those that offer, at once: more than fit the queue, by far
GROWTH_KIB = 512  # of the memory, beyond what it takes with the queue full; and as what is stored makes it grow, too,
GROWTH_EACH = 0.25  # so much a refusal: nothing of one may stay
RECOVERY_S, SOON_S = 1.5, 0.5
LATE_S = 0.1    # who offers later than this is no measure
TRIES = 4       # on a machine that has no time
names = itertools.count()


class Busy(Exception):
    """Others have the processor: it may have been the limit, and not the disk."""


class Line:
    """A connection, for one request at a time."""

    def __init__(self, port):
        self.port, self.reader, self.writer = port, None, None

    async def post(self):
        """Of one new event: status, whether the answer says when to come again, seconds."""
        if self.reader is None:
            self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        number = next(names)
        body = json.dumps(event(number % 64, number)).encode()
        began = time.monotonic()
        self.writer.write(b"POST /event HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
                          % len(body) + body)
        head = await self.reader.readuntil(b"\r\n\r\n")
        await self.reader.readexactly(int(re.search(rb"Content-Length: (\d+)", head).group(1)))
        return int(head.split()[1]), b"Retry-After: " in head, time.monotonic() - began

    def close(self):
        if self.writer is not None:
            self.writer.close()


class Load:
    """What was answered."""

    def __init__(self, port):
        self.port, self.free, self.lines, self.answers, self.unsent, self.late = port, [], 0, [], 0, 0

    async def one(self, line):
        due = time.monotonic()
        status, says_when, seconds = await line.post()
        self.answers.append((due, status, says_when, seconds))

    def take(self):
        if self.free:
            return self.free.pop()
        if self.lines == MOST:
            return None
        self.lines += 1
        return Line(self.port)

    async def give(self, line):
        await self.one(line)
        self.free.append(line)

    async def closed(self, seconds):
        """All lines, each as fast as it is answered."""
        until = time.monotonic() + seconds

        async def keep_on(line):
            while time.monotonic() < until:
                await self.one(line)
            self.free.append(line)
        await asyncio.gather(*(keep_on(self.take()) for _ in range(CLOSED)))

    async def open(self, rate, seconds, each_second=lambda: None):
        """So many a second, whatever becomes of them."""
        began, tasks, told = time.monotonic(), [], 0
        for i in range(int(rate * seconds)):
            wait = began + i / rate - time.monotonic()
            if wait > 0:
                await asyncio.sleep(wait)
            self.late = max(self.late, time.monotonic() - began - i / rate)
            line = self.take()
            if line is None:
                self.unsent += 1
                continue
            tasks.append(asyncio.ensure_future(self.give(line)))
            if time.monotonic() - began > told + 1:
                told += 1
                each_second()
        await asyncio.gather(*tasks)

    def count(self, status):
        return sum(answer[1] == status for answer in self.answers)

    def close(self):
        for line in self.free:
            line.close()


def memory_kib(server):
    with open(f"/proc/{server.process.pid}/status", encoding="ascii") as file:
        return int(re.search(r"VmRSS:\s+(\d+)", file.read()).group(1))


def metric(server, name):
    found = re.search(rf"^{re.escape(name)} (\d+)", server.ask("/metrics")[1], re.MULTILINE)
    return int(found.group(1)) if found else 0


async def measure_capacity(server, seconds):
    """Events a second, without the time in which it begins."""
    load = Load(server.port())
    began = time.monotonic()
    await load.closed(seconds + 0.5)
    load.close()
    assert load.count(201) == len(load.answers), "a closed load is not refused"
    in_time = [due for due, _, _, took in load.answers if began + 0.5 <= due + took <= began + 0.5 + seconds]
    return len(in_time) / seconds, load.count(201)


async def overload(server, capacity, seconds):
    load, memory = Load(server.port()), []
    began = time.monotonic()
    await load.open(2 * capacity, seconds, lambda: memory.append(memory_kib(server)))
    took = time.monotonic() - began
    load.close()
    server.late = load.late
    return load, load.count(201) / took, memory


async def recover(server, capacity):
    """Half of what it can store, at once."""
    load = Load(server.port())
    began = time.monotonic()
    await load.open(capacity / 2, RECOVERY_S)
    load.close()
    server.late = max(server.late, load.late)
    late = [answer for answer in load.answers if answer[0] > began + SOON_S]
    assert late and all(status == 201 for _, status, _, _ in late), "it still refuses"
    slow = max(seconds for _, _, _, seconds in late)
    assert slow < 10 * SYNC_S, f"it still takes {slow:.3f} s"
    return load


def check_refusals(load, capacity, goodput, memory):
    refused = load.count(503)
    print(f"# {capacity:.0f} events a second can be stored; of {len(load.answers)} at twice that {load.count(201)} were, which "
          f"is {goodput / capacity:.2f} of it, and {refused} refused; {max(memory) - memory[0]} KiB more", flush=True)
    assert load.unsent == 0, f"{load.unsent} were neither answered nor refused in time"
    assert load.count(201) + refused == len(load.answers), "a refusal is a 503"
    assert refused > len(load.answers) / 4, "nothing much was refused: it was no overload"
    assert all(says_when for _, status, says_when, _ in load.answers if status == 503), "a refusal says when to come again"
    assert max(memory) - memory[0] < GROWTH_KIB + GROWTH_EACH * refused, f"memory grows: {memory}"


def check(server, seconds):
    capacity, stored = asyncio.run(measure_capacity(server, max(1, seconds / 6)))
    load, goodput, memory = asyncio.run(overload(server, capacity, seconds))
    check_refusals(load, capacity, goodput, memory)
    assert goodput > 0.8 * capacity, (goodput, capacity)
    after = asyncio.run(recover(server, capacity))
    refused = load.count(503) + after.count(503)
    assert metric(server, 'ese_store_refused_events_total{reason="queue"}') == refused, "refusals are counted"
    assert metric(server, "ese_store_events_total") == stored + load.count(201) + after.count(201)
    assert server.ask("/health")[0] == 200


def with_a_slow_disk(program, seconds):
    server = OnDisk(SHIM, program, "--listen", "127.0.0.1:0", "--data", "disk/data", "--transport", "http", "--durability",
                    "disk", "--group", str(GROUP), "--queue-events", str(QUEUE), SYNC_US=int(SYNC_S * 1e6))
    server.late = 0
    try:
        server.start()
        check(server, seconds)
    except AssertionError as problem:
        if server.late > LATE_S or os.getloadavg()[0] > os.cpu_count():
            raise Busy(f"{problem}; offered {server.late:.2f} s late, load {os.getloadavg()[0]}") from problem
        raise
    finally:
        server.close()


def twice_what_can_be_stored_is_refused_and_survived():
    for _ in range(TRIES):
        try:
            return with_a_slow_disk(SERVER, SECONDS)
        except Busy as problem:
            print(f"# once more, as the machine has no time: {problem}", flush=True)
    raise AssertionError("the machine has no time")


def is_caught(fault, word, seconds):
    """By what it does, which is no matter of time."""
    try:
        with_a_slow_disk(os.path.join(PLANTED, f"ese-server.{fault}"), seconds)
    except (AssertionError, Busy) as problem:
        assert word in str(problem), problem
        print(f"# caught: {problem}")
        return
    raise AssertionError("nobody noticed")


def a_queue_without_a_bound_is_caught():
    is_caught("a_queue_has_no_bound", "refused", 2)


def who_keeps_something_of_a_refusal_is_caught():
    is_caught("a_refusal_leaves_something_behind", "memory grows", 4)


if __name__ == "__main__":
    sys.exit(run((twice_what_can_be_stored_is_refused_and_survived, a_queue_without_a_bound_is_caught,
                  who_keeps_something_of_a_refusal_is_caught)))
