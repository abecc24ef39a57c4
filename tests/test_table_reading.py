"""Tables of files as torchfits.Table: every kind of column against astropy, parts against the whole, batches."""

from __future__ import annotations

import gzip
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import table_files
import torch
from astropy.io import fits
from astropy.table import Table as AstropyTable
from hypothesis import given
from hypothesis import strategies as st

import torchfits
from torchfits import Table, table_reading, table_statistics

ROWS = 40
rng = np.random.default_rng(20)


def vla(values: list[Any]) -> np.ndarray:
    rows = np.empty(len(values), dtype=object)
    rows[:] = values
    return rows


def binary_table() -> fits.BinTableHDU:
    floats = rng.normal(size=ROWS)
    floats[::9] = np.nan
    columns = [
        fits.Column("RA", "D", unit="deg", array=rng.uniform(0, 360, ROWS)),
        fits.Column("Mag", "E", unit="mag", array=floats),
        fits.Column("FLAG", "I", null=-99, array=np.where(np.arange(ROWS) % 5, np.arange(ROWS), -99)),
        fits.Column("COUNT", "J", bzero=2**31, array=rng.integers(0, 2**32, ROWS, dtype="u4")),
        fits.Column("ID", "K", bzero=2**63, array=rng.integers(0, 2**64, ROWS, dtype="u8")),
        fits.Column("SCALED", "I", null=5, array=np.arange(ROWS)),
        fits.Column("OK", "L", array=np.arange(ROWS) % 3 == 0),
        fits.Column("BITS", "11X", array=rng.integers(0, 2, (ROWS, 11)).astype(bool)),
        fits.Column("NAME", "12A", array=[f"star {n}" if n % 4 else "" for n in range(ROWS)]),
        fits.Column("BANDS", "6A2", dim="(2,3)", array=np.array([["g", "r", "i"]] * ROWS)),
        fits.Column("CUBE", "12E", dim="(4,3)", array=rng.normal(size=(ROWS, 3, 4)).astype("f4")),
        fits.Column("VIS", "M", array=rng.normal(size=ROWS) + 1j),
        fits.Column("SPEC", "PE()", array=vla([rng.normal(size=n % 7).astype("f4") for n in range(ROWS)])),
        fits.Column("IDS", "QJ()", array=vla([np.arange(n % 4, dtype="i4") for n in range(ROWS)])),
        fits.Column("NOTE", "PA()", array=vla(["x" * (n % 5) for n in range(ROWS)])),
    ]
    hdu = fits.BinTableHDU.from_columns(columns, name="CATALOG")
    hdu.header["TCOMM1"] = "right ascension"
    return hdu


JAGGED = ("SPEC", "IDS", "NOTE")


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("tables") / "catalog.fits"
    fits.HDUList([fits.PrimaryHDU(), binary_table()]).writeto(found)
    for key, value in {"TSCAL6": 0.5, "TZERO6": 10.0}.items():  # astropy cannot write scaled integers
        fits.setval(found, key, value=value, ext=1)
    return found


@pytest.fixture(scope="module")
def whole(path: Path) -> Table:
    table: Table = torchfits.read(path)
    return table


def assert_equal(ours: Table, expected: Table) -> None:
    assert ours.columns == expected.columns
    assert len(ours) == len(expected)
    for name in expected.columns:
        a, b = ours.column(name), expected.column(name)
        assert (a.type_name, a.unit, a.description) == (b.type_name, b.unit, b.description)
        np.testing.assert_array_equal(a.values.numpy(), b.values.numpy(), err_msg=name)
        assert (a.offsets is None) == (b.offsets is None)
        assert a.offsets is None or torch.equal(a.offsets, b.offsets), name
        assert torch.equal(a.missing(), b.missing()), name


