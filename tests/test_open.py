"""torchfits.open: FITS as a sequence of HDUs, each read as far as it is asked for, against astropy."""

import copy
import gc
import io
import pickle
import weakref
from pathlib import Path

import numpy as np
import pytest
import torch
from astropy.io import fits
from image_samples import COMPRESSED, IMAGES, assert_same, astropy_data, gzipped, write_image, write_mef

import torchfits


@pytest.fixture
def mef(tmp_path: Path) -> Path:
    return write_mef(tmp_path / "mef.fits")


def test_shapes_of_more_axes_than_the_table_of_hdus_has(tmp_path: Path) -> None:
    image = np.zeros((2, 3) + (1,) * 12, "i2")
    groups = fits.Header([("SIMPLE", True), ("BITPIX", 8), ("NAXIS", 13), ("NAXIS1", 0), ("NAXIS2", 3)])
    groups.extend(
        [(f"NAXIS{n}", 1) for n in range(3, 14)] + [("GROUPS", True), ("PCOUNT", 2), ("GCOUNT", 4)], strip=False
    )
    fits.PrimaryHDU(image).writeto(tmp_path / "image.fits")
    (tmp_path / "groups.fits").write_bytes(groups.tostring().encode() + bytes(2880))
    with torchfits.open(tmp_path / "image.fits") as file:
        assert file[0].shape == image.shape == tuple(file[0].data.shape)
    with torchfits.open(tmp_path / "groups.fits") as file:
        assert file[0].shape == (4,) + (1,) * 11 + (3,) == tuple(file[0].data.shape)


def test_a_sequence_of_hdus(mef: Path) -> None:
    opened = torchfits.open(mef)
    assert isinstance(opened, torchfits.FITS)
    assert len(opened) == 6
    assert all(isinstance(hdu, torchfits.HDU) for hdu in opened)
    assert [hdu.index for hdu in opened] == [0, 1, 2, 3, 4, 5]
    assert [hdu.index for hdu in reversed(opened)] == [5, 4, 3, 2, 1, 0]
    assert opened[1] is opened[1] is opened[-5] is opened["sci"] is opened["SCI", 1] is opened[np.int32(1)]
    assert opened[1:3] == [opened[1], opened[2]]
    assert opened[::-2] == [opened[5], opened[3], opened[1]]
    assert opened.index(opened[2]) == 2
    for key in (0, -6, 5, "SCI", "sci", ("sci", 2), "PRIMARY", ("primary", 1), "dq", "2MASS j-1.5+3", opened[3]):
        assert key in opened, key
    for key in (6, -7, "ERR", "", ("SCI", 3), 1.5, None, torchfits.open(mef)[0]):
        assert key not in opened, key


def test_names_versions_and_kinds(mef: Path) -> None:
    opened = torchfits.open(mef)
    with fits.open(mef) as expected:
        assert [hdu.name for hdu in opened] == [hdu.name for hdu in expected]
        assert [hdu.version for hdu in opened] == [hdu.ver for hdu in expected]
        for hdu in expected:
            assert opened.index_of((hdu.name, hdu.ver)) == expected.index_of((hdu.name, hdu.ver))
    assert [hdu.kind for hdu in opened] == ["image", "image", "image", "binary table", "image", "compressed image"]
    assert [hdu.shape for hdu in opened] == [(), (6, 8), (6, 8), (5, 12), (3, 4, 5), (20, 30)]
    assert [hdu.dtype for hdu in opened] == [None, torch.float32, torch.uint16, None, torch.int16, torch.int16]
    assert [hdu.is_table for hdu in opened] == [False, False, False, True, False, False]


def test_primary_may_have_another_name(tmp_path: Path) -> None:
    primary = fits.PrimaryHDU(np.arange(3))
    primary.header["EXTNAME"] = "Flux, calibrated"
    fits.HDUList([primary, fits.ImageHDU(np.arange(4)), fits.ImageHDU(np.arange(5), name="PRIMARY")]).writeto(
        tmp_path / "a.fits"
    )
    opened = torchfits.open(tmp_path / "a.fits")
    assert [hdu.name for hdu in opened] == ["Flux, calibrated", "", "PRIMARY"]
    assert opened["primary"] is opened[0] is opened["flux, calibrated"]
    assert "" in opened
    assert opened[""] is opened[1]


