"""Tables to and from Arrow, and through it pandas and polars. Imports pyarrow, and them, when called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from torchfits import table_text
from torchfits.column import Column, ends
from torchfits.source import bytes_tensor
from torchfits.table_input import as_column

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow as pa

_UNIT, _DESCRIPTION = b"unit", b"description"  # in a field's metadata
_COMPLEX, _WIDTH = b"torchfits.complex", b"torchfits.width"


def _needed(package: str, method: str) -> Any:
    try:
        return __import__(package)
    except ImportError:
        raise ImportError(f"{method}: {package} is needed; pip install 'torchfits[table]', or {package}") from None


def to_pandas(columns: Mapping[str, Column]) -> pandas.DataFrame:
    pandas = _needed("pandas", "to_pandas")
    _needed("pyarrow", "to_pandas")
    nullable = _nullable(pandas)
    series: dict[str, Any] = {}
    for (name, column), array in zip(columns.items(), to_arrow(columns).columns):
        if column.dtype.is_complex and not column.cell_shape and not column.is_jagged:
            series[name] = column.values.resolve_conj().cpu().numpy()
            continue
        series[name] = array.to_pandas(types_mapper=nullable.get if array.null_count else None)
    frame = pandas.DataFrame(series)
    facts = {"units": "unit", "descriptions": "description"}
    for fact, attribute in facts.items():
        held = {name: getattr(column, attribute) for name, column in columns.items() if getattr(column, attribute)}
        if held:
            frame.attrs[fact] = held
    return frame


def _nullable(pandas: Any) -> dict[Any, Any]:
    """pandas' types for integers and bools of which some are missing."""
    import pyarrow as pa

    names = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
    kinds = {
        getattr(pa, name)(): getattr(pandas, name.replace("i", "I").replace("uI", "UI") + "Dtype")() for name in names
    }
    return {**kinds, pa.bool_(): pandas.BooleanDtype()}


def from_pandas(data: pandas.DataFrame) -> dict[str, Column]:
    pa = _needed("pyarrow", "from_pandas")
    complex_numbers = [name for name in data.columns if getattr(data[name].dtype, "kind", "") == "c"]
    rest = from_arrow(pa.Table.from_pandas(data.drop(columns=complex_numbers), preserve_index=False))
    rest |= {name: as_column(data[name].to_numpy(), name) for name in complex_numbers}
    columns = {name: rest[name] for name in map(str, data.columns)}
    for fact, attribute in {"units": "unit", "descriptions": "description"}.items():
        for name, text in data.attrs.get(fact, {}).items():
            if name in columns:
                columns[name] = replace(columns[name], **{attribute: text})
    return columns


def to_polars(columns: Mapping[str, Column]) -> polars.DataFrame:
    polars = _needed("polars", "to_polars")
    _needed("pyarrow", "to_polars")
    return polars.from_arrow(to_arrow(columns))  # type: ignore[no-any-return]


# --- To Arrow --------------------------------------------------------------------------------------------------------


def to_arrow(columns: Mapping[str, Column]) -> pa.Table:
    pa = _needed("pyarrow", "to_arrow")
    arrays, fields = [], []
    for name, column in columns.items():
        array = _to_array(pa, column.to("cpu"))
        metadata = {_UNIT: column.unit.encode(), _DESCRIPTION: column.description.encode()}
        if column.dtype.is_complex:
            metadata[_COMPLEX] = b"true"
        if column.text and not column.is_jagged:
            metadata[_WIDTH] = str(column.values.shape[-1]).encode()
        arrays.append(array)
        fields.append(pa.field(name, array.type, metadata={key: text for key, text in metadata.items() if text}))
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))


def _to_array(pa: Any, column: Column) -> Any:
    if column.text:
        return _strings(pa, column)
    nulls = column.nulls
    if column.offsets is not None:
        inner = _numbers(pa, column.values, None)
        buffers = [_validity(pa, nulls), _buffer(pa, column.offsets)]
        return pa.Array.from_buffers(pa.large_list(inner.type), len(column), buffers, children=[inner])
    return _numbers(pa, column.values, nulls)


