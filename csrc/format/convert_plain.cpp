// convert.h's loops for any machine (on arm64 the compiler vectorises them for NEON, which all of these have).
#define FITS_LEVEL plain
#define FITS_TARGET
#include "format/convert_loops.inl"
