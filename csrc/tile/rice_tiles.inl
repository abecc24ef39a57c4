// The tiles around rice_lockstep.inl's quick loops: where lanes start, block codes, lanes that are read again, strips.
// Included there.

// What g++ would make of memcpy() for a length below kTail (`rep movs`) takes longer to start than this does in all.
FITS_LANES void copy_tail(const std::byte* from, std::int64_t bytes, std::byte* to) noexcept {
  constexpr std::int64_t kStep = 32;
  if (bytes < kStep) {
    for (std::int64_t i = 0; i < bytes; ++i) to[i] = from[i];
    return;
  }
  for (std::int64_t i = 0; i < bytes - kStep; i += kStep) std::memcpy(to + i, from + i, kStep);
  std::memcpy(to + bytes - kStep, from + bytes - kStep, kStep);
}

// A group's lanes one by one.
struct alignas(64) LaneStates {
  std::uint32_t position[kLanes], end[kLanes], due[kLanes], last[kLanes], code[kLanes];

  LaneStates() = default;
  explicit FITS_TARGET LaneStates(const Group& group) noexcept {
    Lanes::store(position, group.run.position);
    Lanes::store(end, group.end);
    Lanes::store(due, group.due);
    Lanes::store(last, group.run.last);
    Lanes::store(code, group.code);
  }

  FITS_TARGET void give(Group& group) const noexcept {
    group.run.position = Lanes::load(position);
    group.end = Lanes::load(end);
    group.due = Lanes::load(due);
    group.run.last = Lanes::load(last);
    group.code = Lanes::load(code);
    refill(group.run, group);
  }

  // Lane `lane` goes on at bit `bit` (0 to 7) of `bytes` bytes at `at`. Where kReach bytes do not follow the stream,
  // its last kTail bytes are read from a copy that zeros follow.
  FITS_TARGET void aim(Group& group, int lane, const std::byte* at, std::int64_t bytes, std::uint32_t bit) noexcept {
    constexpr std::int64_t kMost = 1 << 27;  // so that positions stay within 31 bits
    if (bytes < kTail && !group.followed[lane]) {
      copy_tail(at, bytes, group.tail[lane]);
      std::memset(group.tail[lane] + bytes, 0, kReach);
      at = group.tail[lane];
      group.followed[lane] = true;
    }
    group.base[lane] = at;
    group.bytes[lane] = bytes;
    position[lane] = bit;
    if (group.followed[lane] && bytes <= kMost) {
      end[lane] = static_cast<std::uint32_t>(bytes * 8);
      due[lane] = 0x7fffffff;
    } else {
      const auto near = static_cast<std::uint32_t>(std::min(bytes, kMost));
      end[lane] = (near - kReach) * 8 + 7;
      due[lane] = (near - kTail) * 8 + 7;
    }
  }

  // A lane whose tile has failed reads nothing more: zeros from its own tail.
  FITS_TARGET void stop(Group& group, int lane) noexcept {
    group.alive &= ~(1u << lane);
    group.followed[lane] = true;
    std::memset(group.tail[lane], 0, kReach);
    aim(group, lane, group.tail[lane], 0, 0);
  }

  // `followed`: kReach bytes after the stream can be read.
  template <int kBytepix>
  FITS_TARGET TileError start(Group& group, int lane, Bytes stream, bool followed) noexcept {
    group.followed[lane] = followed;
    last[lane] = 0;
    code[lane] = 0;
    if (stream.size() < kBytepix) {
      stop(group, lane);
      return TileError::short_input;
    }
    for (int i = 0; i < kBytepix; ++i) last[lane] = last[lane] << 8 | static_cast<std::uint32_t>(stream[i]);
    aim(group, lane, stream.data() + kBytepix, static_cast<std::int64_t>(stream.size()) - kBytepix, 0);
    return TileError::ok;
  }
};

