// The expert block: shape rules, work by definition, and which fit prices it.
//
//   forward   2·rows·(g + 1)·hidden·inter/tp FLOP, g = 2 with a gate (gate and up), else 1; rows = T·k/ep
//   backward  twice that: input and weight gradients
// Bytes: weights of the activated experts once, tokens in and out in bf16; backward also writes the weight
// gradients in bf16 and reads the activations.
// The work is that of a mean rank; under a skewed load the hottest rank has at least as many rows, and of the
// expected activated experts (expert_load.cpp) half are counted, since a routing scatters around them: the
// work stays a lower bound of any routing.
// Source: Switch Transformer, arXiv:2101.03961 §2; MegaBlocks, arXiv:2211.15841 §2.2 (grouped GEMM).
#include "kernels/moe/moe.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "kernels/moe/expert_load.hpp"

namespace orrery::kernels {
namespace {

const MoeShape& shape_of(const Kernel& kernel) { return std::get<MoeShape>(kernel); }

bool holds(const Kernel& kernel) { return std::holds_alternative<MoeShape>(kernel); }

std::string check_moe(const Kernel& kernel) {
  const MoeShape& s = shape_of(kernel);
  if (s.tokens <= 0 || s.hidden <= 0 || s.inter <= 0) {
    return fmt::format("moe needs tokens, hidden, inter > 0, has {}, {}, {}", s.tokens, s.hidden, s.inter);
  }
  if (s.experts <= 0 || s.topk <= 0) {
    return fmt::format("moe needs experts and topk > 0, has {}, {}", s.experts, s.topk);
  }
  if (s.topk > s.experts) return fmt::format("moe can't pick {} of {} experts", s.topk, s.experts);
  if (s.tensor_parallel <= 0 || s.expert_parallel <= 0) {
    return fmt::format("moe needs parallel degrees > 0, has tensor {}, expert {}", s.tensor_parallel,
                       s.expert_parallel);
  }
  if (s.experts % s.expert_parallel != 0) {
    return fmt::format("moe's {} experts don't divide over {} ranks", s.experts, s.expert_parallel);
  }
  if (s.inter % s.tensor_parallel != 0) {
    return fmt::format("moe's intermediate width {} does not divide over {} ranks", s.inter, s.tensor_parallel);
  }
  return {};
}

Work moe_work(const Kernel& kernel) {
  const MoeShape& s = shape_of(kernel);
  const double pairs = static_cast<double>(s.tokens) * static_cast<double>(s.topk);
  const double rows = pairs / static_cast<double>(s.expert_parallel);
  const double active = expert_load(s).active * (s.load == ExpertLoad::balanced ? 1.0 : 0.5);
  const double hidden = static_cast<double>(s.hidden);
  const double inter = static_cast<double>(s.inter) / static_cast<double>(s.tensor_parallel);
  const double matrices = s.gated ? 3.0 : 2.0;
  const double weights = active * matrices * hidden * inter;
  constexpr double kActivation = 2.0;
  // A rank reads the tokens that it has rows of: at most all of them, at most one row each.
  const double tokens = std::min(static_cast<double>(s.tokens), rows);
  Work work;
  work.flops = Flops{2.0 * rows * matrices * hidden * inter};
  work.read = Bytes{weights * element_size(s.dtype).value() + tokens * hidden * kActivation};
  work.written = Bytes{tokens * hidden * kActivation};
  if (s.pass == Pass::backward) {
    work.flops *= 2.0;
    work.read += Bytes{tokens * hidden * kActivation};  // the gradient of the output beside the input
    work.written += Bytes{weights * kActivation};
  }
  return work;
}

std::string_view name_of(ExpertLoad load) {
  switch (load) {
    case ExpertLoad::balanced:
      return "balanced";
    case ExpertLoad::power_law_1_01:
      return "power_law_1.01";
    case ExpertLoad::power_law_1_2:
      return "power_law_1.2";
  }
  return "balanced";
}

std::string describe_moe(const Kernel& kernel) {
  const MoeShape& s = shape_of(kernel);
  std::string text = fmt::format("moe {} t{} {}x{} top{} of {} tp{} ep{} {}", orrery::name(s.dtype), s.tokens, s.hidden,
                                 s.inter, s.topk, s.experts, s.tensor_parallel, s.expert_parallel, name_of(s.load));
  if (!s.gated) text += " ungated";
  if (s.pass == Pass::backward) text += " backward";
  if (s.implementation != Implementation::automatic) text += fmt::format(" ({})", name(s.implementation));
  return text;
}

// By Dtype; fp16 runs as bf16. int8 takes fp8's fit at its own rate, an estimate.
std::vector<std::vector<std::string_view>> fit_dtypes() {
  std::vector<std::vector<std::string_view>> lists;
  for (const Dtype dtype : all_dtypes()) {
    lists.push_back({orrery::name(dtype)});
    if (dtype == Dtype::fp16) lists.back().emplace_back("bf16");
    if (dtype == Dtype::int8) lists.back().emplace_back("fp8");
  }
  return lists;
}

FitChoice fit_choice(const Kernel& kernel) {
  const MoeShape& s = shape_of(kernel);
  return {s.implementation, static_cast<std::size_t>(s.dtype)};
}

}  // namespace

FamilyRow moe_family() {
  FamilyRow row;
  row.name = "moe";
  row.equation = "2·rows·3·hidden·inter/tp FLOP, backward twice; activated experts' weights are read once";
  row.source = "arXiv:2101.03961 §2; MegaBlocks, arXiv:2211.15841 §2.2";
  row.holds = holds;
  row.check = check_moe;
  row.work = moe_work;
  row.describe = describe_moe;
  row.fit_dtypes = fit_dtypes();
  row.fit_choice = fit_choice;
  row.model = moe_model();
  return row;
}

}  // namespace orrery::kernels
