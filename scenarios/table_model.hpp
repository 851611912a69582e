// Models that a table describes by their sizes alone.
#pragma once

#include <cstdint>

#include "models/llm.hpp"
#include "scenarios/table_row.hpp"

namespace orrery::scenarios {

/// A GPT (LayerNorm, biases, learned positions, tied head) or, gated, a Llama-like decoder, of the columns `hidden`,
/// `layers` and `heads`. Throws NotExpressible where they say too little.
[[nodiscard]] models::Llm table_decoder(const TableRow& row, std::int64_t vocab, std::int64_t inter,
                                        std::int64_t kv_heads, bool gated, std::int64_t max_positions);

}  // namespace orrery::scenarios
