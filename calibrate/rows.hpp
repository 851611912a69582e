// Rows of measured tables as kernels: the only place where a table's columns meet a shape.
//
// Each family supplies one TableKind: which columns it needs and how a row reads as a Kernel. Everything
// else (fit, split, validation) is generic over them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "calibrate/tables.hpp"

namespace orrery::calibrate {

struct MeasuredRow {
  int line = 0;  ///< of the table, 1 is the header
  kernels::Kernel kernel;
  Seconds measured;
  std::string fit_key;     ///< key of the fit the row belongs to, "gemm/trtllm/bf16"; "": no model is fitted to it
  std::string family_key;  ///< shape family, hashed for the split: "n=4096,k=4096"
  std::optional<kernels::Kernel> second = std::nullopt;  ///< what was timed together with `kernel`, in one call
  std::vector<kernels::Kernel> after =
      {};  ///< the rest of a block, one after the other, of which `kernel` is the first
};

struct TableRows {
  std::vector<MeasuredRow> rows;
  std::vector<SkippedRow> skipped;  ///< unreadable, or of a kernel that no family knows
};

/// A kind of table. `family` is the kernel family that its rows belong to.
struct TableKind {
  std::string_view family;
  std::vector<std::string_view> columns;  ///< it is this kind if all are there
  TableRows (*read)(const CsvTable&, const hardware::Gpu&) = nullptr;
  std::string_view software;  ///< what measured the table, for Fit::source
  bool sustained = false;     ///< in loops without end, at the clock of the board that was measured (Software)
};

[[nodiscard]] TableKind gemm_table();                   // gemm_rows.cpp
[[nodiscard]] TableKind attention_prefill_table();      // attention_rows.cpp
[[nodiscard]] TableKind attention_decode_table();       // attention_rows.cpp
[[nodiscard]] TableKind moe_table();                    // moe_rows.cpp
[[nodiscard]] TableKind quantize_table();               // quantize_rows.cpp
[[nodiscard]] TableKind mla_bmm_table();                // mla_bmm_rows.cpp
[[nodiscard]] TableKind attention_block_table();        // attention_block_rows.cpp
[[nodiscard]] TableKind gemm_training_table();          // training_rows.cpp
[[nodiscard]] TableKind grouped_gemm_training_table();  // training_rows.cpp
[[nodiscard]] TableKind attention_training_table();     // training_rows.cpp
[[nodiscard]] TableKind moe_wideep_table();             // expert_group_rows.cpp
[[nodiscard]] TableKind moe_deepep_table();             // expert_group_rows.cpp
[[nodiscard]] TableKind vllm_dense_table();             // vllm_layer_rows.cpp
[[nodiscard]] TableKind vllm_sequence_table();          // vllm_layer_rows.cpp
[[nodiscard]] TableKind vllm_attention_table();         // vllm_layer_rows.cpp

/// Every kind, most specific columns first.
[[nodiscard]] const std::vector<TableKind>& table_kinds();

/// The kind of `table` by its columns, or nullptr.
[[nodiscard]] const TableKind* kind_of(const CsvTable& table);

/// Numbers of a row. Throw hardware::ConfigError with file and line where the cell is not a number.
[[nodiscard]] std::int64_t integer_cell(const CsvTable& table, std::size_t row, int column);
[[nodiscard]] double number_cell(const CsvTable& table, std::size_t row, int column);
[[nodiscard]] const std::string& text_cell(const CsvTable& table, std::size_t row, int column);

/// FNV-1a, 64 bits: the split must not depend on the standard library's std::hash.
[[nodiscard]] std::uint64_t fnv1a(std::string_view text);

/// Line of the file that row `row` of the table stands on (the header is line 1).
[[nodiscard]] inline int line_of(std::size_t row) { return static_cast<int>(row) + 2; }

}  // namespace orrery::calibrate
