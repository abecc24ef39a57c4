"""read_columns, read_rows, read_null_mask of ASCII tables: as Python, astropy and fitsio read their fields."""

from __future__ import annotations

import io
import re
import warnings
from pathlib import Path
from typing import Any

import fitsio
import numpy as np
import pytest
import torch
from astropy.io import fits
from hypothesis import given, settings
from hypothesis import strategies as st
from table_files import PRIMARY

import torchfits  # noqa: F401  registers the operators

read_columns, read_rows = torch.ops.fits.read_columns, torch.ops.fits.read_rows
read_null_mask = torch.ops.fits.read_null_mask


def as_tensor(file: bytes) -> torch.Tensor:
    return torch.frombuffer(bytearray(file), dtype=torch.uint8)


def ascii_table(tforms: list[str], rows: list[str], gap: int = 1, **changed: Any) -> bytes:
    """Fields one after the other with ``gap`` characters between; ``changed`` cards go over those that are right."""
    cards: dict[str, Any] = {"XTENSION": "TABLE", "BITPIX": 8, "NAXIS": 2}
    cards |= {"NAXIS1": len(rows[0]) if rows else 0, "NAXIS2": len(rows), "PCOUNT": 0, "GCOUNT": 1}
    cards["TFIELDS"] = len(tforms)
    start = 1
    for n, tform in enumerate(tforms, 1):
        cards |= {f"TTYPE{n}": f"c{n}", f"TFORM{n}": tform, f"TBCOL{n}": start}
        found = re.search(r"\d+", tform)
        start += int(found[0]) + gap if found else 0
    header = fits.Header()
    for key, value in (cards | changed).items():
        if value is not None:
            header[key] = value
    data = "".join(rows).encode("latin-1")
    return PRIMARY + header.tostring().encode() + data + b" " * (-len(data) % 2880)


def values(file: bytes) -> list[list[Any]]:
    return [column.tolist() for column in read_columns(as_tensor(file), 1, [])]


def test_types_and_places() -> None:
    rows = [f"{n:4d}|{-n:9d}|{10**n:19d}|{n / 7:12.6f}|{n / 7e9:12.5E}|{n / 3:23.15E}|{'ab ' * 2}" for n in range(17)]
    rows = [row.replace("E", "D", 1) if n % 2 else row for n, row in enumerate(rows)]
    tforms = ["I4", "I9", "I19", "F12.6", "E12.5", "D23.15", "A6"]
    file = as_tensor(ascii_table(tforms, rows))
    found = read_columns(file, 1, [])
    types = [torch.int16, torch.int32, torch.int64, *[torch.float64] * 3, torch.uint8]
    assert [column.dtype for column in found] == types
    fields = [row.split("|") for row in rows]
    for number, column in enumerate(found[:3]):
        assert column.tolist() == [int(row[number]) for row in fields]
    for number, column in enumerate(found[3:6], 3):
        assert column.tolist() == [float(row[number].replace("D", "E")) for row in fields]
    assert found[6].shape == (17, 6)
    assert bytes(found[6][3].tolist()) == b"ab ab "
    chosen = torch.tensor([16, 0, -3])
    for some, column in zip(read_rows(file, 1, chosen, []), found):
        np.testing.assert_array_equal(some.numpy(), column.numpy()[chosen.numpy()])
    for part, column in zip(read_columns(file, 1, [], 3, -2), found):
        np.testing.assert_array_equal(part.numpy(), column.numpy()[3:-2])


def test_fields_that_overlap_and_lie_backwards() -> None:
    file = ascii_table(["I3", "I2", "A4"], ["123456"], TBCOL1=4, TBCOL2=1, TBCOL3=3)
    assert values(file) == [[456], [12], [list(b"3456")]]


