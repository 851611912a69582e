#include "scenarios/table_model.hpp"

#include <fmt/format.h>

namespace orrery::scenarios {

models::Llm table_decoder(const TableRow& row, std::int64_t vocab, std::int64_t inter, std::int64_t kv_heads,
                          bool gated, std::int64_t max_positions) {
  models::Llm llm;
  llm.hidden = row.count("hidden");
  llm.layers = row.count("layers");
  llm.vocab = vocab;
  llm.max_positions = max_positions;
  llm.attention.heads = row.count("heads");
  llm.attention.kv_heads = kv_heads;
  if (llm.attention.heads <= 0 || llm.hidden % llm.attention.heads != 0)
    throw NotExpressible{"hidden / heads is not whole"};
  llm.attention.head_dim = llm.hidden / llm.attention.heads;
  llm.attention.qkv_bias = llm.attention.out_bias = !gated;
  llm.mlp = {inter, gated, !gated};
  llm.norm = gated ? models::NormKind::rms_norm : models::NormKind::layer_norm;
  llm.norm_bias = !gated;
  llm.position = gated ? models::PositionKind::rotary : models::PositionKind::learned;
  llm.tied_embeddings = !gated;
  llm.name = fmt::format("decoder-{}x{}", llm.layers, llm.hidden);
  return llm;
}

}  // namespace orrery::scenarios
