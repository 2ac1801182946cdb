"""The pages of docs/guides that begin with commands: what they make by the Azure CLI and kubectl is what the configuration makes, and
is taken over as the page says, nothing made anew.

Each test has an emulator and a folder of its own. Blocks of shell run as a reader would type them, heading by heading, and the variables
stay. A block of Terraform whose first line is `# NAME.tf` is that file.
"""

import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import signal
import ssl
import subprocess
import tempfile
import time
import unittest
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
GUIDES = ROOT / "docs/guides"
PROGRAMS = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve() / "debug"
AZ = pathlib.Path(os.environ.get("AZWI_TEST_AZ", ROOT / ".tools/az/bin/az"))
TERRAFORM = os.environ.get("AZWI_TERRAFORMS", "terraform").split(":")[0]

COMMANDS = "The commands"
CONFIGURATION = "The configuration"
MOVE = "Move what exists into Terraform"
IMPORT = "With import blocks instead"
UNDO = "Undo"

OVERRIDES = """
provider_installation {
  dev_overrides {
    "registry.terraform.io/azwi/azwi" = "%(programs)s"
    "registry.opentofu.org/azwi/azwi" = "%(programs)s"
  }
  direct {}
}
"""


def sections(page):
    """The fenced blocks of a page by their headings, in order: language and text."""
    found, heading, fence = {}, None, None
    for line in page.read_text().splitlines():
        if fence is not None:
            if line.strip() == "```":
                found.setdefault(heading, []).append((fence, "\n".join(block) + "\n"))
                fence = None
            else:
                block.append(line)
        elif line.startswith("```"):
            fence, block = line[3:].strip(), []
        elif title := re.match(r"##+ (.*)", line):
            heading = title.group(1)
    return found


class World:
    """An emulator, a folder, and a shell in it."""

    def __init__(self, page):
        self.sections = sections(page)
        self.scratch = tempfile.TemporaryDirectory()
        home = pathlib.Path(self.scratch.name)
        self.folder = home / "configuration"
        self.folder.mkdir()
        (home / "terraformrc").write_text(OVERRIDES % {"programs": PROGRAMS})
        (home / "bin").mkdir()
        (home / "bin/terraform").symlink_to(shutil.which(TERRAFORM))
        self.emulator = subprocess.Popen(
            [PROGRAMS / "azwi-emulator", "serve", "--listen", "127.0.0.1:0", "--dir", home / "emulator"],
            stdout=subprocess.PIPE,
            text=True,
        )
        self.url = self.emulator.stdout.readline().removeprefix("ready ").strip()
        self.environment = {
            "HOME": str(home),
            "PATH": f"{home / 'bin'}:{AZ.parent}:{os.environ['PATH']}",
            "AZURE_CONFIG_DIR": str(home / "azure"),
            "AZURE_CORE_COLLECT_TELEMETRY": "false",
            "AZURE_CORE_INSTANCE_DISCOVERY": "false",
            "AZURE_CORE_ONLY_SHOW_ERRORS": "true",
            "AZWI_TEST_HURRY": "50",
            "CHECKPOINT_DISABLE": "1",
            "TF_CLI_ARGS_apply": "-auto-approve",
            "TF_CLI_ARGS_destroy": "-auto-approve",
            "TF_CLI_CONFIG_FILE": str(home / "terraformrc"),
            "TF_IN_AUTOMATION": "1",
        }
        for line in (home / "emulator/env").read_text().splitlines():
            name, _, value = line.partition("=")
            self.environment[name] = value
        self.authority = self.environment["SSL_CERT_FILE"]

    def __enter__(self):
        self.sign_in()
        return self

    def __exit__(self, *_):
        self.emulator.send_signal(signal.SIGTERM)
        self.emulator.wait()
        self.emulator.stdout.close()
        self.scratch.cleanup()

    def run(self, script):
        """Runs a script as one block of the page; what it sets is set for the next."""
        after = pathlib.Path(self.scratch.name) / "environment"
        script = f"set -euo pipefail -o allexport\n{script}\nenv --null >'{after}'\n"
        ended = subprocess.run(
            ["bash", "-c", script], cwd=self.folder, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert ended.returncode == 0, f"this ended with {ended.returncode}:\n{script}\nIt said:\n{ended.stdout}"
        self.environment = dict(entry.split("=", 1) for entry in after.read_text().split("\0") if entry)
        return ended.stdout

    def sign_in(self):
        self.run(
            """az cloud register --name emulator --endpoint-resource-manager "$AZWI_EMULATOR_URL" \
              --endpoint-active-directory "$AZWI_EMULATOR_URL" --endpoint-active-directory-resource-id https://management.azure.com/ \
              --endpoint-active-directory-graph-resource-id https://graph.microsoft.com/ --endpoint-management "$AZWI_EMULATOR_URL"
            az cloud set --name emulator
            az login --service-principal --username "$ARM_CLIENT_ID" --password "$ARM_CLIENT_SECRET" --tenant "$ARM_TENANT_ID" """
        )

    def follow(self, *headings):
        for heading in headings:
            assert heading in self.sections, f"there are no blocks under {heading}"
            for language, text in self.sections[heading]:
                if language == "terraform" and (name := re.match(r"# (\w+\.tf)\n", text)):
                    (self.folder / name.group(1)).write_text(text)
                elif language == "shell":
                    self.run(text)

    def only_variables(self, *headings):
        """Sets the variables that are set under these headings, as far as that is possible in a world where the commands make nothing."""
        for heading in headings:
            for language, text in self.sections[heading]:
                for line in re.findall(r"^(?:[A-Z_]+=|export TF_VAR_)(?:.*\\\n)*.*$", text, re.MULTILINE) if language == "shell" else []:
                    self.run(f"{line} || true")

    def refused(self, script, *headings):
        """What a script says that fails, with the variables that are set under these headings."""
        self.only_variables(*headings)
        return self.run(f"! ({script})")

    def made(self):
        """What there is of the kinds that a guide makes: the documents, by their ids."""
        trust = ssl.create_default_context(cafile=self.authority)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trust))
        with opener.open(f"{self.url}/_emulator/state") as answer:
            state = json.load(answer)
        kinds = r"userassignedidentities/|^arm/roleassignments/|^kubernetes/\w+/serviceaccounts/(?!.*/default$)"
        return {key: document for key, document in state.items() if re.search(kinds, key)}

    def identities(self):
        """What may not change where something is taken over: its id, and what stands for it elsewhere."""

        def identity(document):
            properties, metadata = document.get("properties", {}), document.get("metadata", {})
            return document.get("id"), properties.get("clientId"), properties.get("principalId"), metadata.get("uid")

        return {key: identity(document) for key, document in self.made().items()}

    def meaning(self):
        """What was made, without what is random or says who made it, and when."""
        made = self.made()
        names = {self.url: "EMULATOR"}
        for document in made.values():
            for guid in ("clientId", "principalId"):
                if "federated" not in document.get("type", "") and "userAssigned" in document.get("type", ""):
                    names[document["properties"][guid]] = f"{guid} of {document['name']}"
        meaning = []
        for key, document in made.items():
            if key.startswith("kubernetes/"):
                metadata = document["metadata"]
                annotations = metadata.get("annotations", {})
                # The commands leave it to the webhook, which has the same tenant, and kubectl notes what it was given.
                noise = ("azure.workload.identity/tenant-id", "kubectl.kubernetes.io/last-applied-configuration")
                said = {name: value for name, value in annotations.items() if name not in noise}
                document = {"account": key, "annotations": said, "labels": metadata.get("labels", {})}
            elif key.startswith("arm/roleassignments/"):
                properties = document["properties"]
                kept = ("principalId", "principalType", "roleDefinitionId", "scope", "condition")
                document = {name: properties.get(name) for name in kept}
            else:
                kept = ("id", "location", "properties", "tags")
                document = {name: document.get(name) for name in kept}
            text = json.dumps(document, sort_keys=True)
            for found, name in names.items():
                text = text.replace(found, name)
            meaning.append(text)
        return sorted(meaning)


