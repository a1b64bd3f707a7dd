"""cloud_events.py SERVER TRANSPORT [ESE-LAB CONSUMER] - CloudEvents in binary content mode, sent by nobody of ours: by HTTP to a
server of any transport that keeps all it takes; and, before a real broker that ESE-LAB keeps, as kcat reads and writes them on
Kafka. Skipped without a broker or kcat. TAP.
"""
import json
import os
import shutil
import subprocess
import sys
import uuid

import kafka_broker
from ese_program import Program, wait_until
from ese_server import run

TRANSPORT = sys.argv[2]
NAMED = {"ce-specversion": "1.0", "ce-id": "order%207/created", "ce-source": "/shop/berlin", "ce-type": "CLICK_STREAM_EVENT",
         "Content-Type": "application/json"}


def data(ip="10.0.0.1", sub_type="KEY_PRESS_EVENT", timestamp=1793500000000):
    return json.dumps({"event": {"type": "CLICK_STREAM_EVENT", "sub_type": sub_type}, "timestamp": timestamp, "ip": ip,
                       "data": {}})


def as_record(ip="10.0.0.1", sub_type="KEY_PRESS_EVENT", timestamp=1793500000000):
    return json.dumps({"sub_type": sub_type, "ip": ip, "client_timestamp": timestamp, "data": "{}"})


def post(server, headers, body):
    status, _, answer = server.ask("POST", "/event", body, headers)
    return status, json.loads(answer)


def listed(server):
    return [log for group in server.get("/events") for log in group["event_logs"]]


def who_repeats_id_and_source_means_the_same_event(server):
    first = post(server, NAMED, data())
    assert first[0] == 201, first
    for body in (data(), as_record()):  # its data may come in either shape
        assert post(server, NAMED, body) == first, "the same one has the same answer"
    assert len(listed(server)) == 1, listed(server)
    assert post(server, {**NAMED, "ce-source": "/shop/paris"}, data())[1]["id"] != first[1]["id"]
    assert post(server, {**NAMED, "ce-id": "order%208"}, data())[1]["id"] != first[1]["id"]
    assert len(listed(server)) == 3, listed(server)
    status, answer = post(server, NAMED, data(ip="10.0.0.2"))
    assert status == 422, (status, answer)
    assert len(listed(server)) == 3, listed(server)


def an_id_may_look_like_ours(server):
    """Run, lane and sequence are not read out of somebody else's."""
    name = str(uuid.UUID(int=(0x01932c07209b << 80) | (7 << 76) | (2 << 62) | 77))
    answers = [post(server, {**NAMED, "ce-id": name, "ce-source": source}, data())[1] for source in ("a", "b", "a")]
    assert answers[0] == answers[2] and answers[0]["id"] != answers[1]["id"], answers
    assert name not in [answer["id"] for answer in answers], answers


def what_is_wrong_is_named_with_its_remedy(server):
    without = {name: value for name, value in NAMED.items() if name != "ce-id"}
    for headers, body, path, words in (
            (without, data(), "/event", ("ce-id", "send it")),
            ({**NAMED, "ce-specversion": "0.3"}, data(), "/event", ("ce-specversion", "1.0")),
            ({**NAMED, "ce-type": "other"}, data(), "/event", ("ce-type", "CLICK_STREAM_EVENT")),
            ({**NAMED, "ce-source": "x" * 64}, data(), "/event", ("ce-source", "shorter")),
            ({**NAMED, "ce-source": "urn:ese-lab"}, data(), "/event", ("ce-source", "of your own")),
            ({**NAMED, "ce-time": "yesterday"}, data(), "/event", ("ce-time", "RFC 3339")),
            ({**NAMED, "ce-id": "%0a"}, data(), "/event", ("ce-id", "leave it out")),
            ({**NAMED, "Content-Type": "text/xml"}, data(), "/event", ("Content-Type", "application/json")),
            ({"Content-Type": "application/cloudevents+json"}, "{}", "/event", ("Content-Type", "binary content mode")),
            (NAMED, json.dumps({"events": []}), "/events", ("ce-id", "POST /event")),
            (NAMED, "{", "/event", ("CloudEvent",))):
        status, _, answer = server.ask("POST", path, body, headers)
        assert status == 400, (headers, status, answer)
        assert all(word in json.loads(answer)["message"] for word in words), (headers, answer)
    assert listed(server) == []


def post_lines(server, lines, body):
    """With the headers as they are, one of a name or several."""
    connection = server.connect()
    try:
        connection.putrequest("POST", "/event")
        for name, value in (*lines, ("Content-Length", str(len(body)))):
            connection.putheader(name, value)
        connection.endheaders(body.encode())
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read().decode())
    finally:
        connection.close()


def a_header_that_is_there_twice_is_refused(server):
    """Whichever of those that say which event it is, and be the two the same."""
    timed = {**NAMED, "ce-time": "2026-11-26T03:30:00Z"}
    for name in timed:
        for again in (timed[name], "other"):
            status, answer = post_lines(server, (*timed.items(), (name.upper(), again)), data())
            assert status == 400 and answer["message"].startswith(name + ":"), (name, again, status, answer)
            assert "send it once" in answer["message"], answer
    assert listed(server) == []
    assert post_lines(server, timed.items(), data())[0] == 201


