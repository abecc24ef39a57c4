// Runs an exported model on packed FITS files, without Python:
//
//   run_model MODEL DATA OFFSETS OUTPUT [--batch 1,2,11] [--repeat N] [--threads N]
//
// MODEL is an AOTInductor package (.pt2) or a TorchScript module (.pt) whose forward takes (data, offsets): the bytes
// of FITS files laid end to end, and where each begins, as torch.ops.fits.read_images.packed takes them. DATA holds
// those bytes, OFFSETS int64 numbers in native byte order. For every batch size (default: all files) the model runs
// once on so many first files, and the bytes of its outputs are appended to OUTPUT; then N more times, timed. One line
// of JSON for each batch goes to the standard output. With "-" for OFFSETS forward takes the bytes of one file alone.
#include <ATen/Parallel.h>
#include <torch/csrc/inductor/aoti_package/model_package_loader.h>
#include <torch/script.h>
#include <torchfits/torchfits.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <functional>
#include <iostream>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Tensors = std::vector<at::Tensor>;
using Model = std::function<Tensors(const Tensors& inputs)>;

struct Options {
  std::string model, data, offsets, output;
  std::vector<std::int64_t> batches;
  int repeat = 0;
};

std::vector<std::int64_t> numbers(const std::string& text) {
  std::vector<std::int64_t> values;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t comma = std::min(text.find(',', at), text.size());
    values.push_back(std::stoll(text.substr(at, comma - at)));
    at = comma + 1;
  }
  return values;
}

Options parse(int count, char** arguments) {
  Options options;
  std::vector<std::string> files;
  for (int i = 1; i < count; ++i) {
    const std::string_view word = arguments[i];
    if (!word.starts_with("--")) {
      files.emplace_back(word);
      continue;
    }
    if (i + 1 == count) throw std::invalid_argument(std::string(word) + " needs a value");
    const std::string value = arguments[++i];
    if (word == "--batch") {
      options.batches = numbers(value);
    } else if (word == "--repeat") {
      options.repeat = std::stoi(value);
    } else if (word == "--threads") {
      at::set_num_threads(std::stoi(value));
    } else {
      throw std::invalid_argument("unknown option " + std::string(word));
    }
  }
  if (files.size() != 4) {
    throw std::invalid_argument(
        "usage: run_model MODEL DATA OFFSETS OUTPUT [--batch 1,2,11] [--repeat N] [--threads N]");
  }
  options.model = files[0], options.data = files[1], options.offsets = files[2], options.output = files[3];
  return options;
}

// A file's bytes as a tensor of the given dtype.
at::Tensor load(const std::string& path, at::ScalarType dtype) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot open " + path);
  const std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
  const auto size = static_cast<std::int64_t>(bytes.size() / at::elementSize(dtype));
  at::Tensor tensor = at::empty({size}, dtype);
  std::memcpy(tensor.mutable_data_ptr(), bytes.data(), tensor.nbytes());
  return tensor;
}

Tensors tensors_of(const c10::IValue& value) {
  if (value.isTensor()) return {value.toTensor()};
  Tensors tensors;
  for (const auto& element : value.toTupleRef().elements()) tensors.push_back(element.toTensor());
  return tensors;
}

Model open_model(const std::string& path) {
  if (path.ends_with(".pt2")) {
    const auto loader = std::make_shared<torch::inductor::AOTIModelPackageLoader>(path);
    return [loader](const Tensors& inputs) { return loader->run(inputs); };
  }
  const auto module = std::make_shared<torch::jit::Module>(torch::jit::load(path));
  module->eval();
  return [module](const Tensors& inputs) { return tensors_of(module->forward({inputs.begin(), inputs.end()})); };
}

void write(const Tensors& outputs, std::ofstream& file) {
  for (const auto& output : outputs) {
    const at::Tensor flat = output.contiguous();
    file.write(static_cast<const char*>(flat.const_data_ptr()), static_cast<std::streamsize>(flat.nbytes()));
  }
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void run(const Options& options) {
  // InferenceMode: neither the operators nor the network keep anything for a derivative.
  const c10::InferenceMode guard;
  const at::Tensor data = load(options.data, at::kByte);
  const bool one = options.offsets == "-";
  const at::Tensor offsets = one ? at::zeros(2, at::kLong) : load(options.offsets, at::kLong);
  const std::int64_t files = offsets.numel() - 1;
  const Model model = open_model(options.model);
  std::ofstream output(options.output, std::ios::binary);
  for (const auto batch : options.batches.empty() ? std::vector{files} : options.batches) {
    if (batch < 0 || batch > files) throw std::invalid_argument("--batch asks for more files than there are");
    const Tensors inputs = one ? Tensors{data} : Tensors{data, offsets.slice(0, 0, batch + 1)};
    write(model(inputs), output);
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < options.repeat; ++i) model(inputs);
    std::cout << "{\"torchfits\": \"" << torchfits_version() << "\", \"batch\": " << batch
              << ", \"threads\": " << at::get_num_threads();
    if (options.repeat > 0) {
      const double seconds = seconds_since(start) / options.repeat;
      std::cout << ", \"seconds\": " << seconds << ", \"stamps_per_second\": " << static_cast<double>(batch) / seconds;
    }
    std::cout << "}\n";
  }
  if (!output.flush()) throw std::runtime_error("cannot write " + options.output);
}

}  // namespace

int main(int count, char** arguments) {
  try {
    run(parse(count, arguments));
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "run_model: " << error.what() << '\n';
    return 1;
  }
}
