// A load of any length is read as a stream: what it takes does not grow with it.
//
// ORRERY_LARGE_LOAD_MB says how long the load is, unpacked; 128 MB take a second, 5,000 the time of a coffee.
#include <cstdlib>
#include <fstream>
#include <sys/resource.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include "tests/places.hpp"
#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

using ::testing::HasSubstr;
using LargeLoad = FolderTest;

constexpr int kLines = 128;  ///< of a member of the archive, each of 8 kB

/// A gzip archive of one member: lines of AIPerf with a long prompt each.
std::string member(const std::string& path) {
  const std::string line = R"({"text": ")" + std::string(8000, 'x') + R"(", "output_length": 16})" + "\n";
  gzFile file = gzopen(path.c_str(), "wb");
  for (int i = 0; i < kLines; ++i) gzwrite(file, line.data(), static_cast<unsigned>(line.size()));
  gzclose(file);
  return read_file(path);
}

double peak_memory() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return 1024.0 * static_cast<double>(usage.ru_maxrss);
}

TEST_F(LargeLoad, TakesNoMoreMemoryThanASmallOne) {
  const char* asked = std::getenv("ORRERY_LARGE_LOAD_MB");
  const int megabytes = asked != nullptr ? std::atoi(asked) : 128;
  const std::string one = member(path("one.gz"));
  ASSERT_EQ(orrery({"import", path("one.gz"), "-q"}).code, kExitWell);
  const double small = peak_memory();
  {
    std::ofstream out(path("many.gz"), std::ios::binary);
    for (int i = 0; i < megabytes; ++i) out << one;
  }
  const Outcome imported = orrery({"import", path("many.gz")});
  ASSERT_EQ(imported.code, kExitWell) << imported.err;
  EXPECT_THAT(imported.err, HasSubstr(std::to_string(megabytes * kLines) + " requests"));
  EXPECT_LT(peak_memory() - small, 20e6);
}

TEST_F(LargeLoad, OfAScenarioComesFromStandardInput) {
  const std::string trace = write("t.csv", "arrived_at,num_prefill_tokens,num_decode_tokens\n0,100,10\n0.5,200,20\n");
  const std::string scenario = write("s.yaml",
                                     "scenario: s\nmodel: llama-3-8b\ncluster: {node: dgx_h100}\nserving:\n"
                                     "  max_model_len: 8192\n  load: {trace: \"-\"}\n");
  const std::string program = "'" + orrery::tests::orrery_program() + "' run '" + scenario + "' -q --json ";
  ASSERT_EQ(std::system((program + "'" + path("r.json") + "' < '" + trace + "'").c_str()), 0);
  EXPECT_THAT(read_file(path("r.json")), HasSubstr("\"input_tokens_per_s\""));
  // A pipe is read as it comes, to where the report goes too.
  ASSERT_EQ(std::system(("cat '" + trace + "' | " + program + "- > '" + path("p.json") + "'").c_str()), 0);
  EXPECT_THAT(read_file(path("p.json")), HasSubstr("\"requests\": 2,"));
}

}  // namespace
}  // namespace orrery::scenarios::testing
