// remove_value: takes one entry out of a configuration text in place.
//
// The tree gives the bytes of key and value. In block layout the entry's lines go, from its key to the end of the line
// of its value; in a flow collection the entry and one comma. The result is parsed again and compared with the old
// tree: everything but the entry must read as before.
//
// An entry that is the only one of a mapping or list takes the key of that one along, and so on upwards: "slo:" with
// nothing below it would be an empty value, no mapping. Where the emptied one is the document or stands in a list,
// whose positions must stay, {} or [] is written in its place.
//
// Limitations: comments inside a removed value go with it; a key written as "? key" can't be removed.

#include <algorithm>
#include <string>
#include <utility>

#include "hardware/config/config.hpp"
#include "hardware/config/config_numbers.hpp"
#include "hardware/config/config_path.hpp"
#include "hardware/config/config_text.hpp"

namespace orrery::hardware {
namespace {

using config_path::Place;

std::size_t size_of(const ConfigNode& node) {
  return node.kind == NodeKind::mapping ? node.entries.size() : node.items.size();
}

const ConfigNode& child(const ConfigNode& node, std::size_t slot) {
  return node.kind == NodeKind::mapping ? *node.entries[slot].second : *node.items[slot];
}

/// The chain of values from the root to the one that holds the entry, and the entry's place in each.
struct Target {
  std::vector<const ConfigNode*> holders;
  std::vector<std::size_t> slots;

  [[nodiscard]] const ConfigNode& holder() const { return *holders.back(); }
  [[nodiscard]] std::size_t slot() const { return slots.back(); }
};

/// The entry to take out: the one at `place`, or what would be left empty by that.
Target target_of(const ConfigNode& root, const Place& place) {
  Target target;
  const ConfigNode* here = &root;
  for (const std::size_t slot : place.slots) {
    target.holders.push_back(here);
    target.slots.push_back(slot);
    here = &child(*here, slot);
  }
  while (target.slots.size() > 1 && size_of(target.holder()) == 1 &&
         target.holders[target.holders.size() - 2]->kind == NodeKind::mapping) {
    target.holders.pop_back();
    target.slots.pop_back();
  }
  return target;
}

class Removal {
 public:
  Removal(std::string_view text, const Target& target)
      : text_(text),
        source_(text_),
        holder_(target.holder()),
        slot_(target.slot()),
        begin_(begin_of(slot_)),
        end_(end_of(slot_)) {}

  [[nodiscard]] std::string result() const {
    const char first = source_.at(holder_.span.begin);
    const bool is_flow = holder_.kind == NodeKind::mapping ? first == '{' : first == '[';
    return is_flow ? from_flow() : from_block();
  }

 private:
  [[nodiscard]] bool is_last() const { return slot_ + 1 == size_of(holder_); }
  [[nodiscard]] bool is_only() const { return size_of(holder_) == 1; }

  [[nodiscard]] bool is_flow_list() const { return source_.at(holder_.span.begin) == '['; }

  /// Where an entry starts: its key; the dash of an item in block layout.
  [[nodiscard]] std::size_t begin_of(std::size_t slot) const {
    if (holder_.kind == NodeKind::mapping) return holder_.key_spans[slot].begin;
    if (is_flow_list()) return holder_.items[slot]->span.begin;
    return slot == 0 ? holder_.span.begin : source_.skip_blank(holder_.items[slot - 1]->span.end);
  }

  [[nodiscard]] std::size_t end_of(std::size_t slot) const {
    if (holder_.kind != NodeKind::mapping) {
      return std::max(holder_.items[slot]->span.end, begin_of(slot) + (is_flow_list() ? 0 : 1));
    }
    const std::size_t key_end = holder_.key_spans[slot].end;
    const std::size_t colon = source_.skip_blank(key_end);
    return std::max(holder_.entries[slot].second->span.end, source_.at(colon) == ':' ? colon + 1 : key_end);
  }

  [[nodiscard]] std::size_t past_spaces(std::size_t pos) const {
    while (source_.at(pos) == ' ' || source_.at(pos) == '\t') ++pos;
    return pos;
  }

  [[nodiscard]] bool starts_line(std::size_t pos) const { return past_spaces(source_.line_begin(pos)) >= pos; }

  [[nodiscard]] static bool is_break(char c) { return c == '\n' || c == '\r' || c == '\0'; }

