"""Benchmarks: `python -m bench --help`. Each bench_*.py is one concept; harness.py is how all of them are measured."""
