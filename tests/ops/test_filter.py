"""filter_rows: the rows that fitsio's where() finds, over tables of every kind, sources, slices and offsets."""

from __future__ import annotations

import gzip
import io
import math
import re
from pathlib import Path
from typing import Any

import fitsio
import numpy as np
import pytest
import torch
from astropy.io import fits
from hypothesis import given, settings
from hypothesis import strategies as st
from table_files import PRIMARY, fpack, plain_table

import torchfits  # noqa: F401  registers the operators

filter_rows = torch.ops.fits.filter_rows
ROWS = 3000


COLUMNS = {
    "MAG": "E",
    "ID": "K",
    "N": "J",
    "U": "I",
    "SCALED": "I",
    "OK": "L",
    "NAME": "8A",
    "FLAGS": "13X",
    "V": "4E",
    "M": "6D",
    "HD": "J",
    "RA": "D",
    "DEC": "D",
    "Z": "C",
    "RAGGED": "PJ(0)",
}
CARDS: dict[str, Any] = {"TNULL3": 3, "TZERO4": 32768, "TSCAL5": 0.25, "TZERO5": 3, "TDIM10": "(2,3)"}
CARDS |= {"LIMIT": 17.5, "TARGET": "M31"}


def cells(array: Any, dtype: str) -> np.ndarray:
    return np.ascontiguousarray(np.asarray(array).astype(dtype)).view(np.uint8).reshape(ROWS, -1)


def table(**changed: Any) -> bytes:
    random = np.random.default_rng(5)
    reals = random.normal(size=(ROWS, 4))
    reals[random.random((ROWS, 4)) < 0.1] = np.nan
    bits = random.random((ROWS, 13)) < 0.4
    columns = [
        cells(random.uniform(14, 24, ROWS), ">f4"),
        cells(2**60 + np.arange(ROWS), ">i8"),
        cells(random.integers(-5, 6, ROWS), ">i4"),
        cells(random.integers(-32768, 32768, ROWS), ">i2"),
        cells(random.integers(-40, 40, ROWS), ">i2"),
        cells(random.choice([ord("T"), ord("F"), 0], ROWS), "u1"),
        cells(random.choice([b"M31     ", b"NGC 224 ", b"vega", b"", b"        ", b" a b    "], ROWS), "S8"),
        np.packbits(bits, axis=1),
        cells(reals, ">f4"),
        cells(random.normal(size=(ROWS, 6)), ">f8"),
        cells(random.integers(0, 9, ROWS), ">i4"),
        cells(random.uniform(0, 360, ROWS), ">f8"),
        cells(np.degrees(np.arcsin(random.uniform(-1, 1, ROWS))), ">f8"),
        cells(random.normal(size=ROWS), ">c8"),
        cells(np.zeros((ROWS, 2)), ">i4"),
    ]
    names = {f"TTYPE{n}": name for n, name in enumerate(COLUMNS, 1)}
    return PRIMARY + plain_table(list(COLUMNS.values()), np.concatenate(columns, axis=1), **(names | CARDS | changed))


def file_bytes(hdu: fits.TableHDU) -> bytes:
    out = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(out)
    return out.getvalue()


@pytest.fixture(scope="module")
def data() -> bytes:
    return table()


@pytest.fixture(scope="module")
def path(data: bytes, tmp_path_factory: pytest.TempPathFactory) -> str:
    place = tmp_path_factory.mktemp("filter") / "table.fits"
    place.write_bytes(data)
    return str(place)


def as_tensor(file: bytes) -> torch.Tensor:
    return torch.frombuffer(bytearray(file), dtype=torch.uint8)


EXPRESSIONS = [
    "MAG < 20",
    "MAG .gt. LIMIT && N != 2",
    "N == 3 || isnull(N)",
    "defnull(N, 9) == 9",
    "U % 7 == 3 && OK",
    "SCALED / 2 > 1.5",
    "NAME == TARGET",
    "strstr(NAME, '24') == 6",
    "FLAGS == b0xx1x && FLAGS > b1",
    "(FLAGS & b11) == b10",
    "V[2] > 0 && V[#row % 4 + 1] < 1",
    "sum(V) > 0.5",
    "sum(V > 0) == 2 && nvalid(V) > 2",
    "M[1,3]**2 + M[2,3]**2 < 1",
    "#row > 100 && #row <= 120",
    "N{-1} < N && N{2} == 1",
    "accum((int)OK) % 2 == 0",
    "seqdiff(MAG) > 0",
    "$HD$ = 2:4",
    "circle(180, 0, 30, RA, DEC)",
    "angsep(RA, DEC, 10, 89) < 20",
    "T",
    "#TFIELDS == 15 && OK",
    "abs(sin(RA * #deg)) < 0.5",
]


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_rows_are_those_of_cfitsio(expression: str, path: str, data: bytes) -> None:
    with fitsio.FITS(path) as file:
        expected = np.asarray(file[1].where(expression), np.int64)
    found = filter_rows(path, 1, expression)
    assert found.dtype == torch.int64
    assert found.tolist() == expected.tolist()
    assert filter_rows.bytes(as_tensor(data), 1, expression).tolist() == expected.tolist()
    assert filter_rows.bytes(as_tensor(gzip.compress(data)), 1, expression).tolist() == expected.tolist()


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_a_slice_of_the_rows(expression: str, path: str) -> None:
    whole = filter_rows(path, 1, expression).tolist()
    carries = "accum" in expression or "seqdiff" in expression
    for start, stop in [(0, 10), (57, 2900), (-100, None), (-9, -3), (5000, None), (30, 20)]:
        found = filter_rows(path, 1, expression, start, stop).tolist()
        first, last, _ = slice(start, stop).indices(ROWS)
        if carries:  # begins anew, and looks at no other rows
            assert all(first <= row < last for row in found)
        else:
            assert found == [row for row in whole if first <= row < last]


