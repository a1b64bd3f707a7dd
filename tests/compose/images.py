"""The images of a test: the base and the stand-ins for what only an image registry has; and what is in ours."""
import io
import os
import pathlib
import shutil
import subprocess
import tarfile
import tempfile

from engine import run

HERE = pathlib.Path(__file__).resolve().parent
TREE = HERE.parent.parent
HOME = pathlib.Path(os.environ.get("ESE_LAB_HOME", TREE / ".lab"))
JARS = HOME / "kafka/libs"
BASE = "debian:trixie-slim"
BASE_TAR = HOME / "compose/trixie.tar"
PROGRAMS = ("client", "server", "consumer", "mailer", "lab")


def make_base_tar():
    """Filled beside its place and moved there whole."""
    BASE_TAR.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=BASE_TAR.parent) as directory:
        root, filling = os.path.join(directory, "root"), os.path.join(directory, "trixie.tar")
        run("debootstrap", "--variant=minbase", "trixie", root)
        shutil.rmtree(os.path.join(root, "var/cache/apt/archives"))
        run("tar", "--create", "--file", filling, "--directory", root, "--one-file-system", ".")
        os.rename(filling, BASE_TAR)


def provide_base(engine):
    if engine.has_image(BASE):
        return
    if engine.own:
        if not BASE_TAR.exists():
            make_base_tar()
        engine.docker("import", BASE_TAR, BASE)
    else:
        engine.docker("pull", BASE)


def context_of(name):
    """A stand-in's folder as one tar, with the broker's jars where it asks for them."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as tar:
        tar.add(HERE / "stand-ins" / name, arcname=".")
        if name == "kafka":
            for jar in sorted(JARS.glob("*.jar")):
                tar.add(jar.resolve(), arcname=f"libs/{jar.name}")
    return packed.getvalue()


def build_stand_in(engine, name):
    with subprocess.Popen(["docker", "build", "--quiet", "--build-arg", f"BASE_IMAGE={BASE}",
                           "--tag", f"ese-stand-in/{name}", "-"], env=engine.environment, stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as build:
        said, _ = build.communicate(context_of(name), timeout=600)
        assert build.returncode == 0, said.decode(errors="replace")[-3000:]


def members_of(engine, image):
    """Everything in an image, as tar has it."""
    container = engine.docker("create", image, "nothing").strip()
    try:
        with subprocess.Popen(["docker", "export", container], env=engine.environment,
                              stdout=subprocess.PIPE) as export:
            with tarfile.open(fileobj=export.stdout, mode="r|") as tar:
                return list(tar)
    finally:
        engine.docker("rm", container)


def files_of(engine, image):
    """Everything in an image but directories."""
    return {"/" + member.name for member in members_of(engine, image) if not member.isdir()}


def owners_below(engine, image, path):
    """Who owns a directory, and whatever lies in it: {path: (owner, group)}."""
    found = {"/" + member.name: (member.uid, member.gid) for member in members_of(engine, image)}
    return {name: owner for name, owner in found.items() if name == path or name.startswith(f"{path}/")}


def size_of(engine, image):
    return int(engine.docker("image", "inspect", "--format", "{{.Size}}", image))


def second_version(engine):
    """Compose v2, as trixie has it: its package, fetched by trixie's own apt and unpacked."""
    home = BASE_TAR.parent / "docker-compose-v2"
    program = home / "usr/libexec/docker/cli-plugins/docker-compose"
    if not program.exists():
        name = engine.docker("create", BASE, "sh", "-c",
                             "apt-get update && cd /tmp && apt-get download docker-compose && mv *.deb /package").strip()
        try:
            engine.docker("start", "--attach", name)
            with tempfile.TemporaryDirectory(dir=BASE_TAR.parent) as directory:
                engine.docker("cp", f"{name}:/package", directory)
                run("dpkg-deb", "-x", f"{directory}/package", f"{directory}/root")
                os.rename(f"{directory}/root", home)
        finally:
            engine.docker("rm", name)
    return program
