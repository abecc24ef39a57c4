"""read_ragged: arrays of every type against the bytes themselves, astropy and fitsio; descriptors that lie."""

from __future__ import annotations

import gzip
import io
import warnings
from pathlib import Path
from typing import Any

import astropy.io.fits
import fitsio
import numpy as np
import pytest
import torch
from astropy.io import fits
from hypothesis import given, settings
from hypothesis import strategies as st
from table_files import PRIMARY, compressed_table, plain_table, width

import torchfits  # noqa: F401  registers the operators

read_ragged = torch.ops.fits.read_ragged
DATA = Path(__file__).parent.parent / "data"

DTYPES = {"B": "u1", "I": ">i2", "J": ">i4", "K": ">i8", "E": ">f4", "D": ">f8", "C": ">c8", "M": ">c16"}


def as_tensor(file: bytes) -> torch.Tensor:
    return torch.frombuffer(bytearray(file), dtype=torch.uint8)


class Arrays:
    """A column of arrays: what is in the heap, and what they hold."""

    def __init__(self, letter: str, counts: list[int], random: np.random.Generator) -> None:
        self.counts = counts
        self.stored, values = [], []
        for count in counts:
            size = width(f"{count}{letter}")
            choices = {"L": b"TF\0", "A": b" ab\0"}.get(letter, bytes(range(256)))
            array = random.choice(np.frombuffer(choices, np.uint8), size)
            self.stored.append(array.tobytes())
            values.append(self._value(letter, array, count))
        self.values = np.concatenate([self._value(letter, np.zeros(0, np.uint8), 0), *values])
        self.offsets = np.cumsum([0, *counts])

    @staticmethod
    def _value(letter: str, array: np.ndarray, count: int) -> np.ndarray:
        if letter == "L":
            return array == ord("T")
        if letter == "X":
            return np.unpackbits(array)[:count].astype(bool)
        if letter == "A":
            return array
        dtype = np.dtype(DTYPES[letter])
        return np.frombuffer(array.tobytes(), dtype).astype(dtype.newbyteorder("="))


def table_of(columns: list[tuple[str, Arrays]], order: str, gap: int = 0) -> tuple[list[str], np.ndarray, bytes]:
    """Formats, rows and heap. Arrays lie in the heap row by row, column by column, or backwards with holes."""
    heap = bytearray(b"hole" if order == "backwards" else b"")
    rows = len(columns[0][1].counts)
    places: dict[tuple[int, int], int] = {}
    keys = [(row, column) for row in range(rows) for column in range(len(columns))]
    if order == "columns":
        keys.sort(key=lambda key: key[::-1])
    if order == "backwards":
        keys.reverse()
    for row, column in keys:
        places[row, column] = len(heap)
        heap += columns[column][1].stored[row] + (b"?" * 3 if order == "backwards" else b"")
    cells = []
    for column, (tform, arrays) in enumerate(columns):
        half = ">i4" if "P" in tform else ">i8"
        pairs = [(count, places[row, column]) for row, count in enumerate(arrays.counts)]
        cells.append(np.array(pairs, half).reshape(rows, 2).view(np.uint8))
    return [tform for tform, _ in columns], np.concatenate(cells, axis=1), bytes(heap)


def assert_reads(found: tuple[torch.Tensor, torch.Tensor], arrays: Arrays, rows: slice = slice(None)) -> None:
    values, offsets = found
    chosen = range(len(arrays.counts))[rows]
    start = arrays.offsets[chosen.start] if chosen else 0
    stop = arrays.offsets[chosen.stop] if chosen else 0
    expected = np.concatenate([[0], np.cumsum(arrays.counts[rows])])
    assert offsets.dtype == torch.int64
    assert offsets.tolist() == expected.tolist()
    wanted = arrays.values[start:stop]
    assert (values.numpy().dtype, values.shape) == (wanted.dtype, wanted.shape)
    np.testing.assert_array_equal(values.numpy(), wanted)


