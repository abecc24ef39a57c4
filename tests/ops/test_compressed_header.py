"""header() of compressed images and tables, against astropy's CompImageHDU.header and files that CFITSIO wrote."""

import sys
import warnings
from pathlib import Path

import astropy.io.fits
import fitsio
import numpy as np
import pytest
import torch
from astropy.io import fits

import torchfits  # noqa: F401

DATA = Path(__file__).parent.parent / "data"
ASTROPY = Path(astropy.io.fits.__file__).parent
# astropy puts these cards elsewhere or loses their comment; csrc/format/compressed_header.h says where ours stand.
MOVED = {"EXTEND", "BLOCKED", "BSCALE", "BZERO", "BLANK", "CHECKSUM", "DATASUM"}
# ... and leaves these out, BSCALE and BZERO where their value is 0.
LEFT_OUT = {"GROUPS", "BSCALE", "BZERO"}


def opened(path, **options):
    warnings.simplefilter("ignore")
    return fits.open(path, **options)


def compressed_hdus(path):
    try:
        with opened(path) as hdus:
            return [i for i in range(len(hdus)) if isinstance(hdus[i], fits.CompImageHDU)]
    except (OSError, fits.VerifyError):  # what astropy keeps to test its errors with
        return []


FOLDERS = [ASTROPY / "tests/data", ASTROPY / "hdu/compressed/tests/data"]
REAL = [
    pytest.param(path, i, id=f"{path.name}[{i}]")
    for folder in FOLDERS
    for path in sorted(folder.glob("*.fits"))
    for i in compressed_hdus(path)
]


def ours(path, hdu, **options):
    return fits.Header.fromstring(torch.ops.fits.header(str(path), hdu, **options), sep="\n")


def triples(header):
    return [(card.keyword, card.value, card.comment) for card in header.cards]


def without(cards, keywords):
    return [card for card in cards if card[0] not in keywords]


def assert_as_astropy(path, hdu):
    with opened(path) as hdus:
        expected = hdus[hdu].header.copy()
    got = ours(path, hdu)
    start = 3 + expected["NAXIS"] + 2 * ("XTENSION" in expected)
    assert triples(got)[:start] == triples(expected)[:start]
    left_out = {keyword for keyword in LEFT_OUT if keyword in got and keyword not in expected}
    assert not [k for k in left_out if k != "GROUPS" and got[k] != 0]
    moved = MOVED | left_out
    assert without(triples(got), moved) == without(triples(expected), moved)
    for keyword in MOVED - left_out:
        assert got.get(keyword) == expected.get(keyword), keyword
        assert got.count(keyword) == expected.count(keyword) if keyword in expected else keyword not in got


@pytest.mark.parametrize("path, hdu", REAL)
def test_real_files_as_astropy(path, hdu):
    assert_as_astropy(path, hdu)


def test_there_are_real_files():
    assert len(REAL) >= 9


def rich_header():
    header = fits.Header()
    header["OBJECT"] = ("M 31", "a comment")
    header["HIERARCH ESO DET CHIP1 NAME"] = ("EEV", "long keyword")
    header["LONG"] = "a string that needs more than one card " * 4
    header["EMPTY"] = None
    header["COMPLEX"] = 1.5 - 2j
    header["FLAG"] = True
    header["HISTORY"] = "ZIMAGE = T is history"
    header["COMMENT"] = "TFORM1 = a comment"
    header["ZVALUE"] = 1  # not ZVALn
    header["TELAPSE"] = 3.5
    header["TDIMENS"] = 2  # not TDIMn
    header["EXTVER"] = 3
    return header


IMAGES = {
    "uint8": np.arange(2400, dtype="u1").reshape(40, 60),
    "int16": np.arange(2400, dtype="i2").reshape(40, 60),
    "uint16": np.arange(2400, dtype="u2").reshape(40, 60),
    "int32": np.arange(2400, dtype="i4").reshape(40, 60),
    "uint32": np.arange(2400, dtype="u4").reshape(40, 60),
    "float32": np.random.default_rng(1).normal(size=(40, 60)).astype("f4"),
    "float64": np.random.default_rng(2).normal(size=(40, 60)),
    "cube": np.arange(2400, dtype="i2").reshape(4, 10, 60),
}
CODECS = ["RICE_1", "GZIP_1", "GZIP_2", "PLIO_1", "HCOMPRESS_1", "NOCOMPRESS"]
# PLIO_1 holds integers below 2^24; HCOMPRESS_1 is for planes, here one tile each.
ASTROPY_CASES = [
    (codec, kind)
    for codec in CODECS
    for kind in IMAGES
    if not (codec == "PLIO_1" and kind not in ("uint8", "int16")) and not (codec == "HCOMPRESS_1" and kind == "cube")
]


