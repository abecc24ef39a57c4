// dequantize.h's loops for any machine.
#define FITS_LEVEL plain
#define FITS_TARGET
#include "tile/dequantize_loops.inl"
