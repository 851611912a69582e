#include "scenarios/serving/requests_csv.hpp"

#include <algorithm>
#include <numeric>
#include <ostream>

#include <fmt/format.h>

#include "scenarios/format.hpp"

namespace orrery::scenarios {

namespace {

using models::RequestRecord;
using models::SequenceState;

constexpr std::string_view kHeader =
    "id,replica,state,arrival_s,queued_s,scheduled_s,first_token_s,last_token_s,input_tokens,output_tokens,"
    "cached_tokens,preemptions,ttft_s,tpot_s,e2e_s,warmup\n";

std::string row_of(const RequestRecord& r) {
  const bool answered = r.state == SequenceState::finished;
  const auto when = [answered](sim::SimTime time) { return answered ? exact_seconds(time) : std::string(); };
  std::string tpot;
  if (answered && r.output_tokens > 1) {
    const double gaps = static_cast<double>(r.output_tokens - 1);
    tpot = shortest(static_cast<double>(r.last_token - r.first_token) / gaps / 1e12);
  }
  return fmt::format("{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}\n", r.id, r.replica, name(r.state),
                     exact_seconds(r.arrival), when(r.queued), when(r.scheduled), when(r.first_token),
                     when(r.last_token), r.input_tokens, r.output_tokens, std::max<std::int64_t>(0, r.cached_tokens),
                     r.preemptions, answered ? exact_seconds(r.first_token - r.arrival) : "", tpot,
                     answered ? exact_seconds(r.last_token - r.arrival) : "", r.warmup ? 1 : 0);
}

}  // namespace

std::string exact_seconds(sim::SimTime time) {
  std::string text = fmt::format("{}.{:012}", time / sim::kPicosecondsPerSecond, time % sim::kPicosecondsPerSecond);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text;
}

std::string_view name(SequenceState state) {
  switch (state) {
    case SequenceState::waiting:
      return "waiting";
    case SequenceState::running:
      return "running";
    case SequenceState::finished:
      return "finished";
    case SequenceState::rejected:
      return "rejected";
  }
  return "";
}

void write_requests_csv(const std::vector<RequestRecord>& records, bool partial, std::ostream& out) {
  std::vector<std::size_t> order(records.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return records[a].id < records[b].id; });
  out << kHeader;
  for (const std::size_t index : order) out << row_of(records[index]);
  if (partial) out << "# partial: interrupted before the run was done\n";
}

}  // namespace orrery::scenarios
