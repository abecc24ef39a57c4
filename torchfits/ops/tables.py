"""read_columns, read_rows, read_null_mask, read_ragged, decode_columns: columns of tables."""

from __future__ import annotations

import re
from typing import Any

import torch

from torchfits.ops.tracing import outside_capture, record_with, unknown_size

Int = int | torch.SymInt

DOCS = {
    "read_columns": """Columns of a table as tensors, one for each name: rows ``[start, stop)``, as in a Python slice.

Names match without case where none is the same; ``"#3"`` is the third column, whatever its name. No names: all columns
of fixed width. A cell's shape follows the row axis: none for one number, else ``[repeat]``, or reversed TDIMn (of one that
asks for fewer elements than there are the first are taken, as astropy does; one that asks for more is an error).

Binary tables (FITS Standard 4.0, section 7.3), compressed ones (10.3) too: ``L`` bool ('T' is true; undefined is false,
see ``read_null_mask``), ``X`` bool ``[n, bits]``, ``B`` uint8, ``I``, ``J``, ``K`` int16, int32, int64, ``E``, ``D``
float32, float64, ``C``, ``M`` complex64, complex128, ``A`` uint8 ``[n, width]``, strings of arrays ``[n,
*reversed(TDIM[1:]), TDIM[0]]``. ASCII tables (7.2): ``A`` uint8 ``[n, width]``; ``Iw`` int16 up to four characters,
int32 up to nine, else int64; ``F``, ``E``, ``D`` float64, exactly rounded. A blank number is 0; one that holds the text
of TNULLn is NaN, of integers 0. A real number without a decimal point has one before its last d digits.

TSCALn and TZEROn are applied: the unsigned conventions (and signed bytes) are uint16, uint32, uint64 and int8, other
scaling gives float64, of complex columns complex128, as astropy's. Integers that are TNULLn stay what they are.

Under torch.compile and torch.export dtypes and numbers of axes are read from the file when the graph is captured, and
the captured call carries them as ``expected`` ("float32 1, uint8 2": dtype and axes of each column): it raises ValueError
where the file at run time has others. Sizes stay open. In a graph that must not look into a file, read rows by
``read_row_bytes`` and their columns by ``decode_columns``.

Errors: RuntimeError for a bad file (TFORMn that is none or does not make NAXIS1, a field that holds no number) or an HDU
that is no table, IndexError for an HDU or column that is not there, ValueError for a name that fits two columns or for a
column of variable-length arrays.
""",
    "read_columns.bytes": """The same of a file held in memory, uint8 ``[n]``, gzipped or not.

Under a compiler ``expected`` must be given.
""",
    "read_rows": """Columns of chosen rows, in any order: int64 ``rows [n]``, those below 0 counted from the end.

Values and shapes as of ``read_columns``. Of a compressed table each tile that a row is in is decoded once.

Errors: as of ``read_columns``; IndexError for a row that is not there.
""",
    "read_rows.bytes": """The same of a file held in memory, uint8 ``[n]``, gzipped or not.

Under a compiler ``expected`` must be given.
""",
    "read_null_mask": """Which elements of columns have no value: bool, shaped as ``read_columns``, of strings one for each string.

True are integers equal to TNULLn (as stored, before TSCALn and TZEROn), NaN (of complex numbers in either part), logicals
that are 0, strings that are blank or begin with NUL; in ASCII tables fields that hold the text of TNULLn, and blank
strings. FITS Standard 4.0, section 7.2.2, 7.3.2 and 7.3.3.

Errors: as of ``read_columns``; RuntimeError also for a TNULLn of integers that is none.
""",
    "read_null_mask.bytes": """The same of a file held in memory, uint8 ``[n]``, gzipped or not.

Under a compiler ``expected`` must be given.
""",
    "read_ragged": """A column of variable-length arrays (P, Q) in rows ``[start, stop)``: values end to end, and int64 offsets ``[n + 1]``.

The array of row i is ``values[offsets[i]:offsets[i + 1]]``, of the types of ``read_columns``: bits as bool, characters as
uint8. ``torch.nested.nested_tensor_from_jagged(values, offsets)`` makes one tensor of both. FITS Standard 4.0, section
7.3.5; of a compressed table the original's arrays (10.3.6). TDIMn is left to the caller.

Errors: as of ``read_columns``; RuntimeError, naming row and column, for a descriptor that does not lie in the heap.
""",
    "read_ragged.bytes": """The same of a file held in memory, uint8 ``[n]``, gzipped or not.

Under a compiler ``expected`` must be given.
""",
    "decode_columns": """Rows of a binary table as bytes (``read_row_bytes``), uint8 ``[n, NAXIS1]``, into some of their columns.

The form of table reading that lives in graphs: types and shapes follow from the arguments. ``tforms`` are the TFORMn of
all columns, ``columns`` the wanted ones, counted from 0; ``tscal`` and ``tzero`` have TSCALn and TZEROn of all columns, or
nothing: ``torchfits.column_arguments`` gives them. Values as of ``read_columns``, cells of several elements ``[n, repeat]``. Columns of variable-length arrays give
their descriptors: number of elements and byte in the heap (``read_heap_bytes``), int32 ``[n, 2]`` of P, int64 of Q.
Without TSCALn integers are as they are stored: compare those with TNULLn. FITS Standard 4.0, section 7.3.

On the device of ``rows``, with the same bits; nothing waits for a CUDA device.

Errors: ValueError for formats that are none or that are not as wide as the rows, for a column that is not there.
""",
}


