// A request as a client sends it, and the sequence that an engine makes of it.
#pragma once

#include <cstdint>
#include <vector>

#include "sim/clock.hpp"

namespace orrery::models {

/// What a client sends. Output length is an input of the simulation: when a model stops can't be known.
struct Request {
  std::uint64_t id = 0;  ///< counts from 0 in the order of arrival
  sim::SimTime arrival = 0;
  std::int64_t input_tokens = 0;
  std::int64_t output_tokens = 0;
  /// Names of the prompt's leading pieces of `prefix_tokens` tokens each (the last may be shorter). Equal names at
  /// equal places mean equal tokens in this and all pieces before. Empty: nothing is shared with other requests.
  std::vector<std::uint64_t> prefix;
  std::int64_t prefix_tokens = 0;
};

enum class SequenceState : std::uint8_t { waiting, running, finished, rejected };

/// A request inside an engine. Counters are in tokens.
///
/// `computed` chases `known() + placeholders`: there are no phases of prefill and decode (vLLM V1,
/// v1/core/sched/scheduler.py). What a step was given counts as computed as soon as it is scheduled.
struct Sequence {
  Request request;
  SequenceState state = SequenceState::waiting;
  std::int64_t computed = 0;      ///< tokens whose KV is in the cache, or being written by a step in flight
  std::int64_t generated = 0;     ///< tokens that finished steps have emitted
  std::int64_t placeholders = 0;  ///< tokens that steps in flight will emit (asynchronous scheduling)
  std::int64_t cached = -1;       ///< tokens found in the prefix cache when first scheduled; −1: never scheduled
  int preemptions = 0;
  std::vector<std::uint32_t> blocks;  ///< of the KV cache, in order; kept as a memory of what was held after a
                                      ///< preemption, while `holds_blocks` is false
  bool holds_blocks = false;
  std::int64_t sides = 0;        ///< blocks that it holds beside those of its tokens
  std::int64_t named = 0;        ///< leading blocks whose content the cache knows by name
  int in_flight = 0;             ///< steps in flight that work on it
  bool started = false;          ///< has been scheduled at least once
  sim::SimTime queued = 0;       ///< when the scheduler saw it
  sim::SimTime scheduled = 0;    ///< start of the decision that first gave it tokens
  sim::SimTime first_token = 0;  ///< emitted
  sim::SimTime last_token = 0;

  /// Prompt and what was generated: tokens whose values are known.
  [[nodiscard]] std::int64_t known() const { return request.input_tokens + generated; }
  /// Tokens still to emit that no step in flight has been given.
  [[nodiscard]] std::int64_t remaining() const { return request.output_tokens - generated - placeholders; }
};

}  // namespace orrery::models
