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
#include "hardware/config/shown.hpp"
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

constexpr double kGiB = 1073741824.0;
// More than any GPU or cache has: a figure beyond is a broken log, not a run to compare with.
constexpr double kMostBytes = 1048576.0 * kGiB, kMostCount = 1e15;

/// The number that `text` begins with, "65,536", "14.99" or "-1.25", as it is written; empty: it begins with none.
std::string_view number_text(std::string_view text) {
  const std::size_t sign = !text.empty() && text.front() == '-' ? 1 : 0;
  if (text.size() <= sign || text[sign] < '0' || text[sign] > '9') return {};
  std::size_t used = text.find_first_not_of("0123456789.,eE+-", sign);
  used = std::min(used, text.size());
  // The end of a sentence or of a clause, or the beginning of a word, is none of the number.
  while (used > 0 && (text[used - 1] < '0' || text[used - 1] > '9')) --used;
  return text.substr(0, used);
}

std::optional<double> parse_figure(std::string_view written) {
  std::string digits(written);
  digits.erase(std::remove(digits.begin(), digits.end(), ','), digits.end());
  double value = 0.0;
  const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return code == std::errc{} && end == digits.data() + digits.size() ? std::optional<double>(value) : std::nullopt;
}

/// What a figure of bytes is counted in; nullopt: it has no unit. vLLM's "GB" are GiB in releases that print them.
std::optional<double> byte_unit(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  if (text.substr(0, 3) == "GiB" || text.substr(0, 2) == "GB") return kGiB;
  if (text.substr(0, 3) == "MiB" || text.substr(0, 2) == "MB") return kGiB / 1024.0;
  return std::nullopt;
}

/// Where the figure of `form` stands on `line`; npos: the line has none.
std::size_t place_of(std::string_view line, const LogForm& form) {
  std::size_t at = line.find(form.before);
  if (at == std::string_view::npos) return at;
  at += form.before.size();
  if (form.then.empty()) return at;
  at = line.find(form.then, at);
  return at == std::string_view::npos ? at : at + form.then.size();
}

/// The figure of `form` on the reader's line. Bytes need their unit. Throws for a number that no engine has.
std::optional<double> figure_on(std::string_view line, const LogForm& form, const models::LineReader& reader) {
  const std::size_t at = place_of(line, form);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view written = number_text(line.substr(at));
  if (written.empty()) return std::nullopt;
  const std::optional<double> unit =
      form.unit == Unit::bytes ? byte_unit(line.substr(at + written.size())) : std::optional<double>(1.0);
  if (!unit) return std::nullopt;
  const std::optional<double> number = parse_figure(written);
  const double value = number.value_or(HUGE_VAL) * *unit;
  // vLLM logs a cache below 0 before it gives up; nothing else can be.
  const double least = form.name == "KV cache" ? -kMostBytes : 0.0;
  const double most = form.unit == Unit::bytes ? kMostBytes : kMostCount;
  if (!(value >= least && value <= most)) {
    reader.fail(fmt::format("\"{}{}\": no engine has a figure like that for {}", form.before,
                            hardware::printable(written), form.name),
                reader.line(), static_cast<std::int64_t>(at) + 1);
  }
  return value;
}

}  // namespace

std::vector<LoggedTerm> read_engine_log(const std::string& path, const ServingResult& result) {
  std::array<std::optional<LoggedTerm>, kForms.size()> found;
  models::LineReader reader(path);
  for (std::string_view line; reader.next(line);) {
    for (std::size_t i = 0; i < kForms.size(); ++i) {
      const LogForm& form = kForms[i];
      if (const std::optional<double> logged = figure_on(line, form, reader)) {
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
                    hardware::quoted_path(path)));
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
