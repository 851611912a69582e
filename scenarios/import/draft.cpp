// Keys with comments in the order of `orrery new`. What no file says gets a default, marked "change me".
#include "scenarios/import/draft.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "hardware/catalogue/catalogue.hpp"
#include "hardware/config/config.hpp"
#include "hardware/config/config_numbers.hpp"
#include "hardware/config/shown.hpp"
#include "scenarios/ask/names.hpp"
#include "scenarios/import/import.hpp"

namespace orrery::scenarios {

namespace {

constexpr std::string_view kDefaultNode = "dgx_h100";
constexpr std::string_view kDefaultModel = "llama-3.1-8b";
constexpr std::size_t kLongestComment = 400;

void require_name(std::string_view option, const std::string& name, const std::vector<std::string>& names) {
  if (name.empty() || std::find(names.begin(), names.end(), name) != names.end()) return;
  const std::string near = hardware::did_you_mean(name, names);
  throw hardware::ConfigError(fmt::format("{} {}: unknown name{} They are {}", option, hardware::shown(name),
                                          near.empty() ? "." : near, fmt::join(names, ", ")));
}

/// The node that the GPU is sold in; empty if none of the profiles has it.
std::string node_of(const std::string& gpu) {
  for (const std::string& name : hardware::node_names()) {
    if (hardware::load_node(name).gpu == gpu) return name;
  }
  return {};
}

/// The first fabric that joins so many of the nodes.
std::string fabric_for(const std::string& node, int nodes) {
  std::vector<std::string> names = {"rail_fat_tree_ndr", "rail_fat_tree_hdr"};
  for (const std::string& name : hardware::fabric_names()) names.push_back(name);
  for (const std::string& name : names) {
    try {
      (void)hardware::make_cluster(node, name, nodes);
      return name;
    } catch (const hardware::ConfigError&) {
      continue;
    }
  }
  return names.front();
}

std::string line_of(std::string_view indent, const DraftKey& key) {
  std::string line = fmt::format("{}{}: {}", indent, key.key, key.value);
  if (key.comment.empty()) return line + "\n";
  return fmt::format("{:<28}  # {}\n", line, hardware::printable(key.comment, kLongestComment));
}

/// A path as the scenario has it, and no name.
std::string path_within(const ImportOptions& options, const std::string& path) {
  std::string from = path_from(options, path);
  return from.find('/') == std::string::npos ? "./" + from : from;
}

std::string cluster_text(const Draft& draft, const ImportOptions& written) {
  ImportOptions options = written;
  const bool own_gpu = hardware::is_profile_path(options.gpu), own_node = hardware::is_profile_path(options.node);
  if (!options.gpu.empty() && !own_gpu) options.gpu = gpu_name_of(options.gpu);
  if (!own_node) require_name("--node", options.node, hardware::node_names());
  const bool given = (!options.gpu.empty() && !own_gpu) || !options.node.empty();
  std::string node = options.node.empty() && !options.gpu.empty() ? node_of(options.gpu) : options.node;
  if (node.empty()) node = kDefaultNode;
  const hardware::Node profile = hardware::load_node(node);
  if (own_gpu) (void)hardware::load_gpu(options.gpu);  // what is wrong in it is told now
  const auto named = [&](const std::string& name, bool own) {
    return own ? quoted_yaml(path_within(written, name)) : name;
  };
  const double gpus =
      static_cast<double>(draft.count("tensor_parallel")) * draft.count("pipeline_parallel") * draft.count("replicas");
  const double nodes = std::min(1e6, std::max(1.0, (gpus + profile.gpus - 1) / profile.gpus));
  std::string text = "cluster:\n";
  text += line_of(
      "  ", {"node", named(node, own_node), given ? "" : "change me: import --gpu or --node, or orrery list nodes"});
  if (!options.gpu.empty() && profile.gpu != options.gpu)
    text += line_of("  ", {"gpu", named(options.gpu, own_gpu), ""});
  if (nodes >= 2.0) {
    const int count = static_cast<int>(nodes);
    text += line_of("  ", {"nodes", std::to_string(count), "for the GPUs below"});
    text += line_of("  ", {"fabric", fabric_for(node, count), "change me: orrery list fabrics"});
  }
  return text;
}

/// A load that fits any model and limit.
std::vector<DraftKey> default_load(const Draft& draft) {
  std::int64_t longest = 4096;
  if (const DraftKey* key = draft.find("max_model_len")) {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(key->value.data(), key->value.data() + key->value.size(), value);
    if (error == std::errc{} && value > 0) longest = value;
  }
  const std::int64_t input = std::max<std::int64_t>(1, std::min<std::int64_t>(1024, longest / 2));
  const std::int64_t output = std::max<std::int64_t>(1, std::min<std::int64_t>(256, longest / 4));
  return {{"arrivals", "poisson", "change me: a launch line says nothing of the load"},
          {"rate", "1", "requests per second"},
          {"requests", "200", ""},
          {"input", std::to_string(input), "tokens of a prompt"},
          {"output", std::to_string(output), "tokens of an answer"}};
}

std::string comments(std::string_view heading, const std::vector<std::string>& lines) {
  if (lines.empty()) return "";
  std::string text = fmt::format("# {}:\n", heading);
  for (const std::string& line : lines) text += fmt::format("#   {}\n", hardware::printable(line, kLongestComment));
  return text;
}

}  // namespace

void Draft::set(std::string_view key, std::string value, std::string comment) {
  for (DraftKey& known : serving) {
    if (known.key != key) continue;
    known.value = std::move(value);
    known.comment = std::move(comment);
    return;
  }
  serving.push_back({std::string(key), std::move(value), std::move(comment)});
}

void Draft::erase(std::string_view key) {
  const auto is_it = [&](const DraftKey& one) { return one.key == key; };
  serving.erase(std::remove_if(serving.begin(), serving.end(), is_it), serving.end());
}

const DraftKey* Draft::find(std::string_view key) const {
  const auto found = std::find_if(serving.begin(), serving.end(), [&](const DraftKey& one) { return one.key == key; });
  return found == serving.end() ? nullptr : &*found;
}

int Draft::count(std::string_view key) const {
  const DraftKey* found = find(key);
  int value = 1;
  if (found != nullptr) std::from_chars(found->value.data(), found->value.data() + found->value.size(), value);
  return std::max(1, value);
}

std::string quoted_yaml(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      result += '\\';
      result += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      result += fmt::format("\\x{:02x}", byte);
    } else {
      result += c;
    }
  }
  return result + '"';
}

