// Plan texts that a hand or a fault has changed: read as what they say or refused with the line, never anything else.
#include <algorithm>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "sim/plan/builder.hpp"
#include "sim/plan/plan.hpp"
#include "tests/sim/lanes.hpp"
#include "tests/sim/plan_text_reader.hpp"
#include "tests/sim/random_plan.hpp"

namespace orrery::sim {
namespace {

std::string plan_text(std::uint64_t seed) {
  testing::RandomPlan random(seed);
  return to_text(random.make(1 + random.below(3), random.below(60)));
}

std::size_t lines_of(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) + 1;
}

/// Whether the text is read. What is read says the same again; a refusal names a line of the text.
bool is_read(const std::string& text) {
  try {
    const Plan plan = plan_from_text(text);
    const std::string again = to_text(plan);
    EXPECT_EQ(to_text(plan_from_text(again)), again);
    (void)check(plan);  // whatever the numbers are: findings, no crash
    return true;
  } catch (const std::invalid_argument& error) {
    const std::string message = error.what(), start = "plan text, line ";
    EXPECT_EQ(message.rfind(start, 0), 0u) << message;
    const std::size_t line = std::stoul(message.substr(start.size()));
    EXPECT_GE(line, 1u) << message;
    EXPECT_LE(line, lines_of(text)) << message;
    return false;
  }
}

TEST(PlanTextMutations, OfSingleCharactersAreReadOrRefused) {
  std::mt19937 random(20261122);
  static const std::string kCharacters = "0123456789-+= \n\"#.,xe_:\\\t";
  int read = 0, refused = 0;
  for (int i = 0; i < 4000; ++i) {
    std::string text = plan_text(random() % 12);
    for (std::size_t n = 0; n <= random() % 3; ++n) {
      const std::size_t at = random() % text.size();
      const char c = kCharacters[random() % kCharacters.size()];
      switch (random() % 3) {
        case 0:
          text[at] = c;
          break;
        case 1:
          text.insert(at, 1, c);
          break;
        default:
          text.erase(at, 1);
      }
    }
    (is_read(text) ? read : refused) += 1;
  }
  EXPECT_GT(read, 100);
  EXPECT_GT(refused, 100);
}

TEST(PlanTextMutations, OfWholeLinesAreReadOrRefused) {
  std::mt19937 random(7);
  for (int i = 0; i < 1500; ++i) {
    const std::string text = plan_text(random() % 12);
    std::vector<std::string> lines;
    for (std::size_t begin = 0; begin < text.size();) {
      const std::size_t end = text.find('\n', begin);
      lines.push_back(text.substr(begin, end - begin));
      begin = end + 1;
    }
    const std::size_t at = random() % lines.size();
    switch (random() % 3) {
      case 0:
        lines.erase(lines.begin() + static_cast<std::ptrdiff_t>(at));
        break;
      case 1:
        lines.insert(lines.begin() + static_cast<std::ptrdiff_t>(random() % lines.size()), std::string(lines[at]));
        break;
      default:
        std::swap(lines[at], lines[random() % lines.size()]);
    }
    std::string changed;
    for (const std::string& line : lines) changed += line + "\n";
    (void)is_read(changed);
  }
}

TEST(PlanTextMutations, ATextThatIsCutOffIsNeverReadAsTheWhole) {
  for (std::uint64_t seed = 0; seed < 6; ++seed) {
    const std::string whole = plan_text(seed);
    for (std::size_t length = 0; length + 1 < whole.size(); ++length) {
      const std::string cut = whole.substr(0, length);
      if (is_read(cut)) {
        EXPECT_LE(to_text(plan_from_text(cut)).size(), whole.size()) << length;
      }
    }
  }
}

TEST(PlanTextMutations, NumbersThatNoFieldHoldsAreRefusedWhereTheyStand) {
  const std::string head = "orrery_plan 2\n";
  const auto message = [](const std::string& text) -> std::string {
    try {
      (void)plan_from_text(text);
    } catch (const std::invalid_argument& error) {
      return error.what();
    }
    return "read";
  };
  for (const char* number : {"4294967296", "-1", "1.5", "1e3", "", "0x1", "99999999999999999999999"}) {
    EXPECT_EQ(message(head + "\nrank \"r\" stands_for=0 gpu_class=" + number).rfind("plan text, line 3: ", 0), 0u)
        << number;
    EXPECT_EQ(message(head + "events " + number).rfind("plan text, line 2: ", 0), 0u) << number;
  }
  EXPECT_EQ(message(head + "rank \"r\" stands_for=0 gpu_class=4294967295"), "read");
  for (const char* bytes : {"nan", "inf", "-inf", "1e999", "1 2", "--1"}) {
    EXPECT_EQ(message(head + "memory bytes=" + bytes + " kind=weights").rfind("plan text, line 2: ", 0), 0u) << bytes;
  }
}

TEST(PlanTextMutations, TheLastMemberOfAllReadsBack) {
  // 2^32 - 1 is a number like any other: a run that ends with it ends.
  const std::string head = "orrery_plan 2\n";
  const Plan plan = plan_from_text(head + "rank \"r\" stands_for=4294967293-4294967295,0 gpu_class=0\n");
  EXPECT_EQ(plan.ranks.at(0).stands_for, (std::vector<std::uint32_t>{4294967293u, 4294967294u, 4294967295u, 0u}));
  EXPECT_EQ(plan_from_text(to_text(plan)).ranks.at(0).stands_for, plan.ranks[0].stands_for);
}

TEST(PlanTextMutations, OfAStepWithoutAnEntryIsWrittenForTheCheckToRefuse) {
  Plan plan;
  plan.ranks.push_back({"r", {0}, 0});
  plan.streams.push_back({RankId(0), kCompute, {{StepKind::launch, 7}, {StepKind::call, 3}, {StepKind::mark, 0}}});
  plan.marks.push_back({LabelId(9), 0, 0, 0});
  const Plan again = plan_from_text(to_text(plan));
  ASSERT_EQ(again.streams.at(0).steps.size(), 3u);
  EXPECT_EQ(again.streams[0].steps[0].index, 7u);
  EXPECT_EQ(check(again), check(plan));
  EXPECT_FALSE(check(plan).empty());
}

TEST(PlanTextMutations, NamesOfAnyCharactersReadBack) {
  std::mt19937 random(11);
  for (int i = 0; i < 300; ++i) {
    std::string name(random() % 12, ' ');
    for (char& c : name) c = static_cast<char>(random() % 4 == 0 ? "\"\\\n\t#= "[random() % 7] : 1 + random() % 255);
    PlanBuilder builder;
    const RankId rank = builder.add_rank(name);
    builder.mark(builder.stream(rank, kCompute), name);
    builder.name_lane(communication(1), name);
    const Plan again = plan_from_text(to_text(builder.take()));
    ASSERT_EQ(again.ranks.at(0).name, name);
    ASSERT_EQ(again.labels.at(0), name);
    ASSERT_EQ(again.lane_names.at(0).name, name);
  }
}

}  // namespace
}  // namespace orrery::sim
