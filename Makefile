# Everything a person needs to know is `make help`.
PORT ?= 8000
PYTHON ?= python3
BIN := .venv/bin
export PORT

.PHONY: help run test lint fix bench db strings lock
.DEFAULT_GOAL := help

help: ## say what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' Makefile

define prepare
	@command -v $(PYTHON) >/dev/null || { echo "Vigil needs Python 3.11 or newer: install python3 and python3-venv."; exit 1; }
	@$(PYTHON) tools/environment.py $(1)
endef

run: ## try it: everything on this machine, Ctrl-C stops it (PORT=8000)
	$(call prepare,run)
	@exec $(BIN)/python -m demo

test: ## all that CI runs
	$(call prepare,test)
	@$(MAKE) --no-print-directory lint
	@$(BIN)/python -m pytest --numprocesses=auto --maxprocesses=4 --dist=loadfile

lint: ## style, types, templates, catalogues
	$(call prepare,test)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/djlint --quiet --check --lint templates demo
	@$(BIN)/python -m tools.catalogues --check

fix: ## put the style right where a program can
	$(call prepare,test)
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .
	@$(BIN)/djlint --quiet --reformat templates demo || true

bench: ## speed, side by side, into bench/RESULTS.md
	$(call prepare,bench)
	@$(BIN)/python -m bench

db: ## bring the database up to date
	$(call prepare,run)
	@$(BIN)/flask --app app db upgrade

strings: ## collect the words of pages and mails into the catalogues
	$(call prepare,test)
	@$(BIN)/python -m tools.catalogues

lock: ## resolve pyproject.toml anew into requirements/ (needs uv)
	@command -v uv >/dev/null || { echo "make lock needs uv: see https://docs.astral.sh/uv/"; exit 1; }
	@set -e; for part in run: demo:demo test:demo,test; do \
	  extras=$$(echo $${part#*:} | sed 's/[^,][^,]*/--extra &/g; s/,/ /g'); \
	  uv pip compile pyproject.toml $$extras --universal --generate-hashes --python-version 3.11 \
	    --no-annotate --no-header --no-emit-index-url -q -o requirements/$${part%%:*}.txt; done
	@echo "stripe<16" | uv pip compile - --no-deps --generate-hashes --python-version 3.11 \
	  --no-annotate --no-header --no-emit-index-url -q -o requirements/stripe15.txt
