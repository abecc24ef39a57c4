// window_runs against the definition, pixel by pixel, for every small window in and out of bounds.
#include <limits>
#include <map>

#include "check.h"
#include "format/window.h"

using fits::Run;
using fits::window_runs;
using fits::WindowRuns;
using Lengths = std::vector<std::int64_t>;

namespace {

std::int64_t element(const Lengths& shape, const Lengths& index) {
  std::int64_t at = 0;
  for (std::size_t i = 0; i < shape.size(); ++i) at = at * shape[i] + index[i];
  return at;
}

bool inside(const Lengths& shape, const Lengths& index) {
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (index[i] < 0 || index[i] >= shape[i]) return false;
  }
  return true;
}

bool next(const Lengths& shape, Lengths& index) {
  for (std::size_t i = shape.size(); i-- > 0;) {
    if (++index[i] < shape[i]) return true;
    index[i] = 0;
  }
  return false;
}

// target -> source of every pixel that window and array share
std::map<std::int64_t, std::int64_t> by_definition(const Lengths& shape, const Lengths& start, const Lengths& size) {
  std::map<std::int64_t, std::int64_t> pairs;
  for (const auto length : size) {
    if (length == 0) return pairs;
  }
  Lengths index(size.size(), 0);
  do {
    Lengths source(index);
    for (std::size_t i = 0; i < source.size(); ++i) source[i] += start[i];
    if (inside(shape, source)) pairs[element(size, index)] = element(shape, source);
  } while (next(size, index));
  return pairs;
}

std::map<std::int64_t, std::int64_t> by_runs(const std::vector<Run>& runs) {
  std::map<std::int64_t, std::int64_t> pairs;
  for (const auto& run : runs) {
    for (std::int64_t i = 0; i < run.count; ++i) {
      CHECK(pairs.emplace(run.target + i, run.source + i).second);  // no pixel is written twice
    }
  }
  return pairs;
}

}  // namespace

TEST(every_small_window_of_a_plane) {
  const Lengths shape{3, 4};
  for (std::int64_t y = -4; y <= 4; ++y) {
    for (std::int64_t x = -5; x <= 5; ++x) {
      for (std::int64_t h = 0; h <= 5; ++h) {
        for (std::int64_t w = 0; w <= 6; ++w) {
          const Lengths start{y, x}, size{h, w};
          CHECK(by_runs(window_runs(shape, start, size)) == by_definition(shape, start, size));
        }
      }
    }
  }
}

TEST(windows_of_a_cube) {
  const Lengths shape{2, 3, 4};
  for (const auto& size : std::vector<Lengths>{{2, 3, 4}, {1, 3, 4}, {2, 2, 4}, {3, 5, 6}, {2, 3, 2}, {1, 1, 1}}) {
    for (std::int64_t z = -1; z <= 1; ++z) {
      for (std::int64_t x = -1; x <= 1; ++x) {
        const Lengths start{z, 0, x};
        CHECK(by_runs(window_runs(shape, start, size)) == by_definition(shape, start, size));
      }
    }
  }
}

TEST(whole_arrays_and_whole_planes_are_one_run) {
  CHECK_EQUAL(window_runs(Lengths{7, 5, 3}, Lengths{0, 0, 0}, Lengths{7, 5, 3}).size(), 1u);
  CHECK_EQUAL(window_runs(Lengths{7, 5, 3}, Lengths{2, 0, 0}, Lengths{4, 5, 3}).size(), 1u);
  CHECK_EQUAL(window_runs(Lengths{7, 5, 3}, Lengths{0, 1, 0}, Lengths{7, 2, 3}).size(), 7u);
}

TEST(one_walk_serves_many_windows) {
  const Lengths shape{4, 5}, size{3, 2};
  WindowRuns walk(shape, size);
  for (std::int64_t y = -4; y <= 5; ++y) {
    for (std::int64_t x = -3; x <= 6; ++x) {
      const Lengths start{y, x};
      const auto expected = window_runs(shape, start, size);
      CHECK_EQUAL(walk.move_to(start), !expected.empty());
      CHECK_EQUAL(walk.count(), static_cast<std::int64_t>(expected.size()));
      CHECK_EQUAL(walk.inside(), y >= 0 && y <= 1 && x >= 0 && x <= 3);
      std::vector<Run> runs;
      for (Run run; walk.next(run);) runs.push_back(run);
      CHECK(by_runs(runs) == by_runs(expected));
    }
  }
}

TEST(runs_and_gaps_are_the_window_in_order) {
  const Lengths shape{3, 4, 2}, size{4, 3, 3};
  WindowRuns walk(shape, size);
  for (std::int64_t z = -5; z <= 4; ++z) {
    for (std::int64_t y = -4; y <= 5; ++y) {
      for (std::int64_t x = -4; x <= 3; ++x) {
        const Lengths start{z, y, x};
        walk.move_to(start);
        std::int64_t at = 0, shared = 0;
        const auto take = [&](const Run& run) {
          CHECK_EQUAL(run.target, at);
          at += run.count;
          shared += run.count;
        };
        const auto gap = [&](std::int64_t first, std::int64_t count) {
          CHECK_EQUAL(first, at);
          CHECK(count > 0);
          at += count;
        };
        walk_window(walk, 36, take, gap);
        CHECK_EQUAL(at, 36);
        CHECK_EQUAL(shared, static_cast<std::int64_t>(by_definition(shape, start, size).size()));
      }
    }
  }
}

TEST(extreme_starts_do_not_overflow) {
  const auto far = std::numeric_limits<std::int64_t>::max();
  CHECK(window_runs(Lengths{5}, Lengths{far}, Lengths{far}).empty());
  CHECK(window_runs(Lengths{5}, Lengths{-far}, Lengths{10}).empty());
  CHECK_EQUAL(window_runs(Lengths{5}, Lengths{0}, Lengths{far}).at(0).count, 5);
  CHECK(window_runs(Lengths{5}, Lengths{-far - 1}, Lengths{far}).empty());
  CHECK(window_runs(Lengths{far, 5}, Lengths{0, 0}, Lengths{0, far}).empty());
}
