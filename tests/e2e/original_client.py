"""original_client.py ESE-SERVER TRANSPORT CONSUMER MAILER [ESE-LAB] - what the original's own programs send to its server, and need from
it: of plain HTTP done carefully ("http"), of the lesson that has the original's store again, and of a gateway to a real broker,
which ESE-LAB keeps (skipped where there is none to be had).

Its browser client and its simulator post events and give up at any answer but 2xx; its consumer fetches
the whole list at every poll and works on that. Their requests are imitated here, byte for byte where it
matters, and the answers compared with what the original answered.
"""
import collections
import contextlib
import json
import os
import re
import sys
import tempfile
import time

from ese_program import Program, wait_until
from ese_server import Skipped, run
import kafka_broker
import smtp_sink

CONSUMER, MAILER = (os.path.abspath(path) for path in sys.argv[3:5])
KEEPS_ALL = "+" not in sys.argv[2]
OPTIONS = ("--transport", sys.argv[2], *(() if KEEPS_ALL else ("--durability", "memory")))
JSON = "application/json; charset=utf-8"
TEXT = "text/plain; charset=utf-8"
BAD = '{\n    "message": "Bad data schema passed"\n}'


def click(sub_type, ip, timestamp):
    return {"event": {"type": "CLICK_STREAM_EVENT", "sub_type": sub_type}, "timestamp": timestamp, "ip": ip,
            "data": {}}


def order(sub_type, ip, timestamp, order_id):
    return {"event": {"type": "ORDER_STATE_UPDATE_EVENT", "sub_type": sub_type}, "timestamp": timestamp,
            "ip": ip, "data": {"orderId": order_id, "timestamp": timestamp}}


def post(server, path, content, origin=None):
    headers = {"Content-Type": "application/json", "Accept": "application/json, text/plain, */*"}
    if origin:
        headers["Origin"] = origin
    return server.ask("POST", path, json.dumps(content), headers)


def greeting(server):
    status, headers, body = server.ask("GET", "/")
    port = server.listen.rsplit(":", 1)[1]
    assert status == 200 and headers["Content-Type"] == JSON, (status, headers)
    assert body == '{\n    "message": "Server running @:%s"\n}' % port, body


def every_kind_of_event_is_stored(server):
    now = int(time.time() * 1000)
    posted = [click(kind, "203.0.113.7-1", now) for kind in
              ("KEY_PRESS_EVENT", "BUTTON_CLICK_EVENT", "INPUT_PASSED_EVENT")]
    posted += [order("ORDER_" + state, "203.0.113.7-2", now, "6a1d2f1e-1111-4222-8333-444455556666")
               for state in ("CREATED", "ALLOCATED", "STARTED", "COMPLETED")]
    for event in posted:
        status, headers, body = post(server, "/event", event)
        stored = json.loads(body)
        assert status == 201 and headers["Content-Type"] == JSON, (status, headers)
        assert list(stored)[:6] == ["type", "sub_type", "ip", "client_ts", "server_ts", "data"], body
        assert stored["type"] == event["event"]["type"] and stored["sub_type"] == event["event"]["sub_type"]
        assert stored["ip"] == event["ip"] and stored["client_ts"] == event["timestamp"]
        assert stored["data"] == event["data"]
        assert 0 <= stored["server_ts"] - now < 20000, stored
        assert body.startswith('{\n    "type": "') and body.endswith("\n}"), body


def a_batch_is_answered_in_order(server):
    events = [click("KEY_PRESS_EVENT", "203.0.113.7-1", 1700000000000 + i) for i in range(5)]
    status, headers, body = post(server, "/events", {"events": events})
    assert status == 201 and headers["Content-Type"] == JSON
    assert [event["client_ts"] for event in json.loads(body)] == [event["timestamp"] for event in events]
    assert body.startswith('[\n    {\n        "type": "CLICK_STREAM_EVENT",\n'), body
    status, _, body = post(server, "/events", {"events": []})
    assert (status, body) == (201, "null")