std::string write_draft(const Draft& draft, const ImportOptions& options) {
  std::string text = "# An Orrery scenario, imported. Try it: orrery run FILE\n";
  text += comments("From", draft.sources);
  text += comments("Assumed", draft.notes);
  text += comments("Not taken", draft.ignored);
  text += line_of("", {"scenario", quoted_yaml(hardware::printable(draft.title, 120)), ""});
  const DraftKey fallback{"model", std::string(kDefaultModel), "change me: import --model names another"};
  text += line_of("", draft.model.value_or(fallback)) + "\n" + cluster_text(draft, options) + "\nserving:\n";
  if (!draft.engine.empty()) text += line_of("  ", {"engine", draft.engine, "runs under vLLM V1's rules so far"});
  for (const DraftKey& key : draft.serving) text += line_of("  ", key);
  text += "  load:\n";
  for (const DraftKey& key : draft.load.empty() ? default_load(draft) : draft.load) text += line_of("    ", key);
  if (draft.figures.empty()) return text;
  text += "\n# As measured; a tolerance of 10 % is this import's.\nexpect:\n";
  for (const DraftFigure& figure : draft.figures) {
    text += fmt::format("  - metric: {}\n    value: {}\n    tolerance: 10 %\n    source: {}\n", figure.metric,
                        figure.value, quoted_yaml(hardware::printable(figure.source, 200)));
  }
  return text;
}

}  // namespace orrery::scenarios
