// Kubernetes manifests and Compose files: the container that starts a server, read as a launch line. Nothing is
// executed.
//
// A container's words are its command and args (its entrypoint and command in Compose); without a command its image
// says what is started. `sh -c TEXT` is read as a script. Variables are those that the container's env sets.
// Limitations: one file; values from config maps, secrets and .env files are not known; templates (Helm) are no YAML.
// Source: kubernetes.io/docs, Container (command, args, env, "$(NAME)");
// docs.docker.com/reference/compose-file/services.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "hardware/config/config.hpp"
#include "hardware/config/config_numbers.hpp"
#include "hardware/config/shown.hpp"
#include "scenarios/import/container.hpp"
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

constexpr std::int64_t kMostReplicas = 100'000;
constexpr std::string_view kPlaced = "where it is placed: --gpu or --node of import names the hardware";
constexpr std::string_view kCounted = "the GPUs follow from the parallel sizes of the launch";

/// What may stand in a container or around it; without a reason it is read elsewhere or says nothing of the run.
struct Rest {
  std::string_view key, why;
};
constexpr std::array<Rest, 26> kRest{{
    {"image", ""},
    {"command", ""},
    {"args", ""},
    {"env", ""},
    {"name", ""},
    {"replicas", ""},
    {"containers", ""},
    {"entrypoint", ""},
    {"environment", ""},
    {"scale", ""},
    {"template", ""},
    {"spec", ""},
    {"metadata", ""},
    {"selector", ""},
    {"deploy", ""},
    {"mode", ""},
    {"nodeSelector", kPlaced},
    {"affinity", kPlaced},
    {"nodeName", kPlaced},
    {"placement", kPlaced},
    {"runtimeClassName", kPlaced},
    {"resources", kCounted},
    {"gpus", kCounted},
    {"envFrom", "variables of other files are not known, and none is looked at"},
    {"env_file", "variables of other files are not known, and none is looked at"},
    {"initContainers", "they end before the server starts"},
}};

std::vector<std::pair<std::string, const ConfigNode*>> rest_of(const ConfigNode& node) {
  std::vector<std::pair<std::string, const ConfigNode*>> rest;
  for (const auto& [key, value] : node.entries) rest.emplace_back(key, value.get());
  return rest;
}

/// `replicas`: the nearest above.
void collect(const ConfigNode& node, const ConfigNode* replicas, std::vector<Container>& containers) {
  if (const ConfigNode* own = node.find("replicas")) replicas = own;
  if (const ConfigNode* list = node.find("containers")) {
    for (const NodePtr& item : list->items) {
      const ConfigNode* name = item->find("name");
      const ConfigNode* env = item->find("env");
      containers.push_back({name != nullptr ? "container " + name->scalar : "container", item.get(),
                            item->find("image"), item->find("command"), item->find("args"), env, env_of(env), replicas,
                            rest_of(*item)});
      for (const auto& one : rest_of(node)) containers.back().rest.push_back(one);
    }
  }
  for (const auto& [key, value] : node.entries) collect(*value, replicas, containers);
  for (const NodePtr& item : node.items) collect(*item, replicas, containers);
}

std::string text_of(const std::string& file, const ConfigNode& node) {
  return fmt::format("{}:{}:{}", hardware::quoted_path(file), std::max(1, node.span.line),
                     std::max(1, node.span.column));
}

/// Times what the launch says. Throws ConfigError at a count that none can have.
void multiply(const Container& container, const ShellScript& script, Draft& draft) {
  if (container.replicas == nullptr || container.replicas->kind == NodeKind::null) return;
  const ShellWord word = word_of(*container.replicas, container);
  if (!word.is_known()) {
    draft.ignored.push_back(
        fmt::format("{} replicas: {}; taken as 1", text_of(script.file, *container.replicas), word.failure.message));
    return;
  }
  std::string error;
  const std::optional<std::int64_t> count =
      container.replicas->kind == NodeKind::scalar ? hardware::parse_integer(word.text, error) : std::nullopt;
  if (!count || *count < 1 || *count > kMostReplicas) {
    script.fail(place_of(*container.replicas),
                fmt::format("replicas: expected a whole number from 1 to {} of a server that runs, found {}",
                            kMostReplicas, hardware::shown(word.text)));
  }
  if (*count == 1) return;
  draft.set("replicas", std::to_string(*count * draft.count("replicas")),
            fmt::format("replicas: {} of the deployment", *count));
}

