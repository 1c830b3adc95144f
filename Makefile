# make smoke: the main job on the embedded default. make test: the tests. Both install into .venv first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# An index that offers torch's CPU builds (`+cpu`), where pip's own configuration names none.
TORCH_INDEX ?=

.PHONY: install smoke test lint bench chaos fuzz planted screenshots switches appendix docs clean

install: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml images/torch-cpu.txt
	$(PYTHON) -m venv $(VENV)
	@# Without an NVIDIA driver the CPU build is enough, and two gigabytes smaller.
	if ! command -v nvidia-smi >/dev/null; then \
	  $(BIN)/pip install --quiet $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) -r images/torch-cpu.txt \
	  || echo "no CPU build of torch found: set TORCH_INDEX to PyTorch's CPU index to avoid the CUDA packages"; \
	fi
	$(BIN)/pip install --quiet -e '.[job,test]'
	touch $@

smoke: install
	$(BIN)/xlt-kit run recipes/smoke.yaml

test: install lint
	$(BIN)/python -m pytest -q -n 2 --dist loadfile tests

lint: install
	$(BIN)/ruff check kit tests
	$(BIN)/mypy
	$(BIN)/lint-imports

# Hundreds of random kills over the smoke recipe, and a death and a full disk at every change of a file. An hour or two.
chaos: install
	CHAOS_KILLS=$(or $(KILLS),300) CHAOS_POINTS=0 $(BIN)/python -m pytest -q -s tests/chaos

# Which causes the claims name where the fault is known, with five seeds; into docs/planted.md. One to three hours.
planted: install
	$(BIN)/python -m tests.planted.matrix build/planted $(or $(SEEDS),5)

# What every switch does alone to the embedded model; into docs/switches.md. Some ten minutes.
switches: install
	$(BIN)/python -m tests.switches.effects build/switches

# Some hundred thousand made-up recipes, catalogs and data files.
fuzz: install
	FUZZ=$(or $(FACTOR),50) $(BIN)/python -m pytest -q -n auto tests/recipe/test_fuzz.py tests/catalog/test_fuzz.py \
	  tests/data/test_fuzz.py tests/data/test_damage.py

# The pictures of the README, from a run of the smoke recipe: some three minutes.
screenshots: install
	$(BIN)/python -m tests.tui.screenshots

# The artifact appendix, from the recipes, their claims and measured times.
appendix: install
	$(BIN)/python -m kit.api.appendix docs/appendix.md

# The pages as a site, in build/docs.
docs: install
	$(BIN)/python -m sphinx -W -b html docs build/docs

bench: install
	$(BIN)/pip install --quiet -e '.[bench]'
	@for part in $(or $(PARTS),start screen log heat generate growth agreement tune lens host containers); do \
	  $(BIN)/python -m tests.bench.$$part || exit 1; \
	done
	$(BIN)/python -m tests.bench.write

clean:
	rm -rf $(VENV) build *.egg-info
