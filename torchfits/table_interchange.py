"""Tables to and from Arrow, pandas, polars and astropy: the methods that `Table` has of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from torchfits.column import Column

if TYPE_CHECKING:
    import astropy.table
    import pandas
    import polars
    import pyarrow
    from typing_extensions import Self


class Interchange:
    """What other libraries call a table. None of them is needed until one of these methods is called."""

    __slots__ = ("_columns",)

    _columns: dict[str, Column]

    @classmethod
    def _of(cls, columns: Mapping[str, Column]) -> Self:
        self = cls.__new__(cls)
        self._columns = dict(columns)
        return self

    def to_arrow(self) -> pyarrow.Table:
        """A pyarrow.Table that shares the memory of numbers; bools and strings are copied.

        Arrays in rows are fixed-size lists, rows of varying length large lists, complex numbers lists of two, bfloat16
        float32. Units and descriptions are in the fields' metadata, masks are validity; NaN stays NaN.
        """
        from torchfits import table_arrow

        return table_arrow.to_arrow(self._columns)

    @classmethod
    def from_arrow(cls, data: Any) -> Self:
        """Of a pyarrow.Table, or of anything that offers an Arrow stream (polars, pandas, DuckDB ...).

        Numbers without nulls share Arrow's memory, which must not be written to: `clone` first. Nulls become NaN in
        floats, else they are in `nulls`.
        """
        from torchfits import table_arrow

        return cls._of(table_arrow.from_arrow(data))

    def to_pandas(self) -> pandas.DataFrame:
        """A DataFrame; integers and bools of which some are missing have pandas' nullable types.

        Units and descriptions are in ``attrs``, arrays are objects.
        """
        from torchfits import table_arrow

        return table_arrow.to_pandas(self._columns)

    @classmethod
    def from_pandas(cls, data: pandas.DataFrame) -> Self:
        """Of the columns of a DataFrame, without its index."""
        from torchfits import table_arrow

        return cls._of(table_arrow.from_pandas(data))

    def to_polars(self) -> polars.DataFrame:
        """A polars DataFrame, which keeps no units and descriptions."""
        from torchfits import table_arrow

        return table_arrow.to_polars(self._columns)

    @classmethod
    def from_polars(cls, data: polars.DataFrame) -> Self:
        return cls.from_arrow(data)

    def to_astropy(self) -> astropy.table.Table:
        """An astropy.table.Table that shares memory: masked columns where there are masks, strings as str."""
        from torchfits import table_astropy

        return table_astropy.to_astropy(self._columns)

    @classmethod
    def from_astropy(cls, data: astropy.table.Table) -> Self:
        """Of an astropy.table.Table or QTable; columns of numbers share memory."""
        from torchfits import table_astropy

        return cls._of(table_astropy.from_astropy(data))
