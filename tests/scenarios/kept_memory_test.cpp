// Memory that is free stays with the process: what is asked for again comes without page faults.
#include "scenarios/kept_memory.hpp"

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <sys/resource.h>
#include <vector>

#include <gtest/gtest.h>

namespace orrery::scenarios::testing {
namespace {

long faults() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_minflt;
}

/// 16 MiB in blocks as the vectors of a plan have them, written to and given back.
void work() {
  constexpr std::size_t kBlock = std::size_t{16} << 10, kBlocks = 1024, kPage = 4096;
  std::vector<std::unique_ptr<char[]>> blocks;
  blocks.reserve(kBlocks);
  for (std::size_t i = 0; i < kBlocks; ++i) {
    blocks.push_back(std::make_unique_for_overwrite<char[]>(kBlock));
    for (std::size_t at = 0; at < kBlock; at += kPage) static_cast<volatile char*>(blocks.back().get())[at] = 1;
  }
}

TEST(KeptMemory, IsThereForTheNext) {
#if !defined(__GLIBC__) || defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "another allocator";
#endif
  keep_freed_memory();
  work();
  const long before = faults();
  for (int i = 0; i < 10; ++i) work();
  EXPECT_LT(faults() - before, 4096) << "of ten times 4,096 pages";
}

}  // namespace
}  // namespace orrery::scenarios::testing
