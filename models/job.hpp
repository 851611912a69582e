// What every kind of job has: a model on a cluster. And how a job says what is wrong with it.
#pragma once

#include <cstdint>
#include <string>

#include "hardware/cluster.hpp"
#include "models/llm.hpp"

namespace orrery::models {

struct Job {
  Llm llm;
  hardware::Cluster cluster;
  std::uint64_t seed = 1;  ///< of all that is drawn at random
};

/// A rule that the job breaks, tied to the scenario key that breaks it ("training.tensor_parallel").
struct JobError {
  std::string key;
  std::string message;
};

}  // namespace orrery::models
