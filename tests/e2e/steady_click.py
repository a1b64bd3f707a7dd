"""The business rule once more, and the ids, written from their descriptions (contracts, id.h, decision.h) and sharing
nothing with the lab: three key presses of one ip, each at most a second after the one before, give one mail."""
import hashlib

GAP_MS = 1000
PRESSES = 3


def make_id(time_ms, lane, run, sequence):
    """A UUID of version 7, as its 16 bytes."""
    return (time_ms << 80 | 7 << 76 | lane << 64 | 2 << 62 | run << 32 | sequence).to_bytes(16, "big")


def place_of(event):
    """(run, lane, sequence) of an id's 16 bytes."""
    number = int.from_bytes(event, "big")
    return number >> 32 & (1 << 30) - 1, number >> 64 & 0xfff, number & 0xffffffff


def text_of(event):
    digits = event.hex()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def decision_id(key, events):
    """A UUID of version 8, as its 16 bytes, of the ids behind it."""
    name = bytearray(hashlib.sha256(b"steady-click:" + key.encode() + b"\0" + b"".join(events)).digest()[:16])
    name[6] = 0x80 | name[6] & 0x0f
    name[8] = 0x80 | name[8] & 0x3f
    return bytes(name)


def chains(presses):
    """Of (key, client_ts, id) of key presses, each key's in order: its maximal runs, as [(key, [id ...]) ...]."""
    found, last = [], {}
    for key, client_ts, event in presses:
        if key in last and abs(client_ts - last[key][0]) <= GAP_MS:
            chain = last[key][1]
        else:
            chain = (key, [])
            found.append(chain)
        chain[1].append(event)
        last[key] = client_ts, chain
    return found


def decisions(chain):
    """The ids of the mails that a chain gives."""
    key, events = chain
    return [decision_id(key, events[i:i + PRESSES]) for i in range(0, len(events) - PRESSES + 1, PRESSES)]
