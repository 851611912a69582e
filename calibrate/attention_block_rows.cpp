// Rows of `mla_module*` and `dsa_module*` tables: model, mla_dtype, kv_dtype, gemm_dtype, heads, batch, seq, past,
// time_us.
//
// A whole attention block of one rank: projections, norms, rotary embedding, the products with the latent, attention,
// and for sparse attention the indexer that chooses its keys. The model's name gives the block's sizes, of which
// `heads` is a rank's share; the kernels are those that an inference engine's layer is made of
// (models/layer/serving.hpp), one after the other. Each is priced by its own fit: no fit sees these rows.
//
// A row of one new token over a cache is a decode row if no row of the table has more. Weights are warm where those of
// the block, which a replay reads again, stay in L2. A family of the split is a model with a number of heads and the
// formats of its cache and its multiplications.
// Source: NVIDIA AIConfigurator @095f58a5, collector/trtllm/collect_mla_module.py.
#include <map>
#include <optional>

#include <fmt/format.h>

#include "calibrate/rows.hpp"
#include "models/architectures/hf_config.hpp"
#include "models/layer/serving.hpp"

namespace orrery::calibrate {
namespace {

constexpr double kUsableL2 = 0.7;  // as in gemm_rows.cpp

/// The models that the tables name: DeepSeek-V3's latent attention, for sparse attention with an indexer, and GLM-5's
/// sizes of the same (config.json of deepseek-ai/DeepSeek-V3.2 and zai-org/GLM-5). nullopt: another.
std::optional<models::Llm> model_called(const std::string& id) {
  const bool glm = id == "zai-org/GLM-5", sparse = glm || id == "deepseek-ai/DeepSeek-V3.2";
  if (!sparse && id != "deepseek-ai/DeepSeek-V3") return std::nullopt;
  models::Llm llm = models::load_model("deepseek-v3");
  models::AttentionConfig& a = llm.attention;
  if (sparse) a.index = {64, 128, 2048};
  if (glm) {
    llm.hidden = 6144;
    a.q_lora_rank = 2048;
    a.nope_head_dim = 192, a.v_head_dim = 256;
    a.head_dim = a.nope_head_dim + a.rope_head_dim;
    a.index.heads = 32;
  }
  return llm;
}

struct Columns {
  explicit Columns(const CsvTable& table)
      : model(table.column("model")),
        dtype(table.column("mla_dtype")),
        kv_dtype(table.column("kv_dtype")),
        gemm_dtype(table.column("gemm_dtype")),
        heads(table.column("heads")),
        batch(table.column("batch")),
        seq(table.column("seq")),
        past(table.column("past")),
        time(table.column("time_us")) {}

  int model, dtype, kv_dtype, gemm_dtype, heads, batch, seq, past, time;
};

/// The attention of a model's first layer as an engine runs it, with so many heads.
models::ServedLayer block_of(models::Llm llm, std::int64_t heads) {
  llm.attention.heads = llm.attention.kv_heads = heads;
  std::vector<models::LayerElement> elements = models::layer_elements(llm, 0);
  std::erase_if(elements, [](const models::LayerElement& e) { return e.part != models::Part::attention; });
  return models::served(elements);
}

struct Tokens {
  std::int64_t batch, seq, past;
};

std::vector<kernels::Kernel> kernels_of(const models::ServedLayer& block, const models::ServingReading& reading,
                                        const Tokens& tokens, bool decode) {
  std::vector<models::LayerOp> ops;
  const auto append = [&ops](std::vector<models::LayerOp> more) { ops.insert(ops.end(), more.begin(), more.end()); };
  const std::int64_t rows = tokens.batch * tokens.seq, length = tokens.past + tokens.seq;
  append(models::serving_ops(reading, block.before, rows));
  if (decode) {
    append(models::absorbed_ops(reading, block.attention, rows));
    append(models::decode_ops(reading, block.attention, tokens.batch, tokens.batch * length));
  } else {
    append(models::prefill_ops(reading, block.attention, tokens.batch, tokens.seq, length));
  }
  append(models::serving_ops(reading, block.after, rows));
  std::vector<kernels::Kernel> kernels;
  for (const models::LayerOp& op : ops) {
    if (op.kind == models::LayerOp::Kind::launch) kernels.push_back(op.kernel);
  }
  return kernels;
}

void warm_weights(std::vector<kernels::Kernel>& kernels, const hardware::Gpu& gpu) {
  double bytes = 0.0;
  for (const kernels::Kernel& kernel : kernels) {
    const auto* gemm = std::get_if<kernels::GemmShape>(&kernel);
    if (gemm != nullptr)
      bytes += static_cast<double>(gemm->batch * gemm->n * gemm->k) * element_size(gemm->dtype).value();
  }
  if (bytes > kUsableL2 * gpu.l2_size.value()) return;
  for (kernels::Kernel& kernel : kernels) {
    if (auto* gemm = std::get_if<kernels::GemmShape>(&kernel)) gemm->weights = kernels::CacheState::warm;
  }
}

class Reader {
 public:
  Reader(const CsvTable& table, const hardware::Gpu& gpu) : table_(table), columns_(table), gpu_(gpu) {
    for (std::size_t row = 0; row < table_.rows.size(); ++row) decode_ = decode_ && integer(row, columns_.seq) == 1;
  }

