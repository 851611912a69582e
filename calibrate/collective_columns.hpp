// Which columns tables of collectives have, for a table that none of them knows.
#pragma once

#include "calibrate/tables.hpp"

namespace orrery::calibrate {

/// Throws hardware::ConfigError where the table has not all columns of any kind of table of collectives: at the header,
/// with the column that is missing of the kind that it comes nearest to and what may be meant by it; the columns of all
/// kinds where it comes near none.
void require_collective_columns(const CsvTable& table);

}  // namespace orrery::calibrate