@pytest.mark.parametrize("order", ["rows", "columns", "backwards"])
@pytest.mark.parametrize("descriptor", "PQ")
@pytest.mark.parametrize("letter", "LXBIJKEDCMA")
def test_every_type(letter: str, descriptor: str, order: str, tmp_path: Path) -> None:
    random = np.random.default_rng([ord(letter), ord(order[0])])
    counts = [0, 5, 1, 0, 17, 300, 8, 9, 0]
    first, second = Arrays(letter, counts, random), Arrays("J", [3] * len(counts), random)
    tforms, rows, heap = table_of([(f"{descriptor}{letter}(300)", first), ("1PJ", second)], order)
    for gap in (0, 40):
        file = as_tensor(PRIMARY + plain_table(tforms, rows, heap, gap))
        assert_reads(read_ragged(file, 1, "#1"), first)
        assert_reads(read_ragged(file, 1, "#2"), second)
        for start, stop in ((0, 4), (-3, None), (4, 4), (8, 2), (2, -2), (100, 200)):
            assert_reads(read_ragged(file, 1, "#1", start, stop), first, slice(start, stop))
    path = tmp_path / "table.fits.gz"
    path.write_bytes(gzip.compress(PRIMARY + plain_table(tforms, rows, heap)))
    assert_reads(read_ragged(str(path), 1, "#1"), first)


@pytest.mark.parametrize("codec", ["GZIP_1", "GZIP_2", "NOCOMPRESS"])
@pytest.mark.parametrize("tile", [2, 7, 100])
def test_compressed_tables(codec: str, tile: int) -> None:
    random = np.random.default_rng(3)
    columns = [(f"P{letter}(60)", Arrays(letter, list(random.integers(0, 60, 20)), random)) for letter in "LBIJKEDA"]
    tforms, rows, heap = table_of(columns, "rows")
    file = as_tensor(PRIMARY + compressed_table(tforms, [codec] * len(tforms), rows, heap, tile=tile))
    for n, (_, arrays) in enumerate(columns, 1):
        assert_reads(read_ragged(file, 1, f"#{n}"), arrays)
        assert_reads(read_ragged(file, 1, f"#{n}", 5, -4), arrays, slice(5, -4))


@pytest.mark.parametrize("tform, tscal, tzero, dtype", [
    ("PI", 1, 32768, torch.uint16),
    ("PJ", 1, 2147483648, torch.uint32),
    ("PB", 1, -128, torch.int8),
    ("PI", 0.5, 3, torch.float64),
    ("QE", 2, 0, torch.float64),
    ("PC", 2, 1, torch.complex128),
])  # fmt: skip
def test_scaling(tform: str, tscal: float, tzero: float, dtype: torch.dtype) -> None:
    arrays = Arrays(tform[1], [3, 0, 10, 700], np.random.default_rng(1))
    tforms, rows, heap = table_of([(tform, arrays)], "rows")
    values, _ = read_ragged(as_tensor(PRIMARY + plain_table(tforms, rows, heap, TSCAL1=tscal, TZERO1=tzero)), 1, "#1")
    assert values.dtype == dtype
    with np.errstate(all="ignore"):
        wider = np.complex128 if dtype.is_complex else np.float64
        np.testing.assert_array_equal(values.numpy().astype(wider), arrays.values.astype(wider) * tscal + tzero)


def test_as_fitsio_and_astropy(tmp_path: Path) -> None:
    random = np.random.default_rng(4)
    columns = [(f"P{letter}", Arrays(letter, list(random.integers(0, 9, 30)), random)) for letter in "BIJKED"]
    tforms, rows, heap = table_of(columns, "rows")
    path = tmp_path / "table.fits"
    names = {f"TTYPE{n}": f"c{n}" for n in range(1, 7)}
    path.write_bytes(PRIMARY + plain_table(tforms, rows, heap, **names))
    theirs = fitsio.FITS(str(path), vstorage="object")[1].read()
    with fits.open(path) as hdus:
        for name in names.values():
            values, offsets = read_ragged(str(path), 1, name)
            for row, (start, stop) in enumerate(zip(offsets[:-1].tolist(), offsets[1:].tolist())):
                ours = values[start:stop].numpy()
                np.testing.assert_array_equal(ours, hdus[1].data[name][row])
                if len(ours):
                    np.testing.assert_array_equal(ours, theirs[name][row])


