#!/usr/bin/python3
"""webhook_signatures.py CALLER - signatures of pushes (transports/webhook/signature.h) against a second implementation,
written here from the specification alone, in both directions: each verifies the other's, and refuses what was changed, is
old, or is not signed. TAP.

The specification: github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md, version 1.0.0.
"""
import base64
import hashlib
import hmac
import os
import subprocess
import sys
import tempfile

from ese_program import run

CALLER = os.path.abspath(sys.argv[1])
NOW = 1700000000
TOLERANCE_S = 300
ID = "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W"
# Of all lengths that are allowed, and where the base64 is padded by none, one and two; of all bytes that there are.
KEYS = [bytes(range(24)), bytes(range(200, 225)), b"\xff" * 32, b"\0" * 47, bytes(range(100, 164))]
BODIES = [b"", b"{}", b'{"type": "KEY_PRESSED", "ip": "203.0.113.7"}', "{\"d\": \"Gr\u00fc\u00dfe\"}".encode(), b"a.b\r\n.c",
          bytes(range(256)) * 300]


# ---- the other implementation ---------------------------------------------------------------------------------------

def secret_of(key):
    return "whsec_" + base64.b64encode(key).decode()


def sign(key, name, seconds, body):
    code = hmac.new(key, f"{name}.{seconds}.".encode() + body, hashlib.sha256).digest()
    return "v1," + base64.b64encode(code).decode()


def verifies(keys, name, seconds, body, signature, now):
    """Whether a receiver that knows these keys takes it."""
    if not (name and seconds and signature) or not seconds.isdigit() or abs(now - int(seconds)) > TOLERANCE_S:
        return False
    given = [one.split(",", 1)[1] for one in signature.split(" ") if one.startswith("v1,")]
    wanted = [sign(key, name, seconds, body)[3:] for key in keys]
    return any(hmac.compare_digest(one, other) for one in given for other in wanted)


# ---- ours -----------------------------------------------------------------------------------------------------------

class Ours:
    """Signs and verifies with the secrets of these keys."""

    def __init__(self, *keys):
        self.place = tempfile.TemporaryDirectory(prefix="ese-webhook-")
        self.file = os.path.join(self.place.name, "secrets")
        with open(os.open(self.file, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="ascii") as file:
            file.writelines(secret_of(key) + "\n" for key in keys)

    def call(self, body, *words):
        done = subprocess.run([CALLER, self.file, *words], input=body, stdout=subprocess.PIPE, timeout=20, check=False)
        assert done.returncode in (0, 1), (done.returncode, done.stdout, words)
        return done.returncode, done.stdout.decode().rstrip("\n")

    def sign(self, name, seconds, body):
        status, said = self.call(body, "sign", name, str(seconds))
        assert status == 0, said
        return said

    def verify(self, name, seconds, body, signature, now=NOW):
        """What is wrong with it; None: nothing."""
        status, said = self.call(body, "verify", name or "-", seconds or "-", signature or "-", str(now))
        assert status == 1 or said == "verified", said
        return said if status == 1 else None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.place.cleanup()


# ---- cases ----------------------------------------------------------------------------------------------------------

def each_takes_the_other_s():
    for key in KEYS:
        with Ours(key) as ours:
            for body in BODIES:
                signature = ours.sign(ID, NOW, body)
                assert signature == sign(key, ID, NOW, body), (key, body, signature)
                assert verifies([key], ID, str(NOW), body, signature, NOW), (key, body, signature)
                assert ours.verify(ID, str(NOW), body, sign(key, ID, NOW, body)) is None, (key, body)


def both_refuse_what_was_changed():
    key, body = KEYS[0], BODIES[2]
    with Ours(key) as ours:
        signature = ours.sign(ID, NOW, body)
        changed = [(ID, str(NOW), body + b" ", signature), (ID, str(NOW), b"", signature),
                   (ID, str(NOW), body.replace(b"113.7", b"113.8"), signature),
                   (ID + "x", str(NOW), body, signature), ("evt_1", str(NOW), body, signature),
                   (ID, str(NOW + 1), body, signature), (ID, str(NOW), body, sign(KEYS[1], ID, NOW, body)),
                   (ID, str(NOW), body, signature[:-2] + "="), (ID, str(NOW), body, signature.replace("v1,", "v1a,")),
                   (ID, str(NOW), body, "v1,"), (ID, str(NOW), body, signature[3:])]
        for one in changed:
            assert not verifies([key], *one, NOW), one
            assert "none fits" in (ours.verify(*one) or ""), one
        for place in range(len(body)):
            one = body[:place] + bytes([body[place] ^ 1]) + body[place + 1:]
            assert not verifies([key], ID, str(NOW), one, signature, NOW), one
        assert ours.verify(ID, str(NOW), body, signature) is None


def both_refuse_what_is_old_or_of_the_future():
    key, body = KEYS[2], BODIES[1]
    with Ours(key) as ours:
        for apart, word in ((0, None), (TOLERANCE_S, None), (-TOLERANCE_S, None), (TOLERANCE_S + 1, "too old"),
                            (-TOLERANCE_S - 1, "too new"), (NOW, "too old")):
            signature = ours.sign(ID, NOW - apart, body)
            assert verifies([key], ID, str(NOW - apart), body, signature, NOW) == (word is None), apart
            said = ours.verify(ID, str(NOW - apart), body, signature)
            assert (said is None) if word is None else word in (said or ""), (apart, said)


def both_refuse_what_is_not_signed():
    key, body = KEYS[3], BODIES[1]
    with Ours(key) as ours:
        whole = {"webhook-id": ID, "webhook-timestamp": str(NOW), "webhook-signature": sign(key, ID, NOW, body)}
        for lacking in whole:
            name, seconds, signature = (None if header == lacking else value for header, value in whole.items())
            assert not verifies([key], name, seconds, body, signature, NOW), lacking
            assert f"{lacking} is missing" in (ours.verify(name, seconds, body, signature) or ""), lacking
        for seconds in ("soon", "-1", f"{NOW}.0", f" {NOW}"):
            assert "webhook-timestamp must be" in (ours.verify(ID, seconds, body, sign(key, ID, seconds, body)) or "")


def a_secret_is_exchanged_without_a_gap():
    old, new, body = KEYS[0], KEYS[4], BODIES[2]
    with Ours(old) as before, Ours(new, old) as between, Ours(new) as after:
        both = between.sign(ID, NOW, body)
        assert both == f"{sign(new, ID, NOW, body)} {sign(old, ID, NOW, body)}", both
        for keys in ([old], [new], [old, new]):
            assert verifies(keys, ID, str(NOW), body, both, NOW), keys
        for ours in (before, between, after):
            assert ours.verify(ID, str(NOW), body, both) is None
        assert between.verify(ID, str(NOW), body, sign(old, ID, NOW, body)) is None
        assert "none fits" in after.verify(ID, str(NOW), body, sign(old, ID, NOW, body))


if __name__ == "__main__":
    sys.exit(run((each_takes_the_other_s, both_refuse_what_was_changed, both_refuse_what_is_old_or_of_the_future,
                  both_refuse_what_is_not_signed, a_secret_is_exchanged_without_a_gap)))
