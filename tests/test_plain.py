"""Sections and cutouts of plain images, which NumPy cuts from a mapping: as the operators that read everything else."""

import copy
import gzip
import io
import os
import pickle
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from astropy.io import fits

import torchfits
import torchfits.plain
from torchfits.plain import PlainImage

TYPES = ["u1", "i2", "i4", "i8", "f4", "f8"]
SECTIONS: list[Any] = [
    np.s_[2:5, 3:9],
    np.s_[...],
    np.s_[-3:],
    np.s_[::-1, ::3],
    np.s_[6::-2, -1:-8:-3],
    np.s_[4],
    np.s_[..., -2],
    np.s_[3, ..., 1:99],
    np.s_[5:2],
    np.s_[0, 0],
]


def image(kind: str, shape: tuple[int, ...] = (7, 11), seed: int = 0) -> np.ndarray:
    numbers = np.random.default_rng(seed).normal(50, 20, shape)
    if kind[0] == "f":
        numbers[0, 1] = np.nan
    return numbers.astype(kind)


def written(path: Path, *images: np.ndarray, **cards: Any) -> Path:
    hdus = fits.HDUList([fits.PrimaryHDU(images[0]), *map(fits.ImageHDU, images[1:])])
    for hdu in hdus:
        hdu.header.update(cards)
    hdus.writeto(path, overwrite=True)
    return path


def is_plain(hdu: torchfits.HDU) -> bool:
    return isinstance(hdu._plain, PlainImage)


def same(found: torch.Tensor, expected: torch.Tensor) -> None:
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    assert found.is_contiguous()
    torch.testing.assert_close(found, expected, rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("in_memory", [False, True])
def test_as_the_operator(kind: str, in_memory: bool, tmp_path: Path) -> None:
    first, second = image(kind), image(kind, (9, 12), 1)
    path = written(tmp_path / "a.fits", first, second)
    with torchfits.open(path.read_bytes() if in_memory else path) as file:
        for hdu, expected in zip(file, (first, second), strict=True):
            for section in SECTIONS:
                same(hdu.section[section], hdu.read(section))
                chosen = np.array(expected[section], expected.dtype)
                np.testing.assert_array_equal(hdu.section[section].numpy(), chosen)
            assert is_plain(hdu)
            assert hdu._part(np.s_[2:4, 1:3]) is not None


def test_axes_of_any_number(tmp_path: Path) -> None:
    cube, line = np.arange(60, dtype="i2").reshape(3, 4, 5), np.arange(9.0)
    with torchfits.open(written(tmp_path / "a.fits", cube, line)) as file:
        for section in (np.s_[1], np.s_[..., 2:4], np.s_[2, 1:3, ::-1]):
            same(file[0].section[section], torch.from_numpy(cube[section].copy()))
        same(file[1].section[2:5], torch.from_numpy(line[2:5]))
        assert is_plain(file[0])
        assert is_plain(file[1])


@pytest.mark.parametrize(
    "kind, cards",
    [
        ("i2", {"BSCALE": 2.0}),
        ("i2", {"BZERO": 32768}),
        ("u1", {"BZERO": -128}),
        ("i4", {"BLANK": 3}),
        ("f4", {"BSCALE": 0.5}),
        ("f8", {"BZERO": 1.0}),
    ],
)
def test_what_is_scaled_is_left_to_the_operator(kind: str, cards: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "a.fits"
    stored = image(kind)
    hdu = fits.PrimaryHDU(stored)
    for key, value in cards.items():
        hdu.header[key] = value
    data = stored.astype(stored.dtype.newbyteorder(">")).tobytes()
    path.write_bytes(hdu.header.tostring().encode() + data + bytes(-len(data) % 2880))
    with torchfits.open(path) as file, fits.open(path, do_not_scale_image_data=True) as other:
        assert set(cards) <= set(other[0].header)
        same(file[0].section[2:5, 3:9], file[0].data[2:5, 3:9].contiguous())
        assert file[0]._plain is False


def test_what_is_packed_is_left_to_the_operator(tmp_path: Path) -> None:
    counts = image("i2", (40, 30))
    stream = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), fits.CompImageHDU(counts)]).writeto(stream)
    (tmp_path / "a.fits.fz").write_bytes(stream.getvalue())
    # gzipped, and not called so: inflated anew by each call, and no bytes to map
    packed = tmp_path / "b.fits"
    packed.write_bytes(gzip.compress(written(tmp_path / "c.fits", counts).read_bytes()))
    for path, number in ((tmp_path / "a.fits.fz", 1), (packed, 0)):
        with torchfits.open(path) as file:
            same(file[number].section[3:9, 5:7], torch.from_numpy(counts[3:9, 5:7].copy()))
            assert file[number]._plain is False


