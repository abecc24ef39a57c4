"""What is done with a table in memory: 1M rows filtered, sorted, grouped and joined, as pandas, Arrow and astropy do.

Values are whole numbers held as float64, so that sums are the same in any order. Rows come in the order of their keys
(groups), of the left table's rows (joins), or in that asked for; a rival that gives another has its result put in order
outside of the time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bench.bench_images import memcpy
from bench.harness import Case, Competitor, limit
from bench.table_readers import Columns, native

ROWS, RIGHT_ROWS, KEYS = 1_000_000, 200_000, 5000


class Converted(Competitor):
    """A competitor whose result is compared as columns of tensors, made of it outside of its time."""

    def __init__(self, name: str, call: Callable[[], Any], convert: Callable[[Any], Columns], kind: str = "rival"):
        super().__init__(name, call, kind)
        self.convert = convert

    def result(self) -> Columns:
        return self.convert(self.call())


class Arrow(Converted):
    """pyarrow, which has threads of its own."""

    def set_threads(self, threads: int) -> None:
        import pyarrow

        pyarrow.set_cpu_count(threads)


class Tables:
    """The same table as each library has it."""

    def __init__(self, columns: dict[str, np.ndarray]):
        import pandas
        import pyarrow
        from astropy.table import Table as AstropyTable

        import torchfits

        texts = {name: values.astype("U") for name, values in columns.items() if values.dtype.kind == "S"}
        self.ours = torchfits.Table(columns)
        self.pandas = pandas.DataFrame({name: texts.get(name, values) for name, values in columns.items()})
        self.arrow = pyarrow.table({name: pyarrow.array(texts.get(name, values)) for name, values in columns.items()})
        self.astropy = AstropyTable(columns)


def cases(folder: Path, rows: int = ROWS, right_rows: int = RIGHT_ROWS, keys: int = KEYS) -> Iterator[Case]:
    left, right = (Tables(columns) for columns in _columns(rows, right_rows, keys))
    yield _filter(f"filter of {rows} rows, half", left)
    for names in (["V"], ["FIELD", "V"], ["NAME"]):
        yield _sort(f"sort of {rows} rows by {_words(names)}", left, names)
    for names in (["FIELD"], ["OBJECT"], ["NAME"], ["FIELD", "BAND"]):
        yield _group(f"groups of {rows} rows by {_words(names)}, mean, min and max", left, names)
    for names in (["ID"], ["STAR"], ["FIELD", "NUMBER"]):
        for how in ("inner", "left", "outer") if names == ["ID"] else ("inner",):
            yield _join(f"{how} join of {rows} and {right_rows} rows by {_words(names)}", left, right, names, how)


WORDS = {
    "V": "a float",
    "FIELD": "a small integer",
    "OBJECT": "an integer",
    "NAME": "a string",
    "BAND": "a string",
    "ID": "an integer",
    "STAR": "a string",
    "NUMBER": "another integer",
}


def _words(names: list[str]) -> str:
    return " and ".join(WORDS[name] for name in names)


def _columns(rows: int, right_rows: int, keys: int) -> Iterator[dict[str, np.ndarray]]:
    """The left table and the right one; half of the right one's IDs are among the left one's."""
    random = np.random.default_rng(9)
    large = random.integers(-(2**62), 2**62, 2 * rows)
    for count, value in ((rows, "V"), (right_rows, "W")):
        star = random.permutation(2 * rows)[:count]
        pick = random.integers(0, keys, count)
        yield {
            "ID": large[star],
            "STAR": np.char.mod("SDSS J%07d", star).astype("S12"),
            "FIELD": (star % 1000).astype("i4"),
            "NUMBER": (star // 1000).astype("i4"),
            "OBJECT": large[pick],
            "NAME": np.char.mod("NGC %d", pick).astype("S8"),
            "BAND": np.array([b"g", b"r", b"i"])[pick % 3],
            value: random.integers(-(2**30), 2**30, count).astype("f8"),
        }


# --- Results as columns -------------------------------------------------------------------------------------------


def _column(values: Any) -> torch.Tensor:
    """Strings as 16 bytes, whatever their widths were."""
    array = np.array(values)
    return native(array.astype("U").astype("S16") if array.dtype.kind in "OSUT" else array)


def _of_ours(table: Any) -> Columns:
    return {
        name: _column(table.strings(name) if table.column(name).text else table[name].numpy()) for name in table.columns
    }


def _of_pandas(frame: Any) -> Columns:
    return {name: _column(frame[name]) for name in frame.columns}


def _of_arrow(table: Any) -> Columns:
    return _of_pandas(table.to_pandas())


def _of_astropy(table: Any) -> Columns:
    return {name: _column(table[name]) for name in table.colnames}


# --- Cases --------------------------------------------------------------------------------------------------------


def _case(name: str, expected: Columns, competitors: list[Competitor]) -> Case:
    size = sum(column.nbytes for column in expected.values())
    return Case(name, size, expected, [*competitors, limit("memcpy", memcpy(size))])


def _filter(name: str, t: Tables) -> Case:
    import pyarrow.compute as pc

    expected = _of_pandas(t.pandas[t.pandas["V"] > 0])
    rivals: list[Competitor] = [
        Converted("torchfits", lambda: t.ours.filter(t.ours["V"] > 0), _of_ours, "ours"),
        Converted("pandas", lambda: t.pandas[t.pandas["V"] > 0], _of_pandas),
        Arrow("pyarrow", lambda: t.arrow.filter(pc.greater(t.arrow["V"], 0)), _of_arrow),
        Converted("astropy", lambda: t.astropy[t.astropy["V"] > 0], _of_astropy),
    ]
    return _case(name, expected, rivals)


def _sort(name: str, t: Tables, names: list[str]) -> Case:
    order = [(one, "ascending") for one in names]
    expected = _of_pandas(t.pandas.sort_values(names, kind="stable"))
    rivals: list[Competitor] = [
        Converted("torchfits", lambda: t.ours.sort(names), _of_ours, "ours"),
        Converted("pandas", lambda: t.pandas.sort_values(names, kind="stable"), _of_pandas),
        Arrow("pyarrow", lambda: t.arrow.sort_by(order), _of_arrow),
        Converted("astropy", lambda: t.astropy[t.astropy.argsort(names, kind="stable")], _of_astropy),
    ]
    return _case(name, expected, rivals)


def _group(name: str, t: Tables, names: list[str]) -> Case:
    functions = ["mean", "min", "max"]

    def by_pandas() -> Any:
        return t.pandas.groupby(names)["V"].agg(functions)

    def plain(frame: Any) -> Columns:
        frame = frame.reset_index()
        return _of_pandas(frame.rename(columns={function: f"V_{function}" for function in functions}))

    def of_arrow(table: Any) -> Columns:
        return _of_pandas(table.to_pandas().sort_values(names, kind="stable"))

    rivals: list[Competitor] = [
        Converted("torchfits", lambda: t.ours.groupby(names).agg({"V": functions}), _of_ours, "ours"),
        Converted("pandas", by_pandas, plain),
        Arrow("pyarrow", lambda: t.arrow.group_by(names).aggregate([("V", one) for one in functions]), of_arrow),
    ]
    return _case(name, plain(by_pandas()), rivals)


def _join(name: str, left: Tables, right: Tables, names: list[str], how: str) -> Case:
    ours_left, ours_right = left.ours.select([*names, "V"]), right.ours.select([*names, "W"])
    pandas_left, pandas_right = left.pandas[[*names, "V"]], right.pandas[[*names, "W"]]
    arrow_left, arrow_right = left.arrow.select([*names, "V"]), right.arrow.select([*names, "W"])
    kind = {"inner": "inner", "left": "left outer", "outer": "full outer"}[how]

    def by_pandas() -> Any:
        return pandas_left.merge(pandas_right, on=names, how=how)

    def in_order(frame: Any) -> Columns:  # of all columns, for each library has rows in one of its own
        return _of_pandas(frame.sort_values([*names, "V", "W"], kind="stable"))

    def of_table(table: Any) -> Columns:  # ours and Arrow's
        return in_order(table.to_pandas())

    rivals: list[Competitor] = [
        Converted("torchfits", lambda: ours_left.join(ours_right, names, how), of_table, "ours"),
        Converted("pandas", by_pandas, in_order),
        Arrow("pyarrow", lambda: arrow_left.join(arrow_right, names, join_type=kind), of_table),
    ]
    return _case(name, in_order(by_pandas()), rivals)
