// set_value, edit_value: one value of a configuration text, edited in place.
//
// The tree gives the byte span of the old value; only those bytes change, so comments and layout stay. The
// result is parsed again and compared with the old tree: everything but the edited value must read as before.
//
// Limitations: the new value is a scalar or a flow collection on one line; a list grows only at its end.

#include "hardware/config/config_edit.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "hardware/config/config_numbers.hpp"
#include "hardware/config/config_path.hpp"
#include "hardware/config/config_text.hpp"

namespace orrery::hardware {
namespace {

using config_path::fail;
using config_path::locate;
using config_path::Path;
using config_path::Place;
using config_path::same;

std::string double_quoted(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    if (c == '\n') {
      result += "\\n";
    } else if (c == '\t') {
      result += "\\t";
    } else {
      result += c;
    }
  }
  return result + '"';
}

/// A key as it can be written in block or flow context.
std::string written_key(const std::string& key) {
  const bool plain = !key.empty() && std::all_of(key.begin(), key.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
  return plain && key != "null" && key != "Null" && key != "NULL" ? key : double_quoted(key);
}

/// "a: {b: value}" for the keys that do not exist yet.
std::string nested(const Path& keys, std::size_t from, const std::string& value) {
  std::string text = value;
  for (std::size_t i = keys.size(); i > from; --i) text = fmt::format("{{{}: {}}}", written_key(keys[i - 1]), text);
  return text;
}

/// A text being edited.
class Edit {
 public:
  explicit Edit(std::string_view text) : text_(text), source_(text_) {}

  /// Replaces an existing value.
  [[nodiscard]] ValueEdit replace(const Place& place, const std::string& value) const {
    const SourceSpan& span = place.node->span;
    const bool is_block_collection = (place.node->kind == NodeKind::mapping && at(span.begin) != '{') ||
                                     (place.node->kind == NodeKind::sequence && at(span.begin) != '[');
    if (!is_block_collection || place.holder == nullptr || source_.line_begin(span.begin) == 0) {
      return splice(span.begin, span.end, padded(span.begin, value));
    }
    // The new value moves up to its key: a scalar may not stand as far left as a list may.
    const std::size_t slot = after_indicator(place);
    if (source_.line_begin(slot) == source_.line_begin(span.begin)) return splice(span.begin, span.end, value);
    std::size_t begin = source_.line_begin(span.begin);
    std::size_t end = span.end;
    while (at(end) == ' ') ++end;
    const bool takes_whole_lines = at(end) == '\n' || at(end) == '\r' || end == text_.size();
    if (takes_whole_lines) {
      --begin;  // with the line break before
      if (begin > 0 && at(begin - 1) == '\r') --begin;
    } else {
      end = span.end;
    }
    std::string written = " " + value;
    if (begin > slot) written += text_.substr(slot, begin - slot);
    return splice(slot, end, written);
  }

  /// Adds `place.rest` with `value` to the collection (or the empty value) where the path ends.
  [[nodiscard]] ValueEdit add(const Place& place, const std::string& value) const {
    const ConfigNode& node = *place.node;
    const Path& keys = place.rest;
    if (node.kind == NodeKind::null) return replace(place, nested(keys, 0, value));
    const bool is_mapping = node.kind == NodeKind::mapping;
    const std::string inner = nested(keys, 1, value);
    const bool is_flow = at(node.span.begin) == (is_mapping ? '{' : '[');
    const std::string entry = is_mapping ? fmt::format("{}: {}", written_key(keys[0]), inner) : inner;
    if (is_flow) return add_flow(node, entry);
    return add_line(node, is_mapping ? entry : "- " + entry);
  }

 private:
  [[nodiscard]] char at(std::size_t pos) const { return source_.at(pos); }

  [[nodiscard]] ValueEdit splice(std::size_t begin, std::size_t end, const std::string& value) const {
    return {fmt::format("{}{}{}", text_.substr(0, begin), value, text_.substr(end)), begin, end, begin + value.size()};
  }

  /// A value that was not written stands right after its colon or dash: it needs a space.
  [[nodiscard]] std::string padded(std::size_t pos, const std::string& value) const {
    const bool needs = pos > 0 && (at(pos - 1) == ':' || at(pos - 1) == '-');
    return needs ? " " + value : value;
  }

  [[nodiscard]] std::size_t after_indicator(const Place& place) const {
    const ConfigNode& holder = *place.holder;
    std::size_t pos = 0;
    if (holder.kind == NodeKind::mapping) {
      pos = source_.skip_blank(holder.key_spans[place.slot].end);
    } else {
      pos = source_.skip_blank(place.slot == 0 ? holder.span.begin : holder.items[place.slot - 1]->span.end);
    }
    return source_.clamp(pos + 1);
  }

  [[nodiscard]] ValueEdit add_flow(const ConfigNode& node, const std::string& entry) const {
    const bool is_empty = node.items.empty() && node.entries.empty();
    if (is_empty) return splice(node.span.begin + 1, node.span.begin + 1, entry);
    // After the last child, before a trailing comma (which then separates nothing and is allowed).
    const std::size_t end = node.entries.empty() ? node.items.back()->span.end : node.entries.back().second->span.end;
    return splice(end, end, ", " + entry);
  }

  [[nodiscard]] ValueEdit add_line(const ConfigNode& node, const std::string& entry) const {
    const std::size_t column = node.span.begin - source_.line_begin(node.span.begin);
    // Columns count characters in YAML; what stands left of a collection is spaces, dashes or a key in bytes.
    std::string indent(column, ' ');
    std::size_t end = source_.line_end(node.span.end);
    const bool crlf = end > 0 && at(end) == '\n' && at(end - 1) == '\r';
    if (crlf) --end;
    const std::string line_break = crlf ? "\r\n" : "\n";
    return splice(end, end, line_break + indent + entry);
  }

  std::string_view text_;
  SourceText source_;
};

/// `now` equals `before` except at the place that `slots[depth…]` and then `rest` lead to, where it is `value`.
bool same_but(const ConfigNode& before, const ConfigNode& now, const Place& place, const ConfigNode& value,
              std::size_t depth = 0) {
  if (depth == place.slots.size()) {
    const ConfigNode* found = &now;
    for (const std::string& key : place.rest) {
      const bool is_item = found->kind == NodeKind::sequence && !found->items.empty();
      found = is_item ? found->items.back().get() : found->find(key);
      if (found == nullptr) return false;
    }
    if (!same(*found, value)) return false;
    if (place.rest.empty() || before.kind == NodeKind::null) return true;
    const std::size_t old_size = before.kind == NodeKind::mapping ? before.entries.size() : before.items.size();
    const std::size_t new_size = now.kind == NodeKind::mapping ? now.entries.size() : now.items.size();
    if (before.kind != now.kind || new_size != old_size + 1) return false;
    for (std::size_t i = 0; i < old_size; ++i) {
      if (before.kind == NodeKind::sequence && !same(*before.items[i], *now.items[i])) return false;
      if (before.kind == NodeKind::sequence) continue;
      if (before.entries[i].first != now.entries[i].first) return false;
      if (!same(*before.entries[i].second, *now.entries[i].second)) return false;
    }
    return true;
  }
  if (before.kind != now.kind || before.items.size() != now.items.size()) return false;
  if (before.entries.size() != now.entries.size()) return false;
  const auto equal = [&](std::size_t i, const ConfigNode& a, const ConfigNode& b) {
    return i == place.slots[depth] ? same_but(a, b, place, value, depth + 1) : same(a, b);
  };
  for (std::size_t i = 0; i < before.items.size(); ++i) {
    if (!equal(i, *before.items[i], *now.items[i])) return false;
  }
  for (std::size_t i = 0; i < before.entries.size(); ++i) {
    if (before.entries[i].first != now.entries[i].first) return false;
    if (!equal(i, *before.entries[i].second, *now.entries[i].second)) return false;
  }
  return true;
}

/// The tree of `value` alone; nullptr unless it is one scalar or flow collection on one line and nothing else.
NodePtr parse_value(std::string_view value) {
  if (value.find('\n') != std::string_view::npos) return nullptr;
  try {
    // A document "~" reads as empty, so the value is read as the only item of a list.
    const std::string list = fmt::format("- {}\n", value);
    const NodePtr root = parse_config(list, "");
    if (root->kind != NodeKind::sequence || root->items.size() != 1) return nullptr;
    const NodePtr node = root->items[0];
    const bool is_whole = node->span.begin == 2 && node->span.end == 2 + value.size();
    const bool is_block = node->kind == NodeKind::mapping && value.front() != '{';
    const bool is_block_list = node->kind == NodeKind::sequence && value.front() != '[';
    return is_whole && !is_block && !is_block_list ? node : nullptr;
  } catch (const ConfigError&) {
    return nullptr;
  }
}

}  // namespace

ValueEdit edit_value(std::string_view text, const std::string& file, std::string_view path, std::string_view value) {
  const NodePtr before = parse_config(text, file);
  while (!value.empty() && value.front() == ' ') value.remove_prefix(1);
  while (!value.empty() && value.back() == ' ') value.remove_suffix(1);
  if (value.empty()) fail(file, {}, fmt::format("no value given for {}", in_quotes(path)));
  const Place place = locate(*before, path, file, true);
  const Edit edit(text);
  // First as it is written; where that would mean something else there ("a, b" in a flow list), as a string.
  // A value that starts like a collection or a quoted text is meant as one: it is not turned into a string.
  std::vector<std::string> forms{std::string(value)};
  if (std::string_view("[]{}\"'&*!|>%@`#").find(value.front()) == std::string_view::npos) {
    forms.push_back(double_quoted(value));
  }
  for (const std::string& written : forms) {
    const NodePtr wanted = parse_value(written);
    if (!wanted) continue;
    ValueEdit result = place.rest.empty() ? edit.replace(place, written) : edit.add(place, written);
    try {
      if (same_but(*before, *parse_config(result.text, file), place, *wanted)) return result;
    } catch (const ConfigError&) {
      continue;
    }
  }
  fail(file, place.node->span, fmt::format("{} can't be set to {} here", in_quotes(path), in_quotes(value)));
}

std::string set_value(std::string_view text, const std::string& file, std::string_view path, std::string_view value) {
  return edit_value(text, file, path, value).text;
}

}  // namespace orrery::hardware