@pytest.mark.parametrize("setting", ["TORCHFITS_MMAP", "TORCHFITS_CACHE_FILES"])
def test_settings_that_keep_files_from_being_mapped(setting: str, tmp_path: Path) -> None:
    path = written(tmp_path / "a.fits", image("i2"))
    program = (
        f"import torchfits; hdu = torchfits.open({str(path)!r})[0]; "
        "assert hdu.section[2:4].equal(hdu.data[2:4]); assert hdu._plain is False"
    )
    subprocess.run([sys.executable, "-c", program], env={**os.environ, setting: "0"}, check=True)


def test_large_parts_are_left_to_the_operator(tmp_path: Path) -> None:
    large = image("f4", (300, 200))
    with torchfits.open(written(tmp_path / "a.fits", large)) as file:
        assert file[0]._part(np.s_[:10, :10]) is not None
        assert file[0]._part(np.s_[:]) is None
        same(file[0].section[:], file[0].data)


def test_the_tensor_has_memory_of_its_own(tmp_path: Path) -> None:
    stored = image("f4")
    with torchfits.open(written(tmp_path / "a.fits", stored)) as file:
        part = file[0].section[1:3]
        part.fill_(7)
        np.testing.assert_array_equal(file[0].section[1:3].numpy(), stored[1:3])
    assert bool((part == 7).all())


def test_a_file_that_changes_while_it_is_open(tmp_path: Path) -> None:
    """Parts are of the file that was opened, whatever its name means by now; never of bytes that are no pixels."""
    before, after = image("f4"), image("f4", seed=1)
    path, other = tmp_path / "a.fits", written(tmp_path / "other.fits", after)

    def opened() -> torchfits.HDU:
        hdu = torchfits.open(written(path, before))[0]
        np.testing.assert_array_equal(hdu.section[1:3].numpy(), before[1:3])
        assert is_plain(hdu)
        return hdu

    rewritten = opened()
    path.write_bytes(other.read_bytes())
    same(rewritten.section[1:3], torch.from_numpy(after[1:3]))

    moved_header = opened()
    with fits.open(path) as hdus:
        hdus[0].header.extend([("COMMENT", f"{n}") for n in range(50)])
        path.write_bytes(hdus[0].header.tostring().encode() + other.read_bytes()[-2880:])
    same(moved_header.section[1:3], torch.from_numpy(after[1:3]))

    another_shape = opened()
    path.write_bytes(written(other, after[:, :-1]).read_bytes())
    same(another_shape.section[1:3, :4], torch.from_numpy(after[1:3, :4]))

    cut_off = opened()
    os.truncate(path, 2880 + 10)
    with pytest.raises(RuntimeError, match=r"a\.fits"):
        cut_off.section[1:3]

    replaced = opened()
    os.replace(other, path)
    same(replaced.section[1:3], torch.from_numpy(before[1:3]))
    same(replaced.section[1, 2], torch.from_numpy(before)[1, 2])

    removed = opened()
    path.unlink()
    same(removed.section[1:3], torch.from_numpy(before[1:3]))


