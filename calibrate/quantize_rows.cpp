// Rows of `quantize` tables: op, dtype, m, k, time_us.
//
// What a dynamically quantised linear layer does before its multiplication, on bf16 activations of m x k:
// `computescale` looks for the largest value, `scale_matrix` scales and rounds. Replays find the input in L2 where it
// fits. A family of the split is a width k. Source: NVIDIA AIConfigurator @095f58a5, collector/trtllm.
#include <optional>

#include <fmt/format.h>

#include "calibrate/rows.hpp"

namespace orrery::calibrate {
namespace {

constexpr double kActivation = 2.0;  // bytes of a bf16 value

std::optional<kernels::MemoryOp> op_of(const std::string& name) {
  if (name == "computescale") return kernels::MemoryOp::amax;
  if (name == "scale_matrix") return kernels::MemoryOp::quantize;
  return std::nullopt;
}

TableRows read_rows(const CsvTable& table, const hardware::Gpu&) {
  const int op = table.column("op"), dtype = table.column("dtype"), m = table.column("m"), k = table.column("k"),
            time = table.column("time_us");
  TableRows result;
  result.rows.reserve(table.rows.size());
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    const std::string& name = text_cell(table, i, op);
    const auto kind = op_of(name);
    const auto type = parse_dtype(text_cell(table, i, dtype));
    if (!kind || !type) {
      result.skipped.push_back({line_of(i), name + " " + text_cell(table, i, dtype),
                                kind ? "unknown dtype" : "no kernel describes this operator"});
      continue;
    }
    kernels::MemoryShape shape;
    shape.op = *kind;
    shape.dtype = *type;
    shape.elements = integer_cell(table, i, m) * integer_cell(table, i, k);
    const double elements = static_cast<double>(shape.elements);
    shape.read = Bytes{kActivation * elements};
    if (*kind == kernels::MemoryOp::quantize) shape.written = elements * element_size(*type);
    shape.inputs = kernels::CacheState::warm;
    MeasuredRow row;
    row.line = line_of(i);
    row.kernel = shape;
    row.measured = Seconds{number_cell(table, i, time) * 1e-6};
    row.fit_key = fmt::format("memory/trtllm/{}", kernels::name(*kind));
    row.family_key = "k=" + text_cell(table, i, k);
    result.rows.push_back(std::move(row));
  }
  return result;
}

}  // namespace

TableKind quantize_table() {
  return {
      "memory", {"op", "dtype", "m", "k", "time_us"}, read_rows, "NVIDIA AIConfigurator @095f58a5, CUDA graph replay"};
}

}  // namespace orrery::calibrate
