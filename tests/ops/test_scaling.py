"""unpack, scale, unscale: the Standard's values, astropy's, the way back, derivatives, and every kind of graph."""

import io
import warnings

import numpy as np
import pytest
import torch
from astropy.io import fits
from conftest import devices
from hypothesis import given
from hypothesis import strategies as st

import torchfits  # noqa: F401

unpack, scale, unscale = torch.ops.fits.unpack, torch.ops.fits.scale, torch.ops.fits.unscale
NAN = float("nan")
STORED = {
    8: torch.uint8,
    16: torch.int16,
    32: torch.int32,
    64: torch.int64,
    -32: torch.float32,
    -64: torch.float64,
}
INTEGERS = [torch.uint8, torch.int8, torch.int16, torch.uint16, torch.int32, torch.uint32, torch.int64, torch.uint64]
FLOATS = [torch.float16, torch.bfloat16, torch.float32, torch.float64]
CONVENTIONS = [
    (8, -128.0, torch.int8),
    (16, 2.0**15, torch.uint16),
    (32, 2.0**31, torch.uint32),
    (64, 2.0**63, torch.uint64),
]
ON_EVERY_DEVICE = pytest.mark.parametrize("device", devices())


def numpy_of(tensor):
    """Unsigned and bfloat16 tensors have hardly any arithmetic, in torch or in NumPy."""
    tensor = tensor.detach().cpu()
    return (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy()


def assert_same(found, expected):
    """Values, NaN where NaN, and the sign of zero."""
    found, expected = numpy_of(found), numpy_of(torch.as_tensor(expected))
    np.testing.assert_array_equal(found, expected)
    if found.dtype.kind == "f":
        defined = ~np.isnan(expected)
        np.testing.assert_array_equal(np.signbit(found)[defined], np.signbit(expected)[defined])


def some_values(dtype, count=1003, seed=1):
    """Random bits, and the values at which things go wrong."""
    generator = np.random.default_rng(seed)
    size = torch.empty(0, dtype=dtype).element_size()
    values = torch.from_numpy(generator.integers(0, 256, count * size, dtype=np.uint8)).view(dtype)
    if dtype.is_floating_point:
        ordinary = torch.from_numpy(generator.normal(0, 1000, count // 2)).to(dtype)
        special = [0.0, -0.0, 0.5, 1.5, 2.5, -0.5, 254.5, 255.5, 32767.5, -32768.5, 65520.0, 2.0**31, 2.0**63, NAN]
        special = torch.tensor([*special, float("inf"), -float("inf"), 2.0**64, -(2.0**63), 1e-40, 6e-8]).to(dtype)
        return torch.cat([values, ordinary, special])
    info = torch.iinfo(dtype)
    special = np.array([info.min, info.max, 0, 1, 7, 100], dtype=str(dtype).removeprefix("torch."))
    return torch.cat([values.view(torch.uint8), torch.from_numpy(special).view(torch.uint8)]).view(dtype)


# -- worked values from the Standard --------------------------------------------------------------------------

STANDARD = [  # stored, BITPIX, BSCALE, BZERO, BLANK, result dtype, physical
    ([0, -32768, 32767], 16, 1.0, 32768.0, None, torch.uint16, [32768, 0, 65535]),  # table 11 (section 5.2.5)
    ([0, 128, 255], 8, 1.0, -128.0, None, torch.int8, [-128, 0, 127]),
    ([-(2**31), 0, 2**31 - 1], 32, 1.0, 2.0**31, None, torch.uint32, [0, 2**31, 2**32 - 1]),
    ([-(2**63), 0, 2**63 - 1], 64, 1.0, 2.0**63, None, torch.uint64, [0, 2**63, 2**64 - 1]),
    ([1, 2, 3], 16, 0.5, 10.0, None, torch.float32, [10.5, 11.0, 11.5]),  # equation 3 (section 4.4.2.5)
    ([1, -1, 3], 16, 2.0, 0.0, -1, torch.float32, [2.0, NAN, 6.0]),  # BLANK
    ([0, 255, 7], 8, 1.0, 0.0, 255, torch.float32, [0.0, NAN, 7.0]),
    ([5, 6], 16, 1.0, 32768.0, 5, torch.float64, [NAN, 32774.0]),  # BLANK is a stored value
    ([5, 6], 16, 1.0, 32768.0, 5, torch.uint16, [32773, 32774]),  # integers have no NaN
    ([2**53 + 1], 64, 1.0, 0.0, None, torch.int64, [2**53 + 1]),
    ([300, -5], 16, 1.0, 0.0, None, torch.uint8, [255, 0]),
    ([1, -1], 16, 0.75, 1.0, None, torch.int32, [1, 0]),  # truncated
]


@ON_EVERY_DEVICE
@pytest.mark.parametrize("stored, bitpix, bscale, bzero, blank, dtype, physical", STANDARD)
def test_the_standard(stored, bitpix, bscale, bzero, blank, dtype, physical, device):
    data = np.array(stored).astype(np.dtype(f">{'u' if bitpix == 8 else 'i'}{bitpix // 8}")).tobytes()
    data = torch.frombuffer(bytearray(data), dtype=torch.uint8).to(device)
    raw = unpack(data, bitpix, [len(stored)])
    assert raw.dtype == STORED[bitpix]
    assert raw.tolist() == stored
    found = scale(raw, bscale, bzero, blank, dtype=dtype)
    assert found.dtype == dtype
    assert found.device.type == device
    assert_same(found, torch.tensor(physical, dtype=dtype))


BACK = [  # physical, BSCALE, BZERO, BLANK, BITPIX, stored
    ([0.5, 1.5, 2.5, -0.5, -1.5, 0.49999999999999994], 1.0, 0.0, None, 16, [0, 2, 2, 0, -2, 0]),  # ties to even
    ([10.5, 11.0, NAN], 0.5, 10.0, -99, 16, [1, 2, -99]),
    ([1e9, -1e9, float("inf"), -float("inf")], 1.0, 0.0, None, 16, [32767, -32768, 32767, -32768]),
    ([0.0, 65535.0, 70000.0, -3.0, NAN], 1.0, 32768.0, None, 16, [-32768, 32767, 32767, -32768, -32768]),
    ([0.0, NAN], 1.0, 32768.0, 7, 16, [-32768, 7]),
    ([NAN, 1.0], 2.0, 1.0, None, 32, [0, 0]),
    ([1.5, 2.0**63, 2.0**64], 1.0, 2.0**63, None, 64, [2 - 2**63, 0, 2**63 - 1]),
    ([NAN, 3.0], 2.0, 1.0, 5, -32, [NAN, 1.0]),
]


@ON_EVERY_DEVICE
@pytest.mark.parametrize("physical, bscale, bzero, blank, bitpix, stored", BACK)
def test_the_way_back(physical, bscale, bzero, blank, bitpix, stored, device):
    value = torch.tensor(physical, dtype=torch.float64, device=device)
    found = unscale(value, bscale, bzero, blank, bitpix)
    assert found.dtype == STORED[bitpix]
    assert_same(found, torch.tensor(stored, dtype=STORED[bitpix]))


# -- against NumPy and astropy --------------------------------------------------------------------------------


@ON_EVERY_DEVICE
@pytest.mark.parametrize("bitpix", STORED)
@pytest.mark.parametrize("offset", [0, 1, 3])  # of the bytes in memory
def test_unpack_against_numpy(bitpix, offset, device):
    size = abs(bitpix) // 8
    for count in [0, 1, 2, 15, 16, 17, 1000, 400_001]:
        data = torch.from_numpy(np.random.default_rng(count).integers(0, 256, offset + count * size, dtype=np.uint8))
        found = unpack(data.to(device)[offset:], bitpix, [count])
        swapped = data[offset:].reshape(count, size).flip(1)  # bits, so that NaN compares
        assert torch.equal(found.cpu().view(torch.uint8).reshape(count, size), swapped)


@ON_EVERY_DEVICE
def test_unpack_of_strided_batches(device):
    rows = torch.arange(240, dtype=torch.uint8).reshape(4, 60).to(device)
    found = unpack(rows[::2, 4:28], 32, [2, 3, 2])
    expected = np.ascontiguousarray(rows.cpu().numpy()[::2, 4:28]).view(">i4").astype(np.int32).reshape(2, 3, 2)
    assert_same(found, torch.from_numpy(expected))


def rounded(values, dtype):
    """NumPy's float64 to `dtype`, by the documented rule."""
    if dtype in (torch.float16, torch.bfloat16):
        return torch.from_numpy(values.astype(np.float32)).to(dtype)
    if dtype.is_floating_point:
        return torch.from_numpy(values).to(dtype)
    info = torch.iinfo(dtype)
    exact = [0 if v != v else int(min(max(v, -(2.0**70)), 2.0**70)) for v in values.tolist()]
    exact = [min(max(v, info.min), info.max) for v in exact]
    return torch.from_numpy(np.array(exact, dtype=str(dtype).removeprefix("torch.")))


@ON_EVERY_DEVICE
@pytest.mark.parametrize("dtype", INTEGERS + FLOATS, ids=str)
@pytest.mark.parametrize("raw_dtype", INTEGERS + FLOATS, ids=str)
@pytest.mark.parametrize("bscale, bzero, blank", [(0.01, 100.5, None), (-3.0, 1e4, 7), (2.0, 0.0, 100)])
def test_scale_against_float64(raw_dtype, dtype, bscale, bzero, blank, device):
    raw = some_values(raw_dtype)
    with np.errstate(all="ignore"):
        expected = rounded(numpy_of(raw).astype(np.float64) * bscale + bzero, dtype)
    if blank is not None and dtype.is_floating_point and not raw_dtype.is_floating_point:
        expected[torch.from_numpy(numpy_of(raw) == blank)] = NAN
    assert_same(scale(raw.to(device), bscale, bzero, blank, dtype=dtype), expected)


@ON_EVERY_DEVICE
@pytest.mark.parametrize("dtype", INTEGERS + FLOATS, ids=str)
@pytest.mark.parametrize("raw_dtype", INTEGERS + FLOATS, ids=str)
def test_casts_without_scaling(raw_dtype, dtype, device):
    raw = some_values(raw_dtype)
    if raw_dtype.is_floating_point:
        with np.errstate(all="ignore"):
            expected = rounded(numpy_of(raw).astype(np.float64), dtype)
    elif dtype in (torch.float16, torch.bfloat16):
        expected = torch.from_numpy(numpy_of(raw).astype(np.float32)).to(dtype)
    elif dtype.is_floating_point:
        expected = torch.from_numpy(numpy_of(raw).astype(str(dtype).removeprefix("torch.")))
    else:
        info = torch.iinfo(dtype)
        clipped = [min(max(int(v), info.min), info.max) for v in numpy_of(raw)]
        expected = torch.from_numpy(np.array(clipped, dtype=str(dtype).removeprefix("torch.")))
    assert_same(scale(raw.to(device), dtype=dtype), expected)


def as_astropy_reads(stored, bitpix, bscale, bzero, blank):
    hdu = fits.PrimaryHDU(stored)
    for key, value in [("BSCALE", bscale), ("BZERO", bzero), ("BLANK", blank)]:
        if value is not None:
            hdu.header[key] = value
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        file = io.BytesIO()
        hdu.writeto(file, output_verify="silentfix")
        content = file.getvalue()
        start = len(content) - -(-stored.nbytes // 2880) * 2880
        with fits.open(io.BytesIO(content)) as hdus:
            return content[start : start + stored.nbytes], hdus[0].data


@ON_EVERY_DEVICE
@pytest.mark.parametrize("bitpix, bzero, dtype", CONVENTIONS)
def test_conventions_against_astropy(bitpix, bzero, dtype, device):
    physical = some_values(dtype).reshape(-1)
    file = io.BytesIO()
    fits.PrimaryHDU(physical.numpy()).writeto(file)
    with fits.open(io.BytesIO(file.getvalue()), do_not_scale_image_data=True) as hdus:
        assert (hdus[0].header["BITPIX"], hdus[0].header["BZERO"]) == (bitpix, bzero)
        stored = hdus[0].data
    raw = unpack(torch.frombuffer(bytearray(stored.tobytes()), dtype=torch.uint8).to(device), bitpix, [len(physical)])
    assert_same(scale(raw, 1, bzero, dtype=dtype), physical)
    assert_same(
        unscale(physical.to(device), 1, bzero, None, bitpix),
        torch.from_numpy(stored.astype(stored.dtype.newbyteorder("="))),
    )


@ON_EVERY_DEVICE
@pytest.mark.parametrize(
    "bitpix, bscale, bzero, blank",
    [
        (bitpix, *scaling)
        for bitpix in STORED
        for scaling in [(0.01, 100.5, None), (0.01, 100.5, 7), (1.0, 0.0, 7), (3.0, -1.5, None)]
        if bitpix > 0 or scaling[2] is None  # BLANK belongs to integers
    ],
)
def test_scaling_against_astropy(bitpix, bscale, bzero, blank, device):
    stored = (
        np.random.default_rng(3).integers(0, 100, (40, 25)).astype(numpy_of(torch.empty(0, dtype=STORED[bitpix])).dtype)
    )
    data, expected = as_astropy_reads(stored, bitpix, bscale, bzero, blank)
    raw = unpack(torch.frombuffer(bytearray(data), dtype=torch.uint8).to(device), bitpix, [40, 25])
    dtype = torch.float64 if expected.dtype.itemsize == 8 else torch.float32
    found = numpy_of(scale(raw, bscale, bzero, blank, dtype=dtype))
    # astropy multiplies and adds in float32 for BITPIX 8, 16 and -32: its two roundings against our one.
    np.testing.assert_allclose(found, expected.astype(found.dtype), rtol=3e-7 if dtype == torch.float32 else 1e-15)


# -- there and back -------------------------------------------------------------------------------------------


@given(
    bitpix=st.sampled_from([8, 16, 32]),
    bscale=st.floats(1e-6, 1e6) | st.floats(-1e6, -1e-6),
    bzero=st.floats(-1e6, 1e6),
    seed=st.integers(0, 2**32 - 1),
)
def test_round_trip(bitpix, bscale, bzero, seed):
    """In float64, as long as BZERO is not so large beside BSCALE that neighbours fall together."""
    raw = some_values(STORED[bitpix], 50, seed)
    bzero *= min(1.0, abs(bscale))
    back = unscale(scale(raw, bscale, bzero, dtype=torch.float64), bscale, bzero, None, bitpix)
    assert torch.equal(back, raw)


@ON_EVERY_DEVICE
@pytest.mark.parametrize("bitpix, bzero, dtype", CONVENTIONS)
def test_round_trip_of_conventions(bitpix, bzero, dtype, device):
    raw = some_values(STORED[bitpix]).to(device)
    assert torch.equal(unscale(scale(raw, 1, bzero, dtype=dtype), 1, bzero, None, bitpix), raw)


@ON_EVERY_DEVICE
@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_round_trip_of_blank(dtype, device):
    raw = torch.tensor([[1, -99], [-99, 4]], dtype=torch.int16, device=device)
    value = scale(raw, 2, 1, -99, dtype=dtype)
    assert value.isnan().tolist() == [[False, True], [True, False]]
    assert torch.equal(unscale(value, 2, 1, -99, 16), raw)


@ON_EVERY_DEVICE
@pytest.mark.parametrize("raw_dtype", INTEGERS + FLOATS, ids=str)
@pytest.mark.parametrize("bitpix", STORED)
@pytest.mark.parametrize("bscale, bzero, blank", [(1.0, 0.0, None), (0.5, 3.0, 9), (1.0, None, 9)])
def test_unscale_against_float64(raw_dtype, bitpix, bscale, bzero, blank, device):
    """What NumPy's float64 gives; integers that need no arithmetic saturate exactly."""
    convention = {8: -128.0, 16: 2.0**15, 32: 2.0**31, 64: 2.0**63}.get(bitpix, 0.0)
    offset = convention if bzero is None else bzero
    value = some_values(raw_dtype)
    found = unscale(value.to(device), bscale, offset, blank, bitpix)
    exact = numpy_of(value)
    if bitpix < 0:
        with np.errstate(all="ignore"):
            wide = exact.astype(np.float64)
            expected = torch.from_numpy((wide - offset) / bscale if (bscale, offset) != (1, 0) else exact).to(
                STORED[bitpix]
            )
        assert_same(found, expected)
        return
    info = torch.iinfo(STORED[bitpix])
    shift = int(convention) if bzero is None else 0
    expected = []
    for v in exact.tolist():
        if v != v:
            expected.append(blank if blank is not None else -shift)
            continue
        if bscale != 1:
            v = (float(v) - offset) / bscale
        if isinstance(v, float):
            v = int(np.rint(v)) if np.isfinite(v) else (2**70 if v > 0 else -(2**70))
        expected.append(min(max(v - shift, info.min), info.max))
    assert found.tolist() == expected


# -- shapes and errors ----------------------------------------------------------------------------------------


@ON_EVERY_DEVICE
@pytest.mark.parametrize("shape", [(), (0,), (3, 0, 2), (1,), (7,), (2, 3, 5)])
def test_shapes(shape, device):
    raw = torch.ones(shape, dtype=torch.int16, device=device)
    assert scale(raw, 2, 1).shape == shape
    assert (scale(raw, 2, 1) == 3).all()
    assert unscale(scale(raw, 2, 1), 2, 1, None, 16).shape == shape


@ON_EVERY_DEVICE
def test_strided_tensors(device):
    raw = torch.arange(1000, dtype=torch.int16, device=device).reshape(10, 100)
    for view in [
        raw.T,
        raw[::3, 1::2],
        raw[1:, 1:],
        raw[:, :1].expand(10, 5),
        raw.reshape(10, 10, 10).permute(2, 0, 1),
    ]:
        found = scale(view, 0.5, 1)
        assert found.is_contiguous()
        assert_same(found, view.cpu().to(torch.float32) * 0.5 + 1)
        assert_same(unscale(found, 0.5, 1, None, 16), view.cpu())


@ON_EVERY_DEVICE
def test_large_tensors_take_every_thread(device):
    raw = torch.randint(-(2**15), 2**15, (2003, 1001), dtype=torch.int16).to(device)
    assert_same(scale(raw, 0.25, 2, dtype=torch.float64), raw.cpu().double() * 0.25 + 2)
    assert torch.equal(unscale(scale(raw, 0.25, 2), 0.25, 2, None, 16), raw)


ERRORS = [
    (lambda x: unpack(x, 16, [3]), "unpack: data holds 8 bytes; BITPIX 16 and shape \\[3\\] take 6"),
    (lambda x: unpack(x, 24, [3]), "bitpix is 24; it must be 8, 16, 32, 64, -32 or -64"),
    (lambda x: unpack(x, 16, [-4]), "negative"),
    (lambda x: unpack(x, 16, [2**40, 2**40]), "too many elements"),
    (lambda x: unpack(x, 8, [2**62]), "too many elements|data holds 8 bytes"),
    (lambda x: unpack(x.to(torch.int16), 16, [8]), "data must be uint8, not Short"),
    (lambda x: scale(x.bool()), "dtype Bool cannot hold pixels"),
    (lambda x: scale(x, dtype=torch.complex64), "dtype ComplexFloat cannot hold pixels"),
    (lambda x: scale(x.to(torch.float8_e5m2)), "cannot hold pixels"),
    (lambda x: unscale(x, 0, 0, None, 16), "bscale is 0; it must be finite and not 0"),
    (lambda x: unscale(x, NAN, 0, None, 16), "bscale is nan"),
    (lambda x: unscale(x, 1, float("inf"), None, 16), "bzero is inf"),
    (lambda x: unscale(x, 1, 0, 2**15, 16), "blank is 32768, which BITPIX 16 cannot store"),
    (lambda x: unscale(x, 1, 0, -1, 8), "blank is -1, which BITPIX 8 cannot store"),
    (lambda x: unscale(x, 1, 0, None, -16), "bitpix is -16"),
]


@ON_EVERY_DEVICE
@pytest.mark.parametrize("call, message", ERRORS, ids=[message for _, message in ERRORS])
def test_errors(call, message, device):
    with pytest.raises(ValueError, match=message):
        call(torch.zeros(8, dtype=torch.uint8, device=device))


# -- derivatives ----------------------------------------------------------------------------------------------


@ON_EVERY_DEVICE
@pytest.mark.parametrize(
    "function",
    [
        lambda x: scale(x, 2.5, 1.0, dtype=torch.float64),
        lambda x: scale(x, -0.01, 32768.0, 7, dtype=torch.float64),
        lambda x: unscale(x, 2.5, 1.0, None, -64),
        lambda x: unscale(scale(x, 2.5, 1.0, dtype=torch.float64).sin(), 0.5, 1.0, 7, -64),
    ],
)
def test_gradients(function, device):
    x = torch.randn(3, 4, dtype=torch.float64, device=device, requires_grad=True)
    assert torch.autograd.gradcheck(function, x)
    assert torch.autograd.gradgradcheck(function, x)


@ON_EVERY_DEVICE
def test_gradients_have_the_dtype_of_the_input(device):
    for dtype in FLOATS:
        x = torch.ones(3, dtype=dtype, device=device, requires_grad=True)
        scale(x, 0.5, 1).sum().backward()
        assert x.grad.dtype == dtype
        assert (x.grad == 0.5).all()
        (y,) = torch.autograd.grad(unscale(x, 0.5, 1, None, -32).sum(), x)
        assert y.dtype == dtype
        assert (y == 2).all()


@ON_EVERY_DEVICE
def test_integer_results_have_no_gradient(device):
    x = torch.ones(3, device=device, requires_grad=True)
    assert not scale(x, 2, dtype=torch.int32).requires_grad
    assert not unscale(x, 2, 0, None, 16).requires_grad


# -- graphs ---------------------------------------------------------------------------------------------------

SAMPLES = [
    (unpack, (torch.arange(24, dtype=torch.uint8), 16, [3, 4]), {}),
    (unpack, (torch.arange(24, dtype=torch.uint8).reshape(4, 6).T, -64, [3]), {}),
    (scale, (torch.arange(12, dtype=torch.int16).reshape(3, 4), 0.5, 10.0, 99), {}),  # opcheck takes no NaN for equal
    (scale, (torch.arange(12, dtype=torch.int32).reshape(3, 4).T, 1.0, 2.0**31, None), {"dtype": torch.uint32}),
    (scale, (torch.randn(3, 4, requires_grad=True), 0.5, 10.0, None), {"dtype": torch.float16}),
    (unscale, (torch.randn(3, 4), 0.5, 10.0, 7, 16), {}),
    (unscale, (torch.randn(3, 4, requires_grad=True), 0.5, 10.0, None, -64), {}),
]


@ON_EVERY_DEVICE
@pytest.mark.parametrize("operator, arguments, options", SAMPLES)
def test_opcheck(operator, arguments, options, device):
    tensor, *rest = arguments
    tensor = tensor.detach().to(device).requires_grad_(tensor.requires_grad)
    torch.library.opcheck(operator.default, (tensor, *rest), options)


class Calibrate(torch.nn.Module):
    """Bytes of a 16-bit image to float32, and back to int16: all three operators."""

    def forward(self, data: torch.Tensor, like: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        raw = torch.ops.fits.unpack(data, 16, [like.shape[0], like.shape[1]])
        value = torch.ops.fits.scale(raw, 0.5, 10.0, 7, dtype=torch.float32)
        return value, torch.ops.fits.unscale(value, 0.5, 10.0, 7, 16)


def inputs(height, width, device):
    generator = torch.Generator().manual_seed(5)
    data = torch.randint(0, 256, (height * width * 2,), dtype=torch.uint8, generator=generator)
    return data.to(device), torch.empty(height, width, device=device)


def assert_calibrates(model, device):
    for height, width in [(3, 4), (1, 1), (17, 5)]:
        arguments = inputs(height, width, device)
        for found, expected in zip(model(*arguments), Calibrate()(*arguments), strict=True):
            assert_same(found, expected)


@ON_EVERY_DEVICE
def test_torchscript(device, tmp_path):
    scripted = torch.jit.script(Calibrate())
    assert_calibrates(scripted, device)
    scripted.save(tmp_path / "calibrate.pt")
    assert_calibrates(torch.jit.load(tmp_path / "calibrate.pt"), device)


@ON_EVERY_DEVICE
def test_compile(device):
    torch._dynamo.reset()
    assert_calibrates(torch.compile(Calibrate(), fullgraph=True, dynamic=True), device)


@ON_EVERY_DEVICE
def test_compile_with_gradients(device):
    torch._dynamo.reset()
    x = torch.randn(5, device=device, requires_grad=True)
    compiled = torch.compile(lambda x: scale(x, 0.5, 1.0).sin().sum(), fullgraph=True)
    (found,) = torch.autograd.grad(compiled(x), x)
    torch.testing.assert_close(found, 0.5 * torch.cos(0.5 * x + 1.0).detach())


def exported(device):
    height, width, size = (torch.export.Dim.AUTO(min=1, max=10_000) for _ in range(3))
    return torch.export.export(Calibrate(), inputs(6, 8, device), dynamic_shapes=({0: size}, {0: height, 1: width}))


@ON_EVERY_DEVICE
def test_export(device, tmp_path):
    torch.export.save(exported(device), tmp_path / "calibrate.pt2")
    assert_calibrates(torch.export.load(tmp_path / "calibrate.pt2").module(), device)


@ON_EVERY_DEVICE
def test_aot_inductor(device, tmp_path):
    package = torch._inductor.aoti_compile_and_package(exported(device), package_path=str(tmp_path / "calibrate.pt2"))
    assert_calibrates(torch._inductor.aoti_load_package(package), device)
