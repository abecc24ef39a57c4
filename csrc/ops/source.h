// Sources of the readers: a path, a file's bytes in a tensor, and batches of both; and what an error says about them.
#pragma once

#include <exception>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "format/error.h"
#include "io/file.h"
#include "ops/tensor.h"
#include "ops/text.h"

namespace fits::ops {

// How errors name a whole file in memory.
inline constexpr std::string_view kBytesName = "data";

// "m31.fits" or, with an HDU, "m31.fits[2]"; put together only when there is an error to tell.
struct Name {
  std::string_view source;
  std::optional<std::int64_t> hdu;
  std::string operator()() const { return hdu ? sentence(source, "[", *hdu, "]") : std::string(source); }
};

// A message may quote the file, whose bytes need not be text: those that are not become '?', so that Python can show
// it.
std::string printable(std::string text);

// Runs `read` so that what it throws begins with where it happened: `where()`.
template <class Where, class Read>
auto in_context(const Where& where, const Read& read) {
  try {
    return read();
  } catch (const FileError& error) {
    throw FileError(error.status(), where() + ": " + printable(error.what()));
  } catch (const NoSuchHdu& error) {
    throw NoSuchHdu(where() + ": " + printable(error.what()));
  } catch (const NoSuchCell& error) {
    throw NoSuchCell(where() + ": " + printable(error.what()));
  } catch (const std::invalid_argument& error) {
    throw std::invalid_argument(where() + ": " + printable(error.what()));
  } catch (const std::bad_alloc&) {
    throw std::runtime_error(where() + ": not enough memory");
  }
}

// A batch of sources, opened one by one inside a parallel loop.
class SourceBatch {
 public:
  // `who` is the operator, for messages. The lists and tensors must outlive the batch.
  SourceBatch(const Texts& paths, std::string_view who);
  explicit SourceBatch(const Text& path) : paths_(&path, 1), in_memory_(false), size_(1) {}
  SourceBatch(const Tensor& data, const Tensor& offsets, std::string_view who);
  // Of one file in memory.
  SourceBatch(const Tensor& data, std::string_view who);
  SourceBatch(const SourceBatch&) = delete;
  SourceBatch& operator=(const SourceBatch&) = delete;

  std::int64_t size() const noexcept { return size_; }
  io::Source open(std::int64_t item) const;
  // For each item the first one of its path; in memory every item is its own.
  std::vector<std::int64_t> first_of_each() const;
  // Names "stamp.fits[0]" or "item 7[0]", for in_context.
  auto name(std::int64_t item, std::int64_t hdu) const {
    return [this, item, hdu] { return name_of(item, hdu); };
  }
  std::string name_of(std::int64_t item, std::int64_t hdu) const;

 private:
  std::span<const Text> paths_;
  bool in_memory_ = true;
  Bytes data_;
  std::span<const std::int64_t> offsets_;
  std::int64_t whole_[2] = {0, 0};  // offsets of one file
  std::int64_t size_;
};

// The status code of the exception being handled, where it is one of a file's; rethrows any other.
Status status_of_current_exception();

}  // namespace fits::ops
