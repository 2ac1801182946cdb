# Short targets; the programs and tests that they run do the work.
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup check lint test test-all test-clients test-real check-docs docs record demo shell install bench fmt clean-tools

# Every invocation selects the same packages, so that Cargo compiles each dependency with one set of features.
build := cargo build --locked --workspace
test := cargo test --locked --workspace

# Each acceptance test runs under one Terraform per round, and under all of them in as many rounds. A new commit is a new round.
export AZWI_ROUND ?= $(shell git rev-list --count HEAD 2>/dev/null || echo 0)

# A scenario waits for its Terraform most of the time, so twice as many run at once as there are cores.
test test-all test-real: export RUST_TEST_THREADS ?= $(shell expr 2 \* $$(getconf _NPROCESSORS_ONLN))

help: ## Show this.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Install what building and testing need, into .tools only: a protoc, and kubectl if there is none.
	@tools/setup

check: lint ## Check what takes no Terraform: formatting, lints, spelling, unit tests, the protocol, pages, the rules of the house.
	$(test) --lib --bins --test protocol --test tidy

lint: ## Check formatting, lints and spelling.
	cargo fmt --all --check
	@tools/typos
	cargo clippy --locked --workspace --all-targets -- -D warnings
	cargo clippy --locked --workspace --test real -- -D warnings

test: setup ## Run all tests, each acceptance test under the Terraform of this round (AZWI_ROUND).
	terraforms="$$(tools/terraforms)" && AZWI_TERRAFORMS="$$terraforms" $(test)

test-all: setup ## Run all tests, each acceptance test under every Terraform.
	terraforms="$$(tools/terraforms)" && AZWI_TERRAFORMS="$$terraforms" AZWI_ROUND=all $(test)

test-clients: setup ## Run the Azure CLI, Microsoft's Python SDKs and the Kubernetes client against the emulator.
	@$(build) --bin azwi-emulator
	@tools/test-clients

test-real: setup check-docs ## Test against a real kube-apiserver, built from its Go module. Needs Go.
	@tools/test-real

check-docs: setup ## Validate docs/ with the Registry's validator, built from its Go module. Needs Go.
	@$(build) --bins
	@tools/shell tools/validate-docs

docs: ## Write docs/ from the schemas and examples/, and ARCHITECTURE.md's maps from the lists of layers.
	UPDATE=1 $(test) --test tidy current

record: ## Record the exchanges of emulator/tests/contract from a real kube-apiserver. Needs Go.
	@tools/test-real record

demo: setup ## Watch Terraform create and destroy examples/quickstart against the emulator.
	@$(build) --bins
	@tools/shipped target/debug/terraform-provider-azwi
	@tools/demo

shell: ## Get a shell in which Azure and a cluster are emulated, and Terraform finds this provider.
	@$(build) --bins
	@tools/shell

install: ## Install the provider where `terraform init` finds it, ~/.terraform.d/plugins, and azwi-emulator where cargo does.
	cargo install --locked --path emulator
	cargo build --locked --release --bin terraform-provider-azwi
	tools/shipped target/release/terraform-provider-azwi
	tools/mirror target/release/terraform-provider-azwi "$$HOME/.terraform.d/plugins"

bench: ## Measure the release build: start-up, memory and size of the provider, and the emulator's throughput over one minute.
	cargo bench --locked --bench startup
	cargo bench --locked --package azwi-emulator --bench emulator

fmt: ## Format all code.
	cargo fmt --all

clean-tools: ## Remove what setup installed.
	rm -rf .tools