def a_value_is_what_its_header_says(server):
    """As the binding has it, percent-encoded; as it had it before, in quotes; and with blanks around it, which HTTP allows."""
    first = post(server, NAMED, data())
    assert first[0] == 201, first
    for value in ("order%207/cre%61ted", '"order 7/created"', '"order%207\\/created"', " order%207/created \t"):
        assert post(server, {**NAMED, "ce-id": value}, data()) == first, value
    euro = post(server, {**NAMED, "ce-id": "%E2%82%ac%20%F0%9F%98%80"}, data(timestamp=2))
    assert post(server, {**NAMED, "ce-id": "\u20ac \U0001f600".encode().decode("latin-1")}, data(timestamp=2)) == euro
    for value in ("%C0%A0", "%ff", "a%C2%85", '"open', "%4"):
        status, answer = post(server, {**NAMED, "ce-id": value}, data())
        assert status == 400 and answer["message"].startswith("ce-id:"), (value, status, answer)
    assert len(listed(server)) == 2, listed(server)


# ---- on Kafka --------------------------------------------------------------------------------------------------------

def kcat(address, *words, given=None):
    done = subprocess.run(["kcat", "-b", address, *words], input=given, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, timeout=60, check=False)
    assert done.returncode == 0, (words, done.stderr)
    return done.stdout


def cluster_of(server):
    return server.options[server.options.index("--bootstrap-servers") + 1], \
        server.options[server.options.index("--topic-prefix") + 1] + "click-events"


def headers_on_kafka(server):
    """Of each record, in the order of its client_timestamp."""
    address, topic = cluster_of(server)
    records = [json.loads(line) for line in
               kcat(address, "-C", "-t", topic, "-o", "beginning", "-e", "-q", "-J").splitlines()]
    records.sort(key=lambda record: json.loads(record["payload"])["client_timestamp"])
    return [dict(zip(record["headers"][::2], record["headers"][1::2])) for record in records]


def they_are_cloud_events_on_kafka_too(server):
    post(server, NAMED, data(timestamp=1))
    plain = post(server, {"Content-Type": "application/json"}, data(timestamp=2))[1]
    named, ours = headers_on_kafka(server)
    for headers in (named, ours):
        assert headers["ce_specversion"] == "1.0" and headers["ce_type"] == "CLICK_STREAM_EVENT", headers
        assert headers["content-type"] == "application/json", headers
    assert (named["ce_id"], named["ce_source"]) == ("order 7/created", "/shop/berlin"), named
    assert (ours["ce_id"], ours["ce_source"]) == (plain["id"], "urn:ese-lab"), ours


def a_cloud_event_of_kafka_is_the_same_event(server):
    """Written by kcat, twice, and posted once: shown three times under one id, as it is stored so often, and processed once.
    (kcat is told where Java's clients put a key: what comes again in another partition nobody there has seen.)"""
    address, topic = cluster_of(server)
    answered = post(server, NAMED, data())[1]
    named = ("ce_specversion=1.0", "ce_id=order 7/created", "ce_source=/shop/berlin", "ce_type=CLICK_STREAM_EVENT")
    for _ in range(2):
        kcat(address, "-P", "-X", "partitioner=murmur2_random", "-t", topic, "-k", "10.0.0.1",
             *(word for header in named for word in ("-H", header)), given=as_record() + "\n")
    assert [log["id"] for log in listed(server)] == [answered["id"]] * 3, listed(server)
    options = ("--transport", "kafka", *server.options[server.options.index("--bootstrap-servers"):])
    with Program(os.path.abspath(sys.argv[4]), *options, "--group", topic, "--metrics", "127.0.0.1:0") as consumer:
        def counted(name):
            return int(consumer.ask("/metrics")[1].split(f"\nese_consumer_{name}_total ")[1].split()[0])
        wait_until(lambda: counted("processed") + counted("repeats") == 3, "not all are done")
        done = counted("processed"), counted("repeats")
        assert done == (1, 2), done


def a_record_with_a_name_twice_is_no_event(server):
    """It is passed over and counted, and holds up nobody."""
    address, topic = cluster_of(server)
    named = ("ce_specversion=1.0", "ce_id=7", "ce_source=/shop/berlin", "ce_type=CLICK_STREAM_EVENT")
    for twice in (*named, "ce_time=2026-11-26T03:30:00Z"):
        doubled = (*named, twice, *((twice,) if "time" in twice else ()))
        kcat(address, "-P", "-t", topic, *(word for header in doubled for word in ("-H", header)), given=as_record() + "\n")
    kcat(address, "-P", "-t", topic, *(word for header in named for word in ("-H", header)), given=as_record() + "\n")
    (shown,) = listed(server)
    assert "\nese_view_unreadable_total 5\n" in server.ask("GET", "/metrics")[2], server.ask("GET", "/metrics")[2]
    assert post(server, {**NAMED, "ce-id": "7"}, data())[1]["id"] == shown["id"]


HTTP = (who_repeats_id_and_source_means_the_same_event, an_id_may_look_like_ours, what_is_wrong_is_named_with_its_remedy,
        a_header_that_is_there_twice_is_refused, a_value_is_what_its_header_says)
KAFKA = (they_are_cloud_events_on_kafka_too, a_cloud_event_of_kafka_is_the_same_event, a_record_with_a_name_twice_is_no_event)


def is_healthy(server):
    return server.ask("GET", "/health")[0] == 200


def before_a_broker():
    if not kafka_broker.can_be_had() or shutil.which("kcat") is None:
        print("1..0 # SKIP no broker or no kcat to be had")
        return 0
    with kafka_broker.Broker(sys.argv[3]) as broker:
        tests = [(test, ("--transport", TRANSPORT, *broker.fresh_topics())) for test in HTTP + KAFKA]
        return run(sys.argv[1], tests, keeps_files=False, is_ready=is_healthy)


if __name__ == "__main__":
    sys.exit(before_a_broker() if len(sys.argv) > 3 else
             run(sys.argv[1], [(test, ("--transport", TRANSPORT)) for test in HTTP]))
