"""Operators on tiles on a CUDA device: the CPU's bits for every image of test_tiles.py, and what only a device has.

decode_tiles_status is tested on the CPU too; the rest needs a GPU and is skipped without one.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from conftest import devices
from ops.test_tiles import DTYPES, IMAGES, sample

from torchfits import tile_arguments

ops = torch.ops.fits
SHORT_INPUT, BAD_DESCRIPTOR = 1, 4
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")


def same_bits(found: torch.Tensor, expected: torch.Tensor) -> None:
    """Equal to the bit, but for the payloads of NaNs."""
    found = found.cpu()
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    if expected.is_floating_point():
        nan = expected.isnan()
        assert torch.equal(found.isnan(), nan)
        found, expected = found.masked_fill(nan, 0), expected.masked_fill(nan, 0)
    assert torch.equal(found.contiguous().view(torch.uint8), expected.contiguous().view(torch.uint8))


def request(kind: str, **changed: Any) -> tuple[tuple[torch.Tensor, ...], dict[str, Any]]:
    file, _ = sample(kind)
    known = tile_arguments(file, 1)
    window = {"start": [0] * len(known["shape"]), "size": known["shape"]}
    return ops.read_tiles(file, 1), {**known, **window, **changed}


def on(device: str, tensors: tuple[torch.Tensor, ...]) -> list[torch.Tensor]:
    return [tensor.to(device) for tensor in tensors]


def windows(shape: list[int]) -> list[tuple[list[int], list[int]]]:
    return [
        ([0] * len(shape), shape),
        ([n // 3 for n in shape], [max(1, n // 2) for n in shape]),
        ([-2] * len(shape), [n + 3 for n in shape]),
    ]


@needs_gpu
@pytest.mark.parametrize("kind", IMAGES)
def test_decode_tiles_on_cuda(kind: str) -> None:
    tiles, arguments = request(kind)
    for start, size in windows(arguments["shape"]):
        window = {**arguments, "start": start, "size": size}
        expected, status = ops.decode_tiles_status(*tiles, **window)
        found, errors = ops.decode_tiles_status(*on("cuda", tiles), **window)
        assert found.is_cuda
        assert torch.equal(errors.cpu(), status)
        same_bits(found, expected)
        same_bits(ops.decode_tiles(*on("cuda", tiles), **window), expected)


@needs_gpu
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("kind", [kind for kind in IMAGES if "GZIP" not in kind])
def test_casts_on_cuda(kind: str, dtype: torch.dtype) -> None:
    tiles, arguments = request(kind, dtype=dtype)
    same_bits(ops.decode_tiles(*on("cuda", tiles), **arguments), ops.decode_tiles(*tiles, **arguments))


@needs_gpu
@pytest.mark.parametrize("kind", IMAGES)
def test_steps_on_cuda(kind: str) -> None:
    tiles, known = request(kind)
    quantised = known["bitpix"] < 0 and not tiles[2][:, 0].isnan().any()
    bitpix = 32 if quantised else known["bitpix"]
    geometry = known["tile_shape"], known["shape"]
    expected = ops.decompress_tiles(*tiles[:2], *geometry, bitpix, known["params"])
    found = ops.decompress_tiles(*on("cuda", tiles[:2]), *geometry, bitpix, known["params"])
    same_bits(found, expected)
    if quantised:
        columns = [tiles[2][:, 0], tiles[2][:, 1], tiles[1][:, 3], tiles[2][:, 2]]
        for dtype in (torch.float32, torch.float64, torch.bfloat16):

            def floats(stack: torch.Tensor, device: str, dtype: torch.dtype = dtype) -> torch.Tensor:
                scale, zero, number, blank = (column.contiguous().to(device) for column in columns)
                method = known["method"], known["zdither0"]
                return ops.dequantize(stack, scale, zero, *method, number, blank, dtype=dtype)

            same_bits(floats(found, "cuda"), floats(expected, "cpu"))
    for start, size in windows(known["shape"]):
        image = ops.assemble_tiles(found, *geometry, start=start, size=size)
        same_bits(image, ops.assemble_tiles(expected, *geometry, start=start, size=size))


@pytest.mark.parametrize("device", devices())
@pytest.mark.parametrize("kind", ["RICE_1 i2 in tiles", "RICE_1 quantised f4 1", "HCOMPRESS_1 i4 in tiles"])
def test_status_names_bad_tiles(kind: str, device: str) -> None:
    (data, descriptors, quantisation), arguments = request(kind)
    good = ops.decode_tiles(data, descriptors, quantisation, **arguments)
    descriptors[4, 1] = 3  # its stream ends in its first pixels
    found, status = ops.decode_tiles_status(*on(device, (data, descriptors, quantisation)), **arguments)
    assert status.dtype == torch.int32
    assert status.tolist() == [SHORT_INPUT if i == 4 else 0 for i in range(len(descriptors))]
    # Tile 4 of 3 rows of 3 tiles is the middle one.
    rows, columns = arguments["tile_shape"]
    bad = torch.zeros(good.shape, dtype=torch.bool)
    bad[rows : 2 * rows, columns : 2 * columns] = True
    nothing = torch.full_like(good, float("nan")) if good.is_floating_point() else torch.zeros_like(good)
    same_bits(found, torch.where(bad, nothing, good))


@pytest.mark.parametrize("device", devices())
def test_status_of_no_tiles(device: str) -> None:
    tiles, arguments = request("RICE_1 i2 in tiles")
    none = [tiles[0], tiles[1][:0], tiles[2][:0]]
    found, status = ops.decode_tiles_status(*(t.to(device) for t in none), **arguments)
    assert status.shape == (0,)
    assert not found.any()


@needs_gpu
def test_descriptors_that_cannot_be_true_on_cuda() -> None:
    (data, descriptors, quantisation), arguments = request("RICE_1 i2 in tiles")
    good = ops.decode_tiles(data, descriptors, quantisation, **arguments)
    wrong = [[-1, 5, 1, 0], [0, 2**62, 1, 0], [2**63 - 1, 2**63 - 1, 1, 0], [0, 5, 9, 0], [0, 5, 1, 9], [0, 5, 1, -1]]
    rows = torch.cat([torch.tensor(wrong), descriptors])
    numbers = torch.cat([quantisation[:1].expand(len(wrong), 3), quantisation])
    found, status = ops.decode_tiles_status(*on("cuda", (data, rows, numbers)), **arguments)
    assert status.tolist() == [BAD_DESCRIPTOR] * len(wrong) + [0] * len(descriptors)
    same_bits(found, good)


@needs_gpu
def test_a_tile_twice_on_cuda() -> None:
    """One of the two is refused, whichever; the image is whole."""
    tiles, arguments = request("RICE_1 i2 in tiles")
    good = ops.decode_tiles(*tiles, **arguments)
    data, descriptors, quantisation = on("cuda", tiles)
    found, status = ops.decode_tiles_status(data, descriptors.repeat(2, 1), quantisation.repeat(2, 1), **arguments)
    assert sorted(status.tolist()) == [0] * len(descriptors) + [BAD_DESCRIPTOR] * len(descriptors)
    same_bits(found, good)


@needs_gpu
@pytest.mark.parametrize("kind", ["RICE_1 quantised f4 2", "GZIP_2 i2 in tiles", "HCOMPRESS_1 i2 in tiles"])
def test_nothing_waits_for_the_device_on_cuda(kind: str) -> None:
    """What waits cannot be captured into a CUDA graph."""
    tiles, arguments = request(kind)
    expected = ops.decode_tiles(*tiles, **arguments)
    there = on("cuda", tiles)
    ops.decode_tiles(*there, **arguments)
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        found = ops.decode_tiles(*there, **arguments)
    found.zero_()
    graph.replay()
    same_bits(found, expected)
