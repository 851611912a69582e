// Every public config.json in the folder of measured data reads, with the parameters that transformers counts.
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "models/architectures/hf_config.hpp"
#include "models/layer/parameters.hpp"

namespace orrery::models {
namespace {

namespace fs = std::filesystem;

/// A row of sizes.csv.
struct Sizes {
  std::int64_t parameters = 0, experts = 0, vision = 0;
};

fs::path models_folder() {
  const char* data = std::getenv("ORRERY_DATA");
  return data == nullptr ? fs::path() : fs::path(data) / "models";
}

std::vector<std::string> folders() {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(models_folder(), error)) {
    if (fs::exists(entry.path() / "config.json")) names.push_back(entry.path().filename().string());
  }
  return names;
}

std::map<std::string, Sizes> known_sizes() {
  std::map<std::string, Sizes> sizes;
  std::ifstream file(models_folder() / "sizes.csv");
  std::string line;
  std::getline(file, line);
  while (std::getline(file, line)) {
    std::stringstream row(line);
    std::string name, type, cell;
    std::getline(row, name, ',');
    std::getline(row, type, ',');
    Sizes& of = sizes[name];
    for (std::int64_t* value : {&of.parameters, &of.experts, &of.vision}) {
      std::getline(row, cell, ',');
      *value = std::stoll(cell);
    }
  }
  return sizes;
}

/// Billions in a model's name: 49 of "Llama-3_3-Nemotron-Super-49B-v1"; 0 where it has none.
double billions_in(const std::string& name) {
  for (std::size_t end = name.find('B'); end != std::string::npos; end = name.find('B', end + 1)) {
    std::size_t begin = end;
    while (begin > 0 && (std::isdigit(static_cast<unsigned char>(name[begin - 1])) != 0 || name[begin - 1] == '.')) {
      --begin;
    }
    if (begin < end && begin > 0 && name[begin - 1] == '-') return std::stod(name.substr(begin, end - begin));
  }
  return 0.0;
}

TEST(PublicConfigs, AllReadWithTheParametersThatTransformersCounts) {
  if (folders().empty()) GTEST_SKIP() << "ORRERY_DATA is not set, or has no models";
  const std::map<std::string, Sizes> known = known_sizes();
  for (const std::string& name : folders()) {
    SCOPED_TRACE(name);
    Llm llm;
    ASSERT_NO_THROW(llm = load_model((models_folder() / name).string()));
    const auto sizes = known.find(name);
    if (sizes == known.end()) {
      const double billions = billions_in(name);
      if (billions > 0.0) {
        EXPECT_NEAR(static_cast<double>(parameters(llm)) / 1e9 / billions, 1.0, 0.03);
      }
      continue;
    }
    // transformers keeps correction biases as buffers.
    const std::int64_t counted = parameters(llm) - correction_biases(llm);
    // Step-3.7's table row was counted with the class's vocabulary of 128,815, its config says 128,896.
    const std::int64_t vocabulary = llm.architecture == "step3p7" ? 2 * (llm.vocab - 128'815) * llm.hidden : 0;
    EXPECT_EQ(counted - vocabulary, sizes->second.parameters);
    EXPECT_EQ(routed_parameters(llm), sizes->second.experts);
    EXPECT_EQ(llm.vision_apart, sizes->second.vision == 0 && llm.vision_parameters > 0);
    // The table counts a projector with the language model where its name has no "vision" in it.
    EXPECT_GE(llm.vision_parameters, sizes->second.vision);
  }
}

}  // namespace
}  // namespace orrery::models
