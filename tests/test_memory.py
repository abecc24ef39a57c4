"""Memory that a result leaves behind serves the next (csrc/ops/memory.h): nobody must be able to tell, but by time.

And the memory that cutouts take: their result, and little beside it.
"""

import io
import math
import os
import pickle
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from astropy.io import fits

import torchfits  # noqa: F401  the operators

SHAPE = (1200, 1100)  # 5.3 MB as float32: more than malloc keeps by itself
KEPT = 256 << 20

# torch 2.10 has no way to hand memory to a tensor: there nothing is kept.
can_keep = pytest.mark.skipif(torch.__version__.startswith("2.10."), reason="torch 2.11 or later")


def write(path: Path, value: int, shape: tuple[int, ...] = SHAPE) -> str:
    fits.PrimaryHDU(np.full(shape, value, "f4")).writeto(path)
    return str(path)


def resident() -> int:
    """Bytes of anonymous memory that this process holds."""
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("RssAnon"))


@pytest.mark.parametrize("dtype", ["u1", "i2", "u2", "f4", "f8"])
def test_memory_that_left_the_caches(tmp_path: Path, dtype: str) -> None:
    """Results together larger than the caches: written past them where a block is used again, with the same values."""
    pixels = np.random.default_rng(1).integers(0, 250, (1999, 2201)).astype(dtype)
    fits.PrimaryHDU(pixels).writeto(tmp_path / "a.fits")
    for _ in range(3):
        results = [torch.ops.fits.read_image(str(tmp_path / "a.fits")) for _ in range(9)]
        for result in results:
            np.testing.assert_array_equal(result.numpy(), pixels)


@can_keep
def test_freed_memory_serves_the_next_result(tmp_path: Path) -> None:
    path = write(tmp_path / "a.fits", 1)
    first = torch.ops.fits.read_image(path).data_ptr()
    assert torch.ops.fits.read_image(path).data_ptr() == first


def test_memory_in_use_is_never_shared(tmp_path: Path) -> None:
    """Tensors, views, arrays and storages that outlive the tensor they came from."""
    paths = [write(tmp_path / f"{i}.fits", i) for i in range(8)]
    kept = []
    for i, path in enumerate(paths):
        image = torch.ops.fits.read_image(path)
        holders = [image, image[5:], image.numpy(), image.view(torch.int32), torch.from_dlpack(image)]
        kept.append(holders[i % len(holders)])
        del image, holders
        torch.ops.fits.read_image(paths[-1])
    for i, held in enumerate(kept):
        values = torch.as_tensor(held)
        assert (values.view(torch.float32) == i).all()


def test_threads_get_memory_of_their_own(tmp_path: Path) -> None:
    paths = [write(tmp_path / f"{i}.fits", i) for i in range(8)]
    wrong = []

    def work(i: int) -> None:
        for _ in range(30):
            image = torch.ops.fits.read_image(paths[i]).numpy()
            if not (image == i).all():
                wrong.append(i)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(len(paths))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_forked_child_does_not_write_into_its_parent(tmp_path: Path) -> None:
    ours, theirs = write(tmp_path / "a.fits", 1), write(tmp_path / "b.fits", 2)
    torch.ops.fits.read_image(ours)  # leaves memory behind, which both inherit
    receiver, sender = os.pipe()
    child = os.fork()
    if child == 0:
        good = all((torch.ops.fits.read_image(theirs).numpy() == 2).all() for _ in range(5))
        os.write(sender, b"y" if good else b"n")
        os._exit(0)
    good = all((torch.ops.fits.read_image(ours).numpy() == 1).all() for _ in range(5))
    os.waitpid(child, 0)
    assert good
    assert os.read(receiver, 1) == b"y"
    os.close(receiver)
    os.close(sender)


def test_what_is_kept_is_bounded(tmp_path: Path) -> None:
    """Results of many sizes, many of them alive at once: after all are gone no more than the bound stays."""
    paths = [write(tmp_path / f"{i}.fits", i, (1000 + 150 * i, 2500)) for i in range(8)]  # 10 to 20 MB
    before = resident()
    for _ in range(3):
        alive = [torch.ops.fits.read_image(path) for path in paths for _ in range(5)]  # 600 MB
        assert resident() - before > KEPT
        del alive
    assert resident() - before < KEPT + (32 << 20)


def test_such_a_tensor_travels_like_any_other(tmp_path: Path) -> None:
    image = torch.ops.fits.read_image(write(tmp_path / "a.fits", 3))
    file = io.BytesIO()
    torch.save(image, file)
    assert len(file.getvalue()) < image.nbytes + 10_000
    file.seek(0)
    for copy in (torch.load(file), pickle.loads(pickle.dumps(image)), image.clone().share_memory_(), image.clone()):
        assert torch.equal(copy, image)
    assert image.share_memory_().is_shared()
    assert (image == 3).all()
    image += 1
    assert (image == 4).all()


