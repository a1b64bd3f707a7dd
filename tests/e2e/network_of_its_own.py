"""A network that the test makes for itself (namespaces(7)): one machine, with loopback and an address beyond it, and names
for both. Nothing that is sent leaves it, and nobody else's port is in the way."""
import fcntl
import os
import socket
import struct
import subprocess
import sys
import tempfile

ADDRESS = "192.0.2.1"  # nobody's: RFC 5737
NAME = "stranger.test"  # whose address that is: RFC 6761
INSIDE = "ESE_TEST_NETWORK"
SIOCGIFFLAGS, SIOCSIFFLAGS, SIOCSIFADDR, SIOCSIFNETMASK = 0x8913, 0x8914, 0x8916, 0x891C  # linux/sockios.h
IFF_UP = 1


def can_be_had(*options):
    return subprocess.run(["unshare", *options, "true"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                          check=False).returncode == 0


def set_address(control, request, interface, address):
    name = struct.pack("16sH2x4s8x", interface, socket.AF_INET, socket.inet_aton(address))
    fcntl.ioctl(control, request, name)


def set_up():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        flags = struct.unpack("16sH", fcntl.ioctl(control, SIOCGIFFLAGS, struct.pack("16sH", b"lo", 0))[:18])[1]
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", flags | IFF_UP))
        set_address(control, SIOCSIFADDR, b"lo:1", ADDRESS)
        set_address(control, SIOCSIFNETMASK, b"lo:1", "255.255.255.255")
    with tempfile.NamedTemporaryFile("w", prefix="ese-test-") as hosts:
        hosts.write(f"127.0.0.1 localhost\n::1 localhost\n{ADDRESS} {NAME}\n")
        hosts.flush()
        os.chmod(hosts.name, 0o644)
        subprocess.run(["mount", "--bind", hosts.name, "/etc/hosts"], check=True)


def enter():
    """Goes on within it, as the same program; or ends the test as skipped where none can be made."""
    if os.environ.get(INSIDE):
        set_up()
        return
    ways = [way for way in (("--net", "--mount"), ("--user", "--map-root-user", "--net", "--mount")) if can_be_had(*way)]
    if not ways:
        print("1..0 # SKIP no network namespace can be made here")
        sys.exit(0)
    os.environ[INSIDE] = "1"
    os.execvp("unshare", ["unshare", *ways[0], sys.executable, *sys.argv])
