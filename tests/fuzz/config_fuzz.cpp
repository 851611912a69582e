// Fuzz target of the configuration reader: everything that takes untrusted text, on one input.
//
// Parses, checks the spans of what was read, reads it with the getters and edits it in place. Any outcome but a
// tree or a ConfigError, and any broken promise (a span outside its parent's, an edit that does not parse),
// ends the program.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "hardware/config/config.hpp"
#include "tests/fuzz/memory_file.hpp"

namespace orrery::tests {
namespace {

using hardware::ConfigError;
using hardware::ConfigNode;
using hardware::NodeKind;

/// The text of a scalar's span, put where a value may stand, reads as the same scalar.
bool reads_alone(const ConfigNode& node, const std::string& written) {
  for (const char* frame : {"- \n", "k: \n", "[]\n"}) {
    std::string text = frame;
    text.insert(text.find_first_of("]\n"), written);
    try {
      const hardware::NodePtr root = hardware::parse_config(text, "fuzz.yaml");
      const ConfigNode* found = nullptr;
      if (root->items.size() == 1) found = root->items[0].get();
      if (root->entries.size() == 1) found = root->entries[0].second.get();
      if (found != nullptr && found->kind == NodeKind::scalar && found->scalar == node.scalar) return true;
    } catch (const ConfigError&) {
      continue;
    }
  }
  return false;
}

void check_spans(const ConfigNode& node, const std::string& text, std::size_t begin, std::size_t end) {
  require(node.span.begin <= node.span.end && node.span.end <= text.size(), "a span lies in the text");
  require(node.span.begin >= begin && node.span.end <= end, "a span lies in its parent's");
  require(node.entries.size() == node.key_spans.size(), "every key has a span");
  const std::string written = text.substr(node.span.begin, node.span.end - node.span.begin);
  if (node.kind == NodeKind::scalar && written.find('\n') == std::string::npos && written.size() < 200 &&
      written.find_first_of("|>") != 0) {
    require(reads_alone(node, written), "a span holds exactly its scalar");
  }
  for (const auto& item : node.items) check_spans(*item, text, node.span.begin, node.span.end);
  for (const auto& [key, value] : node.entries) check_spans(*value, text, node.span.begin, node.span.end);
}

void read_everything(const ConfigNode& root) {
  hardware::Diagnostics diagnostics("fuzz.yaml");
  hardware::MapReader map(&root, "fuzz", diagnostics);
  for (std::size_t i = 0; i < root.entries.size() && i < 8; ++i) {
    const std::string& key = root.entries[i].first;
    (void)map.integer_or(key, 0);
    (void)map.number_or(key, 0.0);
    (void)map.boolean_or(key, false);
    (void)map.text_or(key, "");
    (void)map.bytes_or(key, Bytes{});
    (void)map.bandwidth_or(key, BytesPerSecond{});
    (void)map.duration_or(key, Seconds{});
    (void)map.flop_rate(key);
    (void)map.frequency(key);
    (void)map.integers_or(key, {});
    (void)map.texts_or(key, {});
    (void)map.choice_or(key, {"gpipe", "1f1b"}, 0);
  }
  hardware::MapReader unread(&root, "fuzz", diagnostics);
  (void)unread.integer("layers");
  unread.finish();
  for (const auto& item : diagnostics.items()) require(!item.str().empty(), "a diagnostic has a text");
}

bool parses(const std::string& text) {
  try {
    return hardware::parse_config(text, "fuzz.yaml") != nullptr;
  } catch (const ConfigError&) {
    return false;
  }
}

void edit(const std::string& text, const ConfigNode& root) {
  std::vector<std::string> paths{"added", "a.b"};
  for (std::size_t i = 0; i < root.entries.size() && i < 4; ++i) {
    paths.push_back(root.entries[i].first);
    paths.push_back(root.entries[i].first + ".0");
  }
  if (root.kind == NodeKind::sequence) paths.push_back("0");
  for (const std::string& path : paths) {
    for (const char* value : {"1", "[x, 'y']", "a, b: c"}) {
      try {
        const std::string edited = hardware::set_value(text, "fuzz.yaml", path, value);
        require(parses(edited), "an edited text parses");
      } catch (const ConfigError&) {
        continue;  // the path may be impossible here
      }
    }
  }
}

/// Runs one input.
void fuzz_config(const std::uint8_t* data, std::size_t size) {
  const std::string text(data, data + size);
  hardware::NodePtr root;
  try {
    root = hardware::parse_config(text, "fuzz.yaml");
  } catch (const ConfigError& error) {
    require(!error.diagnostics().empty(), "an error has a diagnostic");
    return;
  }
  check_spans(*root, text, 0, text.size());
  read_everything(*root);
  edit(text, *root);
}

}  // namespace
}  // namespace orrery::tests

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  orrery::tests::fuzz_config(data, size);
  return 0;
}
