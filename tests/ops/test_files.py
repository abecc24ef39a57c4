"""read_file: a file's bytes by every road, and what is refused."""

from __future__ import annotations

import bz2
import gzip
from pathlib import Path

import numpy as np
import pytest
import torch
from operator_samples import PIXELS, as_tensor

ops = torch.ops.fits


def read(path: Path, form: str) -> torch.Tensor:
    return ops.read_file(str(path) if form == "path" else as_tensor(str(path).encode()))


@pytest.mark.parametrize("form", ["path", "utf8"])
@pytest.mark.parametrize("size", [1, 79, 2880, 5_000_003])
def test_the_bytes_of_a_file(form: str, size: int, tmp_path: Path) -> None:
    """Plain and gzipped, small and large enough for threads; the name decides nothing."""
    content = np.random.default_rng(size).integers(0, 64, size, dtype="u1").tobytes()
    members = gzip.compress(content[: size // 2], 1) + gzip.compress(content[size // 2 :], 1)
    for name, stored in (("plain.gz", content), ("zipped.fits", gzip.compress(content, 1)), ("members.fits", members)):
        (tmp_path / name).write_bytes(stored)
        found = read(tmp_path / name, form)
        assert (found.dtype, found.device.type, found.shape) == (torch.uint8, "cpu", (size,))
        assert found.numpy().tobytes() == content


def test_bzip2(tmp_path: Path) -> None:
    path = tmp_path / "image.fits.bz2"
    path.write_bytes(bz2.compress(PIXELS))
    assert ops.read_file(str(path)).numpy().tobytes() == PIXELS


def test_a_path_of_many_alphabets(tmp_path: Path) -> None:
    path = tmp_path / "Большая туманность 星雲.fits"
    path.write_bytes(b"content")
    for form in ("path", "utf8"):
        assert read(path, form).numpy().tobytes() == b"content"


@pytest.mark.parametrize("form", ["path", "utf8"])
def test_what_cannot_be_read(form: str, tmp_path: Path) -> None:
    (tmp_path / "cut.fits.gz").write_bytes(gzip.compress(PIXELS)[:-20])
    damaged = bytearray(gzip.compress(PIXELS))
    damaged[40] ^= 0xFF
    (tmp_path / "damaged.fits").write_bytes(damaged)
    for name in ("missing.fits", "cut.fits.gz", "damaged.fits"):
        with pytest.raises(RuntimeError, match=name):
            read(tmp_path / name, form)
    with pytest.raises(RuntimeError, match=str(tmp_path)):
        read(tmp_path, form)


def test_utf8_is_bytes() -> None:
    with pytest.raises(ValueError, match="path must be a uint8 tensor of one dimension"):
        ops.read_file(torch.zeros(3))


def test_a_rewritten_file_is_read_anew(tmp_path: Path) -> None:
    """Many times within one tick of the file system's clock, the sizes equal."""
    path = tmp_path / "image.fits"
    for value in range(50):
        path.write_bytes(bytes([value]) * 300_000)
        assert ops.read_file(str(path))[[0, -1]].tolist() == [value, value]
