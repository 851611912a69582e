// Values of a sweep that no point can have: told at their places, before anything runs.
#include "scenarios/search/axis_values.hpp"

#include <algorithm>

#include <gmock/gmock.h>

#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kServing =
    "scenario: s\nmodel: gpt2-124m\ncluster: {node: dgx_a100}\nserving:\n  load: {arrivals: closed_loop, concurrency: "
    "4, "
    "requests: 20, input: 50, output: 5}\n";
constexpr const char* kTraining =
    "scenario: s\nmodel: gpt2-124m\ncluster: {node: dgx_a100}\ntraining: {sequence_length: 1024, global_batch_size: "
    "64}\n";

class AxisValues : public FolderTest {
 protected:
  Outcome swept(const std::string& scenario, const std::string& sweep) const {
    return orrery({"sweep", write("s.yaml", scenario + "sweep:\n" + sweep)});
  }
  std::string refusal(const std::string& scenario, const std::string& sweep) const {
    const Outcome outcome = swept(scenario, sweep);
    EXPECT_EQ(outcome.code, kExitInput) << outcome.out;
    EXPECT_EQ(outcome.out, "") << "nothing ran";
    return outcome.err;
  }
};

// Of one replica, or one expert rank, the key has no effect: its points are folded into one, and this one's value was
// lost there.
TEST_F(AxisValues, AreReadWhereTheirKeyHasNoEffect) {
  EXPECT_THAT(refusal(kServing, "  serving.router: [round_robim, least_requests]\n"),
              AllOf(HasSubstr("s.yaml:7:20: sweep.serving.router: 'router': 'round_robim' is not valid"),
                    HasSubstr("round_robin")));
  EXPECT_THAT(
      refusal(kTraining, "  training.expert_exchange: [all_to_all, nonsense]\n"),
      AllOf(HasSubstr("s.yaml:6:42: sweep.training.expert_exchange: 'expert_exchange': 'nonsense' is not valid"),
            HasSubstr("deepep_normal")));
  EXPECT_THAT(refusal(kTraining, "  training.overlap_p2p: [true, maybe]\n"), HasSubstr("s.yaml:6:32: "));
  EXPECT_THAT(refusal(kTraining, "  training.expert_exchange_sms: [0, -4]\n"), HasSubstr("must be from 0 to 1000"));
}

TEST_F(AxisValues, AreReadWhereTheyHaveOne) {
  EXPECT_THAT(refusal(kServing, "  serving.replicas: [1, 2]\n  serving.router: [bogus, round_robin]\n"),
              HasSubstr("s.yaml:8:20: sweep.serving.router: 'router': 'bogus' is not valid"));
  EXPECT_THAT(refusal(kServing, "  serving.load.requests: [2.5, 20]\n"),
              HasSubstr("s.yaml:7:27: sweep.serving.load.requests: 'requests': expected a whole number, found '2.5'"));
  EXPECT_THAT(refusal(kTraining, "  cluster.node: [dgx_a100, dgx_a10]\n"), HasSubstr("did you mean 'dgx_a100'"));
}

// As a variant of one name twice: its points would run twice and stand in the table twice.
TEST_F(AxisValues, AreThereOnce) {
  EXPECT_THAT(refusal(kServing, "  serving.replicas: [4, 2, 4]\n"),
              HasSubstr("s.yaml:7:28: sweep.serving.replicas: the value \"4\" is there twice"));
}

TEST_F(AxisValues, AreToldTogether) {
  const std::string said =
      refusal(kTraining, "  training.recompute: [none, nome]\n  training.schedule: [1f1b, 1f1c, gpipe]\n");
  EXPECT_THAT(said, AllOf(HasSubstr("s.yaml:6:30: "), HasSubstr("s.yaml:7:29: ")));
}

// Of a long list of numbers its ends are read first; a wrong one brings all wrong ones out.
TEST_F(AxisValues, OfNumbersAreToldEach) {
  const std::string said = refusal(kServing, "  serving.load.requests: [5, 0, 7, 2.5, -3, 20, many]\n");
  for (const char* place : {"s.yaml:7:30: ", "s.yaml:7:36: ", "s.yaml:7:41: ", "s.yaml:7:49: "}) {
    EXPECT_THAT(said, HasSubstr(place));
  }
  EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 4) << said;
  EXPECT_THAT(refusal(kServing, "  cluster.price: [2 USD/h, 3 USD/day, 1.5 USD/h]\n"), HasSubstr("s.yaml:7:28: "));
}

TEST_F(AxisValues, OfAListThatAnOptionSetAreToldByIt) {
  const std::string file = write("s.yaml", std::string(kServing) + "sweep: {serving.replicas: [1]}\n");
  const Outcome outcome = orrery({"sweep", file, "--set", "sweep={serving.router: [bogus]}"});
  EXPECT_EQ(outcome.code, kExitInput);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("--set sweep="), HasSubstr("'bogus' is not valid")));
}

// What can't be together is a row with its reason, as before: 1000 does not divide 12 heads.
TEST_F(AxisValues, ThatCannotBeTogetherArePoints) {
  const Outcome outcome = swept(kServing, "  serving.tensor_parallel: [1, 1000]\n");
  EXPECT_EQ(outcome.code, kExitWell) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("can't be: serving.tensor_parallel: 1000 doesn't divide"));
}

// Poisson arrivals have a rate, a closed loop has none.
TEST_F(AxisValues, ThatAnotherAxisMakesRoomForAreWell) {
  const Outcome outcome =
      swept(kServing, "  serving.load.arrivals: [closed_loop, poisson]\n  serving.load.rate: [5, 10]\n");
  EXPECT_THAT(outcome.err, Not(HasSubstr("sweep.serving.load.rate")));
}

}  // namespace
}  // namespace orrery::scenarios::testing
