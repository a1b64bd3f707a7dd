"""serving.py SERVER CONSUMER MAILER CLIENT LAB - what all that serves HTTP has in common: who may come in, and --health."""
import os
import pathlib
import subprocess
import sys
import tempfile

from ese_program import Program, run

SERVER, CONSUMER, MAILER, CLIENT, LAB = (os.path.abspath(path) for path in sys.argv[1:6])

# Of each: what it needs to start, and the option that says where it serves.
SERVING = (((SERVER, "--transport", "http"), "listen"),
           ((CONSUMER, "--transport", "file"), "metrics"),
           ((MAILER, "--smtp", "127.0.0.1:1"), "listen"),
           ((CLIENT, "--transport", "file", "--quiet"), "metrics"),
           ((LAB, "watch", "--transports", "file"), "metrics"))


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
        token.chmod(0o600)
        for command, where in SERVING:
            for trusted in ((), ("--trusted-network",)):
                options = (f"--{where}", "0.0.0.0:0", "--token-file", token, *trusted)
                with Program(*command, *options) as program:
                    assert program.ask("/metrics")[0] == 401
                    assert program.ask("/metrics", "secret-2")[0] == 401
                    assert program.ask("/metrics", "secret-1")[0] == 200


def ask_health(*command, environment=None):
    """Exit status, stdout and stderr of --health, in a directory of its own, where nothing may be left."""
    with tempfile.TemporaryDirectory(prefix="ese-test-") as directory:
        asked = subprocess.run([*command, "--health"], cwd=directory, env={**os.environ, **(environment or {})},
                               capture_output=True, text=True, check=False, timeout=20)
        assert os.listdir(directory) == [], (command, os.listdir(directory))
    assert len((asked.stdout + asked.stderr).splitlines()) == 1, (command, asked)
    return asked.returncode, asked.stdout, asked.stderr


def health_is_asked_with_the_configuration_that_runs():
    for command, where in SERVING:
        with Program(*command, f"--{where}", "0.0.0.0:0", "--trusted-network") as program:
            address = f"127.0.0.1:{program.port()}"
            by_file = program.directory / "conf"
            by_file.write_text(f"{where} = {address}\n")
            for options, environment in (((f"--{where}", address), None), (("--config", by_file), None),
                                         ((f"--{where}", program.address), None),
                                         ((), {f"ESE_{where.upper()}": program.address})):
                status, out, err = ask_health(*command, *options, environment=environment)
                assert status == 0 and address in out and "ok" in out and err == "", (options, status, out, err)
            assert program.stop() == 0
            status, out, err = ask_health(*command, f"--{where}", address)
            assert status == 1 and out == "" and "does not answer" in err, (status, out, err)


def who_cannot_be_asked_is_told_so():
    for command, where in SERVING:
        status, out, err = ask_health(*command, f"--{where}", "127.0.0.1:0")
        assert status == 64 and out == "" and "leaves the port open" in err, (status, out, err)


TESTS = (without_a_word_only_this_machine_comes_in, a_trusted_network_comes_in, a_token_is_asked_for_everywhere,
         health_is_asked_with_the_configuration_that_runs, who_cannot_be_asked_is_told_so)

if __name__ == "__main__":
    sys.exit(run(TESTS))