// Lanes that have come close to the end of their stream, or far from its base.
FITS_TARGET __attribute__((noinline)) void aim_again(Group& group, unsigned lanes) noexcept {
  LaneStates states(group);
  for (; lanes != 0; lanes &= lanes - 1) {
    const int lane = __builtin_ctz(lanes);
    const std::int64_t whole = states.position[lane] >> 3;
    states.aim(group, lane, group.base[lane] + whole, group.bytes[lane] - whole, states.position[lane] & 7);
  }
  states.give(group);
}

template <int kBytepix>
FITS_LANES void set_block(Group& group) noexcept {
  Block& block = group.block;
  block.zero = Lanes::equal(group.code, Lanes::set(0));
  block.raw = Lanes::greater(group.code, Lanes::set(RiceCode<kBytepix>::kRaw - 1));
  block.k = Lanes::andnot(Lanes::bor(block.zero, block.raw), Lanes::sub(group.code, Lanes::set(1)));
  block.length = Lanes::add(block.k, Lanes::set(149 + 1));
  block.half = Lanes::sub(Lanes::set(24), block.k);
  block.bias = Lanes::sllv(Lanes::set(106 / 2), block.k);
  block.lowest = Lanes::srlv(Lanes::set(1 << 23), block.k);
}

template <int kBytepix>
FITS_LANES void read_codes(Group& group) noexcept {
  constexpr int kCodeBits = RiceCode<kBytepix>::kCodeBits;
  Run& run = group.run;
  group.code = Lanes::srl<32 - kCodeBits>(run.hi);
  run.hi = Lanes::bor(Lanes::sll<kCodeBits>(run.hi), Lanes::srl<32 - kCodeBits>(run.lo));
  run.lo = Lanes::sll<kCodeBits>(run.lo);
  run.position = Lanes::add(run.position, Lanes::set(kCodeBits));
}

// Where a piece of a block began.
struct Mark {
  V position, last, code;
  bool in_block;  // its code has been read
};

// In a block in which all other lanes are constant, this many are read one by one: that takes no longer than all at
// once.
inline constexpr int kFewLanes = 4;

// Bytes that will be read soon, brought near while others are decoded. The streams of an image mostly lie one behind
// the other: what is read next begins where the last of these streams ends, and is about as long as they are together.
// A prefetch of what is not there does nothing.
struct Ahead {
  std::uintptr_t next = 0;     // an address, for nothing need be there
  double bytes_per_pixel = 0;  // of all lanes
  double due = 0;

  Ahead() = default;
  Ahead(std::span<const Bytes> streams, std::int64_t pixels) noexcept
      : next(reinterpret_cast<std::uintptr_t>(streams.back().data()) + streams.back().size()) {
    double all = 0;
    for (const Bytes stream : streams) all += static_cast<double>(stream.size());
    constexpr double kMost = 5;  // a raw pixel and its share of a block's code; a stream may be longer than it needs
    bytes_per_pixel = std::min(all / static_cast<double>(pixels), kMost * static_cast<double>(streams.size()));
  }

  // While `pixels` of each lane are decoded.
  FITS_TARGET void fetch(int pixels) noexcept {
    constexpr int kLine = 64;
    due += bytes_per_pixel * pixels;
    const int lines = static_cast<int>(due / kLine);
    due -= lines * kLine;
    for (int i = 0; i < lines; ++i, next += kLine) __builtin_prefetch(reinterpret_cast<const void*>(next), 0, 2);
  }
};

template <int kGroups, int kBytepix>
struct Lockstep {
  using Code = RiceCode<kBytepix>;
  using Pixel = typename Code::Pixel;

  Group groups[kGroups];
  std::int64_t blocksize = 32;
  std::int64_t left = 0;  // pixels of the current block that are still to come
  Ahead ahead;
  bool flat = true;  // the strip has been all `last` so far, and `rows` are not yet written
  const RiceSink* sink = nullptr;
  TileError* errors = nullptr;
  std::int64_t tile[kGroups][kLanes];  // -1: a duplicate that fills a lane

