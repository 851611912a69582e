// Measured laws of the exchange kernels: an equation, and coefficients that a GPU's profile holds.
//
// A profile's fit "expert_exchange/<law>/<phase>" has the coefficients by name; calibrate/exchange_fit.cpp writes it.
// Boards without one take the law's own, which were fitted on another and are called published, and so is what lies
// outside the tokens, ranks of a node, nodes and SMs that the fit saw: it is extrapolated. Bandwidths are shares
// of the site's links, at most 1, so that they mean the same on other links; and no time is shorter than the bytes on
// the wire at the links' rate.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "models/experts/exchange.hpp"

namespace orrery::models {

struct ExchangeCoefficient {
  std::string_view name;  ///< seconds end in "_s", shares of a link in "_share"
  double least = 0.0, most = 0.0;
  double dispatch = 0.0, combine = 0.0;  ///< where a board has no fit of the phase
};

/// The parts that a phase's time is made of. `body` joins the others by a p-norm: the slower of them decides, and the
/// sharper the norm the less the faster one adds.
struct ExchangeTime {
  Seconds latency, fill;
  Seconds kernel, node, network;  ///< of the SMs, of NVLink and of the network
  double sharpness = 1.0;
  bool pipelined = false;  ///< NVLink and the network are stages of one pipeline: the faster adds nothing
  double shown = 1.0;      ///< part of the body that the latency does not hide

  [[nodiscard]] Seconds body() const;
  [[nodiscard]] Seconds total() const { return latency + fill + body(); }
};

struct ExchangeLaw {
  std::string_view name;  ///< "deepep_normal": key of fits
  std::string_view source;
  std::vector<ExchangeCoefficient> coefficients;
  ExchangeTime (*time)(const ExchangeShape& shape, ExchangePhase phase, const hardware::Site& site,
                       const std::vector<double>& coefficients);
  int own_sms = 0;  ///< that its kernels take where nobody says; 0: their number is nobody's choice
};

/// What a table bounds beside the model: a fit says from where to where it saw it in "<name>_least" and "<name>_most".
struct ExchangeAxis {
  std::string_view name;                                                   ///< "ranks_per_node"
  std::string_view what;                                                   ///< "ranks a node"
  std::int64_t (*of)(const ExchangeLaw& law, const ExchangeShape& shape);  ///< 0: says nothing of the law
};
[[nodiscard]] const std::vector<ExchangeAxis>& exchange_axes();

/// Bytes that a rank puts on each kind of link in a phase.
struct ExchangeBytes {
  Bytes node, network;
};

/// "expert_exchange/deepep_normal/dispatch"; a combine in another format than 16 bits has the key ".../combine_nvfp4".
[[nodiscard]] std::string exchange_fit_key(const ExchangeLaw& law, const ExchangeShape& shape, ExchangePhase phase);

/// A phase by its law with the coefficients of the site's profile, else the law's own; at least the bytes' time on the
/// wire.
[[nodiscard]] ExchangePrice price_by_law(const ExchangeLaw& law, const ExchangeShape& shape, ExchangePhase phase,
                                         const hardware::Site& site, const ExchangeBytes& bytes);

// The laws, each in the file of its kernels.
[[nodiscard]] const ExchangeLaw& deepep_normal_law();
[[nodiscard]] const ExchangeLaw& deepep_internode_law();
[[nodiscard]] const ExchangeLaw& deepep_low_latency_law();
[[nodiscard]] const ExchangeLaw& nvlink_two_sided_law();
[[nodiscard]] const ExchangeLaw& nvlink_prepare_law();
[[nodiscard]] const ExchangeLaw& nvlink_one_sided_law();

}  // namespace orrery::models
