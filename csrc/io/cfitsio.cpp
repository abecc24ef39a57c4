#include "io/cfitsio.h"

#include <fitsio.h>
#include <pthread.h>

#include <algorithm>
#include <cmath>
#include <mutex>

#include "format/error.h"

namespace fits::io {
namespace {

std::mutex cfitsio_mutex;
// A child must not inherit the mutex held by a thread that it does not have.
const int watching_forks =
    pthread_atfork([] { cfitsio_mutex.lock(); }, [] { cfitsio_mutex.unlock(); }, [] { cfitsio_mutex.unlock(); });

// CFITSIO's reason: its own messages from the first on, or the text of the status.
std::string reason(int status) {
  char text[FLEN_ERRMSG] = "";
  fits_get_errstatus(status, text);
  std::string all = text;
  while (fits_read_errmsg(text) != 0) {
    if (all.size() < 400) all += std::string("; ") + text;
  }
  return "CFITSIO: " + all;
}

class OpenFile {
 public:
  explicit OpenFile(const std::string& path) {
    int status = 0;
    fits_clear_errmsg();
    if (fits_open_diskfile(&file_, path.c_str(), READONLY, &status) != 0) {
      file_ = nullptr;
      throw FileError(Status::cannot_open, reason(status));
    }
  }
  ~OpenFile() {
    int status = 0;
    if (file_ != nullptr) fits_close_file(file_, &status);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  fitsfile* get() const noexcept { return file_; }

 private:
  fitsfile* file_ = nullptr;
};

void check(int status, Status meaning) {
  if (status != 0) throw FileError(meaning, reason(status));
}

}  // namespace

bool is_packed(Bytes bytes) noexcept {
  const auto text = as_text(bytes.first(bytes.size() < 4 ? bytes.size() : 4));
  return text.starts_with("\x1f\x9d") || text.starts_with("BZh");
}

Buffer unpack_file(const std::string& path) {
  const std::lock_guard lock(cfitsio_mutex);
  const OpenFile file(path);
  int status = 0;
  const auto size = static_cast<std::size_t>(file.get()->Fptr->filesize);
  Buffer out(size);
  // fits_read_ext counts from the first HDU's data unit; in pieces that CFITSIO's buffers are sure to take.
  constexpr std::size_t kPiece = std::size_t{1} << 26;
  LONGLONG data_start = 0;
  fits_get_hduaddrll(file.get(), nullptr, &data_start, nullptr, &status);
  for (std::size_t at = 0; at < size && status == 0; at += kPiece) {
    const std::size_t count = size - at < kPiece ? size - at : kPiece;
    fits_read_ext(file.get(), static_cast<LONGLONG>(at) - data_start, static_cast<LONGLONG>(count), out.data() + at,
                  &status);
  }
  check(status, Status::truncated);
  return out;
}

bool SkyPlane::known() const noexcept {
  const auto known = {"-CAR", "-SIN", "-TAN", "-ARC", "-NCP", "-GLS", "-MER", "-AIT", "-STG"};
  return std::find(known.begin(), known.end(), projection) != known.end();
}

// Both are arithmetic alone, without a file or global state: no lock.
std::optional<std::array<double, 2>> SkyPlane::to_pixel(double longitude, double latitude) const {
  std::string type = projection;
  double x = 0, y = 0;
  int status = 0;
  fits_world_to_pix(longitude, latitude, value[0], value[1], pixel[0], pixel[1], step[0], step[1], rotation,
                    type.data(), &x, &y, &status);
  if (status != 0 || !std::isfinite(x) || !std::isfinite(y)) return std::nullopt;
  return {{x, y}};
}

std::optional<std::array<double, 2>> SkyPlane::to_sky(double x, double y) const {
  std::string type = projection;
  double longitude = 0, latitude = 0;
  int status = 0;
  fits_pix_to_world(x, y, value[0], value[1], pixel[0], pixel[1], step[0], step[1], rotation, type.data(), &longitude,
                    &latitude, &status);
  if (status != 0 || !std::isfinite(longitude) || !std::isfinite(latitude)) return std::nullopt;
  return {{longitude, latitude}};
}

}  // namespace fits::io
