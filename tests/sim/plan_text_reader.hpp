// Reads the text form of a Plan (sim/plan/text.cpp) back, so that tests can say that it holds all of it: each line by
// the list of fields that wrote it, or refused with its number.
#pragma once

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "sim/plan/fields.hpp"
#include "sim/plan/plan.hpp"

namespace orrery::sim {

namespace plan_reading {

using plan_fields::fields;
using plan_fields::from_token;
using plan_fields::kHeader;
using plan_fields::kShapes;

[[noreturn]] inline void fail_at(std::size_t line, const std::string& what) {
  throw std::invalid_argument(fmt::format("plan text, line {}: {}", line, what));
}

class Reader {
 public:
  Reader(std::string_view line, std::size_t number) : rest_(line), number_(number) { skip_spaces(); }

  [[noreturn]] void fail(const std::string& what) const { fail_at(number_, what); }

  [[nodiscard]] bool at_end() const { return rest_.empty() || rest_.front() == '#'; }

  std::string_view word() {
    const std::string_view token = rest_.substr(0, std::min(rest_.find(' '), rest_.size()));
    if (token.empty()) fail("a word is missing");
    rest_.remove_prefix(token.size());
    skip_spaces();
    return token;
  }

  std::string string() {
    if (rest_.empty() || rest_.front() != '"') fail("expected a quoted string");
    std::string out;
    for (std::size_t i = 1; i < rest_.size(); ++i) {
      if (rest_[i] == '"') {
        rest_.remove_prefix(i + 1);
        skip_spaces();
        return out;
      }
      if (rest_[i] == '\\' && i + 1 < rest_.size()) {
        ++i;
        out += rest_[i] == 'n' ? '\n' : rest_[i];
      } else {
        out += rest_[i];
      }
    }
    fail("a quoted string does not end");
  }

  template <class T>
  void field(std::string_view key, T& value) {
    const std::string_view token = word();
    if (token.size() <= key.size() || token.substr(0, key.size()) != key || token[key.size()] != '=') {
      fail(fmt::format("expected \"{}=\", found \"{}\"", key, token));
    }
    if (!from_token(token.substr(key.size() + 1), value)) fail(fmt::format("\"{}\" has no such value", token));
  }

  template <class T>
  void value(T& out) {
    const std::string_view token = word();
    if (!from_token(token, out)) fail(fmt::format("\"{}\" is not what belongs here", token));
  }

  void end() const {
    if (!at_end()) fail(fmt::format("\"{}\" is too much", rest_));
  }