def test_arrays_that_share_bytes() -> None:
    heap = np.arange(500, dtype=">i4").tobytes()
    rows = np.array([(400, 0), (400, 0), (100, 400), (500, 0), (0, 99999)], ">i4").view(np.uint8)
    values, offsets = read_ragged(as_tensor(PRIMARY + plain_table(["PJ(500)"], rows, heap)), 1, "#1")
    assert offsets.tolist() == [0, 400, 800, 900, 1400, 1400]
    assert values[:3].tolist() == values[400:403].tolist() == [0, 1, 2]
    assert values[800].item() == 100


def test_tables_without_arrays() -> None:
    for tform, cells in (("0PJ", np.zeros((4, 0), np.uint8)), ("1PJ", np.zeros((0, 8), np.uint8))):
        values, offsets = read_ragged(as_tensor(PRIMARY + plain_table([tform], cells)), 1, "#1")
        assert (values.dtype, values.shape, offsets.tolist()) == (torch.int32, (0,), [0] * (len(cells) + 1))


def test_large_arrays_on_two_threads(tmp_path: Path) -> None:
    random = np.random.default_rng(7)
    columns = [
        ("PD", Arrays("D", list(random.integers(0, 900, 2000)), random)),
        ("PI", Arrays("I", [5] * 2000, random)),
    ]
    for order in ("rows", "columns"):
        tforms, rows, heap = table_of(columns, order)
        path = tmp_path / f"{order}.fits"
        path.write_bytes(PRIMARY + plain_table(tforms, rows, heap))
        threads = torch.get_num_threads()
        try:
            for count in (1, 2):
                torch.set_num_threads(count)
                for n, (_, arrays) in enumerate(columns, 1):
                    assert_reads(read_ragged(str(path), 1, f"#{n}"), arrays)
        finally:
            torch.set_num_threads(threads)


# --- Errors -------------------------------------------------------------------------------------------------------

HUGE = 2**62
LIES = [
    ((HUGE, 0), "an array of 4611686018427387904 elements at byte 0 does not lie in the (original )?heap of 400 bytes"),
    ((101, 0), "an array of 101 elements at byte 0 does not lie"),
    ((1, 397), "does not lie in the (original )?heap"),
    ((1, HUGE), "does not lie in the (original )?heap"),
    ((-1, 0), "does not lie in the (original )?heap"),
    ((1, -1), "does not lie in the (original )?heap"),
    ((100, 4), "does not lie in the (original )?heap"),
]


@pytest.mark.parametrize("descriptor, message", LIES)
@pytest.mark.parametrize("packed", [False, True])
def test_descriptors_that_lie(descriptor: tuple[int, int], message: str, packed: bool) -> None:
    rows = np.array([(100, 0), descriptor], ">i8").view(np.uint8)
    plain = plain_table(["QJ(99)"], rows, bytes(400), TTYPE1="list")
    table = compressed_table(["QJ(99)"], ["GZIP_1"], rows, bytes(400), tile=1) if packed else plain
    file = as_tensor(PRIMARY + table)
    assert read_ragged(file, 1, "#1", 0, 1)[0].shape == (100,)
    where = r"tile 1, column 1" if packed else r"row 1, column 1 \(list\)"
    with pytest.raises(RuntimeError, match=rf"data\[1\]: {where}.*" + message):
        read_ragged(file, 1, "#1", 0, None)


FORMATS = [
    ("1P", RuntimeError, "TFORM1: P and Q must be followed by the letter"),
    ("1PZ", RuntimeError, "TFORM1: P and Q must be followed by the letter"),
    ("1PP", RuntimeError, "TFORM1: P and Q must be followed by the letter"),
    ("K", ValueError, r"column 1 has cells of fixed width: read them with read_columns"),
]


