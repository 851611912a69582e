// Recursive descent over the plain part of YAML. See config_plain.hpp.
//
// Every function that reads something returns whether it did; false means "not plain" and ends the reading. `pos_`
// stands behind what was read. In block context a value has the rest of its line to itself; skip_lines() then goes to
// the first byte of the next line with content, whose column says which collection goes on.

#include "hardware/config/config_plain.hpp"

#include <algorithm>
#include <memory>

namespace orrery::hardware {
namespace {

constexpr int kMaxDepth = 32;                // parse_yaml() takes 64, and says so
constexpr std::size_t kMaxValues = 100'000;  // parse_yaml() takes 500,000
constexpr std::size_t kMaxKeys = 256;        // of one mapping: looking for duplicates is a linear search
constexpr std::size_t kMaxKeyLength = 200;   // YAML allows 1,024 for keys without a question mark

bool is_alphanumeric(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

bool is_key_character(char c) { return is_alphanumeric(c) || c == '_' || c == '.' || c == '-' || c == '/'; }

/// Characters that a plain scalar may start with and that mean nothing else to YAML.
bool starts_plain(char c) { return is_alphanumeric(c) || c == '_' || c == '.' || c == '/' || c == '$' || c == '('; }

/// Inside a flow collection brackets, commas and question marks end a scalar; only what surely doesn't is taken.
bool is_flow_character(char c) {
  return is_alphanumeric(c) || c == '_' || c == '.' || c == '/' || c == '-' || c == '+' || c == '%' || c == ' ';
}

bool is_null_word(std::string_view text) { return text == "null" || text == "Null" || text == "NULL"; }

using Made = std::shared_ptr<ConfigNode>;

class PlainReader {
 public:
  PlainReader(const SourceText& source, std::string_view text) : source_(source), text_(text) {}

  [[nodiscard]] NodePtr read() {
    // Tabs, carriage returns and byte order marks have rules of their own.
    if (text_.find_first_of("\t\r") != std::string_view::npos || source_.bom_length() != 0) return nullptr;
    skip_lines();
    if (pos_ == text_.size() || column() != 0) return nullptr;
    Made root;
    if (!block(root, 0, 0) || pos_ != text_.size()) return nullptr;
    return root;
  }

 private:
  [[nodiscard]] char peek(std::size_t ahead = 0) const { return source_.at(pos_ + ahead); }
  [[nodiscard]] bool at_line_end() const { return pos_ >= text_.size() || text_[pos_] == '\n'; }
  [[nodiscard]] int column() const { return static_cast<int>(pos_ - line_); }
  [[nodiscard]] bool at_item() const { return peek() == '-' && peek(1) == ' '; }

  void skip_spaces() {
    while (peek() == ' ') ++pos_;
  }

  /// Past spaces and a comment to the end of the line; false if something else stands there.
  bool finish_line() {
    const std::size_t begin = pos_;
    skip_spaces();
    if (at_line_end()) return true;
    if (peek() != '#' || pos_ == begin) return false;
    pos_ = source_.line_end(pos_);
    return true;
  }

  /// From the end of a line (or the text's begin) to the first content of a later one, or to the end of the text.
  void skip_lines() {
    while (pos_ < text_.size()) {
      if (text_[pos_] == '\n') ++pos_;
      line_ = pos_;
      skip_spaces();
      if (at_line_end()) continue;
      if (peek() != '#') return;
      pos_ = source_.line_end(pos_);
    }
    line_ = pos_;
  }

  Made make(NodeKind kind) {
    ++values_;
    Made node = std::make_shared<ConfigNode>();
    node->kind = kind;
    return node;
  }

  /// The block collection at pos_, the first content of its line. Items and keys stand at `indent`.
  bool block(Made& out, int indent, int depth) {
    return at_item() ? block_sequence(out, indent, depth) : block_mapping(out, indent, depth);
  }

  bool block_sequence(Made& out, int indent, int depth) {
    if (depth >= kMaxDepth || values_ > kMaxValues) return false;
    out = make(NodeKind::sequence);
    const std::size_t begin = pos_;
    std::size_t end = pos_;
    while (pos_ < text_.size() && column() == indent && at_item()) {
      ++pos_;
      skip_spaces();
      Made item;
      if (at_key()) {
        if (!block_mapping(item, column(), depth + 1)) return false;
      } else if (!line_value(item, indent, depth + 1)) {
        return false;
      }
      end = item->span.end;
      out->items.push_back(std::move(item));
    }
    out->span = source_.span(begin, end);
    return true;
  }

  bool block_mapping(Made& out, int indent, int depth) {
    if (depth >= kMaxDepth || values_ > kMaxValues) return false;
    out = make(NodeKind::mapping);
    const std::size_t begin = pos_;
    std::size_t end = pos_;
    do {
      if (!key(*out)) return false;
      Made value;
      if (!block_value(value, indent, depth)) return false;
      end = value->span.end;
      out->entries.back().second = std::move(value);
    } while (pos_ < text_.size() && column() == indent && !at_item());
    // What follows a mapping in a deeper column belongs to nothing.
    if (pos_ < text_.size() && column() > indent) return false;
    out->span = source_.span(begin, end);
    return true;
  }

  /// Whether the rest of the line starts with a key and its colon.
  [[nodiscard]] bool at_key() const {
    std::size_t end = pos_;
    while (is_key_character(source_.at(end))) ++end;
    const char next = source_.at(end + 1);
    return end > pos_ && source_.at(end) == ':' && (next == ' ' || next == '\n');
  }

  /// "key:", adds an entry without its value.
  bool key(ConfigNode& mapping) {
    const std::size_t begin = pos_;
    if (!is_alphanumeric(peek()) && peek() != '_') return false;
    while (is_key_character(peek())) ++pos_;
    const std::string_view name = text_.substr(begin, pos_ - begin);
    if (peek() != ':' || name.size() > kMaxKeyLength || is_null_word(name)) return false;
    if (mapping.entries.size() >= kMaxKeys || mapping.find(name) != nullptr) return false;
    ++values_;  // yaml-cpp's reading counts keys as well
    mapping.key_spans.push_back(source_.span(begin, pos_));
    mapping.entries.emplace_back(name, nullptr);
    ++pos_;
    return true;
  }

  /// What stands behind "key:" of a mapping at `indent`: on the same line, or a collection on the next.
  bool block_value(Made& out, int indent, int depth) {
    if (peek() != ' ' && peek() != '\n') return false;
    const std::size_t behind = pos_;
    skip_spaces();
    if (!at_line_end() && peek() != '#') return line_value(out, indent, depth + 1);
    pos_ = behind;
    if (!finish_line()) return false;
    skip_lines();
    if (pos_ >= text_.size()) return false;
    const int inner = column();
    if (inner < indent || (inner == indent && !at_item())) return false;  // a null
    return block(out, inner, depth + 1);
  }

  /// A scalar or flow collection that has the rest of its line to itself. A deeper line behind it would be part of it.
  bool line_value(Made& out, int indent, int depth) {
    const bool flows = peek() == '[' || peek() == '{';
    if (!(flows ? flow(out, depth) : scalar(out, false))) return false;
    if (!finish_line()) return false;
    skip_lines();
    return pos_ >= text_.size() || column() <= indent;
  }

  bool scalar(Made& out, bool in_flow) {
    if (values_ > kMaxValues) return false;
    out = make(NodeKind::scalar);
    const std::size_t begin = pos_;
    const char first = peek();
    out->quoted = first == '"' || first == '\'';
    if (!(out->quoted ? quoted(out->scalar, first) : in_flow ? flow_plain(out->scalar) : block_plain(out->scalar))) {
      return false;
    }
    out->span = source_.span(begin, pos_);
    return true;
  }

  bool quoted(std::string& out, char quote) {
    for (++pos_; !at_line_end(); ++pos_) {
      const char c = peek();
      if (c == quote && (quote == '"' || peek(1) != '\'')) {
        ++pos_;
        return true;
      }
      if (c == quote) ++pos_;
      if (quote == '"' && c == '\\') {
        ++pos_;
        if (peek() != '"' && peek() != '\\') return false;
      }
      out += peek();
    }
    return false;
  }

  [[nodiscard]] bool begins_plain() const {
    const bool signed_number = (peek() == '-' || peek() == '+') && is_alphanumeric(peek(1));
    return starts_plain(peek()) || signed_number;
  }

  bool block_plain(std::string& out) {
    if (!begins_plain()) return false;
    const std::size_t begin = pos_;
    std::size_t end = pos_;
    for (; !at_line_end(); ++pos_) {
      const char c = peek();
      if (c == '#' && text_[pos_ - 1] == ' ') break;
      if (c == ':' && (peek(1) == ' ' || peek(1) == '\n' || peek(1) == '\0')) return false;
      if (c != ' ') end = pos_ + 1;
    }
    pos_ = end;
    out = text_.substr(begin, end - begin);
    return !is_null_word(out);
  }

  bool flow_plain(std::string& out) {
    if (!begins_plain()) return false;
    const std::size_t begin = pos_;
    std::size_t end = pos_;
    for (; is_flow_character(peek()) || (pos_ == begin && begins_plain()); ++pos_) {
      if (peek() != ' ') end = pos_ + 1;
    }
    pos_ = end;
    out = text_.substr(begin, end - begin);
    return !is_null_word(out);
  }

  /// Between the tokens of a flow collection: spaces, line breaks, comments.
  bool skip_flow() {
    pos_ = source_.skip_blank(pos_);
    return pos_ < text_.size();
  }

  bool flow(Made& out, int depth) {
    if (depth >= kMaxDepth || values_ > kMaxValues) return false;
    const bool maps = peek() == '{';
    out = make(maps ? NodeKind::mapping : NodeKind::sequence);
    const std::size_t begin = pos_++;
    const char closing = maps ? '}' : ']';
    if (!skip_flow()) return false;
    while (peek() != closing || !out->items.empty() || !out->entries.empty()) {
      if (maps && (!key(*out) || peek() != ' ')) return false;
      skip_spaces();
      Made value;
      const bool nests = peek() == '[' || peek() == '{';
      if (!(nests ? flow(value, depth + 1) : scalar(value, true)) || !skip_flow()) return false;
      if (maps) {
        out->entries.back().second = std::move(value);
      } else {
        out->items.push_back(std::move(value));
      }
      if (peek() == closing) break;
      if (peek() != ',') return false;
      ++pos_;
      if (!skip_flow()) return false;
    }
    ++pos_;
    // The line that the collection ends on is the one that a comment behind it belongs to.
    line_ = source_.line_begin(pos_);
    out->span = source_.span(begin, pos_);
    return true;
  }

  const SourceText& source_;
  std::string_view text_;
  std::size_t pos_ = 0;
  std::size_t line_ = 0;  // where the line of pos_ begins
  std::size_t values_ = 0;
};

}  // namespace

NodePtr parse_plain(const SourceText& source, std::string_view text) { return PlainReader(source, text).read(); }

}  // namespace orrery::hardware
