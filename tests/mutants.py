"""Broken FITS files, made the same way every time, and small sound ones to break.

A Mutant says what must still be right of it: of which HDUs the header, and of which the image, is untouched, and which
images must be refused. What is in neither set may be read or refused, but never crash, hang or take memory that the
file only claims (tests/test_hostile.py is the judge).
"""

import gzip
import io
import random
import struct
import warnings
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from astropy.io import fits

BLOCK = 2880
CARD = 80
SMALL = 64 * 1024  # samples up to this size are cut at every byte


@dataclass(frozen=True)
class Extent:
    """Where one HDU of a sample lies: its header with END, and its data."""

    start: int
    header_end: int  # after the END card
    data_start: int
    data_end: int  # without padding
    plain: bool  # an image whose stored values are its bytes
    has_image: bool


@dataclass(frozen=True)
class Sample:
    name: str
    data: bytes
    extents: tuple[Extent, ...]


@dataclass(frozen=True)
class Mutant:
    name: str
    data: bytes
    headers: frozenset[int] = frozenset()  # HDUs whose header must read as in the sample
    images: frozenset[int] = frozenset()  # HDUs whose image must read as in the sample
    refused: frozenset[int] = frozenset()  # HDUs whose image must not be read
    changed: tuple[int, ...] = field(default=())  # bytes that differ, all of them in data units of plain images
    truthful: bool = True  # whatever is read must be as in the sample: nothing but a part is missing


# --- Sound files --------------------------------------------------------------------------------------------------


def _bytes_of(hdus: fits.HDUList) -> bytes:
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        hdus.writeto(buffer, output_verify="ignore")
    return buffer.getvalue()


def _extents(data: bytes) -> tuple[Extent, ...]:
    extents = []
    with fits.open(io.BytesIO(data), disable_image_compression=True) as hdus:
        for hdu in hdus:
            info = hdu.fileinfo()
            start, data_start = info["hdrLoc"], info["datLoc"]
            end = next(i for i in range(start, data_start, CARD) if data[i : i + 8] == b"END     ")
            plain = type(hdu) in (fits.PrimaryHDU, fits.ImageHDU) and hdu.header["NAXIS"] > 0
            has_image = plain or isinstance(hdu, fits.GroupsHDU) or "ZIMAGE" in hdu.header
            data_end = data_start + hdu.size
            extents.append(Extent(start, end + CARD, data_start, data_end, plain, has_image))
    return tuple(extents)


def sample(name: str, data: bytes) -> Sample:
    return Sample(name, data, _extents(data))