  FITS_TARGET void decode(std::int64_t count) noexcept {
    for (std::int64_t first = 0; first < count; first += kStrip) {
      for (Group& group : groups) {
        const unsigned lanes = Lanes::bits(Lanes::greater(group.run.position, group.due)) & group.alive;
        if (lanes != 0) aim_again(group, lanes);
      }
      const int length = static_cast<int>(std::min<std::int64_t>(kStrip, count - first));
      ahead.fetch(length);
      flat = true;
      for (int row = 0; row < length;) row += read_piece(row, length - row);
      for (int g = 0; g < kGroups; ++g) hand_out(g, first, length);
    }
  }

  // As much of one block as there is room for; returns the pixels.
  FITS_TARGET int read_piece(int row, int room) noexcept {
    Mark marks[kGroups];
    for (int g = 0; g < kGroups; ++g) {
      Group& group = groups[g];
      marks[g].position = group.run.position;
      marks[g].last = group.run.last;
      marks[g].code = group.code;
      marks[g].in_block = left > 0;
      if (left == 0) {
        read_codes<kBytepix>(group);
        set_block<kBytepix>(group);
      }
      group.run.longest = Lanes::set(0);
      group.run.most = Lanes::set(0);
    }
    if (left == 0) left = blocksize;
    const int count = static_cast<int>(std::min<std::int64_t>(left, room));
    left -= count;

    unsigned one_by_one[kGroups] = {};
    const Pace pace = read_by_pace(row, count, one_by_one);
    for (int g = 0; g < kGroups; ++g) {
      const Group& group = groups[g];
      const V most = Lanes::set(static_cast<std::uint32_t>(kMostBits[static_cast<int>(pace)]));
      const V too_long = Lanes::bor(Lanes::greater(group.run.longest, most),
                                    Lanes::greater(group.run.most, Lanes::set(kMostOfRefill)));
      const V wrong = Lanes::bor(too_long, Lanes::bor(Lanes::greater(group.run.position, group.end),
                                                      Lanes::greater(group.code, Lanes::set(Code::kRaw))));
      const unsigned lanes = (Lanes::bits(wrong) | one_by_one[g]) & group.alive;
      if (lanes != 0) read_again(g, lanes, marks[g], row, count);
    }
    return count;
  }

  FITS_TARGET Pace read_by_pace(int row, int count, unsigned (&one_by_one)[kGroups]) noexcept {
    V raw = groups[0].block.raw, k = groups[0].block.k;
    int busy = 0;  // lanes that have something to read
    for (int g = 0; g < kGroups; ++g) {
      const Block& block = groups[g].block;
      one_by_one[g] = ~Lanes::bits(block.zero) & kAllLanes;
      busy += __builtin_popcount(one_by_one[g]);
      raw = Lanes::bor(raw, block.raw);
      k = Lanes::max(k, block.k);
    }
    if (busy <= kFewLanes) {
      if (!flat) fill(row, count);
      for (Group& group : groups) refill(group.run, group);
      return Pace::any;
    }
    for (unsigned& lanes : one_by_one) lanes = 0;
    if (flat) fill(0, row);
    flat = false;
    const bool some_zero = busy < kGroups * kLanes;
    if (Lanes::bits(raw) != 0 || exceeds(k, Pace::twos)) {
      read_rows<kGroups, Pace::any, true, kBytepix>(groups, row, count);
      return Pace::any;
    }
    if (exceeds(k, Pace::fours)) return read_all<Pace::twos, true>(row, count);
    if (exceeds(k, Pace::sixes)) {
      return some_zero ? read_all<Pace::fours, true>(row, count) : read_all<Pace::fours, false>(row, count);
    }
    if (exceeds(k, Pace::eights)) {
      return some_zero ? read_all<Pace::sixes, true>(row, count) : read_all<Pace::sixes, false>(row, count);
    }
    return some_zero ? read_all<Pace::eights, true>(row, count) : read_all<Pace::eights, false>(row, count);
  }

  static FITS_LANES bool exceeds(V k, Pace pace) noexcept {
    return Lanes::bits(Lanes::greater(k, Lanes::set(kLargest[static_cast<int>(pace)]))) != 0;
  }

