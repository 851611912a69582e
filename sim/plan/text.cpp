// The text form of a Plan: one line per table entry and step, `key=value`, stable.
//
// Writing and reading share one list of fields per type, so that they can't drift apart. Numbers are
// written in the shortest form that reads back to the same value. What follows " # " is for the reader.
#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "sim/plan/fields.hpp"
#include "sim/plan/plan.hpp"

namespace orrery::sim {

namespace {

using plan_fields::fields;
using plan_fields::from_token;
using plan_fields::to_token;

constexpr std::string_view kHeader = "orrery_plan 2";

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  return out + '"';
}

class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}
  template <class T>
  void field(std::string_view key, const T& value) {
    out_ += fmt::format(" {}={}", key, to_token(value));
  }

 private:
  std::string& out_;
};

class Reader {
 public:
  Reader(std::string_view line, std::size_t number) : rest_(line), number_(number) { skip_spaces(); }

  [[noreturn]] void fail(const std::string& what) const {
    throw std::invalid_argument(fmt::format("plan text, line {}: {}", number_, what));
  }

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

/// The name of each alternative of Kernel, in its order.
constexpr std::string_view kShapes[] = {"gemm", "attention_prefill", "attention_decode", "moe", "memory", "host_copy"};

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

/// What the index of a step stands for, where that is a label; "?" where the plan has no such entry.
std::string_view comment(const Plan& plan, Step step) {
  constexpr std::string_view kUnknown = "?";
  LabelId label;
  const auto take = [&](const auto& table) {
    if (step.index < table.size()) label = table[step.index].label;
  };
  switch (step.kind) {
    case StepKind::launch:
      take(plan.kernels);
      break;
    case StepKind::collective:
      take(plan.collectives);
      break;
    case StepKind::send:
    case StepKind::recv:
      take(plan.transfers);
      break;
    case StepKind::copy:
      take(plan.copies);
      break;
    case StepKind::mark:
      take(plan.marks);
      break;
    case StepKind::call: {
      const std::size_t block = step.index < plan.calls.size() ? plan.calls[step.index].block : plan.blocks.size();
      return block < plan.blocks.size() ? std::string_view(plan.blocks[block].name) : kUnknown;
    }
    default:
      return {};
  }
  return label.index() < plan.labels.size() ? std::string_view(plan.labels[label.index()]) : kUnknown;
}

template <class Entry>
void write_table(std::string& out, std::string_view word, const std::vector<Entry>& table) {
  for (const Entry& entry : table) {
    out += word;
    Writer writer(out);
    fields(writer, entry);
    if constexpr (std::is_same_v<Entry, KernelEntry>) {
      out += fmt::format(" {}", kShapes[entry.kernel.index()]);
      std::visit([&writer](const auto& shape) { fields(writer, shape); }, entry.kernel);
      if (entry.beside) {
        out += " beside";
        fields(writer, *entry.beside);
      }
    }
    out += '\n';
  }
}

void write_steps(std::string& out, const Plan& plan, const std::vector<Step>& steps) {
  for (const Step step : steps) {
    out += fmt::format("  {} {}", name(step.kind), step.index);
    if (const std::string_view text = comment(plan, step); !text.empty()) out += " # " + quoted(text);
    out += '\n';
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

void read_step(std::string_view word, Reader& reader, Plan& plan) {
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

void read_line(Reader& reader, Plan& plan) {
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

}  // namespace

std::string to_text(const Plan& plan) {
  std::string out(kHeader);
  out += '\n';
  for (const Rank& rank : plan.ranks) {
    out += "rank " + quoted(rank.name);
    Writer writer(out);
    fields(writer, rank);
    out += '\n';
  }
  for (const Group& group : plan.groups) {
    out += "group " + quoted(group.name);
    Writer writer(out);
    fields(writer, group);
    for (const RankId member : group.members) out += fmt::format(" {}", member.value);
    out += '\n';
  }
  for (const std::string& label : plan.labels) out += "label " + quoted(label) + '\n';
  write_table(out, "kernel", plan.kernels);
  write_table(out, "collective", plan.collectives);
  write_table(out, "transfer", plan.transfers);
  write_table(out, "copy", plan.copies);
  write_table(out, "memory", plan.memory);
  write_table(out, "mark", plan.marks);
  for (const LaneName& lane : plan.lane_names) {
    out += "lane " + quoted(lane.name);
    Writer writer(out);
    fields(writer, lane.lane);
    out += '\n';
  }
  out += fmt::format("events {}\n", plan.events);
  for (const Block& block : plan.blocks) {
    out += fmt::format("block {} events={}\n", quoted(block.name), block.events);
    for (const BlockPart& part : block.parts) {
      out += " part";
      Writer writer(out);
      fields(writer, part.lane);
      out += '\n';
      write_steps(out, plan, part.steps);
    }
  }
  write_table(out, "call", plan.calls);
  for (const Stream& stream : plan.streams) {
    out += "stream";
    Writer writer(out);
    fields(writer, stream);
    out += '\n';
    write_steps(out, plan, stream.steps);
  }
  return out;
}

Plan plan_from_text(std::string_view text) {
  Plan plan;
  std::size_t number = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    Reader reader(line, ++number);
    if (number == 1) {
      if (line != kHeader) reader.fail(fmt::format("expected \"{}\"", kHeader));
    } else if (!reader.at_end()) {
      read_line(reader, plan);
    }
  }
  if (number == 0) throw std::invalid_argument("plan text, line 1: the text is empty");
  return plan;
}

}  // namespace orrery::sim
