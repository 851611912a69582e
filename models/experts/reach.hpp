// How far a token's copies go.
//
//   reach(G) = G (1 − ∏ (E − E/G − i) / (E − i)), i < k     distinct groups of k of E experts, uniform gating
//   reach(G) = min(G, k)                                     balanced gating
//
// A group limit of g nodes leaves a token g/N of the experts and of the ranks.
// Source: deepseek-ai/DeepEP deep_ep/buffers/elastic.py (expected distinct groups); DeepSeek-V3, arXiv:2412.19437
// §2.1.2 (node-limited routing).
#pragma once

#include "models/experts/exchange.hpp"

namespace orrery::models {

/// Distinct groups, of `groups` that share `experts` evenly, that hold the k experts of a token.
[[nodiscard]] double distinct_groups(double groups, double experts, std::int64_t topk);

/// Ranks that a token is sent to, its own among them, and nodes likewise. REQUIRES check(shape).empty().
[[nodiscard]] double rank_reach(const ExchangeShape& shape);
[[nodiscard]] double node_reach(const ExchangeShape& shape);

/// What a token, or the share of its result, takes on the wire, scales included: one fp32 per 128 values of fp8_block
/// (DeepEP deep_ep/buffer.py, dispatch: [tokens, hidden / 128] scales). fp8 has one scale a tensor, which nobody sends.
[[nodiscard]] Bytes row_bytes(std::int64_t hidden, Dtype dtype);
/// The same of what a phase sends; 0 for prepare, which sends numbers only.
[[nodiscard]] Bytes row_bytes(const ExchangeShape& shape, ExchangePhase phase);

/// A phase of kernels of their own, which send so many copies of a token's row; on several nodes those between them.
[[nodiscard]] ExchangeCollective sparse_collective(const ExchangeShape& shape, ExchangePhase phase, double copies);

/// What a rank's cards carry between nodes: `share` of their line rate, or what is left of it by switches that sustain
/// as much of theirs as the World has them do (sim/collective/exchange_bound.hpp).
[[nodiscard]] BytesPerSecond network_rate(const ExchangeShape& shape, const hardware::Site& site, double share);

// What ExchangeRow::refuses says.
/// Of kernels that write to other GPUs of the node over NVLink, and by RDMA to other nodes.
[[nodiscard]] std::string needs_nvlink(const ExchangeShape& shape, const hardware::Site& site);
/// Of those that stay within a domain of NVLink.
[[nodiscard]] std::string needs_one_domain(const ExchangeShape& shape, const hardware::Site& site);

}  // namespace orrery::models
