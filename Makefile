# Every target sets up what it needs: `make demo` and `make test` work in a fresh clone.
# PYTHON chooses the interpreter of the environments, e.g. make test PYTHON=python3.10

PYTHON ?= python3
# Processes of pytest; each takes its share of the cores (tests/conftest.py). Three keep two cores
# busy while one of them waits for a process that its test has started.
WORKERS ?= 3
PYTEST := -m pytest --quiet --numprocesses=$(WORKERS) --dist=loadfile

VENV := .venv
CURRENT := .venv-current
PEERS := .venv-peers
PIP_INSTALL := -m pip install --quiet --disable-pip-version-check

.PHONY: help demo app test test-current test-wheel test-peers test-app browser lint docs bench clean

help:
	@echo 'make demo          track a head in a real clip; writes demo_output/'
	@echo 'make app           open a page to draw boxes on a video and track them'
	@echo 'make test          run the tests'
	@echo 'make test-current  run the tests on the current TensorFlow (Keras 3)'
	@echo 'make test-wheel    build the wheel and track with it in an empty environment'
	@echo 'make test-peers    compare with got10k and vot-toolkit, in an environment of their own'
	@echo 'make test-app      use the page of make app by the mouse, in Chromium'
	@echo 'make browser       install the Chromium of make test-app, if there is none'
	@echo 'make lint          check style, format, layers of imports and types'
	@echo 'make docs          build the documents as a site, in site/'
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

$(VENV)/.ready-app: $(VENV)/.ready-demo
	@echo 'Installing what the page needs (Gradio) ...'
	@$(VENV)/bin/python $(PIP_INSTALL) --editable '.[app]'
	@touch $@

# Playwright stands beside the packages, not among them: `make test` is to start no browser.
$(VENV)/.ready-test-app: $(VENV)/.ready-app
	@$(VENV)/bin/python $(PIP_INSTALL) --upgrade --target $(VENV)/playwright 'playwright>=1.49'
	@touch $@

$(VENV)/.ready-docs: $(VENV)/.ready
	@echo 'Installing what the documents need (MkDocs) ...'
	@$(VENV)/bin/python $(PIP_INSTALL) --editable '.[docs]'
	@touch $@

# The stack that Python 3.12 gets, on whatever Python is here: our own requirement of an older
# TensorFlow is passed over by installing the package without its dependencies.
$(CURRENT)/.ready: setup.py tools/requirements.py | $(VENV)/.ready
	@echo 'Setting up $(CURRENT) (downloads TensorFlow; a few minutes, once) ...'
	@$(PYTHON) -m venv $(CURRENT)
	@$(VENV)/bin/python tools/requirements.py 3.12 dev > $(CURRENT)/requirements.txt
	@$(CURRENT)/bin/python $(PIP_INSTALL) 'tensorflow==2.21.*' -r $(CURRENT)/requirements.txt
	@$(CURRENT)/bin/python $(PIP_INSTALL) --no-deps --editable .
	@touch $@

# An environment of its own, for vot-toolkit needs opencv-python, which shares a folder with other
# packages of OpenCV. vot-toolkit 0.8.1 and 0.9.0 fail in every supervised experiment (see
# tests/eval/vot_test.py); attributee 0.1.10 does not import on Python 3.11 and later.
$(PEERS)/.ready: setup.py Makefile
	@echo 'Setting up $(PEERS) (downloads TensorFlow; a few minutes, once) ...'
	@$(PYTHON) -m venv --clear $(PEERS)
	@$(PEERS)/bin/python $(PIP_INSTALL) --editable '.[dev]' \
		got10k==0.1.3 vot-toolkit==0.8.0 'attributee<0.1.10'
	@touch $@

demo: $(VENV)/.ready-demo
	@$(VENV)/bin/python examples/demo.py

app: $(VENV)/.ready-app
	@$(VENV)/bin/python -m gradnet_tf.app

test: $(VENV)/.ready
	@$(VENV)/bin/python $(PYTEST)

test-current: $(CURRENT)/.ready
	@$(CURRENT)/bin/python $(PYTEST)

test-wheel: $(VENV)/.ready
	@$(VENV)/bin/python tools/check_wheel.py

# Runs tests in an environment that has what they need: one that is skipped counts as a failure.
run_all = $(1)/bin/python -m pytest --quiet -rs $(2) > $(1)/report.txt; status=$$?; \
	cat $(1)/report.txt; ! grep -q '[0-9] skipped' $(1)/report.txt && exit $$status

test-peers: $(PEERS)/.ready
	@$(call run_all,$(PEERS),$(addprefix tests/eval/,vot_test.py got10k_test.py \
		got10k_agreement_test.py))

test-app: browser $(VENV)/.ready-test-app
	@export PYTHONPATH=$(abspath $(VENV)/playwright); $(call run_all,$(VENV),tests/app)

# The system's Chromium, for Playwright's own cannot be had everywhere.
browser:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "Gradio needs Python 3.10")'
	@{ chromium --version || chromium-browser --version || google-chrome --version || { \
		apt-get -qq update && apt-get -qq --yes --no-install-recommends install chromium && \
		chromium --version; }; } > /dev/null 2>&1 || \
		{ echo 'There is no Chromium, and apt-get cannot install it.'; exit 1; }

lint: $(VENV)/.ready
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/lint-imports --no-cache
	@$(VENV)/bin/mypy

# The variable silences an advertisement.
docs: $(VENV)/.ready-docs
	@NO_MKDOCS_2_WARNING=1 $(VENV)/bin/python -m mkdocs build --strict

bench: $(VENV)/.ready
	@$(VENV)/bin/python -m gradnet_tf.bench

clean:
	rm -rf $(VENV) $(CURRENT) $(PEERS) build dist demo_output site *.egg-info .pytest_cache .ruff_cache .mypy_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
