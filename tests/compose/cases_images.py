"""What the images and the configuration are, before anything runs."""
import collections
import difflib
import json
import os
import tempfile

import images
from walk import FILES, Walk


def the_base_is_there(lab):
    images.provide_base(lab.engine)


def the_images_are_built(lab):
    lab.walk.compose("build", "--quiet", timeout=900)


def the_stand_ins_are_built(lab):
    for name in ("mailpit", "kafka", "haproxy", "prometheus"):
        images.build_stand_in(lab.engine, name)


OF_THE_LAB = ("/usr/share/ese-lab/topics.conf", "/usr/share/javascript/dygraphs/dygraph.min.js")  # of what its report is drawn


def an_image_holds_its_program_and_what_it_links(lab):
    base = images.files_of(lab.engine, images.BASE)
    base_size = images.size_of(lab.engine, images.BASE)
    for name in images.PROGRAMS:
        image = f"ese-lab/{name}"
        added = images.files_of(lab.engine, image) - base
        added -= {"/.dockerenv", "/etc/mtab"}
        linked = lab.engine.docker("run", "--rm", "--network", "none", "--entrypoint", "ldd", image,
                                   f"/usr/bin/ese-{name}")
        libraries = {line.split()[2] for line in linked.splitlines() if "=> /" in line}
        own = {f"/usr/bin/ese-{name}", *(OF_THE_LAB if name == "lab" else ())}
        assert "not found" not in linked, linked
        assert added <= own | {os.path.join("/usr", path.lstrip("/")) for path in libraries} | libraries, added
        size = images.size_of(lab.engine, image)
        print(f"# {image}: {size / 1e6:.1f} MB, {(size - base_size) / 1e6:.1f} MB more than {images.BASE}")


CHOICES = ({"ESE_TRANSPORTS": "http", "ESE_DURABILITY": "memory"},
           {"ESE_TRANSPORTS": "http-ese-store,http,kafka"},
           {"ESE_TRANSPORTS": "webhook,kafka"},
           {"ESE_TRANSPORTS": "kafka,ui", "ESE_VIA": "direct"},
           {"ESE_TRANSPORTS": "http,kafka", "ESE_CONSUMERS": "3", "ESE_RULE_COST_US": "4000"},
           {"ESE_TRANSPORTS": "http,kafka,scale", "ESE_DURABILITY": "disk", "ESE_VIA": "haproxy"},
           {"ESE_TRANSPORTS": "kafka,cluster,observability", "ESE_DURABILITY": "replicas"})
EVERYTHING = {"COMPOSE_PROFILES": "http,http-ese-store,webhook,kafka,scale,cluster,observability,ui"}


def walks(lab):
    """One a version of docker-compose."""
    return (lab.walk, Walk(lab.engine, images.second_version(lab.engine)))


def every_choice_is_valid(lab):
    for walk in walks(lab):
        for choice in CHOICES:
            walk.compose("config", "--quiet", files=FILES[:1], settings=choice)


def the_group_is_as_large_as_asked_for(lab):
    _, newer = walks(lab)  # which says which services there are of those chosen
    for number in ("1", "2", "3"):
        told = newer.compose("config", "--services", files=FILES[:1], settings={"ESE_CONSUMERS": number}).split()
        members = sorted(name for name in told if name.startswith("consumer-kafka"))
        assert members == ["consumer-kafka", "consumer-kafka-2", "consumer-kafka-3"][:int(number)], told
        for walk in walks(lab):
            told = walk.compose("config", files=FILES[:1], settings={"ESE_CONSUMERS": number})
            assert f"ESE_TRANSPORTS: http,kafka,consumers-{number}" in told, told
    for walk in walks(lab):
        try:
            walk.compose("config", "--quiet", files=FILES[:1], settings={"ESE_CONSUMERS": "4"})
        except AssertionError as problem:
            assert "consumers/4.env" in str(problem), problem
        else:
            raise ValueError("a group of four was taken")