def _pixels(dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(7).integers(1, 100, size=shape).astype(dtype)


def primary_image() -> Sample:
    hdu = fits.PrimaryHDU(_pixels("i2", (5, 7)))
    hdu.header["OBJECT"] = ("M 31", "name")
    hdu.header["EXPTIME"] = 30.5
    hdu.header["LONG"] = "a long string " * 8
    hdu.header["HISTORY"] = "made for breaking"
    return sample("primary", _bytes_of(fits.HDUList([hdu])))


def extensions() -> Sample:
    table = fits.BinTableHDU.from_columns(
        [fits.Column("A", "J", array=np.arange(4)), fits.Column("S", "3A", array=["a", "b", "c", "d"])]
    )
    image = fits.ImageHDU(_pixels("f4", (3, 4)), name="SCI")
    scaled = fits.ImageHDU(_pixels("u2", (2, 6)), name="UNSIGNED")
    return sample("extensions", _bytes_of(fits.HDUList([fits.PrimaryHDU(), image, table, scaled])))


def compressed(codec: str = "RICE_1", dtype: str = "i2") -> Sample:
    image = fits.CompImageHDU(_pixels(dtype, (8, 12)), compression_type=codec)
    return sample(f"compressed-{codec}-{dtype}", _bytes_of(fits.HDUList([fits.PrimaryHDU(), image])))


def random_groups() -> Sample:
    cards = (PRIMARY[0], "BITPIX  = 16", "NAXIS   = 3", "NAXIS1  = 0", "NAXIS2  = 4", "NAXIS3  = 2")
    values = _pixels(">i2", (3, 2 + 8)).tobytes()  # three groups of two parameters and 2 x 4 pixels
    return sample("groups", header(*cards, "GROUPS  = T", "PCOUNT  = 2", "GCOUNT  = 3") + block(values))


# --- Cuts and changed bytes ---------------------------------------------------------------------------------------


def cut(of: Sample, size: int) -> Mutant:
    headers = {k for k, e in enumerate(of.extents) if size >= e.header_end}
    whole = {k for k, e in enumerate(of.extents) if e.has_image and size >= e.data_end}
    cut_off = {k for k, e in enumerate(of.extents) if e.has_image and size < e.data_end}
    return Mutant(f"{of.name} cut at {size}", of.data[:size], frozenset(headers), frozenset(whole), frozenset(cut_off))


def cuts(of: Sample, boundaries: tuple[int, ...] = (), seed: int = 1) -> Iterator[Mutant]:
    """Every byte of small samples; of larger ones the headers, each block (and boundary) +-1, and 500 random places."""
    size = len(of.data)
    if size <= SMALL:
        places = set(range(size))
    else:
        places = {i for e in of.extents for i in range(e.start, e.data_start)}
        edges = [*range(0, size, BLOCK), *boundaries]
        places |= {i for edge in edges for i in (edge - 1, edge, edge + 1) if 0 <= i < size}
        places |= set(random.Random(seed).sample(range(size), 500))
    return (cut(of, place) for place in sorted(places))


def changed(of: Sample, places: list[int], values: list[int]) -> Mutant:
    data = bytearray(of.data)
    for place, value in zip(places, values, strict=True):
        data[place] = value
    touched = [i for i in range(len(data)) if data[i] != of.data[i]]

    def in_header(i: int) -> bool:
        return any(e.start <= i < e.header_end for e in of.extents)

    def owner(i: int) -> int | None:
        return next((k for k, e in enumerate(of.extents) if e.data_start <= i < e.data_end), None)

    # After a changed header the walk may go anywhere.
    first_bad = min(
        (k for k, e in enumerate(of.extents) if any(e.start <= i < e.header_end for i in touched)),
        default=len(of.extents),
    )
    owners = {owner(i) for i in touched}
    clean = {k for k in range(first_bad) if k not in owners}
    plain = first_bad == len(of.extents) and all(k is None or of.extents[k].plain for k in owners)
    return Mutant(
        f"{of.name} with bytes {', '.join(f'{i}={data[i]}' for i in touched)}",
        bytes(data),
        headers=frozenset(range(first_bad)),
        images=frozenset(k for k in clean if of.extents[k].has_image),
        changed=tuple(i for i in touched if owner(i) is not None) if plain else (),
        truthful=not any(in_header(i) for i in touched) and owners <= {None},
    )


def changes(of: Sample, count: int, seed: int = 2) -> Iterator[Mutant]:
    """`count` files with 1, 2, 4 or 16 random bytes changed, in the headers as often as anywhere."""
    draw = random.Random(seed)
    in_headers = [i for e in of.extents for i in range(e.start, e.header_end)]
    for _ in range(count):
        many = draw.choice([1, 1, 1, 2, 4, 16])
        places = draw.sample(in_headers if draw.random() < 0.5 else range(len(of.data)), many)
        # Half of them in characters that cards are made of: these get further into the parser.
        values = [
            draw.choice(b" 0123456789-+.'/=ETF()&") if draw.random() < 0.5 else draw.randrange(256) for _ in places
        ]
        yield changed(of, places, values)


# --- Lies by hand -------------------------------------------------------------------------------------------------


def header(*cards: str | bytes, end: bool = True, pad: bool = True) -> bytes:
    lines = [card if isinstance(card, bytes) else card.encode("latin-1") for card in cards]
    text = b"".join(line[:CARD].ljust(CARD) for line in lines) + (b"END".ljust(CARD) if end else b"")
    return text + b" " * (-len(text) % BLOCK if pad else 0)


def block(data: bytes) -> bytes:
    return data + bytes(-len(data) % BLOCK)


def _with(header_cards: tuple[str, ...], *changes: str) -> tuple[str, ...]:
    """The cards with some replaced (same keyword), added, or removed (a change without '=')."""
    cards = list(header_cards)
    for change in changes:
        at = next((i for i, card in enumerate(cards) if card[:8] == change[:8].ljust(8)), None)
        if "=" not in change:
            assert at is not None
            del cards[at]
        elif at is None:
            cards.append(change)
        else:
            cards[at] = change
    return tuple(cards)


PRIMARY = ("SIMPLE  =                    T", "BITPIX  = 16", "NAXIS   = 2", "NAXIS1  = 3", "NAXIS2  = 2")
IMAGE = (
    "XTENSION= 'IMAGE   '",
    "BITPIX  = 16",
    "NAXIS   = 2",
    "NAXIS1  = 3",
    "NAXIS2  = 2",
    "PCOUNT  = 0",
    "GCOUNT  = 1",
)
TABLE = (
    "XTENSION= 'BINTABLE'",
    "BITPIX  = 8",
    "NAXIS   = 2",
    "NAXIS1  = 4",
    "NAXIS2  = 2",
    "PCOUNT  = 0",
    "GCOUNT  = 1",
    "TFIELDS = 1",
    "TTYPE1  = 'A'",
    "TFORM1  = 'J'",
)
PIXELS = block(struct.pack(">6h", 1, 2, 3, 4, 5, 6))
ROWS = block(struct.pack(">2i", 1, 2))
GOOD = header(*PRIMARY) + PIXELS


def lie_base() -> Sample:
    """What the lies were before somebody lied: an image, an extension with the same pixels, a table, an image."""
    data = GOOD + header(*IMAGE) + PIXELS + header(*TABLE) + ROWS + header(*IMAGE) + PIXELS
    return sample("lies", data)


HUGE = 2**62
MINIMUM = -(2**63)
SIZE_LIES = {
    "NAXIS1 = 2^62": ["NAXIS1  = 4611686018427387904"],
    "NAXIS1 = 2^63": ["NAXIS1  = 9223372036854775808"],
    "NAXIS1 of 40 digits": ["NAXIS1  = " + "9" * 40],
    "NAXIS1 = 2^40": ["NAXIS1  = 1099511627776"],
    "NAXIS1 = -1": ["NAXIS1  = -1"],
    "NAXIS1 = -2^63": [f"NAXIS1  = {MINIMUM}"],
    "NAXIS2 = -3": ["NAXIS2  = -3"],
    "both axes negative": ["NAXIS1  = -3", "NAXIS2  = -2"],
    "product 2^64": ["NAXIS1  = 4294967296", "NAXIS2  = 4294967296"],
    "product 2^64 + 6": ["NAXIS   = 3", "NAXIS1  = 4294967296", "NAXIS2  = 4294967296", "NAXIS3  = 6"],
    "bytes 2^63": ["NAXIS1  = 2147483648", "NAXIS2  = 2147483648"],
    "NAXIS1 real": ["NAXIS1  = 3.5"],
    "NAXIS1 string": ["NAXIS1  = '3'"],
    "NAXIS1 logical": ["NAXIS1  = T"],
    "NAXIS1 absent": ["NAXIS1"],
    "NAXIS2 absent": ["NAXIS2"],
    "NAXIS1 undefined": ["NAXIS1  ="],
    "NAXIS absent": ["NAXIS"],
    "NAXIS = -1": ["NAXIS   = -1"],
    "NAXIS = 1000": ["NAXIS   = 1000"],
    "NAXIS = 999 without axes": ["NAXIS   = 999"],
    "NAXIS = 2^62": ["NAXIS   = 4611686018427387904"],
    "NAXIS = 'two'": ["NAXIS   = 'two'"],
    "BITPIX = 24": ["BITPIX  = 24"],
    "BITPIX = 0": ["BITPIX  = 0"],
    "BITPIX = -16": ["BITPIX  = -16"],
    "BITPIX = 2^32 + 16": ["BITPIX  = 4294967312"],
    "BITPIX = 16.5": ["BITPIX  = 16.5"],
    "BITPIX absent": ["BITPIX"],
}
EXTENSION_LIES = {
    "PCOUNT = -1": ["PCOUNT  = -1"],
    "PCOUNT = -2^63": [f"PCOUNT  = {MINIMUM}"],
    "PCOUNT = 2^62": ["PCOUNT  = 4611686018427387904"],
    "GCOUNT = -1": ["GCOUNT  = -1"],
    "GCOUNT = 2^62": ["GCOUNT  = 4611686018427387904"],
    "PCOUNT and GCOUNT 2^32": ["PCOUNT  = 4294967296", "GCOUNT  = 4294967296"],
}


def _lie(name: str, data: bytes, *, images: set[int] | None = None, refused: set[int] | None = None) -> Mutant:
    """`images` read as in lie_base(); their headers too where they follow its first one."""
    sound = frozenset(images or set())
    headers = sound if data.startswith(GOOD) else frozenset[int]()
    return Mutant(name, data, headers, sound, frozenset(refused or set()), truthful=False)


def size_lies() -> Iterator[Mutant]:
    """Of a primary image, and of the extension after a sound one."""
    rest = header(*TABLE) + ROWS + header(*IMAGE) + PIXELS
    # Its first pixels are there for who asks for no more.
    yield _lie("primary, a pixel too many", header(*_with(PRIMARY, "NAXIS1  = 721")) + PIXELS)
    for name, lies in SIZE_LIES.items():
        yield _lie(f"primary, {name}", header(*_with(PRIMARY, *lies)) + PIXELS, refused={0})
        data = GOOD + header(*_with(IMAGE, *lies)) + PIXELS + rest
        yield _lie(f"extension, {name}", data, images={0}, refused={1})
    for name, lies in EXTENSION_LIES.items():
        data = GOOD + header(*_with(IMAGE, *lies)) + PIXELS + rest
        yield _lie(f"extension, {name}", data, images={0}, refused={1})
        yield _lie(f"table, {name}", GOOD + header(*_with(TABLE, *lies)) + ROWS + rest, images={0})
    for name, lies in SIZE_LIES.items():
        if name not in ("NAXIS1 = -1", "NAXIS1 = 2^62", "NAXIS = 1000", "product 2^64", "NAXIS absent"):
            continue
        yield _lie(f"table, {name}", GOOD + header(*_with(TABLE, *lies)) + ROWS, images={0}, refused={1})
    axes = [f"NAXIS{i + 1:<3}= 1" for i in range(999)]
    many = ("SIMPLE  = T", "BITPIX  = 8", "NAXIS   = 999", *axes)
    yield _lie("999 axes of one pixel", header(*many) + block(b"\x05"))
    yield _lie("999 axes of two pixels", header(*many[:3], *(a.replace("= 1", "= 2") for a in axes)), refused={0})
    yield _lie("1000 axes", header("SIMPLE  = T", "BITPIX  = 8", "NAXIS   = 1000", *axes, "NAXIS1000= 1"), refused={0})


def structure_lies() -> Iterator[Mutant]:
    """END, order, duplicates, unknown types, junk."""
    none = {0}
    yield _lie("nothing", b"", refused=none)
    yield _lie("one byte", b"S", refused=none)
    yield _lie("one block of blanks", b" " * BLOCK, refused=none)
    yield _lie("one block of zeros", bytes(BLOCK), refused=none)
    yield _lie("one block of 0xff", b"\xff" * BLOCK, refused=none)
    yield _lie("SIMPLE alone", b"SIMPLE  =                    T", refused=none)
    yield _lie("no END", header(*PRIMARY, end=False), refused=none)
    yield _lie("no END, pixels follow", header(*PRIMARY, end=False) + PIXELS, refused=none)
    yield _lie("no END, 1 MiB of blanks", header(*PRIMARY, end=False) + b" " * (1 << 20), refused=none)
    yield _lie("END before the sizes", header("SIMPLE  = T", "END", *PRIMARY[1:]) + PIXELS, refused=none)
    yield _lie("END alone", header("END", end=False), refused=none)
    yield _lie("END misplaced by one byte", header(*PRIMARY, end=False, pad=False) + b" END".ljust(CARD), refused=none)
    yield _lie("END with a value", header(*PRIMARY, "END     = 1", end=False) + PIXELS)
    yield _lie("lower-case end", header(*PRIMARY, "end", end=False) + PIXELS, refused=none)
    yield _lie("header of blanks but SIMPLE", header("SIMPLE  = T", *[""] * 100), refused=none)
    yield _lie("endless CONTINUE", header("SIMPLE  = T", *["CONTINUE  'on and on &'"] * 20000), refused=none)
    yield _lie("long string without its end", header(*PRIMARY, *["CONTINUE  'on &'"] * 5000) + PIXELS, images={0})
    yield _lie("NUL bytes in a card", header(*PRIMARY, b"OBJECT  = 'a\0b'") + PIXELS, images=set())
    yield _lie("card of NUL bytes", header(*PRIMARY, bytes(CARD)) + PIXELS)
    yield _lie("NUL padding after END", header(*PRIMARY, pad=False).ljust(BLOCK, b"\0") + PIXELS, images={0})
    yield _lie("bytes above 126 everywhere", header(*PRIMARY, b"\xe9" * CARD, b"OBJECT  = '\xe9\xff\x80'") + PIXELS)
    yield _lie("SIMPLE = F", header("SIMPLE  = F", *PRIMARY[1:]) + PIXELS)
    yield _lie("SIMPLE a string", header("SIMPLE  = 'T'", *PRIMARY[1:]) + PIXELS)
    yield _lie("XTENSION at the start of the file", header(*IMAGE) + PIXELS, refused=none)
    yield _lie("XTENSION unknown", GOOD + header("XTENSION= 'NONSENSE'", *IMAGE[1:]) + PIXELS, images={0}, refused={1})
    yield _lie("XTENSION empty", GOOD + header("XTENSION= ''", *IMAGE[1:]) + PIXELS, images={0})
    yield _lie("XTENSION a number", GOOD + header("XTENSION= 5", *IMAGE[1:]) + PIXELS, images={0})
    yield _lie("XTENSION in a primary header", header(*PRIMARY, "XTENSION= 'BINTABLE'") + PIXELS, images={0})
    yield _lie("GROUPS without its axes", header(*PRIMARY, "GROUPS  = T", "PCOUNT  = -1", "GCOUNT  = 2") + PIXELS)
    groups = ("SIMPLE  = T", "BITPIX  = 16", "NAXIS   = 2", "NAXIS1  = 0", "NAXIS2  = 3", "GROUPS  = T")
    for name, counts in {
        "GCOUNT = 2^62": ["PCOUNT  = 0", f"GCOUNT  = {HUGE}"],
        "PCOUNT = 2^62": [f"PCOUNT  = {HUGE}", "GCOUNT  = 2"],
        "PCOUNT = -3": ["PCOUNT  = -3", "GCOUNT  = 2"],
        "GCOUNT = -2": ["PCOUNT  = 0", "GCOUNT  = -2"],
    }.items():
        yield _lie(f"random groups, {name}", header(*groups, *counts) + PIXELS, refused=none)
    for name, extra in {
        "BITPIX": "BITPIX  = 64",
        "NAXIS": "NAXIS   = 1",
        "NAXIS1": "NAXIS1  = 4611686018427387904",
        "SIMPLE": "SIMPLE  = F",
    }.items():
        yield _lie(f"duplicate {name}", header(*PRIMARY, extra) + PIXELS, images={0})
    yield _lie("sizes after other keywords", header(PRIMARY[0], "OBJECT  = 'x'", *PRIMARY[1:]) + PIXELS, images={0})
    for name, junk in {"zeros": bytes(5000), "blanks": b" " * 5000, "text": b"junk" * 1000, "one byte": b"\0"}.items():
        yield _lie(f"{name} after the last HDU", GOOD + junk, images={0})
    yield _lie("a second SIMPLE after the last HDU", GOOD + GOOD, images={0})
    yield _lie("no padding after the last pixel", header(*PRIMARY) + PIXELS[:12], images={0})
    yield _lie("10000 HDUs", GOOD + header(*IMAGE[:2], "NAXIS   = 0", *IMAGE[5:]) * 10000, images={0})


def scaling_lies() -> Iterator[Mutant]:
    for name, card in {
        "BSCALE a string": "BSCALE  = 'x'",
        "BZERO a string": "BZERO   = 'x'",
        "BSCALE malformed": "BSCALE  = 1.2.3",
        "BSCALE overflowing": "BSCALE  = 1E999",
        "BZERO of 69 digits": "BZERO   = " + "1" * 69,
        "BLANK a string": "BLANK   = 'x'",
        "BLANK of 2^64": "BLANK   = 18446744073709551616",
        "BLANK real": "BLANK   = 1.5",
        "BSCALE = 0": "BSCALE  = 0",
    }.items():
        # It concerns the values of one HDU: the others must not suffer.
        data = GOOD + header(*IMAGE, card) + PIXELS + header(*TABLE, card) + ROWS + header(*IMAGE) + PIXELS
        no_number = name in ("BSCALE a string", "BZERO a string", "BSCALE malformed", "BSCALE overflowing")
        yield _lie(name, data, images={0, 3}, refused={1} if no_number else set())


def table_lies() -> Iterator[Mutant]:
    """What concerns the columns only: the HDUs around the table are where they always were."""
    before, after = GOOD + header(*IMAGE) + PIXELS, header(*IMAGE) + PIXELS
    for name, lies in {
        "TFIELDS = -1": ["TFIELDS = -1"],
        "TFIELDS = 1000000": ["TFIELDS = 1000000"],
        "TFIELDS absent": ["TFIELDS"],
        "TFORM1 nonsense": ["TFORM1  = '???'"],
        "TFORM1 empty": ["TFORM1  = ''"],
        "TFORM1 huge": ["TFORM1  = '99999999999999999999J'"],
        "TFORM1 a number": ["TFORM1  = 4"],
        "TFORM1 absent": ["TFORM1"],
        "TFORM1 a heap past the end": ["TFORM1  = '1PJ(999999999)'", "NAXIS1  = 8", "NAXIS2  = 1"],
        "TFORM1 wider than NAXIS1": ["TFORM1  = '100D'"],
        "THEAP before the rows": ["THEAP   = -8"],
        "THEAP past the end": [f"THEAP   = {HUGE}"],
    }.items():
        data = before + header(*_with(TABLE, *lies)) + ROWS + after
        yield _lie(name, data, images={0, 1, 3}, refused={2})


def compressed_lies(of: Sample) -> Iterator[Mutant]:
    """Lies about the original image in the header of the compressed HDU 1 of `of`."""
    extent = of.extents[1]
    cards = [of.data[i : i + CARD].decode() for i in range(extent.start, extent.header_end - CARD, CARD)]
    must_fail = {
        "ZNAXIS1 = 2^62": ["ZNAXIS1 = 4611686018427387904"],
        "ZNAXIS1 = -1": ["ZNAXIS1 = -1"],
        "ZNAXIS2 = 2^40": ["ZNAXIS2 = 1099511627776"],
        "both axes 2^20": ["ZNAXIS1 = 1048576", "ZNAXIS2 = 1048576", "ZTILE1  = 1048576", "ZTILE2  = 1048576"],
        "one tile of 2^31 pixels": ["ZNAXIS1 = 65536", "ZNAXIS2 = 32768", "ZTILE1  = 65536", "ZTILE2  = 32768"],
        "product 2^64": ["ZNAXIS1 = 4294967296", "ZNAXIS2 = 4294967296"],
        "ZNAXIS = 0": ["ZNAXIS  = 0"],
        "ZNAXIS = 3": ["ZNAXIS  = 3"],
        "ZNAXIS = 1000": ["ZNAXIS  = 1000"],
        "ZNAXIS = -2": ["ZNAXIS  = -2"],
        "ZNAXIS absent": ["ZNAXIS"],
        "ZNAXIS1 absent": ["ZNAXIS1"],
        "ZBITPIX = 24": ["ZBITPIX = 24"],
        "ZBITPIX absent": ["ZBITPIX"],
        "ZCMPTYPE unknown": ["ZCMPTYPE= 'NONSENSE'"],
        "ZTILE1 = -4": ["ZTILE1  = -4"],
        "more tiles than rows": ["ZTILE1  = 1", "ZTILE2  = 1"],
        "TTYPE1 another": ["TTYPE1  = 'NO_DATA'"],
        "TFORM1 nonsense": ["TFORM1  = 'nonsense'"],
    }
    may_fail = {
        "ZTILE1 = 0": ["ZTILE1  = 0"],
        "ZTILE1 = 2^62": ["ZTILE1  = 4611686018427387904"],
        "ZBITPIX = -64": ["ZBITPIX = -64"],
        "ZBITPIX = 8": ["ZBITPIX = 8"],
        "ZVAL1 = 0": ["ZVAL1   = 0"],
        "ZVAL1 = -1": ["ZVAL1   = -1"],
        "ZVAL1 = 2^31": ["ZVAL1   = 2147483648"],
        "ZVAL2 = 3": ["ZVAL2   = 3"],
        "ZNAXIS1 a little more": ["ZNAXIS1 = 13"],
        "ZNAXIS1 a little less": ["ZNAXIS1 = 11"],
        "ZCMPTYPE absent": ["ZCMPTYPE"],
        "ZCMPTYPE = GZIP_1": ["ZCMPTYPE= 'GZIP_1'"],
        "ZCMPTYPE = PLIO_1": ["ZCMPTYPE= 'PLIO_1'"],
        "ZCMPTYPE = HCOMPRESS_1": ["ZCMPTYPE= 'HCOMPRESS_1'"],
        "ZCMPTYPE = RICE_1": ["ZCMPTYPE= 'RICE_1'"],
        "ZCMPTYPE = NOCOMPRESS": ["ZCMPTYPE= 'NOCOMPRESS'"],
        "ZTABLE too": ["ZTABLE  = T"],
        "ZIMAGE a string": ["ZIMAGE  = 'T'"],
        "ZSIMPLE and ZTENSION": ["ZSIMPLE = T", "ZTENSION= 'IMAGE'"],
    }
    for lies, refused in ((must_fail, {1}), (may_fail, set())):
        for name, changes_ in lies.items():
            known = [c for c in changes_ if "=" in c or any(card[:8] == c.ljust(8) for card in cards)]
            if not known:
                continue
            data = of.data[: extent.start] + header(*_with(tuple(cards), *known)) + of.data[extent.data_start :]
            yield _lie(f"{of.name}, {name}", data, refused=refused)
    yield from descriptor_lies(of)


def descriptor_lies(of: Sample) -> Iterator[Mutant]:
    """Heap descriptors (count, offset) of the first tile that point elsewhere (section 7.3.5)."""
    extent = of.extents[1]
    for name, count, offset in [
        ("an empty tile", 0, 0),
        ("a tile of one byte", 1, 0),
        ("a tile longer than the heap", 1 << 20, 0),
        ("a tile past the heap", 4, 1 << 20),
        ("count -1", 0xFFFFFFFF, 0),
        ("offset -1", 4, 0xFFFFFFFF),
        ("count and offset 2^31 - 1", 0x7FFFFFFF, 0x7FFFFFFF),
    ]:
        at = extent.data_start
        data = of.data[:at] + struct.pack(">II", count, offset) + of.data[at + 8 :]
        yield Mutant(f"{of.name}, {name}", data, headers=frozenset({0, 1}), truthful=False)


# --- gzip ---------------------------------------------------------------------------------------------------------


def gzipped(of: Sample, level: int = 6) -> bytes:
    return gzip.compress(of.data, level, mtime=0)


def _gzip_mutant(of: Sample, name: str, data: bytes, *, sound: bool = False) -> Mutant:
    everything = frozenset(range(len(of.extents)))
    images = frozenset(k for k in everything if of.extents[k].has_image)
    return Mutant(f"{of.name}.gz {name}", data, everything if sound else frozenset(), images if sound else frozenset())


def gzip_cuts(of: Sample) -> Iterator[Mutant]:
    stream = gzipped(of)
    for size in range(3, len(stream)):  # of less than its magic number nothing tells that it was gzip
        yield _gzip_mutant(of, f"cut at {size}", stream[:size])


def gzip_changes(of: Sample, seed: int = 3) -> Iterator[Mutant]:
    """Every bit of the 10 bytes of header and 8 of trailer flipped, and 300 others: the CRC finds each."""
    stream = gzipped(of)
    draw = random.Random(seed)
    places = [*range(10), *range(len(stream) - 8, len(stream))]
    flips = [(i, bit) for i in places for bit in range(8)]
    flips += [(draw.randrange(10, len(stream) - 8), draw.randrange(8)) for _ in range(300)]
    for place, bit in flips:
        data = bytearray(stream)
        data[place] ^= 1 << bit
        yield _gzip_mutant(of, f"bit {bit} of byte {place} flipped", bytes(data))


def gzip_shapes(of: Sample) -> Iterator[Mutant]:
    """Streams that gzip(1) accepts, whatever their shape."""
    stream = gzipped(of)
    half = len(of.data) // 2
    members = [gzip.compress(of.data[:half], mtime=0), gzip.compress(of.data[half:], mtime=0)]
    deflated = stream[10:]
    name_flag = b"\x1f\x8b\x08\x08" + bytes(6)
    many = b"".join(gzip.compress(of.data[i : i + 100], mtime=0) for i in range(0, len(of.data), 100))
    for name, data in {
        "whole": stream,
        "stored": gzipped(of, 0),
        "in two members": b"".join(members),
        "with an empty member first": gzip.compress(b"", mtime=0) + stream,
        "with an empty member last": stream + gzip.compress(b"", mtime=0),
        "in a member for each 100 bytes": many,
        "with trailing zeros": stream + bytes(1000),
        "with trailing garbage": stream + b"garbage",
        "with a file name": name_flag + b"image.fits\0" + deflated,
    }.items():
        yield _gzip_mutant(of, name, data, sound=True)
    lie = bytearray(stream)
    lie[-4:] = struct.pack("<I", 0xFFFFFFFF)
    yield _gzip_mutant(of, "that claims 4 GiB", bytes(lie))
    lie[-4:] = bytes(4)
    yield _gzip_mutant(of, "that claims nothing", bytes(lie))
    yield _gzip_mutant(of, "with an endless file name", name_flag + b"x" * 100000)
    yield _gzip_mutant(of, "within a gzip", gzip.compress(stream, mtime=0))
    yield _gzip_mutant(of, "of nothing", gzip.compress(b"", mtime=0))
    yield _gzip_mutant(of, "of an unknown method", b"\x1f\x8b\x07" + stream[3:])


def zeros_bomb(size: int = 1 << 30) -> bytes:
    """A gzip stream of `size` zeros, a thousandth of that long."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    chunk = bytes(1 << 20)
    return b"".join([*(packer.compress(chunk) for _ in range(size >> 20)), packer.flush()])


def fits_bomb(size: int = 1 << 30) -> bytes:
    """The same with a sound image before the zeros."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    chunk = bytes(1 << 20)
    return b"".join([packer.compress(GOOD), *(packer.compress(chunk) for _ in range(size >> 20)), packer.flush()])