def _described(tensors: list[torch.Tensor]) -> str:
    """``expected``: dtype and number of axes of each result."""
    return ", ".join(f"{str(tensor.dtype).removeprefix('torch.')} {tensor.dim()}" for tensor in tensors)


def _made(expected: str, rows: Int | None = None) -> list[torch.Tensor]:
    """Results of these dtypes and axes; their sizes lie in the file."""
    tensors = []
    for part in filter(None, expected.split(", ")):
        dtype, axes = part.split()
        sizes = [unknown_size() if rows is None or axis > 0 else rows for axis in range(int(axes))]
        tensors.append(torch.empty(sizes, dtype=getattr(torch, dtype), device="cpu"))
    return tensors


def _given(name: str, expected: str | None) -> str:
    if expected is None:
        raise RuntimeError(
            f"{name}.bytes: dtypes and axes lie in the data, which a graph does not have yet; pass expected=, or read "
            "rows by torch.ops.fits.read_row_bytes.bytes and their columns by decode_columns, whose types are arguments"
        )
    return expected


# What a graph must know of the columns, from a reading of no rows where the arguments do not say it.


def _column_facts(
    path: str, hdu: int, columns: list[str], start: Int = 0, stop: Int | None = None, *, expected: str | None = None
) -> dict[str, Any]:
    with outside_capture():
        return {"expected": expected or _described(torch.ops.fits.read_columns(path, hdu, columns, 0, 0))}


def _mask_facts(
    path: str, hdu: int, columns: list[str], start: Int = 0, stop: Int | None = None, *, expected: str | None = None
) -> dict[str, Any]:
    with outside_capture():
        return {"expected": expected or _described(torch.ops.fits.read_null_mask(path, hdu, columns, 0, 0))}


def _row_facts(
    path: str, hdu: int, rows: torch.Tensor, columns: list[str], *, expected: str | None = None
) -> dict[str, Any]:
    return _column_facts(path, hdu, columns, expected=expected)


def _array_facts(
    path: str, hdu: int, column: str, start: Int = 0, stop: Int | None = None, *, expected: str | None = None
) -> dict[str, Any]:
    with outside_capture():
        return {"expected": expected or _described([torch.ops.fits.read_ragged(path, hdu, column, 0, 0)[0]])}


record_with("fits::read_columns", _column_facts)
record_with("fits::read_null_mask", _mask_facts)
record_with("fits::read_rows", _row_facts)
record_with("fits::read_ragged", _array_facts)


@torch.library.register_fake("fits::read_columns")
def _(
    path: str, hdu: int, columns: list[str], start: Int = 0, stop: Int | None = None, *, expected: str | None = None
) -> list[torch.Tensor]:
    return _made(_column_facts(path, hdu, columns, expected=expected)["expected"])


