"""One image, by each of the readers: a CPU tensor of native byte order, as their users would get it."""

from __future__ import annotations

import ctypes
import ctypes.util
import math
import mmap
import os
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import numpy as np
import torch

CFITSIO_TYPES = {  # fitsio.h: TBYTE, TUSHORT, TSHORT, TINT, TLONGLONG, TFLOAT, TDOUBLE
    torch.uint8: 11,
    torch.uint16: 20,
    torch.int16: 21,
    torch.int32: 31,
    torch.int64: 81,
    torch.float32: 42,
    torch.float64: 82,
}


def ours(path: str, hdu: int = 0, dtype: torch.dtype | None = None) -> torch.Tensor:
    import torchfits  # noqa: F401  (registers the operators)

    image: torch.Tensor = torch.ops.fits.read_image(path, hdu, dtype=dtype)
    return image


def astropy(path: str, hdu: int = 0, dtype: torch.dtype | None = None) -> torch.Tensor:
    """The default way: a memory map, brought to native order in the one pass that reads it."""
    from astropy.io import fits

    return native(fits.getdata(path, hdu), dtype)


def fitsio(path: str, hdu: int = 0, dtype: torch.dtype | None = None) -> torch.Tensor:
    import fitsio as package

    return native(package.read(path, ext=hdu), dtype)


def cfitsio(path: str, hdu: int = 0, dtype: torch.dtype | None = None) -> torch.Tensor:
    """fits_read_img into a fresh tensor. In C one names the type, so `dtype` must be given."""
    if dtype is None:
        raise ValueError("cfitsio reads into a type that its caller names")
    with CfitsioFile(path, hdu) as file:
        return file.image(dtype)


def native(array: np.ndarray, dtype: torch.dtype | None = None) -> torch.Tensor:
    """A tensor of an array's values: native byte order, contiguous, and in memory rather than in a mapped file."""
    wanted = array.dtype.newbyteorder("=") if dtype is None else np.dtype(str(dtype).removeprefix("torch."))
    return torch.from_numpy(np.array(array, dtype=wanted, copy=True if _is_mapped(array) else None, order="C"))


def _is_mapped(array: Any) -> bool:
    while array is not None:
        if isinstance(array, (np.memmap, mmap.mmap)):
            return True
        array = getattr(array, "base", None)
    return False


@cache
def cfitsio_library() -> ctypes.CDLL | None:
    name = ctypes.util.find_library("cfitsio")
    return ctypes.CDLL(name) if name else None


def cfitsio_version() -> str:
    library = cfitsio_library()
    if library is None:
        return "absent"
    version = ctypes.c_float()
    library.ffvers(ctypes.byref(version))
    return f"{version.value:.3g}"


class CfitsioFile:
    """An open file in the C library, no layer between, by the calls' short names (fits_open_diskfile is ffdkopn)."""

    def __init__(self, path: str, hdu: int = 0):
        library = cfitsio_library()
        if library is None:
            raise RuntimeError("libcfitsio is not installed")
        self.library, self.file = library, ctypes.c_void_p()
        self._call("ffdkopn", ctypes.byref(self.file), os.fsencode(path), 0, file=False)
        if hdu:
            self.move(hdu)

    def _call(self, name: str, *arguments: Any, file: bool = True) -> None:
        status = ctypes.c_int(0)
        handle = (self.file,) if file else ()
        getattr(self.library, name)(*handle, *arguments, ctypes.byref(status))
        if status.value:
            text = ctypes.create_string_buffer(31)
            self.library.ffgerr(status, text)
            raise RuntimeError(f"{name}: {text.value.decode()}")

    def __enter__(self) -> CfitsioFile:
        return self

    def __exit__(self, *_: object) -> None:
        self._call("ffclos")

    def move(self, hdu: int) -> None:
        self._call("ffmahd", hdu + 1, None)

    def image(self, dtype: torch.dtype) -> torch.Tensor:
        naxis, axes = ctypes.c_int(), (ctypes.c_long * 9)()
        self._call("ffgidm", ctypes.byref(naxis))
        self._call("ffgisz", 9, axes)
        bitpix = ctypes.c_int()
        self._call("ffgidt", ctypes.byref(bitpix))
        out = torch.empty(list(reversed(axes[: naxis.value])), dtype=dtype)
        nan = {torch.float32: ctypes.c_float, torch.float64: ctypes.c_double}.get(dtype)
        # BLANK, and what is undefined in tiles, become NaN on request only; of stored floats NaN stays NaN unasked, and
        # asking costs time.
        compressed = self.library.fits_is_compressed_image(self.file, ctypes.byref(ctypes.c_int(0)))
        null = ctypes.byref(nan(math.nan)) if nan and (bitpix.value > 0 or compressed) else None
        count = ctypes.c_longlong(out.numel())
        first = ctypes.c_longlong(1)
        anynul = ctypes.c_int()
        array = ctypes.c_void_p(out.data_ptr())
        self._call("ffgpv", CFITSIO_TYPES[dtype], first, count, null, array, ctypes.byref(anynul))
        return out

    def number(self, key: str) -> float:
        value = ctypes.c_double()
        self._call("ffgkyd", key.encode(), ctypes.byref(value), None)
        return value.value


READERS: dict[str, Callable[..., torch.Tensor]] = {
    "torchfits": ours,
    "astropy": astropy,
    "fitsio": fitsio,
    "cfitsio": cfitsio,
}


def _prepare(
    reader: Callable[..., torch.Tensor], path: str, hdu: int = 0, dtype: str | None = None
) -> Callable[[], Any]:
    return partial(reader, path, hdu, getattr(torch, dtype) if dtype else None)


# For bench/worker.py, where memory is measured.
CALLS = {name: partial(_prepare, reader) for name, reader in READERS.items()}
