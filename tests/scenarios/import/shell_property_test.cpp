// Shell texts made at random, whose words are known, beside what the reader makes of them.
#include <algorithm>

#include <gtest/gtest.h>

#include "hardware/config/config.hpp"
#include "scenarios/import/shell.hpp"
#ifdef ORRERY_HAVE_RAPIDCHECK
#include <rapidcheck/gtest.h>
#endif

namespace orrery::scenarios {
namespace {

#ifdef ORRERY_HAVE_RAPIDCHECK

/// A word of any signs but quotes' own troubles: no NUL, no line end.
std::string any_word() {
  std::string word;
  for (int i = 0, count = *rc::gen::inRange(1, 12); i < count; ++i) {
    word +=
        *rc::gen::oneOf(rc::gen::elementOf(std::string("'\"\\$` #;&|<>(){}=~*?!")), rc::gen::inRange<char>(33, 127));
  }
  return word;
}

/// POSIX: between apostrophes every sign stands for itself; one of them is written '\''.
std::string in_apostrophes(const std::string& word) {
  std::string text = "'";
  for (const char c : word) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return text + "'";
}

/// POSIX: between double quotes $, `, ", \ need a backslash.
std::string in_double_quotes(const std::string& word) {
  std::string text = "\"";
  for (const char c : word) {
    if (std::string("$`\"\\").find(c) != std::string::npos) text += '\\';
    text += c;
  }
  return text + "\"";
}

/// POSIX: a backslash takes the meaning of any sign.
std::string behind_backslashes(const std::string& word) {
  std::string text;
  for (const char c : word) text += std::string("\\") + c;
  return text;
}

std::string in_some_quotes(const std::string& word) {
  switch (*rc::gen::inRange(0, 3)) {
    case 0:
      return in_apostrophes(word);
    case 1:
      return in_double_quotes(word);
    default:
      return behind_backslashes(word);
  }
}

/// Blanks between words, perhaps over a line end.
std::string gap() { return *rc::gen::element<std::string>(" ", "  ", "\t", " \\\n", "\\\n ", " \\\r\n  "); }

// However words are quoted, parted and broken over lines, they are read as they were.
RC_GTEST_PROP(ShellTexts, WordsComeBackFromTheirQuotes, ()) {
  std::vector<std::vector<std::string>> expected;
  std::string text;
  for (int c = 0, commands = *rc::gen::inRange(1, 5); c < commands; ++c) {
    std::vector<std::string>& words = expected.emplace_back();
    words.push_back("run");
    text += "run";
    for (int w = 0, count = *rc::gen::inRange(0, 5); w < count; ++w) {
      words.push_back(any_word());
      text += gap() + in_some_quotes(words.back());
    }
    text += *rc::gen::element<std::string>("\n", " ; ", " && ", " | ", " # a comment 'of any kind\n", "\n\n\t");
  }
  const ShellScript script = parse_shell(text, "a.sh");
  RC_ASSERT(script.commands.size() == expected.size());
  for (std::size_t c = 0; c < expected.size(); ++c) {
    RC_ASSERT(script.commands[c].words.size() == expected[c].size());
    for (std::size_t w = 0; w < expected[c].size(); ++w) {
      RC_ASSERT(script.text(script.commands[c].words[w]) == expected[c][w]);
    }
  }
}

// Places are counted by going through the text from its beginning.
RC_GTEST_PROP(ShellTexts, PlacesAreLinesAndBytes, ()) {
  std::string text;
  std::vector<ShellPlace> expected;
  const auto place = [&] {
    ShellPlace at;
    for (const char c : text) {
      ++at.column;
      if (c == '\n') at = {at.line + 1, 1};
    }
    return at;
  };
  for (int w = 0, count = *rc::gen::inRange(1, 8); w < count; ++w) {
    text += *rc::gen::element<std::string>(" ", "\n", "\n  ", "\\\n", " \\\n ", "; ", "# x\n");
    expected.push_back(place());
    text += in_some_quotes("a" + any_word());
    text += " ";
  }
  std::vector<ShellPlace> found;
  for (const ShellCommand& command : parse_shell(text, "a.sh").commands) {
    for (const ShellWord& word : command.words) found.push_back(word.place);
  }
  RC_ASSERT(found.size() == expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    RC_ASSERT(found[i].line == expected[i].line);
    RC_ASSERT(found[i].column == expected[i].column);
  }
}

// A variable is its value, cut at blanks where no quotes stand around it.
RC_GTEST_PROP(ShellTexts, VariablesAreCutAtBlanksOutsideOfQuotes, ()) {
  std::vector<std::string> parts;
  std::string value;
  for (int i = 0, count = *rc::gen::inRange(1, 5); i < count; ++i) {
    parts.push_back(any_word());
    std::replace(parts.back().begin(), parts.back().end(), ' ', '_');
    value += (i > 0 ? " " : "") + parts.back();
  }
  const std::string text = "X=" + in_some_quotes(value) + "\nrun $X \"$X\" ${X}\n";
  const ShellScript script = parse_shell(text, "a.sh");
  RC_ASSERT(script.commands.size() == 1U);
  std::vector<std::string> words, expected = {"run"};
  for (const ShellWord& word : script.commands[0].words) words.push_back(script.text(word));
  expected.insert(expected.end(), parts.begin(), parts.end());
  expected.push_back(value);
  expected.insert(expected.end(), parts.begin(), parts.end());
  RC_ASSERT(words == expected);
}

// Any bytes are read, or refused at a place that the text has.
RC_GTEST_PROP(ShellTexts, AnyTextIsReadOrRefusedAtAPlaceOfIt, ()) {
  std::string text;
  for (int i = 0, count = *rc::gen::inRange(0, 60); i < count; ++i) {
    text += *rc::gen::oneOf(rc::gen::elementOf(std::string("'\"\\$`(){}=<>&|;#\n\r \tab1+-:[]@")),
                            rc::gen::arbitrary<char>());
  }
  const auto lines = static_cast<int>(std::count(text.begin(), text.end(), '\n')) + 1;
  try {
    for (const ShellCommand& command : parse_shell(text, "a.sh").commands) {
      RC_ASSERT(!command.words.empty());
      for (const ShellWord& word : command.words) {
        RC_ASSERT(word.place.line >= 1 && word.place.line <= lines && word.place.column >= 1);
      }
    }
  } catch (const hardware::ConfigError& error) {
    RC_ASSERT(error.diagnostics().size() == 1U);
    const hardware::SourceSpan& span = error.diagnostics().front().span;
    RC_ASSERT(span.line >= 1 && span.line <= lines && span.column >= 1);
  }
}

#endif

}  // namespace
}  // namespace orrery::scenarios
