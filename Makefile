# Short targets; what they do is in the programs and tests that they run.
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help shell install setup test test-clients demo docs bench test-real record fmt lint clean-tools

help: ## Show this.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Install what building and testing need, into .tools only: a protoc, Terraform 1.15, and kubectl where there is none.
	@.cargo/protoc --help >/dev/null
	@tests/tools/needs
	@tests/tools/setup-terraform-1.15

test: setup lint ## Check formatting and lints, and run all tests under every Terraform there is.
	AZWI_TERRAFORMS="$$(tests/tools/terraforms)" cargo test --locked --workspace

test-clients: ## Hold the emulator to the Azure CLI, Microsoft's Python SDKs and the Kubernetes client.
	@cargo build --locked --workspace --bins
	@tests/tools/test-clients

demo: ## Watch Terraform make and unmake examples/quickstart against the emulator.
	@cargo build --locked --workspace --bins
	@tests/tools/demo

shell: ## Get a shell in which Azure and a cluster are emulated, and Terraform finds this provider.
	@cargo build --locked --workspace --bins
	@tests/tools/shell

install: ## Install the provider where `terraform init` finds it, ~/.terraform.d/plugins, and azwi-emulator where cargo does.
	cargo install --locked --path emulator
	cargo build --locked --release --bin terraform-provider-azwi
	tests/tools/mirror target/release/terraform-provider-azwi "$$HOME/.terraform.d/plugins"

docs: ## Write docs/ anew from the schemas and examples/.
	UPDATE=1 cargo test --locked --test tidy

bench: ## Measure the release build: start-up, memory and size of the provider, and what the emulator bears in a minute.
	cargo bench --locked --bench startup
	cargo bench --locked --package azwi-emulator --bench emulator

test-real: setup ## Test against a real kube-apiserver and OpenTofu, both built from Go modules. Needs Go.
	@tests/tools/test-real.sh

record: ## Record the exchanges of emulator/tests/contract anew from a real kube-apiserver. Needs Go.
	@tests/tools/test-real.sh record

fmt: ## Format all code.
	cargo fmt

lint: ## Check formatting, lints and spelling.
	cargo fmt --check
	@tests/tools/typos
	cargo clippy --locked --workspace --all-targets -- -D warnings

clean-tools: ## Remove what setup installed.
	rm -rf .tools
