// Kubernetes manifests and Compose files: the container that starts a server, read as a launch line. Nothing is
// executed.
//
// A container's words are its command and args (its entrypoint and command in Compose); without a command its image
// says what is started. `sh -c TEXT` is read as a script. Variables are those that the container's env sets.
// Limitations: one file; values from config maps, secrets and .env files are not known; templates (Helm) are no YAML.
// Source: kubernetes.io/docs, Container (command, args, env, "$(NAME)");
// docs.docker.com/reference/compose-file/services.
#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "hardware/config/config.hpp"
#include "hardware/config/shown.hpp"
#include "scenarios/import/launch.hpp"

namespace orrery::scenarios {

namespace {

using hardware::ConfigNode;
using hardware::NodeKind;
using hardware::NodePtr;

/// Its YAML documents, each at its lines of the file.
std::vector<NodePtr> documents_of(const std::string& text, const std::string& file) {
  std::vector<NodePtr> documents;
  std::string part;
  bool any = false;  // something but blanks and comments
  const auto end_part = [&](std::size_t lines) {
    if (any) documents.push_back(hardware::parse_config(part, file));
    part.assign(lines, '\n');
    any = false;
  };
  std::size_t lines = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string line = text.substr(at, end - at);
    ++lines;
    if (line.rfind("---", 0) == 0) {
      end_part(lines);
    } else {
      const std::size_t first = line.find_first_not_of(" \t\r");
      any = any || (first != std::string::npos && line[first] != '#');
      part += line + "\n";
    }
    at = end + 1;
  }
  end_part(0);
  return documents;
}

ShellPlace place_of(const ConfigNode& node) { return {std::max(1, node.span.line), std::max(1, node.span.column)}; }

/// A container as its file has it; nullptr: it says nothing of that.
struct Container {
  const ConfigNode* image = nullptr;
  const ConfigNode* command = nullptr;  ///< instead of what the image starts
  const ConfigNode* args = nullptr;
  std::map<std::string, std::string> env;
  std::int64_t replicas = 1;
};

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

ShellWord word_of(const ConfigNode& node, const Container& container) {
  ShellWord word{"", place_of(node), {}};
  const std::string& text = node.scalar;
  for (std::size_t at = 0; at < text.size();) {
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
      if (words[i].text.front() != '-' || words[i].text.back() != 'c') continue;
      const ShellWord& text = words[i + 1];
      for (ShellCommand& command : commands_in(text.text, text.place, container, script.file)) {
        script.commands.push_back(std::move(command));
      }
      return;
    }
  }
  if (!words.empty()) script.commands.push_back({std::move(words)});
}

/// How many of it run, where that is a number.
std::int64_t replicas_in(const ConfigNode* count, std::int64_t otherwise) {
  if (count == nullptr || count->kind != NodeKind::scalar) return otherwise;
  const long written = std::strtol(count->scalar.c_str(), nullptr, 10);
  return written >= 1 && written <= 100'000 ? written : otherwise;
}

void collect(const ConfigNode& node, std::int64_t replicas, std::vector<Container>& containers) {
  replicas = replicas_in(node.find("replicas"), replicas);
  if (const ConfigNode* list = node.find("containers")) {
    for (const NodePtr& item : list->items) {
      containers.push_back(
          {item->find("image"), item->find("command"), item->find("args"), env_of(item->find("env")), replicas});
    }
  }
  for (const auto& [key, value] : node.entries) collect(*value, replicas, containers);
  for (const NodePtr& item : node.items) collect(*item, replicas, containers);
}

/// The first container that starts a server.
void read_containers(const ImportFile& file, std::string_view what, const std::vector<Container>& containers,
                     const ImportOptions& options, Draft& draft) {
  for (const Container& container : containers) {
    ShellScript script;
    script.file = file.path;
    add_commands(container, script);
    if (!holds_launch(script)) continue;
    read_script(script, file, options, draft);
    if (container.replicas > 1) {
      draft.set("replicas", std::to_string(container.replicas * draft.count("replicas")),
                fmt::format("replicas: {} of the deployment", container.replicas));
    }
    return;
  }
  throw hardware::ConfigError(fmt::format(
      "{} is {} none of whose containers starts vllm serve, sglang, trtllm-serve or text-generation-launcher",
      hardware::quoted_path(file.path), what));
}

/// A line begins with that key.
bool has_yaml_key(const ImportFile& file, std::string_view key) {
  for (std::size_t at = file.head.find(key); at != std::string::npos; at = file.head.find(key, at + 1)) {
    const bool first = at == 0 || file.head[at - 1] == '\n';
    if (first && at + key.size() < file.head.size() && file.head[at + key.size()] == ':') return true;
  }
  return false;
}

}  // namespace

bool is_kubernetes(const ImportFile& file) {
  return !file.is_gzip && has_yaml_key(file, "apiVersion") && has_yaml_key(file, "kind");
}

void read_kubernetes(const ImportFile& file, const ImportOptions& options, Console&, Draft& draft) {
  const std::vector<NodePtr> documents = documents_of(file.whole(), file.path);
  std::vector<Container> containers;
  for (const NodePtr& document : documents) collect(*document, 1, containers);
  read_containers(file, "a Kubernetes manifest", containers, options, draft);
}

bool is_compose(const ImportFile& file) { return !file.is_gzip && has_yaml_key(file, "services"); }

void read_compose(const ImportFile& file, const ImportOptions& options, Console&, Draft& draft) {
  const std::vector<NodePtr> documents = documents_of(file.whole(), file.path);
  std::vector<Container> containers;
  for (const NodePtr& document : documents) {
    const ConfigNode* services = document->find("services");
    if (services == nullptr) continue;
    for (const auto& [name, service] : services->entries) {
      const ConfigNode* deploy = service->find("deploy");
      const std::int64_t scale = replicas_in(service->find("scale"), 1);
      containers.push_back({service->find("image"), service->find("entrypoint"), service->find("command"),
                            env_of(service->find("environment")),
                            replicas_in(deploy != nullptr ? deploy->find("replicas") : nullptr, scale)});
    }
  }
  read_containers(file, "a Docker Compose file", containers, options, draft);
}

}  // namespace orrery::scenarios
