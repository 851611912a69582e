// Which family of published attention kernels runs: their tiles differ, so their timing models do.
//
// Sources: FlashAttention-2 (arXiv:2307.08691) and its paged split-KV kernel, 64 x 128 tiles
// (Dao-AILab/flash-attention, csrc/flash_attn/src/flash_fwd_launch_template.h); FlashAttention-3
// (arXiv:2407.08608; hopper/tile_size.h: 192 query rows at head width 64, else 128; pack_gqa); TensorRT-LLM's
// fused multi-head attention, XQA and masked multi-head attention (NVIDIA/TensorRT-LLM,
// cpp/tensorrt_llm/kernels/).
#pragma once

#include "hardware/gpu.hpp"
#include "kernels/kernel.hpp"

namespace orrery::kernels {

enum class AttentionClass : std::uint8_t {
  flash2,         ///< FlashAttention-2: every GPU without warpgroup or tensor-memory instructions
  flash3,         ///< FlashAttention-3 on Hopper, in vLLM and SGLang
  trtllm_hopper,  ///< TensorRT-LLM FMHA, XQA and MMHA on Hopper
  blackwell,      ///< TensorRT-LLM's generated kernels on datacenter Blackwell, also behind FlashInfer
};

/// `automatic` follows the order in which fits are looked for: TensorRT-LLM first. cuDNN's attention on Hopper
/// performs like FlashAttention-3 (arXiv:2407.08608 §4.1), so it is that class and takes its fit.
[[nodiscard]] inline AttentionClass attention_class(Implementation implementation, const hardware::Gpu& gpu) {
  const bool flash = implementation == Implementation::vllm || implementation == Implementation::sglang ||
                     implementation == Implementation::cudnn;
  switch (gpu.generation.attention) {
    case hardware::AttentionInstructions::warpgroups:
      return flash ? AttentionClass::flash3 : AttentionClass::trtllm_hopper;
    case hardware::AttentionInstructions::tensor_memory:
      return AttentionClass::blackwell;
    case hardware::AttentionInstructions::plain:
      break;
  }
  return AttentionClass::flash2;
}

}  // namespace orrery::kernels