@pytest.mark.parametrize("codec, kind", ASTROPY_CASES)
@pytest.mark.parametrize("name", [None, "SCI"])
def test_written_by_astropy(tmp_path, codec, kind, name):
    path = tmp_path / "image.fits"
    image = IMAGES[kind]
    hdu = fits.CompImageHDU(image, rich_header(), name=name, compression_type=codec, tile_shape=None)
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(path, checksum=True)
    assert_as_astropy(path, 1)
    got = ours(path, 1)
    assert got["LONG"] == rich_header()["LONG"].rstrip()
    assert [got[f"NAXIS{i + 1}"] for i in range(image.ndim)] == list(image.shape[::-1])


@pytest.mark.parametrize("dither", [None, "SUBTRACTIVE_DITHER_1", "SUBTRACTIVE_DITHER_2"])
@pytest.mark.parametrize("codec", ["RICE", "GZIP", "GZIP_2", "HCOMPRESS", "PLIO"])
@pytest.mark.parametrize("kind", ["int16", "uint16", "float32"])
def test_written_by_cfitsio(tmp_path, kind, codec, dither):
    if codec == "PLIO" or kind != "float32":
        dither = None
    image = IMAGES["int16" if codec == "PLIO" else kind]
    path = tmp_path / "image.fits"
    header = [{"name": "OBJECT", "value": "M 31", "comment": "c"}, {"name": "LONG", "value": "long words " * 15}]
    options = {"qlevel": 4, "qmethod": dither, "dither_seed": 42} if dither else {}
    fitsio.write(str(path), image, compress=codec, header=header, extname="SCI", **options)
    assert_as_astropy(path, 1)
    assert ours(path, 1)["EXTNAME"] == "SCI"


def primary_image(tmp_path, **cards):
    """A compressed primary image as fpack leaves it: with ZSIMPLE, ZEXTEND and the original's checksums."""
    path = tmp_path / "primary.fits"
    fits.CompImageHDU(IMAGES["int16"], compression_type="GZIP_1").writeto(path)
    with opened(path, mode="update", disable_image_compression=True) as hdus:
        header = hdus[1].header
        for keyword in ("ZTENSION", "ZPCOUNT", "ZGCOUNT", "EXTNAME"):
            header.remove(keyword, ignore_missing=True)
        header.set("ZSIMPLE", True, "conforms", after="ZIMAGE")
        header["ZEXTEND"] = (True, "extensions are permitted")
        header["OBJECT"] = "M 13"
        header["ZHECKSUM"] = ("original checksum", "of the image")
        header["ZDATASUM"] = ("12345", "of the image")
        for keyword, value in cards.items():
            header[keyword] = value
    return path


@pytest.mark.parametrize(
    "cards",
    [
        {},
        {"ZBLOCKED": True},
        {"BLANK": -7},
        {"ZBLANK": -9},
        {"BLANK": -7, "ZBLANK": -9},
        {"BSCALE": 0.5, "BZERO": 10.0},
        {"BSCALE": 1.0, "BZERO": 0.0},
        {"BZERO": 32768},
        {"GROUPS": False},
        {"EXTNAME": "COMPRESSED_IMAGE"},
        {"TTYPE7": "spurious", "ZTILE3": 7, "ZMASKCMP": "RICE_1", "TCRVL2": 1.0},
    ],
    ids=str,
)
def test_primary_image(tmp_path, cards):
    path = primary_image(tmp_path, **cards)
    assert_as_astropy(path, 1)
    got = ours(path, 1)
    assert list(got)[:5] == ["SIMPLE", "BITPIX", "NAXIS", "NAXIS1", "NAXIS2"]
    assert got["CHECKSUM"] == "original checksum"
    assert got.comments["CHECKSUM"] == "of the image"
    assert list(got).index("EXTEND") < list(got).index("OBJECT")  # where the original has it
    if "BZERO" in cards:
        assert got["BZERO"] == cards["BZERO"]


