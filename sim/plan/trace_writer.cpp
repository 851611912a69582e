// The Chrome trace: written by hand, since a JSON tree of millions of spans would not fit.
#include "sim/plan/trace_writer.hpp"

#include <array>
#include <charconv>
#include <cstdint>
#include <vector>

#include "sim/plan/memory.hpp"

namespace orrery::sim {

namespace {

/// Length of the well-formed UTF-8 sequence at the start of `text`, 0 if there is none (RFC 3629).
std::size_t utf8_length(std::string_view text) {
  const auto byte = [text](std::size_t i) { return static_cast<unsigned>(static_cast<unsigned char>(text[i])); };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xc2 && first < 0xe0   ? 2
                             : first >= 0xe0 && first < 0xf0 ? 3
                             : first >= 0xf0 && first < 0xf5 ? 4
                                                             : 0;
  if (length == 0 || length > text.size()) return 0;
  unsigned code = first & (0xffu >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0u) != 0x80u) return 0;
    code = (code << 6) | (byte(i) & 0x3fu);
  }
  const bool overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
  const bool surrogate = code >= 0xd800 && code < 0xe000;
  return overlong || surrogate || code > 0x10ffff ? 0 : length;
}

constexpr std::size_t kPiece = 1 << 16;

}  // namespace

std::string json_string(std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out = "\"";
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    const auto c = static_cast<unsigned char>(text[0]);
    if (length == 0) {
      out += "\xef\xbf\xbd";
    } else if (c == '"' || c == '\\') {
      out += '\\';
      out += text[0];
    } else if (c < 0x20) {
      out += "\\u00";
      out += kHex[c >> 4];
      out += kHex[c & 15u];
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return out + '"';
}

TraceWriter::TraceWriter(std::ostream& out) : out_(out) {
  text_.reserve(kPiece + 4096);
  text_ = R"({"displayTimeUnit":"ms","traceEvents":[)";
}

TraceWriter::~TraceWriter() {
  end_event();
  text_ += "\n]}\n";
  out_.write(text_.data(), static_cast<std::streamsize>(text_.size()));
}

template <class Number>
void TraceWriter::append(Number number) {
  std::array<char, 32> digits{};
  const auto result = std::to_chars(digits.data(), digits.data() + digits.size(), number);
  text_.append(digits.data(), static_cast<std::size_t>(result.ptr - digits.data()));
}

void TraceWriter::append_decimal(SimTime time, unsigned places) {
  SimTime unit = 1;
  for (unsigned i = 0; i < places; ++i) unit *= 10;
  append(time / unit);
  SimTime rest = time % unit;
  if (rest == 0) return;
  const std::size_t point = text_.size();
  text_.append(places + 1, '.');
  for (std::size_t i = places; i > 0; --i, rest /= 10) text_[point + i] = static_cast<char>('0' + rest % 10);
}

void TraceWriter::end_event() {
  if (in_arguments_) text_ += '}';
  if (in_event_) text_ += '}';
  in_event_ = in_arguments_ = false;
}

TraceWriter& TraceWriter::event(char phase, std::uint64_t process) {
  end_event();
  if (text_.size() > kPiece) {
    out_.write(text_.data(), static_cast<std::streamsize>(text_.size()));
    text_.clear();
  }
  text_ += is_first_ ? "\n" : ",\n";
  is_first_ = false;
  in_event_ = true;
  text_ += R"({"ph":")";
  text_ += phase;
  text_ += R"(","pid":)";
  append(process);
  return *this;
}

void TraceWriter::begin_field(std::string_view field) {
  text_ += ",\"";
  text_ += field;
  text_ += "\":";
}

TraceWriter& TraceWriter::number_field(std::string_view field, std::uint64_t number) {
  begin_field(field);
  append(number);
  return *this;
}

TraceWriter& TraceWriter::time_field(std::string_view field, SimTime time) {
  begin_field(field);
  append_decimal(time, 6);  // microseconds
  return *this;
}

