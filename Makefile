.PHONY: check test lint type fmt deps

check test:
	./tests/run

lint: .venv
	.venv/bin/python -m ruff check .
	.venv/bin/python -m ruff format --check .

type: .venv
	.venv/bin/python -m mypy

fmt: .venv
	.venv/bin/python -m ruff check --fix .
	.venv/bin/python -m ruff format .

deps:
	./tests/deps

.venv: requirements/dev.txt
	./tests/run --version
	touch .venv
