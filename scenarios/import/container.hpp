// A container of a Kubernetes manifest or a Compose file, and what it is told to run. Nothing is executed.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "hardware/config/config.hpp"
#include "scenarios/import/shell.hpp"

namespace orrery::scenarios {

/// A container as its file has it; nullptr: it says nothing of that.
struct Container {
  std::string name;  ///< "container vllm", "service vllm"
  const hardware::ConfigNode* place = nullptr;
  const hardware::ConfigNode* image = nullptr;
  const hardware::ConfigNode* command = nullptr;  ///< instead of what the image starts
  const hardware::ConfigNode* args = nullptr;
  const hardware::ConfigNode* env_place = nullptr;
  std::map<std::string, std::string> env;
  const hardware::ConfigNode* replicas = nullptr;                         ///< how many of it run
  std::vector<std::pair<std::string, const hardware::ConfigNode*>> rest;  ///< what else stands in it, and around it
};

/// The place where it begins, from 1.
[[nodiscard]] ShellPlace place_of(const hardware::ConfigNode& node);

/// Variables of a mapping, of a list of {name, value}, or of "NAME=value".
[[nodiscard]] std::map<std::string, std::string> env_of(const hardware::ConfigNode* node);

/// A scalar with the variables of the container's env in it; marked where it needs another.
[[nodiscard]] ShellWord word_of(const hardware::ConfigNode& node, const Container& container);

/// Its command and args, or its image and args; of `sh -c TEXT` the commands of the text. Throws
/// hardware::ConfigError at the place of a text that no shell reads.
void add_commands(const Container& container, ShellScript& script);

/// Its variables with the places of their names, or of their list.
void add_assigned(const Container& container, ShellScript& script);

}  // namespace orrery::scenarios