@pytest.mark.parametrize("form", ["path", "bytes"])
@pytest.mark.parametrize("kind", IMAGES)
def test_data_of_every_kind(kind: str, form: str, tmp_path: Path) -> None:
    path = write_image(tmp_path, kind)
    expected = astropy_data(path)
    hdu = torchfits.open(path if form == "path" else path.read_bytes())[0]
    assert hdu.shape == expected.shape
    assert hdu.dtype == torch.from_numpy(expected).dtype
    assert_same(hdu.data, expected)
    assert hdu.data is hdu.data
    assert_same(hdu.read(), expected)
    assert hdu.read() is not hdu.data
    stored = hdu.read(scaled=False)
    with fits.open(path, do_not_scale_image_data=True) as raw:
        if kind != "random groups":
            assert_same(stored, raw[0].data.astype(raw[0].data.dtype.newbyteorder("=")))
    assert_same(hdu.section[...], expected)
    assert_same(hdu.section[0], np.ascontiguousarray(expected[0]).reshape(expected[0].shape))
    assert hdu.section.shape == hdu.shape
    assert hdu.section.dtype == hdu.dtype
    with pytest.raises(TypeError, match="a section adds no axes"):
        _ = hdu.section[None]


@pytest.mark.parametrize("kind", COMPRESSED)
def test_data_of_compressed_images(kind: str, tmp_path: Path) -> None:
    path = write_image(tmp_path, kind)
    expected = astropy_data(path, 1)
    for name in (path, gzipped(path)):
        hdu = torchfits.open(name)["COMPRESSED_IMAGE"]
        assert (hdu.index, hdu.name) == (1, "COMPRESSED_IMAGE")
        assert hdu.shape == expected.shape
        assert hdu.dtype == torch.from_numpy(expected).dtype
        assert_same(hdu.data, expected)
        assert_same(hdu.section[5:9, ::-2], np.ascontiguousarray(expected[5:9, ::-2]))


def test_hdus_without_an_image(mef: Path) -> None:
    opened = torchfits.open(mef)
    assert opened[0].data is None
    assert opened[0].shape == ()
    for call in (lambda: opened[0].read(), lambda: opened[0].section[0], lambda: opened[0].section[...]):
        with pytest.raises(RuntimeError, match=r"mef\.fits\[0\] has no data \(NAXIS = 0\)"):
            call()
    with pytest.raises(ValueError, match=r"\[3\] is a table: sections are of images"):
        _ = opened[3].section[0]
    assert opened[3].data["RA"].tolist() == [0, 1, 2, 3, 4]


def test_extensions_of_other_types(tmp_path: Path) -> None:
    path = tmp_path / "other.fits"
    extension = fits.ImageHDU(np.arange(10, dtype="u1"))
    fits.HDUList([fits.PrimaryHDU(), extension]).writeto(path)
    path.write_bytes(path.read_bytes().replace(b"XTENSION= 'IMAGE   '", b"XTENSION= 'FOREIGN '"))
    hdu = torchfits.open(path)[1]
    assert hdu.kind == "unknown extension"
    assert hdu.dtype is None
    assert "unknown extension" in repr(hdu)
    with pytest.raises(RuntimeError, match="an extension of an unknown type, not an image"):
        _ = hdu.data
    assert "unknown extension" in str(torchfits.info(path))


def test_headers(mef: Path) -> None:
    opened = torchfits.open(mef)
    with fits.open(mef) as expected:
        for hdu, reference in zip(opened, expected, strict=True):
            assert isinstance(hdu.header, torchfits.Header)
            assert hdu.header is hdu.header
            shared = [key for key in reference.header if key not in ("EXTEND", "")]
            assert [hdu.header[key] for key in shared] == [reference.header[key] for key in shared]


def test_opening_reads_nothing_but_structure(tmp_path: Path) -> None:
    path = tmp_path / "cut.fits"
    fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(np.zeros((1000, 1000)))]).writeto(path)
    path.write_bytes(path.read_bytes()[: 4 * 2880])
    opened = torchfits.open(path)
    assert opened[1].shape == (1000, 1000)
    assert opened[1].dtype == torch.float64
    assert opened[1].section[0, :10].tolist() == [0.0] * 10
    with pytest.raises(RuntimeError, match="cut off"):
        _ = opened[1].data