def test_large_parts_of_a_file_that_has_lost_its_name(tmp_path: Path) -> None:
    before, after = image("f4", (300, 200)), image("f4", (300, 200), 1)
    path = written(tmp_path / "a.fits", before)
    file = torchfits.open(path)
    same(file[0].section[:5], torch.from_numpy(before[:5]))
    os.replace(written(tmp_path / "b.fits", after), path)
    same(file[0].section[5:], torch.from_numpy(before[5:]))
    same(file[0].data, torch.from_numpy(before))
    same(file[0].read("1:200,6:300"), torch.from_numpy(before[5:]))
    same(torchfits.cutout(file[0], (100, 100), 90), torch.from_numpy(before[55:145, 55:145]))
    same(torchfits.open(path)[0].section[5:], torch.from_numpy(after[5:]))


def test_a_file_that_changed_between_open_and_section(tmp_path: Path) -> None:
    path = written(tmp_path / "a.fits", image("f4"))
    file = torchfits.open(path)
    written(path, image("f4", (9, 8), 1), FILTER="r", **{f"KEY{n}": n for n in range(60)})
    same(file[0].section[1:3, :4], torchfits.open(path)[0].section[1:3, :4])
    assert file[0]._plain is False


def test_a_closed_file(tmp_path: Path) -> None:
    file = torchfits.open(written(tmp_path / "a.fits", image("f4")))
    hdu = file[0]
    hdu.section[1:3]
    file.close()
    with pytest.raises(ValueError, match="closed"):
        hdu.section[1:3]


def test_copies_and_pickles(tmp_path: Path) -> None:
    file = torchfits.open(written(tmp_path / "a.fits", image("i2")))
    expected = file[0].section[1:3]
    assert is_plain(file[0])
    for twin in (copy.copy(file), copy.deepcopy(file), pickle.loads(pickle.dumps(file))):
        same(twin[0].section[1:3], expected)
        assert is_plain(twin[0])


def test_errors_are_those_of_the_operator(tmp_path: Path) -> None:
    with torchfits.open(written(tmp_path / "a.fits", image("f4"))) as file:
        hdu = file[0]
        wrong: list[Any] = [7, np.s_[0, -12], np.s_[0, 0, 0], True, None, [1, 2], np.s_[::0], 1.5, np.s_[..., ...]]
        for section in wrong:
            with pytest.raises((IndexError, TypeError, ValueError)) as expected:
                hdu.read(section) if section is not None else hdu.read((None,))
            with pytest.raises(expected.type) as found:
                hdu.section[section if section is not None else (None,)]
            assert str(found.value) == str(expected.value)
        same(hdu.section["2:3,*"], hdu.read("2:3,*"))
        same(hdu.section[np.int64(3)], hdu.read(3))
        assert is_plain(hdu)


def test_threads(tmp_path: Path) -> None:
    stored = image("f4", (64, 64))
    file = torchfits.open(written(tmp_path / "a.fits", stored))
    wrong: list[int] = []

    def work(seed: int) -> None:
        for row, column in np.random.default_rng(seed).integers(0, 56, (500, 2)).tolist():
            found = file[0].section[row : row + 8, column : column + 8].numpy()
            if not np.array_equal(found, stored[row : row + 8, column : column + 8], equal_nan=True):
                wrong.append(seed)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_single_cutouts_as_many(tmp_path: Path) -> None:
    """One stamp inside the image is read as a section, which many stamps are not."""
    path = written(tmp_path / "a.fits", image("f4", (40, 30)), image("i2", (40, 30)), image("i2", (3, 40, 30)))
    with torchfits.open(path) as file:
        for hdu in file:
            centers = torch.rand(60, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
            centers = centers * torch.tensor([34, 44]) - 2
            for dtype in (None, torch.float64):
                many = torchfits.cutout(hdu, centers, (7, 4), dtype=dtype)
                for center, expected in zip(centers.tolist(), many, strict=True):
                    same(torchfits.cutout(hdu, center, (7, 4), dtype=dtype), expected)
            for mode in ("trim", "strict"):
                same(torchfits.cutout(hdu, (15, 20), 6, mode=mode), torchfits.cutout(hdu, (15, 20), 6))
            assert is_plain(hdu)
