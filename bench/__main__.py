"""Measures torchfits against its rivals: `python -m bench images stamps --threads 1,2`."""

from __future__ import annotations

import argparse
import importlib
import signal
import sys
from pathlib import Path

from bench import harness, report

HERE = Path(__file__).resolve().parent
BENCHMARKS = sorted(path.stem.removeprefix("bench_") for path in HERE.glob("bench_*.py"))


def arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measures torchfits against astropy, fitsio, CFITSIO and the PyPI package torchfits 1.2.3 "
        "(installed on first use into an environment of its own), in turn in one run.",
        epilog="TORCHFITS_BENCH_DIR: where files are made (a disk, for cold reads). TORCHFITS_BENCH_CACHE: where the "
        "rival's environment is kept. `python -m bench.plot` draws the results.",
    )
    parser.add_argument("benchmarks", nargs="*", help=f"any of {', '.join(BENCHMARKS)} (default: all)")
    parser.add_argument("--threads", default="1,2", help="thread counts, each measured apart (default 1,2)")
    parser.add_argument("--rounds", type=int, help="rounds of every case (default: about --seconds, at least 5)")
    parser.add_argument("--seconds", type=float, default=2.0, help="time for one measurement (default 2)")
    parser.add_argument("--case", default="", help="only cases whose name holds this text")
    parser.add_argument("--no-cold", action="store_true", help="leave out reads from the disk")
    parser.add_argument(
        "--output", type=Path, help="folder of the JSON lines (default bench/results; with --case: none are written)"
    )
    chosen = parser.parse_args(argv)
    if chosen.output is None and not chosen.case:
        chosen.output = HERE / "results"
    unknown = [name for name in chosen.benchmarks if name not in BENCHMARKS]
    if unknown:
        parser.error(f"no benchmark {unknown[0]!r}: choose from {', '.join(BENCHMARKS)}")
    return chosen


def main(argv: list[str] | None = None) -> int:
    chosen = arguments(argv)
    # Files made are deleted also when the run is ended from outside.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    plan = harness.Plan(
        threads=[int(number) for number in chosen.threads.split(",")],
        rounds=chosen.rounds,
        seconds=chosen.seconds,
        cold=not chosen.no_cold,
        match=chosen.case,
    )
    try:
        importlib.import_module("torchfits")
    except (ImportError, OSError) as error:
        report.progress(f"torchfits cannot be imported ({error}): its rows will say so")
    wrong = 0
    for name in chosen.benchmarks or BENCHMARKS:
        module = importlib.import_module(f"bench.bench_{name}")
        # Most benchmarks give cases, whose time is measured; `memory` makes rows of another kind by itself.
        measured = module.rows(plan) if hasattr(module, "rows") else harness.run(name, module.cases, plan)
        results = list(report.written(chosen.output / f"{name}.jsonl", measured) if chosen.output else measured)
        print(report.table(results), flush=True)
        wrong += sum(row["kind"] == "ours" and row["check"] != "right" for row in results)
    if wrong:
        print(f"{wrong} results of torchfits are missing or wrong", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