@pytest.mark.parametrize("expression", EXPRESSIONS)
@pytest.mark.parametrize("threads", [1, 2, 5])
def test_threads_make_no_difference(expression: str, threads: int, path: str) -> None:
    expected = filter_rows(path, 1, expression).tolist()
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(threads)
        assert filter_rows(path, 1, expression).tolist() == expected
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_compressed_tables(expression: str, path: str, tmp_path: Path) -> None:
    packed = fpack(table(FZTILELN=700), tmp_path).read_bytes()
    assert b"ZTILELEN=                  700" in packed
    expected = filter_rows(path, 1, expression).tolist()
    assert filter_rows.bytes(as_tensor(packed), 1, expression).tolist() == expected
    middle = filter_rows(path, 1, expression, 650, 2200).tolist()
    assert filter_rows.bytes(as_tensor(packed), 1, expression, 650, 2200).tolist() == middle


def test_ascii_tables() -> None:
    random = np.random.default_rng(2)
    numbers, reals = random.integers(-50, 50, 200), random.normal(size=200)
    columns = [
        fits.Column("N", "I5", array=numbers),
        fits.Column("X", "F12.6", array=reals),
        fits.Column("S", "A4", array=random.choice(["ab", "b", ""], 200)),
    ]
    hdu = fits.TableHDU.from_columns(columns)
    file = file_bytes(hdu)
    stored = np.round(reals, 6)
    found = filter_rows.bytes(as_tensor(file), 1, "N % 2 == 1 && X > 0").tolist()
    assert found == np.flatnonzero((np.fmod(numbers, 2) == 1) & (stored > 0)).tolist()
    with_s = filter_rows.bytes(as_tensor(file), 1, "S == 'ab'").tolist()
    assert with_s == np.flatnonzero(hdu.data["S"] == "ab").tolist()


def test_a_64_bit_integer_is_compared_exactly(path: str) -> None:
    assert filter_rows(path, 1, f"ID == {2**60 + 77}").tolist() == [77]
    assert filter_rows(path, 1, f"ID = {2**60 + 5}:{2**60 + 7}").tolist() == [5, 6, 7]


def test_the_sky_agrees_with_astropy(path: str) -> None:
    from astropy.coordinates import SkyCoord

    with fits.open(path) as file:
        ra, dec = np.array(file[1].data["RA"]), np.array(file[1].data["DEC"])
    points = SkyCoord(ra, dec, unit="deg")
    for ra0, dec0, radius in [(10, 20, 15), (0, 0, 30), (200, 89.5, 10), (359.9, -90, 25), (90, 10, 179)]:
        inside = points.separation(SkyCoord(ra0, dec0, unit="deg")).deg <= radius
        assert (
            filter_rows(path, 1, f"cone(RA, DEC, {ra0}, {dec0}, {radius})").tolist() == np.flatnonzero(inside).tolist()
        )
    box = ((ra >= 350) | (ra <= 20)) & (dec >= -10) & (dec <= 80)
    assert filter_rows(path, 1, "skybox(RA, DEC, 350, 20, -10, 80)").tolist() == np.flatnonzero(box).tolist()
    # An octant of the sky is bounded by great circles.
    octant = (ra < 90) & (dec > 0)
    assert filter_rows(path, 1, "skypolygon(RA, DEC, 0, 0, 90, 0, 0, 90)").tolist() == np.flatnonzero(octant).tolist()


NUMBERS = st.sampled_from(
    ["MAG", "N", "U", "SCALED", "V[1]", "V[4]", "M[2,1]", "$HD$", "#row", "1", "2.5", "-3", "LIMIT"]
)
LEAVES = st.one_of(
    NUMBERS.map(lambda x: f"({x} > 2)"), st.sampled_from(["OK", "isnull(N)", "NAME < 'b'", "FLAGS >= b1xx"])
)


