"""Peak anonymous memory of reading one 4096x4096 image, a table of 71 MB and of 1.2 GB, and of the statistics of 2e8
rows, above what the process held before.

Anonymous pages (RssAnon) are what a process really occupies; pages of mapped files (RssFile), which the system may drop
whenever it likes, are reported beside them. Each reader runs in a fresh process that this one watches from outside,
after it has read a small file so that imports and first-use set-up are not counted.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from bench import bench_tables, report, rivals, samples, table_readers
from bench.harness import OURS, Plan, empty, scratch

SIDE = 4096
NAMES = [OURS, "astropy", "fitsio", "cfitsio", rivals.OTHER]
TABLE_ROWS, NARROW_ROWS, STREAM_ROWS, SMALL = 1_000_000, 100_000_000, 200_000_000, 1000


class Call(NamedTuple):
    """What a worker is asked to do: of a file of CALLS the function, and what it is given besides the path."""

    calls: str
    function: str
    arguments: dict[str, Any]


def rows(plan: Plan) -> Iterator[dict[str, Any]]:
    with scratch() as folder:
        for cases in (_images, _tables, _streams):
            yield from cases(plan, folder)
            empty(folder)


def _images(plan: Plan, folder: Path) -> Iterator[dict[str, Any]]:
    small, path = folder / "small.fits", folder / "image.fits"
    small.write_bytes(samples.hdu(samples.sky((64, 64), "float32")))
    for dtype in ("float32", "int16"):
        case = f"{dtype} to float32" if dtype == "int16" else dtype
        case = f"{case} {SIDE}x{SIDE}"
        if plan.match in case:
            path.write_bytes(samples.hdu(samples.sky((SIDE, SIDE), dtype)))
            calls = {name: Call("readers.py", name, {"dtype": "float32"}) for name in NAMES}
            calls[rivals.OTHER] = Call("rival_torchfits.py", "image", {"dtype": "float32"})
            yield from _group(case, calls, path, small, SIDE * SIDE * 4, plan)


def _tables(plan: Plan, folder: Path) -> Iterator[dict[str, Any]]:
    small, path = folder / "small.fits", folder / "table.fits"
    calls = {name: Call("table_readers.py", f"table, {name}", {}) for name in table_readers.TABLES}
    for case, count, columns, write in (
        (f"table of {TABLE_ROWS} x 10", TABLE_ROWS, bench_tables.MIXED, bench_tables.write_mixed),
        (f"table of {NARROW_ROWS} x 3", NARROW_ROWS, bench_tables.NARROW, _write_narrow),
    ):
        if plan.match in case:
            size = write(path, count)
            write(small, SMALL)
            calls[rivals.OTHER] = Call("rival_torchfits.py", "table", {"columns": [name for name, _, _ in columns]})
            yield from _group(case, calls, path, small, size, plan)


def _streams(plan: Plan, folder: Path) -> Iterator[dict[str, Any]]:
    case = f"statistics of {STREAM_ROWS} x 3"
    if plan.match in case:
        calls = {name: Call("table_readers.py", f"statistics, {name}", {}) for name in table_readers.STATISTICS}
        _write_narrow(folder / "table.fits", STREAM_ROWS)
        _write_narrow(folder / "small.fits", SMALL)
        yield from _group(case, calls, folder / "table.fits", folder / "small.fits", 0, plan)


def _write_narrow(path: Path, count: int) -> int:
    table = bench_tables.narrow_table(count)
    bench_tables.write_narrow(path, table)
    return table.nbytes


def _group(case: str, calls: dict[str, Call], path: Path, small: Path, size: int, plan: Plan) -> list[dict[str, Any]]:
    plan.progress(f"memory: {case}")
    group = [_row(case, name, call, path, small, size, plan) for name, call in calls.items()]
    mine = group[0]["peak_bytes"]
    for row in group:
        row["ratio"] = round(row["peak_bytes"] / mine, 3) if mine and row["peak_bytes"] else None
    return group


def _row(case: str, name: str, call: Call, path: Path, small: Path, size: int, plan: Plan) -> dict[str, Any]:
    row = {
        "benchmark": "memory",
        "case": case,
        "competitor": name,
        "kind": "ours" if name == OURS else "rival",
        "check": "right",
        "peak_bytes": None,
        "peak_file_bytes": None,
        "output_bytes": size,
        "threads": 1,
        "cache": "warm",
        "rounds": plan.rounds or 3,
        "machine": report.machine(),
        "versions": report.versions(),
    }
    try:
        peaks = [_peak(call, path, small) for _ in range(row["rounds"])]
        row["peak_bytes"], row["peak_file_bytes"] = (max(peak) for peak in zip(*peaks, strict=True))
    except Exception as error:
        row["check"] = f"raised {type(error).__name__}: {error}"
        plan.progress(f"  {name}: {row['check']}")
    return row


def _peak(call: Call, path: Path, small: Path) -> tuple[int, int]:
    """Bytes that RssAnon and RssFile rise above their start while the file is read and what it gives is held."""
    other = call.calls == "rival_torchfits.py"
    python = str(rivals.other_python()) if other else sys.executable
    worker = rivals.Worker(python, rivals.HERE / call.calls, isolated=other)
    try:
        worker.ask(do="threads", threads=1)
        first, second = (
            worker.ask(do="prepare", name=call.function, arguments={"path": str(p), **call.arguments})["id"]
            for p in (small, path)
        )
        worker.ask(do="run", id=first)
        start = _resident(worker.process.pid)
        done = threading.Event()
        peaks = list(start)

        def watch() -> None:
            while not done.is_set():
                peaks[:] = map(max, peaks, _resident(worker.process.pid))
                time.sleep(0.0002)

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            worker.ask(do="hold", id=second)
            peaks[:] = map(max, peaks, _resident(worker.process.pid))
        finally:
            done.set()
            watcher.join()
        return peaks[0] - start[0], peaks[1] - start[1]
    finally:
        worker.close()


def _resident(pid: int) -> tuple[int, int]:
    fields = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(fields["RssAnon"].split()[0]) * 1024, int(fields["RssFile"].split()[0]) * 1024
