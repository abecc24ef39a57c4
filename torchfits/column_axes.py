"""World coordinates of columns of a binary table as an image's keywords (FITS Standard 4.0, section 8.2, table 22).

A pixel list has one axis in each of some columns (TCTYPn, TCRVLn ...); an array in the cells of one column has all its
axes there (iCTYPn, iCRVLn ...).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from torchfits.header import Header

# Keywords of an axis by the image's, without its number: forms for the primary and alternate versions.
_AXIS = {
    "CTYPE": ("CTYP", "CTY"),
    "CUNIT": ("CUNI", "CUN"),
    "CRVAL": ("CRVL", "CRV"),
    "CDELT": ("CDLT", "CDE"),
    "CRPIX": ("CRPX", "CRP"),
    "CROTA": ("CROT",),
    "CNAME": ("CNA",),
    "CRDER": ("CRD",),
    "CSYER": ("CSY",),
    "CZPHS": ("CZP",),
    "CPERI": ("CPR",),
}
# Of a whole description, in any of its columns.
_WHOLE = {
    "WCAX": "WCSAXES",
    "WCSN": "WCSNAME",
    "TWCS": "WCSNAME",
    "LONP": "LONPOLE",
    "LATP": "LATPOLE",
    "EQUI": "EQUINOX",
    "RADE": "RADESYS",
    "RFRQ": "RESTFRQ",
    "RWAV": "RESTWAV",
    "SPEC": "SPECSYS",
    "SOBS": "SSYSOBS",
    "SSRC": "SSYSSRC",
    "VSYS": "VELOSYS",
    "ZSOU": "ZSOURCE",
    "VANG": "VELANGL",
    "OBSGX": "OBSGEO-X",
    "OBSGY": "OBSGEO-Y",
    "OBSGZ": "OBSGEO-Z",
    "MJDOB": "MJD-OBS",
    "MJDA": "MJD-AVG",
    "DOBS": "DATE-OBS",
    "DAVG": "DATE-AVG",
    "TRPOS": "TREFPOS",
    "TRDIR": "TREFDIR",
}
# An image's keywords that hold for all columns of a table.
_GLOBAL = [
    *("RADESYS", "EQUINOX", "EPOCH", "SPECSYS", "OBSGEO-X", "OBSGEO-Y", "OBSGEO-Z"),
    *("DATE-OBS", "DATE-AVG", "DATE-BEG", "DATE-END", "DATEREF", "MJD-OBS", "MJD-AVG", "MJD-BEG", "MJD-END"),
    *("MJDREF", "MJDREFI", "MJDREFF", "JDREF", "JDREFI", "JDREFF"),
    *("TIMESYS", "TIMEUNIT", "TIMEOFFS", "TREFPOS", "TREFDIR", "PLEPHEM"),
]

_FORMS = {form: keyword for keyword, forms in _AXIS.items() for form in forms}
_MATRICES = {"PC": "PC", "P": "PC", "CD": "CD", "C": "CD"}
_PARAMETERS = {"PV": "PV", "V": "PV", "PS": "PS", "S": "PS"}


class _Found(NamedTuple):
    """A keyword of columns: of which, and the image's, whose axes are columns yet where it is of a pixel list."""

    columns: tuple[int, ...]
    alt: str
    name: str
    axes: tuple[int, ...] = ()
    end: str = ""


def _any_of(names: Iterable[str]) -> str:
    return "|".join(sorted(names, key=len, reverse=True))


_END = r"([A-Z]?)$"
_PIXEL_AXIS = re.compile(rf"T({_any_of(_FORMS)})(\d+){_END}")
_PIXEL_MATRIX = re.compile(rf"T({_any_of(_MATRICES)})(\d+)_(\d+){_END}")
_PIXEL_PARAMETER = re.compile(rf"T({_any_of(_PARAMETERS)})(\d+)_(\d+){_END}")
_BINARY_AXIS = re.compile(rf"(\d)({_any_of(_FORMS)})(\d+){_END}")
_BINARY_MATRIX = re.compile(rf"(\d)(\d)({_any_of(_MATRICES)})(\d+){_END}")
_BINARY_PARAMETER = re.compile(rf"(\d)({_any_of(_PARAMETERS)})(\d+)_(\d+){_END}")
_OF_WHOLE = re.compile(rf"({_any_of(_WHOLE)})(\d+){_END}")


