// Both queues against std::stable_sort: increasing times, equal times in push order.
#include "sim/queue.hpp"

#include <algorithm>
#include <limits>
#include <random>

#include <gtest/gtest.h>

#include "tests/bench/packed_heap.hpp"

namespace orrery::sim {
namespace {

template <class Queue>
class EventQueue : public ::testing::Test {};
using Queues = ::testing::Types<RadixHeap, PackedHeap>;
TYPED_TEST_SUITE(EventQueue, Queues);

TYPED_TEST(EventQueue, EqualTimesComeOutInPushOrder) {
  TypeParam queue;
  for (std::uint64_t i = 0; i < 100; ++i) queue.push(i % 3, i);
  for (std::uint64_t time = 0; time < 3; ++time) {
    for (std::uint64_t i = time; i < 100; i += 3) {
      const QueuedEvent event = queue.pop();
      ASSERT_EQ(event.time, time);
      ASSERT_EQ(event.payload, i);
    }
  }
  EXPECT_TRUE(queue.empty());
}

TYPED_TEST(EventQueue, TheOrderIsThatOfAStableSort) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 200; ++round) {
    TypeParam queue;
    std::vector<QueuedEvent> reference;
    const std::uint64_t spread = std::uint64_t{1} << (random() % 40);
    SimTime now = 0;
    std::uint64_t sequence = 0;
    std::vector<QueuedEvent> popped;
    for (int i = 0; i < 300; ++i) {
      if (queue.empty() || random() % 5 < 3) {
        const QueuedEvent event{now + random() % spread, ++sequence};
        queue.push(event.time, event.payload);
        reference.push_back(event);
      } else {
        ASSERT_EQ(queue.size(), reference.size() - popped.size());
        const SimTime next = queue.next_time();
        popped.push_back(queue.pop());
        now = popped.back().time;
        ASSERT_EQ(now, next);
      }
    }
    while (!queue.empty()) popped.push_back(queue.pop());
    // Pushes never precede pops in time, so that the whole history is one stable sort by time.
    std::stable_sort(reference.begin(), reference.end(),
                     [](const QueuedEvent& a, const QueuedEvent& b) { return a.time < b.time; });
    ASSERT_EQ(popped.size(), reference.size());
    for (std::size_t i = 0; i < popped.size(); ++i) {
      ASSERT_EQ(popped[i].time, reference[i].time);
      ASSERT_EQ(popped[i].payload, reference[i].payload);
    }
  }
}

TYPED_TEST(EventQueue, LookingAtTheNextTimeAllowsEarlierPushes) {
  TypeParam queue;
  queue.push(1000, 1);
  EXPECT_EQ(queue.next_time(), 1000u);
  queue.push(10, 2);
  EXPECT_EQ(queue.next_time(), 10u);
  EXPECT_EQ(queue.pop().payload, 2u);
  EXPECT_EQ(queue.pop().payload, 1u);
}

TYPED_TEST(EventQueue, TheWholeRangeOfTimesFits) {
  TypeParam queue;
  const SimTime last = std::numeric_limits<SimTime>::max();
  queue.push(last, 1);
  queue.push(0, 2);
  queue.push(SimTime{1} << 63, 3);
  EXPECT_EQ(queue.pop().time, 0u);
  EXPECT_EQ(queue.pop().time, SimTime{1} << 63);
  EXPECT_EQ(queue.pop().time, last);
}

TYPED_TEST(EventQueue, AnEmptyQueueCanStartAgainEarlier) {
  TypeParam queue;
  queue.push(1000, 1);
  (void)queue.pop();
  queue.rebase(5);
  queue.push(6, 2);
  queue.push(2000, 3);
  EXPECT_EQ(queue.pop().time, 6u);
  EXPECT_EQ(queue.pop().time, 2000u);
}

TYPED_TEST(EventQueue, AnnouncementsNameOnlyWhatIsQueued) {
  TypeParam queue;
  for (std::uint64_t i = 0; i < 50; ++i) queue.push(i * i, i);
  for (std::uint64_t i = 0; i < 50; ++i) {
    ASSERT_EQ(queue.pop([i](std::uint64_t payload, bool) { EXPECT_GE(payload, i); }).payload, i);
  }
}

}  // namespace
}  // namespace orrery::sim
