#include "scenarios/ask/names.hpp"

#include <algorithm>
#include <filesystem>
#include <iterator>

#include <fmt/format.h>

#include "hardware/catalogue/catalogue.hpp"
#include "hardware/catalogue/gpu_words.hpp"
#include "hardware/config/config.hpp"
#include "hardware/dtype.hpp"
#include "models/architectures/hf_config.hpp"
#include "models/serving/engine_row.hpp"
#include "scenarios/format.hpp"
#include "scenarios/lent_fits.hpp"
#include "scenarios/model_names.hpp"

namespace orrery::scenarios {

using hardware::ConfigError;

namespace {

std::string small(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

/// "NVIDIA H100-SXM" as profiles are called.
std::string contract_name(std::string_view written) {
  std::string name = small(written);
  std::replace_if(
      name.begin(), name.end(), [](char c) { return c == ' ' || c == '-'; }, '_');
  if (name.rfind("nvidia_", 0) == 0) name.erase(0, 7);
  return name;
}

bool has(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::string did_you_mean(std::string_view word, const std::vector<std::string>& known) {
  const std::vector<std::string> nearest = hardware::nearest_names(word, known);
  return nearest.empty() ? fmt::format("known: {}", fmt::join(known, ", "))
                         : fmt::format("did you mean {}?", fmt::join(nearest, ", "));
}

void check_dtype(const std::string& dtype) {
  if (dtype.empty() || parse_dtype(dtype)) return;
  std::vector<std::string> names;
  for (const Dtype known : all_dtypes()) names.emplace_back(name(known));
  throw ConfigError(fmt::format("--weight-dtype {}: {}", printable(dtype), did_you_mean(dtype, names)));
}

/// The node of the library that comes with the GPU; empty: none does.
std::string node_with(const std::string& gpu) {
  for (const std::string& node : hardware::node_names()) {
    if (hardware::load_node(node).gpu == gpu) return node;
  }
  return {};
}

/// A scenario may stand elsewhere than the question was asked.
std::string anywhere(const std::string& name) {
  std::error_code code;
  if (!hardware::is_profile_path(name)) return name;
  return std::filesystem::absolute(name, code).lexically_normal().string();
}

/// Why the engine of the answers can't run on the GPU; empty: it can.
std::string misfit_of(const hardware::Gpu& gpu) {
  return models::engine_misfit(*models::find_engine(models::ServingConfig{}.engine), gpu);
}

/// `gpu` by name or path, empty: the node's own. `asked`: the option that names it.
AskedGpu gpu_in(const std::string& node, const std::string& gpu, const std::string& asked) {
  const hardware::Node held = hardware::load_node(node);
  const hardware::Gpu loaded = hardware::load_gpu(gpu.empty() ? held.gpu : gpu);
  if (const std::string misfit = misfit_of(loaded); !misfit.empty()) {
    throw ConfigError(fmt::format("{}: {}", asked, misfit));
  }
  const bool own = !gpu.empty() && gpu != held.gpu;
  return {loaded.name,          node, held.gpus, loaded.price.value(), own ? gpu : "", !loaded.fits.empty(),
          lending_board(loaded)};
}

}  // namespace

AskedModel find_asked_model(const std::string& written, const std::string& weight_dtype) {
  check_dtype(weight_dtype);
  AskedModel model;
  model.written = written;
  std::error_code code;
  if (std::filesystem::exists(written, code)) {
    model.name = std::filesystem::absolute(written, code).lexically_normal().string();
    model.weight_dtype = weight_dtype;
    return model;
  }
  LibraryModel known = find_library_model(written);
  model.name = std::move(known.name);
  model.weight_dtype = weight_dtype.empty() ? known.weight_dtype : weight_dtype;
  if (model.name.empty()) {
    const std::vector<std::string> near = similar_models(written);
    const bool of_hub = std::count(written.begin(), written.end(), '/') == 1;
    throw ConfigError(fmt::format(
        "--model {0}: neither a path nor a model of the library ({1}); any model's config.json can be named by its "
        "path{2}",
        printable(written),
        near.empty() ? "orrery list models" : fmt::format("did you mean {}?", fmt::join(near, ", ")),
        of_hub
            ? fmt::format(": curl -LO https://huggingface.co/{}/resolve/main/config.json, then --model ./config.json",
                          printable(written))
            : ": --model ./config.json"));
  }
  if (model.name != written) {
    model.note = fmt::format("{} is taken as {}{}", printable(written), model.name,
                             model.weight_dtype.empty() ? "" : fmt::format(" with {} weights", model.weight_dtype));
  }
  return model;
}

std::vector<std::string> gpus_named(std::string_view written) {
  const std::string name = contract_name(written);
  const std::vector<std::string> known = hardware::gpu_names();
  if (has(known, name)) return {name};
  std::vector<std::string> named = hardware::gpus_called(written);
  for (const std::string& one : known) {
    if (one.rfind(name + "_", 0) == 0 && !has(named, one)) named.push_back(one);
  }
  std::sort(named.begin(), named.end());
  return named;
}

std::string gpu_name_of(std::string_view written) {
  const std::vector<std::string> known = hardware::gpu_names(), named = gpus_named(written);
  if (named.size() == 1) return named.front();
  if (named.empty()) {
    throw ConfigError(fmt::format("--gpu {}: there is no such GPU; {}", printable(written),
                                  did_you_mean(contract_name(written), known)));
  }
  // "h100" and "NVIDIA H100 80GB HBM3" mean the board of the usual servers.
  std::vector<std::string> usual;
  std::copy_if(named.begin(), named.end(), std::back_inserter(usual), [](const std::string& one) {
    constexpr std::string_view kSxm = "_sxm";
    return one.size() > kSxm.size() && one.compare(one.size() - kSxm.size(), kSxm.size(), kSxm) == 0;
  });
  if (usual.size() == 1) return usual.front();
  throw ConfigError(fmt::format("--gpu {}: that is any of {}; name one", printable(written), fmt::join(named, ", ")));
}

AskedGpu find_asked_gpu(std::string_view written, const std::string& node) {
  const std::string gpu = written.empty()                      ? ""
                          : hardware::is_profile_path(written) ? anywhere(std::string(written))
                                                               : gpu_name_of(written);
  const std::string asked =
      written.empty() ? fmt::format("--node {}", printable(node)) : fmt::format("--gpu {}", printable(written));
  if (!node.empty()) return gpu_in(anywhere(node), gpu, asked);
  if (hardware::is_profile_path(gpu)) {
    throw ConfigError(
        fmt::format("--gpu {}: a GPU of your own needs the node that holds it: add --node dgx_h100 (any of orrery list "
                    "nodes), or a path (orrery new node)",
                    printable(written)));
  }
  if (const std::string holder = node_with(gpu); !holder.empty()) return gpu_in(holder, gpu, asked);
  throw ConfigError(fmt::format(
      "--gpu {}: the library has no node that holds it: name one with --node (orrery list nodes, or a path)",
      printable(written)));
}

std::vector<AskedGpu> all_asked_gpus() {
  std::vector<AskedGpu> gpus;
  for (const std::string& name : hardware::gpu_names()) {
    const std::string node = node_with(name);
    if (!node.empty() && misfit_of(hardware::load_gpu(name)).empty()) gpus.push_back(gpu_in(node, name, name));
  }
  return gpus;
}

}  // namespace orrery::scenarios