def what_the_original_refuses_is_refused(server):
    good = click("KEY_PRESS_EVENT", "203.0.113.7-1", 1700000000000)
    for path, body in (("/event", ""), ("/event", "{"), ("/event", "[]"),
                       ("/event", json.dumps({**good, "timestamp": "now"})),
                       ("/event", json.dumps({**good, "timestamp": 1.5})),
                       ("/event", json.dumps(good).replace("1700000000000", "17e11")),
                       ("/event", json.dumps({**good, "timestamp": 2 ** 64})),
                       ("/event", json.dumps({**good, "data": []})),
                       ("/event", json.dumps({**good, "data": {"n": 7}}).replace("7}", "1e400}")),
                       ("/events", json.dumps({"events": [good, {**good, "ip": 7}]}))):
        status, headers, answer = server.ask("POST", path, body, {"Content-Type": "application/json"})
        assert (status, answer) == (400, BAD), (path, body, status, answer)
        assert headers["Content-Type"] == TEXT, headers
    assert server.get("/events") == []


def data_is_told_as_go_tells_it(server):
    event = {**click("KEY_PRESS_EVENT", "a", 1), "data": {"b": "<&>", "a": {"n": 1, "l": [1, 2.5]}}, "more": 1}
    status, _, body = post(server, "/event", event)
    assert status == 201
    assert ('    "data": {\n        "a": {\n            "l": [\n                1,\n                2.5\n'
            '            ],\n            "n": 1\n        },\n        "b": "\\u003c\\u0026\\u003e"\n    }') in body, body
    event["data"] = {"n": [2 ** 64, 10 ** 22, 5.0]}
    _, _, body = post(server, "/event", event)
    assert "18446744073709552000,\n            1e+22,\n            5\n" in body, body
    (group,) = server.get("/events")
    assert len(group["event_logs"]) == (2 if KEEPS_ALL else 1), group  # of one millisecond
    numbers = group["event_logs"][-1]["data"]["n"]
    assert [float(number) for number in numbers] == [2.0 ** 64, 1e22, 5.0], numbers


def the_consumer_polls_the_whole_list(server):
    """Three presses within a second by one person, a burst in one millisecond by another."""
    assert server.ask("GET", "/events")[2] == "[]"
    now = int(time.time() * 1000)
    for offset in (0, 400, 900):
        assert post(server, "/event", click("KEY_PRESS_EVENT", "203.0.113.7-1", now + offset))[0] == 201
    for _ in range(8):
        assert post(server, "/event", click("BUTTON_CLICK_EVENT", "203.0.113.7-2", now))[0] == 201
    for _ in range(2):  # each poll reads all of it
        groups = {group["ip"]: group["event_logs"] for group in server.get("/events")}
        assert sorted(groups) == ["203.0.113.7-1", "203.0.113.7-2"], groups
        presses = [log["client_ts"] for log in groups["203.0.113.7-1"] if log["sub_type"] == "KEY_PRESS_EVENT"]
        assert presses == [now, now + 400, now + 900], presses
        assert all(log["server_ts"] - log["client_ts"] < 20000 for log in groups["203.0.113.7-1"])
        assert len(groups["203.0.113.7-2"]) == (8 if KEEPS_ALL else 1), "the original keeps one of them"


def each_poll_shows_every_event_once(server):
    """While they are posted, one by one, by several persons; of each the same places, poll after poll."""
    posted, shown = collections.Counter(), {}
    for i in range(60):
        event = click("INPUT_PASSED_EVENT", "203.0.113.7-%d" % (i % 7), 1793500000000 + i)
        assert post(server, "/event", event)[0] == 201
        posted[event["ip"], event["timestamp"]] += 1
        if i % 10 != 9:
            continue
        before, shown = shown, {group["ip"]: [log["client_ts"] for log in group["event_logs"]]
                                for group in server.get("/events")}
        assert collections.Counter((ip, ts) for ip, all_of_it in shown.items() for ts in all_of_it) == posted, shown
        if KEEPS_ALL:  # the original's store has no order
            assert all(shown[ip][:len(logs)] == logs for ip, logs in before.items()), (before, shown)


def own_options(server):
    """What a consumer of this server's store is told."""
    if "--bootstrap-servers" in server.options:
        cluster = server.options[server.options.index("--bootstrap-servers"):]
        return (*cluster, "--group", cluster[3] + "group")
    return ("--server", "http://" + server.listen, *(() if KEEPS_ALL else ("--poll-ms", "50")))


