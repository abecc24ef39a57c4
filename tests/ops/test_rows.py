"""read_row_bytes, read_heap_bytes: rows and heap, byte for byte what was compressed, and what funpack makes of it."""

from __future__ import annotations

import itertools
import random
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from astropy.io import fits
from table_files import PRIMARY, compressed_table, element, fpack, funpack, plain_table, split, width

import torchfits  # noqa: F401  registers the operators

DATA = Path(__file__).parent.parent / "data"
read_rows, read_heap = torch.ops.fits.read_row_bytes, torch.ops.fits.read_heap_bytes

FIXED = ["L", "3L", "X", "11X", "B", "40B", "I", "2I", "J", "3J", "0J", "K", "2K", "E", "3D", "7A", "A", "0A"]
COMPLEX = ["C", "2C", "M", "2M"]
VARIABLE = ["PL(9)", "PB(300)", "PI(99)", "PJ(99)", "QJ(50)", "PK(9)", "PE(40)", "PD(99)", "QE(99)"]
UNREADABLE = ["PA(99)", "PC(99)", "QM(60)"]  # CFITSIO 4.2 writes these and COMPLEX, but does not read them back


def made(tforms: list[str], rows: int, seed: int = 0) -> tuple[np.ndarray, bytes]:
    """Rows that compress neither well nor badly, and the heap of their arrays."""
    random = np.random.default_rng([rows, seed, len(tforms)])
    heap = bytearray()
    columns = [np.empty((rows, 0), np.uint8)]
    for tform in tforms:
        _, letter, inner = element(tform)
        if letter not in "PQ" or width(tform) == 0:
            columns.append(random.integers(60, 70, (rows, width(tform)), np.uint8))
            continue
        most = int(re.findall(r"\d+", tform)[-1])
        descriptors = []
        for count in random.integers(0, most + 1, rows):
            descriptors.append((count, len(heap)))
            # Some arrays compress, some do not.
            heap += random.integers(0, random.choice([3, 256]), width(f"{count}{inner}"), np.uint8).tobytes()
        half = width(tform) // 2
        columns.append(np.array(descriptors, f">i{half}").reshape(rows, 2).view(np.uint8))
    return np.concatenate(columns, axis=1), bytes(heap)


