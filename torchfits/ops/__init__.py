"""What PyTorch needs beside the C++ kernels: shapes for tracing (fakes), derivatives, and the operators' documentation.

One module a room; each has ``DOCS``, from which docs/operators.md is made. Importing this package registers everything.
"""

from torchfits.ops import (
    compression,
    cutouts,
    files,
    filters,
    headers,
    images,
    resample,
    rows,
    scaling,
    tables,
    tiles,
    wcs,
    wcs_derived,
    wcs_gradients,
)

DOCS: dict[str, str] = {
    **files.DOCS,
    **headers.DOCS,
    **images.DOCS,
    **cutouts.DOCS,
    **tiles.DOCS,
    **compression.DOCS,
    **tables.DOCS,
    **filters.DOCS,
    **rows.DOCS,
    **scaling.DOCS,
    **wcs.DOCS,
    **wcs_derived.DOCS,
    **wcs_gradients.DOCS,
    **resample.DOCS,
}
