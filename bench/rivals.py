"""Rivals that live in a process of their own, and the PyPI package that shares our import name."""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import sysconfig
import tempfile
import venv
from functools import cache
from pathlib import Path
from typing import Any

import torch

from bench.harness import Competitor
from bench.report import progress

OTHER = "torchfits 1.2.3 (PyPI)"
OTHER_VERSION = "1.2.3"
HERE = Path(__file__).resolve().parent


class Worker:
    """bench/worker.py in another process, asked and answered by JSON lines."""

    def __init__(self, python: str, calls: Path, *, isolated: bool = False):
        environment = dict(os.environ, PYTHONPATH=str(HERE.parent))
        command = [python, *(["-I"] if isolated else []), str(HERE / "worker.py"), str(calls)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        atexit.register(self.close)
        self._reply()

    def ask(self, **request: Any) -> dict[str, Any]:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return self._reply()

    def _reply(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the worker process ended with status {self.process.wait()}")
        reply: dict[str, Any] = json.loads(line)
        if "error" in reply:
            raise RuntimeError(reply["error"])
        return reply

    def close(self) -> None:
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()
        self.process.wait(timeout=60)
        atexit.unregister(self.close)


class Remote(Competitor):
    """A competitor whose call, and clock, are in a worker; its result travels once, for the check."""

    def __init__(self, name: str, worker: Worker, function: str, arguments: dict[str, Any], kind: str = "rival"):
        super().__init__(name, self.result, kind)
        self.worker, self.function, self.arguments = worker, function, arguments
        self.id: int | None = None

    def _prepared(self) -> int:
        if self.id is None:
            self.id = self.worker.ask(do="prepare", name=self.function, arguments=self.arguments)["id"]
        return self.id

    def timed(self) -> float:
        return float(self.worker.ask(do="run", id=self._prepared())["seconds"])

    def result(self) -> Any:
        with tempfile.TemporaryDirectory(dir=os.environ.get("TORCHFITS_BENCH_DIR")) as folder:
            path = os.path.join(folder, "result.pt")
            self.worker.ask(do="save", id=self._prepared(), path=path)
            return torch.load(path, weights_only=False)  # made by our own child a moment ago

    def set_threads(self, threads: int) -> None:
        self.worker.ask(do="threads", threads=threads)


def other(function: str, **arguments: Any) -> Competitor:
    """The PyPI package torchfits 1.2.3 doing `function` of bench/rival_torchfits.py."""
    return Remote(OTHER, other_worker(), function, arguments)


@cache
def other_worker() -> Worker:
    return Worker(str(other_python()), HERE / "rival_torchfits.py", isolated=True)


def cache_folder() -> Path:
    chosen = os.environ.get("TORCHFITS_BENCH_CACHE")
    return Path(chosen) if chosen else Path.home() / ".cache" / "torchfits-bench"


@cache
def other_python() -> Path:
    """The interpreter of the rival's own virtual environment, made on first use.

    The rival wants torch 2.13; where this interpreter has it, a .pth file lends it instead of a second copy.
    """
    folder = cache_folder() / f"torchfits-{OTHER_VERSION}-python{sys.version_info.major}.{sys.version_info.minor}"
    python = folder / "bin" / "python"
    done = folder / "installed"
    if not done.exists():
        progress(f"installing torchfits {OTHER_VERSION} from PyPI into an environment of its own")
        venv.create(folder, with_pip=True, clear=True, symlinks=True)
        install = [str(python), "-I", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        if torch.__version__.startswith("2.13."):
            site = f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
            (folder / site / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n")
        subprocess.run([*install, f"torchfits=={OTHER_VERSION}"], check=True)
        done.touch()
    return python
