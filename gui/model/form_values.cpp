#include "gui/model/form_values.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

namespace orrery::gui {

namespace {

using hardware::ConfigNode;
using hardware::NodeKind;
using hardware::SourceSpan;
using scenarios::FieldKind;

/// The field that a plain number in place of its mapping stands for.
constexpr std::string_view kShortField = "mean";

std::string_view parent_key(std::string_view key) {
  const std::size_t dot = key.rfind('.');
  return dot == std::string_view::npos ? std::string_view() : key.substr(0, dot);
}

/// Line breaks and runs of spaces become one space.
std::string on_one_line(std::string_view text) {
  std::string result;
  bool space = false;
  for (const char c : text) {
    if (c == ' ' || c == '\n' || c == '\r' || c == '\t') {
      space = !result.empty();
      continue;
    }
    if (space) result += ' ';
    space = false;
    result += c;
  }
  return result;
}

struct Found {
  const ConfigNode* node = nullptr;
  SourceSpan key_span;
};

/// Of a list, by its number from 0; nullptr: no list, or none there.
const ConfigNode* item_at(const ConfigNode& list, std::string_view number) {
  std::size_t index = 0;
  const char* last = number.data() + number.size();
  const auto [end, code] = std::from_chars(number.data(), last, index);
  const bool is_there =
      list.kind == NodeKind::sequence && code == std::errc{} && end == last && index < list.items.size();
  return is_there ? list.items[index].get() : nullptr;
}

Found find(const ConfigNode& root, std::string_view key) {
  Found found{&root, {}};
  while (!key.empty()) {
    const std::size_t dot = key.find('.');
    const std::string_view name = key.substr(0, dot);
    const ConfigNode& here = *found.node;
    const ConfigNode* item = item_at(here, name);
    if (item != nullptr) {
      found = {item, item->span};
      key = dot == std::string_view::npos ? std::string_view() : key.substr(dot + 1);
      continue;
    }
    if (here.kind != NodeKind::mapping) return {};
    const auto entry = std::find_if(here.entries.begin(), here.entries.end(),
                                    [&](const auto& candidate) { return candidate.first == name; });
    if (entry == here.entries.end()) return {};
    const auto slot = static_cast<std::size_t>(entry - here.entries.begin());
    found = {entry->second.get(), here.key_spans[slot]};
    key = dot == std::string_view::npos ? std::string_view() : key.substr(dot + 1);
  }
  return found;
}

bool contains(const SourceSpan& span, std::size_t position) { return position >= span.begin && position < span.end; }

/// `value` alone reads as one scalar of that text, without quotes.
bool reads_as_itself(const std::string& value) {
  constexpr std::string_view kSpecial = ",[]{}#&*!|>'\"%@`";  // some matter only in places, quotes never hurt
  if (value.empty() || value.find_first_of(kSpecial) != std::string::npos) return false;
  try {
    const hardware::NodePtr root = hardware::parse_config(fmt::format("- {}\n", value), "");
    return root->kind == NodeKind::sequence && root->items.size() == 1 && root->items[0]->kind == NodeKind::scalar &&
           !root->items[0]->quoted && root->items[0]->scalar == value;
  } catch (const hardware::ConfigError&) {
    return false;
  }
}

/// `value` is a list or mapping in flow style.
bool is_flow(const std::string& value) {
  if (value.empty() || (value.front() != '[' && value.front() != '{')) return false;
  try {
    const hardware::NodePtr root = hardware::parse_config(fmt::format("- {}\n", value), "");
    return root->kind == NodeKind::sequence && root->items.size() == 1 &&
           (root->items[0]->kind == NodeKind::sequence || root->items[0]->kind == NodeKind::mapping);
  } catch (const hardware::ConfigError&) {
    return false;
  }
}

std::string in_double_quotes(const std::string& text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += c == '\t' || c == '\n' || c == '\r' ? ' ' : c;
  }
  return result + '"';
}

bool is_plain_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789.+-eE") == std::string_view::npos;
}

/// The unit that a quantity is written in; empty if there is none.
std::string_view unit_of(std::string_view text) {
  const std::size_t space = text.find_last_of("0123456789. ");
  return space == std::string_view::npos ? std::string_view() : text.substr(space + 1);
}

}  // namespace

