"""What the images are, before anything runs."""
import os

import images


def the_base_is_there(lab):
    images.provide_base(lab.engine)


def the_images_are_built(lab):
    lab.walk.compose("build", "--quiet", timeout=900)


def the_stand_ins_are_built(lab):
    for name in ("mailpit", "kafka"):
        images.build_stand_in(lab.engine, name)


def an_image_holds_its_program_and_what_it_links(lab):
    base = images.files_of(lab.engine, images.BASE)
    base_size = images.size_of(lab.engine, images.BASE)
    for name in images.PROGRAMS:
        image = f"ese-lab/{name}"
        added = set(images.files_of(lab.engine, image)) - set(base)
        added -= {"/.dockerenv", "/etc/mtab"}
        linked = lab.engine.docker("run", "--rm", "--network", "none", "--entrypoint", "ldd", image,
                                   f"/usr/bin/ese-{name}")
        libraries = {line.split()[2] for line in linked.splitlines() if "=> /" in line}
        own = {f"/usr/bin/ese-{name}"} | ({"/usr/share/ese-lab/topics.conf"} if name == "lab" else set())
        assert "not found" not in linked, linked
        assert added <= own | {os.path.join("/usr", path.lstrip("/")) for path in libraries} | libraries, added
        size = images.size_of(lab.engine, image)
        print(f"# {image}: {size / 1e6:.1f} MB, {(size - base_size) / 1e6:.1f} MB more than {images.BASE}")


NEEDED = (the_base_is_there, the_images_are_built, the_stand_ins_are_built)
CASES = (*NEEDED, an_image_holds_its_program_and_what_it_links)
