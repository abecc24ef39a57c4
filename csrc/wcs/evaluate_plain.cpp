// evaluate.h's loops for any machine: one point at a time.
#include "wcs/chain.h"
#include "wcs/evaluate.h"

#define FITS_LEVEL plain
#define FITS_REAL double
#include "wcs/evaluate_loops.inl"
