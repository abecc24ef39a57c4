"""How everything here is measured.

A case is one job on data made for it, and the competitors that do it: ours, its rivals, and limits (`memcpy`, `read`)
that do less. Before any timing every result is compared with the case's expected value, bit for bit; a competitor that
is wrong, or raises, is reported as such and never counts as the best rival. Then all competitors run in turn (A B C A B
C ...), so that what the machine does meanwhile falls on all alike. What a call returns is freed outside its time.
"""

from __future__ import annotations

import ctypes
import math
import mmap
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bench import load, report

OURS = "torchfits"
# Bytes of a result from which on its memory decides who is fast on a virtual machine.
LARGE_RESULT = 1 << 28


@dataclass
class Competitor:
    """One way to do a case's job; `call` returns the result. `kind`: ours, rival, or limit (does less, not compared).

    A competitor in another process (bench/worker.py) overrides `timed` and `result`.
    """

    name: str
    call: Callable[[], Any]
    kind: str = "rival"

    def timed(self) -> float:
        """Seconds of one call."""
        start = time.perf_counter()
        result = self.call()
        seconds = time.perf_counter() - start
        del result
        return seconds

    def result(self) -> Any:
        return self.call()

    def set_threads(self, threads: int) -> None:
        torch.set_num_threads(threads)


def ours(call: Callable[[], Any], name: str = OURS) -> Competitor:
    return Competitor(name, call, "ours")


def limit(name: str, call: Callable[[], Any]) -> Competitor:
    return Competitor(name, call, "limit")


@dataclass
class Case:
    """One job. `bytes` is the size of its result; `must` and `aim` are ratios to the best rival.

    `must_us` is for calls on tiny inputs: microseconds that ours may take beyond the limit. `files` are what a cold
    read must find on the disk only; `calls` repeats a call too short for the clock; `rounds` is the least number of
    rounds.
    """

    name: str
    bytes: int
    expected: Any
    competitors: Sequence[Competitor]
    must: float | None = None
    aim: float | None = None
    must_us: float | None = None
    files: Sequence[Path] = ()
    cold: bool = False
    calls: int = 1
    rounds: int = 5


@dataclass
class Plan:
    """What the user asked for on the command line."""

    threads: Sequence[int] = (1,)
    rounds: int | None = None
    seconds: float = 2.0
    cold: bool = True
    match: str = ""
    progress: Callable[[str], None] = field(default=lambda text: print(text, file=sys.stderr, flush=True))


def run(benchmark: str, cases: Callable[[Path], Iterable[Case]], plan: Plan) -> Iterator[dict[str, Any]]:
    """Makes each case in a folder of its own and measures it: a row per competitor, thread count and cache."""
    with scratch() as folder:
        for case in cases(folder):
            if plan.match in case.name:
                plan.progress(f"{benchmark}: {case.name}")
                yield from _measure(benchmark, case, plan)
            empty(folder)


def _measure(benchmark: str, case: Case, plan: Plan) -> Iterator[dict[str, Any]]:
    # A file younger than 2 s may change within its clock tick, so caches that take care do not keep it: let it age.
    youngest = max((path.stat().st_ctime for path in case.files), default=0.0)
    time.sleep(max(0.0, youngest + 2.1 - time.time()))
    checks = {c.name: check(c, case.expected) for c in case.competitors}
    for name, verdict in checks.items():
        if verdict not in ("right", "unchecked"):
            plan.progress(f"  {name}: {verdict}")
    runners = [c for c in case.competitors if not checks[c.name].startswith("raised")]
    caches = ["warm"] + (["cold"] if case.cold and plan.cold else [])
    for cache in caches:
        # One thread is enough for cold reads: they wait for the disk, and each round copies the files anew.
        for threads in plan.threads if cache == "warm" else plan.threads[:1]:
            others = load.others()
            times = _interleave(runners, case, threads, cache, plan)
            yield from report.rows(benchmark, case, checks, times, threads, cache, others())


def _interleave(
    runners: Sequence[Competitor], case: Case, threads: int, cache: str, plan: Plan
) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {c.name: [] for c in runners}
    for competitor in runners:
        competitor.set_threads(threads)

    def once(competitor: Competitor) -> float:
        if case.bytes >= LARGE_RESULT:
            have_memory(case.bytes)
        if cache == "cold":
            evict(case.files)
        elif threads > 1:
            time.sleep(0.01)  # an OpenMP thread that has nothing left to do spins for some milliseconds
            if competitor.kind != "rival":
                wake_threads()
        return sum(competitor.timed() for _ in range(case.calls)) / case.calls

    rounds = plan.rounds
    if rounds is None and cache == "cold":
        rounds = 5  # each costs a copy of the files
    elif rounds is None:
        first = sum(once(c) for c in runners) * case.calls
        rounds = min(200, max(case.rounds, math.ceil(plan.seconds / max(first, 1e-9))))
    for _ in range(rounds):
        for competitor in runners:
            times[competitor.name].append(once(competitor))
    return times