def test_duplicate_default_extname_makes_room_for_the_real_one(tmp_path):
    path = primary_image(tmp_path, EXTNAME="COMPRESSED_IMAGE")
    with opened(path, mode="update", disable_image_compression=True) as hdus:
        hdus[1].header.append(("EXTNAME", "SCI"))
    assert_as_astropy(path, 1)
    assert ours(path, 1)["EXTNAME"] == "SCI"


@pytest.mark.parametrize("change", [("ZIMAGE", False), ("ZIMAGE", "T"), ("ZIMAGE", 1)])
def test_other_values_of_zimage_leave_a_table(tmp_path, change):
    path = primary_image(tmp_path)
    with opened(path, mode="update", disable_image_compression=True) as hdus:
        hdus[1].header[change[0]] = change[1]
    got = ours(path, 1)
    assert got["XTENSION"] == "BINTABLE"
    assert torch.ops.fits.hdus(str(path))[1, 0] == 1


def test_pixels_and_header_agree_on_blank(tmp_path):
    path = primary_image(tmp_path, ZBLANK=7)
    with opened(path) as hdus:
        expected = hdus[1].data
    image = torch.ops.fits.read_image(str(path), 1)
    assert image.isnan().sum() == 1
    np.testing.assert_array_equal(image.numpy(), expected)
    assert image.numpy().dtype == expected.dtype


def stored_header(path, hdu):
    with opened(path, disable_image_compression=True) as hdus:
        return hdus[hdu].header.copy()


def test_stored_cards_are_those_in_the_file(tmp_path):
    path = primary_image(tmp_path)
    assert ours(path, 1, stored=True).tostring() == stored_header(path, 1).tostring()


def test_values_and_sizes_follow_the_original(tmp_path):
    path = primary_image(tmp_path, BSCALE=2.0)
    data = torch.ops.fits.read_file(str(path))
    keys = ["NAXIS1", "NAXIS2", "BITPIX", "BSCALE", "TFIELDS", "ZNAXIS1"]
    expected = torch.tensor([60, 40, 16, 2, torch.nan, torch.nan], dtype=torch.float64)
    for values in (torch.ops.fits.header_values(str(path), 1, keys), torch.ops.fits.header_values(data, 1, keys)):
        assert torch.equal(values.nan_to_num(-1), expected.nan_to_num(-1))
    assert torch.ops.fits.header(data, 1) == torch.ops.fits.header(str(path), 1)
    row = torch.ops.fits.hdus(str(path))[1].tolist()
    assert (row[0], row[4], row[5], row[6:8]) == (3, 16, 2, [40, 60])


def test_table_packed_by_cfitsio(tmp_path):
    sys.path.insert(0, str(DATA))
    try:
        from make_compressed_table import original
    finally:
        sys.path.remove(str(DATA))
    path = DATA / "compressed_table.fits.fz"
    original().writeto(tmp_path / "table.fits")
    assert torch.ops.fits.header(str(path), 1) == torch.ops.fits.header(str(tmp_path / "table.fits"), 1)
    assert ours(path, 1, stored=True).tostring() == stored_header(path, 1).tostring()
    row = torch.ops.fits.hdus(str(path))[1].tolist()
    assert (row[0], row[5], row[6:8]) == (5, 2, [40, 68])


@pytest.mark.parametrize(
    "keyword, value, message",
    [
        ("ZBITPIX", 24, "ZBITPIX = 24: must be 8, 16, 32, 64, -32 or -64"),
        ("ZNAXIS", 3, "ZNAXIS3 is missing"),
        ("ZNAXIS", -1, "ZNAXIS = -1"),
        ("ZNAXIS2", -5, "ZNAXIS2 = -5"),
        ("ZNAXIS1", 2**62, "product of the Z?NAXISn does not fit"),
    ],
)
def test_headers_that_lie_are_refused(tmp_path, keyword, value, message):
    path = primary_image(tmp_path)
    with opened(path, mode="update", disable_image_compression=True) as hdus:
        hdus[1].header[keyword] = value
        if keyword == "ZNAXIS1":
            hdus[1].header["ZNAXIS2"] = value
    with pytest.raises(RuntimeError, match=message) as caught:
        torch.ops.fits.header(str(path), 1)
    assert "primary.fits[1]" in str(caught.value)
