# Every target sets up its own environment first. One stamp file says that this is done, so a second call is instant.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
HOOK := --jaxtyping-packages=fwp,beartype.beartype

.PHONY: demo bench docs test test-slow signatory proofs lint format clean

# Train a Delta CDE on spoken vowels; the table, the pictures and the weights land in runs/.
demo: $(READY)
	$(BIN)/fwp run japanese-vowels --out runs/japanese-vowels

# Time training steps against those of others, on this machine; tables are printed, json and pictures land in benchmarks/results.
# It takes an hour or two and wants the machine for itself; BENCH='--only short --repeats 3' measures less.
bench: $(READY)
	$(BIN)/pip install -q -c constraints.txt -e '.[bench-speed]'
	$(BIN)/fwp bench speed $(BENCH)

# Three sessions: every annotation checked at run time; then what users see, without that check; then times, on a quiet machine.
# Two workers with one thread each: torch would otherwise start a thread per core in each of them.
test: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 $(HOOK) -m "not nohook and not timing and not slow"
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 -m "(users or nohook) and not timing and not slow"
	$(BIN)/pytest -m "timing and not slow"

test-slow: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 -m slow

# Signatory, for log-signatures of more than depth 2, and the tests that need it. Its sdist imports torch to build itself, which
# an isolated build would not find; it compiles for some five minutes, and for this torch alone: hence no cached wheel either.
signatory: $(READY)
	MAX_JOBS=2 $(BIN)/pip install -c constraints.txt --no-build-isolation --no-cache-dir signatory
	OMP_NUM_THREADS=1 $(BIN)/pytest $(HOOK) tests/controls/test_signature.py

# The documentation, as pages that need no other site, in site/. A warning ends it, but for the theme's own about mkdocs 2.
docs: $(READY)
	$(BIN)/pip install -q -c constraints.txt -e '.[docs]'
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

# Every theorem about the rules, compiled and read again; says how to get Coq where it is not. It needs no environment.
proofs:
	$(PYTHON) proofs/check.py

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports

format: $(READY)
	$(BIN)/ruff check --fix --exit-zero .
	$(BIN)/ruff format .

# torch in a call of its own: with it in place nothing after it can pull another build. Always through the constraints.
$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -c constraints.txt torch
	$(BIN)/pip install -c constraints.txt -e '.[test]'
	touch $@

clean:
	rm -rf .venv site .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	cd proofs && rm -f *.vo *.vos *.vok *.glob .*.aux .*.cache Makefile.coq* .Makefile.coq.d
