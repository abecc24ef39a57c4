"""The small compressed images of tests/data/tiles, put together byte by byte, and what a right reader finds in them.

python tests/data/make_tiles.py            writes them and expected.npz
tests/test_tile_conformance.py             compares this script, the files and every reader

No compressor has a part in this but zlib: the RICE_1 and PLIO_1 streams, the tables and the heaps are written here,
from FITS Standard 4.0, section 10, so that each file holds just what its case is about. Expected values are computed
from the integers by the formulas of section 10.2, in double precision, rounded once. The files are gzipped: tables and
headers are mostly padding. tests/data/tiles/README.md says where each expectation comes from.
"""

from __future__ import annotations

import gzip
import struct
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(__file__).with_name("tiles")
BLOCK = 2880
UNDEFINED = -(2**31) + 1  # what CFITSIO stores for undefined pixels; ZBLANK says it where it is there
ZERO = -(2**31) + 2  # what it stores for an exact zero, with SUBTRACTIVE_DITHER_2

# --- Streams ------------------------------------------------------------------------------------------------------


def rice(values: Sequence[int], bytepix: int = 4, blocksize: int = 32) -> bytes:
    """RICE_1 (section 10.4.1): the first value, then blocks of differences, each with its own split."""
    fs_bits, fs_max, width = {1: (3, 6, 8), 2: (4, 14, 16), 4: (5, 25, 32)}[bytepix]
    modulus, half = 1 << width, 1 << (width - 1)
    bits = [f"{values[0] % modulus:0{width}b}"]
    previous = values[0]
    for first in range(0, len(values), blocksize):
        mapped = []
        for value in values[first : first + blocksize]:
            difference = (value - previous + half) % modulus - half
            mapped.append(2 * difference if difference >= 0 else -2 * difference - 1)
            previous = value
        fs = min(range(fs_max), key=lambda k: sum((m >> k) + 1 + k for m in mapped))
        if not any(mapped):
            bits.append("0" * fs_bits)
        elif sum((m >> fs) + 1 + fs for m in mapped) >= width * len(mapped):
            bits.append(f"{fs_max + 1:0{fs_bits}b}" + "".join(f"{m:0{width}b}" for m in mapped))
        else:
            low = [f"{m & ((1 << fs) - 1):0{fs}b}" if fs else "" for m in mapped]
            bits.append(f"{fs + 1:0{fs_bits}b}" + "".join("0" * (m >> fs) + "1" + x for m, x in zip(mapped, low)))
    text = "".join(bits)
    text += "0" * (-len(text) % 8)
    return bytes(int(text[i : i + 8], 2) for i in range(0, len(text), 8))


def gzip_1(values: np.ndarray) -> bytes:
    return gzip.compress(big_endian(values), 9, mtime=0)


def gzip_2(values: np.ndarray) -> bytes:
    """Most significant bytes first (section 10.4.2)."""
    shuffled = np.frombuffer(big_endian(values), "u1").reshape(-1, values.dtype.itemsize).T
    return gzip.compress(shuffled.tobytes(), 9, mtime=0)


def plio(runs: Sequence[tuple[int, int]]) -> bytes:
    """PLIO_1 (section 10.4.3) of runs (length, value): the current value is set where it changes, then the run."""
    words, high = [], 1
    for length, value in runs:
        if value == 0:
            words.append(length)
            continue
        if value != high:
            words += [0x1000 | value & 0xFFF, value >> 12]
            high = value
        words.append(0x4000 | length)
    count = len(words) + 7
    return struct.pack(f">{count}h", 0, 7, -100, count & 0x7FFF, count >> 15, 0, 0, *words)


def big_endian(values: np.ndarray) -> bytes:
    return values.astype(values.dtype.newbyteorder(">")).tobytes()


# --- Dithering ----------------------------------------------------------------------------------------------------


@cache
def random_numbers() -> tuple[float, ...]:
    """The 10000 numbers of appendix I, in single precision; the last seed is the check that it gives."""
    seed, numbers = 1, []
    for _ in range(10000):
        seed = seed * 16807 % 2147483647
        numbers.append(float(np.float32(seed / 2147483647)))
    assert seed == 1043618065
    return tuple(numbers)


