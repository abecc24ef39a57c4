"""filter_rows with regions and good time intervals, which lie in other extensions and files: the rows of CFITSIO."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import fitsio
import numpy as np
import pytest
import torch
from astropy.io import fits
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from table_files import fpack

import torchfits  # noqa: F401  registers the operators

filter_rows = torch.ops.fits.filter_rows
ROWS = 2000
TAN = {
    "TCTYP2": "RA---TAN",
    "TCTYP3": "DEC--TAN",
    "TCRVL2": 150.0,
    "TCRVL3": -40.0,
    "TCRPX2": 100.0,
    "TCRPX3": 90.0,
    "TCDLT2": -0.01,
    "TCDLT3": 0.01,
    "TCROT3": 20.0,
}


def table(columns: dict[str, Any], name: str, **cards: Any) -> fits.BinTableHDU:
    formats = {"f": "D", "i": "J", "S": "16A"}
    made = []
    for column, array in columns.items():
        array = np.asarray(array)
        width = array.shape[1] if array.ndim > 1 else ""
        made.append(fits.Column(column, f"{width}{formats[array.dtype.kind]}", array=array))
    hdu = fits.BinTableHDU.from_columns(made, name=name)
    hdu.header.update(cards)
    return hdu


def intervals() -> tuple[np.ndarray, np.ndarray]:
    edges = np.sort(np.random.default_rng(3).uniform(0, 1000, 40)).round(1)
    return edges[::2], edges[1::2]


def events(**cards: Any) -> fits.BinTableHDU:
    random = np.random.default_rng(4)
    x, y = random.uniform(0, 200, (2, ROWS)).round(1)
    x[::97] = np.nan
    columns = {"TIME": random.uniform(-50, 1050, ROWS).round(1), "X": x, "Y": y, "I": random.integers(0, 200, ROWS)}
    columns |= {"V": np.stack([x, y], axis=1), "T2": random.uniform(0, 1000, ROWS)}
    return table(columns, "EVENTS", **(TAN | {"TIMEZERO": 10.0} | cards))


def good_times(name: str, order: Any = slice(None), late: float = 0, **cards: Any) -> fits.BinTableHDU:
    start, stop = intervals()
    return table({"START": start[order], "STOP": stop[order] + late}, name, **({"TIMEZERO": 10.0} | cards))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    shuffled = np.random.default_rng(1).permutation(20)
    hdus = [
        events(),
        good_times("STDGTI"),
        good_times("MIXED", shuffled),
        good_times("OVERLAP", shuffled, 60),
        good_times("FEW", slice(5)),
        good_times("NONE", slice(0)),
        good_times("LATER", TIMEZERO=17.5),
        good_times("PARTS", TIMEZERI=3, TIMEZERF=0.25),
        good_times("FEW", slice(7), EXTVER=2),
        table({"TSTART_UTC": [5.0, 100.0], "MY_STOP": [50.0, 400.0]}, "OTHER"),
    ]
    del hdus[7].header["TIMEZERO"]
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(folder / "events.fits")
    fits.HDUList([fits.PrimaryHDU(), good_times("OTHER"), good_times("MYGTI2")]).writeto(folder / "gti.fits")
    start, stop = intervals()
    ascii_columns = [fits.Column("START", "F9.1", array=start), fits.Column("STOP", "F10.2", array=stop)]
    ascii_table = fits.TableHDU.from_columns(ascii_columns, name="GTI")
    fits.HDUList([fits.PrimaryHDU(), ascii_table]).writeto(folder / "ascii.fits")
    (folder / "plain.reg").write_text(
        "# Region file format: DS9\nglobal color=green\nphysical\ncircle(100,100,30)\n"
        "-circle(110,100,10) # text={a (hole)}\nbox(50,50,30,20,33) -box(50,50,5,5)\nellipse(150,60,20,10,15)\r\n"
    )
    (folder / "sky.reg").write_text(
        'fk5\ncircle(150.1,-40.05,12\')\nbox(149.7,-40.2,600",900",30)\n-circle(10:00:00,-40:00:00.0,100")\n'
        "fk5;polygon(150.5,-40.5,150.2,-40.6,150.4,-40.3) # color=red\nicrs\nannulus(149.5,-39.7,5',0.2d)\n"
    )
    (folder / "hms.reg").write_text("# format: hhmmss\n-pie(10:00:30.5,-39:50:00,-100,20)\n")
    return folder


def cfitsio(path: Path, expression: str) -> list[int]:
    with fitsio.FITS(str(path)) as file:
        return np.asarray(file[1].where(expression), np.int64).tolist()


EXPRESSIONS = [
    "gtifilter()",
    "gtifilter('')",
    "!gtifilter('[MIXED]')",
    "gtifilter('[OVERLAP]', TIME)",
    "gtifilter('[few,2]')",
    "gtifilter('[4]', TIME / 2)",
    "gtifilter('+2', T2) && I > 50",
    "gtifilter('[NONE]')",
    "gtifilter('[LATER]')",
    "gtifilter('[PARTS]')",
    "gtifilter('[OTHER]', TIME, 'TSTART_UTC', 'MY_STOP')",
    "gtifilter('[OTHER]')",
    "gtifilter('gti.fits')",
    "gtifilter('gti.fits[OTHER]', TIME, 'START', 'STOP')",
    "gtifilter('gti.fits+1', I)",
    "gtifilter('ascii.fits')",
    "gtifilter('[STDGTI]', 5.0) || #row == 3",
    "sum(gtifilter('[STDGTI]', V)) == 1",
    "isnull(gtifind())",
    "isnull(gtifind('[MIXED]', I)) && X < 100",
    "gtioverlap('[STDGTI]', TIME, TIME + 30) > 10",
    "gtioverlap('', TIME - 50, 500) > 10",
    "gtioverlap('gti.fits', 100, T2, 'START', 'STOP') >= 100.5",
    "regfilter('plain.reg')",
    "!regfilter('plain.reg', X, Y)",
    "regfilter('plain.reg', I, Y + 3)",
    "regfilter('plain.reg', V[1] * 2, I{-1})",
    "sum(regfilter('plain.reg', V, 50)) == 1",
    "regfilter('sky.reg')",
    "regfilter('sky.reg', I, Y, 'X Y')",
    "regfilter('sky.reg', X + I, Y, ' X,  Y ')",
    "regfilter('hms.reg')",
    "regfilter('plain.reg', 100, 100.5) && #row > 9",
]


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_rows_are_those_of_cfitsio(expression: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    expected = cfitsio(folder / "events.fits", expression)
    found = filter_rows("events.fits", 1, expression)
    assert found.dtype == torch.int64
    assert found.tolist() == expected
    # What lies in the file itself is found in memory too.
    data = (folder / "events.fits").read_bytes()
    for file in (data, gzip.compress(data)):
        tensor = torch.frombuffer(bytearray(file), dtype=torch.uint8)
        assert filter_rows.bytes(tensor, 1, expression).tolist() == expected
    assert filter_rows("events.fits", 1, expression, 100, -100).tolist() == [
        r for r in expected if 100 <= r < ROWS - 100
    ]


def test_the_number_of_an_interval(folder: Path) -> None:
    start, stop = intervals()
    with fits.open(folder / "events.fits") as file:
        time = np.array(file[1].data["TIME"])
    inside = (time[:, None] >= start) & (time[:, None] <= stop)
    for k in range(20):
        rows = filter_rows(str(folder / "events.fits"), 1, f"gtifind() == {k + 1}").tolist()
        assert rows == np.flatnonzero(inside[:, k]).tolist()
    # Of rows that overlap it is the last one; a constant that is in none has the number -1.
    order = np.random.default_rng(1).permutation(20)
    inside = (time[:, None] >= start[order]) & (time[:, None] <= stop[order] + 60)
    last = np.where(inside.any(axis=1), 20 - np.argmax(inside[:, ::-1], axis=1), 0)
    rows = filter_rows(str(folder / "events.fits"), 1, "defnull(gtifind('[OVERLAP]'), 0) == (int)(I / 9)").tolist()
    with fits.open(folder / "events.fits") as file:
        assert rows == np.flatnonzero(last == file[1].data["I"] // 9).tolist()
    assert len(filter_rows(str(folder / "events.fits"), 1, "gtifind('[FEW]', -5.0) == -1")) == ROWS


def test_time_in_intervals_is_their_overlap(folder: Path) -> None:
    start, stop = intervals()
    with fits.open(folder / "events.fits") as file:
        time, end = np.array(file[1].data["TIME"]), np.array(file[1].data["T2"])
    common = np.minimum(end[:, None], stop) - np.maximum(time[:, None], start)
    expected = np.where(end > time, np.maximum(common, 0).sum(axis=1), 0)
    for limit in (0, 1, 33, 200):
        rows = filter_rows(str(folder / "events.fits"), 1, f"gtioverlap('[STDGTI]', TIME, T2) > {limit}").tolist()
        assert rows == np.flatnonzero(expected > limit).tolist()
        assert rows == cfitsio(folder / "events.fits", f"gtioverlap('[STDGTI]',TIME,T2) > {limit}")


def test_intervals_and_events_of_compressed_tables(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "gti").mkdir()
    starts = np.arange(0, 1000, 0.25)
    many = fits.HDUList([fits.PrimaryHDU(), table({"START": starts, "STOP": starts + 0.2}, "GTI", TIMEZERO=10.1)])
    many.writeto(tmp_path / "many.fits")
    gti = fpack((tmp_path / "many.fits").read_bytes(), tmp_path / "gti")
    alone = fits.HDUList([fits.PrimaryHDU(), events()])
    alone.writeto(tmp_path / "alone.fits")
    packed = fpack((tmp_path / "alone.fits").read_bytes(), tmp_path)
    for call in ("gtifilter('{}')", "gtifilter('{}[GTI]', T2)", "gtioverlap('{}', TIME, TIME + 9) > 7"):
        expected = cfitsio(folder / "events.fits", call.format(tmp_path / "many.fits"))
        assert 0 < len(expected) < ROWS
        for path in (folder / "events.fits", packed):
            assert filter_rows(str(path), 1, call.format(gti)).tolist() == expected


NUMBER = st.integers(0, 200).map(str) | st.floats(0, 200, width=32).map(lambda x: f"{x:.2f}")
ANGLE = st.integers(-800, 800).map(str) | st.floats(-360, 360, width=32).map(lambda x: f"{x:.3f}")
LENGTH = st.integers(1, 80).map(str)


def shape(name: str, *parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(*parts).map(lambda numbers: f"{name}({','.join(numbers)})")


SHAPES = st.one_of(
    shape("circle", NUMBER, NUMBER, LENGTH),
    shape("annulus", NUMBER, NUMBER, LENGTH, LENGTH),
    shape("ellipse", NUMBER, NUMBER, LENGTH, LENGTH, ANGLE),
    shape("ellipse", NUMBER, NUMBER, LENGTH, LENGTH, LENGTH, LENGTH, ANGLE),
    shape("elliptannulus", NUMBER, NUMBER, LENGTH, LENGTH, LENGTH, LENGTH, ANGLE, ANGLE),
    shape("box", NUMBER, NUMBER, LENGTH, LENGTH, ANGLE),
    shape("box", NUMBER, NUMBER, LENGTH, LENGTH, LENGTH, LENGTH, ANGLE),
    shape("rectangle", NUMBER, NUMBER, NUMBER, NUMBER),
    shape("rotrectangle", NUMBER, NUMBER, NUMBER, NUMBER, ANGLE),
    shape("diamond", NUMBER, NUMBER, LENGTH, LENGTH, ANGLE),
    shape("sector", NUMBER, NUMBER, ANGLE, ANGLE),
    shape("panda", NUMBER, NUMBER, ANGLE, ANGLE, LENGTH, LENGTH, LENGTH, LENGTH),
    shape("epanda", NUMBER, NUMBER, ANGLE, ANGLE, LENGTH, LENGTH, LENGTH, LENGTH, LENGTH, LENGTH, ANGLE),
    shape("bpanda", NUMBER, NUMBER, ANGLE, ANGLE, LENGTH, LENGTH, LENGTH, LENGTH, LENGTH, LENGTH),
    shape("polygon", *[NUMBER] * 6),
    shape("polygon", *[NUMBER] * 12),
    shape("line", NUMBER, NUMBER, NUMBER, NUMBER),
    shape("point", NUMBER, NUMBER),
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(shapes=st.lists(st.tuples(st.sampled_from(["", "-", "+", " - "]), SHAPES), min_size=1, max_size=6))
def test_any_region_has_the_rows_of_cfitsio(shapes: list[tuple[str, str]], folder: Path) -> None:
    name = folder / "made.reg"
    name.write_text("".join(f"{sign}{text}\n" for sign, text in shapes))
    expression = f"regfilter('{name}', I, (int)Y)"  # whole numbers: many on an edge
    assert filter_rows(str(folder / "events.fits"), 1, expression).tolist() == cfitsio(
        folder / "events.fits", expression
    )


PROJECTIONS = ["CAR", "SIN", "TAN", "ARC", "NCP", "GLS", "MER", "AIT", "STG"]
MATRIX = {"TCROT3": None, "TCDLT2": None, "TCDLT3": None}
PLANES: list[dict[str, Any]] = [
    *[{"TCTYP2": f"RA---{code}", "TCTYP3": f"DEC--{code}"} for code in PROJECTIONS],
    MATRIX | {"TC2_2": -0.01, "TC2_3": 0.002, "TC3_2": 0.002, "TC3_3": 0.01},
    MATRIX | {"TCD2_2": 0.01, "TCD2_3": 0.002, "TCD3_2": -0.002, "TCD3_3": 0.01},
    {"TCROT3": None, "TP2_2": 0.9, "TP2_3": -0.1, "TP3_2": 0.1, "TP3_3": 0.9},
    {"TCROT3": None, "TPC2_2": 1.0, "TPC2_3": 0.05, "TPC3_2": -0.05},
    {"TCTYP2": "DEC--TAN", "TCTYP3": "RA---TAN", "TCRVL2": -40.0, "TCRVL3": 150.0},
    {"TCTYP2": "GLON-TAN", "TCTYP3": "GLAT-TAN"},
    {"TCRVL2": None, "TCRPX3": None, "TCRVL3": None},
    {"TCDLT3": None},
    {"TCTYP3": None, "TCDLT3": None},
    MATRIX,
]
# Half a turn, or a skew, is no rotation that CFITSIO reads.
REFUSED = [MATRIX | {"TC2_2": -0.01, "TC3_3": -0.01}, {"TCROT3": None, "TP2_2": 1.0, "TP2_3": 0.1, "TP3_3": 1.0}]


@pytest.mark.parametrize("plane", PLANES + REFUSED, ids=str)
def test_regions_on_the_sky_come_to_the_plane_as_in_cfitsio(plane: dict[str, Any], tmp_path: Path) -> None:
    hdu = events()
    for keyword, value in plane.items():
        if value is None:
            del hdu.header[keyword]
        else:
            hdu.header[keyword] = value
    path = tmp_path / "plane.fits"
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(path)
    regions = tmp_path / "sky.reg"
    longitude = 0 if plane.get("TCRVL2", 0) is None else 150
    latitude = 0 if plane.get("TCRVL2", 0) is None else -40
    if plane is PLANES[-2]:
        latitude = 1
    regions.write_text(
        f'fk5\nellipse({longitude + 0.2},{latitude + 0.1},1200",10\',30)\n-box({longitude},{latitude},0.1d,200",7)\n'
        f"pie({longitude - 0.3},{latitude - 0.2},10,50)\n"
    )
    expression = f"regfilter('{regions}')"
    try:
        expected = cfitsio(path, expression)
    except OSError:
        with pytest.raises(RuntimeError):
            filter_rows(str(path), 1, expression)
        assert plane in REFUSED
        return
    assert plane not in REFUSED
    assert filter_rows(str(path), 1, expression).tolist() == expected
    assert 0 < len(expected) < ROWS or plane in PLANES[-2:]  # pixels of a degree: few rows, if any


def region_table(rows: list[tuple[Any, ...]], **cards: Any) -> fits.BinTableHDU:
    size = len(rows)
    x, y = np.full((size, 6), np.nan), np.full((size, 6), np.nan)
    lengths, angles = np.zeros((size, 4)), np.zeros((size, 2))
    for i, (_, points, r, rotang, _) in enumerate(rows):
        x[i, : len(points)], y[i, : len(points)] = np.transpose(points)
        lengths[i, : len(r)] = r
        angles[i, : len(rotang)] = rotang
    columns = {"SHAPE": np.array([row[0] for row in rows], "S16"), "X": x, "Y": y, "R": lengths, "ROTANG": angles}
    return table(columns | {"COMPONENT": [row[4] for row in rows]}, "REGION", **cards)


ROWS_OF_REGIONS = [
    ("CIRCLE", [(100, 100)], [30], [], 1),
    ("!CIRCLE", [(110, 100)], [10], [], 1),
    ("BOX", [(50, 50)], [30, 20], [33], 2),
    ("ELLIPSE", [(150, 60)], [20, 10], [15], 3),
    ("!ROTBOX", [(150, 60)], [5, 5], [0], 3),
    ("POLYGON", [(10, 150), (40, 160), (30, 190), (5, 180)], [], [], 4),
    ("POLYGON", [(80, 150), (90, 160), (70, 190), (80, 150)], [], [], 4),
    ("RECTANGLE", [(120, 150), (160, 190)], [], [], 5),
    ("ANNULUS", [(30, 30)], [5, 15], [], 6),
    ("ELLIPTANNULUS", [(180, 180)], [3, 5, 10, 15], [20, 40], 7),
    ("BOXANNULUS", [(180, 20)], [5, 5, 20, 15], [20, 20], 8),
    ("DIAMOND", [(20, 100)], [20, 30], [10], 9),
    ("POINT", [(77, 33)], [], [], 10),
    ("!CIRCLE", [(100, 100)], [150], [], 11),
]


@pytest.mark.parametrize("other", [{}, {"TCRVL2": 150.2, "TCDLT2": -0.02, "TCDLT3": 0.02, "TCROT3": 0.0}])
def test_regions_in_tables(other: dict[str, Any], folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "regions.fits"
    fits.HDUList([fits.PrimaryHDU(), region_table(ROWS_OF_REGIONS, **(TAN | other))]).writeto(path)
    for name in (f"{path}", f"{path}[REGION]", f"{path}[1]"):
        expected = cfitsio(folder / "events.fits", f"regfilter('{name}')")
        assert 0 < len(expected) < ROWS
        assert filter_rows(str(folder / "events.fits"), 1, f"regfilter('{name}')").tolist() == expected
    # Without the keywords of a plane the numbers are pixels, as in a text.
    bare = tmp_path / "bare.fits"
    fits.HDUList([fits.PrimaryHDU(), region_table(ROWS_OF_REGIONS)]).writeto(bare)
    text = tmp_path / "same.reg"
    text.write_text("circle(100,100,30)\n-circle(110,100,10)\n")
    first = tmp_path / "first.fits"
    fits.HDUList([fits.PrimaryHDU(), region_table(ROWS_OF_REGIONS[:2])]).writeto(first)
    events_path = str(folder / "events.fits")
    as_text = filter_rows(events_path, 1, f"regfilter('{text}')").tolist()
    assert filter_rows(events_path, 1, f"regfilter('{first}')").tolist() == as_text
    if not other:
        in_plane = filter_rows(events_path, 1, f"regfilter('{path}')").tolist()
        assert filter_rows(events_path, 1, f"regfilter('{bare}')").tolist() == in_plane


def test_pies_and_turned_rectangles_in_tables(folder: Path, tmp_path: Path) -> None:
    """CFITSIO takes a pie's radii for its angles, and forgets the angle of a rectangle; its texts do neither."""
    pie, rectangle = tmp_path / "pie.fits", tmp_path / "rectangle.fits"
    fits.HDUList([fits.PrimaryHDU(), region_table([("PIE", [(100, 100)], [20, 60], [10, 80], 1)])]).writeto(pie)
    turned = region_table([("ROTRECTANGLE", [(20, 50), (160, 190)], [], [30], 1)])
    fits.HDUList([fits.PrimaryHDU(), turned]).writeto(rectangle)
    for path, text in ((pie, "panda(100,100,10,80,1,20,60,1)"), (rectangle, "rotrectangle(20,50,160,190,30)")):
        same = tmp_path / "same.reg"
        same.write_text(text + "\n")
        expected = cfitsio(folder / "events.fits", f"regfilter('{same}')")
        assert 0 < len(expected) < ROWS
        assert filter_rows(str(folder / "events.fits"), 1, f"regfilter('{path}')").tolist() == expected


