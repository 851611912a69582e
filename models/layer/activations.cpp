#include "models/layer/activations.hpp"

#include <algorithm>

namespace orrery::models {
namespace {

double real(std::int64_t n) { return static_cast<double>(n); }

// Of a rank, for each of which there are `bytes` (a value of every token). Widths that ranks share are exact fractions
// of them: heads that are copied count once.
Bytes kept_by(const Widths& kept, Bytes bytes, std::int64_t tensor) {
  std::int64_t shared = 0, whole = 0;
  for (const Width& width : kept) (width.split ? shared : whole) += width.whole();
  return bytes * real(shared) / real(tensor) + bytes * real(whole);
}

// A byte per value of the residual adds' dropout.
std::int64_t masked_values(const LayerElement& element) {
  if (const auto* residual = std::get_if<Residual>(&element.block)) return residual->hidden;
  const auto* position = std::get_if<PositionEmbedding>(&element.block);
  return position != nullptr ? position->hidden : 0;
}

}  // namespace

Bytes kept_bytes(const TrainingReading& r, const std::vector<LayerElement>& elements) {
  Bytes sum;
  for (const LayerElement& element : elements) {
    double tokens = real(element.inside ? r.tokens() : r.shard_tokens());
    if (std::holds_alternative<Experts>(element.block)) tokens *= r.expert_imbalance;
    sum += kept_by(element.kept, r.value * tokens, r.tensor);
    if (r.dropout) sum += Bytes{tokens * real(masked_values(element))};
    if (const auto* output = std::get_if<Output>(&element.block)) {
      const Bytes logit = r.fused_loss ? r.value : Bytes{4.0};  // without a fused loss in fp32
      sum += logit * (real(r.tokens()) * real(output->vocab.whole()) / real(r.tensor));
    }
  }
  return sum;
}

Bytes score_bytes(const TrainingReading& r, const std::vector<LayerElement>& elements) {
  const CoreAttention* attention = core_attention(elements);
  if (attention == nullptr) return Bytes{};
  const double rows = real(r.tokens()) * real(attention->queries.count);
  if (r.fused_attention) return Bytes{4.0 * rows / real(r.tensor)};
  const Bytes per_score = r.dropout ? r.value + Bytes{1.0} + r.value : r.value;
  return per_score * (rows * real(r.sequence) / real(r.tensor));
}

std::int64_t widest_values(const std::vector<LayerElement>& elements, std::int64_t hidden, std::int64_t tensor) {
  std::int64_t latent = 0, widest = 0;
  for (const LayerElement& element : elements) {
    const std::int64_t kept = element.kept.on_rank(tensor);
    if (const auto* linear = std::get_if<Linear>(&element.block)) latent += linear->on_latent ? kept : 0;
    const bool attention = std::holds_alternative<CoreAttention>(element.block);
    if (attention) widest = std::max(widest, hidden + latent + kept);
    if (std::holds_alternative<Activation>(element.block)) widest = std::max(widest, hidden + kept);
    if (const auto* experts = std::get_if<Experts>(&element.block)) {
      const std::int64_t inter = shared_width(experts->inter).on_rank(tensor);
      const std::int64_t up = (experts->gated ? 2 : 1) * inter;
      widest = std::max(widest, 2 * hidden + experts->topk * (std::max(up, hidden) + inter));
    }
  }
  return widest;
}

}  // namespace orrery::models
