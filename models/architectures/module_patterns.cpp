#include "models/architectures/module_patterns.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>

#include <fmt/format.h>

namespace orrery::models {
namespace {

/// "*" stands for any text.
bool fits(std::string_view pattern, std::string_view text) {
  std::size_t p = 0, t = 0, star = std::string_view::npos, from = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      from = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++from;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

constexpr std::string_view kExpression = "re:";

bool is_expression(std::string_view pattern) { return pattern.substr(0, kExpression.size()) == kExpression; }

/// ".*" is "*", "\." a dot; it may match a beginning, unless "$" is its end.
std::string as_pattern(std::string_view expression) {
  std::string pattern;
  bool ends = false;
  for (std::size_t i = 0; i < expression.size(); ++i) {
    const bool any = expression.substr(i, 2) == ".*";
    const bool escaped = expression[i] == '\\' && i + 1 < expression.size();
    if (any || escaped) ++i;
    ends = !escaped && expression[i] == '$';
    if (!escaped && (expression[i] == '^' || expression[i] == '$')) continue;
    pattern += expression[i];
  }
  return ends ? pattern : pattern + "*";
}

constexpr std::size_t kMostAlternatives = 64;

/// The expressions that "(a|b)" stands for; one with more than kMostAlternatives, or with groups in groups, is taken
/// as it is.
std::vector<std::string> alternatives(std::string_view expression) {
  std::vector<std::string> done = {""};
  while (!expression.empty()) {
    const std::size_t open = expression.find('('), close = expression.find(')', open == expression.npos ? 0 : open);
    if (open == expression.npos || close == expression.npos) break;
    const std::string_view before = expression.substr(0, open), group = expression.substr(open + 1, close - open - 1);
    std::vector<std::string> more;
    for (std::size_t begin = 0; begin <= group.size();) {
      const std::size_t end = std::min(group.size(), group.find('|', begin));
      for (const std::string& head : done) {
        more.push_back(head + std::string(before) + std::string(group.substr(begin, end - begin)));
      }
      begin = end + 1;
      if (more.size() > kMostAlternatives) return {std::string(expression)};
    }
    done = std::move(more);
    expression.remove_prefix(close + 1);
  }
  for (std::string& head : done) head += expression;
  return done;
}

/// Of a "[" at `begin`, the place of its "]"; the end of the text where there is none.
std::size_t end_of_class(std::string_view text, std::size_t begin) {
  std::size_t i = begin + 1;
  if (i < text.size() && text[i] == '^') ++i;
  // A "]" in front is one of the class's characters.
  for (bool first = true; i < text.size(); ++i, first = false) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == ']' && !first) {
      return i;
    }
  }
  return text.size();
}

bool is_part(std::string_view word, std::string_view name) {
  for (std::size_t at = name.find(word); at != std::string_view::npos; at = name.find(word, at + 1)) {
    const std::size_t end = at + word.size();
    if ((at == 0 || name[at - 1] == '.') && (end == name.size() || name[end] == '.')) return true;
  }
  return false;
}

using Names = std::vector<std::string_view>;

const Names& projections(Module module, const LayerConfig& layer) {
  static const Names attention = {"self_attn.q_proj", "self_attn.o_proj", "self_attn.q_a_proj", "attn.wq_b",
                                  "attn.wo",          "mixer.q_proj",     "self_attn.qkv_proj"};
  static const Names recurrent = {"linear_attn.out_proj", "linear_attn.in_proj_qkv", "linear_attn.in_proj_qkvz",
                                  "mixer.in_proj"};
  static const Names dense = {"mlp.down_proj", "mlp.gate_proj", "ffn.w2", "mixer.down_proj", "feed_forward.down_proj"};
  static const Names shared = {"mlp.shared_experts.down_proj",   "mlp.shared_expert.down_proj",
                               "ffn.shared_experts.w2",          "block_sparse_moe.shared_experts.down_proj",
                               "mixer.shared_experts.down_proj", "feed_forward.shared_expert.down_proj"};
  static const Names experts = {"mlp.experts.0.down_proj", "ffn.experts.0.w2", "block_sparse_moe.experts.0.w2",
                                "mixer.experts.0.down_proj", "feed_forward.experts.down_proj"};
  switch (module) {
    case Module::mixer: {
      // Kimi-Linear and MiniMax-01 call all their mixers self_attn.
      const RecurrentKind kind = layer.recurrent.kind;
      const bool named_so = kind != RecurrentKind::kimi_delta && kind != RecurrentKind::lightning;
      return layer.mixer == Mixer::recurrent && named_so ? recurrent : attention;
    }
    case Module::mlp:
      return dense;
    case Module::shared:
      return shared;
    case Module::experts:
      return experts;
  }
  return dense;
}

/// What stands before "layers." in a pattern; nothing where a star does, or in the names of towers and of speculative
/// heads, whose layers are others.
std::string_view prefix_of(std::string_view pattern) {
  const std::size_t at = pattern.find("layers.");
  if (at == std::string_view::npos || is_expression(pattern) || pattern.find('*') < at) return {};
  const std::string_view prefix = pattern.substr(0, at);
  for (const std::string_view other : {"mtp", "vision", "visual", "audio"}) {
    if (prefix.find(other) != std::string_view::npos) return {};
  }
  return prefix;
}

/// The only layer that a pattern can fit, by "layers.7" before any star; -1: others, too.
std::int64_t layer_of(std::string_view pattern) {
  constexpr std::string_view kLayers = "layers.";
  const std::size_t at = pattern.find(kLayers);
  if (at == std::string_view::npos || is_expression(pattern) || pattern.find('*') < at) return -1;
  const std::string_view rest = pattern.substr(at + kLayers.size());
  std::int64_t layer = -1;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), layer);
  const bool whole = error == std::errc() && (end == rest.data() + rest.size() || *end == '.');
  return whole && layer >= 0 ? layer : -1;
}

