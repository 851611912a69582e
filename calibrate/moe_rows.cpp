// Rows of `moe` tables: one rank's expert block on one GPU.
//
// Left out, by name: the min-latency kernel (a second measurement of shapes that the table has already; engines
// switch to it only for a few tokens), and mxfp4 weights, which no dtype here describes.
//
// The SGLang rows with expert parallelism measure more work than their `tokens` says: on A100 a balanced load of
// 2 to k ranks takes as long as one rank, and of R > k ranks k/R of it (top-8: 8 ranks 0.90, 16 ranks 0.41-0.47,
// 64 ranks 0.07-0.11, 256 ranks 0.02-0.03 of one rank; top-2: 2 ranks 1.0, 4 ranks 0.49, 8 ranks 0.24). So each
// token that reaches the rank runs all its k experts there. Where every expert has work anyway, such a row is
// read as the group of tokens·min(k, pairs/rows of the rank) tokens that has this many rows; below that, the
// time is that of streaming the weights and the row is read as it stands.
// Source: NVIDIA AIConfigurator @095f58a5, collector/trtllm/collect_moe.py.
#include <algorithm>
#include <cmath>
#include <optional>

#include <fmt/format.h>

#include "calibrate/rows.hpp"
#include "kernels/moe/expert_load.hpp"

namespace orrery::calibrate {
namespace {

using kernels::ExpertLoad;
using kernels::Implementation;

std::optional<Implementation> implementation_of(const std::string& kernel) {
  if (kernel == "deepgemm" || kernel.rfind("moe_torch_flow", 0) == 0) return Implementation::trtllm;
  if (kernel.rfind("sglang_", 0) == 0) return Implementation::sglang;
  if (kernel.rfind("vllm_", 0) == 0) return Implementation::vllm;
  return std::nullopt;
}

std::optional<ExpertLoad> load_of(const std::string& text) {
  if (text == "balanced") return ExpertLoad::balanced;
  if (text == "power_law_1.01") return ExpertLoad::power_law_1_01;
  if (text == "power_law_1.2") return ExpertLoad::power_law_1_2;
  return std::nullopt;
}

struct Columns {
  explicit Columns(const CsvTable& table)
      : kernel(table.column("kernel")),
        dtype(table.column("dtype")),
        tokens(table.column("tokens")),
        hidden(table.column("hidden")),
        inter(table.column("inter")),
        topk(table.column("topk")),
        experts(table.column("experts")),
        tensor(table.column("moe_tp")),
        expert(table.column("moe_ep")),
        distribution(table.column("distribution")),
        time(table.column("time_us")) {}

  int kernel, dtype, tokens, hidden, inter, topk, experts, tensor, expert, distribution, time;
};

kernels::MoeShape shape_of(const CsvTable& table, std::size_t row, const Columns& column) {
  kernels::MoeShape shape;
  shape.tokens = integer_cell(table, row, column.tokens);
  shape.hidden = integer_cell(table, row, column.hidden);
  shape.inter = integer_cell(table, row, column.inter);
  shape.topk = integer_cell(table, row, column.topk);
  shape.experts = integer_cell(table, row, column.experts);
  shape.tensor_parallel = integer_cell(table, row, column.tensor);
  shape.expert_parallel = integer_cell(table, row, column.expert);
  return shape;
}

// The group whose hottest rank has the rows that SGLang's benchmark really computes.
std::int64_t group_tokens(const kernels::MoeShape& shape) {
  const bool busy = shape.tokens * shape.topk >= shape.experts;
  if (shape.implementation != Implementation::sglang || shape.expert_parallel == 1 || !busy) return shape.tokens;
  const double tokens = static_cast<double>(shape.tokens), topk = static_cast<double>(shape.topk);
  const double rows = kernels::expert_load(shape).rows;
  return std::llround(tokens * std::clamp(tokens * topk / rows, 1.0, topk));
}

TableRows read_rows(const CsvTable& table, const hardware::Gpu&) {
  const Columns column(table);
  TableRows result;
  result.rows.reserve(table.rows.size());
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    const std::string& kernel = text_cell(table, i, column.kernel);
    const std::string& type = text_cell(table, i, column.dtype);
    const auto skip = [&](std::string_view why) {
      result.skipped.push_back({line_of(i), kernel + " " + type, std::string(why)});
    };
    const auto implementation = implementation_of(kernel);
    const auto dtype = type == "int4_wo" ? std::optional(Dtype::int4) : parse_dtype(type);
    const auto load = load_of(text_cell(table, i, column.distribution));
    if (!implementation) {
      skip("no kernel class describes it");
    } else if (kernel == "moe_torch_flow_min_latency") {
      skip("min-latency kernel: shapes that the throughput kernel has already");
    } else if (!dtype) {
      skip("unknown dtype");
    } else if (!load) {
      skip("unknown distribution of tokens");
    } else {
      kernels::MoeShape shape = shape_of(table, i, column);
      shape.dtype = *dtype;
      shape.load = *load;
      shape.implementation = *implementation;
      shape.gated = kernel != "moe_torch_flow_nongated";
      if (kernels::check(shape).empty()) shape.tokens = group_tokens(shape);
      MeasuredRow row;
      row.line = line_of(i);
      row.measured = Seconds{number_cell(table, i, column.time) * 1e-6};
      row.fit_key = fmt::format("moe/{}/{}", kernels::name(*implementation), name(*dtype));
      row.family_key = fmt::format("{}x{},top{}of{}", shape.hidden, shape.inter, shape.topk, shape.experts);
      row.kernel = shape;
      result.rows.push_back(std::move(row));
    }
  }
  return result;
}

}  // namespace

TableKind moe_table() {
  return {"moe",
          {"kernel", "dtype", "tokens", "hidden", "inter", "topk", "experts", "moe_tp", "moe_ep", "distribution",
           "time_us"},
          read_rows,
          "NVIDIA AIConfigurator @095f58a5, CUDA graph replay"};
}

}  // namespace orrery::calibrate