def test_a_table_of_every_kind(path: Path, whole: Table) -> None:
    """By astropy's Table.read, which masks what is null, blank or NaN."""
    expected = AstropyTable.read(path, hdu=1, mask_invalid=False)
    raw = fits.getdata(path, 1)
    assert whole.columns == expected.colnames
    assert len(whole) == ROWS
    assert dict(whole.units) == {"RA": "deg", "Mag": "mag"}
    assert dict(whole.descriptions) == {"RA": "right ascension"}
    assert sorted(whole.nulls) == ["FLAG"]
    np.testing.assert_array_equal(whole.nulls["FLAG"].numpy(), expected["FLAG"].mask)
    for name in ("RA", "MAG", "COUNT", "ID", "OK", "BITS", "CUBE", "VIS"):
        found = whole[name].numpy()
        np.testing.assert_array_equal(found, raw[name], err_msg=name)
    assert whole["ID"].dtype == torch.uint64
    scaled = np.where(np.arange(ROWS) == 5, np.nan, np.arange(ROWS) * 0.5 + 10)
    np.testing.assert_array_equal(whole["SCALED"].numpy(), scaled)
    for name in ("NAME", "BANDS"):
        np.testing.assert_array_equal(whole.strings(name), np.char.rstrip(raw[name]))
    for name in ("SPEC", "IDS"):
        for ours, theirs in zip(whole[name].unbind(), raw[name], strict=True):
            np.testing.assert_array_equal(ours.numpy(), theirs)
    assert whole.strings("NOTE").tolist() == ["x" * (n % 5) for n in range(ROWS)]
    assert repr(whole[:2]).splitlines()[3].split()[:3] == ["float64", "float32", "int16"]


def test_through_astropy_and_arrow(path: Path, whole: Table) -> None:
    back = Table.from_arrow(whole.to_arrow())
    for name in whole.columns:
        assert back.column(name).type_name.replace("str*", "str4") == whole.column(name).type_name.replace(
            "str*", "str4"
        )
    expected = AstropyTable.read(path, hdu=1)
    ours = whole.to_astropy()
    for name in ("RA", "Mag", "FLAG", "NAME"):
        assert ours[name].unit == expected[name].unit
        found = [None if value != value else value for value in ours[name].tolist()]
        wanted = expected[name].tolist()  # None where masked, as NaN is
        if name == "NAME":  # which astropy masks where they are blank
            wanted = [value or "" for value in wanted]
        np.testing.assert_array_equal(np.array(found, object), np.array(wanted, object))


def test_sources(path: Path, whole: Table) -> None:
    data = path.read_bytes()
    for source in (
        str(path),
        f"{path}[CATALOG]",
        data,
        gzip.compress(data),
        torch.tensor(list(data), dtype=torch.uint8),
    ):
        assert_equal(torchfits.read(source), whole)
    assert_equal(torchfits.read(path, "catalog"), whole)
    opened = torchfits.open(path)
    assert_equal(opened[1].data, whole)
    assert opened[1].data is opened[1].data
    table, header = torchfits.read(path, header=True)
    assert_equal(table, whole)
    assert header["TTYPE1"] == "RA"
    assert torchfits.read(path, device="cpu").device.type == "cpu"


def test_columns(path: Path, whole: Table) -> None:
    assert_equal(torchfits.read(path, columns=["mag", "ra"]), whole.select(["Mag", "RA"]))
    assert_equal(torchfits.read(path, columns="SPEC"), whole.select(["SPEC"]))
    with pytest.raises(KeyError, match=r"catalog\.fits\[1\]: there is no column DEC; there are RA, Mag"):
        torchfits.read(path, columns=["DEC"])


@given(data=st.data())
def test_rows(data: st.DataObject, path: Path, whole: Table) -> None:
    bound = st.one_of(st.none(), st.integers(-ROWS - 3, ROWS + 3))
    steps = st.sampled_from([None, 1, 2, -1, -3])
    rows = data.draw(
        st.one_of(
            st.tuples(bound, bound, steps).map(lambda parts: slice(*parts)),
            st.lists(st.integers(-ROWS, ROWS - 1)),
            st.lists(st.integers(-ROWS, ROWS - 1)).map(lambda numbers: torch.tensor(numbers, dtype=torch.int64)),
            st.lists(st.integers(0, ROWS - 1)).map(lambda numbers: np.array(numbers, "i2")),
            st.lists(st.booleans(), min_size=ROWS, max_size=ROWS).map(torch.tensor),
        )
    )
    columns = data.draw(st.one_of(st.none(), st.lists(st.sampled_from(whole.columns), unique=True, min_size=1)))
    part = torchfits.read(path, columns=columns, rows=rows)
    assert_equal(part, whole[rows] if columns is None else whole[rows].select(columns))


def test_rows_far_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: Path, whole: Table) -> None:
    monkeypatch.setattr(table_reading, "_STRETCH", 7)
    rows = [39, 0, 13, 14, 13, 6, 7, 8]
    assert_equal(torchfits.read(path, rows=rows), whole[rows])


