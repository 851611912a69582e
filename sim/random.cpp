// Philox4x32-10, and distributions by exact operations.
#include "sim/random.hpp"

#include <cmath>
#include <limits>

namespace orrery::sim {

std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key) {
  // Multipliers and Weyl constants: Salmon et al. 2011, table 2 and Random123's philox.h.
  constexpr std::uint64_t kM0 = 0xD2511F53, kM1 = 0xCD9E8D57;
  constexpr std::uint32_t kW0 = 0x9E3779B9, kW1 = 0xBB67AE85;
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = kM0 * counter[0];
    const std::uint64_t p1 = kM1 * counter[2];
    counter = {static_cast<std::uint32_t>(p1 >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(p1),
               static_cast<std::uint32_t>(p0 >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(p0)};
    key[0] += kW0;
    key[1] += kW1;
  }
  return counter;
}

double portable_log(double x) {
  // x = m·2^e with m in [1/√2, √2); ln m = 2·artanh(z), z = (m−1)/(m+1), |z| ≤ 0.1716: 11 terms of the
  // series leave z^23/23 < 1e-18. ln 2 in two parts (fdlibm's split) keeps e·ln 2 exact to the last bit.
  int exponent = 0;
  double m = std::frexp(x, &exponent);
  if (m < 0.70710678118654752440) {
    m *= 2.0;
    --exponent;
  }
  const double z = (m - 1.0) / (m + 1.0);
  const double z2 = z * z;
  double sum = 0.0;
  for (int k = 21; k >= 3; k -= 2) sum = (sum + 1.0 / k) * z2;
  const double e = exponent;
  return e * 6.93147180369123816490e-01 + (2.0 * z + (2.0 * z * sum + e * 1.90821492927058770002e-10));
}

double portable_exp(double x) {
  if (x > 709.0) return std::numeric_limits<double>::infinity();
  if (x < -708.0) return 0.0;
  // x = n·ln 2 + r, |r| ≤ 0.35; 14 terms of the series leave r^15/15! < 1e-19.
  const double n = std::floor(x * 1.44269504088896338700 + 0.5);
  const double r = (x - n * 6.93147180369123816490e-01) - n * 1.90821492927058770002e-10;
  double sum = 1.0;
  for (int k = 14; k >= 1; --k) sum = 1.0 + sum * r / k;
  return std::ldexp(sum, static_cast<int>(n));
}

Random::Random(std::uint64_t seed, std::uint32_t entity, std::uint32_t purpose)
    : key_{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)}, counter_{0, 0, entity, purpose} {}

std::uint64_t Random::bits() {
  if (left_ == 0) {
    block_ = philox4x32(counter_, key_);
    left_ = 2;
    if (++counter_[0] == 0) ++counter_[1];
  }
  const auto i = static_cast<std::size_t>(4 - 2 * left_);
  --left_;
  return (std::uint64_t{block_[i + 1]} << 32) | block_[i];
}

double Random::uniform() { return static_cast<double>(bits() >> 11) * 0x1p-53; }

std::uint64_t Random::below(std::uint64_t n) {
  // Values from the last, incomplete run of n are drawn again.
  const std::uint64_t excess = (0 - n) % n;  // 2^64 mod n
  std::uint64_t x = bits();
  while (x < excess) x = bits();
  return x % n;
}

double Random::exponential(double mean) { return -mean * portable_log(1.0 - uniform()); }

double Random::normal(double mean, double deviation) {
  if (has_spare_) {
    has_spare_ = false;
    return mean + deviation * spare_;
  }
  double u = 0.0, v = 0.0, s = 0.0;
  do {
    u = 2.0 * uniform() - 1.0;
    v = 2.0 * uniform() - 1.0;
    s = u * u + v * v;
  } while (s >= 1.0 || s == 0.0);
  const double factor = std::sqrt(-2.0 * portable_log(s) / s);
  spare_ = v * factor;
  has_spare_ = true;
  return mean + deviation * (u * factor);
}

double Random::lognormal(double mu, double sigma) { return portable_exp(normal(mu, sigma)); }

double Random::gamma(double shape, double scale) {
  if (shape < 1.0) {
    // gamma(a) = gamma(a + 1)·u^(1/a)
    const double u = 1.0 - uniform();
    return gamma(shape + 1.0, scale) * portable_exp(portable_log(u) / shape);
  }
  const double d = shape - 1.0 / 3.0;
  const double c = 1.0 / std::sqrt(9.0 * d);
  for (;;) {
    const double x = normal(0.0, 1.0);
    const double t = 1.0 + c * x;
    if (t <= 0.0) continue;
    const double v = t * t * t;
    const double u = 1.0 - uniform();
    if (portable_log(u) < 0.5 * x * x + d - d * v + d * portable_log(v)) return d * v * scale;
  }
}

std::uint64_t Random::poisson(double mean) {
  std::uint64_t count = 0;
  // The m-th arrival of a unit-rate process is gamma(m). If it comes before `mean`, m arrivals are counted
  // and the rest of the time is left; otherwise the m−1 earlier ones are uniform before it: binomial.
  while (mean > 16.0) {
    const double m = std::floor(0.875 * mean);
    const double arrival = gamma(m, 1.0);
    if (arrival > mean) {
      const double p = mean / arrival;
      for (double i = 1.0; i < m; i += 1.0) count += uniform() < p ? 1 : 0;
      return count;
    }
    count += static_cast<std::uint64_t>(m);
    mean -= arrival;
  }
  for (double time = exponential(1.0); time < mean; time += exponential(1.0)) ++count;
  return count;
}

}  // namespace orrery::sim
