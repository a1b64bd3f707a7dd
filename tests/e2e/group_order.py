"""What a group of consumers has processed, and in which order, told from its members' histories and the client's, with
nothing of the lab's: partitions change hands, and each key must stay in order all the same.

An event is processed when the position of its partition has passed it: as a member notes after its commit, or as whoever is
given the partition next is told it begins.
"""
import collections
import glob
import heapq
import os

import history

Seen = collections.namedtuple("Seen", "member record")


def offers_of(directory):
    """By id: its number in the order of offering, and its key. And which were acknowledged."""
    offers, acknowledged = {}, set()
    for record in history.records(os.path.join(directory, "client.history")):
        if record.kind == "offered":
            offers[record.id] = (len(offers), record.key)
        elif record.kind == "acknowledged":
            acknowledged.add(record.id)
    return offers, acknowledged


def members_of(directory):
    """By number, each with what it noted."""
    members = {}
    for path in glob.glob(os.path.join(directory, "consumer-*.history")):
        number = int(os.path.basename(path)[len("consumer-"):-len(".history")])
        members[number] = list(history.records(path))
    return members


def in_time(members):
    """All that they noted, in the order of time."""
    return heapq.merge(*([Seen(number, record) for record in records] for number, records in members.items()),
                       key=lambda seen: seen.record.time_ns)


class Partition:
    """What each member was handed of it, who owns it, and how far it has come. What a member is handed that no longer owns
    it, as it has not heard of that yet, it does not commit."""

    def __init__(self):
        self.handed = collections.defaultdict(dict)  # by member and offset: id, and whether it was had before
        self.owner, self.position = None, 0

    def advance(self, member, to):
        """The events that this passes; those had before are not processed again."""
        handed = self.handed[member]
        passed = [offset for offset in sorted(handed) if offset < to]
        for offset in passed:
            event, was_had = handed.pop(offset)
            if offset >= self.position and not was_had:
                yield event
        self.position = to


def processed_by(members):
    """Ids in the order of processing; and what is wrong with the commits."""
    partitions, processed, wrong = collections.defaultdict(Partition), [], []
    for number, record in in_time(members):
        partition = partitions[record.partition]
        if record.kind == "handed":
            partition.handed[number][record.a] = (record.id, record.aux == 1)
        elif record.kind == "committed":
            if record.a <= partition.position:
                wrong.append("member %d commits partition %d up to %d, which is at %d" % (
                    number, record.partition, record.a, partition.position))
            processed += partition.advance(number, record.a)
        elif record.kind == "given":
            if 0 <= record.a < partition.position:
                wrong.append("member %d is given partition %d at %d, which is at %d" % (
                    number, record.partition, record.a, partition.position))
            if record.a > partition.position:  # the last commit, of which there was no time to tell
                processed += partition.advance(partition.owner, record.a)
            partition.owner = number
    return processed, wrong


def faults(offers, acknowledged, members):
    """What is wrong, in words; nothing where all is well."""
    processed, wrong = processed_by(members)
    times = collections.Counter(processed)
    wrong += ["%s was processed %d times" % (event.hex(), count) for event, count in times.items() if count > 1]
    wrong += ["%s was acknowledged and never processed" % event.hex() for event in acknowledged if event not in times]
    latest = {}
    for event in processed:
        number, key = offers.get(event, (None, None))
        if key is None:
            wrong.append("%s was processed and never offered" % event.hex())
        elif number < latest.get(key, -1):
            wrong.append("%s of key %s was processed behind a later one" % (event.hex(), key))
        else:
            latest[key] = number
    return wrong


def shares_of(members):
    """How many events each member was handed."""
    return {number: sum(record.kind == "handed" for record in records) for number, records in members.items()}


def takeovers_of(members):
    """How often a partition was given to a member that had not it last."""
    owner, count = {}, 0
    for number, record in in_time(members):
        if record.kind == "given":
            count += owner.get(record.partition, number) != number
            owner[record.partition] = number
    return count
