# Everything starts from python3 alone: `make demo` and `make test` make their environment themselves.
PYTHON ?= python3
VENV   ?= .venv
HOST   ?= 127.0.0.1
PORT   ?= 8000
DATA   ?= data
SERVE  ?= 1
TESTERS ?= 2

BIN      := $(VENV)/bin
STAMP    := $(VENV)/.setup-stamp
SPARK    := $(VENV)/.spark-stamp
ZHENGMAI := $(BIN)/zhengmai
ASSETS   := api/static/built/manifest.json

export ZHENGMAI_DATA := $(DATA)

# Everything that runs stands on both: the environment, and the scripts of the pages.
READY    := $(STAMP) $(ASSETS)

.PHONY: setup assets demo test pictures serve lint format quality bench api-cases lock clean

setup: $(READY)

assets: $(ASSETS)

# The stamp is written last, so an install that broke off is made again; it is older than the lock or
# pyproject.toml exactly when one of them has changed.
$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "zhengmai needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Say which one to use: make PYTHON=python3.12 ...")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

# Spark, for the tests alone.
$(SPARK): $(STAMP) distributed/requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r distributed/requirements.lock
	@touch $@

# The islands of script on the pages, bundled from api/web by a Node that comes from PyPI.
$(ASSETS): $(STAMP) api/web/package-lock.json api/web/build.py $(shell find api/web/src -type f)
	$(BIN)/python api/web/build.py

demo: $(READY)
	$(ZHENGMAI) build
	$(ZHENGMAI) check --limit 5 || test $$? -eq 1  # 1 says that there are findings, and there are
	$(ZHENGMAI) ask lead-agencies domain=教育
	$(ZHENGMAI) ask targets-against-upper place=赣县区 outcome=减码
ifneq ($(SERVE),0)
	$(ZHENGMAI) serve --host $(HOST) --port $(PORT)
endif

# Each file of tests goes to one of two processes, so that what its tests share is made once.
test: $(READY) $(SPARK)
	$(BIN)/python -m pytest -n $(TESTERS) --dist loadfile

# The pictures of the pages in docs/images, taken anew.
pictures: $(READY)
	$(BIN)/python -m pytest -m pictures

serve: $(READY)
	@test -e $(DATA)/current || $(ZHENGMAI) build
	$(ZHENGMAI) serve --host $(HOST) --port $(PORT)

lint: $(READY) $(SPARK)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(ZHENGMAI) ontology lint

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Measures the reading against gold files (docs/gold.md) and writes the figures under the head of docs/quality.md.
quality: $(STAMP)
	@test -n "$(GOLD)" || { echo "say where the gold files are: make quality GOLD=folder" >&2; exit 2; }
	$(ZHENGMAI) evaluate $(GOLD) --format markdown --lang en --show > docs/quality.part
	sed '/^<!-- make quality/q' docs/quality.md > docs/quality.new
	printf '\nMeasured on %s.\n\n' "$$(date +%F)" | cat docs/quality.new - docs/quality.part > docs/quality.md
	rm docs/quality.new docs/quality.part

bench: $(READY) $(SPARK)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r benchmarks/requirements.lock
	set -e; for file in benchmarks/reading.py benchmarks/faults.py benchmarks/checking.py benchmarks/building.py benchmarks/spark.py \
	    benchmarks/serving.py benchmarks/hostile.py benchmarks/killing.py; do echo "== $$file"; $(BIN)/python $$file; done

# 10,000 requests made up from the OpenAPI description, against a service on the plans that come along.
api-cases: $(STAMP)
	$(BIN)/python benchmarks/api_cases.py

# Needs uv on the path. Names no index, so that whoever installs uses their own.
lock:
	uv pip compile pyproject.toml --extra dev --generate-hashes --universal --python-version 3.11 \
	    --custom-compile-command "make lock" --no-emit-index-url --no-emit-find-links --quiet -o requirements.lock
	uv pip compile --group bench --generate-hashes --universal --python-version 3.11 \
	    --custom-compile-command "make lock" --no-emit-index-url --no-emit-find-links --quiet \
	    -o benchmarks/requirements.lock
	uv pip compile --group spark --generate-hashes --universal --python-version 3.11 \
	    --custom-compile-command "make lock" --no-emit-index-url --no-emit-find-links --quiet \
	    -o distributed/requirements.lock

clean:
	rm -rf $(VENV) $(DATA) build dist api/static/built api/web/node_modules
