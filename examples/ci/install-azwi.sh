#!/bin/sh
# Puts the provider where `terraform init` looks for it without a registry, and the emulator into .azwi/bin. Both are built from source,
# for want of releases to download; a pipeline caches .azwi, so that it builds them once for each AZWI_REVISION.
#
#   AZWI_SOURCE     the git repository of the provider
#   AZWI_REVISION   a commit of it; without one the newest of its default branch
set -eu
root="$PWD/.azwi"
if [ ! -x "$root/bin/terraform-provider-azwi" ] || [ ! -x "$root/bin/azwi-emulator" ]; then
    source="$(mktemp -d)"
    git clone --quiet "${AZWI_SOURCE:?is not set: it is the git repository to build the provider from}" "$source"
    git -C "$source" checkout --quiet "${AZWI_REVISION:-HEAD}"
    # In its own folder, because the build has settings there, which `cargo install --git` would not see.
    for package in . emulator; do
        (cd "$source" && cargo install --locked --path "$package" --root "$root")
    done
    rm -rf "$source"
fi

# "terraform-provider-azwi 0.1.0"
version="$("$root/bin/terraform-provider-azwi" --version)"
version="${version##* }"
case "$(uname -s)_$(uname -m)" in
    Linux_x86_64) platform=linux_amd64 ;;
    Linux_aarch64) platform=linux_arm64 ;;
    Darwin_arm64) platform=darwin_arm64 ;;
    *) echo "install-azwi.sh does not know what Terraform calls this platform: $(uname -sm)" >&2; exit 1 ;;
esac
# Terraform and OpenTofu look into this folder of their own accord, and then for this provider nowhere else.
for registry in registry.terraform.io registry.opentofu.org; do
    plugin="$HOME/.terraform.d/plugins/$registry/azwi/azwi/$version/$platform"
    mkdir -p "$plugin"
    ln -sf "$root/bin/terraform-provider-azwi" "$plugin/terraform-provider-azwi_v$version"
done
echo "azwi $version is installed for $platform."
