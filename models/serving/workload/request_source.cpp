// Draws requests: input and output lengths are independent, as are system prompts.
// Limitations: in recorded loads long prompts and short answers go together; a trace keeps that, this doesn't.
#include "models/serving/workload/request_source.hpp"

#include <algorithm>
#include <stdexcept>

namespace orrery::models {
namespace {

std::unique_ptr<LengthSource> make_lengths(const LengthConfig& config) {
  const LengthRow* row = find_length_distribution(config.distribution);
  if (row == nullptr) throw std::invalid_argument("unknown length distribution: " + config.distribution);
  return row->make(config);
}

}  // namespace

RequestSource::RequestSource(const LoadConfig& load, std::uint64_t seed)
    : input_(make_lengths(load.input)),
      output_(make_lengths(load.output)),
      input_random_(load_random(seed, LoadPurpose::input)),
      output_random_(load_random(seed, LoadPurpose::output)),
      prefix_random_(load_random(seed, LoadPurpose::prefix)),
      prefix_tokens_(load.prefix_tokens),
      prefix_groups_(static_cast<std::uint64_t>(load.prefix_groups)),
      most_(static_cast<std::uint64_t>(load.requests)) {}

Request RequestSource::draw(sim::SimTime arrival) {
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
