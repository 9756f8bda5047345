# make lab         JupyterLab on the start notebook
# make test        every tier of checks, with a table of times
# make check       lint and types only
# make extension   build the JupyterLab extension (Node comes from a Python package)
# make clean       remove the environment and everything built
#
# PYTHON=...       the Python that makes the environment (3.11 or newer)
# TORCH_INDEX=...  where there is no CUDA driver: the CPU index that PyTorch's install page gives

PYTHON ?= python3
TIERS ?=
export TORCH_INDEX

.PHONY: lab test check extension clean

lab:
	@$(PYTHON) .ci/environment.py lab
	@.venv/bin/workbench lab notebooks

test:
	@bash .ci/system.sh
	@$(PYTHON) .ci/environment.py test
	@.venv/bin/python .ci/tiers.py $(TIERS)

check:
	@$(PYTHON) .ci/environment.py test
	@.venv/bin/python .ci/tiers.py lint types

extension:
	@$(PYTHON) .ci/environment.py test
	@.venv/bin/python .ci/extension.py build

clean:
	rm -rf .venv build dist .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
