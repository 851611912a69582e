// Kernels drawn at random, for what holds for all of them.
#pragma once

#include <cmath>
#include <cstdint>
#include <random>

#include "hardware/dtype.hpp"
#include "kernels/kernel.hpp"

namespace orrery::tests {

/// Shapes of every family, log-uniform, any dtype, any implementation, the same in every run.
class RandomKernels {
 public:
  explicit RandomKernels(std::uint64_t seed = 20261129) : random_(seed) {}

  kernels::Kernel next() {
    for (;;) {
      const kernels::Kernel kernel = any();
      if (kernels::check(kernel).empty()) return kernel;
    }
  }

 private:
  int below(int count) { return std::uniform_int_distribution<int>(0, count - 1)(random_); }
  std::int64_t side(double most) {
    return static_cast<std::int64_t>(std::exp2(std::uniform_real_distribution<double>(0.0, std::log2(most))(random_)));
  }
  template <class Enum>
  Enum any_of(Enum last) {
    return static_cast<Enum>(below(static_cast<int>(last) + 1));
  }
  Dtype dtype() { return all_dtypes()[static_cast<std::size_t>(below(static_cast<int>(all_dtypes().size())))]; }

  kernels::Kernel any() {
    switch (below(static_cast<int>(std::variant_size_v<kernels::Kernel>))) {
      case 0:
        return gemm();
      case 1:
        return prefill();
      case 2:
        return decode();
      case 3:
        return moe();
      case 4:
        return memory();
      default:
        return kernels::HostCopyShape{Bytes{static_cast<double>(side(1e10))}, below(2) == 0, below(2) == 0};
    }
  }
  kernels::GemmShape gemm() {
    kernels::GemmShape s;
    s.dtype = dtype(), s.implementation = any_of(kernels::kLastImplementation);
    s.m = side(1e5), s.n = side(1e5), s.k = side(1e5), s.batch = below(2) == 0 ? 1 : side(256);
    s.weights = any_of(kernels::CacheState::warm), s.accumulate = below(4) == 0;
    return s;
  }
  kernels::AttentionPrefillShape prefill() {
    kernels::AttentionPrefillShape s;
    s.dtype = dtype(), s.kv_dtype = dtype(), s.implementation = any_of(kernels::kLastImplementation);
    s.batch = side(256), s.q_len = side(32768), s.kv_len = s.q_len + (below(2) == 0 ? 0 : side(65536));
    s.kv_heads = side(64), s.q_heads = s.kv_heads * side(32), s.head_dim = 32 * (1 + below(8));
    s.v_head_dim = below(3) == 0 ? 128 : 0, s.window = below(3) == 0 ? side(8192) : 0;
    s.causal = below(4) > 0, s.pass = any_of(kernels::Pass::backward);
    return s;
  }
  kernels::AttentionDecodeShape decode() {
    kernels::AttentionDecodeShape s;
    s.dtype = dtype(), s.kv_dtype = dtype(), s.implementation = any_of(kernels::kLastImplementation);
    s.batch = side(1024), s.kv_tokens = s.batch * side(65536);
    s.kv_heads = side(64), s.q_heads = s.kv_heads * side(64), s.head_dim = 32 * (1 + below(8));
    s.latent_dim = below(3) == 0 ? 576 : 0, s.window = below(3) == 0 ? side(8192) : 0;
    return s;
  }
  kernels::MoeShape moe() {
    kernels::MoeShape s;
    s.dtype = dtype(), s.implementation = any_of(kernels::kLastImplementation);
    s.tokens = side(65536), s.hidden = side(16384), s.tensor_parallel = std::int64_t{1} << below(4);
    s.inter = s.tensor_parallel * side(16384), s.expert_parallel = std::int64_t{1} << below(6);
    s.experts = s.expert_parallel * side(32), s.topk = side(8), s.load = any_of(kernels::ExpertLoad::power_law_1_2);
    s.gated = below(2) == 0, s.pass = any_of(kernels::Pass::backward);
    return s;
  }
  kernels::MemoryShape memory() {
    kernels::MemoryShape s;
    s.op = any_of(kernels::MemoryOp::memset), s.elements = side(1e10);
    s.read = Bytes{static_cast<double>(side(1e10))}, s.written = Bytes{static_cast<double>(side(1e10))};
    s.flops_per_element = static_cast<double>(side(64));
    if (random_() % 2 == 0) s.rows = side(1e6);
    if (random_() % 2 == 0) s.inputs = kernels::CacheState::warm;
    return s;
  }

  std::mt19937_64 random_;
};

}  // namespace orrery::tests