@pytest.mark.parametrize("setting", ["0", "1", "nonsense"])
def test_it_can_be_turned_off(setting: str, tmp_path: Path) -> None:
    path = write(tmp_path / "a.fits", 5)
    script = f"""
import torch, torchfits
images = [torch.ops.fits.read_image({path!r}) for _ in range(3)]
assert all((image == 5).all() for image in images)
def resident():
    status = open("/proc/self/status").read()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("RssAnon"))
before = resident()
del images
assert before - resident() > 3 * 5000, (before, resident())
assert (torch.ops.fits.read_image({path!r}) == 5).all()
"""
    environment = os.environ | {"TORCHFITS_CACHE_MEMORY": setting, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", script], check=True, env=environment, timeout=120)


# ---- cutouts

PEAK = """
import sys, threading, time
import numpy as np, torch, torchfits
torch.set_num_threads(2)

def resident():
    status = open("/proc/self/status").read()
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("RssAnon"))

def peak_of(call):
    # The most anonymous memory beyond what there was before, looked at while the operator runs.
    most, done = [0], threading.Event()
    def watch():
        while not done.wait(5e-4):
            most[0] = max(most[0], resident())
    before = resident()
    watcher = threading.Thread(target=watch)
    watcher.start()
    result = call()
    done.set()
    watcher.join()
    return result, max(most[0], resident()) - before
"""

SPARSE = """
path, side, size = sys.argv[1], int(sys.argv[2]), 32
random = np.random.default_rng(1)
corners = torch.from_numpy(random.integers(-size, side, (1000, 2)))
cut = torch.ops.fits.read_cutouts
known = torch.tensor([[side - size, side - size], [side // 2, side // 3]])
cut(path, [0], known, [size, size])  # the threads, the header and what else is made once
stamps, peak = peak_of(lambda: cut(path, [0], torch.cat([known, corners]), [size, size], fill=-1.0))
assert peak < stamps.nbytes + (4 << 20), peak
assert stamps[0, 0, -1, -1] == 7 and stamps[1, 0, 0, 0] == 5, stamps[:2]
inside = (corners[:, :, None] + torch.arange(size) >= 0) & (corners[:, :, None] + torch.arange(size) < side)
expected = torch.where(inside[:, 0, :, None] & inside[:, 1, None, :], 0.0, -1.0)
assert stamps[2:, 0].equal(expected)
"""


@pytest.mark.parametrize("mapping", ["1", "0"], ids=["mapped", "positioned reads"])
def test_cutouts_of_a_file_larger_than_memory(mapping: str, tmp_path: Path) -> None:
    """A sparse file: only the pages that the cutouts touch are ever looked at."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    side = max(100_000, math.isqrt(memory // 2))  # of float32: at least twice the memory
    cards = {"SIMPLE": "T", "BITPIX": "-32", "NAXIS": "2", "NAXIS1": str(side), "NAXIS2": str(side)}
    header = "".join(f"{key:8}= {value:>20}".ljust(80) for key, value in cards.items()) + "END".ljust(80)
    path = tmp_path / "sparse.fits"
    path.write_bytes(header.ljust(2880).encode())
    pixels = {(side - 1, side - 1): 7, (side // 2, side // 3): 5}
    with path.open("r+b") as file:
        file.truncate(2880 + -(-4 * side * side // 2880) * 2880)
        for (row, column), value in pixels.items():
            file.seek(2880 + 4 * (row * side + column))
            file.write(np.array(value, ">f4").tobytes())
    run_alone(PEAK + SPARSE, str(path), str(side), TORCHFITS_MMAP=mapping)
    assert path.stat().st_blocks * 512 < 1 << 20


MANY = """
paths, count, size, side = sys.argv[3:], int(sys.argv[1]), 16, int(sys.argv[2])
random = np.random.default_rng(1)
corners = torch.from_numpy(random.integers(0, side - size, (count, 2)))
index = torch.from_numpy(random.integers(0, len(paths), count))
cut = torch.ops.fits.read_cutouts
cut(paths, torch.arange(len(paths)), [1], corners[: len(paths)], [size, size])
stamps, peak = peak_of(lambda: cut(paths, index, [1], corners, [size, size]))
plan = 4 * corners.nbytes  # the order in which they are read
assert peak < stamps.nbytes + plan + 2 * (1 << 20) + (8 << 20), (peak, stamps.nbytes)
first = torch.ops.fits.read_image(paths[0], 1, dtype=torch.float32)
for b in (index == 0).nonzero().flatten().tolist():
    row, column = corners[b].tolist()
    assert stamps[b, 0].equal(first[row : row + size, column : column + size])
"""


@pytest.mark.parametrize("tile", [(1, 1024), (100, 100)], ids=["row tiles", "100x100 tiles"])
def test_100000_cutouts_of_64_compressed_files(tile: tuple[int, int], tmp_path: Path) -> None:
    """256 MiB of pixels are decoded; beside the result there is a tile or 1 MiB for each of two threads."""
    random = np.random.default_rng(0)
    for kind in range(4):
        image = random.normal(1000, 9, (1024, 1024)).astype("i2")
        hdu = fits.CompImageHDU(image, compression_type="RICE_1", tile_shape=tile)
        hdu.writeto(tmp_path / f"{kind}.fits")
    paths = [tmp_path / f"{number}.fits" for number in range(64)]
    for number, path in enumerate(paths[4:]):
        shutil.copy(paths[number % 4], path)
    run_alone(PEAK + MANY, "100000", "1024", *map(str, paths))


def run_alone(script: str, *arguments: str, **settings: str) -> None:
    """In a process of its own, which keeps no memory of results."""
    environment = os.environ | {"TORCHFITS_CACHE_MEMORY": "0", "PYTHONPATH": os.pathsep.join(sys.path)} | settings
    done = subprocess.run([sys.executable, "-c", script, *arguments], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
