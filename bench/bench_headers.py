"""Headers of 500 exposures of some 170 cards each: a few numbers, and every card as a typed value."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from bench import readers, rivals, samples
from bench.harness import Case, Competitor, limit, ours

COUNT = 500


def cases(folder: Path, count: int = COUNT) -> Iterator[Case]:
    for make in (_some_keys, _all_cards):
        paths = [folder / f"{number:05d}.fits" for number in range(count)]
        values = [samples.observation_file(path, number) for number, path in enumerate(paths)]
        yield make(paths, values)


def _some_keys(paths: list[Path], values: list[dict[str, Any]]) -> Case:
    names, keys = [str(path) for path in paths], samples.KEYS
    expected = torch.tensor([[float(header[key]) for key in keys] for header in values], dtype=torch.float64)

    def with_astropy() -> torch.Tensor:
        from astropy.io import fits

        headers = (fits.getheader(name) for name in names)
        return torch.tensor([[float(header[key]) for key in keys] for header in headers], dtype=torch.float64)

    def with_fitsio() -> torch.Tensor:
        import fitsio

        headers = (fitsio.read_header(name) for name in names)
        return torch.tensor([[float(header[key]) for key in keys] for header in headers], dtype=torch.float64)

    def with_cfitsio() -> torch.Tensor:
        found = []
        for name in names:
            with readers.CfitsioFile(name) as file:
                found.append([file.number(key) for key in keys])
        return torch.tensor(found, dtype=torch.float64)

    return Case(
        name=f"{len(names)} headers, {len(keys)} keys",
        bytes=expected.nbytes,
        expected=expected,
        competitors=[
            ours(lambda: torch.ops.fits.header_values(names, 0, keys)),
            Competitor("astropy", with_astropy),
            Competitor("fitsio", with_fitsio),
            Competitor("cfitsio", with_cfitsio),
            rivals.other("header_values", paths=names, keys=keys),
            limit("open and read", lambda: [_read_start(name) for name in names]),
        ],
        must=3.0,
        aim=5.0,
        files=paths,
        cold=True,
    )


def _all_cards(paths: list[Path], values: list[dict[str, Any]]) -> Case:
    names = [str(path) for path in paths]

    def with_ours() -> list[dict[str, Any]]:
        import torchfits

        return [dict(header.items()) for header in torchfits.headers(names)]

    def with_astropy() -> list[dict[str, Any]]:
        from astropy.io import fits

        return [dict(fits.getheader(name).items()) for name in names]

    def with_fitsio() -> list[dict[str, Any]]:
        import fitsio

        return [{card["name"]: card["value"] for card in fitsio.read_header(name).records()} for name in names]

    return Case(
        name=f"{len(names)} headers, all cards as values",
        bytes=sum(len(samples.header(samples.observation(number)[0])) for number in range(len(names))),
        expected=values,
        competitors=[
            ours(with_ours),
            Competitor("astropy", with_astropy),
            Competitor("fitsio", with_fitsio),
            rivals.other("headers", paths=names),
            limit("open and read", lambda: [_read_start(name) for name in names]),
        ],
        must=10.0,
        aim=30.0,
        files=paths,
    )


def _read_start(name: str) -> bytes:
    """The blocks that hold the header, as one read."""
    with open(name, "rb", buffering=0) as file:
        return file.read(8 * samples.BLOCK)
