// The MLP's elements: dense, and of routed and shared experts.
#include "models/layer/elements.hpp"

namespace orrery::models {
namespace {

struct MlpNames {
  Names up, activation, down;
};

// `parts` equal MLPs side by side, `inter` wide together.
void add_linears(ElementList& list, const Llm& llm, const MlpNames& names, std::int64_t inter, std::int64_t parts,
                 bool on_shared) {
  const bool gated = llm.mlp.gated;
  const Width wide = shared_width(inter), hidden = whole_width(llm.hidden);
  const Widths up = gated ? Widths{wide, wide} : Widths{wide};
  const std::int64_t biases = llm.mlp.bias ? up.whole() : 0, down_biases = llm.mlp.bias ? parts * llm.hidden : 0;
  Widths kept = up;
  kept.add(wide);
  list.add(Part::mlp, Linear{names.up, hidden, up, biases}).on_shared = on_shared;
  list.add(Part::mlp, Activation{names.activation, wide, gated}, kept).on_shared = on_shared;
  list.add(Part::mlp, Linear{names.down, wide, {hidden}, down_biases}).on_shared = on_shared;
}

}  // namespace

void add_mlp(ElementList& list, const Llm& llm) {
  const bool gated = llm.mlp.gated;
  const MlpNames names{{"mlp up", gated ? "gate_up" : "mlp up"},
                       {"activation", "activation"},
                       {"mlp down", gated ? "down" : "mlp down"}};
  add_linears(list, llm, names, llm.mlp.inter, 1, false);
}

void add_experts(ElementList& list, const Llm& llm) {
  const MoeConfig& moe = llm.moe;
  Linear router{{"router", "router"}, whole_width(llm.hidden), {whole_width(moe.experts)}};
  router.plain = true;
  router.biases = moe.router_bias ? moe.experts : 0;
  list.add(Part::router, router);
  list.add(Part::router, TopK{moe.experts});
  const std::int64_t ups = llm.mlp.gated ? 2 : 1;
  Experts experts{llm.hidden, moe.inter, moe.experts, moe.topk, llm.mlp.gated, 0, 0};
  experts.matrices = (ups + 1) * llm.hidden * moe.inter;
  experts.parameters = moe.experts * (experts.matrices + (llm.mlp.bias ? ups * moe.inter + llm.hidden : 0));
  // The permuted input, and what the linear layers keep.
  list.add(Part::experts, experts,
           {shared_width(moe.topk * (ups + 1) * moe.inter), whole_width(moe.topk * llm.hidden)});
  if (moe.shared_experts == 0) return;
  const MlpNames names{
      {"shared up", "shared gate_up"}, {"activation", "shared activation"}, {"shared down", "shared down"}};
  add_linears(list, llm, names, moe.shared_experts * moe.shared_inter, moe.shared_experts, true);
  list.add(Part::mlp, AddShared{llm.hidden});
}

}  // namespace orrery::models
