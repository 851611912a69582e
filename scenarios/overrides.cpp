#include "scenarios/overrides.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "hardware/config/config_edit.hpp"
#include "hardware/nearest_names.hpp"
#include "scenarios/format.hpp"
#include "scenarios/kinds.hpp"
#include "scenarios/sections.hpp"

namespace orrery::scenarios {

namespace {

using hardware::ConfigError;
using hardware::ConfigNode;
using hardware::Diagnostic;
using hardware::NodeKind;
using hardware::SourceSpan;

constexpr std::string_view kJobs = "jobs.";

/// Of the keys of a kind's section; nullptr where each has one name.
const std::vector<OtherName>* other_names(std::string_view section) {
  const KindRow* kind = find_kind(section);
  return kind == nullptr || kind->other_names == nullptr ? nullptr : &kind->other_names();
}

bool is_number(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool is_of_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/// `word` stands in `text`, not as a part of a longer one.
bool names(std::string_view text, std::string_view word) {
  for (std::size_t at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) {
    const std::size_t end = at + word.size();
    if ((at == 0 || !is_of_word(text[at - 1])) && (end == text.size() || !is_of_word(text[end]))) return true;
  }
  return false;
}

/// 1-based line and column of the byte `begin`.
void place(std::string_view text, SourceSpan& span) {
  const std::string_view before = text.substr(0, span.begin);
  const std::size_t line_break = before.rfind('\n');
  span.line = 1 + static_cast<int>(std::count(before.begin(), before.end(), '\n'));
  span.column =
      1 + static_cast<int>(line_break == std::string_view::npos ? before.size() : before.size() - line_break - 1);
}

}  // namespace

std::string Override::str() const { return fmt::format("{} {}={}", by, printable(key), printable(value)); }

Override parse_override(std::string_view text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos || equals == 0) {
    throw ConfigError(fmt::format("--set {}: expected key=value, as in training.tensor_parallel=4", printable(text)));
  }
  return {std::string(text.substr(0, equals)), std::string(text.substr(equals + 1))};
}

std::string numbered_key(const ConfigNode& root, const std::string& key) {
  if (key.rfind(kJobs, 0) != 0) return key;
  const ConfigNode* jobs = root.find("jobs");
  const std::size_t end = std::min(key.find('.', kJobs.size()), key.size());
  const std::string name = key.substr(kJobs.size(), end - kJobs.size());
  if (jobs == nullptr || jobs->kind != NodeKind::sequence || is_number(name)) return key;
  std::vector<std::string> known;
  for (std::size_t i = 0; i < jobs->items.size(); ++i) {
    const ConfigNode* own = jobs->items[i]->find("name");
    if (own == nullptr) continue;
    if (own->scalar == name) return fmt::format("{}{}{}", kJobs, i, key.substr(end));
    known.push_back(own->scalar);
  }
  if (known.empty()) return key;
  const std::vector<std::string> nearest = hardware::nearest_names(name, known);
  throw ConfigError(fmt::format("there is no job '{}'; {}", name,
                                nearest.empty() ? fmt::format("the jobs are {}", fmt::join(known, ", "))
                                                : fmt::format("did you mean '{}'?", nearest.front())));
}

std::string key_as_written(const ConfigNode& root, const std::string& key) {
  const std::size_t dot = key.rfind('.');
  if (dot == std::string::npos) return key;
  const std::string_view path = std::string_view(key).substr(0, dot), leaf = std::string_view(key).substr(dot + 1);
  const std::vector<OtherName>* others = other_names(path.substr(path.rfind('.') + 1));
  const ConfigNode* section = others == nullptr ? nullptr : node_at(root, path);
  if (section == nullptr || section->find(leaf) != nullptr) return key;
  std::string_view own = leaf;
  for (const OtherName& row : *others) {
    if (row.name == leaf) own = row.key;
  }
  if (section->find(own) != nullptr) return fmt::format("{}.{}", path, own);
  for (const OtherName& row : *others) {
    if (row.key == own && section->find(row.name) != nullptr) return fmt::format("{}.{}", path, row.name);
  }
  return key;
}

bool is_within(std::string_view key, std::string_view other) {
  return key.substr(0, other.size()) == other && (key.size() == other.size() || key[other.size()] == '.');
}

EditedText::EditedText(std::string text, std::string file, const std::vector<Override>& overrides)
    : original_(std::make_shared<const std::string>(std::move(text))), text_(*original_), file_(std::move(file)) {
  for (const Override& change : overrides) apply(change);
}

EditedText EditedText::with(const std::vector<Override>& more) const {
  EditedText edited = *this;
  for (const Override& change : more) edited.apply(change);
  return edited;
}

void EditedText::apply(const Override& change) {
  try {
    const hardware::NodePtr root = hardware::parse_config(text_, file_);
    std::string key = key_as_written(*root, numbered_key(*root, change.key));
    hardware::ValueEdit edit = hardware::edit_value(text_, file_, key, change.value);
    changes_.push_back({change, std::move(key), edit.begin, edit.old_end, edit.end});
    text_ = std::move(edit.text);
  } catch (const ConfigError& error) {
    (void)hardware::parse_config(text_, file_);  // the text's own errors are none of the override's
    std::vector<Diagnostic> items;
    for (const Diagnostic& item : error.diagnostics()) {
      items.push_back({file_, {}, fmt::format("{}: {}", change.str(), item.message)});
    }
    throw ConfigError(std::move(items));
  }
}

std::string EditedText::with_those_named(const Diagnostic& diagnostic) const {
  std::string with;
  if (changes_.empty()) return with;
  const hardware::NodePtr root = hardware::parse_config(text_, file_);
  for (const Change& change : changes_) {
    const std::size_t dot = change.key.rfind('.');
    if (dot == std::string::npos || !names(diagnostic.message, change.key.substr(dot + 1))) continue;
    const SourceSpan beside = span_of(*root, change.key.substr(0, dot));
    if (diagnostic.span.begin < beside.begin || diagnostic.span.begin >= beside.end) continue;
    with += fmt::format("{}{}", with.empty() ? "" : ", ", change.by.str());
  }
  return with.empty() ? with : fmt::format(" ({})", with);
}

Diagnostic EditedText::of_file(Diagnostic diagnostic) const {
  if (diagnostic.span.line == 0 || diagnostic.file != file_) return diagnostic;
  const std::string with = with_those_named(diagnostic);
  SourceSpan& span = diagnostic.span;
  for (auto change = changes_.rbegin(); change != changes_.rend(); ++change) {
    if (span.begin >= change->begin && span.begin < change->end && span.end <= change->end) {
      return {file_, {}, fmt::format("{}: {}", change->by.str(), diagnostic.message)};
    }
    const auto before = [&](std::size_t at) { return at - change->end + change->old_end; };
    if (span.begin >= change->end) span.begin = before(span.begin);
    span.end = span.end >= change->end ? before(span.end) : std::min(span.end, change->old_end);
  }
  place(*original_, span);
  diagnostic.message += with;
  return diagnostic;
}

void EditedText::throw_if_any(const hardware::Diagnostics& diagnostics) const {
  if (diagnostics.empty()) return;
  std::vector<Diagnostic> items;
  for (const Diagnostic& item : diagnostics.items()) items.push_back(of_file(item));
  std::stable_sort(items.begin(), items.end(),
                   [](const Diagnostic& a, const Diagnostic& b) { return a.span.begin < b.span.begin; });
  throw ConfigError(std::move(items));
}

}  // namespace orrery::scenarios
