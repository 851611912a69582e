#include "scenarios/schema_fields.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "scenarios/format.hpp"

namespace orrery::scenarios {

namespace {

struct ScaledUnit {
  std::string_view name;
  double scale;
};

/// "<number> <unit>" in the largest unit that leaves a short number and reads back as the same value, to the last bit;
/// in the base unit every number does.
template <class Parse, std::size_t kCount>
std::string quantity_text(double value, const std::array<ScaledUnit, kCount>& units, std::string_view base,
                          Parse&& parse) {
  std::string best;
  for (const ScaledUnit& unit : units) {
    if (value != 0.0 && value < unit.scale && &unit != &units.back()) continue;
    const double number = value / unit.scale;
    // Fifteen digits first: a division by a unit that is no power of two leaves noise in the last ones.
    for (const std::string& digits : {fmt::format("{:.15g}", number), shortest(number)}) {
      const std::string text = fmt::format("{} {}", digits, unit.name);
      std::string error;
      const auto read = parse(text, error);
      if (!read || read->value() != value) continue;
      if (best.empty() || text.size() + 2 < best.size()) best = text;
      break;
    }
  }
  return best.empty() ? fmt::format("{} {}", shortest(value), base) : best;
}

/// One line on each value of the small enumerations.
struct ChoiceHelp {
  std::string_view name, summary;
};
constexpr std::array<ChoiceHelp, 14> kChoices = {{
    {"none", "off"},
    {"selective", "attention scores again in the backward pass: little time, matters with unfused attention"},
    {"full", "whole layers again in the backward pass: the least memory, about a third more computing"},
    {"flash", "one fused kernel: scores never reach memory"},
    {"unfused", "separate kernels: scores go through memory and are kept"},
    {"optimizer", "ZeRO-1: each data-parallel rank keeps a shard of the optimizer's state"},
    {"gpu", "in the GPU's memory"},
    {"host", "in the host's memory: fetched and put back over PCIe at each exchange"},
    {"model", "forward + 2 x forward, full attention, no recompute"},
    {"automatic", "whichever is known best"},
    {"vllm", "kernels of vLLM"},
    {"trtllm", "kernels of TensorRT-LLM"},
    {"sglang", "kernels of SGLang"},
    {"cublaslt", "kernels of cuBLASLt"},
}};

std::vector<Choice> small_choices(const std::vector<std::string>& names) {
  std::vector<Choice> choices;
  for (const std::string& name : names) {
    Choice choice{name, ""};
    for (const ChoiceHelp& help : kChoices) {
      if (help.name == name) choice.summary = help.summary;
    }
    choices.push_back(std::move(choice));
  }
  return choices;
}

}  // namespace

std::string bytes_text(Bytes value) {
  constexpr double kKi = 1024.0;
  constexpr std::array<ScaledUnit, 7> kUnits = {
      {{"GiB", kKi * kKi * kKi}, {"GB", 1e9}, {"MiB", kKi * kKi}, {"MB", 1e6}, {"KiB", kKi}, {"kB", 1e3}, {"B", 1.0}}};
  return quantity_text(value.value(), kUnits, "B", hardware::parse_bytes);
}

std::string seconds_text(Seconds value) {
  constexpr std::array<ScaledUnit, 4> kUnits = {{{"s", 1.0}, {"ms", 1e-3}, {"us", 1e-6}, {"ns", 1e-9}}};
  return quantity_text(value.value(), kUnits, "s", hardware::parse_duration);
}

std::string bandwidth_text(BytesPerSecond value) {
  constexpr std::array<ScaledUnit, 3> kUnits = {{{"GB/s", 1e9}, {"MB/s", 1e6}, {"B/s", 1.0}}};
  return quantity_text(value.value(), kUnits, "B/s", hardware::parse_bandwidth);
}

Field make_field(std::string_view section, std::string_view key, FieldKind kind) {
  Field field;
  field.key = section.empty() ? std::string(key) : fmt::format("{}.{}", section, key);
  field.section = section.empty() ? "scenario" : std::string(section);
  field.kind = kind;
  if (const FieldHelp* help = find_help(field.key)) {
    field.help = help->help;
    field.automatic = help->automatic;
  }
  return field;
}

Field make_choice(std::string_view section, std::string_view key, std::vector<Choice> choices) {
  Field field = make_field(section, key, FieldKind::choice);
  field.choices = std::move(choices);
  return field;
}

Field make_integer(std::string_view section, std::string_view key, const IntegerLimits& limits) {
  Field field = make_field(section, key, FieldKind::integer);
  field.least = limits.least;
  field.most = limits.most;
  field.required = limits.required;
  return field;
}

std::vector<Choice> choices_of(std::string_view family) {
  std::vector<Choice> choices;
  for (FamilyItem& item : family_items(family)) choices.push_back({std::move(item.name), std::move(item.summary)});
  return choices;
}

std::string find_value(const std::vector<Field>& fields, std::string_view key) {
  const auto found = std::find_if(fields.begin(), fields.end(), [&](const Field& field) { return field.key == key; });
  return found == fields.end() ? std::string() : found->fallback;
}

Field& FieldLister::add(Field field, std::string value) const {
  field.fallback = std::move(value);
  fields->push_back(std::move(field));
  return fields->back();
}

Field& FieldLister::add(std::string_view key, FieldKind kind, std::string value) const {
  return add(make_field(section, key, kind), std::move(value));
}

bool FieldLister::zero_is_automatic(std::string_view key) const {
  const FieldHelp* help = find_help(fmt::format("{}.{}", section, key));
  return help != nullptr && !help->automatic.empty();
}

void FieldLister::number(std::string_view key, double value, const NumberLimits& limits) const {
  const bool written = (limits.least_open ? value > limits.least : value >= limits.least) && value <= limits.most;
  Field& field = add(key, FieldKind::number, written ? shortest(value) : "");
  field.least = limits.least;
  field.most = limits.most;
  field.least_open = limits.least_open;
}

void FieldLister::small(std::string_view key, const std::vector<std::string>& names, std::string value) const {
  menu(key, small_choices(names), std::move(value));
}

void FieldLister::dtype(std::string_view key, Dtype value) const {
  menu(key, choices_of("dtypes"), std::string(orrery::name(value)));
}

void FieldLister::integers(std::string_view key, const std::vector<std::int64_t>& value,
                           const IntegerLimits& limits) const {
  Field& field = add(key, FieldKind::integers, value.empty() ? "" : fmt::format("[{}]", fmt::join(value, ", ")));
  field.least = limits.least;
  field.most = limits.most;
}

void FieldLister::bytes(std::string_view key, Bytes value) const {
  add(key, FieldKind::quantity, value > Bytes{0.0} ? bytes_text(value) : "").units = {"GiB", "MiB", "KiB", "GB",
                                                                                      "MB",  "kB",  "B"};
}

void FieldLister::seconds(std::string_view key, Seconds value) const {
  const bool written = value > Seconds{0.0} || (value == Seconds{0.0} && !zero_is_automatic(key));
  add(key, FieldKind::quantity, written ? seconds_text(value) : "").units = {"ms", "us", "ns", "s", "min", "h"};
}

}  // namespace orrery::scenarios
