// Loads as other programs record them: what each format reads, leaves out and refuses; that no file is held in memory.
#include <cmath>
#include <fstream>
#include <string>
#include <sys/resource.h>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include "hardware/config/config.hpp"
#include "models/serving/workload/byte_reader.hpp"
#include "models/serving/workload/item_reader.hpp"
#include "models/serving/workload/trace_reader.hpp"
#include "models/serving/workload/vllm_bench.hpp"
#include "models/serving/workload/workload.hpp"
#include "tests/calibrate/temporary_folder.hpp"
#include "tests/places.hpp"

namespace orrery::models {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr sim::SimTime kMillisecond = 1'000'000'000;

struct Read {
  std::vector<std::int64_t> input, output;
  std::vector<sim::SimTime> arrival;
  TraceTally tally;
};

Read read_file(const std::string& path, const std::string& format = {}) {
  TraceReader reader(path, format, 1.0);
  Read read;
  while (const auto request = reader.next()) {
    read.input.push_back(request->input_tokens);
    read.output.push_back(request->output_tokens);
    read.arrival.push_back(request->arrival);
  }
  read.tally = reader.tally();
  return read;
}

Read sample(const std::string& name) {
  return read_file(orrery::tests::source_root() + "/tests/fuzz/corpus/trace/" + name);
}

/// Without the folder's name.
std::string error_of(const std::string& text, const std::string& format = {}) {
  const tests::TemporaryFolder folder;
  try {
    (void)read_file(folder.file("trace", text).string(), format);
  } catch (const hardware::ConfigError& error) {
    return std::string(error.what()).substr(folder.path().string().size() + 1);
  }
  return "no error";
}

TEST(TraceFormats, ReadBurstGptAndCountWhatWasNeverAnswered) {
  const Read read = sample("burstgpt.csv");
  EXPECT_EQ(read.tally.format, "burstgpt");
  EXPECT_EQ(read.tally.unanswered, 1u);
  EXPECT_THAT(read.input, ElementsAre(310, 96, 64));
  EXPECT_THAT(read.output, ElementsAre(25, 140, 9));
  EXPECT_THAT(read.arrival, ElementsAre(3'000 * kMillisecond, 17'000 * kMillisecond, 42'500 * kMillisecond));
}

TEST(TraceFormats, ReadVidur) {
  const Read read = sample("vidur.csv");
  EXPECT_EQ(read.tally.format, "vidur");
  EXPECT_THAT(read.input, ElementsAre(120, 96, 512));
  EXPECT_THAT(read.arrival, ElementsAre(0u, 750 * kMillisecond, 2'500 * kMillisecond));
  const Read lengths = sample("vidur_lengths.csv");
  EXPECT_EQ(lengths.tally.format, "vidur_lengths");
  EXPECT_THAT(lengths.output, ElementsAre(8, 16));
  EXPECT_THAT(lengths.arrival, ElementsAre(0u, 0u));
}

TEST(TraceFormats, ReadATableOfLengths) {
  const Read read = sample("lengths.csv");
  EXPECT_EQ(read.tally.format, "lengths");
  EXPECT_THAT(read.input, ElementsAre(377, 201));
  EXPECT_THAT(read.output, ElementsAre(54, 15));
  EXPECT_THAT(read.arrival, ElementsAre(0u, 0u));
  EXPECT_EQ(sample("table.csv").tally.format, "azure_csv");
}

TEST(TraceFormats, ReadLlmServingSim) {
  const Read read = sample("llmservingsim.jsonl");
  EXPECT_EQ(read.tally.format, "llmservingsim");
  EXPECT_THAT(read.input, ElementsAre(90, 33));
  EXPECT_THAT(read.arrival, ElementsAre(250 * kMillisecond, 1'000'000'001'000u));
}

TEST(TraceFormats, ReadAiperfAndEstimateTexts) {
  // "Name three moons of Jupiter." has 28 bytes, 7 tokens; "Why?" one.
  const Read read = sample("aiperf.jsonl");
  EXPECT_EQ(read.tally.format, "aiperf");
  EXPECT_THAT(std::string(read.tally.estimated), HasSubstr("four bytes"));
  EXPECT_EQ(read.tally.unanswered, 1u);
  EXPECT_THAT(read.input, ElementsAre(7, 1, 77));
  EXPECT_THAT(read.output, ElementsAre(24, 5, 6));
  EXPECT_THAT(read.arrival, ElementsAre(0u, 1'500 * kMillisecond, 1'700 * kMillisecond));
  EXPECT_THAT(error_of("{\"text\": \"a\"}\n"), HasSubstr("trace:1:1: the field output_length is missing"));
}

TEST(TraceFormats, ReadAiperfTurnsWithWhatWasSaidBefore) {
  // "Hello there" has 3 tokens and is answered by 20; "And now?" adds 2 to these.
  const Read read = sample("aiperf_turns.jsonl");
  EXPECT_EQ(read.tally.format, "aiperf");
  EXPECT_THAT(read.input, ElementsAre(3, 25, 1));
  EXPECT_THAT(read.output, ElementsAre(20, 30, 5));
  EXPECT_THAT(error_of("{\"turns\": [], \"text\": \"a\"}\n"), HasSubstr("trace:1:1: turns: a list of turns"));
  EXPECT_THAT(error_of("{\"turns\": [{\"text\": \"a\"}]}\n"), HasSubstr("lacks the field output_length"));
  EXPECT_THAT(error_of("{\"turns\": [7]}\n"), HasSubstr("a turn is an object"));
}

TEST(TraceFormats, ReadInputsJsonRequestByRequest) {
  const Read read = sample("inputs.json");
  EXPECT_EQ(read.tally.format, "inputs_json");
  EXPECT_FALSE(read.tally.estimated.empty());
  EXPECT_THAT(read.input, ElementsAre(3, 3, 1));
  EXPECT_THAT(read.output, ElementsAre(16, 8, 4));
  EXPECT_THAT(error_of("{\"data\": [\n{\"payload\": {}}]}"), HasSubstr("trace:2:1: payload: a list of requests"));
  EXPECT_THAT(error_of("{\"data\": [{\"payload\": [{\"prompt\": \"a\"}]}]}"), HasSubstr("max_tokens is missing"));
  EXPECT_THAT(error_of("{\"data\": [{\"payload\": [{\"max_tokens\": 3}]}]}"), HasSubstr("messages is missing"));
  EXPECT_THAT(error_of("{\"data\": {\"payload\": 3}}"), HasSubstr("trace:1:10: a JSON list"));
  EXPECT_THAT(error_of("{\"dat\": [{\"payload\": 3}]}", "inputs_json"), HasSubstr("an object {\"data\": […]}"));
}

TEST(TraceFormats, ReadShareGpt) {
  // The first pair has 20 and 31 bytes: 5 and 8 tokens; the second has no answer; the third has been counted.
  const Read read = sample("sharegpt.json");
  EXPECT_EQ(read.tally.format, "sharegpt");
  EXPECT_FALSE(read.tally.estimated.empty());
  EXPECT_EQ(read.tally.unanswered, 1u);
  EXPECT_THAT(read.input, ElementsAre(5, 40));
  EXPECT_THAT(read.output, ElementsAre(8, 11));
}

TEST(TraceFormats, ReadVllmResults) {
  const Read read = sample("vllm_bench.json");
  EXPECT_EQ(read.tally.format, "vllm_bench");
  EXPECT_EQ(read.tally.unanswered, 1u);
  EXPECT_THAT(read.input, ElementsAre(70, 64));
  EXPECT_THAT(read.output, ElementsAre(6, 4));
  EXPECT_THAT(error_of("{\"model_id\": \"m\", \"num_prompts\": 2}"), HasSubstr("--save-detailed"));
  EXPECT_THAT(error_of("{\"model_id\": \"m\", \"num_prompts\": 2, \"input_lens\": [1], \"output_lens\": []}"),
              HasSubstr("trace:1:1: input_lens has 1 entries, output_lens 0"));
  EXPECT_THAT(error_of("{\"model_id\": \"m\", \"num_prompts\": 2, \"input_lens\": [1"), HasSubstr("is it cut short?"));
}

TEST(TraceFormats, ReadMooncakeWithoutHashes) {
  const Read read = sample("mooncake_nohash.jsonl");
  EXPECT_EQ(read.tally.format, "mooncake");
  EXPECT_THAT(read.input, ElementsAre(300, 700));
  EXPECT_THAT(read.arrival, ElementsAre(0u, 125 * kMillisecond));
}

TEST(TraceFormats, NameTheWordThatIsNoNumber) {
  EXPECT_THAT(error_of("{\"timestamp\": NaN, \"input_length\": 3, \"output_length\": 1}\n"),
              HasSubstr("trace:1:1: NaN stands where JSON has a number"));
  EXPECT_THAT(error_of("{\"timestamp\": 0, \"input_length\": -Infinity, \"output_length\": 1}\n"),
              HasSubstr("-Infinity"));
  EXPECT_THAT(error_of("{\"timestamp\": 0, \"input_length\": \"NaN\"\n"), HasSubstr("is it cut short?"));
}

TEST(TraceFormats, NeverShowWhatTheFileHolds) {
  const std::string secret = "somebody:x:1:1:a secret\n";
  EXPECT_THAT(error_of(secret), Not(HasSubstr("somebody")));
  for (const TraceFormatRow& row : trace_formats()) {
    EXPECT_THAT(error_of(secret, std::string(row.name)), Not(HasSubstr("somebody"))) << row.name;
    EXPECT_THAT(error_of(secret, std::string(row.name)), HasSubstr("trace:1:1: ")) << row.name;
  }
}

TEST(TraceFormats, RefuseATraceWithoutAnyAnswer) {
  EXPECT_THAT(error_of("arrived_at,num_prefill_tokens,num_decode_tokens\n0,5,0\n1,0,0\n"),
              HasSubstr("trace:3:1: none of the trace's 2 requests has an answer"));
  EXPECT_THAT(error_of("[]", "sharegpt"), HasSubstr("the trace has no requests"));
}

TEST(ByteReader, RefusesWhatFollowsAGzipArchive) {
  const tests::TemporaryFolder folder;
  const std::string path = (folder.path() / "packed").string();
  const std::string text = "arrived_at,num_prefill_tokens,num_decode_tokens\n0,5,6\n";
  gzFile file = gzopen(path.c_str(), "wb");
  gzwrite(file, text.data(), static_cast<unsigned>(text.size()));
  gzclose(file);
  EXPECT_EQ(read_file(path).input.size(), 1u);
  const std::string packed = tests::contents(path);
  EXPECT_THAT(error_of(packed + "garbage"), HasSubstr("what follows the end of the gzip archive is none"));
  EXPECT_EQ(error_of(packed + std::string(512, '\0')), "no error");  // padding of a tape
}

TEST(ItemReader, NamesThePlaceThatIsWrong) {
  const std::string good = "[\n {\"conversations\": [{\"value\": \"a\"}, {\"value\": \"b\"}]}";
  EXPECT_EQ(error_of(good + "\n]\n"), "no error");
  EXPECT_THAT(error_of(good), HasSubstr("trace:2:53: the file ends before the list does"));
  EXPECT_THAT(error_of(good + " 7]"), HasSubstr("trace:2:54: a comma or the end of the list"));
  EXPECT_THAT(error_of(good + ", 7]"), HasSubstr("trace:2:55: every item of the list must be an object"));
  EXPECT_THAT(error_of(good + "] 7"), HasSubstr("nothing is expected behind the list's end"));
  EXPECT_THAT(error_of(good + ",\n {\"conversations\": ["),
              HasSubstr("trace:3:2: the file ends before this item does"));
  EXPECT_THAT(error_of(good + ",\n {\"conversations\": 3}]"), HasSubstr("trace:3:2: conversations: a list of turns"));
  EXPECT_THAT(error_of("{\"conversations\": 1}", "sharegpt"), HasSubstr("trace:1:1: a JSON list"));
}

/// Peak memory of this process, in bytes.
double peak_memory() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return 1024.0 * static_cast<double>(usage.ru_maxrss);
}

TEST(TraceFormats, AreReadAsStreams) {
  // Files of some 60 MB each; all of one in memory would be seen.
  const tests::TemporaryFolder folder;
  const std::string list = (folder.path() / "list").string(), result = (folder.path() / "result").string();
  const std::string turn(2000, 'x');
  {
    std::ofstream out(list, std::ios::binary);
    out << "[";
    for (int i = 0; i < 15'000; ++i) {
      out << (i > 0 ? ",\n" : "") << R"({"conversations": [{"value": ")" << turn << R"("}, {"value": ")" << turn
          << "\"}]}";
    }
    out << "]";
    std::ofstream bench(result, std::ios::binary);
    bench << R"({"model_id": "m", "num_prompts": 2, "input_lens": [8, 9], "output_lens": [3, 4], "generated_texts": [)";
    for (int i = 0; i < 30'000; ++i) bench << (i > 0 ? ", " : "") << '"' << turn << '"';
    bench << "]}";
  }
  const double before = peak_memory();
  EXPECT_EQ(read_file(list).input.size(), 15'000u);
  EXPECT_THAT(read_file(result).input, ElementsAre(8, 9));
  EXPECT_LT(peak_memory() - before, 20e6);
}

LoadConfig lengths_of(const std::string& name) {
  LoadConfig load;
  load.trace = orrery::tests::source_root() + "/tests/fuzz/corpus/trace/" + name;
  return load;
}

TEST(TraceLengths, ArriveAsTheProcessSays) {
  LoadConfig load = lengths_of("burstgpt.csv");
  load.arrivals = "constant";
  load.rate = 2.0;
  const auto workload = make_workload(load, 1);
  std::vector<sim::SimTime> arrivals;
  std::vector<std::int64_t> input;
  while (workload->next_arrival()) {
    const Request request = workload->take();
    arrivals.push_back(request.arrival);
    input.push_back(request.input_tokens);
  }
  EXPECT_THAT(arrivals, ElementsAre(0u, 500 * kMillisecond, 1'000 * kMillisecond));
  EXPECT_THAT(input, ElementsAre(310, 96, 64));
  EXPECT_EQ(workload->tally().unanswered, 1u);
}

TEST(TraceLengths, FollowClientsOfAClosedLoop) {
  LoadConfig load = lengths_of("vllm_bench.json");
  load.arrivals = "closed_loop";
  load.concurrency = 1;
  const auto workload = make_workload(load, 1);
  ASSERT_EQ(workload->next_arrival(), sim::SimTime{0});
  const Request first = workload->take();
  EXPECT_EQ(workload->next_arrival(), std::nullopt);
  workload->ended(first, 5 * kMillisecond);
  ASSERT_EQ(workload->next_arrival(), 5 * kMillisecond);
  const Request second = workload->take();
  EXPECT_EQ(second.input_tokens, 64);
  workload->ended(second, 9 * kMillisecond);
  EXPECT_EQ(workload->next_arrival(), std::nullopt);
}

TEST(InfiniteRate, SendsAllAtOnce) {
  for (const char* arrivals : {"poisson", "gamma", "constant"}) {
    LoadConfig load;
    load.arrivals = arrivals;
    load.rate = HUGE_VAL;
    load.requests = 5;
    load.input.mean = load.output.mean = 10.0;
    ASSERT_THAT(check(load), IsEmpty());
    const auto workload = make_workload(load, 1);
    int count = 0;
    for (; workload->next_arrival(); ++count) EXPECT_EQ(workload->take().arrival, 0u) << arrivals;
    EXPECT_EQ(count, 5);
  }
}

}  // namespace
}  // namespace orrery::models
