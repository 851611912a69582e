// A server's launch line: its engine, its model, and what its flags mean here.
//
// A launcher is a row of launchers(): the words that start it and the table of its flags. A flag is a row of that
// table: what it takes, which key of `serving:` it sets and how, or in one line why it sets none. To add an engine,
// copy launch_tgi.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "scenarios/import/import.hpp"
#include "scenarios/import/shell.hpp"

namespace orrery::scenarios {

// Why a flag is not taken, where several are not for one reason.
inline constexpr std::string_view kServer = "how the server is reached or named, which takes no time here";
inline constexpr std::string_view kText = "what is said, not how long it takes";
inline constexpr std::string_view kUnmodelled = "not modelled: figures are those of a run without it";

/// What stands behind a flag.
enum class FlagTakes : std::uint8_t {
  value,
  nothing,   ///< or true or false
  anything,  ///< all words up to the next flag
};

/// A launch line as it is read.
struct Launch {
  const ShellScript* script = nullptr;
  std::optional<ShellWord> model;
  Draft* draft = nullptr;
  std::optional<ShellPlace> dp_attention = {};   ///< of SGLang's flag, where it is on
  std::vector<hardware::Diagnostic> wrong = {};  ///< of the flags so far, to be told together

  [[noreturn]] void fail(const ShellPlace& place, const std::string& message) const { script->fail(place, message); }
  /// What `step` finds wrong is kept in `wrong`, and reading goes on.
  template <class Step>
  void attempt(const Step& step) {
    try {
      step();
    } catch (const hardware::ConfigError& error) {
      wrong.insert(wrong.end(), error.diagnostics().begin(), error.diagnostics().end());
    }
  }
  /// "serve.sh:3:12 --port: why".
  void ignore(const ShellPlace& place, std::string_view what, std::string_view why);
};

struct FlagRow;

/// A flag as it is given.
struct FlagUse {
  const FlagRow& row;
  ShellPlace place;
  const ShellWord* value = nullptr;  ///< nullptr: none is there
  std::string text;                  ///< of the value; "true" or "false" of a flag that takes nothing
};

struct FlagRow {
  std::string_view name;   ///< "--tensor-parallel-size"
  std::string_view other;  ///< "-tp"; empty: it has one name
  FlagTakes takes;
  std::string_view key;                                         ///< of `serving:`; empty: none
  std::string_view equation;                                    ///< in one line, what it means here, or why nothing
  void (*apply)(const FlagUse& use, Launch& launch) = nullptr;  ///< nullptr: it is not taken
};

struct Launcher {
  std::string_view name;      ///< of the engine, as `engine:` has it
  std::string_view equation;  ///< in one line
  std::string_view source;    ///< of the flags
  /// Where the arguments begin, the command's words from `at` on starting this server; 0: they don't.
  std::size_t (*starts)(const std::vector<ShellWord>& words, std::size_t at) = nullptr;
  const std::vector<FlagRow>& (*flags)() = nullptr;
  /// What flags mean together, once all are read; nullptr: each stands for itself.
  void (*finish)(Launch& launch) = nullptr;
};
[[nodiscard]] const std::vector<Launcher>& launchers();

/// One of its commands starts a server.
[[nodiscard]] bool holds_launch(const ShellScript& script);
/// Adds the script's first launch to the draft. Throws hardware::ConfigError with all that is wrong in it, each at its
/// place of the file.
void read_script(const ShellScript& script, const ImportFile& file, const ImportOptions& options, Draft& draft);

[[nodiscard]] const std::vector<FlagRow>& vllm_flags();    // launch_vllm.cpp
[[nodiscard]] const std::vector<FlagRow>& sglang_flags();  // launch_sglang.cpp
/// With --enable-dp-attention the data parallel groups are parts of one engine, and no engines side by side.
void finish_sglang(Launch& launch);
[[nodiscard]] const std::vector<FlagRow>& trtllm_flags();  // launch_trtllm.cpp
[[nodiscard]] const std::vector<FlagRow>& tgi_flags();     // launch_tgi.cpp

// What rows do with their values. Each throws hardware::ConfigError at the flag for one that its engine would refuse.
void take_model(const FlagUse& use, Launch& launch);
/// A count: "8", "32k".
void take_count(const FlagUse& use, Launch& launch);
/// The same, "auto" and −1 being what fits.
void take_length(const FlagUse& use, Launch& launch);
/// The same, −1 being prompts in one piece.
void take_chunk(const FlagUse& use, Launch& launch);
/// A share above 0, up to 1.
void take_share(const FlagUse& use, Launch& launch);
void take_dtype(const FlagUse& use, Launch& launch);
/// The value of a flag that takes nothing, or true or false.
[[nodiscard]] bool is_on(const FlagUse& use, const Launch& launch);
void take_switch(const FlagUse& use, Launch& launch);
/// Of a flag that turns the key off.
void take_opposite(const FlagUse& use, Launch& launch);
void take_dp_attention(const FlagUse& use, Launch& launch);
/// A number of bytes, "20G".
void take_bytes(const FlagUse& use, Launch& launch);

}  // namespace orrery::scenarios
