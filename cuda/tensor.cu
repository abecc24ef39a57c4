// What ops/tensor.h and format/column.h declare, for this library too: libtorchfits.so exports none of it.
#include "format/column.cpp"
#include "ops/tensor.cpp"
