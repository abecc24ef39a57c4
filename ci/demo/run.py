"""The main job on real data: a sky image, its stars as gzipped FITS messages, a score for each.

Called by ci/demo.sh: `python run.py [FILE]`, from the root of the project. Writes build/demo/demo.png.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import network
import numpy as np
import picture
import stamps
import torch
from astropy.io import fits
from network import Network, Scorer
from torch import Tensor

import torchfits

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "build" / "demo"
PROGRAM = ROOT / "build" / "program" / "run_model"  # tests/cpp/program
ROUNDS, SECONDS = 5, 1.0
START = time.monotonic()


def main(file: str | None) -> None:
    if file is None:
        import real_files

        file = str(real_files.real_file("astropy/io/fits/hdu/compressed/tests/data/m13.fits"))
    torch.manual_seed(0)
    image = sky(file)
    step(f"{Path(file).name}: {image.shape[0]} x {image.shape[1]} pixels")
    places = stamps.find_places(image, torch.Generator().manual_seed(0))
    cut = stamps.cut(image, places.centres)
    messages = [stamps.message(stamp) for stamp in cut]
    data, offsets = stamps.pack(messages)
    step(f"{len(messages)} stamps, half of them stars, packed as gzipped FITS files: {len(data) / 1e6:.1f} MB")

    scorer, package = trained_and_exported(cut, places, data, offsets)
    (FOLDER / "messages").write_bytes(data.numpy().tobytes())
    (FOLDER / "offsets").write_bytes(offsets.numpy().tobytes())
    step(f"the C++ program and the usual way in turn, {torch.get_num_threads()} threads each")
    scoring, reading = measure(scorer, package, messages, data, offsets)
    scores = torch.frombuffer(bytearray((FOLDER / "scores").read_bytes()), dtype=torch.float32)
    compare(scores, scorer, package, data, offsets)
    accuracy = picture.Accuracy.of(scores, places)
    step(f"right on held-out stamps in {accuracy}")
    rates = {"bytes to score, C++ program": scoring, "reading alone, in Python": reading}
    for title, (ours, usual) in rates.items():
        step(f"{title}: {ours:,.0f} stamps per second, the usual way {usual:,.0f}: {ours / usual:.1f} times as fast")
    picture.draw(FOLDER / "demo.png", Path(file).name, image, cut, places, scores, accuracy, rates)


def step(text: str) -> None:
    print(f"  {time.monotonic() - START:5.1f} s  {text}", flush=True)


def sky(file: str) -> Tensor:
    """The first image of a file, or that of an extended name such as f.fits[SCI]; of a cube the first plane."""
    try:
        image = torchfits.read(file, dtype=torch.float32)
    except (OSError, LookupError, ValueError, RuntimeError) as error:  # what torchfits raises for files and calls
        raise SystemExit(str(error)) from error
    if image.ndim < 2:
        raise SystemExit(f"{file} holds no picture: its first data have the shape {list(image.shape)}")
    return image.flatten(0, -3)[0] if image.ndim > 2 else image


def trained_and_exported(cut: Tensor, places: stamps.Places, data: Tensor, offsets: Tensor) -> tuple[Scorer, Path]:
    """The module and its package; from the last run where nothing changed that they are made of."""
    made_of = hashlib.sha256(cut.numpy().tobytes() + torch.__version__.encode())
    for source in [*Path(__file__).parent.glob("*.py"), Path(torchfits.nn.__file__), torchfits._library.LIBRARY]:
        made_of.update(source.read_bytes())
    package = FOLDER / f"{made_of.hexdigest()[:16]}.pt2"
    weights = package.with_suffix(".weights")
    scorer = Scorer(Network()).eval()
    if package.exists() and weights.exists():
        scorer.network.load_state_dict(torch.load(weights))
        step(f"network and package of an earlier run: {package.relative_to(ROOT)}")
        return scorer, package
    step("training, at most 20 s: is there a star in the middle of the stamp?")
    epochs = network.train(scorer.network, cut, places)
    torch.save(scorer.network.state_dict(), weights)
    step(f"{epochs} epochs done; exporting with AOTInductor, up to a minute")
    part = package.with_suffix(".part.pt2")
    network.export(scorer, data, offsets, part)
    part.replace(package)
    return scorer, package


def measure(
    scorer: Scorer, package: Path, messages: list[bytes], data: Tensor, offsets: Tensor
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Messages per second, ours and the usual way, from bytes to score and reading alone: medians of runs in turn."""
    ways: list[Callable[[], float]] = [
        lambda: run_program(package, repeat),
        lambda: len(messages) * per_second(lambda: score_usual(scorer, messages)),
        lambda: len(messages) * per_second(lambda: scorer.decode(data, offsets)),
        lambda: len(messages) * per_second(lambda: read_usual(messages)),
    ]
    repeat = max(1, round(SECONDS * run_program(package, 1) / len(messages)))
    with torch.inference_mode():
        rounds = [[way() for way in ways] for _ in range(ROUNDS)]
    medians = [statistics.median(column) for column in zip(*rounds, strict=True)]
    return (medians[0], medians[1]), (medians[2], medians[3])


def per_second(call: Callable[[], object]) -> float:
    start, calls = time.perf_counter(), 0
    while time.perf_counter() - start < SECONDS:
        call()
        calls += 1
    return calls / (time.perf_counter() - start)


def run_program(package: Path, repeat: int) -> float:
    """Runs the C++ program, which writes scores and says how many stamps it scored in a second, time and again."""
    names = [package, FOLDER / "messages", FOLDER / "offsets", FOLDER / "scores"]
    options = ["--repeat", str(repeat), "--threads", str(torch.get_num_threads())]
    asked = subprocess.run([PROGRAM, *names, *options], capture_output=True, text=True)
    if asked.returncode != 0:
        raise SystemExit(f"the C++ program failed: {asked.stderr}")
    return float(json.loads(asked.stdout)["stamps_per_second"])


def read_usual(messages: list[bytes]) -> Tensor:
    """The usual way: astropy opens each message, NumPy brings it into native order, torch stacks."""
    images = []
    for message in messages:
        with fits.open(io.BytesIO(gzip.decompress(message))) as file:
            images.append(torch.from_numpy(file[0].data.astype(np.float32)))
    return torch.stack(images).unsqueeze(1)


def score_usual(scorer: Scorer, messages: list[bytes]) -> Tensor:
    return scorer.network(scorer.normalize(read_usual(messages))).sigmoid()


def compare(scores: Tensor, scorer: Scorer, package: Path, data: Tensor, offsets: Tensor) -> None:
    """The program's scores are those of the same package run from Python bit by bit, the module's up to rounding."""
    runner = torch._inductor.aoti_load_package(str(package))
    with torch.inference_mode():
        compiled, eager = runner(data, offsets), scorer(data, offsets)
    if not torch.equal(scores, compiled):
        raise SystemExit("the C++ program's scores differ from those of the same package run from Python")
    torch.testing.assert_close(scores, eager, rtol=0, atol=1e-5)
    step("the program's scores equal those of the package run from Python bit by bit, and the module's to 1e-5")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
