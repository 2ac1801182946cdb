# What the programs in this folder share. They source it: . "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
# Where cargo puts the programs of this build.
programs="${CARGO_TARGET_DIR:-$root/target}/debug"

# fail TEXT...: prints the texts, a line each, and ends with an error.
fail() {
    printf '%s\n' "$@" >&2
    exit 1
}

# venv NAME REQUIREMENTS: installs the packages of a requirements file into the virtual environment .tools/python/NAME, unless it has
# exactly them, and sets `venv` to its folder.
venv() {
    local requirements="$2" new
    venv="$root/.tools/python/$1"
    if cmp -s "$requirements" "$venv/requirements.txt" && "$venv/bin/python" -c ''; then return; fi
    python3 -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 10))' 2>/dev/null ||
        fail "Python 3.10 or later with its module venv is required." "On Debian and Ubuntu: apt-get install python3-venv"
    echo "Installing $(grep -o '^[a-z-]*==.*' "$requirements" | paste -s -d ' ') into ${venv#"$root/"}." >&2
    # It gets its name once it is complete. If two install it at once, the last one counts.
    new="$venv.$$"
    mkdir -p "$root/.tools/python"
    if ! python3 -m venv "$new" >&2 ||
        ! "$new/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$requirements" >&2; then
        rm -rf "$new"
        fail "These Python packages could not be installed; pip's reason is above." \
            "They are fetched once, from PyPI or from the index that PIP_INDEX_URL names."
    fi
    cp "$requirements" "$new/requirements.txt"
    rm -rf "$venv"
    mv "$new" "$venv"
}