  template <Pace kPace, bool kZeros>
  FITS_LANES Pace read_all(int row, int count) noexcept {
    int done = read_rows<kGroups, kPace, kZeros, kBytepix>(groups, row, count);
    if (done + 2 <= count) done += read_rows<kGroups, Pace::twos, true, kBytepix>(groups, row + done, count - done);
    if (done < count) read_rows<kGroups, Pace::any, true, kBytepix>(groups, row + done, count - done);
    return kPace;
  }

  // Rows in which nothing changes.
  FITS_TARGET void fill(int row, int count) noexcept {
    for (Group& group : groups) {
      for (int i = 0; i < count; ++i) Lanes::store(group.rows[row + i], group.run.last);
    }
  }

  // `lanes` of one group, from where the piece began.
  FITS_TARGET __attribute__((noinline)) void read_again(int g, unsigned lanes, const Mark& mark, int row,
                                                        int count) noexcept {
    if (flat) fill(0, row + count);
    flat = false;
    Group& group = groups[g];
    LaneStates states(group);
    alignas(64) std::uint32_t position[kLanes], last[kLanes], code[kLanes];
    Lanes::store(position, mark.position);
    Lanes::store(last, mark.last);
    Lanes::store(code, mark.code);
    for (; lanes != 0; lanes &= lanes - 1) {
      const int lane = __builtin_ctz(lanes);
      RiceTile<kBytepix> one{{group.base[lane] + (position[lane] >> 3), group.base[lane] + group.bytes[lane]},
                             blocksize};
      one.bits.refill();
      one.bits.drop(static_cast<int>(position[lane] & 7));
      one.left = mark.in_block ? left + count : 0;
      one.code = static_cast<int>(code[lane]);
      one.last = last[lane];
      Pixel pixels[kStrip];
      const TileError error = one.read(count, pixels);
      if (error != TileError::ok) {
        if (tile[g][lane] >= 0) errors[tile[g][lane]] = error;
        states.stop(group, lane);
        continue;
      }
      for (int i = 0; i < count; ++i) group.rows[row + i][lane] = static_cast<std::uint32_t>(pixels[i]);
      const int ahead = one.bits.valid;  // bits of the window that are still to come
      const std::byte* at = one.bits.next - (ahead + 7) / 8;
      states.aim(group, lane, at, one.bits.end - at, static_cast<std::uint32_t>(-ahead & 7));
      states.last[lane] = one.last;
      states.code[lane] = static_cast<std::uint32_t>(one.code);
    }
    states.give(group);
    set_block<kBytepix>(group);
  }

  FITS_TARGET void hand_out(int g, std::int64_t first, int length) noexcept {
    const Group& group = groups[g];
    alignas(64) Pixel strips[kLanes][kStrip];
    Pixel *places[kLanes], *out[kLanes];
    for (int lane = 0; lane < kLanes; ++lane) {
      const bool placed = group.place[lane] != nullptr && (group.alive >> lane & 1) != 0;
      places[lane] = placed ? static_cast<Pixel*>(group.place[lane]) + first : nullptr;
      // turn() makes whole squares, which may reach beyond the tile.
      out[lane] = placed && length % kSquare == 0 ? places[lane] : strips[lane];
    }
    if (flat) {
      alignas(64) std::uint32_t last[kLanes];
      Lanes::store(last, group.run.last);
      for (int lane = 0; lane < kLanes; ++lane) std::fill_n(out[lane], length, static_cast<Pixel>(last[lane]));
    } else {
      turn(group, length, out);
    }
    for (int lane = 0; lane < kLanes; ++lane) {
      if (out[lane] == places[lane] || tile[g][lane] < 0 || (group.alive >> lane & 1) == 0) continue;
      if (places[lane] != nullptr) {
        std::memcpy(places[lane], strips[lane], static_cast<std::size_t>(length) * sizeof(Pixel));
      } else {
        sink->take(sink->context, tile[g][lane], first, length, strips[lane]);
      }
    }
  }

  static constexpr int kPer = 4 / kBytepix;      // pixels of one lane in 32 bits
  static constexpr int kSquare = kLanes * kPer;  // pixels of each lane that are turned together
  static_assert(kStrip % kSquare == 0);