constexpr std::int64_t kMostLayers = 10'000;  // that a model may have

}  // namespace

std::string fault_of(std::string_view pattern) {
  if (!is_expression(pattern)) return {};
  const std::string_view text = pattern.substr(kExpression.size());
  std::size_t open = 0;
  bool repeatable = false;  // something stands before that may be repeated
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool repeats = c == '*' || c == '+' || c == '?';
    if (repeats && !repeatable) return fmt::format("nothing stands before a {} that it could repeat", c);
    if (c == ')' && open == 0) return "a ) closes nothing";
    open += c == '(' ? 1 : 0;
    open -= c == ')' ? 1 : 0;
    repeatable = !repeats && c != '(' && c != '|' && c != '^' && c != '$';
    const char next = i + 1 < text.size() ? text[i + 1] : '\0';
    // "(?:", and the lazy "*?".
    if (next == '?' && (repeats || c == '(')) ++i;
    if (c == '\\' && ++i >= text.size()) return "it ends in a backslash";
    if (c != '[') continue;
    i = end_of_class(text, i);
    if (i >= text.size()) return "a [ is not closed";
  }
  return open > 0 ? "a ( is not closed" : "";
}

bool is_understood(std::string_view pattern) {
  if (!is_expression(pattern)) return true;
  const std::string_view text = pattern.substr(kExpression.size());
  std::size_t open = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\\') {
      if (std::isalnum(static_cast<unsigned char>(text[++i])) != 0) return false;  // "\d" is no letter d
      continue;
    }
    if (c == '.' && text.substr(i, 2) == ".*") {
      ++i;
      continue;
    }
    if (std::string_view("*+?[]{}").find(c) != std::string_view::npos) return false;
    if ((c == '^' && i > 0) || (c == '$' && i + 1 < text.size())) return false;
    if (c == '|' && open == 0) return false;
    if (c == '(' && ++open > 1) return false;
    if (c == ')') --open;
  }
  return alternatives(text).size() > 1 || text.find('(') == std::string_view::npos || text.find('|') == text.npos;
}

bool keeps(std::string_view pattern, std::string_view module) {
  if (is_expression(pattern)) {
    const std::vector<std::string> all = alternatives(pattern.substr(kExpression.size()));
    return std::any_of(all.begin(), all.end(), [&](const std::string& one) { return fits(as_pattern(one), module); });
  }
  if (pattern.find('*') != std::string_view::npos) {
    return fits(pattern, module) || fits(std::string(pattern) + ".*", module);
  }
  return !pattern.empty() && is_part(pattern, module);
}

ModulePatterns::ModulePatterns(const std::vector<std::string>& patterns) : prefixes_({"model."}) {
  for (std::size_t i = 0; i < patterns.size(); ++i) {
    const std::string& pattern = patterns[i];
    const std::int64_t layer = layer_of(pattern);
    if (layer < 0) {
      everywhere_.push_back({pattern, i});
    } else if (layer < kMostLayers) {
      const auto at = static_cast<std::size_t>(layer);
      if (of_layer_.size() <= at) of_layer_.resize(at + 1);
      of_layer_[at].push_back({pattern, i});
    }
    const std::string prefix(prefix_of(pattern));
    const bool known = std::find(prefixes_.begin(), prefixes_.end(), prefix) != prefixes_.end();
    if (pattern.find("layers.") != std::string::npos && !known && !prefix.empty()) prefixes_.push_back(prefix);
  }
  // "layers.3.ffn" of a checkpoint without any prefix.
  prefixes_.emplace_back();
}

std::size_t ModulePatterns::first(std::size_t number, Module module, const LayerConfig& layer) const {
  static const std::vector<Pattern> none;
  const std::vector<Pattern>& own = number < of_layer_.size() ? of_layer_[number] : none;
  std::size_t best = kNone;
  for (const std::string& prefix : prefixes_) {
    for (const std::string_view projection : projections(module, layer)) {
      const std::string name = fmt::format("{}layers.{}.{}", prefix, number, projection);
      for (const std::vector<Pattern>* list : {&own, &everywhere_}) {
        for (const Pattern& pattern : *list) {
          if (pattern.number < best && keeps(pattern.text, name)) best = pattern.number;
        }
      }
    }
  }
  return best;
}

std::size_t ModulePatterns::head() const {
  for (const Pattern& pattern : everywhere_) {
    if (is_part("lm_head", pattern.text)) return pattern.number;
  }
  return kNone;
}

std::size_t ModulePatterns::comparisons(std::size_t layers) const {
  std::size_t sum = layers * everywhere_.size();
  for (const std::vector<Pattern>& own : of_layer_) sum += own.size();
  return sum;
}

}  // namespace orrery::models
