// The load of the hottest rank in closed form.
//
// Balanced: T·k/ep rows, min(E/ep, ⌈T·k/ep⌉ active). A power law of exponent α draws each expert's share from
// the density x^(−α) on [1, 0.8·T] ([0.01, 2] while there are fewer rows than experts) and scales the shares to
// T·k rows, at most T an expert (a token never picks an expert twice). With moments m₁, m₂ of the density and its
// inverse distribution F⁻¹, the hottest of ep groups of g = E/ep experts has, in units of the mean row count per x,
//   g·m₁ + √((top − m₁)² + (c·√(2·ln ep)·√(m₂ − m₁²)·√g)²),   top = F⁻¹(1 − 1/(E + 1))
// (the largest single share beside the largest of ep sums), and g·(1 − F(half a row)^r) active experts, r the rank's
// rows over the mean rank's. c = 0.8·max(0, 1 − 16/E), checked against sampling (tests): within 25 % for 8 to 512
// experts. Source: the distribution of NVIDIA AIConfigurator @095f58a5, collector/helper.py (power_law_logits_v3);
// largest of n normal sums: Galambos, Asymptotic Theory of Extreme Order Statistics, §2.3.2.
// Limitations: expected values; one routing of a real router scatters around them.
#include "kernels/moe/expert_load.hpp"

#include <algorithm>
#include <cmath>

#include "kernels/rounding.hpp"

namespace orrery::kernels {
namespace {

class PowerLaw {
 public:
  PowerLaw(double exponent, double least, double most)
      : e_(1.0 - exponent), least_(std::pow(least, e_)), most_(std::pow(most, e_)), low_(least), high_(most) {}

  [[nodiscard]] double moment(double order) const {
    const double p = order + e_;
    return (std::pow(high_, p) - std::pow(low_, p)) / p / ((most_ - least_) / e_);
  }
  [[nodiscard]] double below(double x) const {
    return (std::pow(std::clamp(x, low_, high_), e_) - least_) / (most_ - least_);
  }
  [[nodiscard]] double quantile(double part) const { return std::pow((most_ - least_) * part + least_, 1.0 / e_); }

 private:
  double e_, least_, most_, low_, high_;
};

ExpertLoadOfRank balanced(double pairs, double local) {
  ExpertLoadOfRank load;
  load.rows = pairs;
  load.active = std::min(local, ceil_of_count(pairs));
  return load;
}

}  // namespace

ExpertLoadOfRank expert_load(const MoeShape& s) {
  const double tokens = static_cast<double>(s.tokens), experts = static_cast<double>(s.experts);
  const double ranks = static_cast<double>(s.expert_parallel), local = experts / ranks;
  const double pairs = tokens * static_cast<double>(s.topk);
  if (s.load == ExpertLoad::balanced) return balanced(pairs / ranks, local);

  const double exponent = s.load == ExpertLoad::power_law_1_2 ? 1.2 : 1.01;
  const bool many = pairs > experts;
  const PowerLaw law(exponent, many ? 1.0 : 0.01, many ? std::max(0.8 * tokens, 1.0001) : 2.0);
  const double mean = law.moment(1.0);
  const double spread = std::sqrt(std::max(0.0, law.moment(2.0) - mean * mean));
  const double scale = pairs / (experts * mean);  // rows of a share of 1
  double shares = local * mean;
  if (ranks > 1.0) {
    constexpr double kSumWeight = 0.8, kFewExperts = 16.0;
    const double top = std::min(law.quantile(1.0 - 1.0 / (experts + 1.0)), tokens / scale);
    const double weight = local > 1.0 ? kSumWeight * std::max(0.0, 1.0 - kFewExperts / experts) : 0.0;
    const double sums = weight * std::sqrt(2.0 * std::log(ranks)) * spread * std::sqrt(local);
    shares += std::hypot(std::max(0.0, top - mean), sums);
  }
  ExpertLoadOfRank load;
  load.rows = std::min(shares * scale, std::min(tokens * std::min(static_cast<double>(s.topk), local), pairs));
  load.active = local * (1.0 - std::pow(law.below(0.5 / scale), std::max(1.0, load.rows * ranks / pairs)));
  // With fewer rows than experts the collector's rounding gives leftover rows to idle experts.
  constexpr double kLeftover = 0.55;
  if (!many) load.active = std::max(load.active, kLeftover * load.rows);
  // The hottest rank has one at least: a floor below that would make two tokens wake fewer than one does.
  load.active = std::clamp(load.active, 1.0, std::min(local, std::max(load.rows, 1.0)));
  if (s.tokens == 1) load.active = std::max(1.0, std::min(local, load.rows));
  return load;
}

}  // namespace orrery::kernels
