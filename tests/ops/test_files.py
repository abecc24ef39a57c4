"""read_file: a file's bytes by every road, and what is refused."""

from __future__ import annotations

import bz2
import gzip
import io
import zipfile
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


def zipped(method: int, *names: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        archive.comment = b"of any text"
        for name in names:
            archive.writestr(name, b"" if name.endswith("/") else PIXELS)
    return out.getvalue()


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_zip(method: int, tmp_path: Path) -> None:
    """From files, also those written without going back (sizes behind the data), and from bytes."""

    class Pipe(io.RawIOBase):
        def __init__(self) -> None:
            self.all = b""

        def writable(self) -> bool:
            return True

        def write(self, data: object) -> int:
            self.all += bytes(data)  # type: ignore[call-overload]
            return len(bytes(data))  # type: ignore[call-overload]

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", method) as archive:  # type: ignore[arg-type]
        archive.writestr("image.fits", PIXELS)
    for content in (zipped(method, "image.fits"), zipped(method, "folder/", "folder/image.fits"), pipe.all):
        path = tmp_path / "image.fits.zip"
        path.write_bytes(content)
        assert ops.read_file(str(path)).numpy().tobytes() == PIXELS
        assert ops.read_image(as_tensor(content)).shape == (4, 6)


@pytest.mark.parametrize(
    "content, says",
    [
        (zipped(zipfile.ZIP_DEFLATED, "a.fits", "b.fits"), "holds 2 files; unpack"),
        (zipped(zipfile.ZIP_DEFLATED, "folder/"), "holds 0 files"),
        (zipped(zipfile.ZIP_BZIP2, "a.fits"), "packed by method 12"),
        (zipped(zipfile.ZIP_DEFLATED, "a.fits")[:-40], "ends before its directory"),
    ],
)
def test_zip_archives_that_are_refused(content: bytes, says: str, tmp_path: Path) -> None:
    path = tmp_path / "image.zip"
    path.write_bytes(content)
    with pytest.raises(RuntimeError, match=rf"image\.zip: the zip archive .*{says}"):
        ops.read_file(str(path))


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
