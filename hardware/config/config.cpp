// The YAML parser behind config.hpp: text in, a tree of values with byte spans out, or located errors.
//
// What config_plain.hpp does not read, yaml-cpp does; this is the only file that sees it. Its event parser gives the
// start of every value and nothing else, so the end is found in the text itself: a quoted scalar ends at its closing
// quote, a plain one after its last character (folding touches white space only), a flow collection at its bracket, a
// block collection with its last child.
//
// Limitations: tags, anchors, aliases, non-string keys and indentation indicators of block scalars are
// refused, so that one reading of a file is possible and a file can't grow in memory (alias bombs).

#include "hardware/config/config.hpp"

#include <algorithm>
#include <set>
#include <sstream>

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include "hardware/config/config_plain.hpp"
#include "hardware/config/config_text.hpp"

namespace orrery::hardware {
namespace {

constexpr std::size_t kMaxDepth = 64;
/// A value costs about 200 bytes in memory and as little as 2 in the file.
constexpr std::size_t kMaxValues = 500'000;

// On purpose: --set and forms edit one value where it stands, and a value that stands for several has no one place.
constexpr const char* kNoAliases =
    "aliases (*name) and merge keys (<<) are not read, on purpose: each value stands where it is used; write it out";
constexpr const char* kNoAnchors =
    "anchors (&name) are not read, on purpose: each value stands where it is used; write it out, or list changes under "
    "variants:";

/// Builds the tree from events. Throws ConfigError at once where reading on makes no sense.
class TreeBuilder final : public YAML::EventHandler {
 public:
  TreeBuilder(const SourceText& source, Diagnostics& diagnostics) : source_(source), diagnostics_(diagnostics) {}

  [[nodiscard]] NodePtr root() const { return root_; }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { fail(position(mark), kNoAliases); }

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const std::size_t pos = check_start(mark, anchor);
    if (expects_key()) fail(pos, "a key must be a string");
    const std::size_t slot = value_slot(pos);
    auto node = std::make_shared<ConfigNode>();
    const std::size_t length = source_.null_length(pos);
    const bool is_written = length > 0 && slot <= pos && source_.skip_blank(slot) == pos;
    node->span = is_written ? source_.span(pos, pos + length) : source_.span(slot, slot);
    add_value(std::move(node));
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    const std::size_t pos = check_start(mark, anchor);
    check_tag(pos, tag);
    const ScalarExtent extent = source_.scalar_extent(pos, value);
    if (!extent.error.empty()) fail(pos, extent.error);
    if (expects_key()) {
      add_key(value, source_.span(pos, extent.end));
      return;
    }
    auto node = std::make_shared<ConfigNode>();
    node->kind = NodeKind::scalar;
    node->scalar = value;
    node->quoted = extent.quoted;
    node->span = source_.span(pos, extent.end);
    add_value(std::move(node));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, NodeKind::sequence);
  }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, NodeKind::mapping);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapEnd() override { close(); }

 private:
  struct Frame {
    std::shared_ptr<ConfigNode> node;
    bool bracketed = false;  ///< flow style: ends at its bracket
    bool is_key = false;     ///< stands where a key should: an error once it is complete
    bool key_read = false;   ///< of a mapping: a key waits for its value
    std::size_t cursor = 0;  ///< the text before it is consumed by this collection
    std::set<std::string, std::less<>> keys;
    bool key_is_duplicate = false;
  };

  [[noreturn]] void fail(std::size_t pos, std::string message) const {
    throw ConfigError({{diagnostics_.file(), source_.span(pos, pos), std::move(message)}});
  }

  [[nodiscard]] std::size_t position(const YAML::Mark& mark) const {
    const int pos = std::max(mark.pos, 0);
    return source_.clamp(static_cast<std::size_t>(pos) + source_.bom_length());
  }

  std::size_t check_start(const YAML::Mark& mark, YAML::anchor_t anchor) {
    const std::size_t pos = position(mark);
    if (anchor != 0) fail(pos, kNoAnchors);
    if (source_.at(pos) == '!') fail(pos, "tags (!name) are not allowed");
    if (++values_ > kMaxValues) fail(pos, fmt::format("more than {} values in one file", kMaxValues));
    return pos;
  }

  void check_tag(std::size_t pos, const std::string& tag) const {
    if (!tag.empty() && tag != "?" && tag != "!") fail(pos, "tags (!name) are not allowed");
  }

  [[nodiscard]] bool expects_key() const {
    return !stack_.empty() && stack_.back().node->kind == NodeKind::mapping && !stack_.back().key_read;
  }

  /// Where a value that is not written would stand: after the colon or the dash.
  [[nodiscard]] std::size_t value_slot(std::size_t pos) const {
    if (stack_.empty()) return pos;
    const Frame& frame = stack_.back();
    if (frame.node->kind == NodeKind::mapping) return frame.cursor;
    if (frame.bracketed) return pos;
    const std::size_t dash = source_.skip_blank(frame.cursor);
    return source_.at(dash) == '-' ? dash + 1 : pos;
  }

  void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, NodeKind kind) {
    const std::size_t pos = check_start(mark, anchor);
    check_tag(pos, tag);
    if (stack_.size() >= kMaxDepth) fail(pos, fmt::format("nested deeper than {} levels", kMaxDepth));
    const bool is_key = expects_key();
    Frame frame;
    frame.node = std::make_shared<ConfigNode>();
    frame.node->kind = kind;
    frame.is_key = is_key;
    frame.bracketed = source_.at(pos) == (kind == NodeKind::mapping ? '{' : '[');
    frame.cursor = frame.bracketed ? pos + 1 : pos;
    frame.node->span = source_.span(pos, frame.cursor);
    stack_.push_back(std::move(frame));
  }

  void close() {
    Frame frame = std::move(stack_.back());
    stack_.pop_back();
    const std::size_t begin = frame.node->span.begin;
    // Only here: the scanner takes an unclosed bracket for a key, and then its syntax error says more.
    if (frame.is_key) fail(begin, "a key must be a string");
    const std::size_t end = frame.bracketed ? source_.closing_bracket(frame.cursor) : frame.cursor;
    frame.node->span = source_.span(begin, end);
    add_value(std::move(frame.node));
  }

  void add_key(const std::string& key, const SourceSpan& span) {
    Frame& frame = stack_.back();
    frame.key_is_duplicate = !frame.keys.insert(key).second;
    if (frame.key_is_duplicate) {
      const auto& entries = frame.node->entries;
      const auto first =
          std::find_if(entries.begin(), entries.end(), [&](const auto& entry) { return entry.first == key; });
      const auto index = static_cast<std::size_t>(first - entries.begin());
      diagnostics_.error(span, fmt::format("duplicate key '{}': it stands in line {} already", key,
                                           frame.node->key_spans[index].line));
    }
    frame.node->entries.emplace_back(key, nullptr);
    frame.node->key_spans.push_back(span);
    const std::size_t colon = source_.skip_blank(span.end);
    frame.cursor = source_.at(colon) == ':' ? colon + 1 : span.end;
    frame.key_read = true;
  }

  void add_value(std::shared_ptr<ConfigNode> node) {
    if (stack_.empty()) {
      root_ = std::move(node);
      return;
    }
    Frame& frame = stack_.back();
    frame.cursor = std::max(frame.cursor, node->span.end);
    if (frame.node->kind == NodeKind::sequence) {
      frame.node->items.push_back(std::move(node));
      return;
    }
    if (frame.key_is_duplicate && diagnostics_.items().size() >= kMaxDuplicates) {
      fail(node->span.begin, "too many duplicate keys");
    }
    frame.node->entries.back().second = std::move(node);
    frame.key_read = false;
  }

  /// Naming the first of a pair is a linear search: it must not become quadratic.
  static constexpr std::size_t kMaxDuplicates = 100;

  const SourceText& source_;
  Diagnostics& diagnostics_;
  std::vector<Frame> stack_;
  NodePtr root_;
  std::size_t values_ = 0;
};

