"""Sections of images: as Python slices in tensor order, or as CFITSIO's ranges, and how either is read.

``[10:20,30:40]`` counts pixels from 1, both ends belong to it, the fastest axis comes first; ``*`` is a whole axis,
``-*`` a reversed one, ``20:10`` runs backwards, ``10:20:2`` takes every second pixel (CFITSIO User's Reference Guide,
"Image Section"). As in CFITSIO, axes left out at the end are whole; more ranges than axes raise, which CFITSIO ignores.
``-*:2`` counts from the last pixel, as CFITSIO does in plain images (in compressed ones it counts from the first).
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import EllipsisType
from typing import NamedTuple, SupportsIndex

import torch

Index = SupportsIndex | slice | EllipsisType
SectionLike = str | Index | tuple[Index, ...]

_SECTION = re.compile(r"\d*\s*[:*-].*", re.DOTALL)


_SIGNED = {torch.uint16: torch.int16, torch.uint32: torch.int32, torch.uint64: torch.int64}


class Range(NamedTuple):
    """One axis of a CFITSIO section: first and last pixel, or None for the whole axis."""

    ends: tuple[int, int] | None
    step: int  # below zero: backwards


def looks_like_section(text: str) -> bool:
    """Whether CFITSIO takes the text between brackets for a section: digits, then ``:``, ``*`` or ``-``."""
    return _SECTION.fullmatch(text) is not None


def parse_section(text: str) -> list[Range]:
    """The ranges of a section, in FITS order.

    >>> parse_section("[10:20:2, -*]")
    [Range(ends=(10, 20), step=2), Range(ends=None, step=-1)]
    """
    inner = text.strip()
    if inner.startswith("[") and inner.endswith("]"):
        inner = inner[1:-1]
    return [_parse_range(part.strip(), text) for part in inner.split(",")]


def _parse_range(part: str, text: str) -> Range:
    match = re.fullmatch(r"(?:(-?\*)|(\d+)\s*:\s*(\d+))?\s*(?::\s*(\d+))?", part)
    if match is None or not part or match[4] == "0":
        raise ValueError(
            f"image section {text}: {part!r} is not a range. A range is first:last or first:last:step, counted from 1, "
            "* for a whole axis or -* for a reversed one; one pixel is 5:5"
        )
    step = int(match[4] or 1)
    if match[2] is None:
        return Range(None, -step if match[1] == "-*" else step)
    first, last = int(match[2]), int(match[3])
    return Range((first, last), step if first <= last else -step)


def as_slices(text: str, shape: Sequence[int]) -> tuple[slice, ...]:
    """A CFITSIO section of an image of `shape` as slices in tensor order. Axes left out are whole."""
    ranges = parse_section(text)
    if len(ranges) > len(shape):
        raise IndexError(f"image section {text} has {len(ranges)} ranges, the image {len(shape)} axes")
    slices = [slice(None)] * len(shape)
    for axis, (ends, step) in enumerate(ranges):
        size = shape[-1 - axis]
        if ends is None:
            slices[-1 - axis] = slice(None, None, step)
            continue
        if min(ends) < 1 or max(ends) > size:
            raise IndexError(f"image section {text} goes out of the image: NAXIS{axis + 1} = {size}")
        first, last = ends
        stop = last if step > 0 else last - 2
        slices[-1 - axis] = slice(first - 1, stop if stop >= 0 else None, step)
    return tuple(slices)


# The pick of an axis of which every pixel of the box is wanted.
_ALL = slice(None, None, 1)


@dataclass(slots=True)
class Window:
    """The box of pixels that a section spans, and what is to be done with them once they are read."""

    start: list[int]
    size: list[int]
    picks: list[int | slice]  # strides, and the axes that integers take away
    flipped: list[int]  # axes of what is left that run backwards

    @classmethod
    def of(cls, section: SectionLike, shape: Sequence[int]) -> Window:
        """The window of a section of an image of `shape`, indexed as NumPy would."""
        window = cls([], [], [], [])
        kept = 0
        indices = as_slices(section, shape) if isinstance(section, str) else expanded(section, len(shape))
        for axis, (index, size) in enumerate(zip(indices, shape)):
            if isinstance(index, slice):
                first, stop, step = index.indices(size)
                count = len(range(first, stop, step))
                last = first + (count - 1) * step
                low, high = (min(first, last), max(first, last) + 1) if count else (0, 0)
                window._add(low, high - low, slice(None, None, abs(step)))
                if step < 0:
                    window.flipped.append(kept)
                kept += 1
            else:
                number = operator.index(index)
                if not -size <= number < size:
                    raise IndexError(f"index {number} is out of the {size} pixels of axis {axis}")
                window._add(number % size, 1, 0)
        return window

    def _add(self, start: int, size: int, pick: int | slice) -> None:
        self.start.append(start)
        self.size.append(size)
        self.picks.append(pick)

    def read(self, read_box: Callable[[list[int], list[int]], torch.Tensor]) -> torch.Tensor:
        """The section's pixels, in memory of their own; `read_box` reads a box by its start and size."""
        chosen = read_box(self.start, self.size)
        if any(pick != _ALL for pick in self.picks):
            chosen = chosen[tuple(self.picks)]
        if not self.flipped:
            return chosen.contiguous()
        # torch flips no unsigned integers of more than 8 bits
        return chosen.view(_SIGNED.get(chosen.dtype, chosen.dtype)).flip(self.flipped).view(chosen.dtype)


def expanded(section: Index | tuple[Index, ...], naxis: int) -> Sequence[SupportsIndex | slice]:
    """One index for every axis, the Ellipsis and what is left out at the end spelled out."""
    indices = section if isinstance(section, tuple) else (section,)
    given: list[SupportsIndex | slice] = []
    place = None
    for index in indices:
        if isinstance(index, slice) or (hasattr(index, "__index__") and not isinstance(index, (bool, torch.Tensor))):
            given.append(index)
        elif index is not ...:
            raise TypeError(
                f"a section is made of integers, slices and ..., not of {index!r}; "
                "for anything else read the image and index the tensor"
            )
        elif place is None:
            place = len(given)
        else:
            raise IndexError("a section may have one ellipsis (...)")
    missing = naxis - len(given)
    if missing < 0:
        raise IndexError(f"a section of {len(given)} indices is asked of an image of {naxis} axes")
    place = len(given) if place is None else place
    return [*given[:place], *[slice(None)] * missing, *given[place:]] if missing else given
