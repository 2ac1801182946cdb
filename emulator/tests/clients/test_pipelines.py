"""The pipelines of examples/ci are what their systems take, by the schemas that are published for their files."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

CI = pathlib.Path(__file__).parents[3] / "examples" / "ci"
# The pattern of one name in Azure's schema is no regular expression of Unicode, so all of them are read without.
FILES = {
    ".github/workflows/terraform.yml": ["vendor.github-workflows"],
    "azure-pipelines.yml": ["vendor.azure-pipelines", "--regex-variant", "nonunicode"],
    ".gitlab-ci.yml": ["vendor.gitlab-ci", "--data-transform", "gitlab-ci"],
}


def check(schema, path):
    command = [sys.executable, "-m", "check_jsonschema", "--color", "never", "--builtin-schema", *schema, str(path)]
    return subprocess.run(command, capture_output=True, text=True)


class Pipelines(unittest.TestCase):
    def test_each_pipeline_is_valid_by_its_schema(self):
        for name, schema in FILES.items():
            with self.subTest(name):
                told = check(schema, CI / name)
                self.assertEqual(told.returncode, 0, told.stdout + told.stderr)

    def test_a_misspelt_keyword_would_be_found(self):
        words = {"runs-on:": "run-on:", "inputs:": "input:", "stage: plan": "stages: 7"}
        for (name, schema), (right, wrong) in zip(FILES.items(), words.items()):
            with self.subTest(name), tempfile.TemporaryDirectory() as folder:
                text = (CI / name).read_text()
                self.assertIn(right, text)
                path = pathlib.Path(folder) / "pipeline.yml"
                path.write_text(text.replace(right, wrong))
                self.assertNotEqual(check(schema, path).returncode, 0)

    def test_no_pipeline_uses_what_its_system_does_not_know_of_yaml(self):
        # https://learn.microsoft.com/azure/devops/pipelines/yaml-schema: no anchors. The schema cannot tell.
        for line in (CI / "azure-pipelines.yml").read_text().splitlines():
            self.assertNotRegex(line, r"^\s*(- )?[&*]\w", "Azure Pipelines has no anchors")


if __name__ == "__main__":
    unittest.main()