@pytest.mark.parametrize("tform, error, message", FORMATS)
def test_formats_that_are_none(tform: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        read_ragged(as_tensor(PRIMARY + plain_table(["1PJ"], np.zeros((2, 8), np.uint8), TFORM1=tform)), 1, "#1")


def test_several_descriptors_in_a_row() -> None:
    with pytest.raises(RuntimeError, match="TFORM1: a row has one descriptor of an array, or none, not 2"):
        read_ragged(as_tensor(PRIMARY + plain_table(["2PJ"], np.zeros((2, 16), np.uint8))), 1, "#1")


@pytest.mark.parametrize("theap", [0, 10**6, -1, "x"])
def test_heaps_that_are_elsewhere(theap: Any) -> None:
    file = as_tensor(PRIMARY + plain_table(["1PJ"], np.zeros((2, 8), np.uint8), bytes(50), THEAP=theap))
    with pytest.raises(RuntimeError, match="THEAP: the heap must lie between the rows and the end of the data"):
        read_ragged(file, 1, "#1")


def test_a_small_file_asks_for_no_endless_memory() -> None:
    """A million rows that all have the whole heap of a megabyte: a terabyte of values."""
    rows = np.array([(1 << 20, 0)] * 100_000, ">i4").view(np.uint8)
    file = as_tensor(PRIMARY + plain_table(["PB"], rows, bytes(1 << 20)))
    with pytest.raises(RuntimeError, match="the arrays share so much of the heap"):
        read_ragged(file, 1, "#1")
    assert read_ragged(file, 1, "#1", 0, 20)[0].shape == (20 << 20,)


@settings(max_examples=60, deadline=None)
@given(
    columns=st.lists(st.tuples(st.sampled_from("PQ"), st.sampled_from("LXBIJKEDCMA")), min_size=1, max_size=5),
    rows=st.integers(0, 20),
    most=st.integers(0, 40),
    order=st.sampled_from(["rows", "columns", "backwards"]),
    gap=st.sampled_from([0, 1, 24]),
    seed=st.integers(0, 2**31),
    start=st.integers(-22, 22),
    stop=st.none() | st.integers(-22, 22),
)
def test_any_schema(
    columns: list[tuple[str, str]],
    rows: int,
    most: int,
    order: str,
    gap: int,
    seed: int,
    start: int,
    stop: int | None,
) -> None:
    random = np.random.default_rng(seed)
    made = [(a + b, Arrays(b, random.integers(0, most + 1, rows).tolist(), random)) for a, b in columns]
    file = as_tensor(PRIMARY + plain_table(*table_of(made, order), gap))
    for n, (_, arrays) in enumerate(made, 1):
        assert_reads(read_ragged(file, 1, f"#{n}", start, stop), arrays, slice(start, stop))


# --- Real tables --------------------------------------------------------------------------------------------------

TABLES = sorted(Path(astropy.io.fits.__file__).parent.joinpath("tests/data").glob("*.fits"))
OLD_LOGICALS = "vla_logical_pre_fix.fits"  # as astropy wrote them up to 7.2: bytes of 0 and 1


@pytest.mark.parametrize("path", [path for path in TABLES if path.name != OLD_LOGICALS], ids=lambda path: path.name)
def test_tables_of_astropys_own_tests(path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with fits.open(io.BytesIO(path.read_bytes()), character_as_bytes=True) as hdus:
            for hdu, unit in enumerate(hdus):
                if not isinstance(unit, fits.BinTableHDU) or isinstance(unit, fits.CompImageHDU):
                    continue
                for number, column in enumerate(unit.columns):
                    if column.format.format not in "PQ" or column.format.p_format == "A":
                        continue
                    theirs = [np.asarray(array).ravel() for array in unit.data.field(number)]
                    values, offsets = read_ragged(str(path), hdu, f"#{number + 1}")
                    assert offsets.tolist() == np.cumsum([0, *map(len, theirs)]).tolist()
                    np.testing.assert_array_equal(values.numpy(), np.concatenate([*theirs, theirs[0][:0]]))


def test_logicals_that_the_standard_does_not_know() -> None:
    """Only 'T' is true: astropy guesses from all bytes of a heap whether 1 was meant to be."""
    (path,) = (path for path in TABLES if path.name == OLD_LOGICALS)
    with fits.open(path) as hdus:
        number = next(n for n, column in enumerate(hdus[1].columns, 1) if column.format.p_format == "L")
    assert not read_ragged(str(path), 1, f"#{number}")[0].any()