/// What else is said of the container, and why nothing follows from it here.
void ignore_rest(const Container& container, const std::string& file, Draft& draft) {
  std::string others;
  for (const auto& [key, node] : container.rest) {
    const auto found =
        std::find_if(kRest.begin(), kRest.end(), [&key = key](const Rest& one) { return one.key == key; });
    if (found == kRest.end()) {
      others += (others.empty() ? "" : ", ") + key;
    } else if (!found->why.empty()) {
      draft.ignored.push_back(fmt::format("{} {}: {}", text_of(file, *node), key, found->why));
    }
  }
  if (!others.empty()) {
    draft.ignored.push_back(fmt::format("{} {}: {}", text_of(file, *container.place), others,
                                        "how the container is kept, which takes no time here"));
  }
}

/// The first container that starts a server; what the others are is said.
void read_containers(const ImportFile& file, std::string_view what, const std::vector<Container>& containers,
                     const ImportOptions& options, Draft& draft) {
  bool found = false;
  std::vector<std::string> others;
  for (const Container& container : containers) {
    ShellScript script;
    script.file = file.path;
    add_commands(container, script);
    const bool serves = holds_launch(script);
    if (!serves || found) {
      others.push_back(fmt::format("{} {}: {}", text_of(file.path, *container.place), container.name,
                                   serves ? "another server; one launch is read, the first" : "it starts no server"));
      continue;
    }
    found = true;
    add_assigned(container, script);
    read_script(script, file, options, draft);
    multiply(container, script, draft);
    ignore_rest(container, file.path, draft);
  }
  draft.ignored.insert(draft.ignored.end(), others.begin(), others.end());
  if (found) return;
  throw hardware::ConfigError(fmt::format(
      "{} is {} none of whose containers starts vllm serve, sglang, trtllm-serve or text-generation-launcher",
      hardware::quoted_path(file.path), what));
}

}  // namespace

bool is_kubernetes(const ImportFile& file) {
  return !file.is_gzip && file.has_yaml_key("apiVersion") && file.has_yaml_key("kind");
}

void read_kubernetes(const ImportFile& file, const ImportOptions& options, Console&, Draft& draft) {
  const std::vector<NodePtr> documents = documents_of(file.whole(), file.path);
  std::vector<Container> containers;
  std::vector<std::string> others;
  for (const NodePtr& document : documents) {
    const std::size_t before = containers.size();
    collect(*document, nullptr, containers);
    const ConfigNode* kind = document->find("kind");
    if (containers.size() > before || kind == nullptr) continue;
    others.push_back(fmt::format("{} {}: it holds no container", text_of(file.path, *kind), kind->scalar));
  }
  read_containers(file, "a Kubernetes manifest", containers, options, draft);
  draft.ignored.insert(draft.ignored.end(), others.begin(), others.end());
}

bool is_compose(const ImportFile& file) { return !file.is_gzip && file.has_yaml_key("services"); }

void read_compose(const ImportFile& file, const ImportOptions& options, Console&, Draft& draft) {
  const std::vector<NodePtr> documents = documents_of(file.whole(), file.path);
  std::vector<Container> containers;
  for (const NodePtr& document : documents) {
    const ConfigNode* services = document->find("services");
    if (services == nullptr) continue;
    for (const auto& [name, service] : services->entries) {
      const ConfigNode* deploy = service->find("deploy");
      const ConfigNode* env = service->find("environment");
      Container container{"service " + name,
                          service.get(),
                          service->find("image"),
                          service->find("entrypoint"),
                          service->find("command"),
                          env,
                          env_of(env),
                          service->find("scale"),
                          rest_of(*service)};
      if (deploy != nullptr) {
        if (const ConfigNode* replicas = deploy->find("replicas")) container.replicas = replicas;
        for (const auto& one : rest_of(*deploy)) container.rest.push_back(one);
      }
      containers.push_back(std::move(container));
    }
  }
  read_containers(file, "a Docker Compose file", containers, options, draft);
}

}  // namespace orrery::scenarios
