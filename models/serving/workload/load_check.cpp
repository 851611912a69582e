// Which loads make sense: every rule with the key of `serving.load:` that breaks it.
#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <string>

#include <fmt/format.h>

#include "hardware/catalogue/catalogue.hpp"
#include "models/serving/workload/workload.hpp"

namespace orrery::models {
namespace {

constexpr std::int64_t kMostRequests = 1'000'000'000'000;
constexpr double kMostSeconds = 1.8e7;  // simulated time ends after 2^64 ps = 1.84e7 s

template <class Rows>
std::string unknown_name(std::string_view what, const std::string& name, const Rows& rows) {
  std::vector<std::string> names;
  for (const auto& row : rows) names.emplace_back(row.name);
  std::string message = fmt::format("unknown {} '{}'", what, name);
  const std::vector<std::string> near = hardware::nearest_names(name, names);
  if (!near.empty()) message += fmt::format("; did you mean {}?", fmt::join(near, ", "));
  return message + fmt::format(" They are {}", fmt::join(names, ", "));
}

/// A finite number above zero.
bool positive(double x) { return x > 0.0 && std::isfinite(x); }

class LoadChecker {
 public:
  explicit LoadChecker(const LoadConfig& load) : load_(load) {}

  std::vector<JobError> run() {
    if (find_arrival_process(load_.arrivals) == nullptr) {
      error("arrivals", "{}", unknown_name("arrival process", load_.arrivals, arrival_processes()));
    } else {
      foreign_keys();
      arrivals();
    }
    requests();
    if (is_trace() || !load_.trace.empty()) {
      trace();
    } else {
      lengths("input", load_.input);
      lengths("output", load_.output);
      prefix();
    }
    return errors_;
  }

 private:
  template <class... Args>
  void error(std::string_view key, fmt::format_string<Args...> format, Args&&... args) {
    errors_.push_back({fmt::format("serving.load.{}", key), fmt::format(format, std::forward<Args>(args)...)});
  }

  [[nodiscard]] bool is(std::string_view arrivals) const { return load_.arrivals == arrivals; }
  [[nodiscard]] bool is_trace() const { return is("trace"); }
  [[nodiscard]] bool has_rate() const { return is("constant") || is("poisson") || is("gamma"); }

  // A key that the arrival process does not read would silently do nothing.
  void belongs(std::string_view key, bool given, std::initializer_list<std::string_view> to) {
    if (!given || std::find(to.begin(), to.end(), load_.arrivals) != to.end()) return;
    error(key, "belongs to arrivals: {}, not to {}", fmt::join(to, ", "), load_.arrivals);
  }

  void foreign_keys() {
    belongs("rate", load_.rate != 0.0, {"constant", "poisson", "gamma"});
    belongs("cv", load_.cv != 1.0, {"gamma"});
    belongs("burst_size", load_.burst_size != 0, {"burst"});
    belongs("burst_interval", load_.burst_interval != Seconds{0.0}, {"burst"});
    belongs("concurrency", load_.concurrency != 0, {"closed_loop"});
    belongs("think_time", load_.think_time != Seconds{0.0}, {"closed_loop"});
    belongs("rate_scale", load_.rate_scale != 1.0, {"trace"});
  }

  void arrivals() {
    if (has_rate() && !(load_.rate > 0.0)) {
      error("rate", "must be above 0 requests per second, or inf for all at once, not {}", load_.rate);
    }
    if (is("gamma") && !(load_.cv >= 1e-3 && load_.cv <= 1e3)) {
      error("cv", "must be from 0.001 to 1000, not {}; arrivals: constant has none", load_.cv);
    }
    if (is("closed_loop") && load_.concurrency < 1) {
      error("concurrency", "must be at least 1 client, not {}", load_.concurrency);
    }
    if (is("closed_loop") && !(load_.think_time >= Seconds{0.0} && load_.think_time < Seconds{kMostSeconds})) {
      error("think_time", "must be from 0 to {:.0e} s, not {} s", kMostSeconds, load_.think_time.value());
    }
    if (is("burst")) burst();
    const double last = has_rate() && positive(load_.rate) ? static_cast<double>(load_.requests) / load_.rate : 0.0;
    if (last > kMostSeconds) {
      error("rate", "at {} requests per second the last of {} arrives after {:.3g} s; simulated time ends at 1.8e7 s",
            load_.rate, load_.requests, last);
    }
  }

  void burst() {
    if (load_.burst_size < 0) error("burst_size", "must be at least 1, or 0 for all at once, not {}", load_.burst_size);
    const double interval = load_.burst_interval.value();
    if (load_.burst_size == 0 && interval != 0.0) {
      error("burst_interval", "needs burst_size: without one all requests arrive at once");
    }
    if (load_.burst_size <= 0) return;
    if (!positive(interval)) {
      error("burst_interval", "must be above 0 s between bursts of {}, not {} s", load_.burst_size, interval);
    } else if (static_cast<double>(load_.requests / load_.burst_size) * interval > kMostSeconds) {
      error("burst_interval", "the last burst arrives later than 1.8e7 s, where simulated time ends");
    }
  }

  void requests() {
    const std::int64_t n = load_.requests;
    if (n < 0 || n > kMostRequests) {
      error("requests", "must be from 1 to {}, not {}", kMostRequests, n);
    } else if (n == 0 && !is_trace() && load_.trace.empty()) {
      error("requests", "must be at least 1; only a trace ends by itself");
    } else if (load_.trace.empty() && !load_.trace_format.empty()) {
      error("trace_format", "belongs to a trace: {}, which is not given", load_.trace_format);
    }
  }

