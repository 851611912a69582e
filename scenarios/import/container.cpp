#include "scenarios/import/container.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>

namespace orrery::scenarios {

namespace {

using hardware::ConfigNode;
using hardware::NodeKind;
using hardware::NodePtr;

/// The name in "$(NAME)", "${NAME}" or "${NAME:-else}" that begins at `at`, its end, and what stands in for it.
struct Reference {
  std::string name, fallback;
  bool has_fallback = false;
  std::size_t end = 0;
};
std::optional<Reference> reference_at(const std::string& text, std::size_t at) {
  if (text[at] != '$' || at + 1 >= text.size() || (text[at + 1] != '(' && text[at + 1] != '{')) return std::nullopt;
  const std::size_t close = text.find(text[at + 1] == '(' ? ')' : '}', at);
  if (close == std::string::npos) return std::nullopt;
  Reference found{text.substr(at + 2, close - at - 2), "", false, close + 1};
  if (const std::size_t colon = found.name.find(":-"); colon != std::string::npos) {
    found.fallback = found.name.substr(colon + 2);
    found.has_fallback = true;
    found.name.resize(colon);
  }
  return found;
}

/// Commands of a text that a shell reads, each word at the place of the text.
std::vector<ShellCommand> commands_in(const std::string& text, ShellPlace place, const Container& container,
                                      const std::string& file) {
  std::string assigned;
  for (const auto& [name, value] : container.env) {
    if (value.find('\'') == std::string::npos) assigned += name + "='" + value + "'\n";
  }
  ShellScript script;
  try {
    script = parse_shell(assigned + text, file);
  } catch (const hardware::ConfigError& error) {
    script.file = file;
    script.fail(place, error.diagnostics().front().message);
  }
  for (ShellCommand& command : script.commands) {
    for (ShellWord& word : command.words) word.place = word.failure.place = place;
  }
  return script.commands;
}

std::vector<ShellWord> words_of(const ConfigNode* node, const Container& container, const std::string& file) {
  std::vector<ShellWord> words;
  if (node == nullptr) return words;
  for (const NodePtr& item : node->items) {
    if (item->kind == NodeKind::scalar) words.push_back(word_of(*item, container));
  }
  if (node->kind != NodeKind::scalar) return words;
  for (ShellCommand& command : commands_in(node->scalar, place_of(*node), container, file)) {
    words.insert(words.end(), command.words.begin(), command.words.end());
  }
  return words;
}

bool is_shell(const std::string& word) {
  const std::string name = word.substr(word.rfind('/') + 1);
  return name == "sh" || name == "bash" || name == "ash" || name == "dash";
}

}  // namespace

ShellPlace place_of(const ConfigNode& node) { return {std::max(1, node.span.line), std::max(1, node.span.column)}; }

std::map<std::string, std::string> env_of(const ConfigNode* node) {
  std::map<std::string, std::string> env;
  if (node == nullptr) return env;
  for (const auto& [name, value] : node->entries) {
    if (value->kind == NodeKind::scalar) env[name] = value->scalar;
  }
  for (const NodePtr& item : node->items) {
    const ConfigNode* name = item->find("name");
    const ConfigNode* value = item->find("value");
    if (name != nullptr && value != nullptr) env[name->scalar] = value->scalar;
    const std::size_t equals = item->scalar.find('=');
    if (item->kind == NodeKind::scalar && equals != std::string::npos) {
      env[item->scalar.substr(0, equals)] = item->scalar.substr(equals + 1);
    }
  }
  return env;
}

ShellWord word_of(const ConfigNode& node, const Container& container) {
  ShellWord word{"", place_of(node), {}};
  const std::string& text = node.scalar;
  for (std::size_t at = 0; at < text.size();) {
    if (text.compare(at, 2, "$$") == 0) {  // both kinds of file escape the sign so
      word.text += '$';
      at += 2;
      continue;
    }
    const std::optional<Reference> reference = reference_at(text, at);
    if (!reference) {
      word.text += text[at++];
      continue;
    }
    const auto known = container.env.find(reference->name);
    if (known == container.env.end() && !reference->has_fallback) {
      word.failure = {"a variable that the container's env does not set", place_of(node)};
      return word;
    }
    word.text += known != container.env.end() ? known->second : reference->fallback;
    at = reference->end;
  }
  return word;
}

void add_commands(const Container& container, ShellScript& script) {
  std::vector<ShellWord> words = words_of(container.command, container, script.file);
  if (words.empty() && container.image != nullptr) {
    const ShellWord image = word_of(*container.image, container);
    words = {{"container", image.place, {}}, image};
  }
  for (ShellWord& word : words_of(container.args, container, script.file)) words.push_back(std::move(word));
  // sh -c TEXT, with other flags before it: -lc, -e -c.
  if (words.size() > 2 && is_shell(words.front().text)) {
    for (std::size_t i = 1; i + 1 < words.size(); ++i) {
      if (words[i].text.rfind('-', 0) != 0 || words[i].text.back() != 'c') continue;
      const ShellWord& text = words[i + 1];
      for (ShellCommand& command : commands_in(text.text, text.place, container, script.file)) {
        script.commands.push_back(std::move(command));
      }
      return;
    }
  }
  if (!words.empty()) script.commands.push_back({std::move(words)});
}

void add_assigned(const Container& container, ShellScript& script) {
  if (container.env_place == nullptr) return;
  for (const auto& [name, value] : container.env) {
    ShellWord word{name, place_of(*container.env_place), {}};
    for (const NodePtr& item : container.env_place->items) {
      const ConfigNode* named = item->find("name");
      const bool is_it = named != nullptr ? named->scalar == name : item->scalar.rfind(name + "=", 0) == 0;
      if (is_it) word.place = place_of(*item);
    }
    if (const ConfigNode* set = container.env_place->find(name)) word.place = place_of(*set);
    script.assigned.push_back(std::move(word));
  }
}

}  // namespace orrery::scenarios
