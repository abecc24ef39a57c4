// The loops of dequantize.h and quantize.h for any machine.
#define FITS_LEVEL plain
#define FITS_TARGET
#include "tile/dequantize_loops.inl"
#include "tile/quantize_loops.inl"