  void trace() {
    if (load_.trace.empty()) error("trace", "arrivals: trace needs the file");
    if (!load_.trace_format.empty() && find_trace_format(load_.trace_format) == nullptr) {
      error("trace_format", "{}", unknown_name("trace format", load_.trace_format, trace_formats()));
    }
    if (!positive(load_.rate_scale)) error("rate_scale", "must be above 0, not {}", load_.rate_scale);
    const auto given = [](const LengthConfig& c) {
      const LengthConfig unset;
      return c.distribution != unset.distribution || c.mean != unset.mean || c.cv != unset.cv ||
             c.least != unset.least || c.most != unset.most || !c.values.empty() || !c.file.empty() ||
             !c.column.empty();
    };
    if (given(load_.input)) error("input", "prompts are as long as the trace says; leave it out");
    if (given(load_.output)) error("output", "answers are as long as the trace says; leave it out");
    if (load_.prefix_tokens != 0) error("prefix_tokens", "what prompts share is as the trace says; leave it out");
    if (load_.prefix_groups != 1) error("prefix_groups", "what prompts share is as the trace says; leave it out");
  }

  void lengths(const std::string& side, const LengthConfig& c) {
    const auto key = [&side](const char* name) { return side + "." + name; };
    if (find_length_distribution(c.distribution) == nullptr) {
      error(key("distribution"), "{}", unknown_name("length distribution", c.distribution, length_distributions()));
      return;
    }
    if (c.least < 1) error(key("least"), "must be at least 1 token, not {}", c.least);
    if (c.most > kMostTokens) error(key("most"), "must be at most {} tokens, not {}", kMostTokens, c.most);
    if (c.least > c.most) error(key("least"), "{} is more than most: {}", c.least, c.most);
    if (c.distribution != "lognormal" && c.cv != 1.0)
      error(key("cv"), "belongs to lognormal, not to {}", c.distribution);
    if (c.distribution == "fixed" || c.distribution == "lognormal")
      mean(side, c);
    else if (c.mean != 0.0)
      error(key("mean"), "follows from the other keys of {}; leave it out", c.distribution);
    if (c.distribution == "uniform" && c.most == LengthConfig{}.most) {
      error(key("most"), "uniform lengths need the largest one");
    }
    if (c.distribution == "empirical") {
      empirical(side, c);
    } else if (!c.values.empty() || !c.file.empty() || !c.column.empty()) {
      error(key(c.values.empty() ? (c.file.empty() ? "column" : "file") : "values"), "belongs to empirical, not to {}",
            c.distribution);
    }
  }

  void mean(const std::string& side, const LengthConfig& c) {
    const std::string key = side + ".mean";
    if (!(c.mean >= 1.0 && c.mean <= static_cast<double>(kMostTokens))) {
      error(key, "must be from 1 to {} tokens, not {}", kMostTokens, c.mean);
      return;
    }
    if (c.distribution == "fixed" && c.mean != std::floor(c.mean)) {
      error(key, "a fixed length is a whole number of tokens, not {}", c.mean);
    }
    if (c.mean < static_cast<double>(c.least) || c.mean > static_cast<double>(c.most)) {
      error(key, "{} is not between least: {} and most: {}", c.mean, c.least, c.most);
    }
    if (c.distribution == "lognormal" && !(c.cv > 0.0 && c.cv <= 1e3)) {
      error(side + ".cv", "must be above 0 and at most 1000, not {}; distribution: fixed has none", c.cv);
    }
  }

  void empirical(const std::string& side, const LengthConfig& c) {
    if (c.values.empty() == c.file.empty()) {
      error(side + (c.values.empty() ? ".values" : ".file"),
            "empirical lengths come from values or from a file with a column, {}",
            c.values.empty() ? "one is needed" : "not both");
    }
    for (const std::int64_t value : c.values) {
      if (value >= 1 && value <= kMostTokens) continue;
      error(side + ".values", "must be from 1 to {} tokens, not {}", kMostTokens, value);
      break;
    }
    if (c.file.empty() != c.column.empty()) {
      error(side + (c.file.empty() ? ".column" : ".file"), "file and column go together");
    }
  }

  void prefix() {
    // A system prompt's blocks of 16 tokens or of 1 are numbered below 2^20 under its name.
    constexpr std::int64_t kMostPrefix = (std::int64_t{1} << 20) - 1;
    const std::int64_t tokens = load_.prefix_tokens;
    if (tokens < 0 || tokens > kMostPrefix) error("prefix_tokens", "must be from 0 to {}, not {}", kMostPrefix, tokens);
    if (load_.prefix_groups < 1 || load_.prefix_groups > 1'000'000'000) {
      error("prefix_groups", "must be from 1 to a billion, not {}", load_.prefix_groups);
    } else if (load_.prefix_groups != 1 && tokens == 0) {
      error("prefix_groups", "needs prefix_tokens: without them prompts share nothing");
    }
    const bool fixed = load_.input.distribution == "fixed";
    const double most = fixed ? load_.input.mean : static_cast<double>(load_.input.most);
    if (tokens > 0 && most >= 1.0 && static_cast<double>(tokens) >= most) {
      error("prefix_tokens", "{} leave nothing of a prompt of at most {:.0f} tokens", tokens, most);
    }
  }

  const LoadConfig& load_;
  std::vector<JobError> errors_;
};

}  // namespace

std::vector<JobError> check(const LoadConfig& load) { return LoadChecker(load).run(); }

}  // namespace orrery::models