def dequantised(
    values: Sequence[int],
    zscale: float,
    zzero: float,
    method: str,
    zdither0: int = 1,
    tile: int = 0,
    zblank: int | None = UNDEFINED,
) -> list[float]:
    """Section 10.2.1. Undefined pixels and exact zeros use up their random number too."""
    row = (tile + zdither0 - 1) % 10000
    numbers = random_numbers()
    at, out = int(numbers[row] * 500), []
    for value in values:
        if value == zblank:
            out.append(np.nan)
        elif method == "SUBTRACTIVE_DITHER_2" and value == ZERO:
            out.append(0.0)
        elif method == "NO_DITHER":
            out.append(value * zscale + zzero)
        else:
            out.append((value - numbers[at] + 0.5) * zscale + zzero)
        at += 1
        if at == 10000:
            row = (row + 1) % 10000
            at = int(numbers[row] * 500)
    return out


# --- Files --------------------------------------------------------------------------------------------------------

Column = tuple[str, str, list[Any]]  # TTYPE, TFORM, and of each tile: a stream, or a number
_ELEMENTS = {"B": 1, "I": 2, "J": 4, "E": 4, "D": 8}
_NUMBERS = {"J": ">i", "D": ">d", "E": ">f", "8A": "8s", "0B": "0s", "3X": "1s"}


def card(keyword: str, value: Any) -> str:
    if isinstance(value, bool):
        text = f"{'T' if value else 'F':>20}"
    else:
        text = f"'{value:8s}'" if isinstance(value, str) else f"{value!r:>20}".upper()
    return f"{keyword:8s}= {text}".ljust(80)


def padded(data: bytes, fill: bytes = b"\0") -> bytes:
    return data + fill * (-len(data) % BLOCK)


def header(cards: dict[str, Any]) -> bytes:
    text = "".join(card(keyword, value) for keyword, value in cards.items()) + "END".ljust(80)
    return padded(text.encode(), b" ")


def file(
    shape: Sequence[int],
    tile: Sequence[int],
    bitpix: int,
    columns: Sequence[Column],
    cards: dict[str, Any],
    gap: int = 0,
    codec: str = "RICE_1",
) -> bytes:
    """An empty primary HDU, and an image of `shape` in tiles of `tile`, both as arrays have them."""
    heap, rows = b"", []
    for tiles in zip(*(values for _, _, values in columns), strict=True):
        row = b""
        for (_, tform, _), value in zip(columns, tiles):
            if tform[1] in "PQ":
                count = len(value) // _ELEMENTS[tform[2]]
                row += struct.pack(">ii" if tform[1] == "P" else ">qq", count, len(heap) if count else 0)
                heap += value
            else:
                row += struct.pack(_NUMBERS[tform.removeprefix("1")], value)
        rows.append(row)
    table: dict[str, Any] = {"XTENSION": "BINTABLE", "BITPIX": 8, "NAXIS": 2, "NAXIS1": len(rows[0])}
    table |= {"NAXIS2": len(rows), "PCOUNT": gap + len(heap), "GCOUNT": 1, "TFIELDS": len(columns)}
    for number, (name, tform, _) in enumerate(columns, 1):
        table |= {f"TTYPE{number}": name, f"TFORM{number}": tform}
    if gap:
        table["THEAP"] = len(rows) * len(rows[0]) + gap
    table |= {"ZIMAGE": True, "ZCMPTYPE": codec, "ZBITPIX": bitpix, "ZNAXIS": len(shape)}
    table |= {f"ZNAXIS{number}": n for number, n in enumerate(reversed(shape), 1)}
    table |= {f"ZTILE{number}": n for number, n in enumerate(reversed(tile), 1)}
    primary = header({"SIMPLE": True, "BITPIX": 8, "NAXIS": 0, "EXTEND": True})
    return primary + header(table | cards) + padded(b"".join(rows) + b"\xaa" * gap + heap)


def streams(values: Sequence[bytes], name: str = "COMPRESSED_DATA", tform: str = "1PB") -> Column:
    return name, tform, list(values)


def numbers(name: str, values: Sequence[float], tform: str = "1D") -> Column:
    return name, tform, list(values)


