// Which kernels and collectives one iteration of a serving engine runs on one GPU.
//
// The layers are models/layer/'s, read as an engine runs them (models/layer/serving.hpp). Under tensor parallelism the
// embedding and the head hold slices of the vocabulary, the layers two all_reduces each.
//
// Prompts of unequal lengths are one attention kernel over an equivalent uniform batch: as many sequences, as many
// tokens, as many (query, key) pairs.
//
// Decodes beside prompts name the prompts' kernel, to whose time they add (kernels/attention/mixed_batch.hpp).
//
// CUDA graphs (vLLM's mode FULL_AND_PIECEWISE; the engine's row says which sizes, and whether the second kind is
// there): an iteration of decodes alone is one graph, its tokens padded to the
// next captured size; a mixed one that fits in the largest size is cut into graphs at every attention, which is
// launched from the host; a larger one is launched kernel by kernel. Logits and sampling are outside graphs always.
//
// Limitations: sampling is greedy; logits processors are not modelled.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "models/layer/serving.hpp"
#include "models/serving/engine_mesh.hpp"
#include "models/serving/serving.hpp"
#include "models/serving/step_model.hpp"

namespace orrery::models {

/// How an iteration is launched.
enum class GraphMode : std::uint8_t { full, piecewise, none };

class StepOps {
 public:
  /// `job` is resolved and must outlive this.
  explicit StepOps(const ServingJob& job);

  [[nodiscard]] int stages() const { return job_->config.pipeline_parallel; }
  [[nodiscard]] std::int64_t layers(int stage) const;
  /// Distinct attention (or recurrences) of the model's layers, and how many layers with one a stage has.
  [[nodiscard]] std::size_t mixers() const { return mixers_.size(); }
  [[nodiscard]] std::int64_t layers(int stage, std::size_t mixer) const;
  /// The next captured size, or `tokens` where none is as large.
  [[nodiscard]] std::int64_t padded(std::int64_t tokens) const;
  /// Of an iteration of `tokens` tokens.
  [[nodiscard]] GraphMode mode(std::int64_t tokens, bool decode_only) const;

  /// Everything, in order.
  [[nodiscard]] std::vector<StepOp> all(const StepShape& shape, int stage) const;

  // The same by what it depends on; attention of one layer, to be counted layers(stage, mixer) times.

  /// What the number of computed tokens decides: all but attention, logits and sampling.
  [[nodiscard]] std::vector<StepOp> body(std::int64_t rows, GraphMode mode, int stage) const;
  /// Latent attention's products with the absorbed projection; empty for other models.
  [[nodiscard]] std::vector<StepOp> absorbed(std::size_t mixer, std::int64_t rows) const;
  /// Its attention kernel is the last; a recurrence has none.
  [[nodiscard]] std::vector<StepOp> decode_attention(std::size_t mixer, std::int64_t sequences,
                                                     std::int64_t kv_tokens) const;
  /// Empty without prompts.
  [[nodiscard]] std::vector<StepOp> prefill_attention(std::size_t mixer, const StepShape& shape) const;
  /// Logits and sampling of the last stage; empty on the others and where nothing is sampled.
  [[nodiscard]] std::vector<StepOp> head(std::int64_t sampled, int stage) const;

  /// What a stage sends to the next per iteration; 0 for the last.
  [[nodiscard]] Bytes message(std::int64_t rows, int stage) const;
  /// The next stage's GPUs are on the same node.
  [[nodiscard]] bool next_on_same_node(int stage) const {
    return stand_.next_on_same_node[static_cast<std::size_t>(stage)] != 0;
  }
  /// Nodes that the stage's tensor-parallel group spans.
  [[nodiscard]] int group_nodes(int stage) const { return stand_.group_nodes[static_cast<std::size_t>(stage)]; }
  [[nodiscard]] const Mesh& mesh() const { return mesh_; }
  [[nodiscard]] const sim::Placement& placement() const { return placement_; }

 private:
  class Builder;
  void add_kinds();
  [[nodiscard]] std::int64_t layers_of_kind(int stage, std::size_t number) const;
  void front(Builder& builder, std::int64_t rows, int stage) const;
  /// `attention` of each mixer, or empty.
  void layers_of(Builder& builder, std::int64_t rows, int stage,
                 const std::vector<std::vector<StepOp>>& attention) const;
  [[nodiscard]] std::vector<StepOp> all_attention(std::size_t mixer, const StepShape& shape, std::int64_t rows) const;
  [[nodiscard]] std::vector<StepOp> of_attention(const std::vector<LayerOp>& ops) const;

  const ServingJob* job_;
  Mesh mesh_;
  sim::Placement placement_;
  ReplicaStand stand_;
  ServingReading reading_;
  struct Kind {
    std::size_t number = 0;  ///< Llm::kind_of
    std::size_t mixer = 0;
    ServedLayer layer;
  };
  std::vector<Kind> kinds_;                            ///< of layers, in the order of the first of each
  std::vector<std::vector<LayerElement>> mixers_;      ///< ServedLayer::attention, where these differ
  std::vector<LayerElement> embedding_, norm_, head_;  ///< the final norm runs on all rows, the head on sampled ones
  std::vector<std::int64_t> padded_;                   ///< by number of tokens, up to the largest captured size
  bool cuts_prompts_ = true;                           ///< GraphRules::piecewise
};

}  // namespace orrery::models
