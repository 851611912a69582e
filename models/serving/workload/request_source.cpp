// Draws requests: input and output lengths are independent, as are system prompts.
// Limitations: in recorded loads long prompts and short answers go together; a trace keeps that, this doesn't.
#include "models/serving/workload/request_source.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace orrery::models {
namespace {

constexpr std::uint64_t kAll = ~std::uint64_t{0};  ///< of a trace

std::unique_ptr<LengthSource> make_lengths(const LengthConfig& config) {
  const LengthRow* row = find_length_distribution(config.distribution);
  if (row == nullptr) throw std::invalid_argument("unknown length distribution: " + config.distribution);
  return row->make(config);
}

}  // namespace

RequestSource::RequestSource(const LoadConfig& load, std::uint64_t seed)
    : input_(load.trace.empty() ? make_lengths(load.input) : nullptr),
      output_(load.trace.empty() ? make_lengths(load.output) : nullptr),
      input_random_(load_random(seed, LoadPurpose::input)),
      output_random_(load_random(seed, LoadPurpose::output)),
      prefix_random_(load_random(seed, LoadPurpose::prefix)),
      prefix_tokens_(load.prefix_tokens),
      prefix_groups_(static_cast<std::uint64_t>(load.prefix_groups)),
      most_(load.requests > 0 ? static_cast<std::uint64_t>(load.requests) : kAll) {
  if (load.trace.empty()) return;
  trace_ = std::make_unique<TraceReader>(load.trace, load.trace_format, 1.0);
  of_trace_ = trace_->next_untimed();
}

Request RequestSource::draw(sim::SimTime arrival) {
  if (trace_) {
    Request request = std::move(*of_trace_);
    request.arrival = arrival;
    ++drawn_;
    if (drawn_ < most_) of_trace_ = trace_->next_untimed();
    return request;
  }
  Request request;
  request.id = drawn_++;
  request.arrival = arrival;
  request.input_tokens = input_->draw(input_random_);
  request.output_tokens = output_->draw(output_random_);
  if (prefix_tokens_ > 0) {
    request.prefix = {kSystemPromptNames + prefix_random_.below(prefix_groups_)};
    request.prefix_tokens = prefix_tokens_;
    request.input_tokens = std::max(request.input_tokens, prefix_tokens_ + 1);
  }
  return request;
}

}  // namespace orrery::models
