// Writes fits into a GPU profile: its last top-level key, `fits:`, and nothing else.
//
// Everything above that key stays byte for byte, comments included; fits that are not replaced keep their text.
// The new text is parsed before it replaces the file, and the file is replaced whole (hardware/config/files.hpp), so a
// full disk or a crash leaves the old profile.
#include <algorithm>
#include <filesystem>
#include <map>
#include <ostream>
#include <string>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "calibrate/surface_fit.hpp"
#include "calibrate/tables.hpp"
#include "hardware/config/config.hpp"
#include "hardware/config/files.hpp"
#include "hardware/config/packed_numbers.hpp"

namespace orrery::calibrate {
namespace {

std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += c;
  }
  return result + '"';
}

std::string surface_text(const hardware::Surface& surface) {
  std::string axes;
  for (const hardware::Surface::Axis& axis : surface.axes) {
    axes += fmt::format("{}{}: [{}]", axes.empty() ? "" : ", ", axis.coordinate, fmt::join(axis.knots, ", "));
  }
  return fmt::format("      - axes: {{{}}}\n        step: {}\n        factors: \"{}\"\n", axes, surface.step,
                     hardware::pack_numbers(factor_codes(surface), hardware::kFactorBits));
}

// fmt's "{}" prints the shortest digits that read back as the same double.
std::string entry(const hardware::Fit& fit) {
  std::string text = fmt::format("  - key: {}\n    source: {}\n    date: {}\n    split: {}\n    coefficients:\n",
                                 quoted(fit.key), quoted(fit.source), quoted(fit.date), quoted(fit.split));
  for (const auto& [name, value] : fit.coefficients) text += fmt::format("      {}: {}\n", name, value);
  if (!fit.surfaces.empty()) text += "    surfaces:\n";
  for (const hardware::Surface& surface : fit.surfaces) text += surface_text(surface);
  text += "    residuals:\n";
  for (const hardware::FitResidual& r : fit.residuals) {
    text += fmt::format("      - {{group: {}, rows: {}, median: {}, p95: {}", r.group, r.rows, r.median, r.p95);
    if (r.high > 0.0) text += fmt::format(", low: {}, high: {}", r.low, r.high);
    text += "}\n";
  }
  if (fit.families_seen.empty()) return text;
  return text +
         fmt::format("    families_seen: \"{}\"\n", hardware::pack_numbers(fit.families_seen, hardware::kFamilyBits));
}

// Where the line that holds `offset` starts.
std::size_t line_start(const std::string& text, std::size_t offset) {
  const std::size_t newline = text.rfind('\n', offset == 0 ? 0 : offset - 1);
  return newline == std::string::npos || offset == 0 ? 0 : newline + 1;
}

struct Profile {
  std::string facts;                           // all text above `fits:`
  std::map<std::string, std::string> entries;  // key of a fit and its text
};

Profile read_profile(const std::filesystem::path& path) {
  const std::string text = hardware::read_text_file(path.string());
  const hardware::NodePtr root = hardware::parse_config(text, path.string());
  Profile profile;
  const auto& keys = root->entries;
  const auto found = std::find_if(keys.begin(), keys.end(), [](const auto& e) { return e.first == "fits"; });
  if (found == keys.end()) {
    profile.facts = text;
    if (!profile.facts.empty() && profile.facts.back() != '\n') profile.facts += '\n';
    return profile;
  }
  const auto place = static_cast<std::size_t>(found - keys.begin());
  if (place + 1 != keys.size()) {
    hardware::Diagnostics wrong(path.string());
    wrong.error(root->key_spans[place + 1], "`fits` must be the last key of a profile, this one stands below it");
    wrong.throw_if_any();
  }
  profile.facts = text.substr(0, line_start(text, root->key_spans[place].begin));
  const auto& items = found->second->items;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const hardware::ConfigNode* key = items[i]->find("key");
    if (key == nullptr) continue;
    const std::size_t begin = line_start(text, items[i]->span.begin);
    const std::size_t end = i + 1 < items.size() ? line_start(text, items[i + 1]->span.begin) : text.size();
    std::string& kept = profile.entries[key->scalar] = text.substr(begin, end - begin);
    if (kept.back() != '\n') kept += '\n';
  }
  return profile;
}

}  // namespace

void write_fits(const std::filesystem::path& path, const std::vector<hardware::Fit>& fits) {
  Profile profile = read_profile(path);
  for (const hardware::Fit& fit : fits) profile.entries[fit.key] = entry(fit);
  std::string text = profile.facts;
  if (!profile.entries.empty()) text += "fits:\n";
  for (const auto& [key, part] : profile.entries) text += part;
  static_cast<void>(hardware::parse_config(text, path.string()));

  hardware::replace_file(path.string(), [&text](std::ostream& out) { out << text; });
}

}  // namespace orrery::calibrate
