"""header, headers, cards, header_values, hdus, hdu_names: what a file says about itself."""

from __future__ import annotations

import torch

from torchfits.ops.tracing import batch_size, unknown_size

DOCS = {
    "header": """The cards of one header: 80 characters each, joined by line feeds, END left out.

``stored=False``: as the user sees them; of a compressed image or table (FITS Standard 4.0, section 10) the original
header, with astropy's keywords and values. ``stored=True``: the cards in the file. Bytes that no card may hold
(section 4.1.2.2) read as ``?``. Returns text: eager and TorchScript only.

Errors: RuntimeError for a file that is not FITS or whose header is wrong, IndexError for an HDU that is not there,
ValueError for a negative ``hdu``.
""",
    "header.bytes": "The same of a file held in memory, uint8 ``[n]``.",
    "header_text": """The same cards as uint8 ``[n * 80]``, as they are in the file, without line feeds.

The form to read many headers with: torch never frees the strings that operators return (2.10 to 2.13).
""",
    "header_text.bytes": "The same of a file held in memory, uint8 ``[n]``.",
    "header_texts": """One header of each of many files in parallel: text uint8 ``[n]``, and offsets int64 ``[B + 1]`` into it.

Header i is ``text[offsets[i]:offsets[i + 1]]``, as ``header_text`` gives it. Raises for the first bad file.
""",
    "header_texts.packed": "The same of files laid end to end.",
    "headers": "The cards of one header of each of many files, as ``header`` gives them, read in parallel.",
    "cards": """Header texts parsed: for each one a pickle; all of them end to end as uint8, and offsets int64 ``[B + 1]``.

Values are typed as section 4.2 says; CONTINUE cards are joined (section 4.2.1.2). ``torchfits.Header`` is built on it; the
columns in a pickle, which is of data alone and runs no code, are described in csrc/format/card.h.
""",
    "cards.packed": "The same of header texts laid end to end, as ``header_texts`` returns them.",
    "header_values": """Numbers from a header: float64 ``[K]``, one for each of ``keys``.

True and False are 1 and 0; a keyword that is missing or not a number is NaN. HIERARCH keywords are named without that
word; letters' case does not matter. Of compressed images and tables the original header is searched.
""",
    "header_values.bytes": "The same of a file held in memory, uint8 ``[n]``.",
    "header_values.paths": "The same of many files in parallel: float64 ``[B, K]``. Raises for the first bad file.",
    "header_values.packed": """The same of files laid end to end: float64 ``[B, K]``.

File i is ``data[offsets[i]:offsets[i + 1]]``; ``data`` uint8 ``[n]``, ``offsets`` int64 ``[B + 1]``.
""",
    "header_values_status.paths": """``header_values`` of many files that may be bad: values ``[B, K]``, status int32 ``[B]``.

Status as for ``read_images``; the values of a bad file are NaN.
""",
    "header_values_status.packed": "The same of files laid end to end.",
    "hdus": """The HDUs of a file: int64 ``[n_hdu, 16]``.

Columns: 0 kind (0 image, 1 binary table, 2 ASCII table, 3 compressed image, 4 random groups, 5 compressed table, 6
another extension), 1 header start, 2 data start, 3 data bytes (as the header says, without padding), 4 BITPIX (of the
image as the user sees it), 5 NAXIS, from 6 on the axes as a tensor's shape (last axis fastest), padded with 0. Of more
than ten axes the first ten are there: NAXIS says how many the header has. Of random groups the shape is ``[groups, *array]``.
""",
    "hdus.bytes": "The same of a file held in memory, uint8 ``[n]``.",
    "hdu_names": """The names of the HDUs as uint8 text: a line ``EXTNAME,EXTVER`` for each (section 4.4.2.6).

The name is empty where there is none; the version is 1 by default.
""",
    "hdu_names.bytes": "The same of a file held in memory, uint8 ``[n]``.",
}

_HDU_COLUMNS = 16


def _hdu_table() -> torch.Tensor:
    return torch.empty(unknown_size(), _HDU_COLUMNS, dtype=torch.int64, device="cpu")


def _values(*shape: int | torch.SymInt) -> torch.Tensor:
    return torch.empty(shape, dtype=torch.float64, device="cpu")


def _status(size: int | torch.SymInt) -> torch.Tensor:
    return torch.empty(size, dtype=torch.int32, device="cpu")


def _text() -> torch.Tensor:
    return torch.empty(unknown_size(), dtype=torch.uint8, device="cpu")


def _offsets(items: int | torch.SymInt) -> torch.Tensor:
    return torch.empty(items + 1, dtype=torch.int64, device="cpu")


@torch.library.register_fake("fits::header_text")
def _(path: str, hdu: int = 0, *, stored: bool = False) -> torch.Tensor:
    return _text()


@torch.library.register_fake("fits::header_text.bytes")
def _(data: torch.Tensor, hdu: int = 0, *, stored: bool = False) -> torch.Tensor:
    return _text()


@torch.library.register_fake("fits::header_texts")
def _(paths: list[str], hdu: int = 0, *, stored: bool = False) -> tuple[torch.Tensor, torch.Tensor]:
    return _text(), _offsets(len(paths))


@torch.library.register_fake("fits::header_texts.packed")
def _(
    data: torch.Tensor, offsets: torch.Tensor, hdu: int = 0, *, stored: bool = False
) -> tuple[torch.Tensor, torch.Tensor]:
    return _text(), _offsets(batch_size(offsets))


@torch.library.register_fake("fits::cards")
def _(headers: list[str]) -> tuple[torch.Tensor, torch.Tensor]:
    return _text(), _offsets(len(headers))


@torch.library.register_fake("fits::cards.packed")
def _(text: torch.Tensor, offsets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return _text(), _offsets(batch_size(offsets))


@torch.library.register_fake("fits::hdu_names")
def _(path: str) -> torch.Tensor:
    return _text()


@torch.library.register_fake("fits::hdu_names.bytes")
def _(data: torch.Tensor) -> torch.Tensor:
    return _text()


@torch.library.register_fake("fits::header_values")
def _(path: str, hdu: int, keys: list[str]) -> torch.Tensor:
    return _values(len(keys))


@torch.library.register_fake("fits::header_values.bytes")
def _(data: torch.Tensor, hdu: int, keys: list[str]) -> torch.Tensor:
    return _values(len(keys))


@torch.library.register_fake("fits::header_values.paths")
def _(paths: list[str], hdu: int, keys: list[str]) -> torch.Tensor:
    return _values(len(paths), len(keys))


@torch.library.register_fake("fits::header_values.packed")
def _(data: torch.Tensor, offsets: torch.Tensor, hdu: int, keys: list[str]) -> torch.Tensor:
    return _values(batch_size(offsets), len(keys))


@torch.library.register_fake("fits::header_values_status.paths")
def _(paths: list[str], hdu: int, keys: list[str]) -> tuple[torch.Tensor, torch.Tensor]:
    return _values(len(paths), len(keys)), _status(len(paths))


@torch.library.register_fake("fits::header_values_status.packed")
def _(data: torch.Tensor, offsets: torch.Tensor, hdu: int, keys: list[str]) -> tuple[torch.Tensor, torch.Tensor]:
    return _values(batch_size(offsets), len(keys)), _status(batch_size(offsets))


@torch.library.register_fake("fits::hdus")
def _(path: str) -> torch.Tensor:
    return _hdu_table()


@torch.library.register_fake("fits::hdus.bytes")
def _(data: torch.Tensor) -> torch.Tensor:
    return _hdu_table()
