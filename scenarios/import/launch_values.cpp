// Values of flags, checked as the engine would and written as a scenario has them.
#include <cmath>
#include <optional>

#include <fmt/format.h>

#include "hardware/config/config_numbers.hpp"
#include "hardware/config/shown.hpp"
#include "hardware/dtype.hpp"
#include "scenarios/import/launch.hpp"
#include "scenarios/serving/argument_names.hpp"

namespace orrery::scenarios {

namespace {

using hardware::shown;

[[noreturn]] void refuse(const FlagUse& use, const Launch& launch, std::string_view expected) {
  launch.fail(use.value != nullptr ? use.value->place : use.place,
              fmt::format("{}: expected {}, found {}", use.row.name, expected, shown(use.text)));
}

/// As the engines' parsers take a count (Python's int, clap's of TGI): digits, or digits with a unit. Exponents and
/// fractions without one are refused there: "1e4" never starts a server.
std::optional<std::int64_t> count_of(const std::string& text) {
  if (const std::optional<std::int64_t> readable = parse_readable_count(text)) return readable;
  if (text.find_first_of("eE.") != std::string::npos) return std::nullopt;
  std::string error;
  return hardware::parse_integer(text, error);
}

}  // namespace

void take_model(const FlagUse& use, Launch& launch) { launch.model = *use.value; }

void take_count(const FlagUse& use, Launch& launch) {
  const std::optional<std::int64_t> count = count_of(use.text);
  if (!count || *count < 1 || *count > 1'000'000'000) refuse(use, launch, "a whole number from 1 on");
  launch.draft->set(use.row.key, std::to_string(*count), std::string(use.row.name));
}

void take_length(const FlagUse& use, Launch& launch) {
  if (use.text == "auto" || use.text == "-1") {
    return launch.draft->set(use.row.key, "auto", fmt::format("{}: what fits", use.row.name));
  }
  take_count(use, launch);
}

void take_chunk(const FlagUse& use, Launch& launch) {
  if (use.text != "-1") return take_count(use, launch);
  launch.draft->set("enable_chunked_prefill", "false", fmt::format("{} -1", use.row.name));
}

void take_share(const FlagUse& use, Launch& launch) {
  std::string error;
  const std::optional<double> share = hardware::parse_number(use.text, error);
  if (!share || !(*share > 0.0 && *share <= 1.0)) refuse(use, launch, "a share above 0, up to 1");
  launch.draft->set(use.row.key, fmt::format("{}", *share), std::string(use.row.name));
}

void take_dtype(const FlagUse& use, Launch& launch) {
  std::string text = use.text;
  if (text == "fp8_e4m3fn" || text == "fp8_e5m2fnuz") text = "fp8";
  const DtypeWord* word = find_dtype_word(use.row.key, text);
  const std::optional<Dtype> dtype = word != nullptr ? word->dtype : parse_dtype(text);
  if (word != nullptr && !word->dtype) return;  // the model's own
  if (!dtype) {
    return launch.ignore(use.place, use.row.name, fmt::format("{} is not modelled", shown(use.text)));
  }
  launch.draft->set(use.row.key, std::string(name(*dtype)), fmt::format("{} {}", use.row.name, use.text));
}

bool is_on(const FlagUse& use, const Launch& launch) {
  const bool on = use.text == "true" || use.text == "True" || use.text == "1";
  const bool off = use.text == "false" || use.text == "False" || use.text == "0";
  if (!on && !off) refuse(use, launch, "true or false");
  return on;
}

void take_switch(const FlagUse& use, Launch& launch) {
  launch.draft->set(use.row.key, is_on(use, launch) ? "true" : "false", std::string(use.row.name));
}

void take_opposite(const FlagUse& use, Launch& launch) {
  launch.draft->set(use.row.key, is_on(use, launch) ? "false" : "true", std::string(use.row.name));
}

void take_bytes(const FlagUse& use, Launch& launch) {
  const std::optional<std::int64_t> count = count_of(use.text);
  if (!count || *count < 1) refuse(use, launch, "a number of bytes, such as 20G");
  launch.draft->set(use.row.key, fmt::format("{} B", *count), fmt::format("{} {}", use.row.name, use.text));
}

}  // namespace orrery::scenarios