def test_rows_that_are_not_there(path: Path) -> None:
    for rows in ([ROWS], [0, -ROWS - 1], torch.tensor([ROWS])):
        with pytest.raises(IndexError, match=rf"catalog\.fits\[1\]: there is no row -?\d+: the table has {ROWS}"):
            torchfits.read(path, rows=rows)
    for rows in ([0.5], [True], torch.zeros(2, 2, dtype=torch.int64)):
        with pytest.raises(ValueError, match="rows= is a slice, integers"):
            torchfits.read(path, rows=rows)


def test_logicals_that_are_undefined(tmp_path: Path) -> None:
    hdu = fits.BinTableHDU.from_columns([fits.Column("OK", "L", array=np.array([True, False, True]))])
    hdu.writeto(tmp_path / "l.fits")
    data = bytearray((tmp_path / "l.fits").read_bytes())
    at = data.index(b"TFT")
    assert "OK" not in torchfits.read(bytes(data)).nulls
    data[at + 1] = 0
    table = torchfits.read(bytes(data))
    assert table.nulls["OK"].tolist() == [False, True, False]
    assert [row["OK"] for row in table] == [True, None, True]


def test_names(tmp_path: Path) -> None:
    """Without a name, with one that another column has, and two that differ in case alone."""
    hdu = fits.BinTableHDU.from_columns([fits.Column(f"C{n}", "I", array=np.array([n])) for n in range(1, 6)])
    for n, name in enumerate(["A", "", "A", "a", "B "], 1):
        hdu.header[f"TTYPE{n}"] = name
    del hdu.header["TTYPE2"]
    (tmp_path / "names.fits").write_bytes(
        fits.PrimaryHDU().header.tostring().encode()
        + hdu.header.tostring().encode()
        + table_files.padded(np.arange(1, 6, dtype=">i2").tobytes())
    )
    table = torchfits.read(tmp_path / "names.fits")
    assert table.columns == ["A", "col2", "A_3", "a", "B"]
    assert [table[name].item() for name in table.columns] == [1, 2, 3, 4, 5]
    assert torchfits.read(tmp_path / "names.fits", columns=["a", "b"]).columns == ["a", "B"]


def test_ascii_table(tmp_path: Path) -> None:
    columns = [
        fits.Column("N", "I6", null="-999", array=np.array([1, -999, 3])),
        fits.Column("F", "F8.3", unit="m", array=np.array([1.5, 2.25, -3.0])),
        fits.Column("S", "A5", array=["ab", "cde", ""]),
    ]
    fits.HDUList([fits.PrimaryHDU(), fits.TableHDU.from_columns(columns)]).writeto(tmp_path / "ascii.fits")
    table = torchfits.read(tmp_path / "ascii.fits")
    assert [row["N"] for row in table] == [1, None, 3]
    assert table["F"].tolist() == [1.5, 2.25, -3.0]
    assert table.strings("S").tolist() == ["ab", "cde", ""]
    assert table.units["F"] == "m"
    assert [row["N"] for row in torchfits.read(tmp_path / "ascii.fits", rows=[1, 0])] == [None, 1]


def test_compressed_table(tmp_path: Path, path: Path, whole: Table) -> None:
    columns = [name for name in whole.columns if name not in ("NOTE",)]
    packed = table_files.fpack(path.read_bytes(), tmp_path)
    table = torchfits.read(packed, columns=columns)
    assert torchfits.open(packed)[1].kind == "compressed table"
    assert_equal(table, whole.select(columns))
    assert_equal(torchfits.read(packed, columns=columns, rows=slice(3, 9)), whole[3:9].select(columns))
    batches = list(torchfits.open(packed)[1].batches(7, columns=["RA"]))
    assert_equal(Table.concat(batches), whole.select(["RA"]))


def test_empty_tables(tmp_path: Path) -> None:
    hdu = binary_table()
    hdu.header.update({"NAXIS2": 0, "PCOUNT": 0})
    (tmp_path / "none.fits").write_bytes(table_files.PRIMARY + hdu.header.tostring().encode())
    table = torchfits.read(tmp_path / "none.fits", 1)
    assert len(table) == 0
    assert table.columns == [column.name for column in hdu.columns]
    assert list(torchfits.open(tmp_path / "none.fits")[1].batches(3)) == []
    assert len(table.sort("RA").groupby("NAME").agg(n="size").join(table, "NAME", "outer")) == 0
    Table.from_arrow(table.to_arrow())


