// Random values written as YAML in many styles: what is read is what was meant, where it stands, and edits of it.
#ifdef ORRERY_HAVE_RAPIDCHECK

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "hardware/config/config.hpp"

namespace orrery::hardware {
namespace {

/// What a text means: a scalar, a list or a mapping.
struct Value {
  NodeKind kind = NodeKind::scalar;
  std::string scalar;
  std::vector<std::string> keys;
  std::vector<Value> children;
};

int below(int count) { return *rc::gen::inRange(0, count); }

std::string random_text() {
  static const std::vector<std::string> texts{"x",    "1",   "-2.5e3", "80 GiB", "two words", "it's", "a\"b",  "# no",
                                              "a: b", "a,b", "[",      "null",   "~",         "",     "ñandú", "a\\b",
                                              "- a",  "*x",  "&y",     "!z",     "%",         "yes",  "'",     "{}"};
  return texts[static_cast<std::size_t>(below(static_cast<int>(texts.size())))];
}

Value random_value(int depth) {
  Value value;
  const int kind = depth == 0 ? 0 : below(3);
  if (kind == 0) {
    value.scalar = random_text();
    return value;
  }
  value.kind = kind == 1 ? NodeKind::sequence : NodeKind::mapping;
  const int count = below(4);
  for (int i = 0; i < count; ++i) {
    value.children.push_back(random_value(depth - 1));
    if (kind == 2) value.keys.push_back(std::string(1, static_cast<char>('a' + i)) + (below(3) == 0 ? ".5" : ""));
  }
  return value;
}

Value random_document() {
  Value root;
  root.kind = NodeKind::mapping;
  for (int i = 0; i < 1 + below(4); ++i) {
    root.keys.push_back("key" + std::to_string(i));
    root.children.push_back(random_value(3));
  }
  return root;
}

/// A text that no YAML rule touches: between quotes, which are escaped as their kind asks.
std::string quoted(const std::string& text) {
  const char quote = below(2) == 0 ? '"' : '\'';
  std::string out(1, quote);
  for (const char c : text) {
    if (quote == '"' && (c == '"' || c == '\\')) out += '\\';
    if (quote == '\'' && c == '\'') out += '\'';
    out += c;
  }
  return out + quote;
}

std::string scalar_text(const std::string& text) {
  const bool plain = !text.empty() &&
                     text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789.- ") == std::string::npos &&
                     text[0] != '-' && text != "null";
  return plain && below(2) == 0 ? text : quoted(text);
}

std::string flow_text(const Value& value) {
  if (value.kind == NodeKind::scalar) return scalar_text(value.scalar);
  const bool maps = value.kind == NodeKind::mapping;
  std::string out = maps ? "{" : "[";
  for (std::size_t i = 0; i < value.children.size(); ++i) {
    if (i > 0) out += below(3) == 0 ? ",  " : ", ";
    if (maps) out += value.keys[i] + ": ";
    out += flow_text(value.children[i]);
  }
  return out + (maps ? "}" : "]");
}

std::string comment() { return below(4) == 0 ? "  # why: [not] {this}" : ""; }

/// The value behind its key or dash, at the end of which a line begins.
std::string block_text(const Value& value, std::size_t indent) {
  const bool block = value.kind != NodeKind::scalar && !value.children.empty() && below(3) > 0;
  if (!block) return " " + flow_text(value) + comment() + "\n";
  std::string out = comment() + "\n";
  for (std::size_t i = 0; i < value.children.size(); ++i) {
    if (below(5) == 0) out += std::string(indent, ' ') + "# between\n";
    out += std::string(indent, ' ') + (value.kind == NodeKind::mapping ? value.keys[i] + ":" : "-");
    out += block_text(value.children[i], indent + 2);
  }
  return out;
}

std::string document_text(const Value& root) {
  std::string out = below(2) == 0 ? "# head\n\n" : "";
  for (std::size_t i = 0; i < root.children.size(); ++i) out += root.keys[i] + ":" + block_text(root.children[i], 2);
  return out;
}

bool means(const ConfigNode& node, const Value& value) {
  if (node.kind != value.kind) return false;
  if (value.kind == NodeKind::scalar) return node.scalar == value.scalar;
  const std::size_t count = node.kind == NodeKind::mapping ? node.entries.size() : node.items.size();
  if (count != value.children.size()) return false;
  for (std::size_t i = 0; i < count; ++i) {
    if (node.kind == NodeKind::mapping && node.entries[i].first != value.keys[i]) return false;
    if (!means(node.kind == NodeKind::mapping ? *node.entries[i].second : *node.items[i], value.children[i]))
      return false;
  }
  return true;
}

/// A place in the tree: the value there, and the dotted path to it.
struct Visited {
  Value* value;
  std::string path;
};

void visit(Value& value, const std::string& path, std::vector<Visited>& out) {
  for (std::size_t i = 0; i < value.children.size(); ++i) {
    const std::string name = value.kind == NodeKind::mapping ? value.keys[i] : std::to_string(i);
    const std::string inner = path.empty() ? name : path + "." + name;
    out.push_back({&value.children[i], inner});
    visit(value.children[i], inner, out);
  }
}

TEST(ConfigRoundTrip, WhatIsWrittenInAnyStyleIsRead) {
  EXPECT_TRUE(rc::check([] {
    const Value root = random_document();
    const std::string text = document_text(root);
    RC_LOG() << text;
    RC_ASSERT(means(*parse_config(text, "f.yaml"), root));
  }));
}

/// Spans nest, follow one another, and a flow value or scalar taken out of the text reads as the same value.
void check_spans(const ConfigNode& node, const std::string& text) {
  std::size_t after = node.span.begin;
  const auto check_child = [&](const ConfigNode& child) {
    RC_ASSERT(child.span.begin >= after);
    RC_ASSERT(child.span.end <= node.span.end);
    after = child.span.end;
    check_spans(child, text);
  };
  for (std::size_t i = 0; i < node.entries.size(); ++i) {
    const SourceSpan& key = node.key_spans[i];
    RC_ASSERT(text.substr(key.begin, key.end - key.begin) == node.entries[i].first);
    RC_ASSERT(key.end <= node.entries[i].second->span.begin);
    check_child(*node.entries[i].second);
  }
  for (const NodePtr& item : node.items) check_child(*item);
  if (node.kind != NodeKind::scalar) return;
  const std::string own = "x: " + text.substr(node.span.begin, node.span.end - node.span.begin) + "\n";
  RC_ASSERT(parse_config(own, "f.yaml")->find("x")->scalar == node.scalar);
}

TEST(ConfigRoundTrip, SpansCoverTheValuesAndNothingElse) {
  EXPECT_TRUE(rc::check([] {
    const std::string text = document_text(random_document());
    RC_LOG() << text;
    check_spans(*parse_config(text, "f.yaml"), text);
  }));
}

/// A value of the document, and its path.
Visited random_place(Value& root) {
  std::vector<Visited> places;
  visit(root, "", places);
  return places[static_cast<std::size_t>(below(static_cast<int>(places.size())))];
}

TEST(ConfigRoundTrip, ASetValueIsReadBackAndNothingElseChanges) {
  EXPECT_TRUE(rc::check([] {
    Value root = random_document();
    const std::string text = document_text(root);
    const Visited place = random_place(root);
    RC_LOG() << text << "---\n" << place.path << "\n";
    const std::string set = set_value(text, "f.yaml", place.path, "[n, {m: 17 ms}]");
    *place.value = {
        NodeKind::sequence,
        "",
        {},
        {{NodeKind::scalar, "n", {}, {}}, {NodeKind::mapping, "", {"m"}, {{NodeKind::scalar, "17 ms", {}, {}}}}}};
    RC_LOG() << set;
    RC_ASSERT(means(*parse_config(set, "f.yaml"), root));
  }));
}

TEST(ConfigRoundTrip, SettingAValueTwiceIsSettingItOnce) {
  EXPECT_TRUE(rc::check([] {
    Value root = random_document();
    const std::string text = document_text(root);
    const std::string path = random_place(root).path;
    const std::string once = set_value(text, "f.yaml", path, "80 GiB");
    RC_ASSERT(set_value(once, "f.yaml", path, "80 GiB") == once);
  }));
}

/// `root` without the value at `place`; a mapping or list that it empties goes along, up to an item of a list.
bool without(Value& holder, const Value* place) {
  for (std::size_t i = 0; i < holder.children.size(); ++i) {
    Value& child = holder.children[i];
    const bool found = &child == place;
    if (!found && !without(child, place)) continue;
    const bool stays = !found && (!child.children.empty() || holder.kind == NodeKind::sequence);
    if (stays) return true;
    holder.children.erase(holder.children.begin() + static_cast<std::ptrdiff_t>(i));
    if (holder.kind == NodeKind::mapping) holder.keys.erase(holder.keys.begin() + static_cast<std::ptrdiff_t>(i));
    return true;
  }
  return false;
}

TEST(ConfigRoundTrip, ARemovedValueIsGoneAndNothingElse) {
  EXPECT_TRUE(rc::check([] {
    Value root = random_document();
    const std::string text = document_text(root);
    const Visited place = random_place(root);
    RC_LOG() << text << "---\n" << place.path << "\n";
    const std::string removed = remove_value(text, "f.yaml", place.path);
    RC_ASSERT(without(root, place.value));
    RC_LOG() << "---\n" << removed;
    RC_ASSERT(means(*parse_config(removed, "f.yaml"), root));
  }));
}

}  // namespace
}  // namespace orrery::hardware

#endif
