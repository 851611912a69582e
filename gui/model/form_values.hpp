// What the text of a scenario gives to the fields of a form, and how a value from a form is written into the text.
//
// Limitation: the one short form that the reader knows for a mapping ("input: 150" for "input: {mean: 150}") is known
// here too; a field `mean` shows the number, and an edit keeps the short form.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hardware/config/config.hpp"
#include "scenarios/kinds.hpp"
#include "scenarios/schema.hpp"

namespace orrery::gui {

/// A value as it stands in the text.
struct GivenValue {
  std::string key;        ///< where it stands: that of the field, or of the mapping that is written in short
  std::string text;       ///< a scalar without its quotes; a list or mapping as written, on one line
  bool quoted = false;    ///< a scalar in quotes
  bool is_scalar = true;  ///< no list or mapping
  bool in_short = false;  ///< the field's mapping is a plain number
  hardware::SourceSpan key_span, span;

  friend bool operator==(const GivenValue& a, const GivenValue& b) {
    return a.text == b.text && a.key == b.key && a.quoted == b.quoted && a.is_scalar == b.is_scalar;
  }
};

/// The value of a dotted key; nullopt if the text does not give it.
[[nodiscard]] std::optional<GivenValue> given_value(const hardware::ConfigNode& root, std::string_view text,
                                                    std::string_view key);

/// An edit as hardware::set_value takes it.
struct WrittenEdit {
  std::string key, value;
};

/// `raw` as a user typed it → as it would stand in the file: text that would read as something else goes in quotes,
/// numbers separated by commas become a list. `given`: what stands there now, or null; its quotes are kept.
[[nodiscard]] std::string written_value(const scenarios::Field& field, const std::string& raw, const GivenValue* given);

/// The edit that gives `field` the value `raw`; `short_section`: the value of its mapping where that is a plain number.
[[nodiscard]] WrittenEdit written_edit(const scenarios::Field& field, const std::string& raw, const GivenValue* given,
                                       const std::optional<GivenValue>& short_section);

/// The kind of scenario that a text is; nullptr if it says none, or several.
[[nodiscard]] const scenarios::KindRow* scenario_kind(const hardware::ConfigNode& root);

/// The keys on the way to the place where a problem lies, innermost last; empty if it lies outside of all.
[[nodiscard]] std::vector<std::string> keys_at(const hardware::ConfigNode& root, const hardware::SourceSpan& span);

}  // namespace orrery::gui
