#include "scenarios/import/shell.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "scenarios/import/shell_words.hpp"

namespace orrery::scenarios {

namespace {

/// Commands behind whose names assignments stand as arguments.
constexpr std::array<std::string_view, 6> kAssigning = {"export", "declare", "typeset", "local", "readonly", "env"};

class ShellReader {
 public:
  ShellReader(std::string_view text, ShellScript& script) : cursor_(text), script_(script), words_(cursor_, script) {}

  void read() {
    while (!cursor_.at_end()) {
      const char c = cursor_.peek();
      if (c == ' ' || c == '\t' || c == '\r') {
        cursor_.take();
      } else if (c == '\\' && (cursor_.peek(1) == '\n' || (cursor_.peek(1) == '\r' && cursor_.peek(2) == '\n'))) {
        cursor_.skip(cursor_.peek(1) == '\n' ? 2 : 3);
      } else if (c == '#') {
        cursor_.skip(std::min(cursor_.rest().find('\n'), cursor_.rest().size()));
      } else if (c == '\n') {
        cursor_.take();
        end_command();
        skip_documents();
      } else if (c == ';' || c == '|' || c == '(' || c == ')' || (c == '&' && cursor_.peek(1) != '>')) {
        cursor_.take();
        end_command();
      } else if (c == '<' || c == '>' || c == '&') {
        redirect();
      } else {
        word();
      }
    }
    end_command();
  }

 private:
  void end_command() {
    if (!command_.words.empty()) script_.commands.push_back(std::exchange(command_, {}));
  }

  /// An assignment may stand here: no word of a command has come yet, or one of those that assign.
  [[nodiscard]] bool may_assign() const {
    if (command_.words.empty()) return true;
    const std::string& name = command_.words.front().text;
    return std::find(kAssigning.begin(), kAssigning.end(), name) != kAssigning.end() &&
           std::all_of(command_.words.begin() + 1, command_.words.end(),
                       [](const ShellWord& word) { return !word.text.empty() && word.text.front() == '-'; });
  }

  void word() {
    if (may_assign() && assignment()) return;
    const ShellPlace before = cursor_.place();
    for (ShellWord& one : words_.read(false)) command_.words.push_back(std::move(one));
    const ShellPlace after = cursor_.place();
    if (before.line == after.line && before.column == after.column) cursor_.take();  // nothing that begins a word
  }

  /// "NAME=value", "NAME+=value" or "NAME=(values)"; false: none stands here.
  bool assignment() {
    const std::string_view rest = cursor_.rest();
    if (rest.empty() || !is_name_start(rest.front())) return false;
    std::size_t end = 1;
    while (end < rest.size() && is_name_part(rest[end])) ++end;
    const bool append = rest.substr(end, 2) == "+=";
    if (!append && rest.substr(end, 1) != "=") return false;
    ShellWord name;
    name.text = rest.substr(0, end);
    name.place = cursor_.place();
    cursor_.skip(end + (append ? 2 : 1));
    if (cursor_.peek() == '(') {
      append ? words_.append_list(name.text, list()) : words_.assign(name.text, list());
    } else {
      std::vector<ShellWord> value = words_.read(true);
      if (value.empty()) value.emplace_back();
      append ? words_.append(name.text, value.front()) : words_.assign(name.text, std::move(value));
    }
    script_.assigned.push_back(std::move(name));
    return true;
  }

  ShellValue list() {
    const ShellPlace place = cursor_.place();
    cursor_.take();
    ShellValue values;
    while (cursor_.peek() != ')') {
      if (cursor_.at_end()) script_.fail(place, "this bracket is never closed");
      const char c = cursor_.peek();
      if (c == '#') {
        cursor_.skip(std::min(cursor_.rest().find('\n'), cursor_.rest().size()));
        continue;
      }
      std::vector<ShellWord> words = words_.read(false);
      if (words.empty()) cursor_.take();
      for (ShellWord& word : words) values.push_back(std::move(word));
    }
    cursor_.take();
    return values;
  }

  /// ">file", "2>&1", "<<END": where a command reads and writes is not asked.
  void redirect() {
    const bool number = !command_.words.empty() && command_.words.back().text.size() == 1 &&
                        command_.words.back().text.front() >= '0' && command_.words.back().text.front() <= '9' &&
                        command_.words.back().place.line == cursor_.place().line &&
                        command_.words.back().place.column + 1 == cursor_.place().column;
    if (number) command_.words.pop_back();
    std::string sign;
    while (cursor_.peek() == '<' || cursor_.peek() == '>' || cursor_.peek() == '&' || cursor_.peek() == '|') {
      sign += cursor_.take();
    }
    if (cursor_.peek() == '(') return words_.skip_brackets();
    const bool document = sign == "<<";
    if (document && cursor_.peek() == '-') cursor_.take();
    while (cursor_.peek() == ' ' || cursor_.peek() == '\t') cursor_.take();
    const std::vector<ShellWord> target = words_.read(true);
    if (document && !target.empty()) documents_.push_back(target.front().text);
  }

  /// The lines of here-documents, up to their ends.
  void skip_documents() {
    for (const std::string& end : std::exchange(documents_, {})) {
      while (!cursor_.at_end()) {
        std::string_view line = cursor_.rest().substr(0, cursor_.rest().find('\n'));
        cursor_.skip(line.size() + 1);
        while (!line.empty() && line.front() == '\t') line.remove_prefix(1);
        if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
        if (line == end) break;
      }
    }
  }

  ShellCursor cursor_;
  ShellScript& script_;
  ShellWords words_;
  ShellCommand command_;
  std::vector<std::string> documents_;  ///< ends of those whose lines begin behind this one
};

}  // namespace

void ShellScript::fail(const ShellPlace& place, const std::string& message) const {
  throw hardware::ConfigError(std::vector<hardware::Diagnostic>{{file, {place.line, place.column, 0, 0}, message}});
}

const std::string& ShellScript::text(const ShellWord& word) const {
  if (!word.is_known()) fail(word.failure.place, word.failure.message);
  return word.text;
}

ShellScript parse_shell(std::string_view text, const std::string& file) {
  ShellScript script;
  script.file = file;
  ShellReader(text, script).read();
  return script;
}

}  // namespace orrery::scenarios
