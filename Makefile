# Each target sets up what it needs, once: a virtual environment beside this file.
#
#   make moons [ARGS="--steps 50"]   train the network, print, write the picture
#   make test                        tests, doctests, type checks, style
#   make test-pythons                these and check-wheel, with every Python that is found
#   make bench [only=NAME]           side by side with the peers
#   make fuzz [minutes=10] [seed=0]  programs at random, against JAX, differences and NumPy
#   make mutate [sample=200] [seed=0]  the package with one thing wrong: do the tests notice?
#   make wheel, make check-wheel     build; install into an empty environment and try
#   make test-lowest                 the tests on the lowest versions of the dependencies
#   make format                      rewrite the files in the one style
#   make clean                       remove what all of these made

# Another Python needs an environment of its own: make test PYTHON=python3.13 VENV=.venv-3.13
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
BENCH_BIN := .venv-bench/bin
BENCH_READY := .venv-bench/.ready
MUTATE_READY := .venv-mutate/.ready
PIP := -m pip install --quiet --disable-pip-version-check

# One interpreter of each Python that pyproject.toml promises, the oldest first: $(PYTHON), one on
# PATH, or pyenv's. It has to start (pyenv puts names on PATH that may not) and to have ensurepip
# (Debian's may not). true: of a command that ends as "not found", make drops what it printed.
PROMISED = $(shell sed -n 's/.*"Programming.*:: \(3\.[0-9]*\)".*/\1/p' pyproject.toml)
IS_IT = import ensurepip, sys; sys.exit('%d.%d' % sys.version_info[:2] != sys.argv[1])
PYTHONS = $(shell pyenv=$${PYENV_ROOT:-$$HOME/.pyenv}/versions; \
	for version in $(PROMISED); do \
		installed=$$(ls -d $$pyenv/$$version.*[0-9]/bin/python | sort -rV); \
		for python in $(PYTHON) python$$version $$installed; do \
			$$python -c "$(IS_IT)" $$version && command -v $$python && break; \
		done; \
	done 2>/dev/null; true)

# Tests on as many cores as there are; one that has nothing left to do takes from another.
SHARED := --numprocesses=auto --dist=worksteal

# pyright: silence about newer versions.
export PYRIGHT_PYTHON_IGNORE_WARNINGS := 1

.PHONY: moons test test-pythons pythons pytest mypy pyright ruff format bench fuzz mutate \
	wheel check-wheel test-lowest clean

moons: $(READY)
	$(BIN)/python examples/moons.py $(ARGS)

test: pytest mypy pyright ruff

test-pythons:
	@test -n "$(PYTHONS)" || { echo "found no Python of $(PROMISED)" >&2; exit 1; }
	@for python in $(PYTHONS); do \
		version=$$($$python -c "import sys; print('%d.%d' % sys.version_info[:2])") && \
		echo "== Python $$version: $$python" && \
		$(MAKE) test check-wheel PYTHON=$$python VENV=.venv-$$version || exit 1; \
		passed="$$passed $$version"; \
	done; echo "== passed with Python$$passed, of $(PROMISED)"

pythons:
	@printf '%s\n' $(PYTHONS)

# All of them on all cores, which have to reach every branch; or else what ARGS says.
pytest: $(READY)
	$(BIN)/python -m pytest $(or $(ARGS),$(SHARED) --cov)

mypy: $(READY)
	$(BIN)/python -m mypy

pyright: $(READY)
	$(BIN)/python -m pyright --project pyproject.toml --pythonpath $(BIN)/python

ruff: $(READY)
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .

format: $(READY)
	$(BIN)/python -m ruff check --fix .
	$(BIN)/python -m ruff format .

bench: $(BENCH_READY)
	$(BENCH_BIN)/python -m bench $(if $(only),--only $(only)) $(ARGS)

# Until the time is over; each failure once, made short, as a program to paste (out/fuzz).
fuzz: $(BENCH_READY)
	$(BENCH_BIN)/python -m tests.programs $(if $(minutes),--minutes $(minutes)) \
		$(if $(seed),--seed $(seed)) $(ARGS)

# In copies of the tree, in build/mutate. About an hour for 200 on two processors.
mutate: $(MUTATE_READY)
	.venv-mutate/bin/python -m tests.mutation $(if $(sample),--sample $(sample)) \
		$(if $(seed),--seed $(seed)) $(ARGS)

wheel: $(READY)
	rm -rf dist
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir dist .

# accepted.py is what users write, and a program. Far from the sources: the wheel must do.
check-wheel: wheel
	rm -rf build/check-wheel
	$(PYTHON) -m venv build/check-wheel
	build/check-wheel/bin/python $(PIP) dist/*.whl
	cp tests/typing/accepted.py build/check-wheel/user.py
	cd build/check-wheel && bin/python -I -W error user.py
	cd build/check-wheel && $(abspath $(BIN))/python -m mypy --strict --config-file= \
		--python-executable bin/python user.py

# Not what the checkers say of misuse: it names types as the newest NumPy does.
test-lowest:
	rm -rf build/lowest
	$(PYTHON) -m venv build/lowest
	build/lowest/bin/python $(PIP) --editable '.[test]' --requirement tests/lowest.txt
	build/lowest/bin/python -m pip freeze | grep -E '^(numpy|attrs|optree)='
	build/lowest/bin/python -m pytest $(or $(ARGS),$(SHARED)) --deselect=tests/test_typing.py::test_misuse_is_rejected

clean:
	rm -rf .venv .venv-* build dist out .mypy_cache .pytest_cache .ruff_cache .hypothesis \
		.coverage .coverage.*
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python $(PIP) --editable '.[test,examples]'
	$(BIN)/python -m compileall -q tapegrad
	touch $@

$(BENCH_READY): pyproject.toml
	$(PYTHON) -m venv .venv-bench
	$(BENCH_BIN)/python $(PIP) --editable '.[bench]'
	$(BENCH_BIN)/python -m compileall -q tapegrad
	touch $@

$(MUTATE_READY): pyproject.toml
	$(PYTHON) -m venv .venv-mutate
	.venv-mutate/bin/python $(PIP) --editable '.[mutate]'
	touch $@
