#!/usr/bin/python3
"""The whole lab in containers, as docker-compose up brings it to who has Docker and the clone. TAP.

    test_compose.py [--own-engine]

Uses the Docker engine that is there, under a project name of its own. With --own-engine (or ESE_OWN_ENGINE=1), as
root, it starts one, which needs docker.io, docker-compose, debootstrap and iptables, and takes it away again.
"""
import json
import os
import shutil
import sys
import tempfile
import time

import images
from engine import Engine, OwnEngine
from walk import Walk

SIDES = ("http", "kafka")
MOST_MEMORY = 1536 << 20


class Compose:
    """The cases, in their order: one walk goes through all of them."""

    def __init__(self, engine):
        self.engine = engine
        self.walk = Walk(engine)
        self.mails = {}

    # ---- images ----

    def the_base_is_there(self):
        images.provide_base(self.engine)

    def the_images_are_built(self):
        self.walk.compose("build", "--quiet", timeout=900)

    def the_stand_ins_are_built(self):
        for name in ("mailpit", "kafka"):
            images.build_stand_in(self.engine, name)

    def an_image_holds_its_program_and_what_it_links(self):
        base = images.files_of(self.engine, images.BASE)
        base_size = images.size_of(self.engine, images.BASE)
        for name in images.PROGRAMS:
            image = f"ese-lab/{name}"
            added = set(images.files_of(self.engine, image)) - set(base)
            added -= {"/.dockerenv", "/etc/mtab"}
            linked = self.engine.docker("run", "--rm", "--network", "none", "--entrypoint", "ldd", image,
                                        f"/usr/bin/ese-{name}")
            libraries = {line.split()[2] for line in linked.splitlines() if "=> /" in line}
            own = {f"/usr/bin/ese-{name}"} | ({"/usr/share/ese-lab/topics.conf"} if name == "lab" else set())
            assert "not found" not in linked, linked
            assert added <= own | {os.path.join("/usr", path.lstrip("/")) for path in libraries} | libraries, added
            size = images.size_of(self.engine, image)
            print(f"# {image}: {size / 1e6:.1f} MB, {(size - base_size) / 1e6:.1f} MB more than {images.BASE}")

    # ---- the default walk ----

    def it_comes_up_healthy(self):
        self.walk.compose("up", "--detach", "--no-build", timeout=300)
        self.walk.wait_until_well(90)

    def events_become_mails_on_all_sides(self):
        self.mails = self.walk.wait_for_mails(SIDES, {}, 60)

    def it_fits_its_memory(self):
        limits = {name: container["HostConfig"]["Memory"] for name, container in self.walk.containers().items()}
        assert all(limits.values()) and sum(limits.values()) <= MOST_MEMORY, limits

    def what_is_published_is_on_loopback(self):
        for name, container in self.walk.containers().items():
            for bindings in container["HostConfig"]["PortBindings"].values():
                assert all(one["HostIp"] == "127.0.0.1" for one in bindings), (name, bindings)

    def it_goes_down_soon_and_leaves_nothing(self):
        began = time.monotonic()
        self.walk.compose("down")
        assert time.monotonic() - began < 15, time.monotonic() - began
        assert self.walk.containers() == {}
        networks = self.engine.docker("network", "ls", "--format", "{{.Name}}").split()
        assert not [name for name in networks if name.startswith(self.walk.name)], networks

    def close(self):
        """Whatever became of it."""
        self.walk.compose("down", "--volumes", "--remove-orphans", check=False)

    NEEDED = (the_base_is_there, the_images_are_built, the_stand_ins_are_built, it_comes_up_healthy)
    CASES = (the_base_is_there, the_images_are_built, the_stand_ins_are_built,
             an_image_holds_its_program_and_what_it_links, it_comes_up_healthy, events_become_mails_on_all_sides,
             it_fits_its_memory, what_is_published_is_on_loopback, it_goes_down_soon_and_leaves_nothing)


def tell(number, name, test):
    """One case, in TAP, with the seconds it took. Whether it passed."""
    began = time.monotonic()
    try:
        test()
        word = "ok"
    except Exception as problem:  # pylint: disable=broad-except # a broken test is a failed one
        word = "not ok"
        print("# " + f"{type(problem).__name__}: {problem}".replace("\n", "\n# "))
    print(f"{word} {number} - {name}\n# {time.monotonic() - began:.1f} s", flush=True)
    return word == "ok"


def choose_engine(own):
    if not own:
        engine = Engine()
        return engine if engine.answers() else None
    if os.geteuid() != 0:
        sys.exit("--own-engine: only root can start one")
    directory = tempfile.mkdtemp(prefix="ese-engine-")
    os.rmdir(directory)
    return OwnEngine(directory)


def missing():
    """Why there is nothing to test here, or None."""
    if shutil.which("docker-compose") is None:
        return "no docker-compose"
    if not images.JARS.is_dir():
        return f"no jars of a broker in {images.JARS}"
    return None


def main():
    why_not = missing()
    engine = None if why_not else choose_engine("--own-engine" in sys.argv or os.environ.get("ESE_OWN_ENGINE") == "1")
    if engine is None:
        print(f"1..0 # SKIP {why_not or 'no Docker engine answers; --own-engine, as root, starts one'}")
        return
    failed = 0
    print(f"1..{len(Compose.CASES) + 1}")
    compose = Compose(engine)
    try:
        for number, test in enumerate(Compose.CASES, 1):
            passed = tell(number, test.__name__, lambda test=test: test(compose))
            failed += not passed
            if not passed and test in Compose.NEEDED:
                print(f"Bail out! nothing goes on without it: {test.__name__}", flush=True)
                break
    finally:
        compose.close()
        failed += not tell(len(Compose.CASES) + 1, "the_engine_is_gone", engine.close)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