# --- Cases --------------------------------------------------------------------------------------------------------

Case = tuple[bytes, np.ndarray]
CASES: dict[str, Callable[[], Case]] = {}
RICE_4 = {"ZNAME1": "BLOCKSIZE", "ZVAL1": 32, "ZNAME2": "BYTEPIX", "ZVAL2": 4}
SCALE, OFFSET = [0.37, 1.9, 0.011], [100.0, -5.5, 0.3]  # of three tiles


def case(make: Callable[[], Case]) -> Callable[[], Case]:
    CASES[make.__name__] = make
    return make


def integers(count: int = 20, seed: int = 1) -> list[int]:
    """Three rows of them in every image; undefined pixels and zeros of SUBTRACTIVE_DITHER_2 are put in by the cases."""
    return np.random.default_rng(seed).integers(-300, 300, count).tolist()


def quantised(
    method: str | None,
    rows: list[list[int]],
    *,
    bitpix: int = -32,
    zdither0: int = 1,
    zblank: int | Sequence[int] | None = UNDEFINED,
    encode: Callable[[list[int]], bytes] = rice,
    codec: str = "RICE_1",
    cards: dict[str, Any] | None = None,
    more: Sequence[Column] = (),
    tform: str = "1PB",
    gap: int = 0,
) -> Case:
    """A tile a row, ZSCALE and ZZERO in columns; `zblank`: a keyword, or a column of a value per tile."""
    every = list(zblank) if isinstance(zblank, (list, tuple)) else [zblank] * len(rows)
    formula = [
        dequantised(row, SCALE[i % 3], OFFSET[i % 3], method or "NO_DITHER", zdither0, i, every[i])
        for i, row in enumerate(rows)
    ]
    columns = [streams([encode(row) for row in rows], tform=tform)]
    columns += [
        numbers("ZSCALE", (SCALE * len(rows))[: len(rows)]),
        numbers("ZZERO", (OFFSET * len(rows))[: len(rows)]),
    ]
    if isinstance(zblank, (list, tuple)):
        columns.append(numbers("ZBLANK", every, "1J"))
    said = {} if cards is None else cards
    words: dict[str, Any] = dict(RICE_4) if codec.startswith("RICE") and not said.get("ZNAME1") else {}
    if isinstance(zblank, int):
        words["ZBLANK"] = zblank
    if method:
        words["ZQUANTIZ"] = method
    if method and method != "NO_DITHER":
        words["ZDITHER0"] = zdither0
    shape = len(rows), len(rows[0])
    data = file(shape, (1, shape[1]), bitpix, [*columns, *more], words | said, gap, codec)
    return data, np.array(formula, "f4" if bitpix == -32 else "f8")


def with_nan(zblank: Sequence[int] = (UNDEFINED,) * 3) -> list[list[int]]:
    """Undefined: a single pixel, a run, the whole tile."""
    rows = [integers(seed=i) for i in range(3)]
    rows[0][3] = zblank[0]
    rows[1][5:15] = [zblank[1]] * 10
    rows[2] = [zblank[2]] * 20
    return rows


@case
def nan_no_dither() -> Case:
    return quantised("NO_DITHER", with_nan())


@case
def nan_dither_1() -> Case:
    return quantised("SUBTRACTIVE_DITHER_1", with_nan(), zdither0=42)


@case
def nan_dither_2() -> Case:
    return quantised("SUBTRACTIVE_DITHER_2", with_nan(), zdither0=42)


@case
def nan_double() -> Case:
    return quantised("SUBTRACTIVE_DITHER_1", with_nan(), bitpix=-64)


@case
def nan_gzip_1() -> Case:
    encode = lambda row: gzip_1(np.array(row, "i4"))  # noqa: E731
    return quantised("SUBTRACTIVE_DITHER_1", with_nan(), encode=encode, codec="GZIP_1")


@case
def nan_gzip_2() -> Case:
    encode = lambda row: gzip_2(np.array(row, "i4"))  # noqa: E731
    return quantised("SUBTRACTIVE_DITHER_2", with_nan(), encode=encode, codec="GZIP_2")


