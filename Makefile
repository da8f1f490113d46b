# The words of this project. `make help` lists them; GitHub Actions and .ci/run call the same ones.
.DEFAULT_GOAL := help
SHELL := /bin/sh

VENV   := .venv
BIN    := $(VENV)/bin
PYTHON ?= python3
RUN    ?= runs/closed-loop
SEED   ?= 0
WORKERS ?= $(shell nproc 2>/dev/null || echo 2)
TRAFFIC ?= 0
PROFILE ?= cpu
TRAIN ?= runs/train
TRAIN_ARGS ?=
TRAINED := $(wildcard $(TRAIN)/checkpoints/student/best)
STUDENT ?= $(or $(TRAINED),shipped/student)
STUDENT_RUN ?= $(if $(TRAINED),$(TRAIN)/closed-loop,$(RUN)-student)
PYTEST_ARGS ?=
PEERS ?= no
SOAK_ARGS ?=
EYES_ARGS ?=
SERVER ?=
IMAGE ?=
GPUS ?=
IMAGES ?= headless harness
SCENARIO_RUNNER ?=
LEADERBOARD ?=
CARLA_AGENTS ?=
COMPAT_ARGS ?=
MUTATION_ARGS ?=
REGRESSIONS_ARGS ?=

# Compiled kernels of the simulator are kept here, so that only the first start compiles.
export NUMBA_CACHE_DIR ?= $(CURDIR)/$(VENV)/numba-cache

.PHONY: help core setup check test mutation regressions train closed-loop bench eyes soak parity compat docker \
  docs format clean

help:  ## list the words
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "  Settings: TRAFFIC=$(TRAFFIC) SEED=$(SEED) WORKERS=$(WORKERS) RUN=$(RUN) PYTHON=$(PYTHON) SERVER=docker IMAGE=... GPUS=0,1 PYTEST_ARGS='-k gate'"

core: $(VENV)/core.stamp  ## make .venv with what driving and judging need, no more

setup: $(VENV)/dev.stamp  ## make .venv with everything for development (the other words do this by themselves)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' || { \
	  echo "drivegate needs Python 3.11 or 3.12 (CARLA's client exists for no later one)."; \
	  echo "Found: $$($(PYTHON) --version 2>&1). Name another one: make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)

# Compiling the simulator's kernels once here saves every later start half a minute.
$(VENV)/core.stamp: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .
	$(BIN)/python -m simulator --warm-up
	@touch $@

$(VENV)/docker.stamp: pyproject.toml constraints.txt | $(VENV)/core.stamp
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[docker]'
	@touch $@

# torch comes first and alone: resolved together with the rest, another version may bring several GB of CUDA.
$(VENV)/torch.stamp: constraints.txt | $(VENV)/core.stamp
	$(BIN)/python -m pip install --quiet torch==2.13.0
	@touch $@

$(VENV)/dev.stamp: pyproject.toml constraints.txt | $(VENV)/torch.stamp
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev,train,export]'
	@touch $@

check: $(VENV)/dev.stamp  ## style, types and the arrows between the rooms
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/dev.stamp  ## let ruff rewrite what it can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

test: $(VENV)/dev.stamp  ## all tests: real simulator processes, the real carla client, no GPU
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup $(PYTEST_ARGS)

mutation: $(VENV)/dev.stamp  ## are all lines of gate and score tested, and do tests notice small wrong changes? (minutes)
	$(BIN)/python -m pytest -q tests/unit/test_gate_*.py tests/unit/test_score_*.py tests/property/test_gate_*.py \
	  tests/property/test_score_*.py --cov=harness/gate --cov=harness/score --cov-fail-under=100
	$(BIN)/python -m tests.mutation $(MUTATION_ARGS)

regressions: $(VENV)/dev.stamp  ## drive experts with real defects, and spoilt students: does the gate find them? (an hour)
	$(BIN)/python -m tests.regressions --workers $(WORKERS) --out runs/regressions $(REGRESSIONS_ARGS)
	$(BIN)/python -m tests.regressions.students --workers $(WORKERS) --out runs/students $(STUDENTS_ARGS)

# Call it again after an interruption: it goes on where it was. The commands alone: make train TRAIN_ARGS=--show
train: $(VENV)/dev.stamp  ## collect demonstrations and train a camera student: PROFILE=cpu (40 minutes), gpu or full
	$(BIN)/drivegate pipeline --profile $(PROFILE) --out $(TRAIN) --workers $(WORKERS) $(TRAIN_ARGS)

