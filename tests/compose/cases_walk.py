"""The walk as plain docker-compose up begins it, what may happen to it, and its second day."""
import json
import time

from cases_walkthrough import the_walkthrough_shows_what_comes, what_does_not_come_is_told
from images import TREE
from waiting import wait_for

SIDES = ("http", "kafka")
MOST_MEMORY = 1536 << 20
CABLE_SECONDS = 8  # a busy machine took 15 s and more until events were taken again, and a sender tries for 30
MAILER_SESSIONS = 4  # its default: as many mails may be unknown after it stood still
JVM_TERMINATED = 143


def must_balance(lab):
    """Judged by the lab in its container, and, of the mails, by who has received them. What the judge found."""
    status, found = lab.walk.check()
    assert status == 0, (status, json.dumps(found)[:4000])
    for name, count in lab.walk.mails().items():
        doubled = {decision: times for decision, times in count.items() if times != 1}
        assert not doubled, (name, doubled)
        assert len(count) >= found[name]["mails"]["arrived"], (name, len(count), found[name]["mails"])
    return found


def go_on_for(lab, events):
    """Until each side has stored so many more."""
    before = lab.walk.stored()

    def have_come():
        now = lab.walk.stored()
        return all(now[name] >= before[name] + events for name in SIDES)
    wait_for(have_come, 60, lambda: f"{events} events more than {before}: {lab.walk.stored()}", 0.5)


def it_comes_up_healthy(lab):
    began = time.monotonic()
    lab.walk.compose("up", "--detach", "--no-build", timeout=300)
    lab.walk.wait_until_well(90)
    print(f"# all healthy after {time.monotonic() - began:.1f} s")


def prometheus_looks_on(lab):
    lab.walk.compose("up", "--detach", "--no-build", "--no-deps", "prometheus",
                     settings={"ESE_TRANSPORTS": "http,kafka,observability"})
    lab.walk.wait_until_well(60)


def events_become_mails_on_all_sides(lab):
    lab.walk.wait_for_mails(SIDES, {}, 60)


def the_lab_prints_both_side_by_side(lab):
    def is_there():
        said = lab.walk.log("lab")
        return any(line.split()[-2:] == list(SIDES) for line in said.splitlines()) and "VERDICT" in said
    wait_for(is_there, 30, lambda: lab.walk.log("lab"), 0.5)


def it_fits_its_memory(lab):
    limits = {name: container["HostConfig"]["Memory"] for name, container in lab.walk.containers().items()}
    assert all(limits.values()) and sum(limits.values()) <= MOST_MEMORY, limits


def nobody_has_more_rights_than_needed(lab):
    for name, container in lab.walk.containers().items():
        config, host = container["Config"], container["HostConfig"]
        assert host["CapDrop"] == ["ALL"] and not host["CapAdd"] and not host["Privileged"], name
        assert "no-new-privileges:true" in host["SecurityOpt"], (name, host["SecurityOpt"])
        assert host["ReadonlyRootfs"] or name == "kafka", name
        assert host["LogConfig"]["Config"] == {"max-size": "1m", "max-file": "3"}, (name, host["LogConfig"])
        if config["Image"].startswith("ese-lab/"):
            assert config["User"] == "10001:10001", (name, config["User"])
            check = config["Healthcheck"]["Test"]
            assert check == ["NONE"] or check[0] == "CMD" and check[1].startswith("ese-"), (name, check)


def what_is_published_is_on_loopback(lab):
    for name, container in lab.walk.containers().items():
        for bindings in container["HostConfig"]["PortBindings"].values():
            assert all(one["HostIp"] == "127.0.0.1" for one in bindings), (name, bindings)


def the_books_balance(lab):
    must_balance(lab)


def consumers_that_were_killed_go_on(lab):
    go_on_for(lab, 50)
    lab.walk.compose("kill", "consumer-http", "consumer-kafka")
    go_on_for(lab, 100)
    before = lab.walk.mails()
    lab.walk.compose("start", "consumer-http", "consumer-kafka")
    lab.walk.wait_for_mails(SIDES, before, 60)
    must_balance(lab)


def the_cable_of_kafka_may_be_pulled(lab):
    before = lab.walk.mails()
    began = time.monotonic()
    with lab.walk.cable_pulled("kafka"):
        time.sleep(CABLE_SECONDS)  # that long is the fault
    print(f"# the cable was out for {time.monotonic() - began:.1f} s")
    lab.walk.wait_until_well(60)
    lab.walk.wait_for_mails(SIDES, {name: before[name] for name in SIDES}, 60)
    found = must_balance(lab)
    assert found["kafka"]["ledger"]["not_sent"] == 0, found["kafka"]["ledger"]