@case
def zeros_dither_2() -> Case:
    """Exact zeros come back as zeros, undefined pixels between them as NaN, and a value near 0 as it is."""
    rows = with_nan()
    rows[0][8:12] = [ZERO] * 4
    rows[1][2] = ZERO
    rows[1][16] = 0
    return quantised("SUBTRACTIVE_DITHER_2", rows)


@case
def zeros_dither_1() -> Case:
    """The integer of exact zeros is a value like any other with SUBTRACTIVE_DITHER_1."""
    rows = with_nan()
    rows[0][8:12] = [ZERO] * 4
    return quantised("SUBTRACTIVE_DITHER_1", rows)


@case
def zblank_keyword() -> Case:
    """The keyword names another value than CFITSIO's, which is then a value like any other."""
    rows = with_nan((77, 77, 77))
    rows[0][10] = UNDEFINED
    return quantised("SUBTRACTIVE_DITHER_1", rows, zblank=77)


@case
def zblank_column() -> Case:
    """A value of its own for each tile: what is undefined in one tile is a number in the next."""
    zblank = [-7, 12345, 0]
    rows = with_nan(zblank)
    rows[0][10], rows[1][0] = 12345, -7
    return quantised("NO_DITHER", rows, zblank=zblank)


@case
def zblank_column_and_keyword() -> Case:
    """Where both are there the column holds (section 10.1.3)."""
    zblank = [-7, 12345, 0]
    rows = with_nan(zblank)
    rows[0][10] = 77
    return quantised("NO_DITHER", rows, zblank=zblank, cards={"ZBLANK": 77})


@case
def zblank_of_integers() -> Case:
    """An image of 16-bit integers: undefined pixels are NaN in its physical values."""
    rows = [integers(seed=i) for i in range(3)]
    rows[1][4:9] = [-32768] * 5
    cards = {"ZNAME1": "BLOCKSIZE", "ZVAL1": 32, "ZNAME2": "BYTEPIX", "ZVAL2": 2, "ZBLANK": -32768}
    data = file((3, 20), (1, 20), 16, [streams([rice(row, 2) for row in rows])], cards)
    expected = np.array(rows, "f4")
    expected[1, 4:9] = np.nan
    return data, expected


@case
def scale_keywords() -> Case:
    """ZSCALE and ZZERO as keywords: one for all tiles (section 10.1.2)."""
    rows = with_nan()
    cards = RICE_4 | {"ZQUANTIZ": "SUBTRACTIVE_DITHER_1", "ZDITHER0": 5, "ZBLANK": UNDEFINED}
    cards |= {"ZSCALE": 0.37, "ZZERO": 100.0}
    data = file((3, 20), (1, 20), -32, [streams([rice(row) for row in rows])], cards)
    values = [dequantised(row, 0.37, 100.0, "SUBTRACTIVE_DITHER_1", 5, i) for i, row in enumerate(rows)]
    return data, np.array(values, "f4")


@case
def zquantiz_missing() -> Case:
    """No ZQUANTIZ: scaled without dithering (section 10.2)."""
    return quantised(None, with_nan())


@case
def zscale_nan() -> Case:
    """A tile whose noise was no number, as astropy writes it: its integers mean nothing, all its pixels are NaN."""
    rows = [integers(seed=i) for i in range(3)]
    columns = [streams([rice(row) for row in rows])]
    columns += [numbers("ZSCALE", [0.37, np.nan, 0.011]), numbers("ZZERO", [100.0, np.nan, 0.3])]
    values = [dequantised(row, SCALE[i], OFFSET[i], "NO_DITHER") for i, row in enumerate(rows)]
    values[1] = [np.nan] * 20
    cards = RICE_4 | {"ZQUANTIZ": "NO_DITHER", "ZBLANK": UNDEFINED}
    return file((3, 20), (1, 20), -32, columns, cards), np.array(values, "f4")


def _wraps(zdither0: int) -> Case:
    return quantised("SUBTRACTIVE_DITHER_1", [integers(seed=i) for i in range(4)], zdither0=zdither0)


@case
def zdither0_9998() -> Case:
    """The fourth tile begins with the first of the 10000 numbers."""
    return _wraps(9998)