def test_gzipped_files_are_inflated_once(mef: Path) -> None:
    opened = torchfits.open(gzipped(mef))
    gzipped(mef).unlink()  # written again by that call, and then gone
    assert_same(opened[2].data, astropy_data(mef, 2))
    assert_same(opened["2MASS J-1.5+3"].section[0], astropy_data(mef, 4)[0])


def test_close(mef: Path) -> None:
    with torchfits.open(mef) as opened:
        assert not opened.closed
        kept, lazy = opened[1], opened[2]
        image, header = kept.data, kept.header
    assert opened.closed
    for call in (
        lambda: opened[0],
        lambda: opened["SCI"],
        lambda: opened[0:2],
        lambda: len(opened),
        lambda: list(opened),
        lambda: "SCI" in opened,
        lambda: opened.info(),
        lambda: opened.__enter__(),
        lambda: lazy.data,
        lambda: lazy.header,
        lambda: lazy.section[0],
        lambda: kept.read(),
    ):
        with pytest.raises(ValueError, match="this FITS is closed"):
            call()
    assert kept.data is image  # what was read stays
    assert kept.header is header
    assert repr(opened) == "<FITS, closed>"
    assert repr(kept) == "<HDU 1 of a closed file>"
    opened.close()


def test_nothing_waits_for_the_garbage_collector(mef: Path) -> None:
    gc.disable()
    try:
        opened = torchfits.open(mef.read_bytes())
        _ = opened["SCI"].data, opened["SCI"].section[0]
        watched = weakref.ref(opened)
        del opened
        assert watched() is None
    finally:
        gc.enable()


def test_modes_that_write_say_what_to_do(mef: Path) -> None:
    for mode in ("update", "append", "ostream", "denywrite", "w"):
        with pytest.raises(NotImplementedError, match="does not write files yet"):
            torchfits.open(mef, mode)
    assert len(torchfits.open(mef, mode="readonly")) == 6


def test_opened_files_can_be_sent_to_workers(mef: Path) -> None:
    for opened in (torchfits.open(mef), torchfits.open(mef.read_bytes())):
        for again in (pickle.loads(pickle.dumps(opened)), copy.deepcopy(opened)):
            assert_same(again["SCI"].data, astropy_data(mef, 1))
            assert [hdu.name for hdu in again] == [hdu.name for hdu in opened]


def test_info(mef: Path) -> None:
    with fits.open(mef) as expected:
        rows = expected.info(output=False)
    for info in (torchfits.info(mef), torchfits.open(mef).info(), torchfits.info(str(mef))):
        assert [(line.hdu, line.name, line.version) for line in info] == [row[:3] for row in rows]
        assert [line.shape for line in info] == [(), (6, 8), (6, 8), (5, 2), (3, 4, 5), (20, 30)]
        assert [line.dtype for line in info] == ["", "float32", "uint16", "", "int16", "int16"]
        assert [line.kind for line in info] == [hdu.kind for hdu in torchfits.open(mef)]
        assert [line.cards for line in info][:5] == [row[4] for row in rows][:5]
        lines = str(info).splitlines()
        assert lines[0] == str(mef)
        assert lines[1].split() == ["No.", "Name", "Ver", "Kind", "Cards", "Shape", "Dtype"]
        assert lines[2].split() == ["0", "PRIMARY", "1", "image", str(rows[0][4]), "()"]
        assert lines[4].split() == ["2", "sci", "2", "image", str(rows[2][4]), "(6,", "8)", "uint16"]
        assert len(lines) == 8
        assert repr(info) == str(info)
    assert str(torchfits.info(io.BytesIO(mef.read_bytes()))).startswith("data\n")


def test_repr(mef: Path) -> None:
    opened = torchfits.open(mef)
    assert repr(opened["SCI"]) == "<HDU 1 'SCI' image, 6x8 torch.float32>"
    assert repr(opened["SCI"].section) == "<section of <HDU 1 'SCI' image, 6x8 torch.float32>>"
    assert repr(opened[0]) == "<HDU 0 'PRIMARY' image, no data>"
    assert repr(opened[3]) == "<HDU 3 'CATALOG' binary table, 5 rows>"
    assert repr(opened).splitlines()[0] == f"<FITS {str(mef)!r}"
    assert len(repr(opened).splitlines()) == 7