def _numbers(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pairs = st.tuples(inner, st.sampled_from(["+", "-", "*", "/"]), inner).map(lambda x: f"({x[0]} {x[1]} {x[2]})")
    calls = st.tuples(st.sampled_from(["abs", "sqrt", "floor", "cos"]), inner).map(lambda x: f"{x[0]}({x[1]})")
    return pairs | calls


def _logicals(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pairs = st.tuples(inner, st.sampled_from(["&&", ".or.", "==", "!="]), inner).map(
        lambda x: f"({x[0]} {x[1]} {x[2]})"
    )
    return pairs | inner.map(lambda x: f"!({x})")


COMPARED = st.tuples(st.recursive(NUMBERS, _numbers, max_leaves=5), st.sampled_from(["<", ">=", "==", "~"]), NUMBERS)
LOGICALS = st.recursive(LEAVES | COMPARED.map(lambda x: f"({x[0]} {x[1]} {x[2]})"), _logicals, max_leaves=6)


@settings(max_examples=60, deadline=None)
@given(expression=LOGICALS)
def test_any_expression_selects_the_rows_of_cfitsio(expression: str, path: str) -> None:
    expression = f"#row > 0 && ({expression})"  # of constants fitsio returns what it never wrote
    try:
        with fitsio.FITS(path) as file:
            expected = np.asarray(file[1].where(expression), np.int64).tolist()
    except OSError:  # of constants: outside of what a function takes
        return
    assert filter_rows(path, 1, expression).tolist() == expected


@pytest.mark.parametrize(
    "expression, error, message",
    [
        ("MAG <", ValueError, r"table\.fits\[1\]: filter, character 6: a value is wanted where the expression ends"),
        ("NOSUCH > 1", ValueError, r"character 1: the table has no column and its header no keyword NOSUCH"),
        ("RAGGED > 1", ValueError, r"column 15 \(RAGGED\) has arrays of variable length"),
        ("Z > 1", ValueError, r"column 14 \(Z\) has complex numbers"),
        ("HD == 1", ValueError, r"written \$HD\$"),
        ("random() > 0.5", ValueError, r"other rows each time"),
        ("gtifilter()", ValueError, r"no column of numbers TIME"),
        (
            "V[#row] > 0",
            IndexError,
            r"table\.fits\[1\]: row 5, filter, character 2: the index 5 lies outside of 1 to 4",
        ),
    ],
)
def test_complaints(expression: str, error: type[Exception], message: str, path: str) -> None:
    with pytest.raises(error, match=message):
        filter_rows(path, 1, expression)


def test_other_hdus_and_short_files(path: str, data: bytes) -> None:
    with pytest.raises(RuntimeError, match="the HDU is an image, not a table"):
        filter_rows(path, 0, "T")
    with pytest.raises(IndexError):
        filter_rows(path, 7, "T")
    for end in (len(data) // 2, 2880 * 4, 100):
        with pytest.raises((RuntimeError, IndexError)):
            filter_rows.bytes(as_tensor(data[:end]), 1, "MAG < 20")


def test_rows_without_bytes_are_not_believed() -> None:
    text = PRIMARY + plain_table(["0A"], np.empty((9, 0), np.uint8))
    claimed = re.sub(rb"NAXIS2  = {20}9", b"NAXIS2  =   900000000000000000", text)
    assert len(claimed) == len(text)
    assert claimed != text
    with pytest.raises(RuntimeError, match="more than a table has"):
        filter_rows.bytes(as_tensor(claimed), 1, "T")


def test_the_examples_of_the_docs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page = (Path(__file__).parents[2] / "docs/filter.md").read_text()
    first, second, third = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {}
    exec(first, names)
    assert names["rows"].tolist() == [0]
    exec(second, names)
    assert names["rows"].tolist() == [0]
    exec(third, names)
    assert names["rows"].tolist() == [1]


def test_graphs_and_scripts(path: str) -> None:
    @torch.jit.script
    def scripted(path: str, expression: str) -> torch.Tensor:
        return torch.ops.fits.filter_rows(path, 1, expression, 10, None)

    def chosen(rows: torch.Tensor) -> torch.Tensor:
        found = torch.ops.fits.filter_rows(path, 1, "MAG < 20")
        return torch.ops.fits.read_rows(path, 1, found, ["MAG"])[0].sum() + rows.sum()

    assert scripted(path, "MAG < 20").tolist() == filter_rows(path, 1, "MAG < 20", 10).tolist()
    compiled: Any = torch.compile(chosen, fullgraph=True)
    assert math.isclose(float(compiled(torch.ones(3))), float(chosen(torch.ones(3))), rel_tol=1e-5)