def directives(file: bytes, **cards: object) -> bytes:
    """With cards that tell fpack how to compress, put where the header has blanks."""
    end = file.index(b"END" + b" " * 77, len(PRIMARY))
    lines = b"".join(str(fits.Card(key, value)).encode() for key, value in cards.items())
    header = padded_header(file[len(PRIMARY) : end] + lines)
    rest = file[len(PRIMARY) + -(-(end + 80 - len(PRIMARY)) // 2880) * 2880 :]
    return PRIMARY + header + rest


def padded_header(cards: bytes) -> bytes:
    text = cards + b"END".ljust(80)
    return text + b" " * (-len(text) % 2880)


def assert_reads(path: Path, rows: np.ndarray, heap: bytes) -> None:
    found = read_rows(str(path), 1)
    assert found.dtype == torch.uint8
    assert found.is_contiguous()
    np.testing.assert_array_equal(found.numpy(), rows)
    assert read_heap(str(path), 1).numpy().tobytes() == heap
    data = torch.frombuffer(bytearray(path.read_bytes()), dtype=torch.uint8)
    assert torch.equal(read_rows(data, 1), found)
    assert torch.equal(read_heap(data, 1), read_heap(str(path), 1))


SLICES = [
    (0, None),
    (0, 1),
    (3, 9),
    (5, 5),
    (9, 3),
    (-4, None),
    (-9, -2),
    (2, -1),
    (1000, 2000),
    (-5000, 4),
    (40, 5000),
]


# --- Plain tables -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("gap", [0, 24])
def test_plain_table(tmp_path: Path, gap: int) -> None:
    tforms = FIXED + COMPLEX + VARIABLE + UNREADABLE
    rows, heap = made(tforms, 20)
    path = tmp_path / "plain.fits"
    path.write_bytes(PRIMARY + plain_table(tforms, rows, heap, gap))
    assert_reads(path, rows, heap)
    for start, stop in SLICES:
        np.testing.assert_array_equal(read_rows(str(path), 1, start, stop).numpy(), rows[start:stop])


def test_large_plain_table_in_pieces(tmp_path: Path) -> None:
    rows = np.random.default_rng(1).integers(0, 256, (40000, 100), np.uint8)
    (tmp_path / "plain.fits").write_bytes(PRIMARY + plain_table(["100B"], rows))
    np.testing.assert_array_equal(read_rows(str(tmp_path / "plain.fits"), 1).numpy(), rows)
    np.testing.assert_array_equal(read_rows(str(tmp_path / "plain.fits"), 1, 77, -3).numpy(), rows[77:-3])


def test_values_by_a_view_of_the_bytes(tmp_path: Path) -> None:
    """What astropy reads, through the types of its columns."""
    path = DATA / "compressed_table.fits.fz"
    with fits.open(path) as hdus:
        header = hdus[1].header
    assert [header[key] for key in ("ZTABLE", "ZFORM1", "ZFORM2")] == [True, "J", "3E"]
    rows = read_rows(str(path), 1).numpy()
    kinds = {"A": ">i4", "F": (">f4", 3), "S": "S10", "V": (">i4", 2), "U": ">i2", "D": (">f8", (2, 2))}
    table = np.ascontiguousarray(rows).view(np.dtype(list(kinds.items())))[:, 0]
    np.testing.assert_array_equal(table["A"], np.arange(40))
    np.testing.assert_array_equal(table["F"], np.arange(120.0).reshape(40, 3))
    np.testing.assert_array_equal(table["S"], [f"row {i}".encode() for i in range(40)])
    np.testing.assert_array_equal(table["U"].astype(int) + 32768, np.arange(40))
    heap = read_heap(str(path), 1).numpy()
    for i, (count, offset) in enumerate(table["V"].tolist()):
        assert heap[offset : offset + 4 * count].view(">i4").tolist() == list(range(i % 7))


# --- What CFITSIO compresses --------------------------------------------------------------------------------------

FPACKED = [
    *itertools.product([None, "GZIP_1", "GZIP_2", "RICE_1"], [None, 1, 7, 64], [150]),
    ("GZIP_2", 1, 80),
    (None, None, 2000),
]


@pytest.mark.parametrize("algorithm, tile, rows", FPACKED)
def test_tables_that_fpack_makes(algorithm: str | None, tile: int | None, rows: int, tmp_path: Path) -> None:
    tforms = FIXED + COMPLEX + VARIABLE + UNREADABLE
    cards: dict[str, object] = {"FZTILELN": tile} if tile else {}
    cards |= {f"FZALG{n}": algorithm for n in range(1, len(tforms) + 1)} if algorithm else {}
    table, heap = made(tforms, rows)
    path = fpack(directives(PRIMARY + plain_table(tforms, table, heap), **cards), tmp_path)
    assert_reads(path, table, heap)
    for start, stop in SLICES:
        np.testing.assert_array_equal(read_rows(str(path), 1, start, stop).numpy(), table[start:stop])


@pytest.mark.parametrize("algorithm, tile, rows", FPACKED[::3])
def test_as_funpack(algorithm: str | None, tile: int | None, rows: int, tmp_path: Path) -> None:
    check_against_funpack(algorithm, tile, rows, 0, tmp_path)


@pytest.mark.parametrize("algorithm", [None, "GZIP_1", "RICE_1"])
@pytest.mark.parametrize("gap", [8, 100])
def test_as_funpack_with_a_gap_before_the_heap(algorithm: str | None, gap: int, tmp_path: Path) -> None:
    """fpack keeps THEAP, which then holds in both tables, and promises too few bytes of data."""
    check_against_funpack(algorithm, 32, 150, gap, tmp_path)


def check_against_funpack(algorithm: str | None, tile: int | None, rows: int, gap: int, tmp_path: Path) -> None:
    tforms = FIXED + VARIABLE
    cards: dict[str, object] = {"FZTILELN": tile} if tile else {}
    cards |= {f"FZALG{n}": algorithm for n in range(1, len(tforms) + 1)} if algorithm else {}
    table, heap = made(tforms, rows, seed=1)
    path = fpack(directives(PRIMARY + plain_table(tforms, table, heap, gap), **cards), tmp_path)
    rows_of_funpack, heap_of_funpack = split(funpack(path, tmp_path))
    np.testing.assert_array_equal(rows_of_funpack, table)
    assert_reads(path, rows_of_funpack, heap_of_funpack)


def test_one_long_row(tmp_path: Path) -> None:
    rows, heap = made(["9000B", "PJ(99)"], 1)
    path = fpack(PRIMARY + plain_table(["9000B", "PJ(99)"], rows, heap), tmp_path)
    assert_reads(path, rows, heap)


def test_arrays_of_bits_are_not_in_what_fpack_writes(tmp_path: Path) -> None:
    rows, heap = made(["6000B", "PX(99)"], 3)
    path = fpack(PRIMARY + plain_table(["6000B", "PX(99)"], rows, heap), tmp_path)
    np.testing.assert_array_equal(read_rows(str(path), 1).numpy(), rows)
    with pytest.raises(RuntimeError, match=r"column 2 \(GZIP_1\), row 0: the array of .* is not in the file"):
        read_heap(str(path), 1)


# --- What CFITSIO does not write ----------------------------------------------------------------------------------


def compressed_file(tforms: list[str], codec: str, rows: np.ndarray, heap: bytes, **options: object) -> bytes:
    return PRIMARY + compressed_table(tforms, [codec] * len(tforms), rows, heap, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("codec", ["GZIP_1", "GZIP_2", "NOCOMPRESS"])
@pytest.mark.parametrize("descriptor", ["1PB(99)", "1QB"])
@pytest.mark.parametrize("rows, tile, gap", [(1, 1, 0), (13, 5, 0), (13, 4, 64), (13, 1000, 8)])
def test_tables_made_by_hand(codec: str, descriptor: str, rows: int, tile: int, gap: int, tmp_path: Path) -> None:
    tforms = FIXED + COMPLEX + VARIABLE + UNREADABLE + ["PX(99)", "0PJ"]
    table, heap = made(tforms, rows)
    path = tmp_path / "table.fits"
    path.write_bytes(compressed_file(tforms, codec, table, heap, tile=tile, descriptor=descriptor, gap=gap))
    assert_reads(path, table, heap)
    for start, stop in SLICES:
        np.testing.assert_array_equal(read_rows(str(path), 1, start, stop).numpy(), table[start:stop])


@pytest.mark.parametrize("tforms, rows", [(FIXED, 0), (["0J"], 7), ([], 0), (["0J"], 2**40)])
def test_tables_without_bytes(tforms: list[str], rows: int, tmp_path: Path) -> None:
    table = made(tforms, min(rows, 7))[0]
    path = tmp_path / "table.fits"
    path.write_bytes(compressed_file(tforms, "GZIP_1", table, b"", tile=3, ZNAXIS2=rows))
    assert read_rows(str(path), 1).shape == (rows, table.shape[1])
    assert read_rows(str(path), 1, 2).shape == (max(rows - 2, 0), table.shape[1])
    assert read_heap(str(path), 1).shape == (0,)


def test_arrays_that_share_bytes_of_the_heap(tmp_path: Path) -> None:
    heap = np.arange(500, dtype=">i4").tobytes()
    descriptors = [(400, 0), (400, 0), (100, 400), (500, 0), (0, 99999)]
    rows = np.array(descriptors * 20, ">i4").view(np.uint8)
    path = tmp_path / "table.fits"
    path.write_bytes(compressed_file(["PJ(500)"], "GZIP_2", rows, heap, tile=3))
    assert_reads(path, rows, heap)


def test_only_the_tiles_asked_for_are_read(tmp_path: Path) -> None:
    rows = made(["8J"], 50)[0]
    file = bytearray(compressed_file(["8J"], "GZIP_1", rows, b"", tile=10))
    places = [found.start() for found in re.finditer(b"\x1f\x8b\x08", bytes(file))]
    assert len(places) == 5
    file[places[2]] = 0
    path = tmp_path / "table.fits"
    path.write_bytes(file)
    for part in (slice(0, 20), slice(30, 50), slice(35, 36)):
        np.testing.assert_array_equal(read_rows(str(path), 1, part.start, part.stop).numpy(), rows[part])
    with pytest.raises(RuntimeError, match=r"\[1\]: tile 2, column 1 \(GZIP_1\): the stream holds an invalid code"):
        read_rows(str(path), 1, 19, 21)


# --- Errors -------------------------------------------------------------------------------------------------------


def test_other_hdus_are_refused(tmp_path: Path) -> None:
    ascii_table = fits.TableHDU.from_columns([fits.Column("a", "I5", array=[1, 2])])
    image = fits.CompImageHDU(np.zeros((9, 9), "i2"))
    path = tmp_path / "file.fits"
    fits.HDUList([fits.PrimaryHDU(), ascii_table, image]).writeto(path)
    for read in (read_rows, read_heap):
        for hdu, kind in ((0, "an image"), (1, "an ASCII table"), (2, "an image")):
            with pytest.raises(RuntimeError, match=rf"file.fits\[{hdu}\]: the HDU is {kind}, not a binary table"):
                read(str(path), hdu)
        with pytest.raises(IndexError, match="there is no HDU 3"):
            read(str(path), 3)


LIES = [
    ({"ZCTYP1": "PLIO_1"}, "ZCTYP1 = PLIO_1: must be GZIP_1, GZIP_2, RICE_1 or NOCOMPRESS"),
    ({"ZCTYP1": None}, "keyword ZCTYP1 is missing"),
    ({"ZCTYP2": "RICE_1"}, "ZCTYP2 = RICE_1: RICE_1 codes integers of 8, 16 or 32 bits"),
    ({"ZFORM1": None}, "keyword ZFORM1 is missing"),
    ({"ZFORM1": "2J"}, "the columns ZFORMn are 24 bytes wide, ZNAXIS1 = 20"),
    ({"ZFORM1": "zz"}, "ZFORM1 = zz: must be a format of a column"),
    ({"ZFORM3": "PZ(4)"}, "ZFORM3 = PZ.4.: must name the type in the heap"),
    ({"ZFORM3": "1PP(4)"}, "ZFORM3 = 1PP.4.: must name the type in the heap"),
    ({"ZFORM3": "QJ(4)"}, "the columns ZFORMn are 28 bytes wide"),
    ({"TFORM1": "16B"}, "TFORM1 = 16B: must be 1PB or 1QB"),
    ({"TFORM1": "2QB"}, "TFORM1 = 2QB: must be 1PB or 1QB"),
    ({"TFORM1": "1PB"}, "do not lie in the heap|column"),
    ({"ZNAXIS1": None}, "keyword ZNAXIS1 is missing"),
    ({"ZNAXIS2": None}, "keyword ZNAXIS2 is missing"),
    ({"ZPCOUNT": None}, "keyword ZPCOUNT is missing"),
    ({"ZTILELEN": None}, "keyword ZTILELEN is missing"),
    ({"ZTILELEN": 0}, "ZTILELEN: must be an integer of 1 or more"),
    ({"ZTILELEN": "five"}, "ZTILELEN: must be an integer of 1 or more"),
    ({"ZTILELEN": 3}, "NAXIS2 = 3: must be 5, one row for each tile"),
    ({"ZTILELEN": 2**62}, "too early|cannot hold|other lengths"),
    ({"ZNAXIS2": 16}, "NAXIS2 = 3: must be 4, one row for each tile"),
    ({"ZNAXIS2": 2**40}, "more than any codec makes|NAXIS2 = 3: must be"),
    ({"ZNAXIS2": 2**40, "ZTILELEN": 2**40}, "the rows would have 21990232555520 bytes"),
    ({"ZNAXIS2": 2**62}, "make more than 2.62 bytes"),
    ({"ZNAXIS2": -1}, "ZNAXIS2 = -1"),
    ({"ZNAXIS2": 3 * 10**6, "ZTILELEN": 3 * 10**6}, "bytes cannot hold the 12000000 bytes of its rows"),
    ({"ZPCOUNT": 2**50}, "the heap would have 1125899906842624 bytes"),
    ({"ZPCOUNT": -5}, "ZPCOUNT: must be an integer of 0 or more"),
    ({"ZTHEAP": 2**40}, "ZTHEAP: the heap must lie between"),
    ({"ZTHEAP": 0}, "ZTHEAP: the heap must lie between"),
    ({"THEAP": 0}, "THEAP: the heap must lie between"),
    ({"THEAP": 2**40}, "THEAP: the heap must lie between"),
    ({"TFIELDS": 4}, "keyword ZFORM4 is missing"),
    ({"TFIELDS": 2}, "the columns ZFORMn are 12 bytes wide"),
    ({"TFIELDS": 1000}, "TFIELDS = 1000: must be from 0 to 999"),
    ({"TFIELDS": -1}, "TFIELDS: must be an integer of 0 or more"),
]


@pytest.mark.parametrize("zform, message", [("2I", None), ("I", "of other lengths"), ("K", "ends too early")])
def test_streams_of_other_lengths(zform: str, message: str | None, tmp_path: Path) -> None:
    rows = made(["J", "B"], 13)[0]
    path = tmp_path / "table.fits"
    file = compressed_file(["J", "B"], "GZIP_1", rows, b"", tile=5, ZFORM1=zform, ZNAXIS1=width(zform) + 1)
    path.write_bytes(file)
    if message is None:
        np.testing.assert_array_equal(read_rows(str(path), 1).numpy(), rows)
        return
    with pytest.raises(RuntimeError, match=f"tile 0, column 1 .GZIP_1.: the stream .*{message}"):
        read_rows(str(path), 1)


@pytest.mark.parametrize("lie, message", LIES)
def test_headers_that_lie(lie: dict[str, object], message: str, tmp_path: Path) -> None:
    tforms = ["J", "D", "PJ(4)"]
    rows, heap = made(tforms, 13)
    path = tmp_path / "table.fits"
    path.write_bytes(compressed_file(tforms, "GZIP_1", rows, heap, tile=5, **lie))
    for read in (read_rows, read_heap):
        with pytest.raises(RuntimeError, match=message):
            read(str(path), 1)


HUGE = 2**62
ARRAY_LIES = [
    ((HUGE, 0), "an array of 4611686018427387904 elements at byte 0 does not lie in the original heap of 400 bytes"),
    ((101, 0), "an array of 101 elements at byte 0 does not lie"),
    ((1, 397), "does not lie in the original heap"),
    ((1, HUGE), "does not lie in the original heap"),
    ((-1, 0), "does not lie in the original heap"),
    ((1, -1), "does not lie in the original heap"),
    ((100, 4), "does not lie in the original heap"),
]


@pytest.mark.parametrize("descriptor, message", ARRAY_LIES)
def test_descriptors_that_lie(descriptor: tuple[int, int], message: str, tmp_path: Path) -> None:
    """The original's: what compressed_table() cannot find in the heap it stores as it can."""
    rows = np.array([(100, 0), descriptor], ">i8").view(np.uint8)
    path = tmp_path / "table.fits"
    path.write_bytes(compressed_file(["QJ(99)"], "GZIP_1", rows, bytes(400), tile=2))
    np.testing.assert_array_equal(read_rows(str(path), 1).numpy(), rows)
    with pytest.raises(RuntimeError, match=f"tile 0, column 1 .GZIP_1., row 1: .*{message}"):
        read_heap(str(path), 1)


def test_a_small_file_makes_no_endless_work(tmp_path: Path) -> None:
    """Many arrays that share one place and one stream: 100 MB of them in 20 kB."""
    heap = bytes(1 << 20)
    rows = np.array([(1 << 20, 0)] * 100, ">i4").view(np.uint8)
    path = tmp_path / "table.fits"
    path.write_bytes(compressed_file(["PB(1048576)"], "GZIP_1", rows[:20], heap, tile=50_000))
    assert read_heap(str(path), 1).numpy().tobytes() == heap
    path.write_bytes(compressed_file(["PB(1048576)"], "GZIP_1", rows, heap, tile=50_000))
    assert path.stat().st_size < 20_000
    with pytest.raises(RuntimeError, match="the arrays together are larger than any codec makes"):
        read_heap(str(path), 1)


# --- Broken files -------------------------------------------------------------------------------------------------


def small_file(codec: str) -> tuple[bytes, np.ndarray, bytes]:
    tforms = ["J", "3I", "8A", "PE(60)"]
    rows = made(tforms, 9, seed=4)[0]
    heap = np.arange(9 * 60, dtype=">f4").tobytes()
    rows[:, -8:] = np.array([(60, 240 * i) for i in range(9)], ">i4").view(np.uint8)
    return PRIMARY + compressed_table(tforms, [codec] * 4, rows, heap, tile=4), rows, heap


def outcome(file: bytes) -> tuple[bytes, bytes] | None:
    """Rows and heap, or nothing where one of them raises its sentence."""
    data = torch.frombuffer(bytearray(file), dtype=torch.uint8)
    try:
        return read_rows(data, 1).numpy().tobytes(), read_heap(data, 1).numpy().tobytes()
    except (RuntimeError, IndexError) as error:
        message = str(error)
    assert re.fullmatch(r"data\[1\]: \S.*", message)
    return None


@pytest.mark.parametrize("codec", ["GZIP_1", "GZIP_2"])
def test_cuts(codec: str) -> None:
    file, rows, heap = small_file(codec)
    end = len(file.rstrip(b"\0"))
    assert outcome(file) == (rows.tobytes(), heap)
    header_end = file.index(b"END" + b" " * 77, len(PRIMARY))
    places = {*range(1, header_end, 17), *range(header_end, len(file), 7), *range(end - 200, end + 20)}
    for size in sorted(places):
        found = outcome(file[:size])
        assert found is None if size < end else found in (None, (rows.tobytes(), heap)), size


@pytest.mark.parametrize("codec", ["GZIP_1", "GZIP_2"])
def test_every_byte_of_the_data_changed(codec: str) -> None:
    """GZIP has check sums: it is an error, or what it was."""
    file, rows, heap = small_file(codec)
    draw = random.Random(3)
    start = file.index(b"END" + b" " * 77, len(PRIMARY)) // 2880 * 2880 + 2880
    errors = 0
    for place in range(start, len(file.rstrip(b"\0"))):
        for value in {file[place] ^ 1, file[place] ^ 128, draw.randrange(256)} - {file[place]}:
            found = outcome(file[:place] + bytes([value]) + file[place + 1 :])
            assert found in (None, (rows.tobytes(), heap)), (place, value)
            errors += found is None
    assert errors > 1000


def test_bytes_of_the_header_changed() -> None:
    """Another header may mean another table, but nothing breaks."""
    file, *_ = small_file("GZIP_2")
    draw = random.Random(5)
    end = file.index(b"END" + b" " * 77, len(PRIMARY))
    for _ in range(1000):
        changed = bytearray(file)
        for place in draw.sample(range(len(PRIMARY), end), draw.choice([1, 1, 2, 4])):
            changed[place] = draw.choice(b" 0123456789-+.'/=ETFPQJIKDA()&")
        found = outcome(bytes(changed))
        assert found is None or len(found[0]) <= 64 << 20