  /// Nothing but a comment stands behind `pos` in its line.
  [[nodiscard]] bool ends_line(std::size_t pos) const {
    const std::size_t next = past_spaces(pos);
    return is_break(source_.at(next)) || (source_.at(next) == '#' && next > pos);
  }

  /// Past the comment behind `pos`, before the line break.
  [[nodiscard]] std::size_t text_end(std::size_t pos) const {
    std::size_t end = source_.line_end(pos);
    if (end > pos && source_.at(end) == '\n' && source_.at(end - 1) == '\r') --end;
    return end;
  }

  [[nodiscard]] std::string without(std::size_t begin, std::size_t end, std::string_view instead = "") const {
    std::string out(text_.substr(0, begin));
    out += instead;
    out += text_.substr(end);
    return out;
  }

  /// The lines from that of `begin` to that of `end`.
  [[nodiscard]] std::string without_lines(std::size_t begin, std::size_t end) const {
    return without(source_.line_begin(begin), source_.clamp(source_.line_end(end) + 1));
  }

  [[nodiscard]] std::string from_flow() const {
    const std::size_t comma = source_.skip_blank(end_);
    const bool has_comma = source_.at(comma) == ',';
    const std::size_t end = has_comma ? comma + 1 : end_;
    if (starts_line(begin_) && ends_line(end)) return without_lines(begin_, end);
    if (is_only()) {
      const std::size_t open = holder_.span.begin + 1, close = holder_.span.end - 1;
      return past_spaces(open) == begin_ && past_spaces(end) == close ? without(open, close) : without(begin_, end);
    }
    if (!is_last()) return without(begin_, has_comma ? std::min(past_spaces(end), begin_of(slot_ + 1)) : end);
    // The comma before it goes, unless a comment stands between.
    const std::size_t before = source_.skip_blank(end_of(slot_ - 1));
    const bool adjoins = source_.at(before) == ',' && past_spaces(before + 1) == begin_;
    return without(adjoins ? before : begin_, end_);
  }

  [[nodiscard]] std::string from_block() const {
    if (!ends_line(end_)) return without(begin_, end_);
    const std::string_view empty = holder_.kind == NodeKind::mapping ? "{}" : "[]";
    if (is_only()) return without(begin_, text_end(end_), empty);
    if (starts_line(begin_)) return without_lines(begin_, end_);
    // The first entry of a collection in a list ("- a: 1"): the next one moves up to the dash.
    const std::size_t next = begin_of(slot_ + 1);
    const bool has_comment = source_.skip_blank(end_) != past_spaces(end_) &&
                             text_.substr(text_end(end_), next - text_end(end_)).find('#') != std::string_view::npos;
    return has_comment ? without(begin_, text_end(end_)) : without(begin_, next);
  }

  std::string_view text_;
  SourceText source_;
  const ConfigNode& holder_;
  std::size_t slot_;
  std::size_t begin_, end_;
};

/// `now` equals `before` but for the entry at `slots[depth…]`, which is gone.
bool same_without(const ConfigNode& before, const ConfigNode& now, const std::vector<std::size_t>& slots,
                  std::size_t depth = 0) {
  const bool here = depth + 1 == slots.size();
  if (before.kind != now.kind || size_of(now) + (here ? 1 : 0) != size_of(before)) return false;
  for (std::size_t i = 0, j = 0; i < size_of(before); ++i) {
    if (here && i == slots[depth]) continue;
    if (before.kind == NodeKind::mapping && before.entries[i].first != now.entries[j].first) return false;
    const ConfigNode &a = child(before, i), &b = child(now, j++);
    if (i == slots[depth] ? !same_without(a, b, slots, depth + 1) : !config_path::same(a, b)) return false;
  }
  return true;
}

}  // namespace

std::string remove_value(std::string_view text, const std::string& file, std::string_view path) {
  const NodePtr before = parse_config(text, file);
  const Place place = config_path::locate(*before, path, file, false);
  if (!place.rest.empty()) return std::string(text);
  const Target target = target_of(*before, place);
  std::string result = Removal(text, target).result();
  try {
    if (same_without(*before, *parse_config(result, file), target.slots)) return result;
  } catch (const ConfigError&) {
    // Said below, where the text that is meant stands.
  }
  config_path::fail(file, place.node->span, in_quotes(path) + " can't be removed here");
}

}  // namespace orrery::hardware
