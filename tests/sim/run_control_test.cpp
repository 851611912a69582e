#include "sim/run_control.hpp"

#include <vector>

#include <gtest/gtest.h>

#include "sim/plan/builder.hpp"
#include "sim/plan/evaluate.hpp"
#include "tests/sim/flat_prices.hpp"
#include "tests/sim/lanes.hpp"

namespace orrery::sim {
namespace {

TEST(RunControl, ThrowsOnceTheFlagIsSet) {
  std::atomic<bool> stop = false;
  const RunControl control{&stop, {}};
  EXPECT_NO_THROW(control.check());
  stop = true;
  EXPECT_THROW(control.check(), Cancelled);
  EXPECT_NO_THROW(RunControl{}.check()) << "nothing to look at";
}

TEST(RunControl, MapsThePartsOfAComputationIntoTheWhole) {
  std::vector<double> told;
  const RunControl whole{nullptr, [&](double share) { told.push_back(share); }};
  const RunControl half = whole.part(0.5, 1.0);
  half.report(0.0);
  half.report(0.5);
  half.part(0.0, 0.5).report(1.0);  // 0.5 + 0.5 · (0 + 0.5 · 1)
  half.report(-1.0);                // not known stays not known
  EXPECT_EQ(told, (std::vector<double>{0.5, 0.75, 0.75, -1.0}));
  RunControl{}.part(0.0, 0.5).report(1.0);
}

TEST(Pacer, LooksAtLeastOnceInSixtyFiveThousandSteps) {
  std::atomic<bool> stop = true;
  Pacer pacer({&stop, {}});
  int done = 0;
  const auto loop = [&] {
    for (; done < 1'000'000; ++done) pacer.add();
  };
  EXPECT_THROW(loop(), Cancelled);
  EXPECT_LT(done, 65'536);
  EXPECT_THROW(pacer.add(70'000), Cancelled) << "many at once count as many";
}

TEST(RunControl, StopsCheckingPricingAndEvaluatingAPlan) {
  PlanBuilder builder;
  const StreamId stream = builder.stream(builder.add_rank("only"), kCompute);
  kernels::MemoryShape shape;
  shape.elements = 1;
  for (int i = 0; i < 100'000; ++i) builder.launch(stream, shape, "kernel", Activity::forward);
  const Plan plan = builder.take();
  const Durations durations{{7}, {}, {}, {}};
  std::atomic<bool> stop = true;
  const RunControl control{&stop, {}};
  const testing::FlatPrices prices;
  const RunnablePlan runnable(plan);
  EXPECT_THROW((void)check(plan, control), Cancelled);
  EXPECT_THROW(RunnablePlan(plan, control), Cancelled);
  EXPECT_THROW((void)price(plan, prices, control), Cancelled);
  EXPECT_THROW((void)evaluate(runnable, durations, control), Cancelled);
  stop = false;
  EXPECT_EQ(evaluate(runnable, durations, control).makespan, 700'000u);
}

}  // namespace
}  // namespace orrery::sim
