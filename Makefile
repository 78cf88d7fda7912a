# Run `make` to see what there is.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -c

PYTHON ?= python3
LOCALSTACK_URL ?= http://127.0.0.1:4566
# The name of LocalStack inside the functions' containers.
LOCALSTACK_FOR_FUNCTIONS ?= http://localhost.localstack.cloud:4566
# Recipes read a user's values from the environment, because the shell would interpret values in their text.
export REPOSITORY DIGEST ARCH CHROMIUM SHOTS
export LOCALSTACK_URL LOCALSTACK_FOR_FUNCTIONS

BIN := .venv/bin
CLI := $(BIN)/voucher-selector

.PHONY: help
help: ## Show the targets
	@if [ -t 1 ]; then bold='\033[1m' plain='\033[0m'; fi; \
	awk -F ':.*## ' -v bold="$$bold" -v plain="$$plain" \
	  '/^[a-z-]+:.*## / {printf "  %s%-18s%s %s\n", bold, $$1, plain, $$2}' $(MAKEFILE_LIST)

# The command line reads the variables of these targets itself; each target has the name of its command.
COMMANDS := demo run upload sources rejected delete expire counts ask dashboard plan replay verify redrive dataset sample profile evaluate
.PHONY: $(COMMANDS)
demo: .venv/.run ## Start the stack, upload the sample, print counts and an answer, stop the stack
run: .venv/.run ## Start the stack and keep it running [SAMPLE=path|none] [KEEP=1] [ROWS=1] [EVENTS=1] [CORS=http://localhost:5173] [PORT=5000] [AWS_PORT=4566] [CONTAINERS=1]
upload: .venv/.run ## Upload FILE=path, a file or a folder, to the running stack [AS_OF=2020-06-15|row] [COLUMN_NAMES=country_code=country] [KEY=name] [SYNC=1] [MAX_REJECTED=10] [JSON=1]
sources: .venv/.run ## List the uploaded files and the datasets [PREFIX=2018/] [STATUS=failed] [JSON=1]
rejected: .venv/.run ## Print the rejected rows of the file KEY=name, or of a dataset [LIMIT=20] [JSON=1]
delete: .venv/.run ## Delete the object KEY=name, or the folder KEY=2018/, and its counts [JSON=1]
expire: .venv/.run ## Delete the objects that were uploaded more than OLDER_THAN=90d ago, and their counts [JSON=1]
counts: .venv/.run ## Print the counts of COUNTRY=Peru [SEGMENT=recency_segment] [JSON=1]
ask: .venv/.run ## Ask for a voucher: COUNTRY=… SEGMENT=… LAST_ORDER=… FIRST_ORDER=… ORDERS=… [FALLBACK=1] [WHY=1] [JSON=1]
dashboard: .venv/.run ## Serve the stack's page and API reference on this machine, and sign requests [AWS_ENDPOINT_URL=aws] [STACK=…] [CORS=http://localhost:5173] [PORT=5000]
plan: .venv/.run ## Print the answers that edited segment definitions change [SEGMENTS=functions/vouchers/segments.toml] [JSON=1]
replay: .venv/.run ## Re-count stale objects, e.g. after changing segments [PREFIX=2018/] [FORCE=1] [JSON=1]
verify: .venv/.run ## Compare the counts with a fresh count of the bucket [REPAIR=1] [JSON=1]
redrive: .venv/.run ## Send the failed events to the ingest function again [JSON=1]
dataset: .venv/.spark ## Count all objects under datasets/NAME/ with Spark [FROM=folder] [SYNC=1] [AS_OF=…] [COLUMN_NAMES=…] [FORCE=1] [MAX_REJECTED=10] [JSON=1]
sample: .venv/.run ## Write the sample to FILE=sample.parquet
profile: .venv/.explore ## Explore FILE=path, a folder, or s3://… of the running stack, one HTML page a file [OUT=name.html] [AS_OF=2020-06-15|row] [COLUMN_NAMES=…]
evaluate: $(if $(DATASET),.venv/.spark,.venv/.run) ## Choose by the uses of FILE=path, or with Spark of DATASET=name, before TRAIN_UNTIL=2018-07-01, judge by the later ones [AS_OF=2018-07-01|row] [COLUMN_NAMES=country_code=country] [JSON=1]
$(COMMANDS):
	@VOUCHER_SELECTOR_MAKE=1 $(CLI) $@