@case
def zdither0_10000() -> Case:
    """The first tile begins with the last of the 10000 numbers."""
    return _wraps(10000)


@case
def dither_wraps_within_a_tile() -> Case:
    """A tile of more than 10000 pixels comes to the end of the numbers, and goes on where the next one points."""
    rows = np.repeat(np.random.default_rng(3).integers(-9, 9, (2, 420)), 25, axis=1)  # 2 tiles of 10500 pixels
    return quantised("SUBTRACTIVE_DITHER_1", rows.tolist(), zdither0=7)


# --- Tiles stored in another way ----------------------------------------------------------------------------------


def special_floats(dtype: str = "f4") -> np.ndarray:
    info = np.finfo(dtype)
    values = [np.inf, -np.inf, -0.0, 0.0, info.tiny / 4, info.max, -info.tiny, np.nan, 1.1, -2.2]
    return np.resize(np.array(values, dtype), 20)


def _mixed(other: Column, third: list[Any] | None = None) -> Case:
    """Tiles 0 and 2 quantised, tile 1 in another column, lossless."""
    rows = with_nan()
    rows[2] = integers(seed=9)
    columns = [streams([rice(rows[0]), b"", rice(rows[2])]), other]
    columns += [numbers("ZSCALE", [0.37, 0.0, 0.011]), numbers("ZZERO", [100.0, 0.0, 0.3])]
    cards = RICE_4 | {"ZQUANTIZ": "SUBTRACTIVE_DITHER_2", "ZDITHER0": 11, "ZBLANK": UNDEFINED}
    data = file((3, 20), (1, 20), -32, columns, cards)
    expected = np.empty((3, 20), "f4")
    expected[1] = special_floats()
    for i in (0, 2):
        expected[i] = dequantised(rows[i], SCALE[i], OFFSET[i], "SUBTRACTIVE_DITHER_2", 11, i)
    return data, expected


@case
def gzip_fallback() -> Case:
    """A tile that could not be quantised is in GZIP_COMPRESSED_DATA: its infinities, its smallest numbers and -0.0
    are as they were, and ZSCALE = 0 beside it has no meaning."""
    return _mixed(streams([b"", gzip_1(special_floats()), b""], "GZIP_COMPRESSED_DATA"))


@case
def uncompressed_tile() -> Case:
    """The same in UNCOMPRESSED_DATA, floats as they are."""
    return _mixed(streams([b"", big_endian(special_floats()), b""], "UNCOMPRESSED_DATA", "1PE"))


@case
def three_columns_of_tiles() -> Case:
    """Integers: a tile in each of the columns."""
    rows = [integers(seed=i) for i in range(3)]
    columns = [
        streams([rice(rows[0], 2), b"", b""]),
        streams([b"", gzip_1(np.array(rows[1], "i2")), b""], "GZIP_COMPRESSED_DATA"),
        streams([b"", b"", big_endian(np.array(rows[2], "i2"))], "UNCOMPRESSED_DATA", "1PI"),
    ]
    cards = {"ZNAME1": "BLOCKSIZE", "ZVAL1": 32, "ZNAME2": "BYTEPIX", "ZVAL2": 2}
    return file((3, 20), (1, 20), 16, columns, cards), np.array(rows, "i2")


# --- RICE_1 and the table -----------------------------------------------------------------------------------------


def _rice(cards: dict[str, Any], bytepix: int, bitpix: int, blocksize: int = 32, **more: Any) -> Case:
    dtype = {8: "u1", 16: "i2", 32: "i4"}[bitpix]
    rows = [[value % 256 if bitpix == 8 else value for value in integers(50, seed=i)] for i in range(3)]
    columns = [streams([rice(row, bytepix, blocksize) for row in rows])]
    return file((3, 50), (1, 50), bitpix, columns, cards, **more), np.array(rows, dtype)


@case
def rice_one() -> Case:
    """RICE_ONE, as early files call it."""
    return _rice({"ZNAME1": "BLOCKSIZE", "ZVAL1": 32, "ZNAME2": "BYTEPIX", "ZVAL2": 2}, 2, 16, codec="RICE_ONE")


