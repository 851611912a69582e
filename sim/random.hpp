// Random numbers that are the same everywhere: Philox4x32-10 and distributions of our own.
//
// Counter-based (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC'11): the
// n-th number is a pure function of (seed, entity, purpose, n). Every entity has its own substream for
// each purpose, so that one what-if does not shift the draws of others (common random numbers).
//
// The standard fixes engines but not distributions, hence these; each states its method. They use only
// +, −, ×, ÷ and sqrt (exact in IEEE 754) and a logarithm and exponential of our own, so that neither the
// standard library nor libm can change a result.
#pragma once

#include <array>
#include <cstdint>

namespace orrery::sim {

/// Ten rounds of Philox on a 128-bit counter with a 64-bit key.
[[nodiscard]] std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter,
                                                      std::array<std::uint32_t, 2> key);

class Random {
 public:
  /// Substream (entity, purpose) of `seed`. 2^33 draws of 64 bits before it repeats.
  Random(std::uint64_t seed, std::uint32_t entity, std::uint32_t purpose);

  [[nodiscard]] std::uint64_t bits();

  /// Uniform in [0, 1) with 53 bits.
  [[nodiscard]] double uniform();
  /// Uniform in [low, high).
  [[nodiscard]] double uniform(double low, double high) { return low + (high - low) * uniform(); }
  /// Uniform in {0, …, n−1}, unbiased (rejection). REQUIRES n ≥ 1.
  [[nodiscard]] std::uint64_t below(std::uint64_t n);

  /// Mean `mean`; inversion: −mean·ln(1−u).
  [[nodiscard]] double exponential(double mean);
  /// Polar method (Marsaglia, Bray 1964); one of each pair is kept for the next call.
  [[nodiscard]] double normal(double mean, double deviation);
  /// exp of a normal with these parameters of the logarithm.
  [[nodiscard]] double lognormal(double mu, double sigma);
  /// Shape and scale, mean shape·scale (Marsaglia, Tsang 2000). REQUIRES shape > 0.
  [[nodiscard]] double gamma(double shape, double scale);
  /// Counts exponential gaps; large means are halved by gamma draws (Ahrens, Dieter 1974).
  [[nodiscard]] std::uint64_t poisson(double mean);

 private:
  std::array<std::uint32_t, 2> key_;
  std::array<std::uint32_t, 4> counter_;
  std::array<std::uint32_t, 4> block_{};
  int left_ = 0;  ///< numbers of 64 bits left in the block
  bool has_spare_ = false;
  double spare_ = 0.0;
};

/// ln(x) and exp(x) from exact operations only; relative error below 1e-15. ln REQUIRES x > 0 and normal.
[[nodiscard]] double portable_log(double x);
[[nodiscard]] double portable_exp(double x);

}  // namespace orrery::sim