TraceWriter& TraceWriter::word_field(std::string_view field, std::string_view word) {
  begin_field(field);
  text_ += '"';
  text_ += word;
  text_ += '"';
  return *this;
}

TraceWriter& TraceWriter::name_json(std::string_view json) {
  begin_field("name");
  text_ += json;
  return *this;
}

void TraceWriter::begin_argument(std::string_view field) {
  if (in_arguments_) return begin_field(field);
  begin_field("args");
  text_ += "{\"";
  text_ += field;
  text_ += "\":";
  in_arguments_ = true;
}

TraceWriter& TraceWriter::argument(std::string_view field, double number) {
  begin_argument(field);
  append(number);
  return *this;
}

TraceWriter& TraceWriter::argument(std::string_view field, std::int64_t number) {
  begin_argument(field);
  append(number);
  return *this;
}

TraceWriter& TraceWriter::argument(std::string_view field, std::string_view text) {
  begin_argument(field);
  text_ += json_string(text);
  return *this;
}

TraceWriter& TraceWriter::argument(std::string_view field, bool is) {
  begin_argument(field);
  text_ += is ? "true" : "false";
  return *this;
}

TraceWriter& TraceWriter::argument_json(std::string_view field, std::string_view json) {
  begin_argument(field);
  text_ += json;
  return *this;
}

TraceWriter& TraceWriter::argument_seconds(std::string_view field, SimTime time) {
  begin_argument(field);
  append_decimal(time, 12);
  return *this;
}

TraceWriter& TraceWriter::end_arguments() {
  if (in_arguments_) text_ += '}';
  in_arguments_ = false;
  return *this;
}

namespace {

void write_names(const Timeline& timeline, TraceWriter& out) {
  for (std::size_t r = 0; r < timeline.ranks.size(); ++r) {
    const Rank& rank = timeline.ranks[r];
    std::string text = rank.name;
    if (rank.multiplicity() > 1) text += " (stands for " + std::to_string(rank.multiplicity()) + " GPUs)";
    out.event('M', r).name("process_name").argument("name", std::string_view(text));
  }
  for (std::size_t s = 0; s < timeline.streams.size(); ++s) {
    const TimelineStream& stream = timeline.streams[s];
    out.event('M', stream.rank.index()).thread(s).name("thread_name").argument("name", std::string_view(stream.name));
  }
}

}  // namespace

void write_trace(const Timeline& timeline, std::ostream& stream) {
  TraceWriter out(stream);
  write_names(timeline, out);
  std::vector<std::string> labels;
  labels.reserve(timeline.labels.size());
  for (const std::string& label : timeline.labels) labels.push_back(json_string(label));
  std::vector<std::string> links;
  links.reserve(timeline.links.size());
  for (const std::string& link : timeline.links) links.push_back(json_string(link));
  auto held = timeline.held_up.begin();
  for (std::size_t s = 0; s < timeline.spans.size(); ++s) {
    const Span& span = timeline.spans[s];
    out.event('X', timeline.streams[span.stream.index()].rank.index()).thread(span.stream.index());
    out.at(span.start).lasts(span.end - span.start);
    out.category(name(span.activity)).name_json(labels[span.label.index()]);
    if (held == timeline.held_up.end() || held->span != s) continue;
    if (held->link < links.size()) out.argument_json("held_up_by", links[held->link]);
    out.argument_seconds("held_up_s", held->delay);
    ++held;
  }
  std::vector<MemoryByKind> in_use(timeline.ranks.size());
  for (const MemorySample& sample : timeline.memory) {
    MemoryByKind& rank = in_use[sample.rank.index()];
    rank[sample.kind] = Bytes{sample.bytes_after};
    out.event('C', sample.rank.index()).name("memory_bytes").at(sample.time);
    for (std::size_t k = 0; k < kMemoryKinds; ++k) {
      out.argument(name(static_cast<MemoryKind>(k)), rank.bytes[k].value());
    }
  }
}

}  // namespace orrery::sim
