"""Rows of results: JSON lines for files, a table for people. Rows name the processor, never the machine."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import sys
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from bench.harness import Case

Row = dict[str, Any]


def rows(
    benchmark: str,
    case: Case,
    checks: dict[str, str],
    times: dict[str, list[float]],
    threads: int,
    cache: str,
    others_cpu: float | None,
) -> Iterable[Row]:
    """One row per competitor; `ratio` is its median over ours (`ratio_min`: its minimum), so above 1 we are faster."""
    from bench.harness import standard_statistics

    mine = next((c.name for c in case.competitors if c.kind == "ours"), "")
    fair = mine in times and checks[mine] == "right"
    reference, reference_min, _ = standard_statistics(times[mine]) if fair else (None, None, None)
    for competitor in case.competitors:
        seconds = times.get(competitor.name)
        median, least, spread = standard_statistics(seconds) if seconds else (None, None, None)
        yield {
            "benchmark": benchmark,
            "case": case.name,
            "competitor": competitor.name,
            "kind": competitor.kind,
            "check": checks[competitor.name],
            "wall_time_ms": _rounded(median, 1e3),
            "min_ms": _rounded(least, 1e3),
            "spread": _rounded(spread),
            "bytes": case.bytes,
            "bytes_per_second": round(case.bytes / median) if median else None,
            "threads": threads,
            "cache": cache,
            "ratio": _rounded(median / reference) if median and reference else None,
            "ratio_min": _rounded(least / reference_min) if least and reference_min else None,
            # What is asked of warm reads; a cold one waits for the disk.
            "must": case.must if cache == "warm" else None,
            "aim": case.aim if cache == "warm" else None,
            "must_us": case.must_us,
            "rounds": len(seconds) if seconds else 0,
            "others_cpu": others_cpu,
            "machine": machine(),
            "versions": versions(),
        }


def _rounded(value: float | None, factor: float = 1.0) -> float | None:
    return None if value is None else float(f"{value * factor:.4g}")


@cache
def machine() -> dict[str, Any]:
    model = platform.machine()
    if os.path.exists("/proc/cpuinfo"):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), model)
    gpu = {"gpu": torch.cuda.get_device_name()} if torch.cuda.is_available() else {}
    return {"cpu": model, "cores": os.cpu_count(), "simd": torch.backends.cpu.get_cpu_capability(), **gpu}


@cache
def versions() -> dict[str, str]:
    from bench import readers, rivals

    found = {"python": platform.python_version(), "torch": torch.__version__, "numpy": _version("numpy")}
    found |= {name: _version(name) for name in ("astropy", "fitsio")}
    return found | {"cfitsio": readers.cfitsio_version(), rivals.OTHER: rivals.OTHER_VERSION}


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "absent"


def written(path: Path, results: Iterable[Row]) -> Iterator[Row]:
    """The same rows, each in a file as soon as it is there. An interrupted run leaves them in ``path``.part, and the
    earlier results as they were."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    count = 0
    with part.open("w") as file:
        for row in results:
            file.write(json.dumps(row) + "\n")
            file.flush()
            count += 1
            yield row
    if count:
        part.replace(path)
    else:
        part.unlink()


def read(path: Path) -> list[Row]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def groups(results: Sequence[Row]) -> dict[tuple[str, str, int, str], list[Row]]:
    """Rows of one measurement together: same benchmark, case, threads and cache."""
    found: dict[tuple[str, str, int, str], list[Row]] = {}
    for row in results:
        found.setdefault((row["benchmark"], row["case"], row["threads"], row["cache"]), []).append(row)
    return found


def best_rival(group: Sequence[Row]) -> Row | None:
    """The best of the rivals whose result is right: least time, or least memory where that is measured."""
    fair = [row for row in group if row["kind"] == "rival" and row["check"] == "right" and row["ratio"] is not None]
    return min(fair, key=lambda row: row["ratio"], default=None)


def verdict(group: Sequence[Row]) -> str:
    """What a measurement says of ours: `ok`, SLOWER (or MORE memory) than asked, or what is wrong with it."""
    mine = next((row for row in group if row["kind"] == "ours"), None)
    if mine is None:
        return ""
    if mine["check"] != "right":
        return f"OURS {mine['check']}"[:100]
    limits = [row["wall_time_ms"] for row in group if row["kind"] == "limit"]
    if mine.get("must_us") is not None and limits:
        extra = (mine["wall_time_ms"] - limits[0]) * 1e3
        return f"{extra:+.2f} us, must {mine['must_us']}: " + ("ok" if extra <= mine["must_us"] else "SLOWER")
    rival = best_rival(group)
    if rival is None:
        return "no right rival"
    must = mine.get("must") or 1.0
    return "ok" if rival["ratio"] >= must else f"BELOW {must}x"


def table(results: Sequence[Row]) -> str:
    """One line per competitor, and for each measurement the ratio to the best rival beside must and aim."""
    lines = []
    for (benchmark, case, threads, state), group in groups(results).items():
        lines.append(f"{benchmark}: {case}  ({threads} thread{'s' * (threads > 1)}, {state})")
        for row in group:
            ratio = f"{row['ratio']:8.2f}x" if row["ratio"] else " " * 9
            note = "" if row["check"] in ("right", "unchecked") else f"  {row['check'][:100]}"
            lines.append(f"    {row['competitor']:24s}{_measured(row)} {ratio}  {row['kind']}{note}")
        rival = best_rival(group)
        mine = next((row for row in group if row["kind"] == "ours"), None)
        if mine is not None:
            by_minimum = f", {rival['ratio_min']}x by minima" if rival and rival.get("ratio_min") else ""
            best = f"{rival['ratio']}x the best rival ({rival['competitor']}){by_minimum}" if rival else ""
            asked = ", ".join(f"{word} {mine[word]}x" for word in ("must", "aim") if mine.get(word))
            busy = mine.get("others_cpu") or 0.0
            unsteady = f"(other processes used {busy * 100:.0f} % of the machine)" if busy > 0.1 else ""
            lines.append("  = " + "; ".join(part for part in (best, asked, verdict(group), unsteady) if part))
    return "\n".join(lines)


def _measured(row: Row) -> str:
    """Time, spread and rate of a row, or its memory; as wide either way."""
    if row.get("peak_bytes") is not None:
        return f"{row['peak_bytes'] / 2**20:10.1f} MiB, mapped files {row['peak_file_bytes'] / 2**20:6.1f} MiB"
    if row.get("wall_time_ms") is None:
        return f"{'-':>10}{'':22}"
    rate = row["bytes_per_second"] / 1e9
    return f"{row['wall_time_ms']:10.4f} ms ±{row['spread'] * 100:3.0f} %{rate:8.2f} GB/s"


def progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