# The expert drives Longest6; the student drives a town and weathers that its training never shows, beside expert and constant.
# It is that of `make train` if there is one, else the one that comes with drivegate; STUDENT names another.
# SERVER=docker IMAGE=... GPUS=0,1 drives the same on containers, SERVER=remote:host:port on a CARLA that runs already.
ON = --server $(or $(SERVER),embedded) $(if $(IMAGE),--image $(IMAGE)) $(if $(GPUS),--gpus $(GPUS)) \
  --traffic $(TRAFFIC) --workers $(WORKERS) --seed $(SEED) --resume
closed-loop: $(if $(filter docker,$(SERVER)),$(VENV)/docker.stamp,$(VENV)/core.stamp)  ## drive 12 Longest6 routes with the expert and 12 held-out ones with a camera student; gate both; report
	$(BIN)/drivegate run --suite longest6-town01 --suite longest6-town02 --policy expert --policy constant \
	  $(ON) --out $(RUN)
	$(BIN)/drivegate run --suite held-out-town02 --policy student --policy expert --policy constant \
	  --policy-arg student.checkpoint=$(STUDENT) $(ON) --out $(STUDENT_RUN)
	@PATH="$(CURDIR)/$(BIN):$$PATH"; code=0; ci/verdict.sh $(RUN) expert || code=$$?; \
	ci/verdict.sh $(STUDENT_RUN) student || code=$$?; exit $$code

# PEERS=yes brings the other simulators of the comparison (1 GB); without them it says what it skipped.
bench: $(VENV)/dev.stamp  ## timings as ratios in one run: start, client, other simulators, traffic manager, harness, drawing
	$(if $(filter yes,$(PEERS)),$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[bench]')
	$(BIN)/python -m harness.bench
	$(BIN)/python -m tests.eyes.bench

parity: $(VENV)/dev.stamp  ## ask a CARLA (SERVER=host:port; ours without) what ours answers, and report the differences
	$(BIN)/python -m tests.parity $(if $(SERVER),--server $(SERVER)) $(if $(ACCEPT),--accept)

eyes: $(VENV)/dev.stamp  ## boxes of vehicles against what the client's cameras see: 500 random views in each town
	$(BIN)/python -m tests.eyes $(EYES_ARGS)

soak: $(VENV)/dev.stamp  ## the client's traffic manager drives 100 vehicles for 10,000 ticks through each town
	$(BIN)/python -m tests.soak $(if $(SERVER),--server $(SERVER)) $(SOAK_ARGS)

compat: $(VENV)/dev.stamp  ## ScenarioRunner and the Leaderboard on our server: docs/compatibility.md
	@test -n "$(SCENARIO_RUNNER)" -a -n "$(LEADERBOARD)" -a -n "$(CARLA_AGENTS)" || { \
	  echo "Name the clients: make compat SCENARIO_RUNNER=/path LEADERBOARD=/path CARLA_AGENTS=/path/PythonAPI/carla"; \
	  echo "Versions and where to get them: docs/compatibility.md"; exit 2; }
	@test -x $(VENV)/compat/bin/python || $(PYTHON) -m venv $(VENV)/compat
	$(VENV)/compat/bin/python -m pip install --quiet -r "$(SCENARIO_RUNNER)/requirements.txt" -r tests/compat/requirements.txt
	$(BIN)/python -m tests.compat --scenario-runner "$(SCENARIO_RUNNER)" --leaderboard "$(LEADERBOARD)" \
	  --carla-agents "$(CARLA_AGENTS)" --python $(VENV)/compat/bin/python $(if $(SERVER),--server $(SERVER)) $(COMPAT_ARGS)

# Settings: BASE, TAG, EXTRAS, TORCH (docker/build.sh explains them); IMAGES="headless carla" for CARLA's layer.
docker: $(VENV)/docker.stamp  ## build the images drivegate/headless and drivegate/harness: docs/docker.md
	PYTHON=$(BIN)/python docker/build.sh $(IMAGES)

docs: $(VENV)/dev.stamp  ## regenerate the pages that are made from code
	$(BIN)/python -m simulator.coverage
	$(BIN)/python docs/generate.py
	$(BIN)/python docs/calibration.py
	$(BIN)/python docs/vehicles.py
	$(BIN)/python docs/scene.py
	$(BIN)/python docs/gallery.py
	$(BIN)/python docs/report.py
	$(BIN)/python docs/sensors.py

clean:  ## remove .venv and caches (never your runs)
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