# --- Conditions ------------------------------------------------------------------------------------------------------


CONDITIONS = {
    "MAG < 0": lambda t: t["MAG"] < 0,
    "Mag >= 0.5 || FLAG == 7": lambda t: (t["MAG"] >= 0.5) | ((t["FLAG"] == 7) & ~t.nulls["FLAG"]),
    "FLAG > 3 && OK": lambda t: (t["FLAG"] > 3) & ~t.nulls["FLAG"] & t["OK"],
    "RA < 0": lambda t: t["RA"] < 0,
    "RA >= 0": lambda t: t["RA"] >= 0,
    "NAME == 'star 7'": lambda t: torch.from_numpy(t.strings("NAME") == "star 7"),
}


@pytest.mark.parametrize("where", CONDITIONS)
def test_where(where: str, path: Path, whole: Table) -> None:
    mask = CONDITIONS[where](whole)
    expected = whole.filter(mask)
    assert_equal(torchfits.read(path, where=where), expected)
    assert_equal(torchfits.read(path.read_bytes(), where=where, columns=["ID"]), expected.select(["ID"]))
    assert_equal(torchfits.read(path, where=where, rows=slice(10, 30)), whole[10:30].filter(mask[10:30]))
    rows = [30, 3, 3, 17, -1, 29, 8]
    assert_equal(torchfits.read(path, where=where, rows=rows), whole[rows].filter(mask[rows]))
    assert_equal(torchfits.read(path, where=where, rows=slice(None, None, -3)), whole[::-3].filter(mask.flip(0)[::3]))
    assert len(torchfits.read(path, where=where, rows=[])) == 0
    hdu = torchfits.open(path)[1]
    shares = [[*hdu.batches(6, where=where, rank=rank, world=2)] for rank in range(2)]
    assert all(len(batch) for share in shares for batch in share)
    got = sorted(number for share in shares for batch in share for number in batch["ID"].tolist())
    assert got == sorted(expected["ID"].tolist())


def test_conditions_that_mean_nothing(path: Path) -> None:
    with pytest.raises(ValueError, match="DECLINATION"):
        torchfits.read(path, where="DECLINATION > 3")


# --- Batches ---------------------------------------------------------------------------------------------------------


@given(size=st.integers(1, ROWS + 2), world=st.integers(1, 5))
def test_batches_have_every_row_once(size: int, world: int, path: Path, whole: Table) -> None:
    hdu = torchfits.open(path)[1]
    shares = [list(hdu.batches(size, rank=rank, world=world)) for rank in range(world)]
    in_order = [share[turn] for turn in range(len(shares[0])) for share in shares if turn < len(share)]
    assert all(len(batch) == size for batch in in_order[:-1])
    assert_equal(Table.concat(in_order), whole)


def test_batches_that_cannot_be(path: Path) -> None:
    hdu = torchfits.open(path)[1]
    for arguments, message in [
        ({"size": 0}, "at least one row"),
        ({"size": 1, "rank": 2, "world": 2}, "rank 2 of world 2 is not there"),
        ({"size": 1, "rank": -1}, "rank -1 of world 1"),
    ]:
        with pytest.raises(ValueError, match=message):
            list(hdu.batches(**arguments))
    with pytest.raises(KeyError, match="there is no column DEC"):
        list(hdu.batches(1, columns=["DEC"]))


# --- Statistics ------------------------------------------------------------------------------------------------------


