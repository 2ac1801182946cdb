"""The Azure CLI as tests run it: tools/az, which tools/test-clients puts on PATH."""

import json
import os
import subprocess

from cloud import Clients


class Failed(Exception):
    """What a command said before it ended with another status than 0."""


def run(*command, **environment):
    """What a program prints. `None` in the environment takes a variable away."""
    changed = {name: value for name, value in {**os.environ, **environment}.items() if value is not None}
    done = subprocess.run(command, capture_output=True, text=True, env=changed, timeout=120)
    if done.returncode:
        raise Failed(done.stderr)
    return done.stdout


def az(*arguments):
    """What a command of the Azure CLI answers, read from its JSON; nothing where it answers nothing."""
    said = run("az", *arguments, "--output", "json")
    return json.loads(said) if said.strip() else None


class CommandLine(Clients):
    def remains_until_the_end(self, *command):
        """Runs this command of the Azure CLI when the test is over."""
        self.addCleanup(run, "az", *command)

    def refuses(self, *arguments):
        """What the Azure CLI says of a command that must fail."""
        with self.assertRaises(Failed) as failed:
            az(*arguments)
        return str(failed.exception)
