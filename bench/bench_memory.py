"""Peak anonymous memory of reading one 4096x4096 image, above what the process held before.

Anonymous pages (RssAnon) are what a process really occupies; pages of mapped files (RssFile), which the system may drop
whenever it likes, are reported beside them. Each reader runs in a fresh process that this one watches from outside,
after it has read a small image so that imports and first-use set-up are not counted.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench import report, rivals, samples
from bench.harness import OURS, Plan, scratch

SIDE = 4096
NAMES = [OURS, "astropy", "fitsio", "cfitsio", rivals.OTHER]


def rows(plan: Plan) -> Iterator[dict[str, Any]]:
    with scratch() as folder:
        small = folder / "small.fits"
        small.write_bytes(samples.hdu(samples.sky((64, 64), "float32")))
        path = folder / "image.fits"
        for dtype in ("float32", "int16"):
            case = f"{dtype} to float32" if dtype == "int16" else dtype
            if plan.match not in case:
                continue
            path.write_bytes(samples.hdu(samples.sky((SIDE, SIDE), dtype)))
            plan.progress(f"memory: {case}")
            group = [_row(f"{case} {SIDE}x{SIDE}", name, path, small, plan) for name in NAMES]
            mine = group[0]["peak_bytes"]
            for row in group:
                row["ratio"] = round(row["peak_bytes"] / mine, 3) if mine and row["peak_bytes"] else None
            yield from group


def _row(case: str, name: str, path: Path, small: Path, plan: Plan) -> dict[str, Any]:
    row = {
        "benchmark": "memory",
        "case": case,
        "competitor": name,
        "kind": "ours" if name == OURS else "rival",
        "check": "right",
        "peak_bytes": None,
        "peak_file_bytes": None,
        "output_bytes": SIDE * SIDE * 4,
        "threads": 1,
        "cache": "warm",
        "rounds": plan.rounds or 3,
        "machine": report.machine(),
        "versions": report.versions(),
    }
    try:
        peaks = [_peak(name, path, small) for _ in range(row["rounds"])]
        row["peak_bytes"], row["peak_file_bytes"] = (max(peak) for peak in zip(*peaks, strict=True))
    except Exception as error:
        row["check"] = f"raised {type(error).__name__}: {error}"
        plan.progress(f"  {name}: {row['check']}")
    return row


def _peak(name: str, path: Path, small: Path) -> tuple[int, int]:
    """Bytes that RssAnon and RssFile rise above their start while the image is read and held."""
    if name == rivals.OTHER:
        worker = rivals.Worker(str(rivals.other_python()), rivals.HERE / "rival_torchfits.py", isolated=True)
        function = "image"
    else:
        worker, function = rivals.Worker(sys.executable, rivals.HERE / "readers.py"), name
    try:
        worker.ask(do="threads", threads=1)
        first, second = (
            worker.ask(do="prepare", name=function, arguments={"path": str(p), "dtype": "float32"})["id"]
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
