// Expert exchange: how tokens reach the experts that lie on other ranks, and how what these make of them comes back.
//
// A rank of a mixture-of-experts layer dispatches its tokens, each to the ranks of its k experts, and combines what
// they send back. What goes where is counted once (reach.hpp); a row prices a library's way of sending it.
//
// Everything is a pure function of the shape and the site. Ranks wait for the most loaded one: `imbalance` stretches
// what depends on the tokens received, never the latencies.
//
// Limitations: an exchange is priced alone; unequal tokens per rank enter through the largest and the imbalance.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "hardware/cluster.hpp"
#include "hardware/dtype.hpp"
#include "hardware/units.hpp"
#include "kernels/kernel.hpp"
#include "sim/plan/plan.hpp"

namespace orrery::models {

/// How a gate spreads a token's experts: any with the same chance, or dealt out over as many ranks as there are.
enum class Gating : std::uint8_t { uniform, balanced };

/// `prepare` tells ranks how much they will get, where that is a kernel of its own.
enum class ExchangePhase : std::uint8_t { prepare, dispatch, combine };
/// "prepare", "dispatch", "combine".
[[nodiscard]] std::string_view name(ExchangePhase phase);

struct ExchangeShape {
  std::int64_t tokens = 0;  ///< of a rank
  std::int64_t hidden = 0, experts = 0, topk = 0;
  int ranks = 1;                      ///< that hold the experts between them
  int nodes = 1;                      ///< domains of NVLink that these are on
  Dtype dispatch = Dtype::fp8_block;  ///< number format of the tokens sent
  Dtype combine = Dtype::bf16;        ///< and of what comes back
  int sms = 0;                        ///< that the kernels take; 0: what the library takes by itself
  double imbalance = 1.0;             ///< tokens that the most loaded rank gets, over the mean
  int group_limit = 0;                ///< nodes that a token's experts may lie on; 0: all
  Gating gating = Gating::uniform;
};

/// Why no exchange has this shape: "" or a sentence.
[[nodiscard]] std::string check(const ExchangeShape& shape);

/// The largest imbalance that a shape can have, n min(k, E/n) / k: no rank gets more of a token than its experts.
[[nodiscard]] double most_imbalance(const ExchangeShape& shape);

struct ExchangePrice {
  Seconds time;
  Bytes node, network;  ///< that a rank puts on the links of its node and on the network
  int sms = 0;          ///< that the kernel takes meanwhile
  kernels::Provenance provenance = kernels::Provenance::published;
  std::string extrapolated;          ///< why the price is no measurement; of NCCL's collectives as they say
  std::string fit_key;               ///< of the coefficients, empty where these are not the board's own
  std::vector<kernels::Term> terms;  ///< that add up to the time
};

/// A phase as a collective of a plan: of NCCL, or of the library sparse_exchange, out as an all_to_all and back as a
/// reduce_scatter; prepare is in dispatch.
struct ExchangeCollective {
  sim::CollectiveKind kind = sim::CollectiveKind::all_to_all;
  Bytes bytes;
  Dtype dtype = Dtype::bf16;
  sim::CollectiveLibrary library = sim::CollectiveLibrary::nccl;
};

/// Tokens of a rank that a library's buffers are made for; 0: any.
struct ExchangeTokens {
  std::int64_t most = 0;     ///< its kernels count no further
  std::int64_t advised = 0;  ///< it recommends fewer
  std::string_view source;
};

/// A row of the table of exchanges.
struct ExchangeRow {
  std::string_view name;      ///< "deepep_normal"
  std::string_view equation;  ///< of a phase's time
  std::string_view source;
  bool has_prepare = false;   ///< its prepare phase takes time of its own
  bool is_of_nccl = false;    ///< carried out by collectives that are priced, and share links, as any other
  bool takes_sms = false;     ///< reads ExchangeShape::sms
  bool limits_nodes = false;  ///< reads ExchangeShape::group_limit
  ExchangeTokens tokens;
  /// Empty, or a sentence why the site can't carry the exchange out. REQUIRES check(shape).empty().
  std::string (*refuses)(const ExchangeShape& shape, const hardware::Site& site) = nullptr;
  /// REQUIRES refuses().empty().
  ExchangePrice (*price)(const ExchangeShape& shape, ExchangePhase phase, const hardware::Site& site) = nullptr;
  /// REQUIRES a phase that isn't prepare.
  ExchangeCollective (*collective)(const ExchangeShape& shape, ExchangePhase phase) = nullptr;
  /// Buffers of a rank beside the tokens that its experts work on, which stay for all layers; nullptr: none known.
  Bytes (*buffers)(const ExchangeShape& shape) = nullptr;
};

[[nodiscard]] const std::vector<ExchangeRow>& expert_exchanges();
[[nodiscard]] const ExchangeRow* find_expert_exchange(std::string_view name);

/// All phases one after the other.
[[nodiscard]] Seconds exchange_time(const ExchangeRow& row, const ExchangeShape& shape, const hardware::Site& site);

// The rows, by file.
[[nodiscard]] ExchangeRow all_gather_row();          // megatron_dispatchers.cpp
[[nodiscard]] ExchangeRow all_to_all_row();          // megatron_dispatchers.cpp
[[nodiscard]] ExchangeRow flex_row();                // megatron_dispatchers.cpp
[[nodiscard]] ExchangeRow deepep_normal_row();       // deepep_normal.cpp
[[nodiscard]] ExchangeRow deepep_low_latency_row();  // deepep_low_latency.cpp
[[nodiscard]] ExchangeRow nvlink_two_sided_row();    // nvlink_exchange.cpp
[[nodiscard]] ExchangeRow nvlink_one_sided_row();    // nvlink_exchange.cpp

}  // namespace orrery::models
