// The file is one object whose largest lists (times between tokens, generated texts) may have gigabytes: it is read by
// events, and all that is not asked for is forgotten at once.
#include "models/serving/workload/vllm_bench.hpp"

#include <cstddef>
#include <iterator>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "models/serving/workload/families.hpp"
#include "models/serving/workload/record_reader.hpp"
#include "models/serving/workload/trace_fields.hpp"

namespace orrery::models {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kLongestText = 256;

/// The bytes of a file one by one.
class ByteIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  ByteIterator() = default;
  explicit ByteIterator(ByteReader& bytes) : bytes_(&bytes) { fill(); }

  reference operator*() const { return piece_.front(); }
  ByteIterator& operator++() {
    piece_.remove_prefix(1);
    if (piece_.empty()) fill();
    return *this;
  }
  bool operator==(const ByteIterator& other) const { return bytes_ == other.bytes_; }
  bool operator!=(const ByteIterator& other) const { return bytes_ != other.bytes_; }

 private:
  void fill() {
    piece_ = bytes_->read();
    if (piece_.empty()) bytes_ = nullptr;  // equal to the end
  }

  ByteReader* bytes_ = nullptr;
  std::string_view piece_;
};

/// Keeps what stands at the top, and the two lists.
class Keeper : public Json::json_sax_t {
 public:
  explicit Keeper(VllmBench& bench) : bench_(bench) {}

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t value) override { return number(static_cast<double>(value), value); }
  bool number_unsigned(number_unsigned_t value) override { return number(static_cast<double>(value), value); }
  bool number_float(number_float_t value, const string_t& text) override {
    if (depth_ == 1) bench_.numbers[key_] = value;
    if (list_ != nullptr && depth_ == 2) list_->push_back(text);
    return true;
  }
  bool string(string_t& value) override {
    if (depth_ == 1 && value.size() <= kLongestText) bench_.texts[key_] = value;
    if (list_ != nullptr && depth_ == 2) list_->emplace_back("text");
    return true;
  }
  bool binary(binary_t&) override { return true; }
  bool start_object(std::size_t) override {
    ++depth_;
    return true;
  }
  bool end_object() override {
    --depth_;
    return true;
  }
  bool key(string_t& value) override {
    if (depth_ == 1) key_ = value.substr(0, kLongestText);
    return true;
  }
  bool start_array(std::size_t) override {
    if (++depth_ != 2) return depth_ > 1;  // a list at the top is no result
    if (key_ == "input_lens") list_ = &bench_.input_lens;
    if (key_ == "output_lens") list_ = &bench_.output_lens;
    return true;
  }
  bool end_array() override {
    if (--depth_ == 1) list_ = nullptr;
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override { return false; }

 private:
  template <class Integer>
  bool number(double value, Integer exact) {
    if (depth_ == 1) bench_.numbers[key_] = value;
    if (list_ != nullptr && depth_ == 2) list_->push_back(std::to_string(exact));
    return true;
  }

  VllmBench& bench_;
  std::string key_;
  int depth_ = 0;
  std::vector<std::string>* list_ = nullptr;
};

/// The two lists as the lines of a table.
class BenchRecords : public RecordReader {
 public:
  explicit BenchRecords(std::unique_ptr<ByteReader> bytes) : RecordReader(bytes->path()) {
    line_ = 1;
    try {
      bench_ = read_vllm_bench(*bytes);
    } catch (const std::invalid_argument& error) {
      fail(error.what());
    }
    if (bench_.input_lens.empty()) {
      fail("the result lists no input_lens and output_lens: vllm bench serve writes them with --save-detailed");
    }
  }

  [[nodiscard]] bool next(std::string_view& record) override {
    if (at_end()) return false;
    text_ = bench_.input_lens[next_] + "," + bench_.output_lens[next_];
    ++next_;
    record = text_;
    return true;
  }
  [[nodiscard]] bool at_end() override { return next_ == bench_.input_lens.size(); }

 private:
  VllmBench bench_;
  std::size_t next_ = 0;
  std::string text_;
};

}  // namespace

VllmBench read_vllm_bench(ByteReader& bytes) {
  VllmBench bench;
  Keeper keeper(bench);
  if (!Json::sax_parse(ByteIterator(bytes), ByteIterator(), &keeper)) {
    throw std::invalid_argument("the file is no complete JSON object: is it cut short?");
  }
  if (bench.input_lens.size() != bench.output_lens.size()) {
    throw std::invalid_argument(fmt::format("input_lens has {} entries, output_lens {}: one for each request expected",
                                            bench.input_lens.size(), bench.output_lens.size()));
  }
  return bench;
}

std::unique_ptr<RecordReader> open_vllm_bench(std::unique_ptr<ByteReader> bytes) {
  return std::make_unique<BenchRecords>(std::move(bytes));
}

TraceEntry parse_vllm_bench(std::string_view, std::string_view record) {
  TraceEntry entry;
  const std::size_t comma = record.find(',');
  set_lengths(entry, "input_lens", record.substr(0, comma), "output_lens",
              comma == std::string_view::npos ? std::string_view{} : record.substr(comma + 1));
  return entry;
}

}  // namespace orrery::models
