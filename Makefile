# Two commands do all on a fresh machine: `make demo` runs the whole pipeline offline, `make test` passes the tests.
PY := .venv/bin/python
export TOKENIZERS_PARALLELISM := false

.PHONY: setup demo test test-vllm soak check format bench bench-data bench-training clean

setup: .venv/ready

.venv/ready: pyproject.toml constraints.txt .ci/setup
	.ci/setup

demo: setup
	$(PY) -m qrd demo

# Two worker processes with one thread each: the suite is many small models, not one large one.
test: setup
	OMP_NUM_THREADS=1 $(PY) -m pytest -n 2 --dist worksteal

# vLLM wants versions of its own, so it has an environment of its own; where no wheel fits, this says so and ends well.
test-vllm: setup
	.ci/vllm
	if [ -e .venv-vllm/ready ]; then OMP_NUM_THREADS=2 VLLM_CPU_KVCACHE_SPACE=2 \
		.venv-vllm/bin/python -m pytest --timeout 900 tests/backends/local/test_vllm_local.py; fi

# The long form of what `make test` tries briefly: 100,000 lines of anything at each reader, a hundred kills.
soak: setup
	QRD_SOAK=1 QRD_FUZZ_ROWS=100000 OMP_NUM_THREADS=1 $(PY) -m pytest -n 2 tests/fuzz tests/cli/test_kills.py tests/stages tests/training/test_resume.py tests/reports tests/inspection tests/backends/cluster/test_on_ray.py

check: setup
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy qrd
	.venv/bin/lint-imports
	.venv/bin/interrogate --quiet qrd

# Two hours on 2 idle cores, most of it training; bench-data alone takes twenty minutes.
bench: bench-data bench-training

bench-data: setup
	$(PY) benchmarks/filtering.py
	$(PY) benchmarks/calls.py --requests 1000
	$(PY) benchmarks/resuming.py

# About an hour on 2 idle cores; python benchmarks/training.py --help tells how to run parts of it.
bench-training: setup
	$(PY) benchmarks/training.py

format: setup
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .

clean:
	rm -rf .venv .venv-* build *.egg-info .pytest_cache .mypy_cache .ruff_cache