BAD_REGIONS = [
    ("", "it holds no region"),
    ("# only a comment\nphysical\n", "it holds no region"),
    ("circle(1,2,3\n", r"line 1: the \( has no \)"),
    ("circle 1,2,3)\n", r"line 1: this \) closes nothing"),
    ("fk5\ncircle((1,2,3))\n", r"line 2: the \( has no \)"),
    ("circl(1,2,3)\n", "line 1: 'circl' is no shape that is known here: CIRCLE, "),
    ("fk5 circle(1,2,3)\n", "line 1: 'fk5 circle' is no shape"),
    ("text(1,2,3)\n", "'text' is no shape"),
    ("circle(1,2)\n", "CIRCLE does not take 2 numbers"),
    ("polygon(1,2,3,4,5,6,7)\n", "POLYGON does not take 7 numbers"),
    ("elliptannulus(1,2,3,4,5,6,7)\n", "does not take 7 numbers"),
    ("circle(1,zwei,3)\n", "'zwei' is no number"),
    ("circle(1,,3)\n", "'' is no number"),
    ("circle(1,2,nan)\n", "no finite number"),
    ("circle(1,2,1e999)\n", "'1e999' is no number"),
    ("galactic;circle(1,2,3)\n", "GALACTIC coordinates are not known here"),
    ("circle(1,2,3)\n# format: degree\n", "line 2: the format must be given before"),
    ("# format: furlong\n", "is no format"),
    ('circle(1,2,3")\n', "is a length on the sky, of a place in pixels"),
    ("circle(10:00:00,5,3)\n", "one coordinate is sexagesimal and the other is not"),
    ("circle(-10:00:00,5:0:0,3)\n", "right ascension '-10:00:00' is negative"),
    ("circle(10:00:00:7,5:0:0,3)\n", "more than three parts"),
    ("fk5;circle(330,40,3)\n", "lies nowhere on the plane"),
    ("circle(1,2,3)\x00\x01\xff\n", "is no shape"),
]