std::optional<GivenValue> given_value(const ConfigNode& root, std::string_view text, std::string_view key) {
  GivenValue value;
  value.key = key;
  Found found = find(root, key);
  if (found.node == nullptr && key.size() > kShortField.size() + 1 && key.substr(key.rfind('.') + 1) == kShortField) {
    found = find(root, parent_key(key));
    if (found.node == nullptr || found.node->kind != NodeKind::scalar) return std::nullopt;
    value.key = parent_key(key);
    value.in_short = true;
  }
  if (found.node == nullptr) return std::nullopt;
  const ConfigNode& node = *found.node;
  value.key_span = found.key_span;
  value.span = node.span;
  value.quoted = node.quoted;
  value.is_scalar = node.kind == NodeKind::scalar || node.kind == NodeKind::null;
  if (value.is_scalar) {
    value.text = node.scalar;
  } else if (node.span.begin <= node.span.end && node.span.end <= text.size()) {
    value.text = on_one_line(text.substr(node.span.begin, node.span.end - node.span.begin));
  }
  return value;
}

std::string written_value(const scenarios::Field& field, const std::string& raw, const GivenValue* given) {
  const std::size_t begin = raw.find_first_not_of(" \t\r\n");
  if (begin == std::string::npos) return field.kind == FieldKind::text || field.kind == FieldKind::path ? "\"\"" : "";
  const std::string value = raw.substr(begin, raw.find_last_not_of(" \t\r\n") - begin + 1);
  if (field.kind == FieldKind::integers) {
    const std::string list = is_flow(value) ? value : fmt::format("[{}]", value);
    return is_flow(list) ? list : in_double_quotes(value);
  }
  if (given != nullptr && !given->is_scalar && is_flow(value)) return value;
  if (field.kind != FieldKind::text && is_flow(value)) return value;
  if (field.kind == FieldKind::quantity && is_plain_number(value)) {
    // A number alone is meant in the unit that stands there.
    std::string_view unit = given != nullptr ? unit_of(given->text) : std::string_view();
    if (unit.empty() && !field.units.empty()) unit = field.units.front();
    if (!unit.empty()) return fmt::format("{} {}", value, unit);
  }
  const bool keep_quotes = given != nullptr && given->quoted;
  return keep_quotes || !reads_as_itself(value) ? in_double_quotes(value) : value;
}

WrittenEdit written_edit(const scenarios::Field& field, const std::string& raw, const GivenValue* given,
                         const std::optional<GivenValue>& short_section) {
  std::string value = written_value(field, raw, given);
  if (given != nullptr) return {given->key, std::move(value)};
  if (!short_section.has_value()) return {field.key, std::move(value)};
  const std::string name = field.key.substr(field.key.rfind('.') + 1);
  const std::string& text = short_section->text;
  const bool plain = !short_section->quoted && reads_as_itself(text);
  return {short_section->key,
          fmt::format("{{{}: {}, {}: {}}}", kShortField, plain ? text : in_double_quotes(text), name, value)};
}

const scenarios::KindRow* scenario_kind(const ConfigNode& root) {
  const scenarios::KindRow* found = nullptr;
  for (const scenarios::KindRow* kind : scenarios::kinds()) {
    if (root.find(kind->name) == nullptr) continue;
    if (found != nullptr) return nullptr;
    found = kind;
  }
  return found;
}

std::vector<std::string> keys_at(const ConfigNode& root, const SourceSpan& span) {
  std::vector<std::string> keys;
  const ConfigNode* node = &root;
  while (node->kind == NodeKind::mapping || node->kind == NodeKind::sequence) {
    if (node->kind == NodeKind::sequence) {
      const auto item = std::find_if(node->items.begin(), node->items.end(),
                                     [&](const hardware::NodePtr& one) { return contains(one->span, span.begin); });
      if (item == node->items.end()) break;
      keys.push_back(fmt::format("{}.{}", keys.empty() ? "" : keys.back(), item - node->items.begin()));
      node = item->get();
      continue;
    }
    // A problem of the mapping itself starts where its first key does.
    if (node != &root && span.begin == node->span.begin && span.end >= node->span.end) break;
    const ConfigNode* next = nullptr;
    for (std::size_t i = 0; i < node->entries.size() && next == nullptr; ++i) {
      const SourceSpan& value = node->entries[i].second->span;
      const bool is_here = contains({0, 0, node->key_spans[i].begin, value.end}, span.begin) ||
                           (value.begin == value.end && span.begin == value.begin);
      if (!is_here) continue;
      keys.push_back(keys.empty() ? node->entries[i].first : fmt::format("{}.{}", keys.back(), node->entries[i].first));
      if (contains(node->key_spans[i], span.begin)) return keys;
      next = node->entries[i].second.get();
    }
    if (next == nullptr) break;
    node = next;
  }
  return keys;
}

}  // namespace orrery::gui
