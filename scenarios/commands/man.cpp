// orrery man: the manual page, from the tree of commands, as man(7) has it.

#include <algorithm>
#include <ostream>

#include <fmt/format.h>

#include "scenarios/commands/command_tree.hpp"
#include "scenarios/commands/commands.hpp"

namespace orrery::scenarios {

namespace {

constexpr std::string_view kEllipsis = "…";

/// Text as roff prints it: no line is a request, a hyphen is what is typed.
std::string roff(std::string_view text) {
  std::string result;
  bool begins = true;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (text.substr(i, kEllipsis.size()) == kEllipsis) {  // the one sign that is no ASCII
      result += "...";
      i += kEllipsis.size() - 1;
      continue;
    }
    if (begins && (c == '.' || c == '\'')) result += "\\&";
    begins = c == '\n';
    if (c == '\\') {
      result += "\\e";
    } else if (c == '-') {
      result += "\\-";
    } else {
      result += c;
    }
  }
  return result;
}

std::string sentence(std::string text) {
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 'a' + 'A');
  if (!text.empty() && text.back() != '.' && text.back() != '?') text += '.';
  return text;
}

std::string option_text(const TreeOption& option) {
  std::vector<std::string> names;
  for (const std::string& name : option.names) names.push_back(fmt::format("\\fB{}\\fR", roff(name)));
  return fmt::format(".TP\n{}{}\n{}\n", fmt::join(names, ", "), option.takes_value ? " \\fIVALUE\\fR" : "",
                     roff(sentence(option.help)));
}

/// "orrery ask serve [options] FILE".
void write_command(const CommandTree& tree, const std::string& path, std::string& page) {
  const std::string here = path + " " + tree.name;
  if (!tree.commands.empty()) {
    for (const CommandTree& command : tree.commands) write_command(command, here, page);
    return;
  }
  std::string synopsis = roff(here);
  if (!tree.options.empty()) synopsis += " [\\fIOPTION\\fR]...";
  for (const TreeOption& argument : tree.arguments) {
    std::string name = argument.names.front();
    std::replace(name.begin(), name.end(), '_', ' ');
    synopsis += fmt::format(fmt::runtime(argument.required ? " \\fI{}\\fR" : " [\\fI{}\\fR]"), roff(name));
  }
  page += fmt::format(".SS {}\n{}\n", synopsis, roff(sentence(tree.help)));
  for (const TreeOption& argument : tree.arguments) {
    TreeOption shown = argument;
    shown.takes_value = false;
    page += option_text(shown);
  }
  for (const TreeOption& option : tree.options) page += option_text(option);
}

}  // namespace

int print_man(const Options&, Console& console) {
  const CommandTree tree = command_tree();
  std::string page = fmt::format(".TH ORRERY 1 \"\" \"orrery {}\" \"User Commands\"\n", roff(kVersion));
  page += ".SH NAME\norrery \\- predicts training and serving of large language models\n";
  page += ".SH SYNOPSIS\n\\fBorrery\\fR \\fICOMMAND\\fR [\\fIOPTION\\fR]... [\\fIFILE\\fR]...\n";
  page += fmt::format(".SH DESCRIPTION\n{}\n", roff(tree.help));
  page += "A scenario is one YAML file; \\fBorrery new\\fR prints a commented one.\n.SH OPTIONS\n";
  for (const TreeOption& option : tree.options) page += option_text(option);
  page += ".SH COMMANDS\n";
  for (const CommandTree& command : tree.commands) write_command(command, "orrery", page);
  page += ".SH ENVIRONMENT\n.TP\n\\fBORRERY_DATA\\fR\nA folder of measured tables; paths in it are found from there.\n";
  page += fmt::format(".SH EXAMPLES AND EXIT STATUS\n.nf\n{}.fi\n", roff(tree.footer));
  console.out << page;
  return kExitWell;
}

}  // namespace orrery::scenarios
