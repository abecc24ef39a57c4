"""Broken files: every reader gives the right values or one clear sentence.

mutants.py breaks the files, hostile.py judges in a child process: a crash, a call that takes too long and a large
allocation are failures with the mutant's name.
"""

import json
import os
import pickle
import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

import mutants
import pytest
import tile_mutants
from mutants import Mutant, Sample

SECONDS = 20  # for one mutant, on a machine that is busy


class Worker:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process: subprocess.Popen[str] | None = None

    def _started(self) -> subprocess.Popen[str]:
        if self.process is None or self.process.poll() is not None:
            command = [sys.executable, str(Path(__file__).with_name("hostile.py")), str(self.folder)]
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        return self.process

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def wrong(self, of: Sample, some: list[Mutant]) -> Iterator[str]:
        """What is wrong, each with the mutant's name; after a crash or hang the rest goes on in a new process."""
        request = self.folder / "request"
        deaths = 0
        while some and deaths < 10:
            request.write_bytes(pickle.dumps((of, some)))
            process = self._started()
            print(request, file=process.stdin, flush=True)
            at = -1
            while True:
                line = self._line(process, SECONDS if at >= 0 else 60)  # importing torch takes its time
                if line is None:
                    deaths += 1
                    how = {-9: "hangs"}.get(process.wait(), f"ends the process with status {process.wait()}")
                    yield f"{some[at].name if at >= 0 else 'before the first mutant'}: {how}"
                    break
                answer = json.loads(line)
                if "done" in answer:
                    return
                at = answer.get("at", at)
                yield from (f"{some[at].name}: {complaint}" for complaint in answer.get("wrong", ()))
            some = some[at + 1 :] if at >= 0 else []

    @staticmethod
    def _line(process: subprocess.Popen[str], seconds: float) -> str | None:
        """The child's next line; None where it ended, or was killed because the line did not come in time."""
        assert process.stdout is not None
        watchdog = threading.Timer(seconds, process.kill)
        watchdog.start()
        try:
            return process.stdout.readline() or None
        finally:
            watchdog.cancel()


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    # Thousands of small files: in memory where that can be had.
    memory = Path("/dev/shm")
    place = memory if os.access(memory, os.W_OK) else tmp_path_factory.getbasetemp()
    with tempfile.TemporaryDirectory(dir=place) as folder:
        worker = Worker(Path(folder))
        yield worker
        worker.stop()


def check(worker: Worker, of: Sample, some: Iterable[Mutant]) -> None:
    some = list(some)
    assert some
    wrong = list(worker.wrong(of, some))
    assert not wrong, f"{len(wrong)} complaints:\n" + "\n".join(wrong[:40])


SAMPLES = {
    "primary": mutants.primary_image,
    "extensions": mutants.extensions,
    "groups": mutants.random_groups,
    "rice": mutants.compressed,
    "gzip": lambda: mutants.compressed("GZIP_1", "f4"),
    "hcompress": lambda: mutants.compressed("HCOMPRESS_1"),
    "plio": lambda: mutants.compressed("PLIO_1"),
}


STEP = 17  # without --long; it shares no factor with 80, so that every column of a card is met


def edges(of: Sample) -> set[int]:
    ends = [place for e in of.extents for place in (e.start, e.header_end, e.data_start, e.data_end)]
    return {end + near for end in ends for near in (-1, 0, 1)}


@pytest.mark.parametrize("name", SAMPLES)
def test_cuts(worker: Worker, name: str) -> None:
    of = SAMPLES[name]()
    check(worker, of, (m for m in mutants.cuts(of) if len(m.data) % STEP == 0 or len(m.data) in edges(of)))


@pytest.mark.long
@pytest.mark.parametrize("name", SAMPLES)
def test_cut_at_every_byte(worker: Worker, name: str) -> None:
    of = SAMPLES[name]()
    check(worker, of, mutants.cuts(of))


@pytest.mark.parametrize("name", SAMPLES)
def test_random_bytes_changed(worker: Worker, name: str) -> None:
    of = SAMPLES[name]()
    check(worker, of, mutants.changes(of, 150))


@pytest.mark.long
@pytest.mark.parametrize("name", SAMPLES)
def test_more_random_bytes_changed(worker: Worker, name: str) -> None:
    of = SAMPLES[name]()
    check(worker, of, mutants.changes(of, 5000, seed=5))


@pytest.mark.parametrize("lies", [mutants.size_lies, mutants.structure_lies, mutants.scaling_lies, mutants.table_lies])
def test_lies(worker: Worker, lies) -> None:  # type: ignore[no-untyped-def]
    check(worker, mutants.lie_base(), lies())


@pytest.mark.parametrize("name", ["rice", "gzip", "hcompress", "plio"])
def test_lies_about_compressed_images(worker: Worker, name: str) -> None:
    of = SAMPLES[name]()
    check(worker, of, mutants.compressed_lies(of))


TILES = {
    "rice": lambda: tile_mutants.tiled("RICE_1"),
    "rice of bytes": lambda: tile_mutants.tiled("RICE_1", "u1"),
    "rice of floats": lambda: tile_mutants.tiled("RICE_1", "f4", 2),
    "rice with Q": lambda: tile_mutants.tiled("RICE_1", q=True),
    "gzip 1": lambda: tile_mutants.tiled("GZIP_1"),
    "gzip 2": lambda: tile_mutants.tiled("GZIP_2", "i4"),
    "hcompress": lambda: tile_mutants.tiled("HCOMPRESS_1"),
    "hcompress of floats": lambda: tile_mutants.tiled("HCOMPRESS_1", "f4", 1),
    "plio": lambda: tile_mutants.tiled("PLIO_1"),
    "nocompress": lambda: tile_mutants.tiled("NOCOMPRESS"),
}


@pytest.mark.parametrize("name", TILES)
def test_streams_cut_short(worker: Worker, name: str) -> None:
    of = TILES[name]()
    check(worker, of, tile_mutants.streams_cut(of))


@pytest.mark.parametrize("name", TILES)
def test_streams_changed(worker: Worker, name: str) -> None:
    of = TILES[name]()
    check(worker, of, tile_mutants.streams_changed(of, 40))


@pytest.mark.long
@pytest.mark.parametrize("name", TILES)
def test_more_streams_changed(worker: Worker, name: str) -> None:
    of = TILES[name]()
    check(worker, of, tile_mutants.streams_changed(of, 3000, seed=6))


@pytest.mark.parametrize("lies", [tile_mutants.descriptor_lies, tile_mutants.size_lies])
@pytest.mark.parametrize("name", TILES)
def test_lies_about_tiles(worker: Worker, name: str, lies) -> None:  # type: ignore[no-untyped-def]
    of = TILES[name]()
    check(worker, of, lies(of))


@pytest.mark.parametrize("broken", [mutants.gzip_cuts, mutants.gzip_changes, mutants.gzip_shapes])
def test_gzip(worker: Worker, broken) -> None:  # type: ignore[no-untyped-def]
    of = mutants.primary_image()
    check(worker, of, broken(of))


def test_gzip_bombs(worker: Worker) -> None:
    """A gigabyte is what they inflate to: more than the child has. The one complaint they may earn is that."""
    bombs = [
        Mutant("1 GiB of zeros", mutants.zeros_bomb(), refused=frozenset({0})),
        Mutant("an image and 1 GiB of zeros", mutants.fits_bomb(), truthful=False),
    ]
    wrong = list(worker.wrong(mutants.lie_base(), bombs))
    assert not [w for w in wrong if not re.search("not enough memory|path and .* differ", w)]
