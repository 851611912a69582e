// nccl-tests' output of several versions, and what must not be laid beside a prediction.
#include "scenarios/collective/nccl_tests.hpp"

#include <gmock/gmock.h>

#include "hardware/config/config.hpp"
#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class NcclTests : public FolderTest {
 protected:
  std::vector<NcclTestsRow> read(const std::string& text) const { return read_nccl_tests(write("perf.log", text)); }
  std::string error(const std::string& text) const {
    try {
      (void)read(text);
    } catch (const hardware::ConfigError& error) {
      return error.what();
    }
    return "no error";
  }
  /// What rows_of() says to all_reduce among 8.
  std::string refused(const std::string& text, const std::string& operation, const std::string& type = "",
                      double factor = 1.75) const {
    try {
      (void)rows_of(read(text), "perf.log", operation, type, factor);
    } catch (const hardware::ConfigError& error) {
      return error.what();
    }
    return "no error";
  }
};

// The tables of nccl-tests before 2.11 have a reduction and a root only where the test has one.
constexpr const char* kOldAllReduce =
    "#                                                     out-of-place                       in-place\n"
    "#       size         count    type   redop     time   algbw   busbw  error     time   algbw   busbw  error\n"
    "#        (B)    (elements)                     (us)  (GB/s)  (GB/s)            (us)  (GB/s)  (GB/s)\n"
    " 10737418240    2684354560   float     sum    90330  118.87  208.02  4e-07    91945  116.78  204.37  4e-07\n";
constexpr const char* kOldBroadcast =
    "#       size         count    type    root     time   algbw   busbw  error     time   algbw   busbw  error\n"
    "    40046416      40046416    int8       3   1268.1   31.58   31.58  0e+00   1279.3   31.30   31.30  0e+00\n";
constexpr const char* kOldReduce =
    "#       size         count    type   redop    root     time   algbw   busbw  error\n"
    "    67108864      16777216   float     sum       0   1342.2   50.00   50.00  0e+00\n";
constexpr const char* kOldAllGather =
    "#       size         count    type     time   algbw   busbw  error     time   algbw   busbw  error\n"
    "    33554432       1048576   float    22517    1.49    1.30  0e+00    22517    1.49    1.30  0e+00\n";
constexpr const char* kNew =
    "# Collective test starting: all_reduce_perf\n"
    "#       size         count      type   redop    root     time   algbw   busbw  #wrong     time   algbw   busbw\n"
    "  1073741824     268435456     float     sum      -1    10776   99.64  174.37       0    10781   99.60  174.30\n";

TEST_F(NcclTests, ReadsWhatWindowsSaves) {
  // The mark stands before a row: without a header, as somebody copied it.
  const char* row = "1073741824  268435456  float  sum  -1  10776  99.64  174.37  0\r\n";
  EXPECT_EQ(read(std::string("\xEF\xBB\xBF") + row + row).size(), 2U);
}

TEST_F(NcclTests, ReadsTheTimeOutOfPlaceWhateverColumnsStandBeforeIt) {
  // Five digits of microseconds have no decimals: only the header tells a time from a root.
  EXPECT_DOUBLE_EQ(read(kOldAllReduce).at(0).time.value(), 90330e-6);
  EXPECT_DOUBLE_EQ(read(kOldBroadcast).at(0).time.value(), 1268.1e-6);
  EXPECT_DOUBLE_EQ(read(kOldReduce).at(0).time.value(), 1342.2e-6);
  EXPECT_DOUBLE_EQ(read(kOldAllGather).at(0).time.value(), 22517e-6);
  EXPECT_DOUBLE_EQ(read(kNew).at(0).time.value(), 10776e-6);
  EXPECT_EQ(read(kNew).at(0).operation, "all_reduce");
  EXPECT_EQ(read(kOldReduce).at(0).reduction, "sum");
  EXPECT_EQ(read(kOldAllGather).at(0).reduction, "");
  EXPECT_EQ(read(kOldAllReduce).at(0).line, 4);
}

