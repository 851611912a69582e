// What a reading of a layer becomes: kernels and collectives in stream order.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "hardware/units.hpp"
#include "kernels/kernel.hpp"
#include "models/experts/exchange.hpp"
#include "models/parallel/tensor_modes.hpp"
#include "sim/plan/plan.hpp"

namespace orrery::models {

struct LayerOp {
  enum class Kind : std::uint8_t {
    launch,
    collective,         ///< of the tensor-parallel group, or along an axis of it; compute waits for it
    exchange,           ///< of the expert-parallel group: what is sent the group's place decides; compute waits for it
    start_collective,   ///< runs beside the launches that follow …
    finish_collectives  ///< … until here
  };
  Kind kind = Kind::launch;
  std::string_view label;
  kernels::Kernel kernel;
  sim::CollectiveKind collective = sim::CollectiveKind::all_reduce;
  GridAxis along = GridAxis::all;
  Bytes bytes;
  Dtype dtype = Dtype::bf16;  ///< of an exchange
  ExchangePhase phase = ExchangePhase::dispatch;
  bool of_experts = false;  ///< gradients that only the like ranks of expert-parallel groups share
  sim::Activity activity = sim::Activity::forward;
  std::int64_t gradients = 0;  ///< of the rank's parameters, done behind it
};

/// Matrix FLOPs of the launches (attention causal or full as the kernels count them).
[[nodiscard]] Flops matrix_flops(const std::vector<LayerOp>& ops);

/// Functions that together handle every block of a variant.
template <class... Fs>
struct Overloaded : Fs... {
  using Fs::operator()...;
};
template <class... Fs>
Overloaded(Fs...) -> Overloaded<Fs...>;

}  // namespace orrery::models
