#include <gtest/gtest.h>

#include "calibrate/tables.hpp"
#include "hardware/catalogue/catalogue.hpp"
#include "hardware/config/config.hpp"
#include "tests/calibrate/temporary_folder.hpp"

namespace orrery::calibrate {
namespace {

using tests::contents;
using tests::TemporaryFolder;

hardware::Fit fit(std::string key, double value) {
  hardware::Fit result;
  result.key = std::move(key);
  result.source = "a \"table\" \\ here";
  result.date = "2025-06-01";
  result.split = "fnv1a(family) % 5 = 0";
  result.coefficients = {{"floor_us", value}, {"e_compute", 0.1}};
  result.residuals = {{"seen", 12, 0.0125, 0.5}, {"unseen_family", 3, 1e-9, 1.0}};
  for (std::uint32_t i = 0; i < 63; ++i) result.families_seen.push_back(1000 + i);
  return result;
}

const std::string kFacts = "# A profile\ntitle: \"X\"   # with a comment\n\nsm_count: 132\n";

// The value below a path of keys; lists are searched for the item with that `key`.
std::string value_at(const std::string& text, const std::string& fit_key, const std::string& coefficient) {
  const auto root = hardware::parse_config(text, "profile.yaml");
  for (const auto& item : root->find("fits")->items) {
    if (item->find("key")->scalar == fit_key) return item->find("coefficients")->find(coefficient)->scalar;
  }
  return "absent";
}

TEST(WriteFits, AppendsBelowAndKeepsTheTextAbove) {
  const TemporaryFolder folder;
  const auto path = folder.file("p.yaml", kFacts);
  write_fits(path, {fit("gemm/trtllm/bf16", 2.75)});
  const std::string text = contents(path);
  EXPECT_EQ(text.substr(0, kFacts.size() + 6), kFacts + "fits:\n");
  EXPECT_EQ(value_at(text, "gemm/trtllm/bf16", "floor_us"), "2.75");
  EXPECT_FALSE(std::filesystem::exists(path.string() + ".new"));
}

TEST(WriteFits, ReplacesEqualKeysAndKeepsTheOthers) {
  const TemporaryFolder folder;
  const auto path = folder.file("p.yaml", kFacts);
  write_fits(path, {fit("gemm/trtllm/bf16", 2.75), fit("nccl/all_reduce/8", 4.0)});
  write_fits(path, {fit("gemm/trtllm/bf16", 3.0), fit("moe/trtllm/fp8", 5.0)});
  const std::string text = contents(path);
  EXPECT_EQ(text.substr(0, kFacts.size()), kFacts);
  EXPECT_EQ(value_at(text, "gemm/trtllm/bf16", "floor_us"), "3");
  EXPECT_EQ(value_at(text, "nccl/all_reduce/8", "floor_us"), "4");
  EXPECT_EQ(value_at(text, "moe/trtllm/fp8", "floor_us"), "5");
  EXPECT_EQ(hardware::parse_config(text, "p")->find("fits")->items.size(), 3u);
}

TEST(WriteFits, TwiceIsTheSameAsOnce) {
  const TemporaryFolder folder;
  const auto path = folder.file("p.yaml", kFacts);
  write_fits(path, {fit("a/b/c", 1.0), fit("d/e/f", 2.0)});
  const std::string once = contents(path);
  write_fits(path, {fit("d/e/f", 2.0)});
  write_fits(path, {fit("a/b/c", 1.0)});
  EXPECT_EQ(contents(path), once);
}

TEST(WriteFits, NumbersReadBackExactly) {
  const TemporaryFolder folder;
  const auto path = folder.file("p.yaml", kFacts);
  const double third = 1.0 / 3.0;
  write_fits(path, {fit("a/b/c", third)});
  EXPECT_EQ(std::stod(value_at(contents(path), "a/b/c", "floor_us")), third);
  EXPECT_EQ(value_at(contents(path), "a/b/c", "e_compute"), "0.1");
}

TEST(WriteFits, AddsTheMissingNewline) {
  const TemporaryFolder folder;
  const auto path = folder.file("p.yaml", "title: X");
  write_fits(path, {fit("a/b/c", 1.0)});
  EXPECT_EQ(contents(path).substr(0, 15), "title: X\nfits:\n");
}

TEST(WriteFits, RefusesAProfileThatGoesOnBelowFits) {
  const TemporaryFolder folder;
  const std::string text = kFacts + "fits: []\npower: 700 W\n";
  const auto path = folder.file("p.yaml", text);
  EXPECT_THROW(write_fits(path, {fit("a/b/c", 1.0)}), hardware::ConfigError);
  EXPECT_EQ(contents(path), text);
}

TEST(WriteFits, LeavesAFileItCannotReadAlone) {
  const TemporaryFolder folder;
  const auto path = folder.file("p.yaml", "title: [unclosed\n");
  EXPECT_THROW(write_fits(path, {fit("a/b/c", 1.0)}), hardware::ConfigError);
  EXPECT_EQ(contents(path), "title: [unclosed\n");
  EXPECT_THROW(write_fits(folder.path() / "none.yaml", {fit("a/b/c", 1.0)}), hardware::ConfigError);
}

TEST(WriteFits, WorksOnEveryProfileOfTheTree) {
  const TemporaryFolder folder;
  for (const std::string& name : hardware::gpu_names()) {
    const auto original = hardware::gpu_profile_path(name);
    const auto copy = folder.path() / (name + ".yaml");
    std::filesystem::copy_file(original, copy);
    std::filesystem::permissions(copy, std::filesystem::perms::owner_write, std::filesystem::perm_options::add);
    write_fits(copy, {fit("test/none/bf16", 1.5)});
    const std::string before = contents(original), after = contents(copy);
    const std::size_t facts = std::min(before.find("\nfits:"), before.size() - 1);
    EXPECT_EQ(after.substr(0, facts), before.substr(0, facts)) << name;
    EXPECT_EQ(value_at(after, "test/none/bf16", "floor_us"), "1.5") << name;
  }
}

}  // namespace
}  // namespace orrery::calibrate