def three_presses_posted_are_one_mail(server):
    """From the original's client to somebody's letter-box, while a consumer and a mailer of ours do the rest."""
    if not smtp_sink.can_be_had():
        raise Skipped("no SMTP server to be had")
    now = int(time.time() * 1000)
    with contextlib.ExitStack() as closing:
        sink = smtp_sink.Sink(closing.enter_context(tempfile.TemporaryDirectory(prefix="ese-test-")))
        closing.callback(sink.close)
        mailer = closing.enter_context(Program(MAILER, "--listen", "127.0.0.1:0", "--smtp", sink.address, "--outbox", "outbox"))
        consumer = closing.enter_context(Program(
            CONSUMER, "--transport", sys.argv[2], *own_options(server), "--state", "state.db", "--mailer",
            "http://" + mailer.address, "--metrics", "127.0.0.1:0"))
        for offset, ip in ((0, "7-1"), (0, "7-2"), (1, "7-2"), (400, "7-1"), (900, "7-1"), (1800, "7-2")):
            assert post(server, "/event", click("KEY_PRESS_EVENT", "203.0.113." + ip, now + offset))[0] == 201
        wait_until(lambda: sink.arrived(), "no mail came")
        processed = lambda: "\nese_consumer_processed_total 6\n" in consumer.ask("/metrics")[1]
        wait_until(processed, "not all are processed")
        assert list(sink.arrived().values()) == [1], sink.arrived()
        (subject,) = sink.subjects()
        assert subject == "[203.0.113.7-1] | Suspicious Activity Detected", subject


def a_page_from_elsewhere_may_ask(server):
    origin = "http://localhost:8080"
    status, headers, body = server.ask("OPTIONS", "/event", None, {
        "Origin": origin, "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type"})
    assert (status, body) == (204, ""), (status, body)
    assert headers["Access-Control-Allow-Origin"] == "*" and headers["Access-Control-Max-Age"] == "43200"
    assert "POST" in headers["Access-Control-Allow-Methods"]
    assert "content-type" in headers["Access-Control-Allow-Headers"].lower()
    status, headers, _ = post(server, "/event", click("KEY_PRESS_EVENT", "a", 1), origin)
    assert status == 201 and headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Origin" not in server.ask("GET", "/events")[1]


def other_paths_are_not_found(server):
    for method, path in (("GET", "/nothing"), ("PUT", "/event"), ("DELETE", "/events")):
        status, headers, body = server.ask(method, path)
        assert (status, body) == (404, "404 page not found"), (method, path, status, body)
        assert headers["Content-Type"].startswith("text/plain")
    assert server.ask("HEAD", "/events")[0] == 404
    assert server.ask("GET", "/events/")[0] == 301
    assert server.ask("POST", "/event/", "{}")[0] == 307


def count(server, name):
    found = re.search(rf"^{name} (\d+)", server.ask("GET", "/metrics")[2], re.MULTILINE)
    assert found, f"{name} is not in /metrics"
    return int(found.group(1))


def the_counters_count(server):
    server.ask("GET", "/")
    for body in ("{", json.dumps(click("KEY_PRESS_EVENT", "a", 1))):
        server.ask("POST", "/event", body)
    server.ask("POST", "/events", "{")
    for _ in range(3):
        server.get("/events")
    server.get("/events?after=earliest")
    assert count(server, "health_ping_count") == 1
    assert count(server, "add_event_ping_count") == 2, "refused requests count, too"
    assert count(server, "add_events_ping_count") == 1
    assert count(server, "get_events_ping_count") == 4
    for name in ("process_open_fds", "process_resident_memory_bytes", "process_start_time_seconds"):
        assert count(server, name) > 0


TESTS = (greeting, every_kind_of_event_is_stored, a_batch_is_answered_in_order,
         what_the_original_refuses_is_refused, data_is_told_as_go_tells_it,
         the_consumer_polls_the_whole_list, each_poll_shows_every_event_once, three_presses_posted_are_one_mail, a_page_from_elsewhere_may_ask, other_paths_are_not_found,
         the_counters_count)

def before_a_broker(lab):
    if not kafka_broker.can_be_had():
        print("1..0 # SKIP no broker without Java and its jars")
        return 0
    with kafka_broker.Broker(lab) as broker:
        tests = [(test, (*OPTIONS, *broker.fresh_topics())) for test in TESTS]
        return run(sys.argv[1], tests, keeps_files=False, is_ready=is_healthy)


def is_healthy(server):
    return server.ask("GET", "/health")[0] == 200


if __name__ == "__main__":
    sys.exit(before_a_broker(sys.argv[5]) if len(sys.argv) > 5 else
             run(sys.argv[1], [(test, OPTIONS) for test in TESTS], keeps_files=KEEPS_ALL))