def _of_pixel_list(keyword: str) -> _Found | None:
    if match := _PIXEL_AXIS.match(keyword):
        name, column, alt = match.groups()
        return _Found((int(column),), alt, _FORMS[name], (int(column),))
    if match := _PIXEL_MATRIX.match(keyword):
        name, row, column, alt = match.groups()
        return _Found((int(row), int(column)), alt, _MATRICES[name], (int(row), int(column)))
    if match := _PIXEL_PARAMETER.match(keyword):
        name, column, m, alt = match.groups()
        return _Found((int(column),), alt, _PARAMETERS[name], (int(column),), f"_{m}")
    return _of_whole(keyword, "WCSN")


def _of_array(keyword: str) -> _Found | None:
    if match := _BINARY_AXIS.match(keyword):
        axis, name, column, alt = match.groups()
        return _Found((int(column),), alt, _FORMS[name], (int(axis),))
    if match := _BINARY_MATRIX.match(keyword):
        row, other, name, column, alt = match.groups()
        return _Found((int(column),), alt, _MATRICES[name], (int(row), int(other)))
    if match := _BINARY_PARAMETER.match(keyword):
        axis, name, column, m, alt = match.groups()
        return _Found((int(column),), alt, _PARAMETERS[name], (int(axis),), f"_{m}")
    return _of_whole(keyword, "TWCS")


def _of_whole(keyword: str, but: str) -> _Found | None:
    match = _OF_WHOLE.match(keyword)
    if match is None or match[1] == but:
        return None
    return _Found((int(match[2]),), match[3], _WHOLE[match[1]])


def _chosen(
    header: Mapping[str, Any], alt: str, read: Callable[[str], _Found | None], colsel: Sequence[int] | None
) -> dict[str, _Found]:
    """Keywords of columns, those of the version `alt` that are about columns of `colsel` alone."""
    every = {key: one for key in header if (one := read(key)) is not None and one.alt == alt.strip()}
    return {key: one for key, one in every.items() if colsel is None or set(one.columns) <= set(colsel)}


def image_keywords(
    header: Mapping[str, Any], alt: str, keysel: Sequence[str], colsel: Sequence[int] | None
) -> Header | None:
    """The world coordinates of columns `colsel` (None: of all) as an image's header; None where those asked for are
    the image's own."""
    if isinstance(keysel, str) or not set(keysel) <= {"image", "binary", "pixel"}:
        raise ValueError(f"keysel is a list of some of image, binary, pixel; not {keysel!r}")
    for kind, read in (("binary", _of_array), ("pixel", _of_pixel_list)):
        found = _chosen(header, alt, read, colsel) if kind in keysel else {}
        columns = sorted({one.columns[0] for one in found.values() if one.name == "CTYPE"})
        if not columns:
            continue
        if kind == "binary" and len(columns) > 1:
            which = ", ".join(map(str, columns))
            raise ValueError(
                f"columns {which} have arrays with world coordinates: choose one of them, as colsel=[{columns[0]}]"
            )
        axes = sorted({axis for one in found.values() for axis in one.axes})
        number = {axis: i if kind == "pixel" else axis for i, axis in enumerate(axes, 1)}
        new = Header((key, header[key]) for key in _GLOBAL if key in header)
        for key, one in found.items():
            new[one.name + "_".join(str(number[axis]) for axis in one.axes) + one.end] = header[key]
        return new
    if "image" in keysel:
        return None
    where = "" if colsel is None else f" in columns {', '.join(map(str, colsel))}"
    raise ValueError(f"the header describes no world coordinates of the kinds {', '.join(keysel)}{where}")