TEST_F(NcclTests, FindsTheTimeByItsBandwidthWhereTheHeaderWasCutOff) {
  const auto last_line = [](const std::string& text) { return text.substr(text.rfind('\n', text.size() - 2) + 1); };
  EXPECT_DOUBLE_EQ(read(last_line(kOldAllReduce)).at(0).time.value(), 90330e-6);
  EXPECT_DOUBLE_EQ(read(last_line(kOldBroadcast)).at(0).time.value(), 1268.1e-6);
  EXPECT_DOUBLE_EQ(read(last_line(kOldReduce)).at(0).time.value(), 1342.2e-6);
  EXPECT_DOUBLE_EQ(read(last_line(kOldAllGather)).at(0).time.value(), 22517e-6);
  EXPECT_DOUBLE_EQ(read(last_line(kNew)).at(0).time.value(), 10776e-6);
}

TEST_F(NcclTests, LeavesOutWhatALauncherPutsBeforeALine) {
  const auto rows = read(
      "[1,0]<stdout>:#  size  count  type  redop  root  time  algbw  busbw\n"
      "[1,0]<stdout>:  8  2  float  sum  -1  87.96  0.00  0.00  0\n"
      "[1,0]<stdout>:az-eus:18075:18075 [0] NCCL INFO Launch mode Parallel\n"
      "[1,0]<stdout>:  1048576  262144  float  sum  -1  105.9  9.90  17.33  0\n");
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_DOUBLE_EQ(rows[0].time.value(), 87.96e-6);
  EXPECT_EQ(rows[1].size, Bytes{1048576.0});
  EXPECT_NEAR(rows[1].bus_ratio, 17.33 / 9.90, 1e-12);
  EXPECT_EQ(rows[0].bus_ratio, 0.0) << "too small to tell";
}

TEST_F(NcclTests, RefusesFiguresThatContradictEachOther) {
  // The header of a table with a root over rows without one.
  EXPECT_THAT(error("# size count type redop root time algbw busbw\n"
                    "  67108864  16777216  float  sum  1342.2  50.00  87.50  0e+00\n"),
              AllOf(HasSubstr("perf.log:2:"), HasSubstr("other columns than the table's header says")));
  EXPECT_THAT(error("  1024  512  half  sum  -1  nan  1.0  1.0\n"), HasSubstr("the time 'nan' is no positive number"));
  EXPECT_THAT(error("# size count type redop root time algbw busbw\n  1024  512  half  sum\n"),
              HasSubstr("this one ends after 'sum'"));
  EXPECT_THAT(error(""), HasSubstr("no row of nccl-tests"));
  const std::string checked =
      "# size count type redop root time algbw busbw #wrong time algbw busbw #wrong\n"
      "  1048576  262144  float  sum  -1  64.00  16.38  28.67  ";
  EXPECT_THAT(error(checked + "17  64.00  16.38  28.67  0\n"),
              AllOf(HasSubstr("perf.log:2:57"), HasSubstr("nccl-tests found 17 values wrong")));
  EXPECT_EQ(read(checked + "0  64.00  16.38  28.67  0\n").size(), 1u);
  EXPECT_EQ(read(checked + "N/A  64.00  16.38  28.67  N/A\n").size(), 1u) << "not checked";
}

TEST_F(NcclTests, TakesTheRowsOfTheOperationAndTypeThatAreAskedFor) {
  const std::string both = std::string(kNew) +
                           "# Collective test starting: all_gather_perf\n"
                           "# size count type redop root time algbw busbw\n"
                           "  1073741824  33554432  float  none  -1  4000.0  268.44  234.88  0\n";
  EXPECT_DOUBLE_EQ(rows_of(read(both), "perf.log", "all_gather", "", 0.875).at(0).time.value(), 4000e-6);
  EXPECT_EQ(rows_of(read(both), "perf.log", "all_reduce", "", 1.75).size(), 1u);
  EXPECT_THAT(refused(both, "broadcast", "", 1.0),
              AllOf(HasSubstr("perf.log:3:1"), HasSubstr("rows of all_reduce, and the operation is broadcast")));
  const std::string types = std::string(kNew) + "  1048576  524288  half  sum  -1  64.00  16.38  28.67  0\n";
  EXPECT_THAT(refused(types, "all_reduce"), AllOf(HasSubstr("perf.log:4:1"), HasSubstr("rows of float and of half")));
  EXPECT_EQ(rows_of(read(types), "perf.log", "all_reduce", "half", 1.75).size(), 1u);
  EXPECT_THAT(refused(types, "all_reduce", "bfloat16"), HasSubstr("rows of float, and --type is bfloat16"));
}

