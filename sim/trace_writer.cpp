// The Chrome trace: written by hand, since a JSON tree of millions of spans would not fit.
#include "sim/trace_writer.hpp"

#include <array>
#include <charconv>
#include <cstdint>
#include <vector>

#include "sim/memory.hpp"

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

/// Collects the text and passes it on in large pieces.
class Output {
 public:
  explicit Output(std::ostream& out) : out_(out) { text_.reserve(kPiece + 4096); }
  ~Output() { out_.write(text_.data(), static_cast<std::streamsize>(text_.size())); }
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  Output& operator<<(std::string_view text) {
    text_ += text;
    return *this;
  }
  Output& operator<<(std::uint64_t number) { return append(number); }

  Output& bytes(double number) { return append(number); }

  /// Picoseconds as microseconds, exactly.
  Output& microseconds(SimTime time) { return decimal<6>(time); }
  /// … and as seconds.
  Output& seconds(SimTime time) { return decimal<12>(time); }

  /// Begins an event: a comma before all but the first.
  void next() {
    if (text_.size() > kPiece) {
      out_.write(text_.data(), static_cast<std::streamsize>(text_.size()));
      text_.clear();
    }
    *this << (is_first_ ? "\n" : ",\n");
    is_first_ = false;
  }

 private:
  /// time / 10^places, with all of its places or none.
  template <std::size_t places>
  Output& decimal(SimTime time) {
    SimTime unit = 1;
    for (std::size_t i = 0; i < places; ++i) unit *= 10;
    append(time / unit);
    SimTime rest = time % unit;
    if (rest == 0) return *this;
    std::array<char, places + 1> digits{'.'};
    for (std::size_t i = places; i > 0; --i, rest /= 10) digits[i] = static_cast<char>('0' + rest % 10);
    return *this << std::string_view(digits.data(), digits.size());
  }

  template <class Number>
  Output& append(Number number) {
    std::array<char, 32> digits{};
    const auto result = std::to_chars(digits.data(), digits.data() + digits.size(), number);
    return *this << std::string_view(digits.data(), static_cast<std::size_t>(result.ptr - digits.data()));
  }

  static constexpr std::size_t kPiece = 1 << 16;
  std::ostream& out_;
  std::string text_;
  bool is_first_ = true;
};

void write_names(const Timeline& timeline, Output& out) {
  for (std::size_t r = 0; r < timeline.ranks.size(); ++r) {
    const Rank& rank = timeline.ranks[r];
    std::string text = rank.name;
    if (rank.multiplicity() > 1) text += " (stands for " + std::to_string(rank.multiplicity()) + " GPUs)";
    out.next();
    out << R"({"ph":"M","pid":)" << r << R"(,"name":"process_name","args":{"name":)" << json_string(text) << "}}";
  }
  for (std::size_t s = 0; s < timeline.streams.size(); ++s) {
    const TimelineStream& stream = timeline.streams[s];
    out.next();
    out << R"({"ph":"M","pid":)" << stream.rank.index() << R"(,"tid":)" << s
        << R"(,"name":"thread_name","args":{"name":)" << json_string(stream.name) << "}}";
  }
}

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

void write_trace(const Timeline& timeline, std::ostream& stream) {
  Output out(stream);
  out << R"({"displayTimeUnit":"ms","traceEvents":[)";
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
    out.next();
    out << R"({"ph":"X","pid":)" << timeline.streams[span.stream.index()].rank.index() << R"(,"tid":)"
        << span.stream.index() << R"(,"ts":)";
    out.microseconds(span.start) << R"(,"dur":)";
    out.microseconds(span.end - span.start)
        << R"(,"cat":")" << name(span.activity) << R"(","name":)" << labels[span.label.index()];
    if (held != timeline.held_up.end() && held->span == s) {
      out << R"(,"args":{)";
      if (held->link < links.size()) out << R"("held_up_by":)" << links[held->link] << ",";
      out << R"("held_up_s":)";
      out.seconds(held->delay) << "}";
      ++held;
    }
    out << "}";
  }
  std::vector<MemoryByKind> in_use(timeline.ranks.size());
  for (const MemorySample& sample : timeline.memory) {
    MemoryByKind& rank = in_use[sample.rank.index()];
    rank[sample.kind] = Bytes{sample.bytes_after};
    out.next();
    out << R"({"ph":"C","pid":)" << sample.rank.index() << R"(,"name":"memory_bytes","ts":)";
    out.microseconds(sample.time) << R"(,"args":{)";
    for (std::size_t k = 0; k < kMemoryKinds; ++k) {
      out << (k == 0 ? "\"" : ",\"") << name(static_cast<MemoryKind>(k)) << "\":";
      out.bytes(rank.bytes[k].value());
    }
    out << "}}";
  }
  out << "\n]}\n";
}

}  // namespace orrery::sim
