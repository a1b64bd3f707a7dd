"""original_kafka.py ESE-LAB SERVER CONSUMER MAILER CLIENT - the original's Kafka side, played by a client that is none of
ours: kcat writes records as its browser client and its simulator do, without key, id and header, and reads ours as its consumer
does. Skipped without a broker, kcat or an SMTP server. TAP.
"""
import contextlib
import hashlib
import json
import mailbox
import os
import shutil
import subprocess
import sys
import tempfile
import time

import kafka_broker
import steady_click
import stuck_order
from ese_program import Program, run, wait_until
from lab_scene import skip
from smtp_sink import Sink, can_be_had

LAB, SERVER, CONSUMER, MAILER, CLIENT = (os.path.abspath(path) for path in sys.argv[1:6])
NOW = int(time.time() * 1000) - 60_000
KAFKA = ("--transport", "kafka")


def kcat(broker, *words, given=None):
    done = subprocess.run(["kcat", "-b", broker.address, *words], input=given, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    assert done.returncode == 0, (words, done.stderr)
    return done.stdout


def write(broker, prefix, topic, records, *more):
    """As the original: no key, no header, its four members."""
    lines = "".join(json.dumps(record, separators=(",", ":")) + "\n" for record in records)
    kcat(broker, "-P", "-t", prefix + topic, *more, given=lines)


def record(sub_type, ip, timestamp, data=None):
    return {"sub_type": sub_type, "ip": ip, "client_timestamp": timestamp, "data": json.dumps(data or {})}


def read(broker, prefix, topic):
    """What the original's consumer looks at, and what it does not."""
    said = kcat(broker, "-C", "-t", prefix + topic, "-o", "beginning", "-e", "-q", "-J")
    return [json.loads(line) for line in said.splitlines()]


def id_of_place(topic, partition, offset):
    """A UUID of version 8, as its 16 bytes, of where a record is stored."""
    name = bytearray(hashlib.sha256(b"%s/%d/%d\0" % (topic.encode(), partition, offset)).digest()[:16])
    name[6] = 0x80 | name[6] & 0x0f
    name[8] = 0x80 | name[8] & 0x3f
    return bytes(name)


class Scene:
    """Topics of its own, a mailer with a real SMTP server behind it, and a consumer."""

    def __init__(self, broker):
        self.cluster = broker.fresh_topics()
        self.prefix = self.cluster[3]
        self.directory = tempfile.mkdtemp(prefix="ese-original-")
        self.closing = contextlib.ExitStack()
        self.closing.callback(shutil.rmtree, self.directory)
        self.sink = Sink(self.directory)
        self.closing.callback(self.sink.close)
        self.mailer = self.closing.enter_context(
            Program(MAILER, "--listen", "127.0.0.1:0", "--smtp", self.sink.address, "--outbox", "outbox"))
        self.consumer = Program(CONSUMER, *KAFKA, *self.cluster, "--group", self.prefix + "group", "--state",
                                os.path.join(self.directory, "state.db"), "--mailer", "http://" + self.mailer.address,
                                "--lateness-ms", "0", "--metrics", "127.0.0.1:0")
        self.closing.callback(self.consumer.close)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.closing.close()

    def counted(self, name):
        for line in self.consumer.ask("/metrics")[1].splitlines():
            if line.startswith(name + " "):
                return int(line.split()[1])
        raise AssertionError(name)

    def mails(self):
        return list(mailbox.Maildir(self.sink.maildir, create=False))


def what_the_original_writes_is_judged(broker):
    """Three presses of one ip, and an order that is not completed, each in one partition; and what gives no mail."""
    with Scene(broker) as scene:
        presses = [record("KEY_PRESS_EVENT", "PUBLICIP-3", NOW + i * 400) for i in range(3)]
        write(broker, scene.prefix, "click-events", presses, "-p", "1")
        write(broker, scene.prefix, "click-events",
              [record("BUTTON_CLICK_EVENT", "PUBLICIP-4", NOW + i) for i in range(5)], "-p", "2")
        orders = [record("ORDER_" + state, "PUBLICIP-%d" % i, NOW + 200 * i, {"orderId": order, "timestamp": NOW})
                  for order, states in (("o-1", ("CREATED", "ALLOCATED")), ("o-2", ("CREATED", "STARTED", "COMPLETED")))
                  for i, state in enumerate(states)]
        write(broker, scene.prefix, "order-events", orders, "-p", "0")
        scene.consumer.start()
        expected = {steady_click.text_of(decision) for decision in (
            steady_click.decision_id("PUBLICIP-3", [id_of_place(scene.prefix + "click-events", 1, i) for i in range(3)]),
            stuck_order.decision_id("o-1", id_of_place(scene.prefix + "order-events", 0, 0)))}
        wait_until(lambda: set(scene.sink.arrived()) == expected, f"no mails of {expected}")
        wait_until(lambda: scene.counted("ese_consumer_processed_total") == 13, "not all are processed")
        assert any("PUBLICIP-3" in mail["Subject"] for mail in scene.mails()), "nobody is named"
        scene.consumer.kill()  # and read again, they are the same events
        scene.consumer.start()
        write(broker, scene.prefix, "click-events", [record("KEY_PRESS_EVENT", "PUBLICIP-3", NOW + 1500)], "-p", "1")
        wait_until(lambda: scene.counted("ese_consumer_processed_total") == 1, "the next one is not processed")
        assert scene.sink.arrived().total() == 2, scene.sink.arrived()


def follow(server):
    """All events, page by page."""
    page = {"events": [None], "next": "earliest"}
    while page["events"]:
        page = json.loads(server.ask("/events?limit=1000&after=" + page["next"])[1])
        yield from page["events"]


def without_a_key_partitions_are_anybodys(broker):
    """So nothing is lost, though nobody promises a chain: each is had once, and shown by a server that only reads."""
    with Scene(broker) as scene:
        records = [record("KEY_PRESS_EVENT", "PUBLICIP-%d" % (i % 10), NOW + i) for i in range(300)]
        write(broker, scene.prefix, "click-events", records)
        scene.consumer.start()
        wait_until(lambda: scene.counted("ese_consumer_processed_total") == 300, "not all are processed")
        with Program(SERVER, *KAFKA, *scene.cluster, "--read-only", "--listen", "127.0.0.1:0") as server:
            wait_until(lambda: server.ask("/health")[0] == 200, "the server is not healthy")
            groups = json.loads(server.ask("/events")[1])
            logs = [log for group in groups for log in group["event_logs"]]
            assert sorted(log["client_ts"] for log in logs) == [r["client_timestamp"] for r in records]
            assert {log["type"] for log in logs} == {"CLICK_STREAM_EVENT"}
            shown = list(follow(server))
        assert {event["id"] for event in shown} == {log["id"] for log in logs} and len(shown) == 300, len(shown)
        for event in shown:
            topic, partition = event["partition"].rsplit("-", 1)
            place = id_of_place(scene.prefix + topic, int(partition), event["offset"])
            assert event["id"] == steady_click.text_of(place), event


WORDS = {"click-events": ("KEY_PRESS_EVENT", "BUTTON_CLICK_EVENT", "INPUT_PASSED_EVENT"),
         "order-events": ("ORDER_CREATED", "ORDER_ALLOCATED", "ORDER_STARTED", "ORDER_COMPLETED")}


def check_record(message, words):
    """Whoever knows of the original's records alone finds it whole: JSON of four members, and data that is JSON as text."""
    value = json.loads(message["payload"])
    assert sorted(value) == ["client_timestamp", "data", "ip", "sub_type"], value
    assert value["sub_type"] in words and isinstance(value["client_timestamp"], int), value
    assert message["key"] == json.loads(value["data"]).get("orderId", value["ip"]), message
    assert 0 <= message["ts"] - value["client_timestamp"] < 60000, message


def check_ours(broker, prefix, events):
    messages = [(message, words) for topic, words in WORDS.items() for message in read(broker, prefix, topic)]
    assert len(messages) == events, (len(messages), events)
    for message, words in messages:
        check_record(message, words)


def what_we_write_is_read(broker):
    """By a client without a server, and by one before a gateway."""
    cluster = broker.fresh_topics()
    more = ("--source", "mixed", "--count", "200", "--rate", "400", "--quiet")
    subprocess.run([CLIENT, *KAFKA, *cluster, "--via", "direct", *more], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, timeout=60)
    check_ours(broker, cluster[3], 200)
    cluster = broker.fresh_topics()
    with Program(SERVER, *KAFKA, *cluster, "--listen", "127.0.0.1:0") as server:
        wait_until(lambda: server.ask("/health")[0] == 200, "the server is not healthy")
        subprocess.run([CLIENT, *KAFKA, *cluster, "--server", "http://" + server.address, *more], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60)
    check_ours(broker, cluster[3], 200)


def a_record_that_is_not_the_originals_is_found(_):
    """The check itself, on records with one fault each."""
    good = record("KEY_PRESS_EVENT", "a", 1000)
    check_record({"payload": json.dumps(good), "key": "a", "ts": 1007}, WORDS["click-events"])
    for fault, around in (({"data": {}}, {}), ({"client_timestamp": "1"}, {}), ({"sub_type": "ORDER_CREATED"}, {}), ({"more": 1}, {}),
                          ({}, {"key": "b"}), ({}, {"ts": 999}), ({"data": "{"}, {})):
        message = {"payload": json.dumps({**good, **fault}), "key": "a", "ts": 1007, **around}
        try:
            check_record(message, WORDS["click-events"])
        except (AssertionError, TypeError, ValueError):
            continue
        raise AssertionError(f"was taken: {message}")


TESTS = (what_the_original_writes_is_judged, without_a_key_partitions_are_anybodys, what_we_write_is_read,
         a_record_that_is_not_the_originals_is_found)


if __name__ == "__main__":
    if not kafka_broker.can_be_had() or shutil.which("kcat") is None or not can_be_had():
        skip("no broker, no kcat or no SMTP server to be had")
    with kafka_broker.Broker(LAB) as one_broker:
        sys.exit(run([kafka_broker.bind(test, one_broker) for test in TESTS]))
