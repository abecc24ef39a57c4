"""Threads, forked and spawned workers, and files that change under the cache: the same results, never a hang."""

import multiprocessing
import os
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from astropy.io import fits

import torchfits  # noqa: F401  the operators

SHAPE = (600, 700)  # larger than what one thread takes alone
DEADLINE = 60  # seconds, for a child to finish; a hang is a failure
SETTLED = 2.1  # seconds after which a file may be kept in the cache


def make_file(path: Path, value: int, shape: tuple[int, int] = SHAPE) -> str:
    pixels = np.arange(np.prod(shape), dtype=np.int32).reshape(shape) + value
    fits.HDUList([fits.PrimaryHDU(pixels), fits.ImageHDU(pixels * 2)]).writeto(path, overwrite=True)
    return str(path)


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    return [make_file(tmp_path / f"{i}.fits", i) for i in range(6)]


def sums(paths: list[str]) -> list[int]:
    """Reads every file in every way; the exact sums of what came, by NumPy (torch's own sum would hang in a fork)."""
    found = []
    for path in paths:
        found.append(torch.ops.fits.read_image(path).numpy().sum())
        found.append(torch.ops.fits.read_image(path, 1).numpy().sum())
        found.append(torch.ops.fits.hdus(path).numpy().sum())
    images, _, status = torch.ops.fits.read_images(paths, [0, 1], list(SHAPE), dtype=torch.int64)
    return [int(number) for number in [*found, images.numpy().sum(), status.numpy().sum()]]


def expected(paths: list[str]) -> list[int]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return sums(paths)
    finally:
        torch.set_num_threads(threads)


def send_sums(paths: list[str], connection: object) -> None:
    connection.send(sums(paths))


def run_workers(context: object, paths: list[str], count: int) -> list[list[int]]:
    workers = []
    for _ in range(count):
        receiver, sender = context.Pipe(duplex=False)
        process = context.Process(target=send_sums, args=(paths, sender), daemon=True)
        process.start()
        workers.append((process, receiver))
    results = []
    for process, receiver in workers:
        assert receiver.poll(DEADLINE), "a worker hangs"
        results.append(receiver.recv())
        process.join(DEADLINE)
        assert process.exitcode == 0
    return results


@pytest.mark.parametrize("settled", [False, True])
def test_eight_threads_on_the_same_and_different_files(files: list[str], settled: bool) -> None:
    if settled:
        time.sleep(SETTLED)
    right = expected(files)
    results: dict[int, list[int]] = {}

    def work(number: int) -> None:
        for _ in range(5):
            results[number] = sums(files)
            assert results[number] == right

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE)
        assert not thread.is_alive(), "a thread hangs"
    assert len(results) == 8
    assert all(found == right for found in results.values())


def test_workers_forked_after_the_parent_used_its_threads(files: list[str]) -> None:
    time.sleep(SETTLED)
    torch.set_num_threads(2)
    right = sums(files)  # the pool has run, the cache is full
    torch.ones(1 << 22).exp().sum()  # and torch's own operators have used it too
    assert run_workers(multiprocessing.get_context("fork"), files, 4) == [right] * 4


def test_spawned_workers(files: list[str]) -> None:
    right = expected(files)
    assert run_workers(multiprocessing.get_context("spawn"), files, 4) == [right] * 4


def test_forking_while_other_threads_read(files: list[str]) -> None:
    time.sleep(SETTLED)
    right = expected(files)
    stop = threading.Event()

    def read_on() -> None:
        while not stop.is_set():
            sums(files)

    readers = [threading.Thread(target=read_on) for _ in range(3)]
    for reader in readers:
        reader.start()
    try:
        context = multiprocessing.get_context("fork")
        for _ in range(5):
            assert run_workers(context, files, 2) == [right] * 2
    finally:
        stop.set()
        for reader in readers:
            reader.join(DEADLINE)


def test_rewritten_within_the_same_clock_tick(tmp_path: Path) -> None:
    path = tmp_path / "changing.fits"
    for value in range(60):  # no pause: mtime may stay the same
        make_file(path, value, (4, 5))
        assert torch.ops.fits.read_image(str(path))[0, 0] == value
        assert torch.ops.fits.read_image(str(path), 1)[0, 0] == 2 * value


@pytest.mark.parametrize("shape", [(4, 5), (600, 700)])  # a small file is read, a large one mapped
def test_rewritten_in_place_after_it_was_cached(tmp_path: Path, shape: tuple[int, int]) -> None:
    path = tmp_path / "changing.fits"
    make_file(path, 1, shape)
    time.sleep(SETTLED)
    for _ in range(3):
        assert torch.ops.fits.read_image(str(path))[0, 0] == 1
    status = os.stat(path)
    other = make_file(tmp_path / "other.fits", 2, shape)
    with open(path, "r+b") as file:
        file.write(Path(other).read_bytes())
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))  # the same size and mtime: ctime tells
    assert torch.ops.fits.read_image(str(path))[0, 0] == 2


def test_replaced_and_truncated_after_it_was_cached(tmp_path: Path) -> None:
    path = tmp_path / "changing.fits"
    make_file(path, 1)
    time.sleep(SETTLED)
    for _ in range(3):
        torch.ops.fits.read_image(str(path))
    os.replace(make_file(tmp_path / "other.fits", 5), path)
    assert torch.ops.fits.read_image(str(path))[0, 0] == 5
    os.truncate(path, 10_000)
    with pytest.raises(RuntimeError, match="the data unit is cut off"):
        torch.ops.fits.read_image(str(path))


@pytest.mark.parametrize("variable", ["TORCHFITS_MMAP", "TORCHFITS_CACHE_FILES"])
def test_settings_change_nothing_but_the_way(files: list[str], variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    right = sums(files)
    monkeypatch.setenv(variable, "0")
    assert sums(files) == right
    assert sums(files) == right


def test_the_cache_keeps_no_descriptors_open(files: list[str]) -> None:
    time.sleep(SETTLED)
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        sums(files)
    assert len(os.listdir("/proc/self/fd")) == before
