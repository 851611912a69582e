// The MLP's elements: dense, and of routed and shared experts.
#include "models/layer/elements.hpp"

namespace orrery::models {
namespace {

struct MlpNames {
  Names up, activation, down;
};

struct Parts {
  std::int64_t inter = 0;  ///< together
  std::int64_t count = 1;  ///< equal MLPs side by side
  bool on_shared = false;
};

void add_linears(ElementList& list, const Llm& llm, const MlpConfig& mlp, const MlpNames& names, const Parts& parts) {
  const Width wide = shared_width(parts.inter), hidden = whole_width(llm.hidden);
  const Widths up = mlp.gated ? Widths{wide, wide} : Widths{wide};
  const std::int64_t biases = mlp.bias ? up.whole() : 0, down_biases = mlp.bias ? parts.count * llm.hidden : 0;
  Widths kept = up;
  kept.add(wide);
  list.add(Part::mlp, Linear{names.up, hidden, up, biases}).on_shared = parts.on_shared;
  list.add(Part::mlp, Activation{names.activation, wide, mlp.gated}, kept).on_shared = parts.on_shared;
  list.add(Part::mlp, Linear{names.down, wide, {hidden}, down_biases}).on_shared = parts.on_shared;
}

void add_shared(ElementList& list, const Llm& llm, const LayerConfig& layer) {
  const MoeConfig& moe = layer.moe;
  const MlpNames names{
      {"shared up", "shared gate_up"}, {"activation", "shared activation"}, {"shared down", "shared down"}};
  add_linears(list, llm, layer.mlp, names, {moe.shared_experts * moe.shared_inter, moe.shared_experts, true});
  if (moe.shared_gate) {
    Linear gate{{"shared gate", "shared gate"}, whole_width(llm.hidden), {whole_width(1)}};
    gate.plain = true;
    list.add(Part::mlp, gate).on_shared = true;
  }
  list.add(Part::mlp, AddShared{llm.hidden});
}

// Between the layers' width and the experts' own; every rank has it whole.
void add_latent(ElementList& list, std::string_view name, std::int64_t from, std::int64_t to) {
  list.add(Part::experts, Linear{{name, name}, whole_width(from), {whole_width(to)}});
}

}  // namespace

void add_mlp(ElementList& list, const Llm& llm, const MlpConfig& mlp) {
  const MlpNames names{{"mlp up", mlp.gated ? "gate_up" : "mlp up"},
                       {"activation", "activation"},
                       {"mlp down", mlp.gated ? "down" : "mlp down"}};
  add_linears(list, llm, mlp, names, {mlp.inter, 1, false});
}

void add_experts(ElementList& list, const Llm& llm, const LayerConfig& layer) {
  const MoeConfig& moe = layer.moe;
  if (moe.beside_dense) add_mlp(list, llm, layer.mlp);
  for (std::int64_t i = 0; i < moe.more_norms; ++i) {
    list.add(Part::norms, Norm{{"expert norm", "expert norm"}, {whole_width(llm.hidden)}, llm.hidden});
  }
  Linear router{{"router", "router"}, whole_width(llm.hidden), {whole_width(moe.experts)}};
  router.plain = true;
  router.biases = (moe.router_bias ? moe.experts : 0) + moe.router_values;
  list.add(Part::router, router);
  list.add(Part::router, TopK{moe.experts});
  const std::int64_t width = moe.latent > 0 ? moe.latent : llm.hidden;
  if (moe.latent > 0) add_latent(list, "latent down", llm.hidden, width);
  const std::int64_t ups = layer.mlp.gated ? 2 : 1;
  Experts experts{width, moe.inter, moe.experts, moe.topk, layer.mlp.gated, 0, 0};
  experts.matrices = (ups + 1) * width * moe.inter;
  experts.parameters = moe.experts * (experts.matrices + (layer.mlp.bias ? ups * moe.inter + width : 0));
  // The permuted input, and what the linear layers keep.
  list.add(Part::experts, experts, {shared_width(moe.topk * (ups + 1) * moe.inter), whole_width(moe.topk * width)});
  if (moe.latent > 0) add_latent(list, "latent up", width, llm.hidden);
  if (moe.shared_experts > 0) add_shared(list, llm, layer);
}

}  // namespace orrery::models
