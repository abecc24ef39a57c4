"""Compressed tables (FITS Standard 4.0, section 10.3) for tests: put together here, or by CFITSIO.

Those made here hold what CFITSIO never writes: NOCOMPRESS, P descriptors, ZTHEAP, arrays that share bytes.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import gzip
import io
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

Rows = NDArray[np.uint8]  # [n, NAXIS1], as in a file

SIZES = {"L": 1, "X": 1, "B": 1, "A": 1, "I": 2, "J": 4, "E": 4, "K": 8, "D": 8, "C": 8, "P": 8, "M": 16, "Q": 16}
BLOCK = 2880


def element(tform: str) -> tuple[int, str, str]:
    """Repeat, letter, and of P and Q the letter of the arrays."""
    found = re.match(r"(\d*)([A-Z])([A-Z]?)", tform)
    assert found
    return int(found[1] or 1), found[2], found[3]


def width(tform: str) -> int:
    repeat, letter, _ = element(tform)
    return -(-repeat // 8) if letter == "X" else repeat * SIZES[letter]


def _unit(letter: str, in_heap: bool) -> int:
    """What GZIP_2 shuffles, as CFITSIO has it."""
    return {"C": 8 if in_heap else 1, "M": 1}.get(letter, SIZES[letter])


def _stream(codec: str, unit: int, raw: bytes) -> bytes:
    if codec == "NOCOMPRESS":
        return raw
    if codec == "GZIP_2":
        raw = np.frombuffer(raw, np.uint8).reshape(-1, unit).T.tobytes()
    return gzip.compress(raw, 6, mtime=0)


def padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % BLOCK)


def _header(cards: dict[str, Any]) -> bytes:
    header = fits.Header()
    for key, value in cards.items():
        header[key] = value
    return header.tostring().encode()


PRIMARY = _header({"SIMPLE": True, "BITPIX": 8, "NAXIS": 0})


def _mandatory(row_size: int, rows: int, pcount: int, fields: int) -> dict[str, Any]:
    sizes = {"NAXIS1": row_size, "NAXIS2": rows, "PCOUNT": pcount, "GCOUNT": 1, "TFIELDS": fields}
    return {"XTENSION": "BINTABLE", "BITPIX": 8, "NAXIS": 2, **sizes}


def plain_table(tforms: Sequence[str], rows: Rows, heap: bytes = b"", gap: int = 0, **changed: Any) -> bytes:
    """The HDU, its heap after ``gap`` bytes; ``changed`` cards go over those that are right."""
    cards = _mandatory(rows.shape[1], len(rows), gap + len(heap), len(tforms))
    cards |= {f"TFORM{n}": tform for n, tform in enumerate(tforms, 1)}
    if gap:
        cards["THEAP"] = rows.size + gap
    cards = {key: value for key, value in (cards | changed).items() if value is not None}
    return _header(cards) + padded(rows.tobytes() + bytes(gap) + heap)


def compressed_table(
    tforms: Sequence[str],
    codecs: Sequence[str],
    rows: Rows,
    heap: bytes = b"",
    *,
    tile: int,
    descriptor: str = "1QB",
    gap: int = 0,
    **changed: Any,
) -> bytes:
    """The HDU that holds the table plain_table() makes of the same; ``changed`` cards go over those that are right."""
    cell = ">u4" if descriptor[1] == "P" else ">u8"
    cells: list[list[int]] = []
    stored = bytearray()

    known: dict[bytes, list[int]] = {}

    def store(stream: bytes) -> list[int]:
        if stream not in known:  # equal streams share one place
            known[stream] = [len(stream), len(stored)]
            stored.extend(stream)
        return known[stream]

    for first in range(0, len(rows) if rows.size else 0, tile):
        start = 0
        for tform, codec in zip(tforms, codecs):
            raw = rows[first : first + tile, start : start + width(tform)]
            start += width(tform)
            _, letter, inner = element(tform)
            if letter in "PQ" and raw.size:
                places = [store(array) for array in _arrays(raw, inner, codec, heap)]
                stream = gzip.compress(raw.tobytes() + np.array(places, ">u8").tobytes(), 6, mtime=0)
            else:
                stream = _stream(codec, _unit(letter, False), raw.tobytes()) if raw.size else b""
            cells.append(store(stream))
    table = np.array(cells, cell).reshape(len(cells) // max(len(tforms), 1), len(tforms) * 2)
    cards = _mandatory(table.shape[1] * table.itemsize, len(table), len(stored), len(tforms))
    cards |= {"ZTABLE": True, "ZTILELEN": tile, "ZNAXIS1": rows.shape[1], "ZNAXIS2": len(rows)}
    cards |= {"ZPCOUNT": gap + len(heap)} | ({"ZTHEAP": rows.size + gap} if gap else {})
    for n, (tform, codec) in enumerate(zip(tforms, codecs), 1):
        cards |= {f"TFORM{n}": descriptor, f"ZFORM{n}": tform, f"ZCTYP{n}": codec}
    cards = {key: value for key, value in (cards | changed).items() if value is not None}
    return _header(cards) + padded(table.tobytes() + bytes(stored))


def _arrays(raw: Rows, letter: str, codec: str, heap: bytes) -> list[bytes]:
    """The compressed arrays to which descriptors point; those that would not become smaller as they are."""
    half = raw.shape[1] // 2
    arrays = []
    for count, offset in np.ascontiguousarray(raw).view(f">i{half}").tolist():
        array = heap[offset : offset + width(f"{count}{letter}")] if count > 0 else b""
        stream = _stream(codec, _unit(letter, True), array) if array else b""
        arrays.append(stream if len(stream) < len(array) else array)
    return arrays


# --- CFITSIO ------------------------------------------------------------------------------------------------------


def _library() -> ctypes.CDLL:
    name = ctypes.util.find_library("cfitsio")
    assert name, "libcfitsio is needed to build torchfits and to test it"
    return ctypes.CDLL(name)


def _converted(source: Path, target: Path, convert: str) -> None:
    """The second HDU of ``source`` into a new file, by fits_compress_table or fits_uncompress_table."""
    library = _library()
    status = ctypes.c_int(0)
    from_file, to_file = ctypes.c_void_p(), ctypes.c_void_p()

    def call(name: str, *args: Any) -> None:
        function: Callable[..., int] = getattr(library, name)
        function(*args, ctypes.byref(status))
        assert status.value == 0, f"CFITSIO's {name} fails with status {status.value}"

    target.unlink(missing_ok=True)
    call("ffopen", ctypes.byref(from_file), str(source).encode(), 0)
    call("ffinit", ctypes.byref(to_file), str(target).encode())
    call("ffcopy", from_file, to_file, 0)
    call("ffmahd", from_file, 2, None)
    call(convert, from_file, to_file)
    call("ffclos", to_file)
    call("ffclos", from_file)


def fpack(file: bytes, folder: Path) -> Path:
    """The file with its table compressed, as `fpack -table` does."""
    (folder / "plain.fits").write_bytes(file)
    _converted(folder / "plain.fits", folder / "packed.fits", "fits_compress_table")
    assert b"ZTABLE  =" in (folder / "packed.fits").read_bytes()  # CFITSIO leaves tables of few bytes alone
    return folder / "packed.fits"


def funpack(path: Path, folder: Path) -> bytes:
    _converted(path, folder / "unpacked.fits", "fits_uncompress_table")
    return (folder / "unpacked.fits").read_bytes()


def split(file: bytes) -> tuple[Rows, bytes]:
    """Rows and heap of the table in the second HDU, by its header alone."""
    with fits.open(io.BytesIO(file), lazy_load_hdus=False) as hdus:
        header, start = hdus[1].header, hdus[1].fileinfo()["datLoc"]
    size = header["NAXIS1"] * header["NAXIS2"]
    rows = np.frombuffer(file, np.uint8, size, start).reshape(header["NAXIS2"], header["NAXIS1"])
    return rows, file[start + header.get("THEAP", size) : start + size + header["PCOUNT"]]