def other_lines(walk, files):
    """What those files change in the user's own, but for the names of images."""
    ours, others = (walk.compose("config", files=some, settings=EVERYTHING).splitlines() for some in (FILES[:1], files))
    assert any("kafka-ui" in line for line in ours) and ours != others
    return [line for line in difflib.unified_diff(ours, others, n=0, lineterm="")
            if not line.startswith(("---", "+++", "@@")) and not line[1:].strip().startswith("image: ")]


def what_is_tested_is_the_users_file(lab):
    """The overlay gives images other names, and does nothing else."""
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as planted:
        planted.write("services: {kafka: {image: other, mem_limit: 600m}}\n")
        planted.flush()
        for walk in walks(lab):
            assert other_lines(walk, FILES) == [], other_lines(walk, FILES)
            assert other_lines(walk, (FILES[0], planted.name)) != []


def too_free(walk, files):
    """Who may do or take more than is needed, of all there are; those that run nowhere here, too."""
    told = json.loads(walk.compose("config", "--format", "json", files=files, settings=EVERYTHING))
    assert len(told["services"]) > 20 and "server-kafka-analytics" in told["services"], told["services"].keys()
    for name, service in told["services"].items():
        if service["cap_drop"] != ["ALL"] or service["security_opt"] != ["no-new-privileges:true"]:
            yield f"{name}: rights"
        if not service.get("read_only") and name not in ("kafka", "kafka-2", "kafka-3"):
            yield f"{name}: its root can be written to"
        if not service.get("mem_limit") or not service["logging"]["options"].get("max-size"):
            yield f"{name}: no limit"
        if not all(port.get("host_ip") == "127.0.0.1" for port in service.get("ports", ())):
            yield f"{name}: {service['ports']}"


def nobody_is_freer_than_needed(lab):
    _, walk = walks(lab)
    assert not list(too_free(walk, FILES[:1])), list(too_free(walk, FILES[:1]))
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as planted:
        planted.write("services: {server-kafka-analytics: {read_only: false, ports: ['2004:2001']}}\n")
        planted.flush()
        assert len(list(too_free(walk, (FILES[0], planted.name)))) == 2


OWNER = (10001, 10001)


def shared(walk, files):
    """Images, each with where it has a volume that others have, too."""
    services = json.loads(walk.compose("config", "--format", "json", files=files, settings=EVERYTHING))["services"]
    mounts = [(volume["source"], service["image"], volume["target"]) for service in services.values()
              for volume in service.get("volumes", ()) if volume["type"] == "volume"]
    count = collections.Counter(source for source, *_ in mounts)
    return {(image, target) for source, image, target in mounts if count[source] > 1}


def copied_at_once(lab, walk, files):
    """What an engine would copy into a new volume for several containers at once, of which one could fail; and whom it
    would belong to."""
    for image, target in sorted(shared(walk, files)):
        if (found := images.owners_below(lab.engine, image, target)) != {target: OWNER}:
            yield f"{image}: {found}"


def nothing_is_copied_into_what_is_shared(lab):
    _, walk = walks(lab)
    runs = {(f"ese-lab/{name}", "/var/lib/ese/run") for name in images.PROGRAMS}
    assert shared(walk, FILES[:1]) == runs, shared(walk, FILES[:1])
    assert not list(copied_at_once(lab, walk, FILES[:1])), list(copied_at_once(lab, walk, FILES[:1]))
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as planted:
        planted.write("services: {client-http: {volumes: ['runs:/usr']}, mailer: {volumes: ['runs:/var']}}\n")
        planted.flush()
        assert len(list(copied_at_once(lab, walk, (FILES[0], planted.name)))) == 2


NEEDED = (the_base_is_there, the_images_are_built, the_stand_ins_are_built)
CASES = (*NEEDED, every_choice_is_valid, the_group_is_as_large_as_asked_for, what_is_tested_is_the_users_file,
         nobody_is_freer_than_needed, nothing_is_copied_into_what_is_shared, an_image_holds_its_program_and_what_it_links)
