// The grammar of filter expressions. Operators bind as in CFITSIO's, and as there the type of a value has a say: where
// it cannot be the operand of the sign before it, the signs after it are taken first, so that !A == 3 is !(A == 3).
#pragma once

#include "filter/builder.h"

namespace fits::filter {

// Throws std::invalid_argument.
int parse(std::string_view expression, Builder& builder);

}  // namespace fits::filter
