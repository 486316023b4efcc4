# Every target sets up what it needs: `make demo` and `make test` work in a fresh clone.
# PYTHON chooses the interpreter of the environments, e.g. make test PYTHON=python3.10

PYTHON ?= python3
# Processes of pytest; each takes its share of the cores (tests/conftest.py). Three keep two cores
# busy while one of them waits for a process that its test has started.
WORKERS ?= 3
PYTEST := -m pytest --quiet --numprocesses=$(WORKERS) --dist=loadfile

VENV := .venv
CURRENT := .venv-current
PIP_INSTALL := -m pip install --quiet --disable-pip-version-check

.PHONY: help demo test test-current test-wheel test-peers lint bench clean

help:
	@echo 'make demo          track a head in a real clip; writes demo_output/'
	@echo 'make test          run the tests'
	@echo 'make test-current  run the tests on the current TensorFlow (Keras 3)'
	@echo 'make test-wheel    build the wheel and track with it in an empty environment'
	@echo 'make test-peers    compare with got10k and vot-toolkit, in an environment of their own'
	@echo 'make lint          check style, format, layers of imports and types'
	@echo 'make bench         measure the speed'
	@echo 'make clean         remove what these commands made'

$(VENV)/.ready: setup.py
	@echo 'Setting up $(VENV) (downloads TensorFlow; a few minutes, once) ...'
	@$(PYTHON) -m venv $(VENV)
	@$(VENV)/bin/python $(PIP_INSTALL) --editable '.[dev]'
	@touch $@

$(VENV)/.ready-demo: $(VENV)/.ready
	@echo 'Installing what the demo needs (the clip and a video decoder) ...'
	@$(VENV)/bin/python $(PIP_INSTALL) --editable '.[demo]'
	@touch $@

# The stack that Python 3.12 gets, on whatever Python is here: our own requirement of an older
# TensorFlow is passed over by installing the package without its dependencies.
$(CURRENT)/.ready: setup.py tools/requirements.py | $(VENV)/.ready
	@echo 'Setting up $(CURRENT) (downloads TensorFlow; a few minutes, once) ...'
	@$(PYTHON) -m venv $(CURRENT)
	@$(VENV)/bin/python tools/requirements.py --python=3.12 --extra=dev > $(CURRENT)/requirements.txt
	@$(CURRENT)/bin/python $(PIP_INSTALL) 'tensorflow==2.21.*' -r $(CURRENT)/requirements.txt
	@$(CURRENT)/bin/python $(PIP_INSTALL) --no-deps --editable .
	@touch $@

demo: $(VENV)/.ready-demo
	@$(VENV)/bin/python examples/demo.py

test: $(VENV)/.ready
	@$(VENV)/bin/python $(PYTEST)

test-current: $(CURRENT)/.ready
	@$(CURRENT)/bin/python $(PYTEST)

test-wheel: $(VENV)/.ready
	@$(VENV)/bin/python tools/check_wheel.py

test-peers:
	@$(PYTHON) tools/check_peers.py

lint: $(VENV)/.ready
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/lint-imports --no-cache
	@$(VENV)/bin/mypy

bench: $(VENV)/.ready
	@$(VENV)/bin/python -m gradnet_tf.bench

clean:
	rm -rf $(VENV) $(CURRENT) .venv-peers build dist demo_output *.egg-info .pytest_cache .ruff_cache .mypy_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