TEST_F(NcclTests, TellsRowsOfAnotherOperationByTheirReductionAndBandwidths) {
  EXPECT_THAT(refused(kOldAllReduce, "all_gather", "", 0.875), HasSubstr("'sum' is none of all_gather"));
  EXPECT_THAT(refused("# size count type redop root time algbw busbw\n"
                      "  1048576  32768  float  none  -1  64.00  16.38  14.33  0\n",
                      "all_reduce"),
              HasSubstr("'none' is none of all_reduce"));
  // 99.64 to 174.37 is 1.75, of 8 ranks; 16 ranks have 1.875.
  EXPECT_THAT(refused(kNew, "all_reduce", "", 1.875),
              AllOf(HasSubstr("busbw is 1.750 of algbw"), HasSubstr("another number of ranks")));
  EXPECT_EQ(refused(kNew, "all_reduce"), "no error");
}

/// The list of ranks that a test prints first.
std::string ranks_of(int ranks, int hosts, const std::string& board) {
  std::string text = "# Collective test starting: all_reduce_perf\n# Using devices\n";
  for (int i = 0; i < ranks; ++i) {
    text += "#  Rank  " + std::to_string(i) + " Group  0 Pid  " + std::to_string(100 + i) + " on host-" +
            std::to_string(i * hosts / ranks) + " device  " + std::to_string(i) + " [0000:1b:00] " + board + "\n";
  }
  return text;
}

TEST_F(NcclTests, KnowsWhichRanksRan) {
  const std::vector<NcclTestsRow> rows = read(ranks_of(16, 2, "NVIDIA H100 80GB HBM3") + kNew);
  EXPECT_EQ(rows.at(0).ranks, 16);
  EXPECT_EQ(rows.at(0).hosts, 2);
  EXPECT_EQ(rows.at(0).board, "NVIDIA H100 80GB HBM3");
  EXPECT_EQ(read(kNew).at(0).ranks, 0) << "the log doesn't say";
}

TEST_F(NcclTests, AreNotLaidBesideAnotherGroup) {
  const auto told = [&](const std::string& text, const LogGroup& group) -> std::string {
    try {
      check_group(read(text), "perf.log", group);
    } catch (const hardware::ConfigError& error) {
      return error.what();
    }
    return "no error";
  };
  const std::string eight = ranks_of(8, 1, "NVIDIA H100 80GB HBM3") + kNew;
  EXPECT_EQ(told(eight, {8, 1, "h100_sxm"}), "no error");
  EXPECT_THAT(told(eight, {4, 1, "h100_sxm"}),
              HasSubstr("a test of 8 ranks on 1 hosts, and the group has 4 on each of 1"));
  EXPECT_THAT(told(eight, {4, 2, "h100_sxm"}), HasSubstr("a test of 8 ranks on 1 hosts"));
  EXPECT_THAT(told(eight, {8, 1, "a100_sxm"}),
              HasSubstr("a test on NVIDIA H100 80GB HBM3, and the cluster has a100_sxm"));
  EXPECT_EQ(told(eight, {8, 1, "mine"}), "no error") << "a board of one's own";
  EXPECT_EQ(told(ranks_of(8, 1, "NVIDIA A100-SXM4-80GB") + kNew, {8, 1, "a100_sxm"}), "no error");
  EXPECT_EQ(told(ranks_of(8, 1, "NVIDIA Graphics Device") + kNew, {8, 1, "a100_sxm"}), "no error");
  EXPECT_EQ(told(kNew, {4, 1, "a100_sxm"}), "no error") << "it doesn't say";
}

TEST_F(NcclTests, ReadsThroughALaunchersPrefixes) {
  for (const std::string prefix : {"[1,0]<stdout>:", "[1,0]<stdout>: ", "0: ", " 0: ", "00: "}) {
    std::string text;
    const std::string plain = ranks_of(8, 1, "NVIDIA H100 80GB HBM3") + kNew;
    for (std::size_t at = 0; at < plain.size();) {
      const std::size_t end = plain.find('\n', at);
      text += prefix + plain.substr(at, end - at) + "\n";
      at = end + 1;
    }
    const std::vector<NcclTestsRow> rows = read(text);
    ASSERT_EQ(rows.size(), 1u) << prefix;
    EXPECT_DOUBLE_EQ(rows[0].time.value(), 10776e-6) << prefix;
    EXPECT_EQ(rows[0].operation, "all_reduce") << prefix;
    EXPECT_EQ(rows[0].ranks, 8) << prefix;
  }
}

}  // namespace
}  // namespace orrery::scenarios::testing
