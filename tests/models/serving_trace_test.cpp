// Trace formats: what each reads, what each refuses and at which line; streaming, gzip, scaling, first N.
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include "hardware/config/config.hpp"
#include "models/serving/workload/line_reader.hpp"
#include "models/serving/workload/trace_reader.hpp"
#include "models/serving/workload/workload.hpp"
#include "tests/calibrate/temporary_folder.hpp"

namespace orrery::models {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr sim::SimTime kMillisecond = 1'000'000'000;

constexpr const char* kMooncake =
    "{\"timestamp\": 27482, \"input_length\": 1025, \"output_length\": 52, \"hash_ids\": [46, 47, 2353]}\n"
    "{\"timestamp\": 30535, \"input_length\": 512, \"output_length\": 26, \"hash_ids\": [46]}\n";
constexpr const char* kAzure2023 =
    "TIMESTAMP,ContextTokens,GeneratedTokens\r\n"
    "2023-11-16 18:15:46.6805900,374,44\r\n"
    "2023-11-16 18:15:50.9951690,396,109\r\n";
constexpr const char* kAzureCsv = "arrival_s,input_tokens,output_tokens\n0.0000,374,44\n4.3146,396,109\n";

std::vector<Request> read(const std::string& path, const std::string& format = {}, double rate_scale = 1.0) {
  TraceReader reader(path, format, rate_scale);
  std::vector<Request> requests;
  while (auto request = reader.next()) requests.push_back(*request);
  return requests;
}

std::vector<Request> read_text(const std::string& text, const std::string& format = {}, double rate_scale = 1.0) {
  const tests::TemporaryFolder folder;
  return read(folder.file("trace", text).string(), format, rate_scale);
}

/// Without the folder's name.
std::string error_of(const std::string& text, const std::string& format = {}) {
  const tests::TemporaryFolder folder;
  try {
    (void)read(folder.file("trace", text).string(), format);
  } catch (const hardware::ConfigError& error) {
    return std::string(error.what()).substr(folder.path().string().size() + 1);
  }
  return "no error";
}

std::string gzip(const std::string& text) {
  const tests::TemporaryFolder folder;
  const std::string path = (folder.path() / "packed").string();
  gzFile file = gzopen(path.c_str(), "wb");
  gzwrite(file, text.data(), static_cast<unsigned>(text.size()));
  gzclose(file);
  return tests::contents(path);
}

TEST(MooncakeTrace, ReadsTheOfficialLines) {
  const std::vector<Request> requests = read_text(kMooncake);
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_EQ(requests[0].id, 0u);
  EXPECT_EQ(requests[0].arrival, 27'482 * kMillisecond);
  EXPECT_EQ(requests[0].input_tokens, 1025);
  EXPECT_EQ(requests[0].output_tokens, 52);
  EXPECT_THAT(requests[0].prefix, ElementsAre(46u, 47u, 2353u));
  EXPECT_EQ(requests[0].prefix_tokens, 512);
  EXPECT_EQ(requests[1].id, 1u);
  EXPECT_EQ(requests[1].arrival, 30'535 * kMillisecond);
  EXPECT_THAT(requests[1].prefix, ElementsAre(46u));
}

TEST(MooncakeTrace, ReadsTheTable) {
  const std::vector<Request> requests =
      read_text("arrival_ms,input_tokens,output_tokens,block_ids\n0.25,513,3,0 14\n1,512,9,0\n");
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_EQ(requests[0].arrival, kMillisecond / 4);
  EXPECT_THAT(requests[0].prefix, ElementsAre(0u, 14u));
  EXPECT_EQ(requests[1].arrival, kMillisecond);
  EXPECT_EQ(requests[1].prefix_tokens, 512);
}

TEST(AzureTrace, CountsFromTheFirstLine) {
  // 50.9951690 − 46.6805900 = 4.3145790 s, exact to the picosecond.
  const std::vector<Request> requests = read_text(kAzure2023);
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_EQ(requests[0].arrival, 0u);
  EXPECT_EQ(requests[1].arrival, 4'314'579'000'000u);
  EXPECT_EQ(requests[1].input_tokens, 396);
  EXPECT_EQ(requests[1].output_tokens, 109);
  EXPECT_THAT(requests[1].prefix, IsEmpty());
}

TEST(AzureTrace, ReadsTheDatesOf2024) {
  // Over midnight of a leap day: 2024-02-29 23:59:59.999990 to 2024-03-01 00:00:00.009930 are 9.94 ms; the third line's
  // clock is two hours ahead, 02:00:01+02:00 = 00:00:01 UTC; a date without a fraction is a whole second.
  const std::vector<Request> requests = read_text(
      "TIMESTAMP,ContextTokens,GeneratedTokens\n2024-02-29 23:59:59.999990+00:00,1,1\n"
      "2024-03-01 00:00:00.009930+00:00,2,2\n2024-03-01T02:00:01+02:00,3,3\n2024-03-01 00:00:01Z,4,4\n");
  ASSERT_EQ(requests.size(), 4u);
  EXPECT_EQ(requests[1].arrival, 9'940'000'000u);
  EXPECT_EQ(requests[2].arrival, 1'000'010'000'000u);
  EXPECT_EQ(requests[3].arrival, 1'000'010'000'000u);
}

TEST(AzureTrace, ReadsTheTable) {
  const std::vector<Request> requests = read_text(kAzureCsv);
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_EQ(requests[1].arrival, 4'314'600'000'000u);
}

TEST(Trace, ReadsColumnsInAnyOrderAndOthersBeside) {
  const std::vector<Request> requests = read_text("model,output_tokens,arrival_s,input_tokens\na,7,1.5,9\n");
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_EQ(requests[0].arrival, 1500 * kMillisecond);
  EXPECT_EQ(requests[0].input_tokens, 9);
  EXPECT_EQ(requests[0].output_tokens, 7);
}

TEST(Trace, ReadsTimesExactly) {
  // The 13th digit rounds, 0.1 + 0.2 is no 0.30000000000000004, and 2^53 + 1 ps is no double.
  const std::vector<Request> requests = read_text(
      "arrival_s,input_tokens,output_tokens\n1e-05,1,1\n0.3,1,1\n0.99999999999951,1,1\n9007.199254740993,1,1\n"
      "18446743.999999999999,1,1\n");
  std::vector<sim::SimTime> times;
  for (const Request& request : requests) times.push_back(request.arrival);
  EXPECT_THAT(times, ElementsAre(10'000'000u, 300'000'000'000u, 1'000'000'000'000u, 9'007'199'254'740'993u,
                                 18'446'743'999'999'999'999u));
}

TEST(Trace, DividesTimesByTheRateScale) {
  for (const auto& [scale, expected] : std::vector<std::pair<double, sim::SimTime>>{
           {2.0, 13'741 * kMillisecond}, {0.5, 54'964 * kMillisecond}, {10.0, 2'748'200'000'000}}) {
    EXPECT_EQ(read_text(kMooncake, {}, scale).front().arrival, expected) << scale;
  }
  // 300 days are too long for simulated time, but not ten times as fast.
  const char* long_trace = "arrival_s,input_tokens,output_tokens\n25920000,1,1\n";
  EXPECT_THAT(error_of(long_trace), HasSubstr("trace:2:1: the request arrives later than"));
  EXPECT_EQ(read_text(long_trace, {}, 10.0).front().arrival, 2'592'000 * sim::kPicosecondsPerSecond);
}

TEST(Trace, ReadsEveryKindOfLineEnd) {
  const std::string unix_text = kAzureCsv;
  std::string dos_text, no_end = unix_text.substr(0, unix_text.size() - 1);
  for (const char c : unix_text) dos_text += c == '\n' ? std::string("\r\n") : std::string(1, c);
  for (const std::string& text : {dos_text, no_end, unix_text + "\n\r\n\n", "\xEF\xBB\xBF" + unix_text}) {
    const std::vector<Request> requests = read_text(text);
    ASSERT_EQ(requests.size(), 2u);
    EXPECT_EQ(requests[1].output_tokens, 109);
  }
}

TEST(Trace, ReadsGzipOfOneOrMoreMembers) {
  EXPECT_EQ(read_text(gzip(kMooncake)).size(), 2u);
  const std::string text = kAzureCsv;
  EXPECT_EQ(read_text(gzip(text.substr(0, 50)) + gzip(text.substr(50))).size(), 2u);
}

TEST(Trace, RefusesAGzipThatIsCutShortOrBroken) {
  std::string text = "arrival_s,input_tokens,output_tokens\n";
  for (int i = 0; i < 5000; ++i) text += std::to_string(i) + ".5," + std::to_string(1 + i * 7919 % 997) + ",1\n";
  const std::string packed = gzip(text);
  EXPECT_EQ(read_text(packed).size(), 5000u);
  EXPECT_THAT(error_of(packed.substr(0, packed.size() / 2)), HasSubstr("the gzip archive is cut short"));
  EXPECT_THAT(error_of(packed.substr(0, packed.size() - 1)), HasSubstr("the gzip archive is cut short"));
  std::string broken = packed;
  broken[packed.size() / 2] = static_cast<char>(broken[packed.size() / 2] ^ 0x55);
  EXPECT_THAT(error_of(broken), HasSubstr("trace:"));
}

TEST(Trace, NamesTheLineThatIsWrong) {
  const std::string csv = "arrival_s,input_tokens,output_tokens\n1.5,10,20\n";
  EXPECT_THAT(error_of(csv + "1.4,10,20\n"), HasSubstr("trace:3:1: the request arrives 0.1 s before the one above"));
  EXPECT_THAT(error_of(csv + "2,0,20\n"), HasSubstr("trace:3:1: input_tokens: \"0\" is not a whole number of tokens"));
  EXPECT_THAT(error_of(csv + "2,10,-3\n"), HasSubstr("trace:3:1: output_tokens: \"-3\" is not a whole number"));
  EXPECT_THAT(error_of(csv + "2,1e3,3\n"), HasSubstr("trace:3:1: input_tokens: \"1e3\""));
  EXPECT_THAT(error_of(csv + "2,99999999999999999999,3\n"), HasSubstr("trace:3:1: input_tokens"));
  EXPECT_THAT(error_of(csv + "-2,10,3\n"), HasSubstr("trace:3:1: arrival_s: \"-2\" is not a time"));
  EXPECT_THAT(error_of(csv + "nan,10,3\n"), HasSubstr("trace:3:1: arrival_s: \"nan\""));
  EXPECT_THAT(error_of(csv + "1e400,10,3\n"), HasSubstr("trace:3:1: arrival_s"));
  EXPECT_THAT(error_of(csv + "3.,10,3\n"), HasSubstr("trace:3:1: arrival_s"));
  EXPECT_THAT(error_of(csv + "2,10\n"),
              HasSubstr("trace:3:1: the line has 2 cells, the header 3: is the line cut short"));
  EXPECT_THAT(error_of(csv + "\n2,10,3\n"), HasSubstr("trace:3:1: the line has 1 cells"));
  EXPECT_THAT(error_of(csv + "2,10,3\n2,x\xff,3\n"), HasSubstr("trace:4:1: input_tokens: \"x?\""));
}

TEST(MooncakeTrace, NamesTheLineThatIsWrong) {
  const std::string good = kMooncake;
  const auto object = [](const char* time, const char* input, const char* output, const char* ids) {
    return std::string("{\"timestamp\": ") + time + ", \"input_length\": " + input + ", \"output_length\": " + output +
           ", \"hash_ids\": " + ids + "}\n";
  };
  EXPECT_THAT(error_of(good + good), HasSubstr("trace:3:1: the request arrives 3.053 s before the one above"));
  EXPECT_THAT(error_of(good + "{\"timestamp\": 30535, \"input_le"),
              HasSubstr("trace:3:1: the line is no complete JSON"));
  EXPECT_THAT(error_of(good + "[1, 2]\n"), HasSubstr("trace:3:1: the line holds JSON, but no object"));
  EXPECT_THAT(error_of(good + "{\"timestamp\": 40000}\n"), HasSubstr("trace:3:1: the field input_length is missing"));
  EXPECT_THAT(error_of(object("\"now\"", "1", "1", "[1]")), HasSubstr("trace:1:1: timestamp: a number is expected"));
  EXPECT_THAT(error_of(object("-1", "1", "1", "[1]")), HasSubstr("trace:1:1: timestamp: \"-1\" is not a time"));
  EXPECT_THAT(error_of(object("0", "0", "1", "[]")), HasSubstr("trace:1:1: input_length: \"0\""));
  EXPECT_THAT(error_of(object("0", "1.5", "1", "[1]")), HasSubstr("trace:1:1: input_length: \"1.5\""));
  EXPECT_THAT(error_of(object("0", "513", "1", "[1]")),
              HasSubstr("hash_ids: 1 ids for a prompt of 513 tokens, which has 2"));
  EXPECT_THAT(error_of(object("0", "512", "1", "[1, 2]")), HasSubstr("hash_ids: 2 ids for a prompt of 512 tokens"));
  EXPECT_THAT(error_of(object("0", "5", "1", "[-4]")), HasSubstr("hash_ids: \"-4\" is not a block's id"));
  EXPECT_THAT(error_of(object("0", "5", "1", "[\"a\"]")), HasSubstr("hash_ids: \"\"a\"\" is not a block's id"));
  EXPECT_THAT(error_of(object("0", "5", "1", "[549755813888]")), HasSubstr("is not a block's id"));  // 2^39
  EXPECT_THAT(error_of(object("0", "5", "1", "7")), HasSubstr("hash_ids: a list"));
  EXPECT_THAT(error_of("arrival_ms,input_tokens,output_tokens,block_ids\n0,600,1,3  4\n"),
              HasSubstr("trace:2:1: block_ids: \"\" is not a block's id"));
  EXPECT_THAT(error_of("arrival_ms,input_tokens,output_tokens,block_ids\n0,600,1,3\n"),
              HasSubstr("trace:2:1: block_ids: 1 ids for a prompt of 600 tokens"));
}

TEST(AzureTrace, NamesTheDateThatIsWrong) {
  const std::string header = "TIMESTAMP,ContextTokens,GeneratedTokens\n";
  for (const char* date : {"2023-02-29 00:00:00", "2023-13-01 00:00:00", "2023-11-16 24:00:00", "2023-11-16 18:60:00",
                           "2023-11-16", "2023-11-16 18:15:46.", "2023-11-16 18:15:46+0", "16/11/2023 18:15:46", "",
                           "2023-11-16 18:15:46.68Zulu", "1969-12-31 23:59:59"}) {
    EXPECT_THAT(error_of(header + date + ",1,1\n"), HasSubstr("trace:2:1: TIMESTAMP:")) << date;
  }
  EXPECT_THAT(error_of(std::string(kAzure2023) + "2023-11-16 18:15:46,1,1\n"),
              HasSubstr("trace:4:1: the request arrives 4.995169 s"));
}

TEST(Trace, RefusesFilesThatAreNone) {
  EXPECT_THAT(error_of(""), HasSubstr("the trace is empty"));
  EXPECT_THAT(error_of("arrival_s,input_tokens,output_tokens\n\n"),
              HasSubstr("the trace has a header but no requests"));
  EXPECT_THAT(error_of("time,prompt,answer\n1,2,3\n"),
              HasSubstr("trace:1:1: the file begins like no known trace format"));
  EXPECT_THAT(error_of("arrival_s,input_tokens\n1,2\n", "azure_csv"),
              HasSubstr("trace:1:1: the header lacks the column output_tokens"));
  EXPECT_THAT(error_of("arrival_s,input_tokens,output_tokens,arrival_s\n1,2,3,4\n", "azure_csv"),
              HasSubstr("trace:1:1: the header repeats the column arrival_s"));
  EXPECT_THAT(error_of(kAzureCsv, "mooncake"), HasSubstr("trace:1:1: the line is no complete JSON object"));
  const tests::TemporaryFolder folder;
  EXPECT_THROW((void)read(folder.path().string()), hardware::ConfigError);
  EXPECT_THROW((void)read((folder.path() / "missing").string()), hardware::ConfigError);
}

TEST(Trace, RefusesALineWithoutEnd) {
  EXPECT_THAT(error_of("{\"timestamp\": 0, " + std::string(RecordReader::kLongest, ' ')),
              HasSubstr("trace:1:16777217: the line is longer than 16 MiB"));
}

TEST(LineReader, HandsOutLinesAcrossItsBuffer) {
  std::string text;
  for (std::size_t i = 0; i < 300; ++i) text += std::string(i * 7, 'a') + "\n";
  const tests::TemporaryFolder folder;
  LineReader reader(folder.file("lines", text).string());
  std::string_view line;
  for (std::size_t i = 0; i < 300; ++i) {
    ASSERT_TRUE(reader.next(line));
    EXPECT_EQ(line, std::string(i * 7, 'a'));
    EXPECT_EQ(reader.line(), static_cast<std::int64_t>(i + 1));
  }
  EXPECT_FALSE(reader.next(line));
}

LoadConfig trace_load(const std::string& file) {
  LoadConfig load;
  load.arrivals = "trace";
  load.trace = file;
  return load;
}

TEST(TraceLoad, TakesTheFirstN) {
  const tests::TemporaryFolder folder;
  LoadConfig load = trace_load(folder.file("trace.csv", std::string(kAzureCsv) + "9,5,6\nbroken\n").string());
  load.requests = 2;
  ASSERT_THAT(check(load), IsEmpty());
  const auto workload = make_workload(load, 1);
  ASSERT_EQ(workload->next_arrival(), sim::SimTime{0});
  EXPECT_EQ(workload->take().input_tokens, 374);
  ASSERT_EQ(workload->next_arrival(), 4'314'600'000'000u);
  EXPECT_EQ(workload->take().id, 1u);
  EXPECT_EQ(workload->next_arrival(), std::nullopt);  // the lines behind are never read
  EXPECT_EQ(workload->next_arrival(), std::nullopt);
}

TEST(TraceLoad, TakesAllOfAShorterTrace) {
  const tests::TemporaryFolder folder;
  LoadConfig load = trace_load(folder.file("trace.csv", kAzureCsv).string());
  load.requests = 100;
  const auto workload = make_workload(load, 1);
  int count = 0;
  for (; workload->next_arrival(); ++count) (void)workload->take();
  EXPECT_EQ(count, 2);
}

TEST(TraceLoad, ThrowsWhereTheTraceBreaks) {
  const tests::TemporaryFolder folder;
  const auto workload =
      make_workload(trace_load(folder.file("trace.csv", std::string(kAzureCsv) + "9,5\n").string()), 1);
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(workload->next_arrival());
    (void)workload->take();
  }
  EXPECT_THROW((void)workload->next_arrival(), hardware::ConfigError);
}

TEST(TraceLoad, RefusesABrokenStartBeforeAnythingRuns) {
  const tests::TemporaryFolder folder;
  EXPECT_THROW(
      (void)make_workload(trace_load(folder.file("trace.csv", "arrival_s,input_tokens,output_tokens\n").string()), 1),
      hardware::ConfigError);
}

TEST(TraceFormatTable, NamesWhatTheContractNames) {
  std::vector<std::string> names;
  for (const TraceFormatRow& row : trace_formats()) {
    names.emplace_back(row.name);
    EXPECT_EQ(row.has_header, !row.columns.empty()) << row.name;
  }
  EXPECT_THAT(
      names, ElementsAre("vllm_bench", "inputs_json", "llmservingsim", "aiperf", "mooncake", "sharegpt", "mooncake_csv",
                         "azure", "azure_csv", "burstgpt", "vidur", "vidur_lengths", "lengths"));
}

TEST(TraceFormatTable, RecognisesEachFormatByItsFirstLine) {
  for (const auto& [line, name] : std::vector<std::pair<std::string, std::string>>{
           {kMooncake, "mooncake"},
           {"arrival_ms,input_tokens,output_tokens,block_ids", "mooncake_csv"},
           {"TIMESTAMP,ContextTokens,GeneratedTokens", "azure"},
           {"arrival_s,input_tokens,output_tokens", "azure_csv"}}) {
    for (const TraceFormatRow& row : trace_formats()) EXPECT_EQ(row.recognises(line), row.name == name) << line;
  }
}

}  // namespace
}  // namespace orrery::models
