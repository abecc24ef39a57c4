// The kernels, by what they do. A kernel is asked for by operator and type of the operands; null where there is none.
#pragma once

#include <string_view>

#include "filter/kernel.h"
#include "filter/token.h"

namespace fits::filter {

// arithmetic.cpp
Kernel arithmetic_kernel(Word word, Type type) noexcept;  // + - * / % ** of numbers; & | ^^ of integers
Kernel negation_kernel(Type type) noexcept;
Kernel cast_kernel(Type from, Type to) noexcept;

// logic.cpp
Kernel comparison_kernel(Word word, Type type) noexcept;  // of all types; ~ of numbers
Kernel logic_kernel(Word word) noexcept;                  // .AND. .OR. .NOT.
Kernel select_kernel(Type type) noexcept;                 // operands: value, value, condition
Kernel is_null_kernel() noexcept;
Kernel default_kernel(Type type) noexcept;   // DEFNULL
Kernel set_null_kernel(Type type) noexcept;  // SETNULL; operands: value, the constant
Kernel null_kernel() noexcept;               // #NULL, #SNULL

// mathematics.cpp
Kernel function_kernel(std::string_view name) noexcept;  // of one real
Kernel absolute_kernel(Type type) noexcept;
Kernel extreme_kernel(bool largest, Type type) noexcept;                       // of two numbers
Kernel geometry_kernel(std::string_view name, std::size_t operands) noexcept;  // of several reals
bool is_predicate(std::string_view name) noexcept;                             // of those: has a logical value

// vectors.cpp
Kernel reduction_kernel(std::string_view name, Type type) noexcept;
Kernel broadcast_kernel(std::size_t element_size) noexcept;  // one value for each element
Kernel join_kernel(std::size_t element_size) noexcept;       // {a, b, ...}
Kernel slice_kernel(std::size_t element_size) noexcept;      // integers: first element, elements of the operand
Kernel pick_kernel(std::size_t element_size) noexcept;       // operands: vector, indices; integers: its axes
Kernel position_kernel() noexcept;                           // integers: period, length of a run
Kernel row_kernel() noexcept;                                // #ROW
Kernel sum_kernel(Type type) noexcept;                       // ACCUM
Kernel difference_kernel(Type type) noexcept;                // SEQDIFF

// strings.cpp
Kernel concatenation_kernel(Type type) noexcept;  // also of bits
Kernel substring_kernel() noexcept;
Kernel search_kernel() noexcept;

// bits.cpp
Kernel bitwise_kernel(Word word) noexcept;  // & | of bits
Kernel complement_kernel() noexcept;
Kernel bit_kernel() noexcept;  // operands: bits, index
Kernel bit_reduction_kernel(std::string_view name) noexcept;
Kernel compare_bits_kernel(Word word) noexcept;

// sky.cpp
Kernel cone_kernel() noexcept;
Kernel sky_box_kernel() noexcept;
Kernel polygon_kernel() noexcept;
// What polygon_kernel knows of corners in degrees (longitude, latitude, ...), into node.reals. Empty, or what is wrong
// with them.
std::string prepare_polygon(const std::vector<double>& corners, std::vector<double>& reals);

// region.cpp, intervals.cpp
Kernel region_kernel() noexcept;                         // node.region
Kernel interval_kernel(std::string_view name) noexcept;  // node.finder, or node.intervals of GTIOVERLAP

}  // namespace fits::filter