def _numbers(pa: Any, values: Tensor, nulls: Tensor | None) -> Any:
    """Numbers of any shape; beyond the first axis they are fixed-size lists, whose elements may be null."""
    if values.dtype == torch.bfloat16:
        values = values.float()
    shape = tuple(values.shape)
    if values.dtype.is_complex:
        values = torch.view_as_real(values.resolve_conj())
        nulls = None if nulls is None else nulls.unsqueeze(-1).expand(values.shape)
        shape = tuple(values.shape)
    flat = values.contiguous().view(-1)
    if flat.dtype == torch.bool:
        kind, data = pa.bool_(), _bits(pa, flat)
    else:
        kind, data = pa.from_numpy_dtype(str(flat.dtype).removeprefix("torch.")), _buffer(pa, flat)
    validity = None if nulls is None else _validity(pa, nulls.reshape(-1))
    return _in_lists(pa, pa.Array.from_buffers(kind, len(flat), [validity, data]), shape)


def _in_lists(pa: Any, array: Any, shape: tuple[int, ...]) -> Any:
    for axis in range(len(shape) - 1, 0, -1):
        kind, length = pa.list_(array.type, shape[axis]), int(np.prod(shape[:axis]))
        array = pa.Array.from_buffers(kind, length, [None], children=[array])
    return array


def _strings(pa: Any, column: Column) -> Any:
    values = table_text.rectangle(column)
    flat = values.reshape(int(np.prod(values.shape[:-1])), values.shape[-1])
    if flat.numel() and int(flat.max()) > 127:
        texts = [table_text.decode(text).encode() for text in table_text.raw(flat)]
        data = torch.frombuffer(bytearray(b"".join(texts) or b"\0"), dtype=torch.uint8)
        sizes = torch.tensor([len(text) for text in texts], dtype=torch.int64)
    else:
        data, sizes = flat[flat != 0], table_text.lengths(flat)
    offsets = ends(sizes)
    short = int(offsets[-1]) < 2**31
    buffers = [_validity(pa, column.nulls), _buffer(pa, offsets.to(torch.int32) if short else offsets)]
    array = pa.Array.from_buffers(pa.string() if short else pa.large_string(), len(flat), [*buffers, _buffer(pa, data)])
    return _in_lists(pa, array, tuple(values.shape[:-1]))


def _buffer(pa: Any, values: Tensor) -> Any:
    return pa.py_buffer(values.contiguous().numpy())


def _bits(pa: Any, bools: Tensor) -> Any:
    return pa.py_buffer(np.packbits(bools.reshape(-1).numpy(), bitorder="little"))


def _validity(pa: Any, nulls: Tensor | None) -> Any:
    return None if nulls is None else _bits(pa, ~nulls)


# --- From Arrow ------------------------------------------------------------------------------------------------------


def from_arrow(data: Any) -> dict[str, Column]:
    pa = _needed("pyarrow", "from_arrow")
    table = data if isinstance(data, pa.Table) else pa.table(data)
    out = {}
    for field, chunks in zip(table.schema, table.columns):
        array = chunks.chunk(0) if chunks.num_chunks == 1 else chunks.combine_chunks()
        if isinstance(array, pa.ChunkedArray):
            array = pa.concat_arrays(array.chunks)
        metadata = field.metadata or {}
        column = _column(pa, array, field.name)
        if metadata.get(_COMPLEX):
            column = _complex(column)
        if column.text and not column.is_jagged and _WIDTH in metadata:
            room = int(metadata[_WIDTH]) - column.values.shape[-1]
            column = replace(column, values=torch.nn.functional.pad(column.values, (0, max(room, 0))))
        unit, description = (metadata.get(key, b"").decode() for key in (_UNIT, _DESCRIPTION))
        out[field.name] = replace(column, unit=unit, description=description)
    if len(out) < table.num_columns:
        raise ValueError("from_arrow: two columns have one name; rename one of them")
    return out


