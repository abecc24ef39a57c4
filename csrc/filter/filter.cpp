// A program and the memory in which its blocks are computed.
#include "filter/filter.h"

#include <cmath>
#include <new>

#include "filter/kernel.h"
#include "filter/parser.h"

namespace fits::filter {
namespace {

constexpr std::int64_t kMostRows = 1024;                       // of a block: its values stay in the L1 and L2 caches
constexpr std::int64_t kBlockBytes = std::int64_t{1} << 20;    // of a block of rows that are long
constexpr std::int64_t kMostRowBytes = std::int64_t{1} << 30;  // of one row

// Where a node's values, NULL marks and characters lie: all of one block, one after the other.
struct Layout {
  std::int64_t values = 0, nulls = 0, text = 0;  // bytes of a row
  std::int64_t row() const noexcept { return values + nulls + text; }
};

Layout layout_of(const Node& node) noexcept {
  Layout layout;
  if (node.constant) return layout;
  const bool given = node.input >= 0 && node.type != Type::string && node.type != Type::bits;
  if (!given) layout.values = node.elements() * static_cast<std::int64_t>(node.element_size());
  if (node.type != Type::bits && (!given || node.type == Type::real)) layout.nulls = node.elements();
  if (node.keeps_text) layout.text = node.shape.count;
  return layout;
}

// Which of a few pieces of memory each node has: one that no node needs any more.
struct Places {
  std::vector<int> of_node;
  std::vector<std::int64_t> sizes;  // bytes of a row
  std::int64_t total = 0;

  explicit Places(const Program& program) : of_node(program.nodes.size(), -1) {
    std::vector<std::size_t> last(program.nodes.size(), 0);
    for (std::size_t i = 0; i < program.nodes.size(); ++i) {
      for (const int id : program.nodes[i].operands) last[static_cast<std::size_t>(id)] = i;
    }
    // Substrings and choices of strings are views of what others keep: strings keep their places to the end.
    for (std::size_t i = 0; i < program.nodes.size(); ++i) {
      if (program.nodes[i].type == Type::string) last[i] = program.nodes.size();
    }
    last[static_cast<std::size_t>(program.result)] = program.nodes.size();
    std::vector<int> free;
    for (std::size_t i = 0; i < program.nodes.size(); ++i) {
      const std::int64_t size = layout_of(program.nodes[i]).row();
      if (size > 0) of_node[i] = take(free, size);
      for (const int id : program.nodes[i].operands) {
        const auto operand = static_cast<std::size_t>(id);
        if (last[operand] != i || of_node[operand] < 0) continue;
        last[operand] = program.nodes.size();  // once, though it be both operands
        free.push_back(of_node[operand]);
      }
    }
    for (const std::int64_t size : sizes) total += size;
  }

 private:
  int take(std::vector<int>& free, std::int64_t size) {
    for (std::size_t k = free.size(); k-- > 0;) {
      if (sizes[static_cast<std::size_t>(free[k])] != size) continue;
      const int place = free[k];
      free.erase(free.begin() + static_cast<std::ptrdiff_t>(k));
      return place;
    }
    sizes.push_back(size);
    return static_cast<int>(sizes.size()) - 1;
  }
};

constexpr std::size_t kAlignment = 64;

struct Free {
  void operator()(std::byte* memory) const noexcept { ::operator delete(memory, std::align_val_t(kAlignment)); }
};

}  // namespace

Filter::Filter(std::string_view expression, const Names& names) {
  Builder builder(names);
  Program program = builder.finish(parse(expression, builder));
  const std::int64_t row = Places(program).total;
  if (row > kMostRowBytes) {
    throw std::invalid_argument("filter: the vectors of one row take " + std::to_string(row) +
                                " bytes; name the elements that are wanted");
  }
  program.block_rows = std::clamp(kBlockBytes / std::max<std::int64_t>(row, 1), std::int64_t{1}, kMostRows);
  program_ = std::make_unique<const Program>(std::move(program));
}

Filter::~Filter() = default;
Filter::Filter(Filter&&) noexcept = default;
Filter& Filter::operator=(Filter&&) noexcept = default;
std::span<const Input> Filter::inputs() const noexcept { return program_->inputs; }
std::int64_t Filter::block_rows() const noexcept { return program_->block_rows; }
bool Filter::sequential() const noexcept { return program_->sequential; }

struct Evaluator::Memory {
  const Program& program;
  Places places;
  std::vector<std::unique_ptr<std::byte, Free>> memory;  // by place, made when the first block comes
  std::int64_t rows = 0;                                 // that it has room for
  std::vector<Operand> values;                           // by node
  std::vector<std::uint8_t> booleans;                    // of constants
  std::vector<std::string_view> texts;
  std::vector<Carry> carries;
  std::vector<Operand> operands;  // of the node that is computed

  explicit Memory(const Program& program)
      : program(program),
        places(program),
        values(program.nodes.size()),
        booleans(program.nodes.size()),
        texts(program.nodes.size()),
        carries(program.nodes.size()) {
    for (std::size_t i = 0; i < program.nodes.size(); ++i) {
      const Node& node = program.nodes[i];
      if (!node.constant) continue;
      booleans[i] = node.integer != 0;
      texts[i] = node.text;
      values[i].constant = true;
      switch (node.type) {
        case Type::boolean: values[i].values = &booleans[i]; break;
        case Type::integer: values[i].values = &node.integer; break;
        case Type::real: values[i].values = &node.real; break;
        case Type::string: values[i].values = &texts[i]; break;
        case Type::bits: values[i].values = node.words.data(); break;
      }
    }
  }

