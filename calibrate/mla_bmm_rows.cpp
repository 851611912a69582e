// Rows of `mla_bmm` tables: op, dtype, tokens, heads, time_us.
//
// The products of a latent attention that decodes on its latent: `mla_gen_pre` brings each head's queries of 128 values
// into the latent of 512, `mla_gen_post` takes what attention gathers of it back to values of 128, one matrix a head.
// fp8 includes quantising the activations. The matrices of all heads fit in L2 and are warm there.
// A family of the split is an operator with a number of heads.
// Source: NVIDIA AIConfigurator @095f58a5, collector/trtllm/collect_mla_bmm.py; DeepSeek-V3's dimensions.
#include <fmt/format.h>

#include "calibrate/rows.hpp"

namespace orrery::calibrate {
namespace {

constexpr std::int64_t kNope = 128, kLatent = 512;

TableRows read_rows(const CsvTable& table, const hardware::Gpu&) {
  const int op = table.column("op"), dtype = table.column("dtype"), tokens = table.column("tokens"),
            heads = table.column("heads"), time = table.column("time_us");
  TableRows result;
  result.rows.reserve(table.rows.size());
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    const std::string& name = text_cell(table, i, op);
    const bool pre = name == "mla_gen_pre";
    const auto type = parse_dtype(text_cell(table, i, dtype));
    if (!type || (!pre && name != "mla_gen_post")) {
      result.skipped.push_back({line_of(i), name + " " + text_cell(table, i, dtype),
                                type ? "no kernel describes this operator" : "unknown dtype"});
      continue;
    }
    kernels::GemmShape shape;
    shape.dtype = *type;
    shape.m = integer_cell(table, i, tokens);
    shape.n = pre ? kLatent : kNope;
    shape.k = pre ? kNope : kLatent;
    shape.batch = integer_cell(table, i, heads);
    shape.strided = true;
    shape.weights = kernels::CacheState::warm;
    shape.implementation = kernels::Implementation::trtllm;
    MeasuredRow row;
    row.line = line_of(i);
    row.kernel = shape;
    row.measured = Seconds{number_cell(table, i, time) * 1e-6};
    row.fit_key = fmt::format("gemm/trtllm/batched_{}", orrery::name(*type));
    row.family_key = fmt::format("{},heads={}", name, shape.batch);
    result.rows.push_back(std::move(row));
  }
  return result;
}

}  // namespace

TableKind mla_bmm_table() {
  return {"gemm",
          {"op", "dtype", "tokens", "heads", "time_us"},
          read_rows,
          "NVIDIA AIConfigurator @095f58a5, CUDA graph replay"};
}

}  // namespace orrery::calibrate
