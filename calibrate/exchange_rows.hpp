// Tables of expert exchanges.
//
//   DeepEP normal       nodes, hidden, tokens, topk, experts, {dispatch,combine}_{sms,transmit_us,notify_us}
//   DeepEP low latency  nodes, hidden, tokens, topk, experts, {dispatch,combine}_{us,GBps}
//   NVLink              op, kernel, dtype, tokens, hidden, topk, experts, moe_ep, distribution, time_us
//
// `tokens` are of a rank. A row of DeepEP is two measurements: a phase takes what it transmits and, where that is a
// kernel of its own, its notification. A bandwidth counts the bytes of all copies; a row whose bandwidth and time say
// more bytes than its tokens have is named and skipped.
#pragma once

#include <string>
#include <vector>

#include "calibrate/tables.hpp"
#include "models/experts/law.hpp"

namespace orrery::calibrate {

struct ExchangeMeasurement {
  int line = 0;  ///< of the table, 1 is the header
  const models::ExchangeRow* row = nullptr;
  const models::ExchangeLaw* law = nullptr;
  models::ExchangePhase phase = models::ExchangePhase::dispatch;
  models::ExchangeShape shape;
  Seconds measured;
  bool kept_back = false;  ///< unseen_point: a fifth of the (model, ranks, tokens), for all SMs and formats alike

  [[nodiscard]] std::string fit_key() const { return models::exchange_fit_key(*law, shape, phase); }
  /// "hidden=7168,topk=8,experts=256,ranks=16": what is left out whole.
  [[nodiscard]] std::string family() const;
};

struct ExchangeRows {
  std::vector<ExchangeMeasurement> rows;
  std::vector<SkippedRow> skipped;
};

/// True if the table has the columns of one of the three.
[[nodiscard]] bool is_exchange_table(const CsvTable& table);

/// Throws hardware::ConfigError on a cell that is not a number.
[[nodiscard]] ExchangeRows read_exchange_rows(const CsvTable& table, const hardware::Site& site);

/// A Fit per law and phase: "expert_exchange/deepep_normal/dispatch". Groups of its residuals: seen, unseen_point, and
/// unseen_family, predicted by fits that saw no row of the family.
[[nodiscard]] FitOutcome fit_exchange(const CsvTable& table, const hardware::Site& site, std::string_view date);

/// Predicts every measurement; beside the groups of the split there is one by phase and number of ranks.
[[nodiscard]] ErrorReport validate_exchange(const CsvTable& table, const hardware::Site& site);

}  // namespace orrery::calibrate
