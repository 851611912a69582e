// Values by their dotted paths ("training.zero", "jobs.0.model").

#include <charconv>

#include "scenarios/sections.hpp"

namespace orrery::scenarios {

namespace {

using hardware::ConfigNode;

/// The value of a key, or of a place in a list.
const ConfigNode* step_into(const ConfigNode& node, std::string_view part) {
  if (node.kind == hardware::NodeKind::mapping) return node.find(part);
  std::size_t index = 0;
  const auto [end, code] = std::from_chars(part.data(), part.data() + part.size(), index);
  const bool inside = node.kind == hardware::NodeKind::sequence && code == std::errc{} &&
                      end == part.data() + part.size() && index < node.items.size();
  return inside ? node.items[index].get() : nullptr;
}

/// The deepest value along a dotted path; `path` keeps what is not there.
const ConfigNode& walk(const ConfigNode& root, std::string_view& path) {
  const ConfigNode* node = &root;
  while (!path.empty()) {
    const std::size_t dot = path.find('.');
    const ConfigNode* next = step_into(*node, path.substr(0, dot));
    if (next == nullptr) break;
    node = next;
    path = dot == std::string_view::npos ? std::string_view{} : path.substr(dot + 1);
  }
  return *node;
}

}  // namespace

hardware::SourceSpan span_of(const ConfigNode& root, std::string_view path) { return walk(root, path).span; }

const ConfigNode* node_at(const ConfigNode& root, std::string_view path) {
  const ConfigNode& deepest = walk(root, path);
  return path.empty() ? &deepest : nullptr;
}

}  // namespace orrery::scenarios