def test_statistics(path: Path, whole: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of every column of numbers, by NumPy; batches small enough that there are many."""
    monkeypatch.setattr(table_statistics, "ROWS", 7)
    hdu = torchfits.open(path)[1]
    found = hdu.statistics()
    assert list(found) == [name for name in whole.columns if name not in ("NAME", "BANDS", "VIS", "NOTE")]
    assert whole.statistics() == found
    for name, one in found.items():
        column = whole.column(name)
        values = column.values.numpy().ravel()
        missing = column.missing().numpy().ravel() if column.offsets is None else np.isnan(values)
        present = values[~missing]
        assert (one.count, one.missing) == (len(present), missing.sum())
        assert (one.min, one.max) == (present.min(), present.max())
        assert type(one.min) is type(present.min().item())
        numbers = present.astype("f8")
        np.testing.assert_allclose([one.mean, one.std], [numbers.mean(), numbers.std(ddof=1)], rtol=1e-12)
    some = hdu.statistics("ra", where="MAG > 0")
    assert some == whole.filter(whole["Mag"] > 0).statistics(["RA"])
    shares = [hdu.statistics(["RA"], rank=rank, world=3)["RA"] for rank in range(3)]
    assert sum(share.count for share in shares) == ROWS
    assert min(share.min for share in shares) == found["RA"].min
    none = hdu.statistics("RA", where="RA < 0")["RA"]
    assert (none.count, none.min, none.max) == (0, None, None)
    assert np.isnan([none.mean, none.std]).all()
    one = Table({"X": [2.5]}).statistics()["X"]
    assert (one.mean, one.min) == (2.5, 2.5)
    assert np.isnan(one.std)
    with pytest.raises(TypeError, match="column NAME holds str12, not numbers"):
        hdu.statistics(["RA", "NAME"])
    with pytest.raises(KeyError, match="there is no column DEC"):
        hdu.statistics("DEC")
    with pytest.raises(ValueError, match="is no table"):
        torchfits.open(path)[0].statistics()


def test_logicals_undefined_far_on(tmp_path: Path) -> None:
    """Masks are looked at by stretches: one undefined in the last row of many is found."""
    rows = np.full((3, 2**19), b"F")
    rows[2, -1] = b"\0"
    cards = table_files._mandatory(2**19, 3, 0, 1) | {"TFORM1": f"{2**19}L"}
    table = torchfits.read(table_files.PRIMARY + table_files._header(cards) + table_files.padded(rows.tobytes()))
    assert table.nulls["col1"].nonzero().tolist() == [[2, 2**19 - 1]]


def test_arrays_of_varying_length_have_the_shape_of_tdim(tmp_path: Path) -> None:
    """TDIMn of P and Q: all axes but the slowest, which is as long as each row has values for, as in astropy."""
    lengths = [2, 0, 1, 5, 3]
    rows = np.empty(5, object)
    rows[:] = [np.arange(12 * length, dtype="f4") + i for i, length in enumerate(lengths)]
    texts = {"(3,4,5)": "P", "( 3, 4, -1 )": "Q", "(4,5)": "P", "(60)": "P", "(0,4)": "P", "no": "P", "": "Q"}
    for tdim, letter in texts.items():
        hdu = fits.BinTableHDU.from_columns([fits.Column("A", f"{letter}E(60)", array=rows)])
        if tdim:
            hdu.header["TDIM1"] = tdim
        path = tmp_path / "arrays.fits"
        hdu.writeto(path, overwrite=True)
        table = torchfits.read(path)
        shape = {"(3,4,5)": (4, 3), "( 3, 4, -1 )": (4, 3), "(4,5)": (4,)}.get(tdim, ())
        flat, _ = table.ragged("A")
        assert flat.dim() == 1
        assert len(flat) == 12 * sum(lengths)
        values, offsets = table.ragged("A", shaped=True)
        assert values.shape[1:] == shape
        assert torch.equal(values.flatten(), flat)
        for i, row in enumerate(rows):
            assert np.array_equal(values[offsets[i] : offsets[i + 1]], row.reshape(-1, *shape))
        if shape and "-" not in tdim:
            with fits.open(path) as file:
                read = [np.asarray(array) for array in file[1].data["A"]]
            assert all(np.array_equal(values[offsets[i] : offsets[i + 1]], array) for i, array in enumerate(read))
        chosen = Table.concat([table[[3, 0]], pickle.loads(pickle.dumps(table[1:]))])
        values, offsets = chosen.ragged("A", shaped=True)
        assert values.shape[1:] == shape
        assert np.array_equal(values[: offsets[1]], rows[3].reshape(-1, *shape))
    hdu.header["TDIM1"] = "(5,2)"
    hdu.writeto(path, overwrite=True)
    table = torchfits.read(path)
    with pytest.raises(ValueError, match=r"column A: row 0 has 24 values, which .* of 5 as TDIMn says \(5,2\)"):
        table.ragged("A", shaped=True)
    assert len(table.ragged("A")[0]) == 12 * sum(lengths)
