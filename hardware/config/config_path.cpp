// Dotted paths into a configuration's tree.
#include "hardware/config/config_path.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "hardware/config/config_numbers.hpp"

namespace orrery::hardware::config_path {

namespace {

Path split(std::string_view path) {
  Path segments;
  for (std::size_t begin = 0;;) {
    const std::size_t dot = path.find('.', begin);
    segments.emplace_back(path.substr(begin, dot == std::string_view::npos ? dot : dot - begin));
    if (dot == std::string_view::npos) return segments;
    begin = dot + 1;
  }
}

std::optional<std::size_t> parse_index(const std::string& segment) {
  std::size_t index = 0;
  const auto [end, code] = std::from_chars(segment.data(), segment.data() + segment.size(), index);
  if (code != std::errc{} || end != segment.data() + segment.size()) return std::nullopt;
  return index;
}

/// A key may hold dots ("llama-3.1"): the longest run of segments that names an entry is taken.
std::optional<std::pair<std::size_t, std::size_t>> match_entry(const ConfigNode& mapping, const Path& path,
                                                               std::size_t from) {
  std::optional<std::pair<std::size_t, std::size_t>> best;
  std::string key;
  for (std::size_t count = 1; from + count <= path.size(); ++count) {
    key += (count > 1 ? "." : "") + path[from + count - 1];
    for (std::size_t i = 0; i < mapping.entries.size(); ++i) {
      if (mapping.entries[i].first == key) best = {i, count};
    }
  }
  return best;
}

}  // namespace

void fail(const std::string& file, const SourceSpan& span, std::string message) {
  throw ConfigError({{file, span, std::move(message)}});
}

Place locate(const ConfigNode& root, std::string_view dotted, const std::string& file, bool adding) {
  const Path path = split(dotted);
  if (std::find(path.begin(), path.end(), "") != path.end()) {
    fail(file, {}, fmt::format("{} is not a path of keys joined by dots", in_quotes(dotted)));
  }
  Place place;
  place.node = &root;
  std::size_t at = 0;
  while (at < path.size()) {
    const ConfigNode& here = *place.node;
    std::size_t taken = 1;
    std::optional<std::size_t> slot;
    if (here.kind == NodeKind::mapping) {
      if (const auto match = match_entry(here, path, at))
        std::tie(slot, taken) = std::pair(match->first, match->second);
    } else if (here.kind == NodeKind::sequence) {
      const auto index = parse_index(path[at]);
      if (!index) fail(file, here.span, fmt::format("{} is not a position in a list", in_quotes(path[at])));
      if (adding && *index > here.items.size()) {
        fail(file, here.span, fmt::format("position {} is past the end of a list of {}", *index, here.items.size()));
      }
      if (*index < here.items.size()) slot = *index;
    } else if (here.kind == NodeKind::scalar) {
      fail(file, here.span,
           fmt::format("{} is a single value: {} can't be {} in it", in_quotes(here.scalar), in_quotes(path[at]),
                       adding ? "set" : "found"));
    }
    if (!slot) break;
    place.holder = &here;
    place.slot = *slot;
    place.slots.push_back(*slot);
    place.node = here.kind == NodeKind::mapping ? here.entries[*slot].second.get() : here.items[*slot].get();
    at += taken;
  }
  place.rest.assign(path.begin() + static_cast<std::ptrdiff_t>(at), path.end());
  return place;
}

bool same(const ConfigNode& a, const ConfigNode& b) {
  if (a.kind != b.kind || a.scalar != b.scalar || a.items.size() != b.items.size()) return false;
  if (a.entries.size() != b.entries.size()) return false;
  for (std::size_t i = 0; i < a.items.size(); ++i) {
    if (!same(*a.items[i], *b.items[i])) return false;
  }
  for (std::size_t i = 0; i < a.entries.size(); ++i) {
    if (a.entries[i].first != b.entries[i].first || !same(*a.entries[i].second, *b.entries[i].second)) return false;
  }
  return true;
}

}  // namespace orrery::hardware::config_path
