// What ops/tensor.h declares, for this library too: libtorchfits.so exports none of it.
#include "ops/tensor.cpp"
