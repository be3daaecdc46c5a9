# Everything runs in .venv, which is made from pyproject.toml when first needed and again when that file changes.
# Python 3.11 or newer and make are all that has to be there.

# The packet that `make demo` asks about: a pod asks another for port 80, and a network policy forbids it.
DEMO := why corpora/calico-after --in calia7a3e029a7b --src 10.244.1.10 --dst 10.244.1.11 --proto tcp --dport 80

PYTHON ?= python3
JOBS   ?= auto
BIN    := .venv/bin
PYTEST := $(BIN)/python -m pytest
SUDO   := $(if $(filter-out 0,$(shell id -u)),sudo)

unexport PYTHONPATH PYTHONHOME PYTHONSTARTUP

.PHONY: help venv demo test laws lint types oracle golden bench agreement mutants clean

help:     ## this list
	@sed -n 's/^\([a-z]*\): .*## /  make \1	/p' $(MAKEFILE_LIST) | expand -t 17

venv:     ## set up .venv, if it is not up to date
	@$(PYTHON) -I .ci/make_venv.py

demo: venv     ## walk one packet through a saved node
	$(BIN)/ruleparse $(DEMO)

test: venv     ## the everyday suite, under two minutes
	$(PYTEST) -m "not oracle and not bench" -n $(JOBS) $(ARGS)

laws: venv     ## what holds of query and diff, on ten times as many examples
	RULEPARSE_TIMES=10 $(PYTEST) -n $(JOBS) tests/query/test_laws.py tests/query/test_bridge_laws.py $(ARGS)

lint: venv     ## ruff
	$(BIN)/ruff check

types: venv     ## mypy
	$(BIN)/mypy

oracle: venv     ## compare with a real kernel and a real vswitchd; needs root
	$(SUDO) $(BIN)/python -B -m pytest -p no:cacheprovider -m oracle -rs $(ARGS)

golden: venv     ## rewrite tests/golden with what the code says now; read the diff
	$(PYTEST) -m "not oracle and not bench" -n $(JOBS) --update-golden $(ARGS)

bench: venv     ## time and memory on large nodes and bridges, beside their own tools; as root to have all beside
	$(BIN)/python -m pip install --quiet --editable '.[bench]'
	$(BIN)/python -m benchmarks.speed $(ARGS)

agreement: venv     ## how often a recorded kernel agrees, by match and target
	$(BIN)/python -m benchmarks.agreement $(ARGS)

mutants: venv     ## how many planted defects lint finds, by rule
	$(BIN)/python -m benchmarks.mutants $(ARGS)

clean:     ## remove everything that is made here
	rm -rf .venv dist .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name .git -prune -o -name __pycache__ -prune -exec rm -rf {} +