  void make_room(std::int64_t wanted) {
    if (wanted <= rows) return;
    memory.clear();
    for (const std::int64_t size : places.sizes) {
      const auto bytes = static_cast<std::size_t>(size * wanted);
      memory.emplace_back(static_cast<std::byte*>(::operator new(bytes, std::align_val_t(kAlignment))));
    }
    rows = wanted;
  }

  std::byte* place(std::size_t i) const noexcept {
    return places.of_node[i] < 0 ? nullptr : memory[static_cast<std::size_t>(places.of_node[i])].get();
  }

  void compute(std::size_t i, std::int64_t first_row, std::int64_t count) {
    const Node& node = program.nodes[i];
    const Layout layout = layout_of(node);
    operands.clear();
    for (const int id : node.operands) operands.push_back(values[static_cast<std::size_t>(id)]);
    std::byte* const out = place(i);
    auto* const nulls = reinterpret_cast<std::uint8_t*>(out + layout.values * count);
    Call call{node,
              program.nodes,
              count,
              first_row,
              operands.data(),
              out,
              nulls,
              reinterpret_cast<char*>(nulls + layout.nulls * count),
              &carries[i]};
    node.kernel(call);
    values[i] = {out, call.has_nulls ? nulls : nullptr, false};
  }

  void load(std::size_t i, const Block& block, std::int64_t count);
};

namespace {

// Reals that are not finite are NULL.
const std::uint8_t* nulls_of_reals(const double* values, const std::uint8_t* given, std::int64_t count,
                                   std::uint8_t* nulls) noexcept {
  std::int64_t missing = 0;
  for (std::int64_t i = 0; i < count; ++i) missing += !(values[i] - values[i] == 0);
  if (missing == 0) return given;
  for (std::int64_t i = 0; i < count; ++i) nulls[i] = !(values[i] - values[i] == 0);
  for (std::int64_t i = 0; given != nullptr && i < count; ++i) nulls[i] |= given[i];
  return nulls;
}

// Up to the first NUL, without blanks at the end; of blanks alone the first is left, as CFITSIO does.
void trim(const char* characters, std::int64_t width, std::int64_t rows, std::string_view* out) noexcept {
  for (std::int64_t row = 0; row < rows; ++row, characters += width) {
    const auto* const end =
        static_cast<const char*>(width > 0 ? std::memchr(characters, 0, static_cast<std::size_t>(width)) : nullptr);
    std::int64_t size = end == nullptr ? width : end - characters;
    while (size > 1 && characters[size - 1] == ' ') --size;
    out[row] = {characters, static_cast<std::size_t>(size)};
  }
}

// Bits as bytes, the first one the highest, become words, the last one the lowest.
void pack(const std::uint8_t* bytes, std::int64_t bits, std::int64_t rows, std::uint64_t* out) noexcept {
  const std::int64_t size = (bits + 7) / 8, words = words_of(bits), spare = size * 8 - bits;
  for (std::int64_t row = 0; row < rows; ++row, bytes += size, out += words) {
    std::fill_n(out, words, 0);
    for (std::int64_t i = 0; i < size; ++i) {
      const std::int64_t place =
          (size - 1 - i) * 8 - spare;  // of the byte's lowest bit; only the last one's is negative
      const std::uint64_t value = bytes[i];
      if (place < 0) {
        out[0] |= value >> -place;
        continue;
      }
      out[place / 64] |= value << (place % 64);
      if (place % 64 > 56 && place / 64 + 1 < words) out[place / 64 + 1] |= value >> (64 - place % 64);
    }
  }
}

}  // namespace

void Evaluator::Memory::load(std::size_t i, const Block& block, std::int64_t count) {
  const Node& node = program.nodes[i];
  const Input& input = program.inputs[static_cast<std::size_t>(node.input)];
  values[i] = {block.values, block.nulls, false};
  std::byte* const out = place(i);
  if (node.type == Type::real) {
    auto* const nulls = reinterpret_cast<std::uint8_t*>(out);
    values[i].nulls = nulls_of_reals(values[i].as<double>(), block.nulls, count * node.elements(), nulls);
  } else if (node.type == Type::string) {
    trim(static_cast<const char*>(block.values), input.count, count, reinterpret_cast<std::string_view*>(out));
    values[i].values = out;
  } else if (node.type == Type::bits) {
    pack(static_cast<const std::uint8_t*>(block.values), input.count, count, reinterpret_cast<std::uint64_t*>(out));
    values[i] = {out, nullptr, false};
  }
}

Evaluator::Evaluator(const Filter& filter) : memory_(std::make_unique<Memory>(filter.program())) {}
Evaluator::~Evaluator() = default;

void Evaluator::run(std::int64_t first_row, std::int64_t rows, std::span<const Block> blocks, std::uint8_t* selected) {
  Memory& memory = *memory_;
  const Program& program = memory.program;
  memory.make_room(rows);
  for (std::size_t i = 0; i < program.nodes.size(); ++i) {
    const Node& node = program.nodes[i];
    if (node.input >= 0) {
      memory.load(i, blocks[static_cast<std::size_t>(node.input)], rows);
    } else if (!node.constant) {
      memory.compute(i, first_row, rows);
    }
  }
  const Operand& result = memory.values[static_cast<std::size_t>(program.result)];
  const auto* const truth = result.as<std::uint8_t>();
  if (result.constant) {
    std::fill_n(selected, rows, *truth);
  } else if (result.nulls == nullptr) {
    std::copy_n(truth, rows, selected);
  } else {
    for (std::int64_t row = 0; row < rows; ++row) selected[row] = truth[row] & (result.nulls[row] ^ 1);
  }
}

}  // namespace fits::filter
