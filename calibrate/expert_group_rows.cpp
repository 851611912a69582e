// Rows of `moe_wideep` and `moe_deepep` tables: expert blocks of one rank of a wide expert-parallel group.
//
// moe_wideep: TensorRT-LLM, with slots for replicas of experts; where they are balanced (`_eplb`) every rank has an
// even share, else the hottest one is measured. moe_deepep: SGLang behind DeepEP, DeepSeek-V3's experts; `tokens` of
// the whole group. Skews between those that a router's load is known for are read as the nearest of them. No fit sees
// these rows: they are priced by the fits of `moe` tables. Source: NVIDIA AIConfigurator @095f58a5, collector/trtllm
// and collector/sglang.
#include <cstdlib>
#include <optional>
#include <string_view>

#include <fmt/format.h>

#include "calibrate/rows.hpp"

namespace orrery::calibrate {
namespace {

using kernels::ExpertLoad;

constexpr std::string_view kPowerLaw = "power_law_", kBalanced = "_eplb";

std::optional<ExpertLoad> load_of(const std::string& text) {
  if (text == "uniform" || text == "balanced") return ExpertLoad::balanced;
  if (text.rfind(kPowerLaw, 0) != 0) return std::nullopt;
  if (text.size() > kBalanced.size() &&
      text.compare(text.size() - kBalanced.size(), kBalanced.size(), kBalanced) == 0) {
    return ExpertLoad::balanced;
  }
  char* end = nullptr;
  const double exponent = std::strtod(text.c_str() + kPowerLaw.size(), &end);
  if (*end != '\0' || !(exponent > 0.0)) return std::nullopt;
  return exponent < 0.5   ? ExpertLoad::balanced
         : exponent < 1.1 ? ExpertLoad::power_law_1_01
                          : ExpertLoad::power_law_1_2;
}

TableRows read_rows(const CsvTable& table, kernels::Implementation implementation) {
  const int slots = table.column("slots");
  TableRows result;
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    const auto size = [&](const char* name) { return integer_cell(table, i, table.column(name)); };
    const std::string& distribution = text_cell(table, i, table.column("distribution"));
    const auto load = load_of(distribution);
    const auto dtype = parse_dtype(text_cell(table, i, table.column("dtype")));
    if (!load || !dtype) {
      result.skipped.push_back({line_of(i), distribution, dtype ? "unknown distribution of tokens" : "unknown dtype"});
      continue;
    }
    kernels::MoeShape shape;
    shape.dtype = *dtype;
    shape.tokens = size("tokens"), shape.hidden = size("hidden"), shape.inter = size("inter");
    shape.topk = size("topk"), shape.experts = size("experts"), shape.expert_parallel = size("moe_ep");
    if (slots >= 0) shape.experts = integer_cell(table, i, slots);
    shape.load = *load;
    shape.implementation = implementation;
    MeasuredRow row;
    row.line = line_of(i);
    row.measured = Seconds{number_cell(table, i, table.column("time_us")) * 1e-6};
    row.family_key = fmt::format("{}x{},top{}of{}", shape.hidden, shape.inter, shape.topk, shape.experts);
    row.kernel = shape;
    result.rows.push_back(std::move(row));
  }
  return result;
}

TableRows read_wide(const CsvTable& table, const hardware::Gpu&) {
  return read_rows(table, kernels::Implementation::trtllm);
}
TableRows read_deepep(const CsvTable& table, const hardware::Gpu&) {
  return read_rows(table, kernels::Implementation::sglang);
}

}  // namespace

TableKind moe_wideep_table() {
  return {"moe",
          {"op", "kernel", "dtype", "tokens", "dp_tokens", "hidden", "inter", "topk", "experts", "slots", "moe_ep",
           "distribution", "time_us"},
          read_wide,
          "NVIDIA AIConfigurator @095f58a5, CUDA graph replay"};
}

TableKind moe_deepep_table() {
  return {"moe",
          {"phase", "dtype", "tokens", "hidden", "inter", "topk", "experts", "moe_ep", "distribution", "time_us"},
          read_deepep,
          "NVIDIA AIConfigurator @095f58a5, CUDA graph replay"};
}

}  // namespace orrery::calibrate
