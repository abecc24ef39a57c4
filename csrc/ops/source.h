// Sources of the readers: a path, a file's bytes in a tensor, and batches of both; and what an error says about them.
#pragma once

#include <exception>
#include <functional>
#include <string>
#include <vector>

#include "format/error.h"
#include "io/file.h"
#include "ops/tensor.h"

namespace fits::ops {

// Runs `read` so that what it throws names where: "m31.fits[2]: ...".
template <class Read>
auto in_context(const std::string& where, const Read& read) {
  try {
    return read();
  } catch (const FileError& error) {
    throw FileError(error.status(), where + ": " + error.what());
  } catch (const NoSuchHdu& error) {
    throw NoSuchHdu(where + ": " + error.what());
  } catch (const std::invalid_argument& error) {
    throw std::invalid_argument(where + ": " + error.what());
  } catch (const std::bad_alloc&) {
    throw std::runtime_error(where + ": not enough memory");
  }
}

inline std::string hdu_name(const std::string& source, std::int64_t hdu) { return sentence(source, "[", hdu, "]"); }

// How errors name a whole file in memory.
inline const std::string kBytesName = "data";

// A batch of sources, opened one by one inside a parallel loop.
class SourceBatch {
 public:
  // `who` is the operator, for messages. The lists and tensors must outlive the batch.
  SourceBatch(const std::vector<std::string>& paths, std::string_view who);
  SourceBatch(const Tensor& data, const Tensor& offsets, std::string_view who);

  std::int64_t size() const noexcept { return size_; }
  io::Source open(std::int64_t item) const;
  // "stamp.fits" or "item 7"
  std::string name(std::int64_t item) const;

 private:
  const std::vector<std::string>* paths_ = nullptr;
  Bytes data_;
  std::span<const std::int64_t> offsets_;
  std::int64_t size_;
};

// The status code of the exception being handled, where it is one of a file's; rethrows any other.
Status status_of_current_exception();

}  // namespace fits::ops
