// The questions that `orrery ask` answers, as plain values: what was said on the command line, read and checked.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hardware/units.hpp"
#include "scenarios/search/goal.hpp"

namespace orrery::scenarios {

/// A model as a user names it, and what it is here.
struct AskedModel {
  std::string written;       ///< "Qwen/Qwen3-32B-FP8"
  std::string name;          ///< a library name, or a path to a config.json
  std::string weight_dtype;  ///< "fp8", by its suffix or as asked for; empty: left open
  std::string note;          ///< what was made of the name, where it is not the name itself
};

/// A GPU, of the library or of one's own, and the node that holds it.
struct AskedGpu {
  std::string name, node;  ///< a node of one's own by its path
  int per_node = 0;
  double price = 0.0;    ///< USD of one GPU hour
  std::string profile;   ///< what `cluster.gpu` must say; empty: the node's own
  bool measured = true;  ///< some kernel was: not on datasheets alone
  std::string fits_of;   ///< the board with the same chip whose kernels were, if it is another

  [[nodiscard]] const std::string& loaded_by() const { return profile.empty() ? name : profile; }
};

/// Tokens of a prompt or an answer: always `mean`, or drawn from a lognormal law of that mean.
struct AskedLength {
  double mean = 0.0, cv = 0.0;
  std::int64_t most = 0;  ///< longer draws are cut to it; 0: none is

  [[nodiscard]] std::int64_t longest() const { return most > 0 ? most : static_cast<std::int64_t>(mean); }
};

/// What another's API takes per million tokens.
struct ApiPrice {
  double cached = 0.0, input = 0.0, output = 0.0;
};

struct Question {
  AskedModel model;
  std::vector<AskedGpu> gpus;     ///< to choose from
  int gpu_count = 0;              ///< GPUs that there are; 0: as many as it takes
  int tensor_parallel = 0;        ///< 0: left open
  std::int64_t context = 0;       ///< tokens of the longest request
  std::int64_t users = 0;         ///< at once; 0: not said
  std::vector<Objective> pareto;  ///< what plans are marked by; may be empty
};

/// The most users that are tried, but for plans of many replicas: as many of each are in any case.
inline constexpr std::int64_t kMostUsers = 100'000, kMostUsersEach = 2'000;
[[nodiscard]] constexpr std::int64_t most_users(std::int64_t replicas) {
  return std::max(kMostUsers, kMostUsersEach * replicas);
}

struct ServeQuestion : Question {
  AskedLength input, output;
  double rate = 0.0;  ///< requests per second; 0: not said
  Seconds ttft, tpot;
  double attainment = 0.99;
  std::optional<ApiPrice> api;
};

using FitQuestion = Question;

}  // namespace orrery::scenarios