@pytest.mark.parametrize("text, message", BAD_REGIONS)
def test_malformed_region_files(text: str, message: str, folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "bad.reg"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(RuntimeError, match=r"events\.fits\[1\]: filter: the region file '.*bad\.reg': .*" + message):
        filter_rows(str(folder / "events.fits"), 1, f"regfilter('{path}')")


def test_malformed_region_tables(folder: Path, tmp_path: Path) -> None:
    cases: list[tuple[list[tuple[Any, ...]], str]] = [
        ([("BLOB", [(1, 2)], [3], [], 1)], "row 0: 'BLOB' is no shape"),
        ([("CIRCLE", [(1, 2)], [3], [], 1), ("BOX", [(1, np.nan)], [3, 4], [5], 2)], "row 1: value 1 of Y is none"),
        ([("RECTANGLE", [(1, 2)], [], [], 1)], "row 0: value 2 of X is none"),
        ([("POLYGON", [(1, 2), (3, 4)], [], [], 1)], "row 0: a polygon has three corners or more"),
        ([("CIRCLE", [(1, 2)], [np.nan], [], 1)], "row 0: value 1 of R is none"),
    ]
    path = tmp_path / "bad.fits"
    for rows, message in cases:
        fits.HDUList([fits.PrimaryHDU(), region_table(rows)]).writeto(path, overwrite=True)
        with pytest.raises(RuntimeError, match=message):
            filter_rows(str(folder / "events.fits"), 1, f"regfilter('{path}')")
    hdu = region_table(ROWS_OF_REGIONS)
    hdu.columns.del_col("ROTANG")
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(path, overwrite=True)
    with pytest.raises(IndexError, match="there is no column 'ROTANG'"):
        filter_rows(str(folder / "events.fits"), 1, f"regfilter('{path}')")
    narrow = table({"SHAPE": np.array(["BOX"], "S16"), "X": [1.0], "Y": [2.0], "R": [3.0], "ROTANG": [4.0]}, "REGION")
    fits.HDUList([fits.PrimaryHDU(), narrow]).writeto(path, overwrite=True)
    with pytest.raises(RuntimeError, match="row 0: its shape takes more than the 1 values of R"):
        filter_rows(str(folder / "events.fits"), 1, f"regfilter('{path}')")
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(path, overwrite=True)
    with pytest.raises(RuntimeError, match="it has no extension SHAPES"):
        filter_rows(str(folder / "events.fits"), 1, f"regfilter('{path}[SHAPES]')")


@pytest.mark.parametrize(
    "expression, error, message",
    [
        ("regfilter()", ValueError, r"a region is asked for as REGFILTER\(\"file\"\)"),
        ("regfilter(X)", ValueError, "argument 1 of REGFILTER is a name in quotes"),
        ("regfilter('plain.reg', X)", ValueError, "a region is asked for as"),
        ("regfilter('plain.reg', X > 1, Y)", ValueError, "the coordinates of REGFILTER are numbers"),
        ("regfilter('plain.reg', X + I, Y)", ValueError, "a coordinate of REGFILTER is made of several columns"),
        ("regfilter('plain.reg', X, Y, 'X')", ValueError, "two names of columns are wanted"),
        ("regfilter('plain.reg', X, Y, 'X NO')", ValueError, "the table has no columns 'X NO'"),
        ("regfilter('nosuch.reg')", RuntimeError, r"the region file 'nosuch\.reg': No such file or directory"),
        ("regfilter('')", ValueError, "it has no name"),
        ("regfilter('plain.reg', V, {1,2,3})", ValueError, "do not go together"),
        ("gtifilter('[NOSUCH]')", RuntimeError, r"the good time intervals '\[NOSUCH\]': it has no extension NOSUCH"),
        ("gtifilter('[few,3]')", RuntimeError, "it has no extension FEW"),
        ("gtifilter('[77]')", IndexError, "77"),
        ("gtifilter('[0]')", ValueError, "the primary HDU has no good time intervals"),
        ("gtifilter('+0')", ValueError, "the primary HDU has no good time intervals"),
        ("gtifilter('[GTI')", ValueError, "lacks its closing"),
        ("gtifilter('gti.fits[OTHER][START > 5]')", ValueError, "after a file's name one extension is read"),
        ("gtifilter('nosuch.fits')", RuntimeError, "No such file or directory"),
        ("gtifilter('plain.reg')", RuntimeError, "plain.reg"),
        ("gtifilter('[EVENTS]')", IndexError, r"no column is called \*START\*: name those that are meant"),
        ("gtifilter('[STDGTI]', TIME, 'BEGIN', 'STOP')", IndexError, "there is no column 'BEGIN'"),
        ("gtifilter('[EVENTS]', TIME, 'T*', 'I')", ValueError, r"'T\*' could be column 1 \(TIME\) or column 6 \(T2\)"),
        ("gtifilter('[EVENTS]', TIME, 'V', 'I')", RuntimeError, "has several times in a row"),
        ("gtifilter('[STDGTI]', TIME, 'START')", ValueError, "GTIFILTER takes nothing"),
        ("gtifilter('[STDGTI]', X > 1)", ValueError, "the times of GTIFILTER are numbers"),
        ("gtioverlap('[STDGTI]', TIME) > 1", ValueError, "intervals are asked for as GTIOVERLAP"),
        ("gtioverlap('[MIXED]', TIME, T2) > 1", ValueError, "in order, and row 3 begins before row 2 has ended"),
        ("gtioverlap('[STDGTI]', TIME, V) > 1", ValueError, "different numbers of elements"),
    ],
)
def test_complaints(
    expression: str, error: type[Exception], message: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    with pytest.raises(error, match=message):
        filter_rows("events.fits", 1, expression)


def test_columns_and_extensions_by_default_must_be_there(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "bare.fits"
    fits.HDUList([fits.PrimaryHDU(), table({"A": [1.0], "Y": [2.0]}, "BARE")]).writeto(path)
    with pytest.raises(ValueError, match="the table has no column of numbers X: tell REGFILTER what to compare"):
        filter_rows(str(path), 1, f"regfilter('{folder}/plain.reg')")
    with pytest.raises(ValueError, match="the table has no column of numbers TIME: tell GTIFILTER what to compare"):
        filter_rows(str(path), 1, "gtifilter()")
    with pytest.raises(RuntimeError, match="no extension of this file has GTI in its EXTNAME"):
        filter_rows(str(path), 1, "gtifilter('', A)")
    with pytest.raises(RuntimeError, match=r"have no keywords \(TCTYPn, TCRVLn, TCRPXn, TCDLTn\)"):
        filter_rows(str(path), 1, f"regfilter('{folder}/sky.reg', A, Y)")


def test_a_region_file_with_odd_letters_in_its_name(folder: Path, tmp_path: Path) -> None:
    expected = filter_rows(str(folder / "events.fits"), 1, f"regfilter('{folder}/plain.reg')").tolist()
    for name in ("a[1].reg", "b+3", "c d.reg"):
        (tmp_path / name).write_bytes((folder / "plain.reg").read_bytes())
        assert filter_rows(str(folder / "events.fits"), 1, f"regfilter('{tmp_path}/{name}')").tolist() == expected
    (tmp_path / "packed.reg.gz").write_bytes(gzip.compress((folder / "plain.reg").read_bytes()))
    found = filter_rows(str(folder / "events.fits"), 1, f"regfilter('{tmp_path}/packed.reg.gz')").tolist()
    assert found == expected


def test_graphs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    expression = "regfilter('plain.reg') && gtifilter()"

    times = _Times(expression)
    compiled: Any = torch.compile(times, fullgraph=True)
    one = torch.ones((), dtype=torch.float64)
    assert float(compiled(one)) == pytest.approx(float(times(one)))
    exported = torch.export.export(_Times(expression), (one,))
    assert float(exported.module()(one)) == pytest.approx(float(times(one)))


class _Times(torch.nn.Module):
    def __init__(self, expression: str) -> None:
        super().__init__()
        self.expression = expression

    def forward(self, scale: torch.Tensor) -> torch.Tensor:
        rows = torch.ops.fits.filter_rows("events.fits", 1, self.expression)
        return torch.ops.fits.read_rows("events.fits", 1, rows, ["TIME"])[0].sum() * scale
