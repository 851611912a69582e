// How many tokens prompts and answers have: fixed, lognormal and uniform, and the table of all length distributions.
//
//   lognormal: σ² = ln(1 + cv²), μ = ln(mean) − σ²/2, so that mean and standard deviation/mean are as given
//   (Johnson, Kotz, Balakrishnan, Continuous Univariate Distributions 1, 2nd ed., ch. 14);
//   drawn, rounded to whole tokens, then cut to [least, most].
// Limitation: cutting moves mass to the ends and so the mean; `mean` is that before the cut.
#include <algorithm>
#include <cmath>

#include "models/serving/workload/families.hpp"

namespace orrery::models {
namespace {

class FixedLength : public LengthSource {
 public:
  explicit FixedLength(std::int64_t tokens) : tokens_(tokens) {}
  std::int64_t draw(sim::Random&) override { return tokens_; }

 private:
  std::int64_t tokens_;
};

class LognormalLength : public LengthSource {
 public:
  explicit LognormalLength(const LengthConfig& config)
      : least_(static_cast<double>(config.least)), most_(static_cast<double>(config.most)) {
    const double variance = sim::portable_log(1.0 + config.cv * config.cv);
    sigma_ = std::sqrt(variance);
    mu_ = sim::portable_log(config.mean) - 0.5 * variance;
  }
  std::int64_t draw(sim::Random& random) override {
    const double tokens = std::floor(random.lognormal(mu_, sigma_) + 0.5);
    return static_cast<std::int64_t>(std::clamp(tokens, least_, most_));
  }

 private:
  double least_, most_, mu_ = 0.0, sigma_ = 0.0;
};

class UniformLength : public LengthSource {
 public:
  UniformLength(std::int64_t least, std::int64_t most)
      : least_(least), count_(static_cast<std::uint64_t>(most - least + 1)) {}
  std::int64_t draw(sim::Random& random) override { return least_ + static_cast<std::int64_t>(random.below(count_)); }

 private:
  std::int64_t least_;
  std::uint64_t count_;
};

}  // namespace

std::unique_ptr<LengthSource> make_fixed_length(const LengthConfig& config) {
  return std::make_unique<FixedLength>(static_cast<std::int64_t>(config.mean));
}

std::unique_ptr<LengthSource> make_lognormal_length(const LengthConfig& config) {
  return std::make_unique<LognormalLength>(config);
}

std::unique_ptr<LengthSource> make_uniform_length(const LengthConfig& config) {
  return std::make_unique<UniformLength>(config.least, config.most);
}

const std::vector<LengthRow>& length_distributions() {
  static const std::vector<LengthRow> rows = {
      {"fixed", "n = mean", "vllm-project/vllm vllm/benchmarks/serve.py --random-input-len, range ratio 0",
       make_fixed_length},
      {"lognormal", "ln n ~ N(ln(mean) − σ²/2, σ²) with σ² = ln(1 + cv²); rounded, cut to [least, most]",
       "Johnson, Kotz, Balakrishnan 1994, Continuous Univariate Distributions 1, ch. 14", make_lognormal_length},
      {"uniform", "n uniform in {least, …, most}",
       "vllm-project/vllm vllm/benchmarks/datasets.py RandomDataset (range ratio)", make_uniform_length},
      {"empirical", "n drawn with equal chance from given values or a column of a table; cut to [least, most]",
       "the bootstrap of Efron 1979, Annals of Statistics 7(1)", make_empirical_length},
  };
  return rows;
}

const LengthRow* find_length_distribution(std::string_view name) {
  const auto& rows = length_distributions();
  const auto found = std::find_if(rows.begin(), rows.end(), [&](const LengthRow& row) { return row.name == name; });
  return found == rows.end() ? nullptr : &*found;
}

}  // namespace orrery::models
