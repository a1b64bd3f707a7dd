"""What may be chosen besides: profiles that change the way, each a walk of its own."""
import contextlib
import csv
import json
import urllib.error
import urllib.request

from cases_walk import go_down, must_balance, nobody_has_more_rights_than_needed, what_is_published_is_on_loopback
from cases_walkthrough import the_analytics_server_shows_what_is_shown
from engine import run
from images import second_version
from waiting import wait_for
from walk import Walk, get


@contextlib.contextmanager
def walking(lab, program="docker-compose", **settings):
    """Up, well, and with mails on their way; and whatever becomes of it, down again."""
    lab.walk = Walk(lab.engine, program, **settings)
    try:
        lab.walk.compose("up", "--detach", "--no-build", timeout=300)
        lab.walk.wait_until_well(120)
        yield lab.walk.wait_for_mails(settings["ESE_TRANSPORTS"].split(",")[:1], {}, 60)
        must_balance(lab)
    finally:
        lab.walk.compose("down", "--volumes", check=False)


def requests_of(lab):
    """How many each server behind HAProxy has had, as its stats page says."""
    page = get(lab.walk.ports["ESE_HAPROXY_PORT"], "/haproxy;csv").lstrip("# ").splitlines()
    return {row["svname"]: int(row["stot"]) for row in csv.DictReader(page) if row["svname"].startswith("server-")}


def listed(lab):
    """The ids of all events, as the server that only the analytics read from lists them."""
    groups = json.loads(get(lab.walk.ports["ESE_KAFKA_ANALYTICS_PORT"], "/events"))
    assert [group["ip"] for group in groups] == sorted({group["ip"] for group in groups}), groups
    return [event["id"] for group in groups for event in group["event_logs"]]


def stored(lab):
    """How many events both servers behind HAProxy have stored."""
    return sum(lab.walk.metric(name, 2001, 'ese_produced_total{outcome="stored"}')
               for name in ("server-kafka", "server-kafka-2"))


def the_analytics_server_lists_all_and_takes_none(lab):
    before = stored(lab)
    first, second = listed(lab), listed(lab)
    assert len(first) >= before and set(first) <= set(second), (before, len(first), set(first) - set(second))
    wait_for(lambda: stored(lab) >= len(second), 10, lambda: f"{len(second)} events are listed, {stored(lab)} stored")
    url = f"http://127.0.0.1:{lab.walk.ports['ESE_KAFKA_ANALYTICS_PORT']}/event"
    try:
        with urllib.request.urlopen(url, data=b"{}", timeout=10) as answer:
            raise AssertionError(f"it took an event: {answer.status}")
    except urllib.error.HTTPError as refusal:
        assert refusal.code == 403, refusal
    the_analytics_server_shows_what_is_shown(lab)


def scale_shares_the_requests_out(lab):
    """Under Compose v2. While load goes through HAProxy, the third server lists what both others store."""
    with walking(lab, second_version(lab.engine), ESE_TRANSPORTS="kafka,scale", ESE_VIA="haproxy"):
        assert not [name for name in lab.walk.containers() if name.endswith("-http")], lab.walk.containers().keys()
        wait_for(lambda: len(requests_of(lab)) == 2 and min(requests_of(lab).values()) > 20, 60,
                 lambda: f"requests to both: {requests_of(lab)}", 0.5)
        the_analytics_server_lists_all_and_takes_none(lab)
        nobody_has_more_rights_than_needed(lab)
        what_is_published_is_on_loopback(lab)
        lab.walk.compose("kill", "server-kafka-2")
        lab.walk.wait_for_mails(["kafka"], lab.walk.mails(), 60)


def the_lesson_loses_and_balances(lab):
    """Beside http done carefully: its losses are told by their cause, its store's death among them."""
    lesson, server = "http+ese-store", "server-http-ese-store"

    def stored():
        return lab.walk.metric(server, 2001, "ese_store_events_total")
    with walking(lab, ESE_TRANSPORTS="http,http-ese-store"):
        lab.walk.wait_for_mails([lesson], {}, 60)
        lost = must_balance(lab)[lesson]["ledger"]["lost_by"]
        assert lost["clash"] > 0 and lost["death"] == lost["other"] == 0, lost
        lab.walk.compose("kill", "consumer-http-ese-store")
        before = stored()
        wait_for(lambda: stored() > before + 100, 60, lambda: f"100 more than {before}: {stored()}", 0.5)
        lab.walk.compose("kill", server)
        lab.walk.compose("start", server, "consumer-http-ese-store")
        lab.walk.wait_for_mails([lesson], lab.walk.mails(), 60)
        found = must_balance(lab)
        lost = found[lesson]["ledger"]["lost_by"]
        assert lost["death"] > 0 and lost["other"] == 0 == found["http"]["ledger"]["lost"], (lost, found["http"]["ledger"])


def webhook_pushes_into_a_container(lab):
    """Who receives dies, and who pushes: what was stored comes all the same, once the two know each other again."""
    server, consumer = "server-webhook", "consumer-webhook"

    def stored():
        return lab.walk.metric(server, 2001, "ese_store_events_total")
    with walking(lab, ESE_TRANSPORTS="webhook"):
        lab.walk.wait_for_mails(["webhook"], {}, 60)
        for killed in (consumer, server):
            before = stored()
            lab.walk.compose("kill", killed)
            if killed == consumer:
                wait_for(lambda: stored() > before + 40, 60, lambda: f"40 more than {before}: {stored()}", 0.5)
            lab.walk.compose("start", killed)
            lab.walk.wait_for_mails(["webhook"], lab.walk.mails(), 60)
        found = must_balance(lab)["webhook"]["ledger"]
        assert found["lost"] == found["reordered"] == 0, found


def cluster_outlives_a_broker(lab):
    members = ("consumer-kafka", "consumer-kafka-2", "consumer-kafka-3")

    def held():
        return [lab.walk.metric(name, 2004, "ese_consumer_partitions") for name in members]
    with walking(lab, ESE_TRANSPORTS="kafka,cluster", ESE_DURABILITY="replicas"):
        wait_for(lambda: min(held()) > 0, 60, lambda: f"partitions for each member: {held()}", 0.5)
        lab.walk.compose("kill", "kafka-2")
        lab.walk.wait_for_mails(["kafka"], lab.walk.mails(), 90)


def a_newer_compose_does_the_same(lab):
    """Its `down` takes only what is chosen; all of it, where all is."""
    program = second_version(lab.engine)
    print("# " + run(program, "version").strip())
    with walking(lab, program, ESE_TRANSPORTS="http,kafka"):
        must_balance(lab)
        go_down(lab, COMPOSE_PROFILES="*")
        lab.walk.compose("up", "--detach", "--no-build", timeout=300)
        lab.walk.wait_until_well(90)


NEEDED = ()
CASES = (webhook_pushes_into_a_container, cluster_outlives_a_broker, a_newer_compose_does_the_same)
LONG = (the_lesson_loses_and_balances, scale_shares_the_requests_out) # where they are named