 private:
  void skip_spaces() {
    while (!rest_.empty() && rest_.front() == ' ') rest_.remove_prefix(1);
  }
  std::string_view rest_;
  std::size_t number_;
};

template <std::size_t I = 0>
kernels::Kernel read_shape(std::string_view shape, Reader& reader) {
  if constexpr (I < std::variant_size_v<kernels::Kernel>) {
    if (shape != kShapes[I]) return read_shape<I + 1>(shape, reader);
    std::variant_alternative_t<I, kernels::Kernel> value;
    fields(reader, value);
    return value;
  } else {
    reader.fail(fmt::format("no kernel shape is called \"{}\"", shape));
  }
}

template <class Entry>
void read_entry(Reader& reader, std::vector<Entry>& table) {
  Entry entry;
  fields(reader, entry);
  if constexpr (std::is_same_v<Entry, KernelEntry>) {
    entry.kernel = read_shape(reader.word(), reader);
    if (!reader.at_end()) {
      if (reader.word() != "beside") reader.fail("only the kernel that it runs beside may follow");
      fields(reader, entry.beside.emplace());
    }
  }
  table.push_back(std::move(entry));
}

inline void read_step(std::string_view word, Reader& reader, Plan& plan) {
  Step step;
  if (!plan_fields::parse_name(word, step.kind)) reader.fail(fmt::format("\"{}\" is no table and no step", word));
  std::vector<Step>* steps = nullptr;  // of the stream, or before the first stream of the part, that was begun last
  if (!plan.streams.empty()) {
    steps = &plan.streams.back().steps;
  } else if (!plan.blocks.empty() && !plan.blocks.back().parts.empty()) {
    steps = &plan.blocks.back().parts.back().steps;
  } else {
    reader.fail("a step stands before the first stream");
  }
  reader.value(step.index);
  steps->push_back(step);
}

inline void read_line(Reader& reader, Plan& plan) {
  // "  copy 3" is a step, "copy bytes=…" an entry: steps only come after the first block or stream.
  const bool entries = plan.streams.empty() && plan.blocks.empty();
  const std::string_view word = reader.word();
  if (word == "rank") {
    Rank rank;
    rank.name = reader.string();
    fields(reader, rank);
    plan.ranks.push_back(std::move(rank));
  } else if (word == "group") {
    Group group;
    group.name = reader.string();
    fields(reader, group);
    while (!reader.at_end()) reader.value(group.members.emplace_back());
    plan.groups.push_back(std::move(group));
  } else if (word == "label") {
    plan.labels.push_back(reader.string());
  } else if (word == "events") {
    reader.value(plan.events);
  } else if (word == "stream") {
    Stream stream;
    fields(reader, stream);
    plan.streams.push_back(std::move(stream));
  } else if (word == "kernel") {
    read_entry(reader, plan.kernels);
  } else if (word == "collective" && entries) {
    read_entry(reader, plan.collectives);
  } else if (word == "transfer") {
    read_entry(reader, plan.transfers);
  } else if (word == "copy" && entries) {
    read_entry(reader, plan.copies);
  } else if (word == "memory") {
    read_entry(reader, plan.memory);
  } else if (word == "mark" && entries) {
    read_entry(reader, plan.marks);
  } else if (word == "lane") {
    LaneName& lane = plan.lane_names.emplace_back();
    lane.name = reader.string();
    fields(reader, lane.lane);
  } else if (word == "block") {
    Block& block = plan.blocks.emplace_back();
    block.name = reader.string();
    reader.field("events", block.events);
  } else if (word == "part") {
    if (plan.blocks.empty()) reader.fail("a part stands before the first block");
    fields(reader, plan.blocks.back().parts.emplace_back().lane);
  } else if (word == "call" && plan.streams.empty()) {
    read_entry(reader, plan.calls);
  } else {
    read_step(word, reader, plan);
  }
  reader.end();
}

/// Where the text says how many events there are: whoever reads the plan makes room for all of them.
struct EventLines {
  std::size_t plan = 0;
  std::vector<std::size_t> blocks;
};

inline std::uint64_t events_named(const std::vector<Step>& steps) {
  const auto names_one = [](Step step) { return step.kind == StepKind::record || step.kind == StepKind::wait; };
  return static_cast<std::uint64_t>(std::count_if(steps.begin(), steps.end(), names_one));
}

/// An event is named by a step, or is one of a call's: more of them are a slip that must not fill the memory.
inline void check_event_counts(const Plan& plan, const EventLines& lines) {
  for (std::size_t i = 0; i < plan.blocks.size(); ++i) {
    std::uint64_t named = 0;
    for (const BlockPart& part : plan.blocks[i].parts) named += events_named(part.steps);
    if (plan.blocks[i].events <= named) continue;
    fail_at(lines.blocks[i],
            fmt::format("{} events, but the steps of the block name {} at most", plan.blocks[i].events, named));
  }
  std::uint64_t named = 0;
  for (const Stream& stream : plan.streams) named += events_named(stream.steps);
  for (const Call& call : plan.calls) {
    if (call.block < plan.blocks.size()) named += plan.blocks[call.block].events;
  }
  if (plan.events > named) {
    fail_at(lines.plan, fmt::format("{} events, but steps and calls name {} at most", plan.events, named));
  }
}

}  // namespace plan_reading

/// Reads what to_text wrote. Throws std::invalid_argument with the line number on malformed text, and on one that
/// claims more events or members than it could name: what it takes to hold follows the length of the text.
[[nodiscard]] inline Plan plan_from_text(std::string_view text) {
  using namespace plan_reading;

  Plan plan;
  std::size_t number = 0;
  EventLines lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    Reader reader(line, ++number);
    if (number == 1) {
      if (line != kHeader) reader.fail(fmt::format("expected \"{}\"", kHeader));
    } else if (!reader.at_end()) {
      const std::uint32_t events = plan.events;
      read_line(reader, plan);
      if (plan.events != events) lines.plan = number;
      if (plan.blocks.size() > lines.blocks.size()) lines.blocks.push_back(number);
    }
  }
  if (number == 0) fail_at(1, "the text is empty");
  check_event_counts(plan, lines);
  return plan;
}

}  // namespace orrery::sim