@case
def bytepix_missing() -> Case:
    """Then it is 4, whatever ZBITPIX (table 37)."""
    return _rice({"ZNAME1": "BLOCKSIZE", "ZVAL1": 32}, 4, 16)


@case
def parameters_missing() -> Case:
    """BLOCKSIZE = 32 and BYTEPIX = 4."""
    return _rice({}, 4, 32)


@case
def parameters_in_any_order() -> Case:
    cards = {"ZNAME1": "NOISEBIT", "ZVAL1": 4, "ZNAME2": "BYTEPIX", "ZVAL2": 2, "ZNAME3": "BLOCKSIZE", "ZVAL3": 16}
    return _rice(cards, 2, 16, 16)


@case
def blocksize_16() -> Case:
    return _rice({"ZNAME1": "BLOCKSIZE", "ZVAL1": 16, "ZNAME2": "BYTEPIX", "ZVAL2": 4}, 4, 32, 16)


@case
def bytepix_1() -> Case:
    return _rice({"ZNAME1": "BLOCKSIZE", "ZVAL1": 32, "ZNAME2": "BYTEPIX", "ZVAL2": 1}, 1, 8)


@case
def q_descriptors() -> Case:
    """Counts and offsets of 64 bits."""
    return quantised("SUBTRACTIVE_DITHER_1", with_nan(), tform="1QB")


@case
def theap_gap() -> Case:
    """The heap does not begin where the rows end."""
    return quantised("SUBTRACTIVE_DITHER_1", with_nan(), gap=37)


@case
def other_columns() -> Case:
    """Columns of no meaning to a reader of images, before and behind the tiles, of zero width among them."""
    rows = with_nan()
    columns = [
        numbers("CHECK", [1, 2, 3], "1J"),
        ("NOTE", "8A", [b"a note  "] * 3),
        ("EMPTY", "0B", [b""] * 3),
        numbers("ZZERO", OFFSET),
        streams([rice(row) for row in rows]),
        ("FLAGS", "3X", [b"\xe0"] * 3),
        numbers("ZSCALE", SCALE),
    ]
    cards = RICE_4 | {"ZQUANTIZ": "NO_DITHER", "ZBLANK": UNDEFINED}
    values = [dequantised(row, SCALE[i], OFFSET[i], "NO_DITHER") for i, row in enumerate(rows)]
    return file((3, 20), (1, 20), -32, columns, cards), np.array(values, "f4")


@case
def zmaskcmp() -> Case:
    """A mask of undefined pixels (section 10.2.2) beside pixels that have ZBLANK: nothing is lost without it."""
    masks = [np.array([value == UNDEFINED for value in row], "u1") for row in with_nan()]
    mask = streams([rice(m.tolist(), 1) for m in masks], "NULL_PIXEL_MASK")
    return quantised("SUBTRACTIVE_DITHER_1", with_nan(), more=[mask], cards={"ZMASKCMP": "RICE_1"})


@case
def shared_stream() -> Case:
    """Two tiles whose descriptors point to one stream, and a stream longer than its pixels need."""
    row = integers()
    column = streams([rice(row, 2) + b"\xff" * 5, b"", b""])
    cards = {"ZNAME1": "BLOCKSIZE", "ZVAL1": 32, "ZNAME2": "BYTEPIX", "ZVAL2": 2}
    data = file((3, 20), (1, 20), 16, [column], cards)
    descriptor = data[2 * BLOCK : 2 * BLOCK + 8]
    return data[: 2 * BLOCK] + descriptor * 3 + data[2 * BLOCK + 24 :], np.array([row] * 3, "i2")


# --- PLIO_1 and NOCOMPRESS ----------------------------------------------------------------------------------------


@case
def plio_one_pixel_tiles() -> Case:
    values = [0, 1, 5, 4095, 4096, 32767]
    column = streams([plio([(1, value)]) for value in values], tform="1PI")
    return file((2, 3), (1, 1), 16, [column], {}, codec="PLIO_1"), np.array(values, "i2").reshape(2, 3)


