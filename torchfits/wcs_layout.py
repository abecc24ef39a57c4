"""The packed form of a WCS as far as Python reads it: csrc/wcs/layout.h, slot by slot.

A packed WCS is a float64 vector: a head of fixed slots, then blocks, each at the offset that the head names.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag

import torch
from torch import Tensor

VERSION = 1


class Head(IntEnum):
    """Slots of the head that Python reads; LINEAR to TIME hold offsets of blocks, 0 where there is none."""

    VERSION = 0
    LENGTH = 1
    NAXIS = 2
    LNG = 3
    LAT = 4
    SPEC = 5
    PROJECTION = 6
    DISTORTION = 7
    LINEAR = 8  # the first offset
    CELESTIAL = 9
    SPECTRAL = 10
    SIP = 11
    SEQUENT = 12
    CPDIS = 13
    D2IM = 14
    TIME = 16
    POLYNOMIAL = 17
    GRID_START = 20  # of a cutout, with its steps; before it only offsets
    SIZE = 24


class Distortion(IntFlag):
    """Bits of Head.DISTORTION."""

    SIP = 1
    CPDIS = 2
    D2IM = 4
    TPV = 8
    TPD = 16
    TNX = 32
    ZPX = 64
    DSS = 128
    POLYNOMIAL = 256


#: What astropy adds around wcslib; its wcs_pix2world and wcs_world2pix leave these out.
AROUND_WCSLIB = Distortion.SIP | Distortion.CPDIS | Distortion.D2IM


class Celestial(IntEnum):
    """Slots of the celestial block that Python reads."""

    FRAME = 79
    EQUINOX = 80
    SIZE = 81


class Spectral(IntEnum):
    """Slots of the spectral block that Python reads."""

    RESTFRQ = 13
    RESTWAV = 14
    SIZE = 31


class Time(IntEnum):
    """Slots of the time block that Python reads."""

    AXIS = 0
    MJDREF = 2
    TIMESYS = 9
    SIZE = 23


class Frame(IntEnum):
    """The celestial reference system."""

    OTHER = 0
    ICRS = 1
    FK5 = 2
    FK4 = 3
    FK4_NO_E = 4
    GAPPT = 5
    GALACTIC = 6
    ECLIPTIC = 7
    HELIOECLIPTIC = 8
    SUPERGALACTIC = 9


SIP_SIZE = 226


class Linear:
    """Where the parts of the linear block stand in the packed vector, counted from its first slot."""

    def __init__(self, offset: int, naxis: int) -> None:
        n = naxis
        self.crpix = slice(offset, offset + n)
        self.crval = slice(offset + n, offset + 2 * n)
        self.matrix = slice(offset + 2 * n, offset + 2 * n + n * n)
        self.inverse = slice(offset + 2 * n + n * n, offset + 2 * n + 2 * n * n)
        after = offset + 2 * n + 2 * n * n
        self.kind = slice(after, after + n)
        self.ctype = slice(after + n, after + 3 * n)
        self.cunit = slice(after + 3 * n, after + 5 * n)
        self.end = after + 5 * n


def texts(slots: Tensor) -> list[str]:
    """Two slots make a text of eight characters, four in each, the first in the highest of 32 bits."""
    halves = [int(slot).to_bytes(4, "big") for slot in slots.tolist()]
    return [(one + two).rstrip(b"\0 ").decode("latin-1") for one, two in zip(halves[::2], halves[1::2])]


def head(packed: Tensor, slot: Head) -> int:
    """A slot of the head, which all of a batch must have alike."""
    if len(packed) == 0:
        raise ValueError("the batch of WCS is empty: it has no axes")
    values = packed.detach()[..., slot]
    if values.dim() == 0:
        return int(values)
    if (values != values[0]).any():
        raise ValueError(
            f"the WCS of this batch differ in {slot.name}: index the batch, and ask each of them ({values.tolist()})"
        )
    return int(values[0])


def linear(packed: Tensor) -> Linear:
    return Linear(head(packed, Head.LINEAR), head(packed, Head.NAXIS))


def checked(packed: Tensor) -> Tensor:
    """What `WCS.from_packed` takes; blocks are checked by the operators."""
    if not isinstance(packed, Tensor) or packed.dtype != torch.float64 or packed.dim() not in (1, 2):
        found = f"{packed.dtype} {list(packed.shape)}" if isinstance(packed, Tensor) else type(packed).__name__
        raise ValueError(f"a packed WCS is a float64 tensor [P], or [B, P] of many, as wcs_from_header gives: {found}")
    if packed.shape[-1] < Head.SIZE or (packed.detach()[..., Head.VERSION] != VERSION).any():
        raise ValueError("this tensor is no packed WCS of this version of torchfits; make it from its header again")
    return packed


def trimmed(packed: Tensor) -> Tensor:
    """One WCS of a batch without the zeros that pad it."""
    return packed[: int(packed.detach()[Head.LENGTH])]


def padded(vectors: list[Tensor]) -> Tensor:
    """Vectors of any lengths as a batch."""
    return torch.nn.utils.rnn.pad_sequence(vectors, batch_first=True)


def without_distortions(packed: Tensor, left_out: Distortion = AROUND_WCSLIB) -> Tensor:
    """The same WCS to which some distortions are unknown; their blocks are no longer referred to."""
    new = packed.clone()
    bits = packed.detach()[..., Head.DISTORTION].long() & ~int(left_out)
    new[..., Head.DISTORTION] = bits.to(torch.float64)
    offsets = {Distortion.SIP: Head.SIP, Distortion.CPDIS: Head.CPDIS, Distortion.D2IM: Head.D2IM}
    for distortion, slot in offsets.items():
        if distortion & left_out:
            new[..., slot] = 0
    return new


def celestial(packed: Tensor) -> Tensor:
    """The WCS of the two celestial axes of one packed WCS, in their order."""
    naxis, lng, lat = (head(packed, slot) for slot in (Head.NAXIS, Head.LNG, Head.LAT))
    if lng < 0 or lat < 0:
        raise ValueError("this WCS has no celestial axes")
    if naxis == 2:
        return packed.clone()
    pair = sorted((lng, lat))
    axes = torch.tensor(pair, device=packed.device)
    at = linear(packed)
    matrices = [packed[part].reshape(naxis, naxis) for part in (at.matrix, at.inverse)]
    others = [axis for axis in range(naxis) if axis not in pair]
    matrix = matrices[0].detach()
    if matrix[pair][:, others].any() or matrix[others][:, pair].any():
        raise ValueError("PCi_j or CDi_j mix the celestial axes with others: they cannot be separated")
    bits = Distortion(head(packed, Head.DISTORTION))
    kept = {Head.CELESTIAL: Celestial.SIZE.value}
    if bits & Distortion.SIP:
        kept[Head.SIP] = SIP_SIZE
    if bits & ~Distortion.SIP or (bits and pair != [0, 1]):
        raise NotImplementedError(
            f"this WCS of {naxis} axes has distortions ({bits.name}), and its celestial axes can be had alone only "
            "without, or with SIP on the first two axes; transform points of all axes"
        )
    block = [
        *(packed[part][axes] for part in (at.crpix, at.crval)),
        *(matrix[axes][:, axes].flatten() for matrix in matrices),
        packed[at.kind][axes],
        *(packed[part].reshape(naxis, 2)[axes].flatten() for part in (at.ctype, at.cunit)),
    ]
    new_head = packed[: Head.SIZE].clone()
    new_head[Head.NAXIS] = 2
    new_head[Head.LNG : Head.SPEC + 1] = torch.tensor([pair.index(lng), pair.index(lat), -1.0])
    new_head[Head.LINEAR : Head.GRID_START] = 0
    parts = [new_head, torch.cat(block)]
    new_head[Head.LINEAR] = Head.SIZE
    length = Head.SIZE + len(parts[1])
    for slot, size in kept.items():
        offset = head(packed, slot)
        new_head[slot] = length
        parts.append(packed[offset : offset + size])
        length += size
    new_head[Head.LENGTH] = length
    return torch.cat(parts)
