"""torchfits.Table: columns and rows, and what is made of them, against pandas, pyarrow and astropy."""

from __future__ import annotations

import copy
import doctest
import math
import pickle
import subprocess
import sys
from types import ModuleType
from typing import Any

import numpy as np
import pandas
import polars
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import torch
from astropy import units as u
from astropy.table import QTable
from astropy.table import Table as AstropyTable
from conftest import devices
from hypothesis import given, settings
from hypothesis import strategies as st

import torchfits
from torchfits import (
    Table,
    column,
    table,
    table_columns,
    table_group,
    table_input,
    table_interchange,
    table_keys,
    table_text,
    table_views,
)
from torchfits.column import Column

FEWER = settings(max_examples=settings().max_examples // 4)  # where the other library takes long


def values_of(table: Table, name: str) -> list[Any]:
    """A column as Python's values, None where missing."""
    found = [row[name] for row in table]
    return [None if isinstance(value, float) and math.isnan(value) else value for value in found]


def rows_of(table: Table) -> list[tuple[Any, ...]]:
    return list(zip(*(values_of(table, name) for name in table.columns)))


def rows_of_arrow(found: pa.Table) -> list[tuple[Any, ...]]:
    def plain(value: Any) -> Any:
        return None if isinstance(value, float) and math.isnan(value) else value

    return [tuple(map(plain, row)) for row in zip(*(one.to_pylist() for one in found.columns))]


# --- Random tables ---------------------------------------------------------------------------------------------------

# Few values, so that keys repeat, and those that come out wrong easily.
CELLS = {
    "int16": (torch.int16, [-(2**15), -1, 0, 1, 2**15 - 1]),
    "int64": (torch.int64, [-(2**63), -1, 0, 1, 2**53, 2**53 + 1, 2**63 - 1]),
    "uint8": (torch.uint8, [0, 1, 127, 128, 255]),
    "uint16": (torch.uint16, [0, 1, 2**15 - 1, 2**15, 2**16 - 1]),
    "uint32": (torch.uint32, [0, 1, 2**31, 2**32 - 1]),
    "uint64": (torch.uint64, [0, 1, 2**63 - 1, 2**63, 2**63 + 1, 2**64 - 1]),
    "float32": (torch.float32, [-math.inf, -1.5, -0.0, 0.0, 1.0, 3.4e38, math.inf, None]),
    "float64": (torch.float64, [-math.inf, -1e-320, -1.5, 0.0, 1.0, 1.7e308, None]),
    "bool": (torch.bool, [False, True]),
    "str": (None, ["", "a", "b", "ab", "abcdefgh", "abcdefghi", "abcdefgi", "Z", "\xff", "\u03b1 Cen", " lead"]),
}
KINDS = list(CELLS)


def made(kind: str, values: list[Any]) -> Column:
    """A column of these values, None being missing."""
    dtype, _ = CELLS[kind]
    if dtype is None:
        return table_input.as_column([*values, ""], "made").narrow(0, len(values))
    nulls = torch.tensor([value is None for value in values], dtype=torch.bool)
    numbers = torch.from_numpy(np.array([0 if value is None else value for value in values], str(dtype)[6:]))
    return Column(numbers).with_missing(nulls) if bool(nulls.any()) else Column(numbers)


@st.composite
def tables(draw: st.DrawFn, kinds: dict[str, Any], rows: st.SearchStrategy[int] | None = None) -> Table:
    """Columns of these names, each of the kind or of one of the kinds named, with and without nulls."""
    count = draw(st.integers(0, 12) if rows is None else rows)
    out = Table()
    for name, kind in kinds.items():
        chosen = kind if isinstance(kind, str) else draw(st.sampled_from(kind))
        cells = [*CELLS[chosen][1], *([None] if draw(st.booleans()) else [])]
        out[name] = made(chosen, draw(st.lists(st.sampled_from(cells), min_size=count, max_size=count)))
    return out


ANY = {"a": KINDS, "b": KINDS, "v": KINDS}


# --- Columns and rows ------------------------------------------------------------------------------------------------


def example(device: str = "cpu") -> Table:
    columns = {
        "ID": torch.arange(5),
        "Name": ["Vega", "Deneb ", None, "Altair", ""],
        "MAG": torch.tensor([0.03, 1.25, torch.nan, 0.76, 6.0]),
        "COUNT": np.array([1, 2**16 - 1, 3, 4, 5], "u2"),
        "XY": torch.arange(10.0).view(5, 2),
        "SPEC": [[1.0, 2.0], [], [3.0], [4.0, 5.0, 6.0], []],
        "TAGS": np.array([["a", "bc"]] * 5),
    }
    out = Table(columns, units={"mag": "mag", "XY": "pixel"}, descriptions={"ID": "number of the star"})
    return out.to(device)


@pytest.mark.parametrize(
    "module", [table, column, table_columns, table_group, table_input, table_interchange, table_text, table_views]
)
def test_examples(module: ModuleType) -> None:
    names = {"torchfits": torchfits, "torch": torch, "Table": Table}
    assert doctest.testmod(module, extraglobs=names).failed == 0


@pytest.mark.parametrize("device", devices())
def test_columns(device: str) -> None:
    t = example(device)
    assert len(t) == 5
    assert t.columns == ["ID", "Name", "MAG", "COUNT", "XY", "SPEC", "TAGS"]
    assert t["mag"] is t["MAG"]
    assert "name" in t
    assert "NAMES" not in t
    assert t.device.type == device
    assert dict(t.units) == {"MAG": "mag", "XY": "pixel"}
    assert t.descriptions["id"] == "number of the star"
    assert list(t.nulls) == ["Name"]
    assert t.nulls["NAME"].tolist() == [False, False, True, False, False]
    assert t.strings("Name").tolist() == ["Vega", "Deneb", "", "Altair", ""]
    assert t.strings("TAGS").shape == (5, 2)
    assert t["SPEC"].is_nested
    assert [row.tolist() for row in t["SPEC"].unbind()] == [[1, 2], [], [3], [4, 5, 6], []]
    assert t.ragged("SPEC")[1].tolist() == [0, 2, 2, 3, 6, 6]
    assert t.select(["xy", "ID"]).columns == ["XY", "ID"]
    assert t[["xy"]].units["XY"] == "pixel"
    assert t.rename({"mag": "V"}).columns == ["ID", "Name", "V", "COUNT", "XY", "SPEC", "TAGS"]
    with pytest.raises(KeyError, match="there is no column RA; there are ID, Name"):
        t["RA"]
    with pytest.raises(KeyError, match="DEC"):
        t.units["DEC"]
    with pytest.raises(ValueError, match="two columns would have one name"):
        t.rename({"ID": "MAG"})
    for call in (t.strings, t.ragged):
        with pytest.raises(TypeError, match="MAG"):
            call("MAG")


def test_names_that_differ_in_case_alone() -> None:
    t = Table._of({"ra": Column(torch.zeros(1)), "RA": Column(torch.ones(1))})
    assert (t["ra"].item(), t["RA"].item()) == (0, 1)
    with pytest.raises(KeyError, match="ra and RA differ from it in case alone"):
        t["Ra"]


def test_assignment() -> None:
    t = example()
    t["id"] = torch.zeros(5)
    assert t.columns[0] == "ID"
    assert "ID" not in t.descriptions  # that was of the old values
    t["FLAG"], t["BAND"] = 3, "r"
    assert t["FLAG"].tolist() == [3] * 5
    assert t.strings("BAND").tolist() == ["r"] * 5
    t.units["FLAG"] = "bit"
    t.nulls["FLAG"] = torch.tensor([True, False, False, False, False])
    assert t[0]["FLAG"] is None
    assert t[1]["FLAG"] == 3
    del t.nulls["FLAG"], t.units["FLAG"], t["BAND"]
    assert "BAND" not in t
    assert t[0]["FLAG"] == 3
    wrong: list[tuple[object, type[Exception], str]] = [
        (torch.zeros(4), ValueError, "has 4 rows, the table 5"),
        (object(), TypeError, "not object"),
        (np.zeros(5, "M8[s]"), TypeError, "torch has no type for"),
        (np.ones(()), ValueError, "a row axis"),
        ((torch.zeros(3), torch.tensor([0, 1, 1, 1, 1, 9])), ValueError, "must rise from 0 to 3"),
        ((torch.zeros(3), torch.tensor([0, 2, 1, 1, 1, 3])), ValueError, "must rise"),
        (Column(torch.zeros(5), text=True), ValueError, "strings are uint8"),
        (Column(torch.zeros(5), torch.zeros(4, dtype=torch.bool)), ValueError, r"must be bool \[5\]"),
        ([1, 2, 3, 4, object()], TypeError, "no column can be made"),
    ]
    for value, error, message in wrong:
        with pytest.raises(error, match=message):
            t["NEW"] = value
    assert "NEW" not in t


@pytest.mark.parametrize("device", devices())
def test_rows(device: str) -> None:
    t = example(device)
    everything = rows_of(t.select(["ID", "Name", "MAG", "COUNT"]))
    spectra = [[1, 2], [], [3], [4, 5, 6], []]
    picks: list[tuple[Any, list[int]]] = [
        (slice(1, 3), [1, 2]),
        (slice(None, None, -2), [4, 2, 0]),
        (slice(4, 1), []),
        ([3, -1, 3], [3, 4, 3]),
        ([], []),
        (np.array([0, 2]), [0, 2]),
        (torch.tensor([0, 2], dtype=torch.uint8, device=device), [0, 2]),
        ([True, False, False, False, True], [0, 4]),
        (t["MAG"] < 1, [0, 3]),
        (t.strings("NAME") == "Deneb", [1]),
    ]
    for key, numbers in picks:
        part = t[key]
        assert rows_of(part.select(["ID", "Name", "MAG", "COUNT"])) == [everything[number] for number in numbers]
        assert [row.tolist() for row in part["SPEC"].unbind()] == [spectra[number] for number in numbers]
        assert dict(part.units) == dict(t.units)
    assert t[-1]["ID"] == 4
    assert dict(t[2])["Name"] is None
    assert t[1]["spec"].tolist() == []
    assert t[0]["XY"].tolist() == [0, 1]
    assert t[3]["TAGS"].tolist() == ["a", "bc"]
    assert [row["ID"] for row in t] == [0, 1, 2, 3, 4]
    for key, error in [(5, IndexError), (-6, IndexError), ([5], IndexError), ([0.5], TypeError), (None, TypeError)]:
        with pytest.raises(error):
            t[key]
    with pytest.raises(ValueError, match=r"a mask is bool \[5\]"):
        t[[True, False]]
    with pytest.raises(TypeError, match="where="):
        t.filter("MAG < 3")  # type: ignore[arg-type]


def test_slices_share_memory() -> None:
    t = example()
    assert t[1:4]["MAG"].data_ptr() == t["MAG"][1:].data_ptr()
    assert t.select(["MAG"])["MAG"] is t["MAG"]
    assert t.clone()["MAG"].data_ptr() != t["MAG"].data_ptr()


def test_copies() -> None:
    t = example()
    for other in (copy.copy(t), copy.deepcopy(t), pickle.loads(pickle.dumps(t)), t.to("cpu"), t.clone()):
        assert repr(other) == repr(t)
    if torch.cuda.is_available():
        assert t.pin_memory()["MAG"].is_pinned()


def test_what_is_printed() -> None:
    assert repr(Table()) == "<Table of 0 rows, 0 columns>"
    assert (
        repr(example()[:3].select(["ID", "NAME", "MAG", "XY", "SPEC", "TAGS"]))
        == """\
<Table of 3 rows, 6 columns
     ID  Name       MAG  XY          SPEC        TAGS
                    mag  pixel
  int64  str6   float32  float32[2]  float32[*]  str2[2]
      0  Vega      0.03  [0, 1]      [1, 2]      [a, bc]
      1  Deneb     1.25  [2, 3]      []          [a, bc]
      2  --         nan  [4, 5]      [3]         [a, bc]>"""
    )
    long = repr(Table({"N": torch.arange(1000)})).splitlines()
    assert len(long) == 1 + 2 + 5 + 1 + 5
    assert long[8].strip() == "..."
    wide = repr(Table({f"COLUMN{n}": torch.zeros(1) for n in range(50)}))
    assert max(map(len, wide.splitlines())) <= 120


# --- Strings ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("device", devices())
def test_strings_end_as_in_fits(device: str) -> None:
    raw = [b"M31     ", b"M31\0junk", b"\0junk   ", b"        ", b"  M31   ", b"M 31\0\0\0\0", b"12345678"]
    values = torch.tensor([list(text) for text in raw], dtype=torch.uint8, device=device)
    t = Table({"NAME": Column(values, text=True)})
    assert t.strings("NAME").tolist() == ["M31", "M31", "", "", "  M31", "M 31", "12345678"]
    assert t.categories("NAME").values == ["", "  M31", "12345678", "M 31", "M31"]
    assert t.categories("NAME").codes.tolist() == [4, 4, 0, 0, 1, 3, 2]
    assert t.groupby("NAME").agg(n="size")["n"].tolist() == [2, 1, 1, 1, 2]
    assert t.to_arrow()["NAME"].to_pylist() == t.strings("NAME").tolist()


def test_strings_that_are_not_ascii() -> None:
    t = Table({"NAME": ["\u03b1 Cen", "Caf\xe9"], "N": [1, 2]})
    assert t.strings("NAME").tolist() == ["\u03b1 Cen", "Caf\xe9"]
    latin = Table({"NAME": Column(torch.tensor([list(b"Caf\xe9")], dtype=torch.uint8), text=True)})
    assert latin.strings("NAME").tolist() == ["Caf\xe9"]
    assert latin.to_arrow()["NAME"].to_pylist() == ["Caf\xe9"]


def test_strings_of_varying_length() -> None:
    data = torch.tensor(list(b"abcdZ "), dtype=torch.uint8)
    t = Table({"S": Column(data, offsets=torch.tensor([0, 2, 2, 4, 6]), text=True)})
    assert t.strings("S").tolist() == ["ab", "", "cd", "Z"]
    assert t.sort("S").strings("S").tolist() == ["", "Z", "ab", "cd"]
    assert t.to_arrow()["S"].to_pylist() == ["ab", "", "cd", "Z"]
    assert t[1:3].to_astropy()["S"].tolist() == ["", "cd"]


# --- Sorting ---------------------------------------------------------------------------------------------------------


def sort_key(value: Any) -> Any:
    return value.encode() if isinstance(value, str) else value


@pytest.mark.parametrize("device", devices())
@given(data=st.data())
def test_sort(data: st.DataObject, device: str) -> None:
    t = data.draw(tables(ANY))
    t["row"] = torch.arange(len(t))
    descending = data.draw(st.tuples(st.booleans(), st.booleans()))
    expected = [dict(row) for row in t]
    for name, reverse in reversed(list(zip("ab", descending))):  # Python's sort is stable

        def missing(row: dict[str, Any], name: str = name) -> bool:
            return row[name] is None or row[name] != row[name]

        present = [row for row in expected if not missing(row)]
        present.sort(key=lambda row: sort_key(row[name]), reverse=reverse)
        expected = present + [row for row in expected if missing(row)]
    result = t.to(device).sort(["a", "b"], descending)
    assert result["row"].tolist() == [row["row"] for row in expected]


def test_sort_by_pandas() -> None:
    generator = np.random.default_rng(7)
    frame = pandas.DataFrame({"a": generator.integers(0, 50, 2000).astype("u4"), "b": generator.normal(size=2000)})
    frame.loc[::7, "b"] = np.nan
    t = Table({name: frame[name].to_numpy() for name in frame})
    ordered = frame.sort_values(["a", "b"], ascending=[False, True], kind="stable")
    result = t.sort(["a", "b"], [True, False])
    np.testing.assert_array_equal(result["a"].numpy(), ordered["a"])
    np.testing.assert_array_equal(result["b"].numpy(), ordered["b"])


def test_what_cannot_be_sorted() -> None:
    t = example()
    for name in ("XY", "SPEC", "TAGS"):
        for call in (t.sort, t.groupby, lambda name: t.join(t, name)):
            with pytest.raises(TypeError, match=f"column {name} holds"):
                call(name)
    with pytest.raises(TypeError, match="complex"):
        Table({"C": torch.zeros(2, dtype=torch.complex64)}).sort("C")
    with pytest.raises(ValueError, match="2 columns are named and 1 directions given"):
        t.sort(["ID", "MAG"], [True])


# --- Groups ----------------------------------------------------------------------------------------------------------

NUMBERS = [kind for kind in KINDS if kind not in ("str", "bool")]


@pytest.mark.parametrize("device", devices())
@given(data=st.data())
def test_groups(data: st.DataObject, device: str) -> None:
    """By Arrow, which skips nulls; NaN goes to it as null."""
    t = data.draw(tables({"a": KINDS, "b": KINDS, "v": NUMBERS}))
    names = data.draw(st.sampled_from([["a"], ["a", "b"]]))
    arrow = with_nulls_for_nan(t.to_arrow()).filter(
        pc.and_(*[pc.is_valid(with_nulls_for_nan(t.to_arrow())[name]) for name in (names * 2)[:2]])
    )
    functions = {"count": "count", "min": "min", "max": "max", "mean": "mean", "std": "stddev"}
    grouped = t.to(device).groupby(names)
    result = grouped.agg({"v": list(functions)}, n="size").to("cpu")
    wanted = arrow.group_by(names, use_threads=False).aggregate(
        [("v", name, pc.VarianceOptions(ddof=1) if name == "stddev" else None) for name in functions.values()]
        + [([], "count_all")]
    )
    assert len(grouped) == len(result) == len(wanted)
    key = {tuple(row[name] for name in names): row for row in wanted.to_pylist()}
    for row in result:
        expected = key[tuple(row[name] for name in names)]
        assert row["n"] == expected["count_all"]
        largest = max(abs(expected["v_min"] or 0), abs(expected["v_max"] or 0))
        for ours, theirs in functions.items():
            exact = ours in ("count", "min", "max")
            assert_close(row[f"v_{ours}"], expected[f"v_{theirs}"], exact, largest)
    order = list(rows_of(result.select(names)))
    assert order == sorted(order, key=lambda row: [sort_key(value) for value in row])


def with_nulls_for_nan(arrow: pa.Table) -> pa.Table:
    for number, field in enumerate(arrow.schema):
        if pa.types.is_floating(field.type):
            one = arrow.column(number)
            # one zero: Arrow groups -0.0 and 0.0 apart
            one = pc.if_else(pc.is_nan(one), None, pc.add(one, pa.scalar(0.0, field.type)))
            arrow = arrow.set_column(number, field.name, one)
    return arrow


def assert_close(ours: Any, expected: Any, exact: bool, largest: float) -> None:
    """Up to what is lost of the `largest` of values whose mean, or deviation from it, may be small."""
    if expected is None or (isinstance(expected, float) and math.isnan(expected)):
        assert ours is None or math.isnan(ours)
    elif exact:
        assert ours == expected
    elif not (
        abs(expected) > 1e150 or math.isinf(ours)
    ):  # sums of the largest numbers overflow, at places of their own
        assert ours == pytest.approx(expected, rel=1e-6, abs=1e-6 + 1e-14 * largest)


@pytest.mark.parametrize("device", devices())
@FEWER
@given(data=st.data())
def test_groups_by_pandas(data: st.DataObject, device: str) -> None:
    small = st.one_of(st.none(), st.integers(-100, 100).map(lambda n: n / 4))
    rows = data.draw(st.lists(st.tuples(st.sampled_from(["g", "r", "i"]), st.integers(0, 2), small), max_size=20))
    frame = pandas.DataFrame(
        {
            "BAND": pandas.Series([row[0] for row in rows], dtype="str"),
            "N": np.array([row[1] for row in rows], "i4"),
            "V": np.array([np.nan if row[2] is None else row[2] for row in rows], "f8"),
        }
    )
    functions = ["count", "sum", "mean", "min", "max", "std", "first", "any", "all"]
    expected = frame.groupby(["BAND", "N"])["V"].agg(functions).reset_index()
    size = frame.groupby(["BAND", "N"]).size().to_numpy()
    t = Table(
        {"BAND": [row[0] for row in rows] or np.empty(0, "U1"), "N": frame["N"].to_numpy(), "V": frame["V"].to_numpy()}
    )
    result = t.to(device).groupby(["band", "n"]).agg({"V": functions}, rows="size").to("cpu")
    assert result.strings("BAND").tolist() == expected["BAND"].tolist()
    assert result["N"].tolist() == expected["N"].tolist()
    assert result["rows"].tolist() == size.tolist()
    for function in functions:
        ours = result[f"V_{function}"]
        np.testing.assert_allclose(
            ours.double().numpy(), expected[function].to_numpy("f8"), rtol=1e-12, atol=1e-12, err_msg=function
        )


def test_sums_of_integers_are_exact() -> None:
    big = [2**62, 2**61, 1]
    t = Table({"K": [0, 0, 0], "I": big, "U": np.array([2**63, 5, 6], "u8"), "B": [True, True, False]})
    t["S"] = torch.tensor([30000, 30000, 30000], dtype=torch.int16)
    result = t.groupby("K").agg({"I": "sum", "U": "sum", "S": "sum", "B": ["sum", "mean"]})[0]
    assert (result["I_sum"], result["U_sum"], result["S_sum"]) == (sum(big), 2**63 + 11, 90000)
    assert (result["B_sum"], result["B_mean"]) == (2, pytest.approx(2 / 3))


def test_groups_of_arrays_strings_and_rows_of_varying_length() -> None:
    t = example()
    t["K"] = [1, 0, 1, 1, 0]
    result = t.groupby("K").agg(
        {"XY": ["mean", "max", "count"], "SPEC": ["first", "count"], "NAME": ["min", "max", "first", "count"]}
    )
    assert result["XY_mean"].tolist() == [[5, 6], [10 / 3, 13 / 3]]
    assert result["XY_max"].tolist() == [[8, 9], [6, 7]]
    assert result.units["XY_mean"] == "pixel"
    assert [row.tolist() for row in result["SPEC_first"].unbind()] == [[], [1, 2]]
    assert result.strings("NAME_min").tolist() == ["", "Altair"]
    assert result.strings("NAME_max").tolist() == ["Deneb", "Vega"]
    assert result["NAME_count"].tolist() == [2, 2]
    for name, function, error in [
        ("SPEC", "sum", TypeError),
        ("NAME", "mean", TypeError),
        ("MAG", "median", ValueError),
        ("RA", "sum", KeyError),
    ]:
        with pytest.raises(error):
            t.groupby("K").agg({name: function})
    with pytest.raises(ValueError, match="sum is of a column"):
        t.groupby("K").agg(x="sum")


def test_missing_keys() -> None:
    t = Table({"K": [1.0, math.nan, 1.0, math.nan], "S": ["a", "b", None, None], "V": [1, 2, 3, 4]})
    assert t.groupby("K").codes.tolist() == [0, -1, 0, -1]
    assert t.groupby("K").agg(v=("V", "sum"))["v"].tolist() == [4]
    kept = t.groupby(["K", "S"], dropna=False).agg(v=("V", "sum"))
    assert rows_of(kept) == [(1.0, "a", 1), (1.0, None, 3), (None, "b", 2), (None, None, 4)]


@pytest.mark.parametrize("device", devices())
@given(st.lists(st.integers(-5, 5), min_size=1, max_size=30), st.sampled_from([0, 1, -(2**62), 2**62]))
def test_groups_that_are_counted_are_those_that_are_sorted(device: str, values: list[int], start: int) -> None:
    words = [torch.tensor(values, device=device) + start]
    counted, by_sort = table_keys.groups([table_keys.Key(words, None)], False), table_keys._sorted(words)
    assert counted.total == by_sort.total
    assert torch.equal(counted.number, by_sort.number)
    assert torch.equal(counted.first, by_sort.first)


@pytest.mark.parametrize("device", devices())
@given(data=st.data(), slots=st.sampled_from([1, 2, 8, 64]))
def test_groups_by_hashes_are_those_of_a_dict(device: str, data: st.DataObject, slots: int) -> None:
    """With tables so small that most rows take several turns."""
    t = data.draw(tables({"a": KINDS, "b": KINDS}, st.integers(1, 40)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(table_keys, "_FEW", -(10**6))  # nothing is counted
        patch.setattr(table_keys, "_SLOTS", slots)
        patch.setattr(table_keys, "_MOST_SLOTS", 2 * slots)
        grouped = t.to(device).groupby(["a", "b"], dropna=False)
        first = grouped.agg(n="size").to("cpu")
    seen: dict[tuple[Any, ...], int] = {}
    for row in with_one_zero(rows_of(t)):
        seen[row] = seen.get(row, 0) + 1
    assert dict(zip(with_one_zero(rows_of(first.select(["a", "b"]))), first["n"].tolist())) == seen


@pytest.mark.parametrize("device", devices())
@given(data=st.data(), slots=st.sampled_from([1, 4, 256]))
def test_rows_that_joins_look_up_are_those_of_a_dict(device: str, data: st.DataObject, slots: int) -> None:
    """With tables so small that rows take several turns, in stretches of three."""
    words = data.draw(st.lists(st.sampled_from([-(2**63), -1, 0, 1, 2**40, 2**63 - 1]), max_size=30))
    missing = data.draw(st.lists(st.booleans(), min_size=len(words), max_size=len(words)))
    start = data.draw(st.integers(0, len(words)))
    key = table_keys.Key(
        [torch.tensor(words, dtype=torch.int64, device=device)] * 2, torch.tensor(missing).bool().to(device)
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(table_keys, "_FEW", -(10**6))
        patch.setattr(table_keys, "_MOST_SLOTS", slots)
        patch.setattr(table_keys, "_TOGETHER", 3)
        found = table_keys.first_equal([key], start).tolist()
    first: dict[int, int] = {}
    for row in range(start, len(words)):
        if not missing[row]:
            first.setdefault(words[row], row)
    assert found == [-1 if missing[row] else first.get(word, -1) for row, word in enumerate(words)]


@pytest.mark.parametrize(
    ("kind", "distinct"), [("both", 3), ("str", 4_000), ("int", 60_000), ("str", 150_000), ("both", 150_000)]
)
def test_many_rows_by_pandas(kind: str, distinct: int) -> None:
    """200000 rows: keys that are counted, looked up, and sorted; strings that differ in the blanks at their ends."""
    random, rows = np.random.default_rng(8), 200_000
    pick, other = random.integers(0, distinct, (2, rows))
    names = np.char.mod("object number %d", pick)
    columns = {"ID": random.integers(-(2**62), 2**62, distinct)[pick], "NAME": names, "V": random.normal(size=rows)}
    padded = np.where(random.integers(0, 2, rows), np.char.ljust(names, 25), names)
    t, frame = Table(columns | {"NAME": padded}), pandas.DataFrame(columns)
    keys = {"str": ["NAME"], "int": ["ID"], "both": ["NAME", "ID"]}[kind]
    ours = t.groupby(keys).agg(n="size", mean=("V", "mean"), least=("V", "min"))
    expected = frame.groupby(keys)["V"].agg(["size", "mean", "min"]).reset_index()
    assert_columns(ours, expected.rename(columns={"size": "n", "min": "least"}))
    assert_columns(t.sort(keys), frame.sort_values(keys, kind="stable"))
    right = {"ID": columns["ID"][other], "NAME": names[other], "W": np.arange(rows)}
    few = min(rows // 20, 2 * distinct)
    some = {name: values[:few] for name, values in right.items()}
    joined = t.join(Table(some), keys, "left").select([*keys, "V", "W"])
    W = joined["W"].double().masked_fill(joined.nulls["W"], torch.nan) if "W" in joined.nulls else joined["W"]
    joined["W"] = W
    assert_columns(joined, frame.merge(pandas.DataFrame(some)[[*keys, "W"]], on=keys, how="left"))


def assert_columns(ours: Table, expected: pandas.DataFrame) -> None:
    assert len(ours) == len(expected)
    for name in ours.columns:
        if ours.column(name).text:
            np.testing.assert_array_equal(ours.strings(name), expected[name].to_numpy("U"))
        else:
            np.testing.assert_allclose(ours[name].numpy(), expected[name].to_numpy(), rtol=1e-12, atol=1e-12)


@FEWER
@given(data=st.data())
def test_rows_and_order_by_pandas_and_arrow(data: st.DataObject) -> None:
    """select, filter, sort by several keys, concat: with nulls and NaN, which come last."""
    t = data.draw(tables({"a": ["int16", "float64", "str", "bool"], "b": ["uint32", "float32", "str"]}))
    t["row"] = torch.arange(len(t))
    arrow, frame = with_nulls_for_nan(t.to_arrow()), t.to_pandas()
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=len(t), max_size=len(t))), bool)
    chosen = t.filter(mask).select(["row", "a"])
    assert rows_of(chosen) == rows_of_arrow(arrow.filter(pa.array(mask, pa.bool_())).select(["row", "a"]))
    assert chosen["row"].tolist() == frame[mask][["row", "a"]]["row"].tolist()
    up = data.draw(st.booleans())
    ours = t.sort(["a", "b"], not up)["row"].tolist()
    place = [(name, "ascending" if up else "descending", "at_end") for name in ("a", "b")]
    zeroed = arrow.set_column(1, "b", arrow["b"])
    assert ours == zeroed.take(pc.sort_indices(zeroed, sort_keys=place))["row"].to_pylist()
    by_pandas = frame.assign(b=frame["b"] + 0 if frame["b"].dtype.kind == "f" else frame["b"])
    assert ours == by_pandas.sort_values(["a", "b"], ascending=up, kind="stable", na_position="last")["row"].tolist()
    twice = Table.concat([t, t.filter(mask)])
    assert rows_of(twice) == rows_of_arrow(pa.concat_tables([arrow, arrow.filter(pa.array(mask, pa.bool_()))]))
    assert twice["row"].tolist() == pandas.concat([frame, frame[mask]])["row"].tolist()


@FEWER
@given(data=st.data())
def test_missing_keys_by_pandas(data: st.DataObject) -> None:
    """dropna=False: a group for what is missing, after the others."""
    t = data.draw(tables({"a": ["int16", "float32", "str"], "b": ["uint8", "float64", "str"], "v": "int16"}))
    frame = t.to_pandas()
    for name in "ab":  # one zero, and None for whatever is missing
        frame[name] = [None if value is None else value + type(value)() for value in values_of(t, name)]
    for dropna in (True, False):
        ours = t.groupby(["a", "b"], dropna=dropna).agg(n="size", total=("v", "sum"))
        expected = frame.groupby(["a", "b"], dropna=dropna, sort=False)["v"].agg(["size", "sum"]).reset_index()
        found = {tuple(row[:2]): (row[2], row[3]) for row in with_one_zero(rows_of(ours))}
        plain = [
            tuple(None if value is pandas.NA or value != value else value for value in row)
            for row in expected.itertuples(index=False)
        ]
        assert found == {row[:2]: (row[2], row[3] or 0) for row in plain}


# --- Joins -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("device", devices())
@pytest.mark.parametrize("how", ["inner", "left", "right", "outer"])
@FEWER
@given(data=st.data())
def test_join(how: str, data: st.DataObject, device: str) -> None:
    """By Arrow, in which nulls match nothing; its order is any."""
    kinds = data.draw(st.tuples(st.sampled_from(KINDS), st.sampled_from(KINDS)))
    keys = {"a": kinds[0], "b": kinds[1]}
    left, right = data.draw(tables({**keys, "x": KINDS})), data.draw(tables({**keys, "y": KINDS}))
    on = data.draw(st.sampled_from([["a"], ["a", "b"]]))
    arrow = [with_nulls_for_nan(one.to_arrow()) for one in (left, right)]
    kind = {"inner": "inner", "left": "left outer", "right": "right outer", "outer": "full outer"}[how]
    expected = arrow[0].join(arrow[1], on, join_type=kind, left_suffix="_1", right_suffix="_2", use_threads=False)
    result = left.to(device).join(right.to(device), on, how).to("cpu")
    assert sorted(result.columns) == sorted(expected.column_names)
    ours, theirs = rows_of(result), rows_of_arrow(expected.select(result.columns))
    assert sorted(map(repr, with_one_zero(ours))) == sorted(map(repr, with_one_zero(theirs)))


def with_one_zero(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return [tuple(value + 0.0 if isinstance(value, float) else value for value in row) for row in rows]


@pytest.mark.parametrize("how", ["inner", "left", "right"])
@FEWER
@given(st.lists(st.integers(0, 5), max_size=12), st.lists(st.integers(0, 5), max_size=12))
def test_order_of_joins_is_that_of_pandas(how: Any, first: list[int], second: list[int]) -> None:
    left = pandas.DataFrame({"K": np.array(first, "i4"), "x": np.arange(len(first))})
    right = pandas.DataFrame({"K": np.array(second, "u2"), "y": np.arange(len(second))})
    expected = left.merge(right, on="K", how=how)
    result = Table.from_pandas(left).join(Table.from_pandas(right), "K", how)
    missing = expected.astype("float64").fillna(-1)
    ours = result.to_pandas().astype("float64").fillna(-1)[list(missing)]
    if how == "inner":  # pandas promises the order of the left keys
        missing, ours = (one.sort_values(["x", "y"]) for one in (missing, ours))
    np.testing.assert_array_equal(ours, missing)


def test_joins_of_different_types() -> None:
    cases = [
        ([1, 2, 2**53 + 1], [2.0, 2.0**53, 2.5], [(2,)]),
        (np.array([0, 2**63, 2**64 - 1], "u8"), np.array([-1, 0, -(2**63)], "i8"), [(0,)]),
        (np.array([2**63, 2**64 - 1], "u8"), [2.0**63, 2.0**64], [(2**63,)]),
        (np.array([1, 255], "u1"), np.array([-1, 1], "i1"), [(1,)]),
        (np.array([0.5, 1.0], "f4"), np.array([0.5, 0.1], "f8"), [(0.5,)]),
        (["M31", "M33"], np.array(["M33       ", "M3"]), [("M33",)]),
        ([True, False], [1, 2], [(True,)]),
    ]
    for left, right, expected in cases:
        assert rows_of(Table({"K": left}).join(Table({"K": right}), "K")) == expected
    with pytest.raises(TypeError, match="strings and numbers"):
        Table({"K": [1]}).join(Table({"K": ["1"]}), "K")
    outer = Table({"K": np.array([1], "i2")}).join(Table({"K": np.array([2**31], "u4")}), "K", "outer")
    assert outer["K"].dtype == torch.int64
    assert outer["K"].tolist() == [1, 2**31]
    with pytest.raises(TypeError, match="no type holds all values of int64 and uint64"):
        Table({"K": [1]}).join(Table({"K": np.array([2], "u8")}), "K", "outer")


def test_names_of_joins() -> None:
    left = Table({"ID": [1, 2], "Z": [0.1, 0.2], "ra": [1, 2]}, units={"Z": "m"}, descriptions={"ID": "ours"})
    right = Table({"SOURCE": [2, 2], "z": [0.3, 0.4], "T": ["x", "y"]})
    result = left.join(right, {"id": "source"}, "left", suffixes=("", "_spec"))
    assert result.columns == ["ID", "Z", "ra", "z_spec", "T"]
    assert rows_of(result) == [(1, 0.1, 1, None, None), (2, 0.2, 2, 0.3, "x"), (2, 0.2, 2, 0.4, "y")]
    assert result.units["Z"] == "m"
    assert result.descriptions["ID"] == "ours"
    assert list(result.nulls) == ["T"]
    with pytest.raises(ValueError, match="how is one of inner"):
        left.join(left, "ID", "cross")
    with pytest.raises(ValueError, match="two columns would be called"):
        left.join(Table({"ID": [1], "Z": [1.0]}), "ID", suffixes=("", ""))
    with pytest.raises(KeyError, match="there is no column ID"):
        left.join(right, "ID")


def test_joins_with_arrays_and_rows_of_varying_length() -> None:
    t = example()
    result = Table({"ID": [9, 3, 0]}).join(t, "ID", "left")
    assert [row.tolist() for row in result["SPEC"].unbind()] == [[], [4, 5, 6], [1, 2]]
    assert result.nulls["SPEC"].tolist() == [True, False, False]
    assert result["XY"][0].isnan().all()
    assert result.nulls["COUNT"].tolist() == [True, False, False]
    assert result.nulls["TAGS"].tolist() == [[True, True], [False, False], [False, False]]
    nothing = Table({"ID": [9]}).join(t[:0], "ID", "left")
    assert nothing[0]["SPEC"] is None
    assert nothing[0]["COUNT"] is None
    assert nothing["XY"].shape == (1, 2)


# --- One under the other ---------------------------------------------------------------------------------------------


@given(st.lists(tables({"a": "str", "b": "uint64", "c": "float32"}), min_size=1, max_size=4))
def test_concat(parts: list[Table]) -> None:
    result = Table.concat(parts)
    assert rows_of(result) == [row for part in parts for row in rows_of(part)]


def test_concat_of_what_differs() -> None:
    t = example()
    both = Table.concat([t, t[2:4]])
    assert rows_of(both.select(["ID", "NAME"])) == [row for one in (t, t[2:4]) for row in rows_of(one[["ID", "NAME"]])]
    assert [len(row) for row in both["SPEC"].unbind()] == [2, 0, 1, 3, 0, 1, 3]
    wide = Table.concat([Table({"A": np.array([1], "i2")}), Table({"a": np.array([65535], "u2")})])
    assert (wide["A"].dtype, wide["A"].tolist()) == (torch.int32, [1, 65535])
    mixed = [Table({"A": [1.0]}, units={"A": "m"}), Table({"A": [1.0]}, units={"A": "km"})]
    with pytest.raises(ValueError, match="has the units m and km"):
        Table.concat(mixed)
    with pytest.raises(ValueError, match="table 1 has no column A"):
        Table.concat([mixed[0], Table({"B": [1]})])
    filled = Table.concat([Table({"A": [1.5]}), Table({"B": [7], "S": ["x"]})], fill=True)
    assert rows_of(filled) == [(1.5, None, None), (None, 7, "x")]
    with pytest.raises(ValueError, match="cannot be put end to end"):
        Table.concat([Table({"A": torch.zeros(2)}), Table({"A": torch.zeros(2, 3)})])


# --- Other libraries -------------------------------------------------------------------------------------------------


def assert_equal(ours: Table, expected: Table) -> None:
    assert ours.columns == expected.columns
    for name in expected.columns:
        a, b = ours.column(name), expected.column(name)
        assert (a.dtype, a.text, a.is_jagged, a.cell_shape, len(a)) == (
            b.dtype,
            b.text,
            b.is_jagged,
            b.cell_shape,
            len(b),
        )
        assert (a.unit, a.description) == (b.unit, b.description)
        assert torch.equal(a.missing(), b.missing()), name
        if a.text:
            np.testing.assert_array_equal(table_text.strings(a), table_text.strings(b))
            continue
        np.testing.assert_array_equal(a.values.numpy(), b.values.numpy())
        if a.offsets is not None and b.offsets is not None:
            assert torch.equal(a.offsets, b.offsets)


@given(tables({kind: kind for kind in KINDS}))
def test_arrow_there_and_back(t: Table) -> None:
    arrow = t.to_arrow()
    arrow.validate(full=True)
    for name in t.columns:
        expected = [None if value is None else value for value in (row[name] for row in t)]
        ours = arrow[name].to_pylist()
        assert repr(ours) == repr(expected)
    assert_equal(Table.from_arrow(arrow), t)


def test_arrow_of_every_kind() -> None:
    t = example()
    t["C"] = torch.arange(5).to(torch.complex64) * 1j
    t["CC"] = torch.ones(5, 2, 3, dtype=torch.complex128)
    t["CUBE"] = torch.arange(60, dtype=torch.int16).view(5, 3, 4)
    t["BITS"] = torch.arange(35).view(5, 7) % 2 == 0
    t["HALF"] = torch.arange(5, dtype=torch.float16)
    t["NOTHING"] = torch.zeros(5, 0, dtype=torch.int32)
    t.nulls["CUBE"] = torch.arange(60).view(5, 3, 4) % 7 == 0
    t.column("CUBE").values[t.nulls["CUBE"]] = 0
    arrow = t.to_arrow()
    arrow.validate(full=True)
    assert arrow["CUBE"].to_pylist()[0][0] == [None, 1, 2, 3]
    assert arrow.schema.field("MAG").metadata == {b"unit": b"mag"}
    for back in (Table.from_arrow(arrow), Table.from_arrow(arrow.to_batches(max_chunksize=2) and rechunked(arrow))):
        assert_equal(back, t)
        assert back["TAGS"].shape == t["TAGS"].shape
    assert_equal(Table.from_arrow(arrow[1:4]), t[1:4])
    assert_equal(Table.from_arrow(arrow[:0]), t[:0])


def rechunked(arrow: pa.Table) -> pa.Table:
    return pa.Table.from_batches(arrow.to_batches(max_chunksize=2))


def test_arrow_shares_memory() -> None:
    t = Table(
        {"X": torch.arange(1000.0), "I": torch.arange(1000), "A": torch.zeros(1000, 3), "J": [[1.0], [2.0]] * 500}
    )
    arrow = t.to_arrow()
    for name, place in {"X": 1, "I": 1, "A": -1, "J": -1}.items():
        assert arrow[name].chunk(0).buffers()[place].address == t.column(name).values.data_ptr()
        back = Table.from_arrow(arrow)
        assert back.column(name).values.data_ptr() == t.column(name).values.data_ptr()
    del arrow, t
    assert back["X"].sum() == 499500  # the memory lives on


def test_arrow_of_others() -> None:
    arrow = pa.table(
        {
            "dictionary": pa.array(["a", "b", None, "a"]).dictionary_encode(),
            "large": pa.array(["x", "yy", "", None], pa.large_string()),
            "view": pa.array(["x", "yy", "", None], pa.string_view()),
            "null": pa.nulls(4),
            "lists": pa.array([[1, 2], None, [], [3]], pa.list_(pa.int32())),
            "nan": pa.array([1.0, None, float("nan"), 2.0]),
        }
    )
    t = Table.from_arrow(arrow)
    assert values_of(t, "dictionary") == ["a", "b", None, "a"]
    assert values_of(t, "large") == values_of(t, "view") == ["x", "yy", "", None]
    assert values_of(t, "null") == [None] * 4
    assert t.ragged("lists")[0].tolist() == [1, 2, 3]
    assert t.nulls["lists"].tolist() == [False, True, False, False]
    assert values_of(t, "nan") == [1.0, None, None, 2.0]
    for wrong in (
        pa.array([1], pa.timestamp("s")),
        pa.array([[["a"]]]),
        pa.array([[1, None]]),
        pa.array([{"x": 1}]),
        pa.array([["a", "b"]]),
    ):
        with pytest.raises(TypeError, match="column w"):
            Table.from_arrow(pa.table({"w": wrong}))


def test_pandas() -> None:
    t = example().select(["ID", "NAME", "MAG", "COUNT"])
    t["FLAG"] = [1, None, 2**62 + 1, 4, 5]
    t["OK"] = [True, None, False, True, True]
    t["C"] = torch.arange(5).to(torch.complex128)
    frame = t.to_pandas()
    assert frame.dtypes.astype(str).to_dict() == {
        "ID": "int64",
        "Name": "str",
        "MAG": "float32",
        "COUNT": "uint16",
        "FLAG": "Int64",
        "OK": "boolean",
        "C": "complex128",
    }
    assert frame["FLAG"][2] == 2**62 + 1
    assert frame.attrs == {"units": {"MAG": "mag"}, "descriptions": {"ID": "number of the star"}}
    assert_equal(Table.from_pandas(frame), t)


def test_polars() -> None:
    t = example().select(["ID", "NAME", "MAG", "COUNT", "SPEC", "XY"])
    frame = t.to_polars()
    assert isinstance(frame, polars.DataFrame)
    assert frame["Name"].to_list() == ["Vega", "Deneb", None, "Altair", ""]
    assert frame["COUNT"].dtype == polars.UInt16
    back = Table.from_polars(frame)
    back.units["MAG"], back.units["XY"], back.descriptions["ID"] = "mag", "pixel", "number of the star"
    assert_equal(back, t)


def test_astropy() -> None:
    t = example()
    t["C"] = torch.arange(5).to(torch.complex64)
    found = t.to_astropy()
    assert isinstance(found, AstropyTable)
    assert found["MAG"].unit == u.mag
    assert found["ID"].description == "number of the star"
    assert found["Name"].mask.tolist() == [False, False, True, False, False]
    assert found["SPEC"][3].tolist() == [4, 5, 6]
    alike = Table({"A": (torch.arange(4.0), torch.tensor([0, 2, 4]))}).to_astropy()["A"]
    assert [row.tolist() for row in alike] == [[0, 1], [2, 3]]
    assert np.shares_memory(found["MAG"].data, t["MAG"].numpy())
    back = Table.from_astropy(found)
    back.units["XY"] = "pixel"
    assert_equal(back, t)
    quantities = QTable({"V": [1.0, 2.0] * u.km / u.s, "B": np.array([1, 2], ">i4"), "S": np.array([b"a", b"b"])})
    read = Table.from_astropy(quantities)
    assert read.units["V"] == "km s-1"
    assert read["B"].tolist() == [1, 2]
    assert read.strings("S").tolist() == ["a", "b"]
    times = AstropyTable({"T": [1.0]})
    from astropy.time import Time

    times["T"] = Time([50000.0], format="mjd")
    with pytest.raises(TypeError, match="column T is Time"):
        Table.from_astropy(times)


def test_other_libraries_are_asked_for_when_needed() -> None:
    """And not before: torchfits and a Table come without them."""
    program = """
import sys
for name in ("pyarrow", "pandas", "polars", "astropy"):
    sys.modules[name] = None
import torchfits
t = torchfits.Table({"A": [1]})
for method in ("to_arrow", "to_pandas", "to_polars", "to_astropy"):
    try:
        getattr(t, method)()
    except ImportError as error:
        print(error)
"""
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert out.splitlines() == [
        "to_arrow: pyarrow is needed; pip install 'torchfits[table]', or pyarrow",
        "to_pandas: pandas is needed; pip install 'torchfits[table]', or pandas",
        "to_polars: polars is needed; pip install 'torchfits[table]', or polars",
        "to_astropy: astropy is needed; pip install astropy",
    ]
