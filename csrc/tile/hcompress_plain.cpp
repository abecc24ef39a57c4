// hcompress.h's decoder for any machine.
#define FITS_LEVEL plain
#define FITS_TARGET
#include "tile/hcompress_decode.inl"
