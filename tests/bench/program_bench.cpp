// The benchmarks' main(): memory is kept from one prediction to the next as the programs keep it.
#include <benchmark/benchmark.h>

#include "scenarios/kept_memory.hpp"

int main(int argc, char** argv) {
  orrery::scenarios::keep_freed_memory();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
