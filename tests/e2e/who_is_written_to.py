#!/usr/bin/python3
"""who_is_written_to.py MAILER [TEST ...] - mails go to whom --to-allow names, and to nobody else: asked for by POST /mail, on a
topic, or under an earlier list; an SMTP server that takes everything tells. SECURITY.md says what is promised. TAP."""
import contextlib
import json
import os
import pathlib
import socketserver
import sys
import tempfile
import threading

from ese_program import Program, run, wait_until

MAILER = os.path.abspath(sys.argv[1])
ALLOWED = "bob@example.org,@ese.org"
LAST = "last@ese.org"  # behind all the others: when it has come, they have
MAIL = {"from": "consumer@ese.org", "to": LAST, "subject": "s", "content": "c"}

GOOD = ("bob@example.org", "BOB@Example.ORG", "anybody@ese.org", "anybody+list@ESE.org", "o'brien@ese.org")
# Each as JSON has it; none of them may be written to.
NOBODY = (
    '"alice@example.org"', '"bob+x@example.org"', '"bob@example.org.example.net"', '"bob@mail.example.org"', '"x@notese.org"',
    '"x@sub.ese.org"', '"x@ese.org.example.net"', '"ese.org"', '"@ese.org"', '""', '"bob"', "null", "1", "true", "{}",
    '["bob@example.org"]', '["bob@example.org","eve@example.net"]',
    '"bob@example.org,eve@example.net"', '"bob@example.org, eve@example.net"', '"bob@example.org;eve@example.net"',
    '"bob@example.org eve@example.net"', '"eve@example.net,x@ese.org"', '"eve@example.net@ese.org"',
    '"eve%example.net@ese.org"', '"example.net!eve@ese.org"', '"@example.net:x@ese.org"', '"<eve@example.net>x@ese.org"',
    '"Eve <x@ese.org>"', '"x@ese.org>"', '"<x@ese.org>"', '"\\"x\\"@ese.org"', '"\\"eve@example.net\\"@ese.org"',
    '"\\"eve@example.net>\\r\\nRCPT TO:<\\"@ese.org"', '"x@ese.org\\r\\nRCPT TO:<eve@example.net>"', '"x@ese.org\\nBcc: eve@example.net"',
    '"x@ese.org\\u0000@example.net"', '"x\\u0000@ese.org"', '"x@ese.org\\u0000"', '" x@ese.org"', '"x@ese.org "', '"x @ese.org"',
    '"x@ese.org."', '"x@.ese.org"', '"x@[127.0.0.1]"', '"x(y)@ese.org"', '"x@ese.org(y)"', '"b\\u00f6b@ese.org"',
    '"x@\\u00e9se.org"', '"x@ese\\uff0eorg"', '"x@e\\u017fe.org"', '"x\\u007f@ese.org"', f'"{"x" * 65}@ese.org"', f'"x@{"y" * 300}"',
)
# Nobody else is let in by the other members, or a header.
OTHERS = (
    {"from": "consumer@ese.org>\r\nRCPT TO:<eve@example.net>"}, {"from": "a@b\r\nBcc: eve@example.net"},
    {"subject": "s\r\nBcc: eve@example.net"}, {"subject": "s\r\n\r\ntext"}, {"subject": "s\nTo: eve@example.net"},
    {"subject": "s\0"}, {"id": "x\r\nBcc: eve@example.net"}, {"id": "x>\r\n"}, {"transport": "file\r\nBcc: eve@example.net"},
    {"content": "c\0"},
)


class Sink(socketserver.StreamRequestHandler):
    """Takes everything, and notes what it is told."""

    def handle(self):
        self.wfile.write(b"220 sink\r\n")
        in_text = False
        for line in self.rfile:
            self.server.told.append(line)
            ends_text = in_text and line == b".\r\n"
            begins_text = not in_text and line.upper().startswith(b"DATA")
            if ends_text or not in_text:
                self.wfile.write(b"354 go on\r\n" if begins_text else b"250 ok\r\n")
            in_text = begins_text or (in_text and not ends_text)
            if not in_text and line.upper().startswith(b"QUIT"):
                return


@contextlib.contextmanager
def sink():
    socketserver.ThreadingTCPServer.daemon_threads = True
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Sink) as server:
        server.told, server.address = [], "127.0.0.1:%d" % server.server_address[1]
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()


def recipients(server):
    return [line.split(b"<", 1)[1].split(b">", 1)[0].decode() for line in list(server.told) if line.startswith(b"RCPT")]


def ask(mailer, mail, headers=None):
    body = mail if isinstance(mail, str) else json.dumps(mail)
    return mailer.request("POST", "/mail", body, {"Content-Type": "application/json", **(headers or {})})


