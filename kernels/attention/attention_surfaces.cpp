// What attention kernels do beyond their equations: schedules that differ by head width, group, window and length.
//
// Prompts: queries against heads of the batch and head width; queries against how far they exceed the window, and head
// width; queries against the group of a KV head, with and without a window.
// Decoding: keys that are seen against KV heads of the batch and head width; the whole cache against how far it exceeds
// the window; keys against the group of a KV head and KV heads of the batch.
// Limitations: forward passes alone; what a chunk's queries have to do with a cached prefix is the equation's alone.
#include <algorithm>

#include "kernels/attention/attention.hpp"

namespace orrery::kernels {
namespace {

namespace prefill {
enum Place : std::size_t { kQueries, kHeads, kWidth, kGroup, kWindows, kWindowed };
}
namespace decode {
enum Place : std::size_t { kSeen, kLength, kHeads, kWidth, kGroup, kWindows };
}

double count(std::int64_t n) { return static_cast<double>(n); }

// How often the window fits into the length; 1 where it does not matter.
double windows(double length, std::int64_t window) { return window == 0 ? 1.0 : std::max(1.0, length / count(window)); }

bool locate_prefill(const Kernel& kernel, const hardware::Gpu&, Coordinates& at) {
  using namespace prefill;
  const AttentionPrefillShape& s = std::get<AttentionPrefillShape>(kernel);
  if (s.pass == Pass::backward || s.implementation == Implementation::unfused) return false;
  at[kQueries] = octaves(count(s.q_len));
  at[kHeads] = octaves(count(s.batch) * count(s.q_heads));
  at[kWidth] = octaves(count(s.head_dim));
  at[kGroup] = octaves(count(s.q_heads) / count(s.kv_heads));
  at[kWindows] = octaves(windows(count(s.kv_len), s.window));
  at[kWindowed] = s.window == 0 ? 0.0 : 1.0;
  return true;
}

// No table has a cached prefix: of the pairs of a query and a key, those with keys of the prompt itself.
double own_pairs(const Kernel& kernel) {
  const AttentionPrefillShape& s = std::get<AttentionPrefillShape>(kernel);
  const double own = count(s.q_len), cached = count(s.kv_len - s.q_len);
  return own / (own + 2.0 * cached);
}

bool locate_decode(const Kernel& kernel, const hardware::Gpu&, Coordinates& at) {
  using namespace decode;
  const AttentionDecodeShape& s = std::get<AttentionDecodeShape>(kernel);
  const double batch = count(s.batch), length = count(s.kv_tokens) / batch;
  const double kv_heads = s.latent_dim > 0 ? 1.0 : count(s.kv_heads);
  at[kSeen] = octaves(std::max(1.0, visible_tokens(s) / batch));
  at[kLength] = octaves(std::max(1.0, length));
  at[kHeads] = octaves(batch * kv_heads);
  at[kWidth] = octaves(count(s.latent_dim > 0 ? s.latent_dim : s.head_dim));
  at[kGroup] = octaves(count(s.q_heads) / kv_heads);
  at[kWindows] = octaves(windows(length, s.window));
  return true;
}

Kernel longer_prompts(const Kernel& kernel, double by) {
  AttentionPrefillShape s = std::get<AttentionPrefillShape>(kernel);
  const std::int64_t cached = s.kv_len - s.q_len;
  s.q_len = grown_size(s.q_len, by);
  s.kv_len = s.q_len + cached;
  return s;
}

Kernel more_prompts(const Kernel& kernel, double by) {
  AttentionPrefillShape s = std::get<AttentionPrefillShape>(kernel);
  s.batch = grown_size(s.batch, by);
  return s;
}

Kernel longer_sequences(const Kernel& kernel, double by) {
  AttentionDecodeShape s = std::get<AttentionDecodeShape>(kernel);
  s.kv_tokens = grown_size(s.kv_tokens, by);
  return s;
}

Kernel more_sequences(const Kernel& kernel, double by) {
  AttentionDecodeShape s = std::get<AttentionDecodeShape>(kernel);
  const std::int64_t batch = grown_size(s.batch, by);
  s.kv_tokens = grown_size(s.kv_tokens, count(batch) / count(s.batch));
  s.batch = batch;
  return s;
}

}  // namespace

void add_prefill_surfaces(FittedModel& model) {
  using namespace prefill;
  const SurfaceAxis queries = {kQueries, {0, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14}};
  const SurfaceAxis width = {kWidth, {6, 7, 7.5, 8, 9}};
  model.coordinates = {"queries", "heads", "width", "group", "windows", "windowed"};
  model.locate = locate_prefill;
  model.surfaces_part = own_pairs;
  model.grown = {more_prompts, longer_prompts};
  model.surfaces = {{queries, {kHeads, {0, 2, 4, 5, 6, 7, 8, 9, 10, 12, 14}}, width},
                    {queries, {kWindows, {0, 1, 3, 7}}, width},
                    {queries, {kGroup, {0, 1, 2, 3, 4, 5, 6}}, {kWindowed, {0, 1}}}};
}

void add_decode_surfaces(FittedModel& model) {
  using namespace decode;
  const std::vector<double> lengths = {0, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 17};
  model.coordinates = {"seen", "length", "kv_heads", "width", "group", "windows"};
  model.locate = locate_decode;
  model.grown = {more_sequences, longer_sequences};
  model.surfaces = {
      {{kSeen, lengths}, {kHeads, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13}}, {kWidth, {6, 7, 7.5, 8, 9}}},
      {{kLength, lengths}, {kWindows, {0, 1, 3, 7}}},
      {{kSeen, {0, 5, 7, 9, 11, 13, 15}}, {kGroup, {0, 1, 2, 3, 4, 5, 6, 7}}, {kHeads, {0, 2, 4, 6, 8, 10, 13}}}};
}

}  // namespace orrery::kernels