.PHONY: notebook
notebook: .venv/.explore ## Open the exploration notebook in JupyterLab, on the running stack [KEY=name] [FILE=path] [AS_OF=2020-06-15|row]
	@VOUCHER_SELECTOR_MAKE=1 $(BIN)/jupyter lab --config=src/voucher_selector/explore/jupyter.json notebooks/exploration.ipynb

.PHONY: setup
setup: .venv/.dev ## Create .venv with everything for running, testing and checking

.PHONY: test
test: .venv/.dev ## Run the tests that need only Python, including the stack end to end
	@$(BIN)/pytest -n auto --dist loadfile --no-loadscope-reorder $(ARGS)

.PHONY: coverage
coverage: .venv/.dev ## Run the unit tests, and fail if their coverage is below the floor in pyproject.toml
	@$(BIN)/pytest $(or $(ARGS),tests/unit) -n auto --dist loadfile --cov

.PHONY: lint
lint: .venv/.dev ## Check style, types, import directions and the templates
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/cfn-lint template.yaml infra/*.yaml infra/spark/*.yaml

.PHONY: scan
scan: .venv/.dev ## Check the security of the templates with Checkov
	@scripts/checkov --version >/dev/null
	@$(BIN)/pytest -m scan $(ARGS)

.PHONY: format
format: .venv/.dev ## Format the code, and apply safe fixes
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

.PHONY: pr
pr: demo lint scan test coverage browser-test test-build ## Run the checks that a change must pass before it is merged
	@echo "make pr left out: sam-test and localstack-test (they need Docker), spark-test (Java), clients-test (Node and Java), writers-test (Node), aws-test (an AWS account)"

.PHONY: build
build: ## Build both functions into .aws-sam/build with SAM CLI [ARCH=arm64]
	@scripts/sam build $(if $(ARCH),--parameter-overrides Architecture="$$ARCH")

.PHONY: test-build
test-build: .venv/.dev build ## Build, then test the artifacts: contents, size, start-up
	@$(BIN)/pytest -m build $(ARGS)

.PHONY: browser-test
browser-test: .venv/.dev ## Test the page in Chromium, with screenshots in .screenshots [CHROMIUM=path] [SHOTS=1 renews the pictures of the README]
	@$(BIN)/pytest -m browser tests/browser $(ARGS)

.PHONY: spark-test
spark-test: .venv/.dev .venv/.spark ## Test datasets on real Spark (needs Java)
	@$(BIN)/pytest -m spark $(ARGS)

.PHONY: clients-test
clients-test: .venv/.dev .venv/.clients ## Test generated clients and the programs of docs/how-to/clients.md (needs Node 20 and Java 17)
	@mkdir -p .clients && cp tests/e2e/clients/package*.json .clients/
	@npm ci --prefix .clients --no-audit --no-fund --silent
	@$(BIN)/pytest -m clients tests/e2e/test_clients.py $(ARGS)

.PHONY: writers-test
writers-test: .venv/.dev .writers-venv/new/.done .writers-venv/old/.done .writers-venv/node/.done ## Test files of the libraries that write Parquet, new and old (needs Node)
	@$(BIN)/pytest -m writers -n auto $(ARGS)

.PHONY: spark-image
spark-image: ## Build the image of the Spark job in Docker, and push it to REPOSITORY=… [ARCH=arm64] [DIGEST=sha256:…]
	@scripts/spark-image

.PHONY: sam-test
sam-test: .venv/.dev build ## Test sam local: build, then run the functions in containers (needs Docker)
	@docker info >/dev/null 2>&1 || { echo "sam local was NOT tested: it needs Docker, and none answers"; exit 1; }
	@$(BIN)/pytest -m sam $(ARGS)

.PHONY: localstack-up
localstack-up: ## Start LocalStack in Docker [LOCALSTACK_VERSION=… LOCALSTACK_AUTH_TOKEN=…]
	@docker compose version >/dev/null 2>&1 || { echo "LocalStack needs Docker with Compose, and it is not here"; exit 1; }
	@$(LOCALSTACK) up --detach --wait

.PHONY: localstack-deploy
localstack-deploy: .venv/.run build ## Build, and deploy the stack to LocalStack [LOCALSTACK_URL=http://127.0.0.1:4566] [ARCH=arm64]
	@$(LOCALSTACK_ANSWERS)
	@$(BIN)/python -m voucher_selector.local_stack.template
	@$(IN_LOCALSTACK) scripts/sam deploy --config-env localstack \
	  --parameter-overrides "EndpointUrl=$$LOCALSTACK_FOR_FUNCTIONS" AnswerCacheSeconds=0 $(if $(ARCH),Architecture="$$ARCH")

.PHONY: localstack-test
localstack-test: .venv/.dev ## Test the stack in LocalStack, end to end [LOCALSTACK_URL=http://127.0.0.1:4566]
	@$(LOCALSTACK_ANSWERS)
	@$(IN_LOCALSTACK) $(BIN)/pytest -m "anywhere and not beyond_localstack" --endpoint "$$LOCALSTACK_URL" $(ARGS)

.PHONY: localstack-down
localstack-down: ## Stop LocalStack, and delete its data
	@$(LOCALSTACK) down --volumes

LOCALSTACK = LOCALSTACK_PORT=$(lastword $(subst :, ,$(LOCALSTACK_URL))) \
  docker compose --project-name voucher-selector-localstack --file infra/localstack/compose.yaml
LOCALSTACK_ANSWERS = curl --silent --fail --output /dev/null "$$LOCALSTACK_URL/_localstack/health" || \
  { echo "No LocalStack answers at $$LOCALSTACK_URL; start one: make localstack-up"; exit 1; }
IN_LOCALSTACK = env -u AWS_PROFILE -u AWS_SESSION_TOKEN -u STACK AWS_ENDPOINT_URL="$$LOCALSTACK_URL" \
  AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_DEFAULT_REGION=us-east-1

.PHONY: aws-test
aws-test: .venv/.dev ## Test an empty stack on AWS, end to end: STACK=… deployed with AnswerCacheSeconds=0
	@$(BIN)/pytest -m anywhere --endpoint aws $(ARGS)

.PHONY: docs
docs: .venv/.dev ## Build the documentation as a site into site/, and fail on a broken link
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

.PHONY: bench
bench: .venv/.bench ## Measure the speed and memory of counting; writes docs/reference/performance.md [ARGS="remote --runs 3"]
	@$(BIN)/python -m benchmarks.counting $(ARGS)

.PHONY: bench-api
bench-api: .venv/.bench ## Measure the speed of requests; writes docs/reference/performance.md [ARGS="--rounds 5"]
	@$(BIN)/python -m benchmarks.serving $(ARGS)

.PHONY: bench-start
bench-start: .venv/.dev build ## Measure the cold starts of the built functions; writes docs/reference/performance.md [ARGS="--runs 5"]
	@$(BIN)/python -m benchmarks.cold_starts $(ARGS)

.PHONY: bench-scale
bench-scale: .venv/.bench .venv/.spark ## Compare Spark with others on a hundred million rows; writes docs/explanation/scale.md [ARGS="--runs 3"]
	@$(BIN)/python -m benchmarks.scale $(ARGS)

.PHONY: bench-burst
bench-burst: .venv/.dev ## Simulate a burst of small uploads; writes docs/explanation/scale.md [ARGS="--events 10000"]
	@$(BIN)/python -m benchmarks.burst $(ARGS)

.PHONY: lock
lock: .venv/.dev ## Pin the dependencies of pyproject.toml again, with hashes [ARGS=--upgrade]
	@$(LOCK_PROJECT) --group build -o requirements/run.txt pyproject.toml
	@$(LOCK_PROJECT) --group dev -o requirements/dev.txt pyproject.toml
	@for name in bench clients explore; do $(LOCK_PROJECT) --group $$name -c requirements/dev.txt -o requirements/$$name.txt; done
	@for name in spark emr; do $(LOCK_PROJECT) --group $$name -c requirements/run.txt -o requirements/$$name.txt; done
	@for name in sam checkov writers writers-old; do $(LOCK_PROJECT) --group $$name -o requirements/$$name.txt; done
	@for name in ingest api; do \
	  $(LOCK_FUNCTION) --group function-$$name -c requirements/run.txt -o functions/$$name/requirements.txt; done

LOCK = $(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --no-header $(ARGS)
LOCK_PROJECT = $(LOCK) --universal --python-version 3.11
LOCK_FUNCTION = $(LOCK) --python-platform x86_64-manylinux_2_28 --python-version 3.13 \
  $(addprefix --no-emit-package ,$(NOT_DEPLOYED))

# The Lambda runtime contains the first four. Nothing in the functions uses setuptools.
NOT_DEPLOYED := boto3 botocore s3transfer urllib3 setuptools

.PHONY: clean
clean: ## Delete all generated files, including .venv
	@rm -rf .venv .clients .sam-venv .checkov-venv .writers-venv .aws-sam .stack .screenshots site notebooks/.ipynb_checkpoints .pytest_cache .ruff_cache .mypy_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/.run: requirements/run.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "Python 3.11 or newer is needed, and '$(PYTHON)' is not; name one: make PYTHON=python3.13 …"; exit 1; }
	@echo "Setting up .venv (once; about half a minute)" >&2
	@$(PYTHON) -m venv .venv >/dev/null || { echo "'$(PYTHON) -m venv' failed; install Python's venv module"; exit 1; }
	@$(call install,-r $<)
	@$(call install,--no-deps --no-build-isolation --editable .)
	@touch $@

.venv/.dev: requirements/dev.txt .venv/.run
	@echo "Adding what tests and checks need to .venv (once; about half a minute)"
	@$(call install,-r $<)
	@touch $@

.venv/.spark: requirements/spark.txt .venv/.run
	@echo "Adding Spark to .venv (once; about a minute)" >&2
	@$(call install,-r $<)
	@touch $@

.venv/.bench: requirements/bench.txt .venv/.dev
	@echo "Adding what the benchmarks need to .venv (once)"
	@$(call install,-r $<)
	@touch $@

.venv/.clients: requirements/clients.txt .venv/.dev
	@echo "Adding a generator of clients to .venv (once)"
	@$(call install,-r $<)
	@touch $@

.venv/.explore: requirements/explore.txt .venv/.run
	@echo "Adding what the notebook needs to .venv (once; about half a minute)" >&2
	@$(call install,-r $<)
	@touch $@

.writers-venv/new/.done: requirements/writers.txt
.writers-venv/old/.done: requirements/writers-old.txt
.writers-venv/new/.done .writers-venv/old/.done: | .venv/.dev
	@$(BIN)/uv venv --quiet --clear --python 3.11 $(@D)
	@$(BIN)/uv pip install --quiet --python $(@D)/bin/python --require-hashes -r $<
	@touch $@

.writers-venv/node/.done: tests/writers/package-lock.json
	@command -v npm >/dev/null || { echo "writers-test needs Node with npm, and it is not here"; exit 1; }
	@mkdir -p $(@D) && cp tests/writers/package.json tests/writers/package-lock.json $(@D)
	@npm ci --prefix $(@D) --ignore-scripts --silent --no-audit --no-fund
	@touch $@

define install
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(if $(filter -r,$(1)),--require-hashes --no-deps) $(1) >.venv/install.log 2>&1 || \
	  { echo "The install failed: $$(grep -m1 ERROR .venv/install.log). All of it is in .venv/install.log"; exit 1; }
endef
