#include "torchfits.h"

const char* torchfits_version(void) { return TORCHFITS_VERSION; }
