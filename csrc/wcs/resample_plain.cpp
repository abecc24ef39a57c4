// resample.h's loops for any machine.
#include "wcs/resample.h"

#define FITS_LEVEL plain
#include "wcs/resample_loops.inl"
