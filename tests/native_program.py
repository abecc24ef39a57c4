"""The C++ program that runs exported models without Python (tests/cpp/program): built once, run on tensors."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import torchfits

ROOT = Path(__file__).parent.parent


def build(source: Path, folder: Path, *options: str) -> None:
    prefixes = f"{torch.utils.cmake_prefix_path};{torchfits.cmake_prefix_path}"
    configure = ["cmake", "-S", source, "-B", folder, f"-DCMAKE_PREFIX_PATH={prefixes}", *options]
    for command in (configure, ["cmake", "--build", folder]):
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def run_model() -> Path:
    """Builds the program in build/program, where a second run compiles only what changed; one process at a time."""
    folder = ROOT / "build/program"
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        build(ROOT / "tests/cpp/program", folder)
    return folder / "run_model"


def without_python() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}


def run(program: Path, model: Path, inputs: Sequence[Tensor], folder: Path, *options: str) -> Any:
    """Runs the C++ program on (data, offsets), or data alone; returns what it wrote and its lines of JSON."""
    files: list[Path | str] = [folder / "data", folder / "offsets"][: len(inputs)]
    for file, tensor in zip(files, inputs):
        Path(file).write_bytes(tensor.numpy().tobytes())
    command = [program, model, *files, *["-"] * (2 - len(files)), folder / "output", *options]
    done = subprocess.run(command, capture_output=True, text=True, env=without_python())
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    return (folder / "output").read_bytes(), [json.loads(line) for line in done.stdout.splitlines()]
