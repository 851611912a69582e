// The text form of a Plan: one line per table entry and step, `key=value`, stable.
//
// Writing and reading share one list of fields per type, so that they can't drift apart. Numbers are
// written in the shortest form that reads back to the same value. What follows " # " is for the reader.
// tests/sim/plan_text_reader.hpp reads it back.
#include <string>

#include <fmt/format.h>

#include "sim/plan/fields.hpp"
#include "sim/plan/plan.hpp"

namespace orrery::sim {

namespace {

using plan_fields::fields;
using plan_fields::kHeader;
using plan_fields::kShapes;
using plan_fields::to_token;

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

}  // namespace orrery::sim
