"""The rule that waits once more, written from its description and sharing nothing with the lab: an order that was created
and, within five seconds, not completed, gives one mail."""
import hashlib

STUCK_AFTER_MS = 5000
WORDS = ("ORDER_CREATED", "ORDER_COMPLETED")


def decision_id(key, event):
    """A UUID of version 8, as its 16 bytes, of the id behind it."""
    name = bytearray(hashlib.sha256(b"stuck-order:" + key.encode() + b"\0" + event).digest()[:16])
    name[6] = 0x80 | name[6] & 0x0f
    name[8] = 0x80 | name[8] & 0x3f
    return bytes(name)


def chains(events):
    """Of (key, client_ts, id, word) of orders' events, each key's in order: their windows, as [(key, [id ...], words) ...]."""
    found, last = [], {}
    for key, client_ts, event, word in events:
        if key not in last or client_ts > last[key][0] + STUCK_AFTER_MS:
            last[key] = client_ts, (key, [], [])
            found.append(last[key][1])
        last[key][1][1].append(event)
        last[key][1][2].append(word)
    return found


def decisions(chain):
    """The id of the mail that a window gives, if it gives one."""
    key, events, words = chain
    return [] if "ORDER_COMPLETED" in words else [decision_id(key, events[0])]
