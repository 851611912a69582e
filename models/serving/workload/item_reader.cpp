#include "models/serving/workload/item_reader.hpp"

#include <stdexcept>
#include <utility>

#include <fmt/format.h>

namespace orrery::models {

ItemReader::ItemReader(std::unique_ptr<ByteReader> bytes, std::string key)
    : RecordReader(bytes->path()), bytes_(std::move(bytes)), key_(std::move(key)) {}

int ItemReader::peek() {
  if (piece_.empty()) {
    try {
      piece_ = bytes_->read();
    } catch (const std::invalid_argument& error) {
      fail_here(error.what());
    }
    if (piece_.empty()) return -1;
  }
  return static_cast<unsigned char>(piece_.front());
}

void ItemReader::take() {
  if (piece_.front() == '\n') {
    ++at_line_;
    at_column_ = 1;
  } else {
    ++at_column_;
  }
  piece_.remove_prefix(1);
}

int ItemReader::skip_blank() {
  int c = peek();
  for (; c == ' ' || c == '\t' || c == '\n' || c == '\r'; c = peek()) take();
  return c;
}

// Past the object's bracket and its first key, to what that holds.
int ItemReader::to_list(int c) {
  const auto expect = [&](char wanted) {
    if (c != wanted) fail_here(fmt::format("an object {{\"{}\": […]}} is expected", key_));
    take();
    c = peek();
  };
  expect('{');
  c = skip_blank();
  expect('"');
  for (const char one : key_) expect(one);
  expect('"');
  c = skip_blank();
  expect(':');
  return skip_blank();
}

// To the first byte of the next item; false at the list's end.
bool ItemReader::to_item() {
  int c = skip_blank();
  if (!std::exchange(begun_, true)) {
    for (const int mark : {0xEF, 0xBB, 0xBF}) {
      if (c != mark) break;  // a byte order mark
      take();
      c = skip_blank();
    }
    if (!key_.empty()) c = to_list(c);
    if (c != '[') fail_here("a JSON list [{…}, …] is expected");
    take();
    c = skip_blank();
  } else if (c == ',') {
    take();
    c = skip_blank();
  } else if (c != ']' && c >= 0) {
    fail_here("a comma or the end of the list is expected behind an item");
  }
  if (c < 0) fail_here("the file ends before the list does: is it cut short?");
  if (c == '{') return true;
  if (c != ']') fail_here("every item of the list must be an object {…}");
  take();
  if (key_.empty() && skip_blank() >= 0) fail_here("nothing is expected behind the list's end");
  ended_ = true;
  return false;
}

bool ItemReader::next(std::string_view& item) {
  if (ended_ || !to_item()) return false;
  line_ = at_line_;
  column_ = at_column_;
  text_.clear();
  std::int64_t depth = 0;
  bool in_text = false, escaped = false;
  do {
    const int c = peek();
    if (c < 0) fail("the file ends before this item does: is it cut short?");
    if (text_.size() >= kLongest) fail_here(fmt::format("the item is longer than {} MiB", kLongest >> 20));
    text_ += static_cast<char>(c);
    take();
    if (in_text) {
      if (!escaped && c == '"') in_text = false;
      escaped = !escaped && c == '\\';
      continue;
    }
    if (c == '"') in_text = true;
    if (c == '{' || c == '[') ++depth;
    if (c == '}' || c == ']') --depth;
  } while (depth > 0);
  item = text_;
  return true;
}

}  // namespace orrery::models
