"""Memory that a result leaves behind serves the next (csrc/ops/memory.h): nobody must be able to tell, but by time."""

import io
import os
import pickle
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
