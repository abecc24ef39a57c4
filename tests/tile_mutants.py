"""Broken tiles: sound compressed images of every codec, their streams cut, changed or exchanged, their sizes lies.

What a cut or changed stream gives is an error, or, where what is gone was not needed, the right pixels; see mutants.py.
"""

import random
import struct
from collections.abc import Iterator

import numpy as np
from astropy.io import fits
from mutants import BLOCK, CARD, Mutant, Sample, _bytes_of, _lie, _with, header, sample

ROWS = 6  # tiles of each sample


def tiled(codec: str, dtype: str = "i2", method: int = -1, q: bool = False) -> Sample:
    """Six tiles, all different, of a row each (HCOMPRESS_1: 4 rows)."""
    values = np.random.default_rng(11).integers(0, 200, (ROWS * (4 if codec == "HCOMPRESS_1" else 1), 40))
    tile = (4, 40) if codec == "HCOMPRESS_1" else (1, 40)
    options = {"quantize_level": -0.5, "quantize_method": method, "dither_seed": 3} if dtype[0] == "f" else {}
    image = fits.CompImageHDU(values.astype(dtype), compression_type=codec, tile_shape=tile, **options)
    data = _bytes_of(fits.HDUList([fits.PrimaryHDU(), image]))
    name = f"tiles of {codec} {dtype}"
    return with_q_descriptors(sample(name, data)) if q else sample(name, data)


def with_q_descriptors(of: Sample) -> Sample:
    """The same with 64-bit descriptors; of images that have a column of tiles and no other."""
    extent, cards = of.extents[1], cards_of(of)
    width, rows = int(value_of(cards, "NAXIS1")), int(value_of(cards, "NAXIS2"))
    assert width == 8, "a column of tiles and no other"
    tform = value_of(cards, "TFORM1").replace("P", "Q")
    heap = of.data[extent.data_start + rows * width : extent.data_end]
    wide = b"".join(struct.pack(">qq", *pair) for pair in descriptors(of))
    data = of.data[: extent.start] + header(*_with(cards, "NAXIS1  = 16", f"TFORM1  = {tform}"))
    return sample(f"{of.name} Q", data + wide + heap + bytes(-len(wide + heap) % BLOCK))


def cards_of(of: Sample) -> tuple[str, ...]:
    extent = of.extents[1]
    return tuple(of.data[i : i + CARD].decode() for i in range(extent.start, extent.header_end - CARD, CARD))


def value_of(cards: tuple[str, ...], keyword: str) -> str:
    line = next(card for card in cards if card.startswith(keyword.ljust(8)))
    return line[10:].split(" /")[0].strip()


class Table:
    """The descriptors of a sample's first column, and where its heap begins."""

    def __init__(self, of: Sample) -> None:
        cards = cards_of(of)
        self.of, self.start = of, of.extents[1].data_start
        self.width, self.rows = int(value_of(cards, "NAXIS1")), int(value_of(cards, "NAXIS2"))
        self.format = ">qq" if "Q" in value_of(cards, "TFORM1") else ">ii"
        self.element = 2 if "I(" in value_of(cards, "TFORM1") else 1
        self.heap = self.start + self.width * self.rows

    def descriptor(self, row: int) -> tuple[int, int]:
        count, offset = struct.unpack_from(self.format, self.of.data, self.start + row * self.width)
        return int(count), int(offset)

    def with_descriptor(self, row: int, count: int, offset: int) -> bytes:
        data = bytearray(self.of.data)
        struct.pack_into(self.format, data, self.start + row * self.width, count, offset)
        return bytes(data)

    def stream(self, row: int) -> tuple[int, int]:
        """First byte of a tile's stream in the file, and the byte behind it."""
        count, offset = self.descriptor(row)
        return self.heap + offset, self.heap + offset + count * self.element


def descriptors(of: Sample) -> list[tuple[int, int]]:
    table = Table(of)
    return [table.descriptor(row) for row in range(table.rows)]


def _mutant(of: Sample, name: str, data: bytes, *, truthful: bool, refused: bool = False) -> Mutant:
    refusals = frozenset({1}) if refused else frozenset[int]()
    return Mutant(f"{of.name}, {name}", data, headers=frozenset({0, 1}), refused=refusals, truthful=truthful)


