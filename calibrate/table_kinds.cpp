// The kinds of measured kernel tables, told apart by their columns.
#include <algorithm>

#include "calibrate/rows.hpp"

namespace orrery::calibrate {

const std::vector<TableKind>& table_kinds() {
  // The more specific kind stands first: training's multiplications have the columns of others and a layout, blocks
  // those of attention and a gemm_dtype, prefill has `seq` and `past`, decode only `past`.
  static const std::vector<TableKind> kinds = {gemm_training_table(),
                                               grouped_gemm_training_table(),
                                               gemm_table(),
                                               attention_training_table(),
                                               attention_block_table(),
                                               attention_prefill_table(),
                                               attention_decode_table(),
                                               moe_wideep_table(),
                                               moe_deepep_table(),
                                               moe_table(),
                                               quantize_table(),
                                               mla_bmm_table(),
                                               vllm_dense_table(),
                                               vllm_sequence_table(),
                                               vllm_attention_table()};
  return kinds;
}

const TableKind* kind_of(const CsvTable& table) {
  for (const TableKind& kind : table_kinds()) {
    const bool fits = std::all_of(kind.columns.begin(), kind.columns.end(),
                                  [&table](std::string_view column) { return table.column(column) >= 0; });
    if (fits) return &kind;
  }
  return nullptr;
}

}  // namespace orrery::calibrate