def _column(pa: Any, array: Any, name: str) -> Column:
    kinds, kind = pa.types, array.type
    if kinds.is_dictionary(kind):
        return _column(pa, array.dictionary_decode(), name)
    if kinds.is_null(kind):
        return Column(torch.full((len(array),), torch.nan, dtype=torch.float64))
    if kinds.is_string(kind) or kinds.is_large_string(kind) or kinds.is_string_view(kind) or kinds.is_binary(kind):
        return _text(pa, array)
    if kinds.is_fixed_size_list(kind):
        return _fixed_lists(pa, array, name)
    if kinds.is_list(kind) or kinds.is_large_list(kind):
        return _lists(pa, array, name)
    if kinds.is_boolean(kind):
        values = torch.from_numpy(np.array(array.fill_null(False).to_numpy(zero_copy_only=False), dtype=bool))
    elif kinds.is_integer(kind) or kinds.is_floating(kind):
        dtype = getattr(torch, str(array.type.to_pandas_dtype().__name__))
        size = dtype.itemsize
        held = bytes_tensor(memoryview(array.buffers()[1] or b""))
        values = held[array.offset * size : (array.offset + len(array)) * size].view(dtype)
    else:
        raise TypeError(
            f"column {name} is {kind} in Arrow, which FITS has no type for; cast it to numbers or strings first"
        )
    return _with_nulls(Column(values), array)


def _nulls(array: Any) -> Tensor | None:
    if array.null_count == 0:
        return None
    return torch.from_numpy(np.array(array.is_null().to_numpy(zero_copy_only=False), dtype=bool))


def _with_nulls(column: Column, array: Any) -> Column:
    nulls = _nulls(array)
    return column if nulls is None else column.with_missing(nulls)


def _text(pa: Any, array: Any) -> Column:
    array = array.cast(pa.large_binary())
    buffers = array.buffers()
    offsets = bytes_tensor(memoryview(buffers[1] or b"")).view(torch.int64)[
        array.offset : array.offset + len(array) + 1
    ]
    if len(offsets) == 0:
        offsets = torch.zeros(1, dtype=torch.int64)
    data = bytes_tensor(memoryview(buffers[2] or b""))[int(offsets[0]) : int(offsets[-1])]
    return _with_nulls(Column(table_text.padded(data, offsets - offsets[0]), text=True), array)


def _fixed_lists(pa: Any, array: Any, name: str) -> Column:
    size = array.type.list_size
    inner = _column(pa, array.values.slice(array.offset * size, len(array) * size), name)
    if inner.is_jagged:
        raise TypeError(f"column {name}: lists of different lengths inside lists are not columns of a table")
    values = inner.values.reshape(len(array), size, *inner.values.shape[1:])
    nulls = None if inner.nulls is None else inner.nulls.reshape(len(array), size, *inner.nulls.shape[1:])
    column = Column(values, nulls, text=inner.text)
    rows = _nulls(array)
    if rows is None:
        return column
    return column.with_missing(rows.view(-1, *[1] * len(column.cell_shape)).expand(column.mask_shape))


def _lists(pa: Any, array: Any, name: str) -> Column:
    array = array.cast(pa.large_list(array.type.value_type))
    nulls = _nulls(array)
    offsets = torch.from_numpy(array.offsets.to_numpy().astype(np.int64))
    inner = _column(pa, array.values, name)
    if inner.text or inner.values.dim() != 1 or inner.is_jagged:
        raise TypeError(f"column {name} is {array.type} in Arrow: rows of varying length can hold plain numbers only")
    if inner.nulls is not None:
        raise TypeError(
            f"column {name}: null elements inside lists of {array.type.value_type} cannot be told; fill them"
        )
    first, last = int(offsets[0]), int(offsets[-1])
    column = Column(inner.values[first:last], offsets=offsets - first)
    if nulls is None:
        return column
    return column.take_or_missing(torch.where(nulls, -1, torch.arange(len(column))))  # values behind nulls go


def _complex(column: Column) -> Column:
    parts = column.values.contiguous()
    nulls = None if column.nulls is None else column.nulls[..., 0]
    return Column(torch.view_as_complex(parts), nulls)