def to(address):
    """A mail to what JSON calls so."""
    return json.dumps(MAIL).replace(json.dumps(LAST), address)


def await_last(server, mailer, expected):
    """Those, and nobody else; and none was taken that is not sent."""
    wait_until(lambda: LAST in recipients(server), "the last mail does not arrive")
    assert sorted(recipients(server)) == sorted([*expected, LAST]), recipients(server)
    told = b"".join(server.told)
    assert b"eve@" not in told and b"Bcc" not in told, told
    assert json.loads(mailer.ask("/dead-letters")[1]) == [] and json.loads(mailer.ask("/unknown")[1]) == []


def by_post():
    with sink() as server, Program(MAILER, "--listen", "127.0.0.1:0", "--smtp", server.address, "--sessions", "1", "--to-allow",
                                   ALLOWED) as mailer:
        for address in NOBODY:
            status, said = ask(mailer, to(address))
            assert status in (400, 403), (address, status, said)
        for other in OTHERS:
            assert ask(mailer, {**MAIL, **other})[0] == 400, other
        twice = json.dumps(MAIL)[:-1] + ', "to": "eve@example.net"}'
        assert ask(mailer, twice)[0] == 400 and ask(mailer, {**MAIL, "to": "eve@example.net", "cc": LAST})[0] == 403
        for address in GOOD:
            assert ask(mailer, {**MAIL, "to": address})[0] == 202, address
        assert ask(mailer, {**MAIL, "cc": "eve@example.net", "bcc": "eve@example.net"},
                   {"Bcc": "eve@example.net", "To": "eve@example.net"})[0] == 202
        await_last(server, mailer, GOOD)


def by_topic():
    with tempfile.TemporaryDirectory(prefix="ese-test-") as place, sink() as server:
        def request(number, data):
            return json.dumps({"type": "MAIL_REQUEST_EVENT", "sub_type": "MAIL_REQUEST_EVENT", "ip": "x", "client_ts": number,
                               "id": f"0193{number:04x}-0000-7000-8000-000000000000"})[:-1] + f', "data": {data}}}\n'

        asked = [*map(to, NOBODY), *(json.dumps({**MAIL, **other}) for other in OTHERS),
                 *(json.dumps({**MAIL, "to": address}) for address in GOOD), json.dumps(MAIL)]
        pathlib.Path(place, "events.ndjson").write_text("".join(request(*one) for one in enumerate(asked)))
        with Program(MAILER, "--listen", "127.0.0.1:0", "--smtp", server.address, "--sessions", "1", "--to-allow", ALLOWED,
                     "--intake", f"file:data={place}") as mailer:
            await_last(server, mailer, GOOD)


def under_an_earlier_list():
    with sink() as server, tempfile.TemporaryDirectory(prefix="ese-test-") as place:
        outbox = ("--outbox", os.path.join(place, "outbox"), "--listen", "127.0.0.1:0", "--sessions", "1")
        with Program(MAILER, *outbox, "--smtp", "127.0.0.1:1", "--to-allow", "@ese.org,eve@example.net") as mailer:
            assert ask(mailer, {**MAIL, "to": "eve@example.net", "id": "eve"})[0] == 202
            assert ask(mailer, MAIL)[0] == 202
            assert mailer.stop() == 0
        with Program(MAILER, *outbox, "--smtp", server.address, "--to-allow", "@ese.org") as mailer:
            def dead():
                return [(one["id"], "--to-allow" in one["reply_text"]) for one in json.loads(mailer.ask("/dead-letters")[1])]

            wait_until(lambda: len(recipients(server)) + len(dead()) == 2, "neither sent nor dead")
            assert recipients(server) == [LAST] and dead() == [("eve", True)], (recipients(server), dead())


def unless_told_only_to_whom_the_rules_write():
    with sink() as server, Program(MAILER, "--listen", "127.0.0.1:0", "--smtp", server.address) as mailer:
        rules = ("click_updated@ese.org", "order_updated@ese.org")
        for address in ("anybody@ese.org", "click_updated@example.org", "root@localhost", "postmaster@ese.org"):
            assert ask(mailer, {**MAIL, "to": address})[0] == 403, address
        for address in rules:
            assert ask(mailer, {**MAIL, "to": address})[0] == 202, address
        wait_until(lambda: len(recipients(server)) == len(rules), "the rules' mails do not arrive")
        assert sorted(recipients(server)) == sorted(rules), recipients(server)


TESTS = (by_post, by_topic, under_an_earlier_list, unless_told_only_to_whom_the_rules_write)

if __name__ == "__main__":
    sys.exit(run([test for test in TESTS if test.__name__ in sys.argv[2:] or len(sys.argv) == 2]))