def test_as_astropy_and_fitsio(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    columns = [
        fits.Column("a", "I8", array=random.integers(-9999999, 9999999, 500)),
        fits.Column("b", "E15.7", array=random.normal(size=500) * 10.0 ** random.integers(-30, 30, 500)),
        fits.Column("c", "D25.17", array=random.normal(size=500) * 10.0 ** random.integers(-99, 99, 500)),
        fits.Column("d", "F12.4", array=random.normal(size=500) * 1000),
        fits.Column("e", "A7", array=[f"s{n}" for n in range(500)]),
    ]
    path = tmp_path / "table.fits"
    fits.TableHDU.from_columns(columns).writeto(path)
    found = read_columns(str(path), 1, [])
    theirs = fitsio.read(str(path), ext=1)
    with fits.open(path) as hdus:
        for name, column in zip("abcd", found):
            np.testing.assert_array_equal(column.numpy(), hdus[1].data[name])
            # CFITSIO multiplies by powers of ten, which rounds more than once.
            np.testing.assert_allclose(column.numpy().astype(theirs[name].dtype), theirs[name], rtol=1e-15)
        assert [bytes(row).rstrip().decode() for row in found[4].tolist()] == list(hdus[1].data["e"])


@settings(max_examples=200, deadline=None)
@given(st.floats(allow_nan=False), st.sampled_from(["%.17g", "%.17E", "%30.20E", "%.9f", "%.3e", "%r"]))
def test_reals_are_rounded_once(number: float, style: str) -> None:
    text = style % number
    file = ascii_table([f"E{len(text)}.0"], [text])
    assert values(file)[0][0] == float(text)


# The text of a field, its format, what is read.
FIELDS = [
    ("   12500", "F8.3", 12.5),  # a decimal point before the last three digits (section 7.2.5)
    ("  -12500", "E8.3", -12.5),
    ("   125E1", "E8.1", 125.0),
    ("   12500", "F8.0", 12500.0),
    ("12.5    ", "F8.3", 12.5),
    ("        ", "F8.3", 0.0),
    ("1 2 . 5 ", "F8.3", 12.5),
    ("  1.5D+3", "D8.1", 1500.0),
    (" 1.5d 03", "D8.1", 1500.0),
    ("   1.5+3", "D8.1", 1500.0),
    (" +.5    ", "F8.1", 0.5),
    ("     5. ", "F8.1", 5.0),
    (" 1E-9999", "E8.1", 0.0),
    ("  1E9999", "E8.0", float("inf")),
    ("    -inf", "F8.1", float("-inf")),
    ("     +7 ", "I8", 7),
    (" -  7   ", "I8", -7),
    ("        ", "I8", 0),
    ("7       ", "I8", 7),
    ("\0\0\0\0\0\0\0\0", "I8", 0),
    ("7\0\0\0\0\0\0\0", "F8.0", 7.0),
]


@pytest.mark.parametrize("text, tform, expected", FIELDS)
def test_fields(text: str, tform: str, expected: float) -> None:
    assert values(ascii_table([tform], [text])) == [[expected]]


WORSE = ["    1.2x", "      --", "  1.2.3 ", "     1E ", "       .", "    0x10", "   1 e e", "    ****", "1.5E++03"]


@pytest.mark.parametrize("text", WORSE)
@pytest.mark.parametrize("tform", ["F8.3", "I8"])
def test_fields_that_hold_no_number(text: str, tform: str) -> None:
    file = as_tensor(ascii_table(["A2", tform], [f"ab {good}" for good in ("       1", text, "       2")]))
    shown = re.escape(text)
    message = rf"data\[1\]: row 1, column 2 \(c2\): '{shown}' is no number that its format TFORMn allows"
    with pytest.raises(RuntimeError, match=message):
        read_columns(file, 1, [])
    with pytest.raises(RuntimeError, match=message):
        read_rows(file, 1, torch.tensor([2, 0, 1]), ["c2"])
    assert [column.tolist() for column in read_columns(file, 1, ["c2"], 2)] == [[2 if tform == "I8" else 0.002]]


def test_integers_that_do_not_fit() -> None:
    file = ascii_table(["I20"], ["99999999999999999999"])
    with pytest.raises(RuntimeError, match="row 0, column 1"):
        values(file)
    assert values(ascii_table(["I20"], [" 9223372036854775807"])) == [[2**63 - 1]]


def test_scaling() -> None:
    rows = ["   1|  1.5", "  -2| -2.5"]
    file = ascii_table(["I4", "F5.1"], rows, TSCAL1=0.5, TZERO1=3.0, TSCAL2=2.0)
    assert values(file) == [[3.5, 2.0], [3.0, -5.0]]
    with fits.open(io.BytesIO(file)) as hdus:
        assert hdus[1].data["c1"].tolist() == [3.5, 2.0]


def test_nulls() -> None:
    rows = ["  -9| 1.5|ab ", "   1|****|N/A", "    |    |   ", "-9  |****|x  "]
    nulls = {"TNULL1": "-9", "TNULL2": "****", "TNULL3": "N/A"}
    file = as_tensor(ascii_table(["I4", "F4.1", "A3"], rows, **nulls))
    integers, reals, strings = read_columns(file, 1, [])
    assert integers.tolist() == [0, 1, 0, 0]
    np.testing.assert_array_equal(reals.numpy(), [1.5, np.nan, 0.0, np.nan])
    assert bytes(strings[1].tolist()) == b"N/A"
    masks = [mask.tolist() for mask in read_null_mask(file, 1, [])]
    expected = [[True, False, False, True], [False, True, False, True], [False, True, True, False]]
    assert masks == expected
    blank = as_tensor(ascii_table(["F4.1"], ["    ", " 1.5"], TNULL1=""))
    assert read_null_mask(blank, 1, [])[0].tolist() == [True, False]
    assert np.isnan(read_columns(blank, 1, [])[0][0].item())


def test_nulls_as_astropy() -> None:
    rows = ["  -9| 1.5", "   1|****", "   3| 2.5"]
    file = ascii_table(["I4", "F4.1"], rows, TNULL1="-9", TNULL2="****")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with fits.open(io.BytesIO(file)) as hdus:
            for name, column in zip(("c1", "c2"), read_columns(as_tensor(file), 1, [])):
                np.testing.assert_array_equal(column.numpy(), hdus[1].data[name])


LIES = [
    ({"TFORM1": "4I"}, r"TFORM1 = 4I: must be Aw, Iw, Fw.d, Ew.d or Dw.d"),
    ({"TFORM1": "I"}, r"TFORM1 = I: must be"),
    ({"TFORM1": "I0"}, r"TFORM1 = I0: must be"),
    ({"TFORM1": "X4"}, r"TFORM1 = X4: must be"),
    ({"TFORM2": None}, r"keyword TFORM2 is missing"),
    ({"TFORM1": "I400"}, r"TBCOL1 = 1: 400 characters from there on do not lie in a row of NAXIS1 = 9"),
    ({"TBCOL2": 7}, r"TBCOL2 = 7: 4 characters from there on do not lie in a row"),
    ({"TBCOL2": 0}, r"TBCOL2 = 0"),
    ({"TBCOL2": 2**62}, r"TBCOL2 = 4611686018427387904"),
    ({"TBCOL2": None}, r"keyword TBCOL2 is missing"),
    ({"TBCOL2": "x"}, r"TBCOL2 = x"),
    ({"NAXIS2": 10**15}, r"the data unit is cut off"),
]


@pytest.mark.parametrize("lie, message", LIES)
def test_headers_that_lie(lie: dict[str, Any], message: str) -> None:
    file = as_tensor(ascii_table(["I4", "F4.1"], ["   1| 1.5"], **lie))
    for read in (read_columns, read_null_mask):
        with pytest.raises(RuntimeError, match=rf"data\[1\]: {message}"):
            read(file, 1, [])


def test_long_table_on_two_threads(tmp_path: Path) -> None:
    rows = [f"{n:8d} {n / 7:15.7E} {n % 997:5d}" for n in range(50_000)]
    path = tmp_path / "table.fits"
    path.write_bytes(ascii_table(["I8", "E15.7", "I5"], rows))
    threads = torch.get_num_threads()
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            first, second, third = read_columns(str(path), 1, [])
            assert first.tolist() == list(range(50_000))
            assert second.tolist() == [float(row.split()[1]) for row in rows]
            assert third.tolist() == [n % 997 for n in range(50_000)]
            broken = as_tensor(path.read_bytes().replace(b"   40000 ", b"   4000x "))
            with pytest.raises(RuntimeError, match="row 40000, column 1"):
                read_columns(broken, 1, [])
    finally:
        torch.set_num_threads(threads)


def test_empty_table() -> None:
    file = ascii_table(["I4"], [], NAXIS1=4)
    assert values(file) == [[]]
