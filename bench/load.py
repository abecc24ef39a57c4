"""How busy the machine was with other things while we measured: it says how far to trust a result."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path


def others() -> Callable[[], float | None]:
    """Starts to watch; the returned function gives the share of all cores that other processes have used since then.

    None where there is no /proc.
    """
    if not Path("/proc/stat").exists():
        return lambda: None
    start, start_ours = _machine(), _ours()

    def share() -> float:
        (busy, total), mine = _machine(), _ours()
        elapsed = total - start[1]
        return round(max(0.0, (busy - start[0]) - (mine - start_ours)) / elapsed, 3) if elapsed else 0.0

    return share


def _machine() -> tuple[int, int]:
    """Clock ticks of all cores: busy, and all."""
    user, nice, system, idle, waiting, *rest = map(int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9])
    busy = user + nice + system + sum(rest)
    return busy, busy + idle + waiting


def _ours() -> int:
    """Clock ticks of this process and of its children (the workers)."""
    own = os.getpid()
    children = {pid for task in Path("/proc/self/task").iterdir() for pid in (task / "children").read_text().split()}
    return sum(_ticks(pid) for pid in {str(own), *children})


def _ticks(pid: str) -> int:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:  # it has just ended
        return 0
    return int(fields[11]) + int(fields[12])
