# The one entry point: what is typed here is what CI runs.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
ROWS   ?= 2000000
DEMO   ?= demo
PLAIN  := not slow and not network and not browser and not spark and not kafka and not s3 and not monitoring

.PHONY: help demo test coverage test-all test-browser test-monitoring test-spark test-kafka test-s3 faults lint format docs bench bench-increment bench-commerce bench-stream bench-large bench-serve bench-dashboard bench-engines clean

help:  ## Say what there is
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "make %-15s %s\n", $$1, $$2}'

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "Python 3.10 or newer is needed: make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

# An environment with the program alone; made again when its dependencies change.
$(VENV)/.installed: $(BIN)/python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --group dev
	@touch $@

# Measured is what `pip install clicklake` gives, without what the developers need beside it.
BENCH := $(VENV)-bench/.installed
$(BENCH): pyproject.toml
	$(PYTHON) -m venv $(VENV)-bench
	$(VENV)-bench/bin/python -m pip install --quiet --upgrade pip
	$(VENV)-bench/bin/python -m pip install --quiet --editable .
	@touch $@

demo: $(VENV)/.installed  ## Generate 2,000,000 events and the shop's orders, run everything, print the reports
	$(BIN)/clicklake demo $(DEMO) --rows $(ROWS)
	@echo "The program is in $(BIN): source $(BIN)/activate"

test: $(VENV)/.dev  ## Run the test suite
	$(BIN)/python -m pytest -n 2 -m "$(PLAIN)" $(ARGS)

coverage: $(VENV)/.dev  ## The test suite, and which lines it runs: takes half as long again
	$(BIN)/python -m pytest -n 2 --cov --cov-report=term:skip-covered -m "$(PLAIN)" $(ARGS)

test-all: $(VENV)/.dev  ## Run every test, those that are slow or need a package registry too
	$(BIN)/python -m pytest -n 2 $(ARGS)

test-browser: $(VENV)/.dev  ## Look at the pages in Chromium; BROWSER_PICTURES=DIR keeps pictures of them
	$(BIN)/python -m pytest -m browser $(ARGS) tests/browser

test-monitoring: $(VENV)/.dev  ## Metrics, rules and dashboard with a real Prometheus, which must be installed
	$(BIN)/python -m pytest -m monitoring $(ARGS) tests/monitoring

# The jars of a broker, about 43 MB, where Maven and Java are there to have and to run them.
KAFKA_JARS ?= .tools/kafka
$(KAFKA_JARS)/.fetched: tests/kafka/pom.xml
	@command -v java >/dev/null && command -v mvn >/dev/null || { echo "make test-kafka needs Java 17 or newer and Maven"; exit 1; }
	mvn --quiet --batch-mode --file tests/kafka/pom.xml dependency:copy-dependencies -DoutputDirectory=$(abspath $(KAFKA_JARS))
	@touch $@

test-kafka: $(VENV)/.dev $(KAFKA_JARS)/.fetched  ## Streams against a real Kafka broker, which it fetches and runs by itself
	KAFKA_JARS=$(abspath $(KAFKA_JARS)) $(BIN)/python -m pytest -m "kafka and not slow" $(ARGS) tests/kafka

# What Spark needs beside: pyspark, and Java 17 or newer, which must be there.
$(VENV)/.spark: $(VENV)/.dev pyproject.toml
	$(BIN)/python -m pip install --quiet --editable '.[spark]'
	@touch $@

test-spark: $(VENV)/.spark  ## Run on Spark what the others run on DuckDB, and compare; needs Java
	$(BIN)/python -m pytest -n 2 --dist loadscope -m "spark and not slow" $(ARGS) tests/spark

VERSITYGW ?= .tools/versitygw
$(VERSITYGW):
	@command -v go >/dev/null || { echo "make test-s3 needs go, with which it installs an S3 server (versitygw)"; exit 1; }
	GOBIN="$(abspath $(dir $@))" go install github.com/versity/versitygw/cmd/versitygw@latest

test-s3: $(VENV)/.dev $(VERSITYGW)  ## The lake and its sources on a real S3 server, which it installs and runs by itself
	VERSITYGW="$(abspath $(VERSITYGW))" $(BIN)/python -m pytest -m "s3 and not slow" $(ARGS) tests/s3

faults: $(VENV)/.dev  ## Kill 1,000 runs and print the score; ARGS="--kills 100 --seed 2" for fewer or others
	PYTHONPATH=tests $(BIN)/python -m faults $(ARGS)

lint: $(VENV)/.dev  ## ruff, mypy, sqlfluff
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/sqlfluff lint --disable-progress-bar src/clicklake/shop

format: $(VENV)/.dev  ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/.dev  ## Generate the reference and the Grafana dashboard from the code
	$(BIN)/python scripts/generate_docs.py
	$(BIN)/python scripts/generate_dashboard.py

bench: $(BENCH)  ## Measure against the floor and two peers; writes docs/performance.md
	$(VENV)-bench/bin/python -m benchmarks.run $(ARGS)

bench-increment: $(BENCH)  ## A day on a year of 18,000,000 events, and 1,000 small increments
	$(VENV)-bench/bin/python -m benchmarks.increment $(ARGS)

bench-commerce: $(BENCH)  ## 2,000,000 clicks with 500,000 order lines against the clicks alone
	$(VENV)-bench/bin/python -m benchmarks.commerce $(ARGS)

bench-stream: $(BENCH) $(KAFKA_JARS)/.fetched  ## 5,000,000 messages of a full Kafka broker, and 2,000 a second for minutes
	$(VENV)-bench/bin/python -m pip install --quiet --editable '.[kafka]'
	KAFKA_JARS=$(abspath $(KAFKA_JARS)) $(VENV)-bench/bin/python -m benchmarks.streaming $(ARGS)

bench-large: $(BENCH)  ## 200,000,000 events, generated in parts
	$(VENV)-bench/bin/python -m benchmarks.large $(ARGS)

bench-serve: $(BENCH)  ## The API on 2,000,000 events: requests a second at 1, 8 and 32 clients
	$(VENV)-bench/bin/python -m pip install --quiet --editable '.[api]'
	$(VENV)-bench/bin/python -m benchmarks.serve $(ARGS)

bench-dashboard: $(BENCH)  ## The dashboard's pages in a browser on 2,000,000 and 20,000,000 events; needs Chromium
	$(VENV)-bench/bin/python -m pip install --quiet --editable '.[dashboard]'
	$(VENV)-bench/bin/python -m benchmarks.dashboard $(ARGS)

bench-engines: $(VENV)/.spark  ## Both engines and a PySpark script, 2,000,000 and 20,000,000 events; needs Java
	$(BIN)/python -m benchmarks.engines $(ARGS)

clean:  ## Remove the environment and what the demo made
	rm -rf $(VENV) $(VENV)-bench demo .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage
