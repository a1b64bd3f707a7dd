"""serving.py SERVER CONSUMER MAILER - what everything that serves HTTP has in common: who may come in."""
import os
import pathlib
import subprocess
import sys
import tempfile

from ese_program import Program, run

SERVER, CONSUMER, MAILER = (os.path.abspath(path) for path in sys.argv[1:4])

# Of each: what it needs to start, and the option that says where it serves.
SERVING = (((SERVER, "--transport", "http"), "listen"),
           ((CONSUMER, "--transport", "file"), "metrics"),
           ((MAILER, "--smtp", "127.0.0.1:1"), "listen"))


def refusal(*command):
    with tempfile.TemporaryDirectory(prefix="ese-test-") as directory:
        refused = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False, timeout=20)
    assert refused.returncode == 64, (command, refused.returncode, refused.stderr)
    return refused.stderr


def without_a_word_only_this_machine_comes_in():
    for command, where in SERVING:
        for address in ("0.0.0.0:0", "[::]:0"):
            said = refusal(*command, f"--{where}", address)
            assert "--token-file" in said and "--trusted-network" in said and address in said, said


def a_trusted_network_comes_in():
    for command, where in SERVING:
        with Program(*command, f"--{where}", "0.0.0.0:0", "--trusted-network") as program:
            assert program.address.startswith("0.0.0.0:"), program.address
            assert program.ask("/metrics")[0] == 200
            assert program.stop() == 0
        environment = {f"ESE_{where.upper()}": "0.0.0.0:0", "ESE_TRUSTED_NETWORK": "true"}
        with Program(*command, environment=environment) as program:
            assert program.ask("/metrics")[0] == 200


def a_token_is_asked_for_everywhere():
    with tempfile.TemporaryDirectory(prefix="ese-test-") as directory:
        token = pathlib.Path(directory, "token")
        token.write_text("secret-1\n")
        for command, where in SERVING:
            for trusted in ((), ("--trusted-network",)):
                options = (f"--{where}", "0.0.0.0:0", "--token-file", token, *trusted)
                with Program(*command, *options) as program:
                    assert program.ask("/metrics")[0] == 401
                    assert program.ask("/metrics", "secret-2")[0] == 401
                    assert program.ask("/metrics", "secret-1")[0] == 200


TESTS = (without_a_word_only_this_machine_comes_in, a_trusted_network_comes_in, a_token_is_asked_for_everywhere)

if __name__ == "__main__":
    sys.exit(run(TESTS))