  TableRows read() {
    for (std::size_t row = 0; row < table_.rows.size(); ++row) read_row(row);
    return std::move(result_);
  }

 private:
  [[nodiscard]] std::int64_t integer(std::size_t row, int column) const { return integer_cell(table_, row, column); }

  void read_row(std::size_t row) {
    const std::string& model = text_cell(table_, row, columns_.model);
    models::ServingReading reading;
    reading.gpu = &gpu_;
    reading.kernels = kernels::Implementation::trtllm;
    const auto dtype = parse_dtype(text_cell(table_, row, columns_.dtype));
    const auto kv_dtype = parse_dtype(text_cell(table_, row, columns_.kv_dtype));
    const auto weights = parse_dtype(text_cell(table_, row, columns_.gemm_dtype));
    if (!dtype || !kv_dtype || !weights) {
      result_.skipped.push_back({line_of(row), model, "unknown dtype"});
      return;
    }
    reading.dtype = *dtype, reading.kv_dtype = *kv_dtype, reading.weight_dtype = *weights;
    const std::int64_t heads = integer(row, columns_.heads);
    const models::ServedLayer* block = block_of_row(row, model, heads);
    if (block == nullptr) return;
    const Tokens tokens{integer(row, columns_.batch), integer(row, columns_.seq), integer(row, columns_.past)};
    std::vector<kernels::Kernel> kernels = kernels_of(*block, reading, tokens, decode_);
    warm_weights(kernels, gpu_);
    MeasuredRow measured;
    measured.line = line_of(row);
    measured.measured = Seconds{number_cell(table_, row, columns_.time) * 1e-6};
    measured.kernel = kernels.front();
    measured.after.assign(kernels.begin() + 1, kernels.end());
    measured.family_key = fmt::format("{},h={},kv={}", model, heads, name(*kv_dtype));
    result_.rows.push_back(std::move(measured));
  }

  const models::ServedLayer* block_of_row(std::size_t row, const std::string& model, std::int64_t heads) {
    const auto [block, added] = blocks_.try_emplace({model, heads});
    if (added) {
      if (const auto llm = model_called(model)) block->second = block_of(*llm, heads);
    }
    if (block->second) return &*block->second;
    result_.skipped.push_back({line_of(row), model, "a model whose sizes are not known here"});
    return nullptr;
  }

  const CsvTable& table_;
  Columns columns_;
  const hardware::Gpu& gpu_;
  bool decode_ = true;
  std::map<std::pair<std::string, std::int64_t>, std::optional<models::ServedLayer>> blocks_;
  TableRows result_;
};

TableRows read_rows(const CsvTable& table, const hardware::Gpu& gpu) { return Reader(table, gpu).read(); }

}  // namespace

TableKind attention_block_table() {
  return {"attention_block",
          {"model", "mla_dtype", "kv_dtype", "gemm_dtype", "heads", "batch", "seq", "past", "time_us"},
          read_rows,
          "NVIDIA AIConfigurator @095f58a5, CUDA graph replay"};
}

}  // namespace orrery::calibrate
