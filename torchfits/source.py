"""Sources: what a FITS file may be given as, and the one call by which operators read from it.

A source is a path, an extended file name (``m31.fits[SCI,2][10:20,30:40]``, as CFITSIO writes them), the file's bytes,
a uint8 tensor of them, or a binary file object. Of extended names only the HDU and an image section are read: row
filters, columns, output clauses and commands are refused.
"""

from __future__ import annotations

import ctypes
import os
import re
import stat
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Protocol

import torch

from torchfits.section import looks_like_section, parse_section


class Readable(Protocol):
    """A file object, opened in binary mode."""

    def read(self) -> bytes: ...


SourceLike = str | os.PathLike[str] | bytes | bytearray | memoryview | torch.Tensor | Readable
HDUKey = int | str | tuple[str, int]


class Operator(NamedTuple):
    """The two forms of a reader."""

    of_path: Any
    of_bytes: Any

    @staticmethod
    def named(name: str) -> Operator:
        packet = getattr(torch.ops.fits, name)
        return Operator(packet.default, packet.bytes)


READ_IMAGE = Operator.named("read_image")
READ_SECTION = Operator.named("read_section")
READ_CUTOUTS = Operator.named("read_cutouts")
HEADER_TEXT = Operator.named("header_text")
HEADER_VALUES = Operator.named("header_values")
HDUS = Operator.named("hdus")
HDU_NAMES = Operator.named("hdu_names")


def text_of(characters: torch.Tensor) -> str:
    """A text that an operator returned as uint8; bytes above 126 become the Latin-1 characters of their numbers."""
    return characters.numpy().tobytes().decode("latin-1")


# Names of files that are inflated each time they are opened. It decides how often that happens, never what is read.
_PACKED_ENDINGS = (".gz", ".Z", ".bz2", ".zip")


@dataclass(slots=True)
class Source:
    """A parsed source.

    >>> Source.of("mef.fits[SCI,2][1:10,*]")
    Source(path='mef.fits', data=None, hdu=('SCI', 2), section='1:10,*')
    """

    path: str | None = None
    data: torch.Tensor | None = None
    hdu: HDUKey | None = None
    section: str | None = None

    @classmethod
    def of(cls, source: SourceLike) -> Source:
        if isinstance(source, (str, os.PathLike)):
            path = os.fsdecode(source)
            found = _extended(path) if "[" in path or "+" in path else cls(path)
            return found if path.isascii() else _encodable(found)
        if isinstance(source, torch.Tensor):
            return cls(data=source)
        try:
            view = memoryview(source)  # type: ignore[arg-type]
        except TypeError:
            return cls(data=bytes_tensor(memoryview(_read_all(source))))
        return cls(data=bytes_tensor(view))

    def __call__(self, operator: Operator, *args: Any, **options: Any) -> Any:
        """Runs a reader on the source, so that what is wrong with a path is said as Python says it."""
        try:
            if self.data is None:
                return operator.of_path(self.path, *args, **options)
            return operator.of_bytes(self.data, *args, **options)
        except RuntimeError:
            check_options(options)
            if self.data is None and self.path is not None:
                check_path(self.path)
            raise

    def attempt(self, operator: Operator, *args: Any, **options: Any) -> Any:
        """The same, or None where the reader raises RuntimeError and another look is to tell why."""
        try:
            if self.data is None:
                return operator.of_path(self.path, *args, **options)
            return operator.of_bytes(self.data, *args, **options)
        except RuntimeError:
            return None

    def inflated(self) -> Source:
        """The source for many calls: a packed file is held in memory, so that it is unpacked once."""
        if self.path is None or self.data is not None or not self.path.endswith(_PACKED_ENDINGS):
            return self
        return replace(self, data=self(_READ_FILE))

    @property
    def name(self) -> str:
        """What messages call it."""
        return "data" if self.path is None else self.path


_READ_FILE = Operator(torch.ops.fits.read_file.default, None)


def check_options(options: dict[str, Any]) -> None:
    """Says what torch says in five lines."""
    dtype, fill = options.get("dtype"), options.get("fill")
    if dtype is not None and not isinstance(dtype, torch.dtype):
        raise TypeError(f"dtype is {dtype!r}; give one of torch's, such as torch.float32")
    if fill is not None and not hasattr(fill, "__float__"):
        raise TypeError(f"fill is {fill!r}; give a number")


def check_path(path: str) -> None:
    """Raises what Python raises for a path that cannot be read, or a sentence for names that are not paths."""
    if "://" in path:
        raise NotImplementedError(
            f"{path}: URLs are not read yet; download the file, or pass a file object, such as fsspec.open(url).open()"
        )
    if not os.path.exists(path):
        base = re.split(r"[\[(]", path, maxsplit=1)[0]
        if base != path and os.path.isfile(base):
            raise ValueError(
                f"{path}: after the name of the file {base} only an HDU and an image section are read, as in "
                f"{base}[SCI,2][10:20,*]; output clauses and other expressions are not supported"
            )
    if not stat.S_ISFIFO(os.stat(path).st_mode):
        open(path, "rb").close()


