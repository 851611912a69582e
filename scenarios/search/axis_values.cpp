#include "scenarios/search/axis_values.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <utility>

namespace orrery::scenarios {

namespace {

using hardware::ConfigError;
using hardware::ConfigNode;
using hardware::Diagnostic;

/// What reading says of the last of `set` at its place in the text; empty: nothing.
std::vector<std::string> said_of_last(const EditedText& text, const std::vector<Override>& set) {
  std::vector<Diagnostic> found;
  try {
    found = reading_errors(text.with(set));
  } catch (const ConfigError& error) {  // the text itself is none with it
    found = error.diagnostics();
  }
  const std::string by = set.back().str() + ": ";
  std::vector<std::string> said;
  for (const Diagnostic& item : found) {
    if (item.message.compare(0, by.size(), by) == 0) said.push_back(item.message.substr(by.size()));
  }
  return said;
}

/// A value that another axis makes room for: "rate" beside arrivals that have one.
bool is_read_beside_another(const EditedText& text, const std::vector<SweepAxis>& axes, const Override& own) {
  for (const SweepAxis& axis : axes) {
    if (axis.key == own.key) continue;
    const auto is_read = [&](const std::string& value) {
      return said_of_last(text, {{axis.key, value, own.by}, own}).empty();
    };
    if (std::any_of(axis.values.begin(), axis.values.end(), is_read)) return true;
  }
  return false;
}

/// Where a value stands in the list.
hardware::SourceSpan place_of(const ConfigNode& root, const SweepAxis& axis, std::size_t value) {
  const ConfigNode* sweep = root.find("sweep");
  const ConfigNode* list = sweep == nullptr ? nullptr : sweep->find(axis.key);
  return list == nullptr || value >= list->items.size() ? hardware::SourceSpan{} : list->items[value]->span;
}

/// The values of an axis that have to be read. Of numbers of one form ("2", "4"; "0.5 ms", "8.25 ms") the least and the
/// greatest stand for all: limits of a key are a range. `all`: each of them.
std::vector<std::size_t> values_to_read(const SweepAxis& axis, bool all) {
  struct Ends {
    double least = 0.0, most = 0.0;
    std::size_t first = 0, last = 0;
  };
  std::map<std::string, Ends> forms;
  std::set<std::size_t> chosen;
  for (std::size_t i = 0; i < axis.values.size(); ++i) {
    const std::string& whole = axis.values[i];
    const bool is_quoted = !whole.empty() && (whole.front() == '"' || whole.front() == '\'');
    const std::string value = is_quoted ? whole.substr(1) : whole;  // with the closing quote as of its unit
    double number = 0.0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    const auto length = static_cast<std::size_t>(end - value.data());
    if (all || error != std::errc{} || !std::isfinite(number)) {
      chosen.insert(i);
      continue;
    }
    const bool is_whole = value.find_first_not_of("-0123456789") >= length;
    Ends& ends =
        forms.try_emplace((is_whole ? "whole" : "") + value.substr(length), Ends{number, number, i, i}).first->second;
    if (number < ends.least) ends.least = number, ends.first = i;
    if (number > ends.most) ends.most = number, ends.last = i;
  }
  for (const auto& [form, ends] : forms) chosen.insert({ends.first, ends.last});
  return {chosen.begin(), chosen.end()};
}

}  // namespace

void check_axis_values(const Scenario& base) {
  const EditedText& source = *base.source;
  const hardware::NodePtr root = hardware::parse_config(source.text(), source.file());
  std::vector<Override> emptied{{"sweep", "{}", "sweep"}};  // long lists would be read again with each value
  if (root->find("variants") != nullptr) emptied.push_back({"variants", "[]", "sweep"});
  const EditedText text = source.with(emptied);
  const auto wrong_in = [&](const SweepAxis& axis, bool all) {
    std::vector<Diagnostic> wrong;
    std::set<std::string> told;
    for (const std::size_t i : values_to_read(axis, all)) {
      const Override own{axis.key, axis.values[i], "sweep"};
      const std::vector<std::string> said = said_of_last(text, {own});
      if (said.empty() || is_read_beside_another(text, base.sweep, own)) continue;
      for (const std::string& what : said) {
        if (!told.insert(what).second) continue;  // a key that isn't there is told once
        wrong.push_back(source.of_file({source.file(), place_of(*root, axis, i), "sweep." + axis.key + ": " + what}));
      }
    }
    return wrong;
  };
  std::vector<Diagnostic> wrong;
  for (const SweepAxis& axis : base.sweep) {
    if (wrong_in(axis, false).empty()) continue;
    for (Diagnostic& item : wrong_in(axis, true)) wrong.push_back(std::move(item));
  }
  if (!wrong.empty()) throw ConfigError(std::move(wrong));
}

}  // namespace orrery::scenarios
