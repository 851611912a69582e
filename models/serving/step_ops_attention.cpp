// Attention of one layer: of decodes, of prompts, and latent attention's products.
#include <algorithm>

#include "models/serving/step_ops_builder.hpp"

namespace orrery::models {

std::vector<StepOp> StepOps::of_attention(const std::vector<LayerOp>& ops) const {
  Builder b(*this, GraphMode::none, 0);  // no collectives
  b.part(StepPart::attention);
  b.append(ops);
  return b.take();
}

std::vector<StepOp> StepOps::absorbed(std::size_t mixer, std::int64_t rows) const {
  return of_attention(absorbed_ops(reading_, mixers_[mixer], rows));
}

std::vector<StepOp> StepOps::decode_attention(std::size_t mixer, std::int64_t sequences, std::int64_t kv_tokens) const {
  if (sequences == 0) return {};
  return of_attention(decode_ops(reading_, mixers_[mixer], sequences, kv_tokens));
}

std::vector<StepOp> StepOps::prefill_attention(std::size_t mixer, const StepShape& step) const {
  if (step.prefill_sequences == 0 || step.prefill_tokens == 0) return {};
  const std::int64_t batch = std::min(step.prefill_sequences, step.prefill_tokens);
  const std::int64_t q_len = (step.prefill_tokens + batch - 1) / batch;
  // batch · q · (2·kv − q) = Σ q·(2·kv − q)
  const double q = static_cast<double>(q_len);
  const double kv = 0.5 * (step.prefill_pairs / (static_cast<double>(batch) * q) + q);
  const std::int64_t kv_len = std::max(q_len, static_cast<std::int64_t>(kv + 0.5));
  return of_attention(prefill_ops(reading_, mixers_[mixer], batch, q_len, kv_len));
}

}  // namespace orrery::models