def streams_cut(of: Sample) -> Iterator[Mutant]:
    """The descriptor ends sooner: an error, or the right pixels where only padding is gone. Never other pixels."""
    table = Table(of)
    for row in (0, table.rows - 1):
        count, offset = table.descriptor(row)
        for left in sorted({*range(1, min(count, 24)), *range(1, count, 7), count - 1}):
            yield _mutant(of, f"tile {row} of {left}/{count}", table.with_descriptor(row, left, offset), truthful=True)


def streams_changed(of: Sample, count: int, seed: int = 4) -> Iterator[Mutant]:
    """Bytes of one tile's stream changed: another image or an error, in bounds of time and memory."""
    table, draw = Table(of), random.Random(seed)
    for number in range(count):
        row = draw.randrange(table.rows)
        first, last = table.stream(row)
        data = bytearray(of.data)
        # The first bytes hold sizes, scales and counts of planes.
        places = range(first, min(last, first + 16)) if number % 2 else range(first, last)
        for place in draw.sample(places, min(len(places), draw.choice([1, 1, 2, 5]))):
            data[place] = draw.choice([0, 0xFF, 0x80, 0x7F, draw.randrange(256)])
        yield _mutant(of, f"tile {row} changed ({number})", bytes(data), truthful=False)
    for name, byte in (("zeros", 0), ("ones", 0xFF), ("0x55", 0x55)):
        first, last = table.stream(1)
        data = of.data[:first] + bytes([byte]) * (last - first) + of.data[last:]
        yield _mutant(of, f"tile 1 all {name}", data, truthful=False)


def descriptor_lies(of: Sample) -> Iterator[Mutant]:
    """Descriptors that point outside the heap must be refused; those that point to another tile may be read."""
    table = Table(of)
    heap = (of.extents[1].data_end - table.heap) // table.element
    greatest = 2**63 - 1 if table.format == ">qq" else 2**31 - 1
    count, offset = table.descriptor(2)
    for name, lie in {
        "one element too long": (heap - offset // table.element + 1, offset),
        "at the end of the heap": (1, heap * table.element),
        "count -1": (-1, offset),
        "offset -1": (count, -1),
        "greatest count": (greatest, offset),
        "greatest offset": (count, greatest),
        "both greatest": (greatest, greatest),
        "both least": (-greatest - 1, -greatest - 1),
        "sum wraps to 0": (greatest, greatest + 1 - 2 * greatest),
    }.items():
        yield _mutant(of, f"descriptor, {name}", table.with_descriptor(2, *lie), truthful=False, refused=True)
    for name, sound in {"nothing": (0, 0), "that of tile 0": table.descriptor(0), "to the end": (1, offset)}.items():
        yield _mutant(of, f"descriptor, {name}", table.with_descriptor(2, *sound), truthful=False)


def size_lies(of: Sample) -> Iterator[Mutant]:
    """Images and tiles that claim more than any stream can give: refused before memory is taken."""
    extent, cards = of.extents[1], cards_of(of)
    for name, changes in {
        "a tile of 2^40 pixels": ["ZNAXIS1 = 1099511627776", "ZTILE1  = 1099511627776", "ZNAXIS2 = 1", "ZTILE2  = 1"],
        "tiles of 2^40 pixels": ["ZNAXIS1 = 1048576", "ZNAXIS2 = 6291456", "ZTILE1  = 1048576", "ZTILE2  = 1048576"],
        "rows of 2^40 pixels": ["ZNAXIS1 = 1099511627776", "ZTILE1  = 1099511627776"],
        "2^31 pixels": ["ZNAXIS1 = 2147483648", "ZTILE1  = 2147483648"],
        "six axes of 2^20": [
            "ZNAXIS  = 6",
            *(f"ZNAXIS{n} = 1048576" for n in range(1, 7)),
            *(f"ZTILE{n}  = 1048576" for n in range(1, 7)),
        ],
        "2^40 tiles": ["ZNAXIS1 = 1048576", "ZNAXIS2 = 1048576", "ZTILE1  = 1", "ZTILE2  = 1"],
        "twice the rows": [f"ZNAXIS2 = {2 * int(value_of(cards, 'ZNAXIS2'))}"],
    }.items():
        data = of.data[: extent.start] + header(*_with(cards, *changes)) + of.data[extent.data_start :]
        yield _lie(f"{of.name}, {name}", data, refused={1})
