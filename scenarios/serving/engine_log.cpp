#include "scenarios/serving/engine_log.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <ostream>
#include <string_view>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "hardware/config/config.hpp"
#include "models/serving/workload/line_reader.hpp"
#include "scenarios/format.hpp"

namespace orrery::scenarios {

namespace {

using models::KvPool;
using models::ServingResult;

/// A figure of the log: what stands before it on its line, and what is predicted for it.
struct LogForm {
  std::string_view name;
  std::string_view before;  ///< … and after it on that line, first
  std::string_view then;    ///< empty: the number stands right behind `before`
  Unit unit;
  double (*predicted)(const ServingResult& result);
};

double weights(const ServingResult& r) { return r.pool.weights.value(); }
double activations(const ServingResult& r) { return r.pool.activations.value(); }
double context(const ServingResult& r) { return r.pool.context.value(); }
double graphs(const ServingResult& r) { return r.pool.graphs.value(); }
double cache(const ServingResult& r) { return r.pool.kv_cache.value(); }
double tokens(const ServingResult& r) { return static_cast<double>(r.pool.tokens()); }
double blocks(const ServingResult& r) { return static_cast<double>(r.pool.blocks); }
double concurrency(const ServingResult& r) {
  return static_cast<double>(r.pool.blocks) / static_cast<double>(std::max<std::int64_t>(1, r.pool.longest_blocks()));
}

constexpr std::array<LogForm, 14> kForms = {{
    {"weights", "Model loading took ", "", Unit::bytes, weights},
    {"weights", "model weights take ", "", Unit::bytes, weights},
    {"weights", "Loading model weights took ", "", Unit::bytes, weights},
    {"activations", "PyTorch activation peak memory takes ", "", Unit::bytes, activations},
    {"activations", "peak activation memory: ", "", Unit::bytes, activations},
    {"context", "non_torch_memory takes ", "", Unit::bytes, context},
    {"CUDA graphs", "Graph capturing finished in ", "took ", Unit::bytes, graphs},
    {"KV cache", "Available KV cache memory: ", "", Unit::bytes, cache},
    {"KV cache", "reserved for KV Cache is ", "", Unit::bytes, cache},
    {"KV cache tokens", "GPU KV cache size: ", "", Unit::count, tokens},
    {"blocks", "# GPU blocks: ", "", Unit::count, blocks},
    {"blocks", "# cuda blocks: ", "", Unit::count, blocks},
    {"blocks", "num_gpu_blocks is: ", "", Unit::count, blocks},
    {"concurrency", "Maximum concurrency for ", "request: ", Unit::number, concurrency},
}};

/// "65,536" and "14.99", from the beginning of `text`; advances it.
std::optional<double> take_number(std::string_view& text) {
  std::string digits;
  std::size_t used = 0;
  while (used < text.size() && digits.size() < 32 &&
         ((text[used] >= '0' && text[used] <= '9') || text[used] == '.' || text[used] == ',')) {
    if (text[used] != ',') digits += text[used];
    ++used;
  }
  if (!digits.empty() && digits.back() == '.') digits.pop_back();  // the end of a sentence
  double value = 0.0;
  const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (digits.empty() || code != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  text.remove_prefix(used);
  return value;
}

/// The figure of `form` on `line`. Bytes need their unit: vLLM's "GB" are GiB in releases that print them.
std::optional<double> figure_on(std::string_view line, const LogForm& form) {
  const std::size_t at = line.find(form.before);
  if (at == std::string_view::npos) return std::nullopt;
  line.remove_prefix(at + form.before.size());
  if (!form.then.empty()) {
    const std::size_t next = line.find(form.then);
    if (next == std::string_view::npos) return std::nullopt;
    line.remove_prefix(next + form.then.size());
  }
  const std::optional<double> number = take_number(line);
  if (!number || form.unit != Unit::bytes) return number;
  while (!line.empty() && line.front() == ' ') line.remove_prefix(1);
  constexpr double kGiB = 1073741824.0;
  if (line.substr(0, 3) == "GiB" || line.substr(0, 2) == "GB") return *number * kGiB;
  if (line.substr(0, 3) == "MiB" || line.substr(0, 2) == "MB") return *number * kGiB / 1024.0;
  return std::nullopt;
}

}  // namespace

std::vector<LoggedTerm> read_engine_log(const std::string& path, const ServingResult& result) {
  std::array<std::optional<LoggedTerm>, kForms.size()> found;
  models::LineReader reader(path);
  for (std::string_view line; reader.next(line);) {
    for (std::size_t i = 0; i < kForms.size(); ++i) {
      const LogForm& form = kForms[i];
      if (const std::optional<double> logged = figure_on(line, form)) {
        found[i] = {std::string(form.name), form.unit, form.predicted(result), *logged, reader.line()};
      }
    }
  }
  std::vector<LoggedTerm> terms;
  for (const std::optional<LoggedTerm>& term : found) {
    if (!term) continue;
    // Several wordings of one term: the last line of the log.
    if (!terms.empty() && terms.back().name == term->name) {
      if (term->line > terms.back().line) terms.back() = *term;
    } else {
      terms.push_back(*term);
    }
  }
  if (terms.empty()) {
    throw hardware::ConfigError(
        fmt::format("{}: no line on memory that is known: vLLM writes \"Model loading took … GiB\", \"Available KV "
                    "cache memory: … GiB\", \"GPU KV cache size: … tokens\" when it starts",
                    path));
  }
  return terms;
}

void write_log_text(std::ostream& out, const std::vector<LoggedTerm>& terms, const std::string& path) {
  out << fmt::format("\nMemory beside {}\n  {:<18} {:>14} {:>14} {:>14}  line\n", path, "", "predicted", "logged",
                     "difference");
  const LoggedTerm* worst = nullptr;
  for (const LoggedTerm& term : terms) {
    out << fmt::format("  {:<18} {:>14} {:>14} {:>14}  {}\n", term.name, readable(term.predicted, term.unit),
                       readable(term.logged, term.unit), readable(term.difference(), term.unit), term.line);
    const bool part = term.unit == Unit::bytes && term.name != "KV cache";
    if (part && (worst == nullptr || std::abs(term.difference()) > std::abs(worst->difference()))) worst = &term;
  }
  if (worst == nullptr) {
    out << "  the log names no part of what is beside the cache\n";
    return;
  }
  out << fmt::format("  of what is beside the cache, {} differ most: {} {} than logged\n", worst->name,
                     readable(std::abs(worst->difference()), Unit::bytes), worst->difference() < 0.0 ? "less" : "more");
}

Json log_json(const std::vector<LoggedTerm>& terms) {
  Json list = Json::array();
  for (const LoggedTerm& term : terms) {
    list.push_back({{"term", term.name},
                    {"unit", std::string(name(term.unit))},
                    {"predicted", term.predicted},
                    {"logged", term.logged},
                    {"difference", term.difference()},
                    {"line", term.line}});
  }
  return list;
}

}  // namespace orrery::scenarios