  // Rows of a pixel of each lane -> a strip of pixels per lane: whole squares.
  static FITS_TARGET void turn(const Group& group, int length, Pixel* const* out) noexcept {
    for (int row = 0; row < length; row += kSquare) {
      V square[kLanes];
#pragma GCC unroll 16
      for (int i = 0; i < kLanes; ++i) {
        const auto* from = group.rows + row + i * kPer;
        if constexpr (kPer == 1) {
          square[i] = Lanes::load(from[0]);
        } else if constexpr (kPer == 2) {
          square[i] = Lanes::merge_halves(Lanes::load(from[0]), Lanes::load(from[1]));
        } else {
          const V even = Lanes::merge_halves(Lanes::load(from[0]), Lanes::load(from[2]));
          const V odd = Lanes::merge_halves(Lanes::load(from[1]), Lanes::load(from[3]));
          square[i] = Lanes::merge_bytes(even, odd);
        }
      }
      Lanes::transpose(square);
#pragma GCC unroll 16
      for (int i = 0; i < kLanes; ++i) Lanes::store_anywhere(out[i] + row, square[i]);
    }
  }
};

// Streams mostly lie one behind the other: what can be read after one is then the next.
inline bool is_followed(std::span<const Bytes> streams, std::size_t i) noexcept {
  return i + 1 < streams.size() && streams[i + 1].data() == streams[i].data() + streams[i].size() &&
         streams[i + 1].size() >= kReach;
}

template <int kGroups, int kBytepix>
FITS_TARGET __attribute__((noinline)) void decode_groups(std::span<const Bytes> streams, std::int64_t first,
                                                         std::int64_t blocksize, std::int64_t count,
                                                         const RiceSink& sink, TileError* errors) noexcept {
  Lockstep<kGroups, kBytepix> lockstep;
  lockstep.blocksize = blocksize;
  lockstep.sink = &sink;
  lockstep.errors = errors;
  lockstep.ahead = Ahead(streams.subspan(static_cast<std::size_t>(first))
                             .first(static_cast<std::size_t>(std::min<std::int64_t>(
                                 kGroups * kLanes, static_cast<std::int64_t>(streams.size()) - first))),
                         count);
  const auto tiles = static_cast<std::int64_t>(streams.size());
  for (int g = 0; g < kGroups; ++g) {
    Group& group = lockstep.groups[g];
    group.alive = kAllLanes;
    LaneStates states;
    for (int lane = 0; lane < kLanes; ++lane) {
      const std::int64_t tile = first + g * kLanes + lane;
      const bool is_own = tile < tiles;
      const auto i = static_cast<std::size_t>(is_own ? tile : tiles - 1);
      const TileError error = states.start<kBytepix>(group, lane, streams[i], is_followed(streams, i));
      lockstep.tile[g][lane] = is_own ? tile : -1;
      group.place[lane] = is_own ? sink.place_of(tile) : nullptr;
      if (is_own) errors[tile] = error;
    }
    states.give(group);
  }
  lockstep.decode(count);
}

// Fewer tiles than this are read one by one: no faster in lanes.
inline constexpr std::int64_t kFewTiles = 3;

template <int kBytepix>
FITS_TARGET void decode_tiles(std::span<const Bytes> streams, std::int64_t blocksize, std::int64_t count,
                              const RiceSink& sink, std::span<TileError> errors) noexcept {
  const auto tiles = static_cast<std::int64_t>(streams.size());
  std::int64_t done = 0;
  while (tiles - done >= kFewTiles) {
    if (tiles - done >= kLanes + kFewTiles) {
      decode_groups<2, kBytepix>(streams, done, blocksize, count, sink, errors.data());
      done += 2 * kLanes;
    } else {
      decode_groups<1, kBytepix>(streams, done, blocksize, count, sink, errors.data());
      done += kLanes;
    }
  }
  for (; done < tiles; ++done) {
    errors[static_cast<std::size_t>(done)] =
        decode_strips<kBytepix>(streams[static_cast<std::size_t>(done)], blocksize, count, sink, done);
  }
}