@unittest.skipUnless(AZ.exists(), "the Azure CLI is not installed")
class Guides(unittest.TestCase):
    maxDiff = None

    def each(self, scenario):
        """Runs a scenario for every page with commands, two at a time."""
        pages = sorted(GUIDES.glob("from-*.md"))
        self.assertGreaterEqual(len(pages), 5)
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            runs = {page.name: pool.submit(scenario, page) for page in pages}
        for page, run in runs.items():
            with self.subTest(page):
                run.result()

    def test_the_configuration_makes_what_the_commands_make(self):
        def scenario(page):
            with World(page) as world:
                world.follow(COMMANDS)
                by_commands = world.meaning()
            with World(page) as world:
                world.only_variables(COMMANDS, MOVE)
                world.follow(CONFIGURATION)
                world.run("terraform init; terraform apply")
                self.assertEqual(world.meaning(), by_commands)
                self.assertGreaterEqual(len(by_commands), 4)

        self.each(scenario)

    def test_what_the_commands_made_is_taken_over_and_nothing_made_anew(self):
        def scenario(page):
            with World(page) as world:
                world.follow(COMMANDS)
                before = world.identities()
                world.follow(CONFIGURATION)
                self.assertIn("exists already", world.refused("terraform init; terraform apply", MOVE))
                world.follow(MOVE)
                self.assertEqual(world.identities(), before)
                world.run("terraform plan -detailed-exitcode")
                world.follow(UNDO)
                self.assertEqual(world.made(), {})

        self.each(scenario)

    def test_what_the_commands_made_is_imported(self):
        def scenario(page):
            with World(page) as world:
                world.follow(COMMANDS)
                before = world.identities()
                world.follow(CONFIGURATION, IMPORT)
                self.assertEqual(world.identities(), before)
                world.run("terraform plan -detailed-exitcode")
                world.follow(UNDO)
                self.assertEqual(world.made(), {})

        self.each(scenario)


if __name__ == "__main__":
    unittest.main()
