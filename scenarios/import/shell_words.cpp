#include "scenarios/import/shell_words.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace orrery::scenarios {

namespace {

// A variable that holds itself twice doubles with every line.
constexpr std::size_t kLongestValue = std::size_t{64} << 10;
constexpr std::size_t kMostWords = 4096;
constexpr std::string_view kGrows = "this grows beyond 64 KiB";

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n'; }

bool ends_word(char c) { return is_blank(c) || c == '\r' || std::string_view(";&|<>()").find(c) != std::string::npos; }

}  // namespace

std::vector<ShellWord> ShellWords::read(bool whole) {
  words_.clear();
  whole_ = whole;
  any_ = false;
  word_ = {};
  word_.place = cursor_.place();
  while (!cursor_.at_end() && !ends_word(cursor_.peek())) {
    switch (cursor_.peek()) {
      case '\\':
        cursor_.take();
        if (cursor_.peek() == '\n' || (cursor_.peek() == '\r' && cursor_.peek(1) == '\n')) {
          if (cursor_.take() == '\r') cursor_.take();
        } else if (!cursor_.at_end()) {
          add(std::string(1, cursor_.take()));
        }
        break;
      case '\'':
        read_quoted();
        break;
      case '"':
        read_double_quoted();
        break;
      case '`':
        read_backticks();
        break;
      case '$':
        read_dollar(whole);
        break;
      default:
        add(std::string(1, cursor_.take()));
    }
  }
  end_word();
  return std::move(words_);
}

void ShellWords::add(std::string_view text) {
  any_ = true;
  if (!word_.is_known()) return;
  if (word_.text.size() + text.size() > kLongestValue) return fail_word(std::string(kGrows), word_.place);
  word_.text += text;
}

void ShellWords::end_word() {
  if (any_ && words_.size() < kMostWords) words_.push_back(word_);
  any_ = false;
  word_ = {};
  word_.place = cursor_.place();
}

void ShellWords::fail_word(std::string message, ShellPlace place) {
  any_ = true;
  if (word_.is_known()) word_.failure = {std::move(message), place};
}

void ShellWords::read_quoted() {
  const ShellPlace place = cursor_.place();
  cursor_.take();
  const std::size_t end = cursor_.rest().find('\'');
  if (end == std::string_view::npos) script_.fail(place, "this quote (') is never closed");
  add(cursor_.rest().substr(0, end));
  cursor_.skip(end + 1);
}

void ShellWords::read_double_quoted() {
  const ShellPlace place = cursor_.place();
  cursor_.take();
  any_ = true;
  while (cursor_.peek() != '"') {
    if (cursor_.at_end()) script_.fail(place, "this quote (\") is never closed");
    const char c = cursor_.peek();
    if (c == '$') {
      read_dollar(true);
    } else if (c == '`') {
      read_backticks();
    } else if (c == '\\' && std::string_view("$`\"\\\n").find(cursor_.peek(1)) != std::string_view::npos &&
               cursor_.peek(1) != '\0') {
      cursor_.take();
      const char escaped = cursor_.take();
      if (escaped != '\n') add(std::string(1, escaped));
    } else {
      add(std::string(1, cursor_.take()));
    }
  }
  cursor_.take();
}

void ShellWords::read_backticks() {
  const ShellPlace place = cursor_.place();
  cursor_.take();
  while (cursor_.peek() != '`') {
    if (cursor_.at_end()) script_.fail(place, "this backtick (`) is never closed");
    if (cursor_.take() == '\\' && !cursor_.at_end()) cursor_.take();
  }
  cursor_.take();
  fail_word("the output of a command in backticks (`…`) is needed here, and nothing is executed: write its value",
            place);
}

void ShellWords::skip_brackets() {
  const ShellPlace place = cursor_.place();
  int depth = 0;
  do {
    if (cursor_.at_end()) script_.fail(place, "this bracket is never closed");
    const char c = cursor_.take();
    if (c == '\\' && !cursor_.at_end()) cursor_.take();
    if (c == '(') ++depth;
    if (c == ')') --depth;
    if (c != '\'' && c != '"') continue;
    while (cursor_.peek() != c) {
      if (cursor_.at_end()) script_.fail(place, "this bracket is never closed");
      if (cursor_.take() == '\\' && c == '"' && !cursor_.at_end()) cursor_.take();
    }
    cursor_.take();
  } while (depth > 0);
}