def have_memory(size: int) -> None:
    """Takes memory, writes to it and gives it back, so that the machine has it at hand.

    Hosts take back what a virtual machine does not use: the first to want gigabytes again, whoever that is, would wait
    for all of it (100,000 cutouts of 64x64: 1.7 s for 0.45).
    """
    np.empty(size, np.uint8).fill(1)


def wake_threads(seconds: float = 0.02) -> None:
    """Keeps the intra-op threads busy for a moment, as a pipeline that reads one file after another does.

    On a virtual machine a second processor that has slept is back only after 5 ms or more, longer than most reads here
    take. Rivals, which have one thread, are given a quiet machine instead.
    """
    numbers = torch.ones(1 << 20)
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        numbers.sqrt_()


def check(competitor: Competitor, expected: Any) -> str:
    """`right`, `unchecked` (a limit), `wrong: ...` or `raised ...`."""
    try:
        result = competitor.result()
    except Exception as error:
        return f"raised {type(error).__name__}: {error}"
    if competitor.kind == "limit":
        return "unchecked"
    try:
        difference = differ(result, expected)
    except Exception as error:
        difference = f"cannot be compared ({type(error).__name__}: {error})"
    return "right" if difference is None else f"wrong: {difference}"


def differ(result: Any, expected: Any, where: str = "") -> str | None:
    """How a result differs from the expected one, in words; None where it does not. NaN equals NaN."""
    if isinstance(expected, torch.Tensor):
        if not isinstance(result, torch.Tensor):
            return f"{where}{type(result).__name__}, not a tensor"
        if result.dtype != expected.dtype or result.shape != expected.shape:
            return f"{where}{result.dtype} {list(result.shape)}, not {expected.dtype} {list(expected.shape)}"
        mine, theirs = result.numpy(), expected.numpy()
        unequal = mine != theirs
        if mine.dtype.kind == "f":
            unequal &= ~(np.isnan(mine) & np.isnan(theirs))
        count = int(np.count_nonzero(unequal))
        return f"{where}{count} of {mine.size} values" if count else None
    if isinstance(expected, (list, tuple)):
        if len(result) != len(expected):
            return f"{where}{len(result)} items, not {len(expected)}"
        pairs: Iterable[tuple[Any, Any, Any]] = zip(range(len(expected)), result, expected, strict=True)
    elif isinstance(expected, dict):
        missing = [key for key in expected if key not in result]
        if missing:
            return f"{where}{len(missing)} keys missing, such as {missing[0]!r}"
        pairs = ((key, result[key], expected[key]) for key in expected)
    else:
        same = type(result) is type(expected) and result == expected
        return None if same else f"{where}{result!r}, not {expected!r}"
    return next((d for key, a, b in pairs if (d := differ(a, b, f"{where}[{key!r}] ")) is not None), None)


# --- files ---------------------------------------------------------------------------------------------------------


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder that is gone afterwards, under TORCHFITS_BENCH_DIR or the system's temporary folder."""
    with tempfile.TemporaryDirectory(prefix="torchfits-bench-", dir=os.environ.get("TORCHFITS_BENCH_DIR")) as name:
        yield Path(name)


def empty(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def evict(files: Sequence[Path]) -> None:
    """Puts each file's bytes on the disk only, and as a new inode: pages of a mapping that a reader has kept stay in
    memory, so a file that was read before can never be cold again."""
    for path in files:
        copy = path.with_name(path.name + ".cold")
        shutil.copyfile(path, copy)
        path.unlink()  # renaming over a file would make ext4 write each one out by itself
        copy.rename(path)
    os.sync()
    for path in files:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(handle)
    if any(pages_in_memory(path) for path in files):
        raise RuntimeError(
            "this filesystem keeps files in memory: no cold read can be measured here; "
            "set TORCHFITS_BENCH_DIR to a folder on a disk, or say --no-cold"
        )


def pages_in_memory(path: Path) -> int:
    """How many pages of a file the page cache holds. mincore(2) only looks; a probing read would start a read-ahead."""
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapping:
        view = np.frombuffer(mapping, dtype=np.uint8)
        pages = np.zeros(-(-view.size // mmap.PAGESIZE), dtype=np.uint8)
        libc = ctypes.CDLL(None, use_errno=True)
        address, length = ctypes.c_void_p(view.ctypes.data), ctypes.c_size_t(view.size)
        status = libc.mincore(address, length, ctypes.c_void_p(pages.ctypes.data))
        del view
        if status:
            raise OSError(ctypes.get_errno(), "mincore")
        return int(np.count_nonzero(pages & 1))


def standard_statistics(seconds: Sequence[float]) -> tuple[float, float, float]:
    """Median, minimum and spread (interquartile range over median) of repeated times."""
    median = statistics.median(seconds)
    low, _, high = statistics.quantiles(seconds, n=4) if len(seconds) > 1 else (median, median, median)
    return median, min(seconds), (high - low) / median if median else 0.0
