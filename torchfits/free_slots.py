"""The slots of a packed WCS that a fit may vary."""

from __future__ import annotations

import torch

from torchfits.wcs_layout import Head

_LONPOLE, _PV, _ZPN_DEGREE = 16, 25, 66  # in the celestial block
_SIP_ORDERS, _SIP_COEFFICIENTS, _SIP_TRIANGLE, _SIP_MOST = 2, 6, 55, 9
# kRecords, then kSize, kTable, kDegree and kTerms of a record
_RECORDS, _RECORD, _RECORD_TABLE, _RECORD_DEGREE, _RECORD_TERMS = 2, 79, 3, 4, 16
_TABLE_AXES = 5  # of a general polynomial, after the numbers of its variables, auxiliary ones and terms

# PVi_m that are continuous: the first m, and how many, of projections in wcslib's order. None: ZPN, as many as it has.
_PARAMETERS = {1: (1, 2), 2: (1, 3), 5: (1, 2), 7: (0, None), 9: (1, 1), 10: (1, 2), 11: (1, 1)}
_PARAMETERS |= {14: (1, 2), 15: (1, 2), 16: (1, 2), 17: (1, 2), 22: (1, 1)}


def wcs_slots(wcs: torch.Tensor) -> dict[str, torch.Tensor]:
    """The free slots of a packed WCS by name: int64 indices into its last dimension.

    ``crpix`` and ``crval`` ``[N]``, ``matrix`` ``[N * N]`` (row i for world axis i; CDELT and PC or CD multiplied out,
    in degrees and SI units); where there are such, ``lonpole``, ``pv`` (PVi_m of the latitude axis that vary smoothly),
    ``sip_a`` and ``sip_b`` (A_p_q and B_p_q with 2 <= p + q, p first), ``polynomial`` and ``sequent``: coefficients of
    distortions before and after the matrix, for each axis by powers of the first variable, odd powers of the radius
    last (TPV, TNX, ZPX, DSS, TPD), or one for each term (Paper IV's Polynomial).

    All other slots are constants to the derivatives of coordinates: their gradient is 0, also of those on which
    coordinates depend. Such are the elements of lookup tables and of -TAB arrays, the parameters of spectra (RESTFRQ,
    PVi_m of grisms), the fiducial point (PVi_1, PVi_2 of the longitude axis), powers, origins and scales of
    polynomials, AP and BP (where the inverse begins). Slots change together with those that follow from them by
    ``wcs_update``::

        slots = torchfits.wcs_slots(wcs)
        crpix = wcs[slots["crpix"]].clone().requires_grad_()
        fitted = torch.ops.fits.wcs_update(wcs.index_put((slots["crpix"],), crpix))

    ``wcs`` is ``[P]``, or ``[B, P]`` where all have the same kind.
    """
    if wcs.dim() == 2 and wcs.shape[0] > 0:
        if bool((wcs[:, : Head.SIZE] != wcs[0, : Head.SIZE]).any()):
            raise ValueError("wcs_slots: these WCS are of different kinds; ask for the slots of each")
        wcs = wcs[0]
    if wcs.dim() != 1 or wcs.shape[0] < Head.SIZE or wcs[0] != 1:
        raise ValueError("wcs_slots: this is not a packed WCS [P] or [B, P]")
    head = [int(slot) for slot in wcs[: Head.SIZE].tolist()]
    naxis, linear = head[Head.NAXIS], head[Head.LINEAR]
    slots = {
        "crpix": torch.arange(linear, linear + naxis),
        "crval": torch.arange(linear + naxis, linear + 2 * naxis),
        "matrix": torch.arange(linear + 2 * naxis, linear + 2 * naxis + naxis * naxis),
    }
    if head[Head.PROJECTION] != 0:
        block = head[Head.CELESTIAL]
        slots["lonpole"] = torch.arange(block + _LONPOLE, block + _LONPOLE + 1)
        first, count = _PARAMETERS.get(head[Head.PROJECTION], (0, 0))
        if count is None:
            count = int(wcs[block + _ZPN_DEGREE]) + 1
        if count:
            slots["pv"] = torch.arange(block + _PV + first, block + _PV + first + count)
    if head[Head.DISTORTION] & 1:
        for which, name in enumerate(["sip_a", "sip_b"]):
            order = int(wcs[head[Head.SIP] + _SIP_ORDERS + which])
            start = head[Head.SIP] + _SIP_COEFFICIENTS + which * _SIP_TRIANGLE
            slots[name] = torch.tensor(
                [
                    start + p * (2 * _SIP_MOST + 3 - p) // 2 + q
                    for p in range(order + 1)
                    for q in range(max(0, 2 - p), order + 1 - p)
                ]
            )
    for name, start in {"polynomial": head[Head.POLYNOMIAL], "sequent": head[Head.SEQUENT]}.items():
        terms = _terms(wcs, start) if start != 0 else []
        if terms:
            slots[name] = torch.tensor(terms)
    return slots


def _terms(wcs: torch.Tensor, block: int) -> list[int]:
    """The coefficients of the polynomials of a block (csrc/wcs/layout.h, namespace distortion)."""
    terms: list[int] = []
    for record in range(int(wcs[block + 1])):
        start = block + _RECORDS + record * _RECORD
        if wcs[start + _RECORD_TABLE] != 0:
            table = block + int(wcs[start + _RECORD_TABLE])
            variables, auxiliaries, count = (int(number) for number in wcs[table : table + 3].tolist())
            first = table + _TABLE_AXES + 3 * variables + auxiliaries * 2 * (variables + 1)
            size = 1 + variables + auxiliaries
            terms += range(first, first + count * size, size)
            continue
        degree, radial = int(wcs[start + _RECORD_DEGREE]), int(wcs[start + _RECORD_DEGREE + 1])
        for p in range(degree + 1):
            first = start + _RECORD_TERMS + p * (2 * _SIP_MOST + 3 - p) // 2
            terms += range(first, first + degree + 1 - p)
        terms += range(start + _RECORD_TERMS + _SIP_TRIANGLE, start + _RECORD_TERMS + _SIP_TRIANGLE + radial)
    return terms