void ShellWords::read_dollar(bool quoted) {
  const ShellPlace place = cursor_.place();
  cursor_.take();
  const char c = cursor_.peek();
  if (c == '(') {
    skip_brackets();
    fail_word("the output of a command, $(…), is needed here, and nothing is executed: write its value", place);
  } else if (c == '{') {
    cursor_.take();
    read_braces(quoted, place);
  } else if (is_name_start(c)) {
    std::string name;
    while (is_name_part(cursor_.peek())) name += cursor_.take();
    insert(name, false, quoted, nullptr, place);
  } else if ((c >= '0' && c <= '9') || (c != '\0' && std::string_view("@*#?$!-").find(c) != std::string_view::npos)) {
    fail_word(fmt::format("${} is known only when the script runs: write its value", cursor_.take()), place);
  } else {
    add("$");
  }
}

// Behind "${".
void ShellWords::read_braces(bool quoted, ShellPlace place) {
  std::string inside;
  for (int depth = 1; depth > 0;) {
    if (cursor_.at_end()) script_.fail(place, "this brace (${) is never closed");
    const char c = cursor_.take();
    depth += c == '{' ? 1 : c == '}' ? -1 : 0;
    if (depth > 0) inside += c;
  }
  const auto end = std::find_if_not(inside.begin(), inside.end(), is_name_part);
  const std::string name(inside.begin(), end);
  const std::string form(end, inside.end());
  if (!name.empty() && form.empty()) return insert(name, false, quoted, nullptr, place);
  if (!name.empty() && (form == "[@]" || form == "[*]")) return insert(name, true, quoted, nullptr, place);
  const std::size_t dash = form.rfind(":-", 0) == 0 || form.rfind(":=", 0) == 0 ? 2 : form.rfind('-', 0) == 0 ? 1 : 0;
  const std::string fallback = form.substr(dash);
  if (!name.empty() && dash > 0 && fallback.find_first_of("$`'\"\\") == std::string::npos) {
    return insert(name, false, quoted, &fallback, place);
  }
  fail_word("this form of ${…} is not evaluated: write its value", place);
}

void ShellWords::insert(const std::string& name, bool list, bool quoted, const std::string* fallback,
                        ShellPlace place) {
  const auto found = variables_.find(name);
  const bool is_set = found != variables_.end() && !found->second.empty();
  const bool is_empty = is_set && found->second.front().is_known() && found->second.front().text.empty();
  if (fallback != nullptr && (!is_set || is_empty)) {
    ShellWord value;
    value.text = *fallback;
    return insert_value({value}, false, quoted);
  }
  if (found != variables_.end()) return insert_value(found->second, list, quoted);
  fail_word(fmt::format("the variable {} is not set in this file: write its value, or set it above", name), place);
}

void ShellWords::insert_value(const ShellValue& value, bool list, bool quoted) {
  for (std::size_t i = 0; i < value.size() && (list || i == 0); ++i) {
    const ShellWord& one = value[i];
    if (i > 0) end_word();
    if (!one.is_known()) {
      fail_word(one.failure.message, one.failure.place);
    } else if (quoted || whole_) {
      add(one.text);
    } else {
      for (const char c : one.text) {
        if (is_blank(c)) {
          end_word();
        } else {
          add(std::string(1, c));
        }
      }
    }
  }
}

void ShellWords::assign(const std::string& name, ShellValue value) { variables_[name] = std::move(value); }

void ShellWords::append(const std::string& name, const ShellWord& value) {
  ShellValue& variable = variables_[name];
  if (variable.empty()) variable.emplace_back().place = value.place;
  ShellWord& first = variable.front();  // as bash has it, of a list too
  if (!first.is_known()) return;
  if (!value.is_known()) {
    first.failure = value.failure;
  } else if (first.text.size() + value.text.size() > kLongestValue) {
    first.failure = {std::string(kGrows), value.place};
  } else {
    first.text += value.text;
  }
}

void ShellWords::append_list(const std::string& name, ShellValue values) {
  ShellValue& variable = variables_[name];
  for (ShellWord& word : values) {
    if (variable.size() < kMostWords) variable.push_back(std::move(word));
  }
}

}  // namespace orrery::scenarios