def go_down(lab, **settings):
    since, began = time.time(), time.monotonic()
    lab.walk.compose("down", settings={"ESE_TRANSPORTS": "http,kafka,observability", **settings})
    seconds, ended = time.monotonic() - began, lab.walk.deaths(since)
    print(f"# down in {seconds:.1f} s")
    assert seconds < 15, seconds
    assert set(ended) >= {"kafka", "lab", "consumer-http", "server-kafka", "mailer"}, ended
    assert all(status == 0 or (name, status) == ("kafka", JVM_TERMINATED) for name, status in ended.items()), ended
    assert lab.walk.containers() == {}
    networks = lab.engine.docker("network", "ls", "--format", "{{.Name}}").split()
    assert not [name for name in networks if name.startswith(lab.walk.name)], networks


def every_panel_of_every_dashboard_has_data(lab):
    """Prometheus was there from the first case on; Grafana shows what it says."""
    panels = [(dashboard.stem, panel["title"], target["expr"])
              for dashboard in sorted((TREE / "orchestration/grafana/dashboards").glob("*.json"))
              for panel in json.loads(dashboard.read_text(encoding="utf-8"))["panels"] for target in panel["targets"]]
    assert len(panels) > 50, len(panels)

    def empty():
        return [panel for panel in panels if not lab.walk.prometheus_finds(panel[2])]
    wait_for(lambda: not empty(), 60, lambda: f"data for {empty()}", 1)
    assert not lab.walk.prometheus_finds("ese_no_such_metric")


def it_goes_down_soon_and_leaves_nothing(lab):
    lab.before_the_night = lab.walk.mails()
    go_down(lab)


def it_goes_on_where_it_stopped(lab):
    it_comes_up_healthy(lab)
    mails = lab.walk.wait_for_mails(SIDES, {name: lab.before_the_night[name] for name in SIDES}, 60)
    for name in SIDES:
        assert set(mails[name]) >= set(lab.before_the_night[name]), name
    must_balance(lab)


def each_check_tells_who_is_sick(lab):
    """Those that stand still do not answer; once they go on all is well, and nothing was lost."""
    prometheus_looks_on(lab)
    running = [name for name, state in lab.walk.states().items() if state == "healthy"]
    assert len(running) == 11, running
    lab.walk.compose("kill", "-s", "SIGSTOP", *running)
    wait_for(lambda: all(lab.walk.states()[name] == "unhealthy" for name in running), 90, lab.walk.states, 0.5)
    lab.walk.compose("kill", "-s", "SIGCONT", *running)
    lab.walk.wait_until_well(90)
    must_balance(lab)


def all_that_was_expected_has_arrived(lab):
    """Once nothing is on its way any more the two counts of the mails are the same, but for those that the
    mailer was in the middle of when all stood still: it hung up, does not know, and never sends twice."""
    lab.walk.compose("stop", *(f"client-{name}" for name in SIDES))
    found = must_balance(lab)
    mails = lab.walk.mails()
    for name in SIDES:
        assert found[name]["ledger"]["in_flight"] == 0, found[name]["ledger"]
        judged = found[name]["mails"]
        assert len(mails[name]) == judged["expected"] - judged["unknown"], (name, len(mails[name]), judged)
    assert sum(found[name]["mails"]["unknown"] for name in SIDES) <= MAILER_SESSIONS, found


def a_mail_that_comes_twice_is_told(lab):
    """Else a balanced ledger would prove nothing."""
    lab.walk.send_newest_mail_again()
    status, found = lab.walk.check()
    doubled = sum(found[name]["mails"]["doubled"] for name in SIDES)
    assert (status, doubled) == (1, 1), (status, doubled)


def down_with_another_choice_leaves_nothing(lab):
    go_down(lab, ESE_TRANSPORTS="http")


def a_choice_starts_nothing_else(lab):
    lab.walk.compose("up", "--detach", "--no-build", settings={"ESE_TRANSPORTS": "http"})
    made = set(lab.walk.containers())
    assert made == {"client-http", "server-http", "consumer-http", "mailer", "mailpit", "lab"}, made
    lab.walk.wait_until_well(60)
    lab.walk.compose("down", "--volumes")
    assert lab.walk.containers() == {}


NEEDED = (it_comes_up_healthy,)
CASES = (it_comes_up_healthy, it_fits_its_memory, prometheus_looks_on, events_become_mails_on_all_sides,
         the_lab_prints_both_side_by_side, nobody_has_more_rights_than_needed, what_is_published_is_on_loopback,
         the_books_balance, consumers_that_were_killed_go_on, every_panel_of_every_dashboard_has_data,
         the_cable_of_kafka_may_be_pulled, it_goes_down_soon_and_leaves_nothing, it_goes_on_where_it_stopped,
         the_walkthrough_shows_what_comes, what_does_not_come_is_told, each_check_tells_who_is_sick, all_that_was_expected_has_arrived, a_mail_that_comes_twice_is_told,
         down_with_another_choice_leaves_nothing, a_choice_starts_nothing_else)
