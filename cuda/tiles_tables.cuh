// The numbers of dithering (tile/dither.h) in device memory: part of the library's device code, so that a device has
// them as soon as it has the kernels, and nothing is made, copied or waited for.
#pragma once

#include <cuda_runtime.h>

#include "tile/dither.h"

namespace fits {

// Their addresses on the current device.
cudaError_t device_dither_table(DitherTable& table);

}  // namespace fits
