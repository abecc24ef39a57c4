"""Cutouts of many random places: one call against the loops that users write, on plain and compressed images.

Rivals open each file once, whatever they do with it then: cut what they need place by place, or of a compressed image
read all of it and cut from memory, which pays from some hundred cutouts on. `preadv` reads the bytes of every cutout
with one system call for each, what lies between its rows going to waste.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bench import rivals, samples
from bench.harness import Case, Competitor, limit, ours

SIDE, FILES, FILE_SIDE = 4096, 64, 1024
SIZES = (32, 64, 256)
FEW, SOME, MANY = 200, 1000, 100_000
COLD = 64  # one size is enough where the disk decides
MOST_BYTES = 2e9  # of a result


@dataclass
class Job:
    """Cutouts of one size from images of float32 or int16 in the same HDU of every file, to float32."""

    paths: list[Path]
    images: list[np.ndarray]
    hdu: int
    count: int
    size: int

    def __post_init__(self) -> None:
        random = np.random.default_rng([self.count, self.size])
        side = self.images[0].shape[0]
        self.index = np.sort(random.integers(0, len(self.paths), self.count))
        self.corners = random.integers(0, side - self.size + 1, (self.count, 2))
        # Each file with its cutouts: number, first row, first column.
        ends = np.searchsorted(self.index, np.arange(len(self.paths) + 1)).tolist()
        places = [(number, *corner) for number, corner in enumerate(self.corners.tolist())]
        self.places = [(file, places[ends[file] : ends[file + 1]]) for file in range(len(self.paths))]

    @property
    def names(self) -> list[str]:
        return [str(path) for path in self.paths]

    def filled(self, cut: Callable[[int, list[tuple[int, int, int]], np.ndarray], None]) -> torch.Tensor:
        out = np.empty((self.count, 1, self.size, self.size), np.float32)
        for file, places in self.places:
            if places:
                cut(file, places, out)
        return torch.from_numpy(out)

    def expected(self) -> torch.Tensor:
        return self.filled(lambda file, places, out: self.slices(self.images[file], places, out))

    def slices(self, image: Any, places: Sequence[tuple[int, int, int]], out: np.ndarray) -> None:
        size = self.size
        for number, row, column in places:
            out[number, 0] = image[row : row + size, column : column + size]


def cases(
    folder: Path, side: int = SIDE, files: int = FILES, file_side: int = FILE_SIDE, few: int = FEW, many: int = MANY
) -> Iterator[Case]:
    image = samples.sky((side, side), "float32")
    counts = np.rint(samples.starry((side, side))).astype(np.int16)
    sizes = [size for size in SIZES if size < side]
    some = min(SOME, many)
    musts = {32: (2.0, 3.5), 64: (1.7, 2.5), 256: (1.5, 2.0)}
    for number in sorted({some, many}):
        for size in sizes:
            if number * size**2 * 4 > MOST_BYTES:
                continue
            must, aim = musts[size] if number < many else (1.0, None)
            yield _plain(folder, image, number, size, must, aim)
    yield _loop(folder, image, few)
    for name, tile in (("row tiles", (1, side)), ("100x100 tiles", (100, 100))):
        for number in sorted({few, some, many}):
            for size in sizes[:2] if number == some else sizes[:1]:
                must = 8.0 if number == few and tile[0] == 1 else 1.0
                yield _compressed(folder, [counts], name, tile, number, size, must)
    yield _files(folder, files, file_side, some)
    yield _compressed_files(folder, files, file_side, some)


def _name(job: Job, what: str) -> str:
    return f"{job.count} cutouts {job.size}x{job.size} of {what}"


def _plain(folder: Path, image: np.ndarray, count: int, size: int, must: float, aim: float | None) -> Case:
    path = folder / "image.fits"
    path.write_bytes(samples.hdu(image))
    job = Job([path], [image], 0, count, size)
    return _case(job, f"float32 {image.shape[1]}x{image.shape[0]}", must, aim, cold=size == COLD and count < MANY)


def _files(folder: Path, files: int, side: int, count: int) -> Case:
    images = [samples.sky((side, side), "float32", seed) for seed in range(files)]
    paths = [folder / f"{number}.fits" for number in range(files)]
    for path, image in zip(paths, images, strict=True):
        path.write_bytes(samples.hdu(image))
    job = Job(paths, images, 0, count, min(64, side - 1))
    return _case(job, f"{files} files of float32 {side}x{side}", 1.4, 1.6, cold=True)


def _compressed(
    folder: Path, images: list[np.ndarray], what: str, tile: Sequence[int], count: int, size: int, must: float
) -> Case:
    path = folder / "image.fits.fz"
    samples.compress(path, images, "RICE", tile)
    side = images[0].shape[0]
    return _case(Job([path], images, 1, count, size), f"RICE_1 int16 {what} {side}x{side}", must, None)


def _compressed_files(folder: Path, files: int, side: int, count: int) -> Case:
    images = [np.rint(samples.starry((side, side), seed)).astype(np.int16) for seed in range(files)]
    paths = [folder / f"{number}.fits.fz" for number in range(files)]
    for path, image in zip(paths, images, strict=True):
        samples.compress(path, [image], "RICE", (1, side))
    job = Job(paths, images, 1, count, min(64, side - 1))
    return _case(job, f"{files} files of RICE_1 int16 row tiles {side}x{side}", 1.0, None)


def _case(job: Job, what: str, must: float, aim: float | None, cold: bool = False) -> Case:
    # Place by place only a few: of more it takes minutes.
    few = job.count * job.size**2 <= (FEW if job.hdu else SOME) * 32**2
    competitors = [ours(_with_ours(job))]
    if few:
        competitors.append(Competitor("astropy, section", lambda: _with_astropy(job, "section")))
        competitors.append(Competitor("fitsio", lambda: _with_fitsio(job)))
    if job.hdu == 0:
        competitors.append(Competitor("astropy, memory map", lambda: _with_astropy(job, "data")))
    elif not few:
        competitors.append(Competitor("astropy, whole image", lambda: _with_astropy(job, "data")))
        competitors.append(Competitor("fitsio, whole image", lambda: _with_fitsio(job, whole=True)))
    if few or (job.hdu == 0 and job.count <= SOME):
        competitors.append(_other(job))
    if job.hdu == 0 and job.count <= SOME:
        competitors.append(limit("preadv", _preadv(job)))
    expected = job.expected()
    return Case(
        name=_name(job, what),
        bytes=expected.nbytes,
        expected=expected,
        competitors=competitors,
        must=must,
        aim=aim,
        files=job.paths,
        cold=cold,
        rounds=3 if job.hdu or job.count > SOME else 5,
    )


def _with_ours(job: Job) -> Callable[[], torch.Tensor]:
    import torchfits  # noqa: F401  (registers the operators)

    corners, size, hdus = torch.from_numpy(job.corners), [job.size, job.size], [job.hdu]
    if len(job.paths) == 1:
        return lambda: torch.ops.fits.read_cutouts(job.names[0], hdus, corners, size)
    index = torch.from_numpy(job.index)
    return lambda: torch.ops.fits.read_cutouts(job.names, index, hdus, corners, size)


def _with_astropy(job: Job, attribute: str) -> torch.Tensor:
    from astropy.io import fits

    def cut(file: int, places: list[tuple[int, int, int]], out: np.ndarray) -> None:
        with fits.open(job.paths[file]) as opened:
            job.slices(getattr(opened[job.hdu], attribute), places, out)

    return job.filled(cut)


def _with_fitsio(job: Job, whole: bool = False) -> torch.Tensor:
    import fitsio

    def cut(file: int, places: list[tuple[int, int, int]], out: np.ndarray) -> None:
        with fitsio.FITS(job.names[file]) as opened:
            hdu = opened[job.hdu]
            job.slices(hdu.read() if whole else hdu, places, out)

    return job.filled(cut)


def _other(job: Job) -> Competitor:
    return rivals.other("cutouts", paths=job.names, hdu=job.hdu, places=_places(job), size=job.size)


def _places(job: Job) -> str:
    """A file of them, for another process."""
    path = job.paths[0].parent / "places.pt"
    torch.save(job.places, path)
    return str(path)


def _preadv(job: Job) -> Callable[[], None]:
    side, size = job.images[0].shape[1], job.size
    waste = memoryview(bytearray((side - size) * 4))
    rows = [memoryview(bytearray(size * 4)) for _ in range(size)]
    buffers = [buffer for row in rows for buffer in (row, waste)][:-1]
    start = len(job.paths[0].read_bytes()) - -(-side * side * 4 // samples.BLOCK) * samples.BLOCK
    wanted = sum(map(len, buffers))

    def call() -> None:
        for file, places in job.places:
            handle = os.open(job.paths[file], os.O_RDONLY)
            try:
                for _, row, column in places:
                    assert os.preadv(handle, buffers, start + (row * side + column) * 4) == wanted
            finally:
                os.close(handle)

    return call


def _loop(folder: Path, image: np.ndarray, count: int) -> Case:
    """Single cutouts, one call after the other, from a file that each opens once: a tensor for each."""
    path = folder / "image.fits"
    path.write_bytes(samples.hdu(image))
    job = Job([path], [image], 0, count, 32)
    name, size, corners = str(path), job.size, job.corners.tolist()

    def each(image: Any) -> list[torch.Tensor]:
        return [torch.from_numpy(image[r : r + size, c : c + size].astype(np.float32)) for r, c in corners]

    def with_section() -> list[torch.Tensor]:
        import torchfits

        with torchfits.open(name) as opened:
            section = opened[0].section
            return [section[r : r + size, c : c + size] for r, c in corners]

    def with_cutout() -> list[torch.Tensor]:
        import torchfits

        with torchfits.open(name) as opened:
            return [torchfits.cutout(opened[0], (c + size // 2, r + size // 2), size) for r, c in corners]

    def with_operator() -> list[torch.Tensor]:
        read, lengths = torch.ops.fits.read_section.default, [size, size]
        return [read(name, 0, corner, lengths) for corner in corners]

    def with_astropy(attribute: str) -> list[torch.Tensor]:
        from astropy.io import fits

        with fits.open(name) as opened:
            return each(getattr(opened[0], attribute))

    def with_fitsio() -> list[torch.Tensor]:
        import fitsio

        with fitsio.FITS(name) as opened:
            return each(opened[0])

    expected = [torch.from_numpy(image[r : r + size, c : c + size].copy()) for r, c in corners]
    return Case(
        name=_name(job, "float32, one call each"),
        bytes=sum(one.nbytes for one in expected),
        expected=expected,
        competitors=[
            ours(with_section),
            ours(with_cutout, "torchfits, cutout"),
            ours(with_operator, "torchfits, read_section"),
            Competitor("astropy, section", lambda: with_astropy("section")),
            Competitor("fitsio", with_fitsio),
            Competitor("astropy, memory map", lambda: with_astropy("data")),
            rivals.other("single_cutouts", path=name, hdu=0, places=_places(job), size=size),
            limit("preadv", _preadv(job)),
        ],
        must=1.0,
        files=[path],
    )