_PLUS = re.compile(r"(.+)\+(\d+)", re.DOTALL)  # the number of an HDU
_GROUPS = re.compile(r"(?:\[[^\[\]]*\])+\Z")
_HDU_NUMBER = re.compile(r"\d+")
# A name as CFITSIO takes it for one: without the operators of a row filter, not a column, binning or pixel clause.
_HDU_NAME = re.compile(
    r"(?!(?:col|bin[bijrd]?|pix[bijrd]?\d?|compress)(?:\s|\Z))([^,:;=<>|&!@()'\"*?]+?)\s*(?:,\s*(\d+))?", re.IGNORECASE
)


def _extended(name: str) -> Source:
    """A name with brackets or `+2`: a file called so, or else the longest name of a file that its last ones leave."""
    if os.path.exists(name):
        return Source(name)
    groups = _GROUPS.search(name)
    end, first = len(name), groups.start() if groups else len(name)
    while end > first:
        end = name.rindex("[", 0, end)
        if os.path.exists(name[:end]):
            break
    else:
        number = _PLUS.fullmatch(name[:first])
        if number is None or not os.path.exists(number[1]):
            check_path(name[:first])
            return Source(name)
        return _with_parts(name, number[1], [number[2], *_parts(name[first:])])
    return _with_parts(name, name[:end], _parts(name[end:]))


def _parts(groups: str) -> list[str]:
    return re.findall(r"\[([^\]]*)\]", groups)


def _with_parts(name: str, path: str, parts: list[str]) -> Source:
    source = Source(path)
    for part in map(str.strip, parts):
        if looks_like_section(part) and source.section is None:
            parse_section(part)
            source.section = part
        elif source.hdu is None and source.section is None and (hdu := _hdu(part)) is not None:
            source.hdu = hdu
        else:
            raise ValueError(
                f"{name}: [{part}] is not supported: after the file's name there may be one HDU ([2], [SCI] or "
                "[SCI,2]) and then one image section ([10:20,*]). Leave row filters, columns and other expressions "
                "out, and pass an HDU of an unusual name as hdu="
            )
    return source


def _hdu(text: str) -> HDUKey | None:
    """The HDU that an extended file name means: its number (0 is the primary HDU), its name, or name and version."""
    if _HDU_NUMBER.fullmatch(text):
        return int(text)
    match = _HDU_NAME.fullmatch(text)
    if match is None:
        return None
    name, version = match[1], match[2]
    if version is not None:
        return name, int(version)
    return 0 if name.upper() in ("P", "PRIMARY") else name


def _encodable(source: Source) -> Source:
    """Operators take paths as UTF-8: a file whose name is not is read as bytes."""
    assert source.path is not None
    try:
        source.path.encode()
    except UnicodeEncodeError:
        check_path(source.path)
        characters = bytes_tensor(memoryview(os.fsencode(source.path)))
        return replace(source, path=None, data=torch.ops.fits.read_file.utf8(characters))
    return source


def _read_all(source: Any) -> bytes:
    if not hasattr(source, "read"):
        raise TypeError(
            "a FITS source is a path, bytes, a 1-D uint8 tensor or a binary file object, not "
            f"{type(source).__module__}.{type(source).__qualname__}"
        )
    data = source.read()
    if isinstance(data, str):
        raise TypeError("the file object reads text: open it in binary mode, open(path, 'rb')")
    return bytes(data) if not isinstance(data, (bytes, bytearray, memoryview)) else data  # type: ignore[return-value]


def bytes_tensor(view: memoryview) -> torch.Tensor:
    """The bytes of a buffer as a uint8 tensor that shares its memory and must not be written to.

    torch.frombuffer warns of read-only buffers, such as bytes are: it is given the address instead.
    """
    if view.itemsize != 1 or view.ndim != 1:
        raise TypeError(
            f"a buffer that holds a FITS file has one dimension of bytes; this has {view.ndim} and items of "
            f"{view.itemsize} bytes"
        )
    if not view.c_contiguous:
        view = memoryview(bytes(view))
    if view.nbytes == 0:
        return torch.empty(0, dtype=torch.uint8)
    record = (ctypes.c_void_p * 16)()  # a Py_buffer, and room to spare: its first field is the address
    ctypes.pythonapi.PyObject_GetBuffer(ctypes.py_object(view), record, 0)
    address = record[0]
    ctypes.pythonapi.PyBuffer_Release(record)
    memory = (ctypes.c_ubyte * view.nbytes).from_address(address or 0)
    memory.view = view  # type: ignore[attr-defined]  # holds the buffer for as long as the tensor lives
    return torch.frombuffer(memory, dtype=torch.uint8)
