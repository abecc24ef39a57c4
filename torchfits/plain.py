"""Small parts of plain images of an open file: cut from its mapped bytes, without an operator.

An operator costs about 8 microseconds before it reads anything, of which most are torch's, and a stamp of 32x32 pixels
two. So small parts of an image whose stored values are its pixels (not scaled, not compressed) are cut and swapped by
NumPy; `HDU` asks the operator for all else. Both give the same tensor, and errors are the operator's.

Parts come from the file that was mapped when the first of them was read, as of any open file: also when another file
has its name by now, and then the whole image does. Where it was cut off, or its header was written anew, there are
none.
"""

from __future__ import annotations

import math
import mmap
import os
import stat
from functools import lru_cache
from types import EllipsisType
from typing import Any

import numpy as np
import torch

from torchfits.header import Header
from torchfits.source import HDUS, HEADER_TEXT, READ_SECTION, Source, bytes_tensor, text_of

# Pixels from which on the operator is faster.
_MOST_PIXELS = 6000

# Files are not mapped where the operators are not to either.
_ALLOWED = "0" not in (os.environ.get("TORCHFITS_MMAP"), os.environ.get("TORCHFITS_CACHE_FILES"))

# By BITPIX: values as they are stored, and as tensors.
_TYPES = {
    8: ("u1", torch.uint8),
    16: (">i2", torch.int16),
    32: (">i4", torch.int32),
    64: (">i8", torch.int64),
    -32: (">f4", torch.float32),
    -64: (">f8", torch.float64),
}
_INDICES = {int, slice, EllipsisType}


class _Mapped:
    """A file's bytes, mapped."""

    __slots__ = ("descriptor", "identity", "images", "map", "path", "rows", "source")

    def __init__(self, path: str, identity: tuple[int, ...], descriptor: int) -> None:
        self.descriptor, self.path, self.identity = descriptor, path, identity
        self.map = mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ)
        self.source = Source(path, bytes_tensor(memoryview(self.map)))
        self.rows: list[list[int]] = self.source(HDUS).tolist() if self.map[:6] == b"SIMPLE" else []  # or packed
        self.images: dict[int, np.ndarray | None] = {}

    def __del__(self) -> None:
        os.close(self.descriptor)

    def has_its_name(self) -> bool:
        """Whether the file that has this name is the one that was mapped."""
        try:
            return _identity(self.path)[:2] == self.identity[:2]
        except OSError:
            return False


# What a mapping costs is the pages that are met for the first time: a file that is opened again has them already.
@lru_cache(maxsize=8)
def _mapped(path: str, identity: tuple[int, ...]) -> _Mapped:
    return _Mapped(path, identity, os.open(path, os.O_RDONLY))


def _identity(path: str) -> tuple[int, ...]:
    status = os.stat(path)
    if not stat.S_ISREG(status.st_mode) or status.st_size == 0:
        raise OSError(f"{path} has no bytes to map")
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _find_mapped(path: str) -> _Mapped | None:
    try:
        return _mapped(path, _identity(path)) if _ALLOWED else None
    except (OSError, ValueError):  # it is gone, or cannot be mapped: the operator will say so, or read it
        return None


class PlainImage:
    """The pixels of one HDU."""

    __slots__ = ("_file", "_header", "_native", "_place", "_size", "_stored")

    def __init__(self, stored: np.ndarray, file: _Mapped | None, place: slice) -> None:
        self._stored, self._native = stored, stored.dtype.newbyteorder("=")
        self._file = file  # None where the bytes are held in memory
        self._place = place  # of the header
        if file is not None:
            self._size, self._header = len(file.map), file.map[place]

    @classmethod
    def of(cls, source: Source, index: int, row: list[int]) -> PlainImage | None:
        """Image `index`, which was found as `row` of torch.ops.fits.hdus; None where the operator must read it."""
        header = slice(row[1], row[2])
        if source.data is not None:
            stored = _stored(source, index, row)
            return None if stored is None else cls(stored, None, header)
        file = _find_mapped(source.name)
        if file is None or file.rows[index : index + 1] != [row]:
            return None
        if index not in file.images:
            file.images[index] = _stored(file.source, index, row)
        stored = file.images[index]
        return None if stored is None else cls(stored, file, header)

    def part(self, section: Any) -> torch.Tensor | None:
        """The part that a section asks for; None where the operator must read it."""
        if not _INDICES.issuperset(map(type, section if type(section) is tuple else (section,))):
            return None
        file = self._file
        if file is not None and (
            os.lseek(file.descriptor, 0, os.SEEK_END) < self._size or file.map[self._place] != self._header
        ):
            return None
        try:
            part = np.asarray(self._stored[section])  # of integers alone it is a number
        except (IndexError, TypeError, ValueError):
            return None
        if part.size > _MOST_PIXELS:
            return None
        return torch.from_numpy(part.astype(self._native, "C"))

    @property
    def source(self) -> Source | None:
        """The mapped bytes where the file has lost its name, for what the operator reads of it."""
        return None if self._file is None or self._file.has_its_name() else self._file.source

    def __reduce__(self) -> tuple[type, tuple[()]]:
        """As None: copies and pickles of an HDU look anew."""
        return type(None), ()


def _stored(source: Source, index: int, row: list[int]) -> np.ndarray | None:
    """The stored values of an HDU in the file's bytes; None where they are not its pixels."""
    kind, _, start, _, bitpix, naxis, *axes = row
    data = source.data
    if data is None or data.device.type != "cpu" or not data.is_contiguous():
        return None
    if kind != 0 or not 0 < naxis <= len(axes) or not _is_plain(source, index, bitpix, naxis):
        return None
    shape, stored = axes[:naxis], np.dtype(_TYPES[bitpix][0])
    size, held = math.prod(shape) * stored.itemsize, data.numpy()
    if held[:6].tobytes() != b"SIMPLE" or start + size > len(held):
        return None
    return held[start : start + size].view(stored).reshape(shape)


def _is_plain(source: Source, index: int, bitpix: int, naxis: int) -> bool:
    """Whether an image's values are those stored; of integers its type tells (section 4.4.2.5 of the Standard)."""
    nothing = [0] * naxis
    if source(READ_SECTION, index, nothing, nothing).dtype != _TYPES[bitpix][1]:
        return False
    if bitpix > 0:
        return True
    header = Header.fromstring(text_of(source(HEADER_TEXT, index)))
    return "BSCALE" not in header and "BZERO" not in header