[[noreturn]] void throw_syntax_error(const SourceText& source, const std::string& file, const YAML::Exception& error) {
  const std::size_t pos = source.clamp(static_cast<std::size_t>(std::max(error.mark.pos, 0)) + source.bom_length());
  if (source.at(pos) == '*') {
    throw ConfigError({{file, source.span(pos, pos), kNoAliases}});
  }
  throw ConfigError({{file, source.span(pos, pos), "YAML syntax: " + error.msg}});
}

}  // namespace

NodePtr parse_yaml(const SourceText& source, std::string_view text, const std::string& file) {
  Diagnostics diagnostics(file);
  TreeBuilder builder(source, diagnostics);
  try {
    std::istringstream stream{std::string(text.substr(source.bom_length()))};
    YAML::Parser parser(stream);
    if (!parser.HandleNextDocument(builder) || builder.root()->kind == NodeKind::null) {
      throw ConfigError({{file, {}, "the file is empty"}});
    }
    const NodePtr root = builder.root();
    diagnostics.throw_if_any();
    if (parser.HandleNextDocument(builder)) {
      throw ConfigError({{file, builder.root()->span, "several documents in one file: only one is allowed"}});
    }
    return root;
  } catch (const YAML::Exception& error) {
    throw_syntax_error(source, file, error);
  }
}

NodePtr parse_config(std::string_view text, const std::string& file) {
  check_config_size(text, file);
  const SourceText source(text);
  if (const auto problem = source.find_bad_character()) {
    throw ConfigError({{file, source.span(problem->position, problem->position), problem->message}});
  }
  if (const auto excess = source.find_flow_excess(kMaxValues)) {
    throw ConfigError({{file, source.span(*excess, *excess),
                        fmt::format("more than {} brackets and commas in one file", kMaxValues)}});
  }
  if (NodePtr plain = parse_plain(source, text)) return plain;
  return parse_yaml(source, text, file);
}

}  // namespace orrery::hardware
