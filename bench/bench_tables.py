"""Tables: 1M rows of ten mixed columns whole, by column and by rows; 100M narrow rows, few wide ones; strings,
variable-length arrays, ASCII.

Results are tensors of native byte order, strings as bytes. What the targets do not name must be no slower than the best
rival.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch

from bench import readers, rivals, samples, table_readers
from bench.bench_images import memcpy
from bench.harness import Case, Competitor, limit, ours
from bench.table_readers import Columns

ROWS, SOME, RAGGED_ROWS = 1_000_000, 10_000, 100_000
NARROW_ROWS, WIDE_COLUMNS = 100_000_000, 500

MIXED = [
    ("ID", "K", ">i8"),
    ("RA", "D", ">f8"),
    ("DEC", "D", ">f8"),
    ("MAG", "E", ">f4"),
    ("ERR", "E", ">f4"),
    ("COUNT", "J", ">i4"),
    ("FLAG", "I", ">i2"),
    ("NAME", "20A", "S20"),
    ("CLASS", "B", "u1"),
    ("POS", "3E", (">f4", 3)),
]


def cases(
    folder: Path, rows: int = ROWS, some: int = SOME, ragged: int = RAGGED_ROWS, narrow: int = NARROW_ROWS
) -> Iterator[Case]:
    file, columns = _mixed(rows)
    mixed = partial(_write, folder / "mixed.fits", file)
    chosen = torch.from_numpy(np.random.default_rng(3).integers(0, rows, some))
    window = (rows // 3, rows // 3 + some)
    part = {name: values[slice(*window)] for name, values in columns.items()}
    picked = {name: values[chosen] for name, values in columns.items()}
    yield _case(f"table of {rows} x 10, all columns", mixed(), columns, must=3.0, aim=4.0)
    yield _case(f"table of {rows} x 10, one column", mixed(), {"MAG": columns["MAG"]}, must=2.0, aim=2.7)
    yield _case(f"table of {rows} x 10, a range of {some} rows", mixed(), part, rows=window)
    yield _chosen(f"table of {rows} x 10, {some} random rows", mixed(), picked, chosen)
    file, columns = _strings(rows)
    yield _case(f"table of {rows} x 3 strings", _write(folder / "strings.fits", file), columns)
    file, values, offsets = _ragged(ragged)
    yield _arrays(f"table of {ragged} variable-length arrays", _write(folder / "ragged.fits", file), values, offsets)
    file, columns = _ascii(ragged)
    yield _case(f"ASCII table of {ragged} x 5", _write(folder / "ascii.fits", file), columns, must=4.0, aim=10.0)
    del file
    yield from _narrow_and_wide(folder, narrow, ragged, some)


def _narrow_and_wide(folder: Path, rows: int, wide_rows: int, some: int) -> Iterator[Case]:
    table = narrow_table(rows)
    write = partial(write_narrow, folder / "narrow.fits", table)
    one = {"MAG": _tensor(table["MAG"])}
    # Whoever wants a third of such rows brings all of them through the caches.
    yield _case(f"table of {rows} x 3, one column", write(), one)
    start, count = rows // 3, min(100 * some, rows // 2)
    part = {name: _tensor(table[name][start : start + count]) for name, _, _ in NARROW}
    yield _case(f"table of {rows} x 3, a range of {count} rows", write(), part, rows=(start, start + count))
    chosen = torch.from_numpy(np.random.default_rng(3).integers(0, rows, some))
    picked = {name: _tensor(table[name][chosen.numpy()]) for name, _, _ in NARROW}
    yield _chosen(f"table of {rows} x 3, {some} random rows", write(), picked, chosen)
    names = [f"C{number}" for number in range(WIDE_COLUMNS)]
    values = np.random.default_rng(7).normal(size=(wide_rows, WIDE_COLUMNS)).astype(">f4")
    wide = values.view(np.dtype([(name, ">f4") for name in names]))[:, 0]
    path = _write(folder / "wide.fits", _table_hdu([(name, "E") for name in names], wide))
    one = {"C321": _tensor(wide["C321"])}
    yield _case(f"table of {wide_rows} x {WIDE_COLUMNS}, one column", path, one, must=2.0, aim=2.7)


# --- Files --------------------------------------------------------------------------------------------------------


def _table_hdu(formats: Sequence[tuple[str, str]], rows: np.ndarray, heap: bytes = b"") -> bytes:
    start = [samples.card("XTENSION", "BINTABLE"), samples.card("BITPIX", 8), samples.card("NAXIS", 2)]
    sizes = {"NAXIS1": rows.dtype.itemsize, "NAXIS2": len(rows), "PCOUNT": len(heap), "GCOUNT": 1}
    cards = [*start, *(samples.card(key, value) for key, value in sizes.items()), samples.card("TFIELDS", len(formats))]
    for number, (name, tform) in enumerate(formats, 1):
        cards += [samples.card(f"TTYPE{number}", name), samples.card(f"TFORM{number}", tform)]
    data = rows.tobytes() + heap
    return samples.header(cards) + data + bytes(-len(data) % samples.BLOCK)


NARROW = [("ID", "J", ">i4"), ("MAG", "E", ">f4"), ("FLUX", "E", ">f4")]


def narrow_table(rows: int) -> np.ndarray:
    """Rows of 12 bytes."""
    table = np.empty(rows, np.dtype([(name, kind) for name, _, kind in NARROW]))
    table["ID"] = np.arange(rows)
    table["MAG"] = np.random.default_rng(6).random(rows, dtype="f4")
    table["FLUX"] = table["MAG"] * 2 + 1
    return table


def write_narrow(path: Path, table: np.ndarray) -> Path:
    """The file of a `narrow_table`, without another copy of it in memory."""
    empty = _table_hdu([(name, tform) for name, tform, _ in NARROW], table[:0])
    sized = empty.replace(samples.card("NAXIS2", 0).encode(), samples.card("NAXIS2", len(table)).encode())
    with path.open("wb") as file:
        file.write(samples.header(samples.geometry(8, [])) + sized)
        table.tofile(file)
        file.write(bytes(-table.nbytes % samples.BLOCK))
    return path


def _write(path: Path, hdu: bytes) -> Path:
    path.write_bytes(samples.header(samples.geometry(8, [])) + hdu)
    return path


def _tensor(values: np.ndarray) -> torch.Tensor:
    if values.dtype.kind == "S":
        values = np.ascontiguousarray(values).view(np.uint8).reshape(len(values), -1)
    return samples.tensor(values.astype(values.dtype.newbyteorder("=")))


def _mixed(rows: int) -> tuple[bytes, dict[str, torch.Tensor]]:
    random = np.random.default_rng(1)
    table = np.zeros(rows, np.dtype([(name, kind) for name, _, kind in MIXED]))
    for name, _, kind in MIXED:
        shape = table[name].shape
        if kind == "S20":
            table[name] = np.char.mod("NGC %d", random.integers(0, 10**9, rows))
        elif table[name].dtype.kind == "f":
            table[name] = random.normal(size=shape)
        else:
            table[name] = random.integers(0, 127, shape)
    file = _table_hdu([(name, tform) for name, tform, _ in MIXED], table)
    return file, {name: _tensor(table[name]) for name, _, _ in MIXED}


def write_mixed(path: Path, rows: int) -> int:
    """The file of `rows` x 10; the bytes of its columns."""
    file, columns = _mixed(rows)
    _write(path, file)
    return sum(column.nbytes for column in columns.values())


def _strings(rows: int) -> tuple[bytes, dict[str, torch.Tensor]]:
    random = np.random.default_rng(2)
    table = np.zeros(rows, np.dtype([("A", "S4"), ("B", "S11"), ("C", "S32")]))
    for name in table.dtype.names or ():
        table[name] = np.char.mod("%d", random.integers(1000, 9999, rows))
    file = _table_hdu([("A", "4A"), ("B", "11A"), ("C", "32A")], table)
    return file, {name: _tensor(table[name]) for name in ("A", "B", "C")}


def _ragged(rows: int) -> tuple[bytes, torch.Tensor, torch.Tensor]:
    random = np.random.default_rng(4)
    counts = random.integers(0, 41, rows)
    offsets = np.concatenate([[0], np.cumsum(counts)])
    values = random.normal(size=offsets[-1]).astype(">f4")
    table = np.zeros(rows, np.dtype([("N", ">i4"), ("FLUX", ">i4", 2)]))
    table["FLUX"][:, 0], table["FLUX"][:, 1] = counts, 4 * offsets[:-1]
    file = _table_hdu([("N", "J"), ("FLUX", "PE(40)")], table, values.tobytes())
    return file, _tensor(values), samples.tensor(offsets.astype(np.int64))


def _ascii(rows: int) -> tuple[bytes, dict[str, torch.Tensor]]:
    random = np.random.default_rng(5)
    texts = {
        "ID": np.char.mod("%8d", random.integers(0, 10**7, rows)),
        "RA": np.char.mod("%12.7f", random.uniform(0, 360, rows)),
        "MAG": np.char.mod("%8.4f", random.normal(20, 2, rows)),
        "FLUX": np.char.mod("%15.7E", 10 ** random.uniform(-9, 9, rows)),
        "NAME": np.char.mod("NGC %06d", random.integers(0, 10**6, rows)),
    }
    tforms = ["I8", "F12.7", "F8.4", "E15.7", "A10"]
    row = np.char.add(np.char.add(np.char.add(texts["ID"], " "), np.char.add(texts["RA"], " ")), texts["MAG"])
    row = np.char.add(np.char.add(row, " "), np.char.add(np.char.add(texts["FLUX"], " "), texts["NAME"]))
    data = "".join(row.tolist()).encode()
    width = len(row[0])
    sizes = {"BITPIX": 8, "NAXIS": 2, "NAXIS1": width, "NAXIS2": rows, "PCOUNT": 0, "GCOUNT": 1, "TFIELDS": 5}
    cards = [samples.card("XTENSION", "TABLE"), *(samples.card(key, value) for key, value in sizes.items())]
    start = 1
    for number, (name, tform) in enumerate(zip(texts, tforms, strict=True), 1):
        cards += [samples.card(f"TTYPE{number}", name), samples.card(f"TFORM{number}", tform)]
        cards.append(samples.card(f"TBCOL{number}", start))
        start += len(texts[name][0]) + 1
    file = samples.header(cards) + data + b" " * (-len(data) % samples.BLOCK)
    expected = {name: samples.tensor(texts[name].astype(np.float64)) for name in ("RA", "MAG", "FLUX")}
    expected["ID"] = samples.tensor(texts["ID"].astype(np.int32))
    expected["NAME"] = _tensor(texts["NAME"].astype("S10"))
    return file, {name: expected[name] for name in texts}


# --- Cases --------------------------------------------------------------------------------------------------------


def _case(
    name: str,
    path: Path,
    columns: Columns,
    must: float = 1.0,
    aim: float | None = None,
    rows: tuple[int, int] | None = None,
) -> Case:
    file, names = str(path), list(columns)
    start, stop = rows or (0, None)
    some = None if rows is None else slice(*rows)
    size = sum(column.nbytes for column in columns.values())

    def with_ours() -> Columns:
        return dict(zip(names, torch.ops.fits.read_columns(file, 1, names, start, stop), strict=True))

    return Case(
        name=name,
        bytes=size,
        expected=columns,
        competitors=[
            ours(with_ours),
            Competitor("astropy", lambda: table_readers.astropy(file, names, some)),
            Competitor("fitsio", lambda: table_readers.fitsio(file, names, some)),
            rivals.other("table", path=file, columns=names, rows=rows),
            limit("memcpy", memcpy(size)),
        ],
        must=must,
        aim=aim,
        files=[path],
    )


def _chosen(name: str, path: Path, columns: Columns, chosen: torch.Tensor) -> Case:
    file, names, numbers = str(path), list(columns), chosen.numpy()
    size = sum(column.nbytes for column in columns.values())

    def with_ours() -> Columns:
        return dict(zip(names, torch.ops.fits.read_rows(file, 1, chosen, names), strict=True))

    def with_fitsio() -> Columns:
        # It reads each row once, in rising order.
        once, where = np.unique(numbers, return_inverse=True)
        places = torch.from_numpy(where)
        return {name: values[places] for name, values in table_readers.fitsio(file, names, once).items()}

    return Case(
        name=name,
        bytes=size,
        expected=columns,
        competitors=[
            ours(with_ours),
            Competitor("astropy", lambda: table_readers.astropy(file, names, numbers)),
            Competitor("fitsio", with_fitsio),
            rivals.other("table_rows", path=file, columns=names, rows=numbers.tolist()),
            limit("memcpy", memcpy(size)),
        ],
        must=2.0,
        aim=4.0,
        files=[path],
    )


def _arrays(name: str, path: Path, values: torch.Tensor, offsets: torch.Tensor) -> Case:
    file = str(path)

    def joined(arrays: Sequence[np.ndarray]) -> tuple[torch.Tensor, torch.Tensor]:
        ends = np.cumsum([0, *map(len, arrays)])
        return readers.native(np.concatenate([np.asarray(array) for array in arrays])), torch.from_numpy(ends)

    def with_astropy() -> tuple[torch.Tensor, torch.Tensor]:
        from astropy.io import fits

        with fits.open(file) as unit:
            return joined(unit[1].data["FLUX"])

    def with_fitsio() -> tuple[torch.Tensor, torch.Tensor]:
        import fitsio

        with fitsio.FITS(file, vstorage="object") as unit:
            return joined([np.atleast_1d(array) for array in unit[1].read(columns=["FLUX"])["FLUX"]])

    return Case(
        name=name,
        bytes=values.nbytes + offsets.nbytes,
        expected=(values, offsets),
        competitors=[
            ours(lambda: torch.ops.fits.read_ragged(file, 1, "FLUX")),
            Competitor("astropy", with_astropy),
            Competitor("fitsio", with_fitsio),
            rivals.other("arrays", path=file, column="FLUX"),
            limit("memcpy", memcpy(values.nbytes + offsets.nbytes)),
        ],
        must=4.0,
        aim=10.0,
        files=[path],
    )