@torch.library.register_fake("fits::read_columns.bytes")
def _(
    data: torch.Tensor,
    hdu: int,
    columns: list[str],
    start: Int = 0,
    stop: Int | None = None,
    *,
    expected: str | None = None,
) -> list[torch.Tensor]:
    return _made(_given("read_columns", expected))


@torch.library.register_fake("fits::read_null_mask")
def _(
    path: str, hdu: int, columns: list[str], start: Int = 0, stop: Int | None = None, *, expected: str | None = None
) -> list[torch.Tensor]:
    return _made(_mask_facts(path, hdu, columns, expected=expected)["expected"])


@torch.library.register_fake("fits::read_null_mask.bytes")
def _(
    data: torch.Tensor,
    hdu: int,
    columns: list[str],
    start: Int = 0,
    stop: Int | None = None,
    *,
    expected: str | None = None,
) -> list[torch.Tensor]:
    return _made(_given("read_null_mask", expected))


@torch.library.register_fake("fits::read_rows")
def _(
    path: str, hdu: int, rows: torch.Tensor, columns: list[str], *, expected: str | None = None
) -> list[torch.Tensor]:
    return _made(_row_facts(path, hdu, rows, columns, expected=expected)["expected"], rows.shape[0])


@torch.library.register_fake("fits::read_rows.bytes")
def _(
    data: torch.Tensor, hdu: int, rows: torch.Tensor, columns: list[str], *, expected: str | None = None
) -> list[torch.Tensor]:
    return _made(_given("read_rows", expected), rows.shape[0])


def _arrays(expected: str) -> tuple[torch.Tensor, torch.Tensor]:
    return _made(expected)[0], torch.empty(unknown_size(), dtype=torch.int64, device="cpu")


@torch.library.register_fake("fits::read_ragged")
def _(
    path: str, hdu: int, column: str, start: Int = 0, stop: Int | None = None, *, expected: str | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    return _arrays(_array_facts(path, hdu, column, expected=expected)["expected"])


@torch.library.register_fake("fits::read_ragged.bytes")
def _(
    data: torch.Tensor,
    hdu: int,
    column: str,
    start: Int = 0,
    stop: Int | None = None,
    *,
    expected: str | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    return _arrays(_given("read_ragged", expected))


_DTYPES = {
    "L": torch.bool,
    "X": torch.bool,
    "B": torch.uint8,
    "A": torch.uint8,
    "I": torch.int16,
    "J": torch.int32,
    "K": torch.int64,
    "E": torch.float32,
    "D": torch.float64,
    "C": torch.complex64,
    "M": torch.complex128,
    "P": torch.int32,
    "Q": torch.int64,
}
_CONVENTIONS = {
    ("B", -128.0): torch.int8,
    ("I", 2.0**15): torch.uint16,
    ("J", 2.0**31): torch.uint32,
    ("K", 2.0**63): torch.uint64,
}


def _decoded_type(tform: str, tscal: float, tzero: float) -> tuple[torch.dtype, list[int]]:
    """Dtype of a column, and the shape of a cell."""
    found = re.match(r" *(\d*)([LXBIJKAEDCMPQ])(\d*)", tform, re.IGNORECASE)
    if found is None:
        raise ValueError(f"decode_columns: {tform!r} is no format of a column")
    letter = found[2].upper()
    repeat = int(found[1] or (found[3] if letter == "A" else "") or 1)
    dtype = _DTYPES[letter]
    if letter in "PQ":
        return dtype, [2 * repeat]
    if letter in "BIJKEDCM" and (tscal, tzero) != (1, 0):
        convention = _CONVENTIONS.get((letter, tzero)) if tscal == 1 else None
        dtype = convention or (torch.complex128 if dtype.is_complex else torch.float64)
    return dtype, [] if repeat == 1 and letter not in "AX" else [repeat]


@torch.library.register_fake("fits::decode_columns")
def _(
    rows: torch.Tensor, tforms: list[str], columns: list[int], *, tscal: list[float], tzero: list[float]
) -> list[torch.Tensor]:
    made = []
    for column in columns:
        scaling = (tscal[column] if tscal else 1.0, tzero[column] if tzero else 0.0)
        dtype, shape = _decoded_type(tforms[column], *scaling)
        made.append(rows.new_empty([rows.shape[0], *shape], dtype=dtype))
    return made
