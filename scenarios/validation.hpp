// What `orrery validate` needs from a kind of job, and gets back: predictions beside a table of measurements.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "calibrate/error_report.hpp"
#include "calibrate/tables.hpp"
#include "kernels/kernel.hpp"

namespace orrery::scenarios {

struct ValidateRequest {
  std::string table;  ///< file
  std::string gpu;    ///< in place of the table's own, or the one whose rows count; empty: as the table says
  std::shared_ptr<const kernels::KernelTimer> timer;
  int jobs = 1;
  bool quiet = false;
};

/// What a validation says: the report on the rows, and further figures that have groups of their own.
struct Validation {
  calibrate::ErrorReport report;
  std::vector<calibrate::PredictedRow> figures;
};

}  // namespace orrery::scenarios