@case
def plio_large_values() -> Case:
    """Up to 2^24 - 1, in 32-bit integers; the last tile ends with zeros that no instruction names."""
    runs = [[(3, 2**24 - 1), (7, 0), (10, 4096)], [(20, 70000)], [(4, 9)]]
    column = streams([plio(tile) for tile in runs], tform="1PI")
    rows = [[value for length, value in tile for _ in range(length)] for tile in runs]
    rows = [row + [0] * (20 - len(row)) for row in rows]
    return file((3, 20), (1, 20), 32, [column], {}, codec="PLIO_1"), np.array(rows, "i4")


@case
def plio_unsigned() -> Case:
    """uint16: CFITSIO's stream holds the physical values, and BZERO is not added to them."""
    runs = [[(10, 40000), (10, 3)], [(20, 65535)], [(20, 0)]]
    column = streams([plio(tile) for tile in runs], tform="1PI")
    rows = [[value for length, value in tile for _ in range(length)] for tile in runs]
    return file((3, 20), (1, 20), 16, [column], {"BZERO": 32768}, codec="PLIO_1"), np.array(rows, "u2")


@case
def nocompress() -> Case:
    """As fpack -d writes it: the tiles in UNCOMPRESSED_DATA, and a quantisation that is none, with ZDITHER0 = 0."""
    rows = [special_floats(), np.arange(20, dtype="f4"), np.full(20, np.nan, "f4")]
    columns = [streams([b""] * 3), numbers("ZSCALE", [0.0] * 3), numbers("ZZERO", [0.0] * 3)]
    columns.append(streams([big_endian(row) for row in rows], "UNCOMPRESSED_DATA", "1PE"))
    cards = {"ZQUANTIZ": "SUBTRACTIVE_DITHER_1", "ZDITHER0": 0}
    return file((3, 20), (1, 20), -32, columns, cards, codec="NOCOMPRESS"), np.array(rows)


@case
def gzip_tile_of_integers() -> Case:
    """GZIP_COMPRESSED_DATA of an image of integers (section 10.1.3 allows it for any image)."""
    rows = [integers(seed=i) for i in range(3)]
    columns = [streams([rice(rows[0], 2), b"", rice(rows[2], 2)])]
    columns.append(streams([b"", gzip_1(np.array(rows[1], "i2")), b""], "GZIP_COMPRESSED_DATA"))
    cards = {"ZNAME1": "BLOCKSIZE", "ZVAL1": 32, "ZNAME2": "BYTEPIX", "ZVAL2": 2}
    return file((3, 20), (1, 20), 16, columns, cards), np.array(rows, "i2")


@case
def uncompressed_tile_of_integers() -> Case:
    rows = [integers(seed=i) for i in range(3)]
    columns = [streams([rice(rows[0], 2), b"", rice(rows[2], 2)])]
    columns.append(streams([b"", big_endian(np.array(rows[1], "i2")), b""], "UNCOMPRESSED_DATA", "1PI"))
    cards = {"ZNAME1": "BLOCKSIZE", "ZVAL1": 32, "ZNAME2": "BYTEPIX", "ZVAL2": 2}
    return file((3, 20), (1, 20), 16, columns, cards), np.array(rows, "i2")


@case
def integers_of_64_bits() -> Case:
    rows = [np.array([2**63 - 1, -(2**63), 0, -1, 2**40] * 4, "i8") + 0 * i for i in range(3)]
    return file((3, 20), (1, 20), 64, [streams([gzip_2(row) for row in rows])], {}, codec="GZIP_2"), np.array(rows)


def tile_that_is_nowhere() -> bytes:
    """Its descriptor is empty, and no other column has it: an error (CFITSIO: NO_COMPRESSED_TILE), never zeros."""
    rows = [integers(seed=i) for i in range(3)]
    columns = [streams([rice(rows[0]), b"", rice(rows[2])]), numbers("ZSCALE", SCALE), numbers("ZZERO", OFFSET)]
    return file((3, 20), (1, 20), -32, columns, RICE_4 | {"ZQUANTIZ": "NO_DITHER", "ZBLANK": UNDEFINED})


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    expected = {}
    for name, make in CASES.items():
        data, expected[name] = make()
        (FOLDER / f"{name}.fits.gz").write_bytes(gzip.compress(data, 9, mtime=0))
    np.savez_compressed(FOLDER / "expected.npz", **expected)


if __name__ == "__main__":
    main()
