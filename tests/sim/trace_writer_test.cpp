// The Chrome trace: the exact text of a small timeline, exact times, and escaping.
#include "sim/plan/trace_writer.hpp"

#include <sstream>

#include <gtest/gtest.h>

#include "tests/sim/lanes.hpp"

namespace orrery::sim {
namespace {

TEST(TraceWriter, ASmallTimelineIsWrittenExactly) {
  Timeline t;
  t.ranks = {{"stage \"0\"", {0, 1, 2, 3, 4, 5, 6, 7}, 0}};
  t.streams = {{RankId(0), kCompute, "compute"}};
  t.labels = {"qkv\t"};
  t.spans = {{1'500'000, 3'000'001, StreamId(0), LabelId(0), Activity::forward}};
  t.memory = {{2'000'000, RankId(0), MemoryKind::weights, 1024.0}};
  std::ostringstream out;
  write_trace(t, out);
  EXPECT_EQ(out.str(),
            "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n"
            "{\"ph\":\"M\",\"pid\":0,\"name\":\"process_name\",\"args\":{\"name\":\"stage \\\"0\\\" (stands for 8 "
            "GPUs)\"}},\n"
            "{\"ph\":\"M\",\"pid\":0,\"tid\":0,\"name\":\"thread_name\",\"args\":{\"name\":\"compute\"}},\n"
            "{\"ph\":\"X\",\"pid\":0,\"tid\":0,\"ts\":1.500000,\"dur\":1.500001,\"cat\":\"forward\",\"name\":"
            "\"qkv\\u0009\"},\n"
            "{\"ph\":\"C\",\"pid\":0,\"name\":\"memory_bytes\",\"ts\":2,\"args\":{\"weights\":1024,\"gradients\":0,"
            "\"optimizer\":0,\"activations\":0,\"kv_cache\":0,\"workspace\":0}}\n"
            "]}\n");
}

TEST(TraceWriter, SpansThatALinkHeldUpSayBySomeArgs) {
  Timeline t;
  t.ranks = {{"r", {0}, 0}};
  t.streams = {{RankId(0), kCompute, "compute"}};
  t.labels = {"x"};
  for (SimTime i = 0; i < 3; ++i) t.spans.push_back({i, i + 1, StreamId(0), LabelId(0), Activity::pipeline});
  t.links = {"nic (\"a\")"};
  t.held_up = {{1, 0, 1'500'000'000'001}, {2, 7, 2'000'000'000'000}};
  std::ostringstream out;
  write_trace(t, out);
  const std::string text = out.str();
  const std::string name = "\"cat\":\"pipeline\",\"name\":\"x\"";
  EXPECT_NE(text.find("\"ts\":0,\"dur\":0.000001," + name + "}"), std::string::npos) << text;
  EXPECT_NE(text.find(name + ",\"args\":{\"held_up_by\":\"nic (\\\"a\\\")\",\"held_up_s\":1.500000000001}}"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find(name + ",\"args\":{\"held_up_s\":2}}"), std::string::npos) << "a link without a name: " << text;
}

TEST(TraceWriter, AnEmptyTimelineIsAnEmptyTrace) {
  std::ostringstream out;
  write_trace(Timeline{}, out);
  EXPECT_EQ(out.str(), "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n]}\n");
}

TEST(TraceWriter, LongTracesArriveWhole) {
  Timeline t;
  t.ranks = {{"r", {0}, 0}};
  t.streams = {{RankId(0), kCompute, "compute"}};
  t.labels = {"x"};
  for (SimTime i = 0; i < 5000; ++i) t.spans.push_back({i, i + 1, StreamId(0), LabelId(0), Activity::forward});
  std::ostringstream out;
  write_trace(t, out);
  const std::string text = out.str();
  std::size_t lines = 0;
  for (const char c : text) lines += c == '\n' ? 1 : 0;
  EXPECT_EQ(lines, 1u + 2u + 5000u + 1u);
  EXPECT_NE(text.find("\"ts\":0.004999,\"dur\":0.000001"), std::string::npos);
}

TEST(TraceWriter, EventsOneByOneHaveTheFieldsThatAreGiven) {
  std::ostringstream out;
  {
    TraceWriter writer(out);
    writer.event('b', 3).thread(0).at(1'000'000).name("request \"7\"").argument("tokens", std::int64_t{-2});
    writer.argument("warmup", true).argument("share", 0.5).argument("kernel", std::string_view("a\tb"));
    writer.end_arguments().category("request").id(7);
    writer.event('X', 1).argument_json("held_up_by", "\"leaf0.up\"").argument_seconds("held_up_s", 1'500'000'000'003);
    writer.event('i', 3).thread(1).at(2).name_json("\"x\"").scope("t");
    writer.event('C', 0).name("KV blocks").argument("used", std::int64_t{5});
  }
  EXPECT_EQ(out.str(),
            "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n"
            "{\"ph\":\"b\",\"pid\":3,\"tid\":0,\"ts\":1,\"name\":\"request \\\"7\\\"\",\"args\":{\"tokens\":-2,"
            "\"warmup\":true,\"share\":0.5,\"kernel\":\"a\\u0009b\"},\"cat\":\"request\",\"id\":7},\n"
            "{\"ph\":\"X\",\"pid\":1,\"args\":{\"held_up_by\":\"leaf0.up\",\"held_up_s\":1.500000000003}},\n"
            "{\"ph\":\"i\",\"pid\":3,\"tid\":1,\"ts\":0.000002,\"name\":\"x\",\"s\":\"t\"},\n"
            "{\"ph\":\"C\",\"pid\":0,\"name\":\"KV blocks\",\"args\":{\"used\":5}}\n"
            "]}\n");
}

TEST(TraceWriter, StringsAreValidJson) {
  EXPECT_EQ(json_string("plain"), "\"plain\"");
  EXPECT_EQ(json_string("a\"b\\c\n\x01"), "\"a\\\"b\\\\c\\u000a\\u0001\"");
  EXPECT_EQ(json_string("größe 漢 😀"), "\"größe 漢 😀\"");
  EXPECT_EQ(json_string("bad \xff!"), "\"bad \xef\xbf\xbd!\"");
  EXPECT_EQ(json_string("cut \xe6\xbc"), "\"cut \xef\xbf\xbd\xef\xbf\xbd\"");
  EXPECT_EQ(json_string("\xc0\xaf"), "\"\xef\xbf\xbd\xef\xbf\xbd\"");                  // overlong
  EXPECT_EQ(json_string("\xed\xa0\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");  // surrogate
}

}  // namespace
}  // namespace orrery::sim
