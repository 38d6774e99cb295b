# Each target sets up what it needs, once: a virtual environment beside this file.
#
#   make moons [ARGS="--steps 50"]   train the network, print, write the picture
#   make test                        tests, doctests, type checks, style
#   make bench [only=NAME]           side by side with the peers
#   make wheel, make check-wheel     build; install into an empty environment and try
#   make test-lowest                 the tests on the lowest versions of the dependencies
#   make format                      rewrite the files in the one style
#   make clean                       remove what all of these made

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
BENCH_BIN := .venv-bench/bin
BENCH_READY := .venv-bench/.ready
PIP := -m pip install --quiet --disable-pip-version-check

# pyright: silence about newer versions.
export PYRIGHT_PYTHON_IGNORE_WARNINGS := 1

.PHONY: moons test pytest mypy pyright ruff format bench wheel check-wheel test-lowest clean

moons: $(READY)
	$(BIN)/python examples/moons.py $(ARGS)

test: pytest mypy pyright ruff

pytest: $(READY)
	$(BIN)/python -m pytest $(ARGS)

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
	cd build/check-wheel && ../../$(BIN)/python -m mypy --strict --config-file= \
		--python-executable bin/python user.py

# Not what the checkers say of misuse: it names types as the newest NumPy does.
test-lowest:
	rm -rf build/lowest
	$(PYTHON) -m venv build/lowest
	build/lowest/bin/python $(PIP) --editable '.[test]' --requirement tests/lowest.txt
	build/lowest/bin/python -m pip freeze | grep -E '^(numpy|attrs|optree)='
	build/lowest/bin/python -m pytest $(ARGS) --deselect=tests/test_typing.py::test_misuse_is_rejected

clean:
	rm -rf .venv .venv-bench build dist out .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python $(PIP) --editable '.[test,examples]'
	$(BIN)/python -m compileall -q tapegrad
	touch $@

$(BENCH_READY): pyproject.toml
	$(PYTHON) -m venv .venv-bench
	$(BENCH_BIN)/python $(PIP) --editable '.[bench]'
	$(BENCH_BIN)/python -m compileall -q tapegrad
	touch $@
