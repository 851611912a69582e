// Traces read back: strings by a reader of JSON strings, times to the picosecond.
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "sim/plan/trace_writer.hpp"
#include "tests/sim/lanes.hpp"

namespace orrery::sim {
namespace {

/// What a JSON string says (RFC 8259 §7); fails the test on what is none.
std::string read(const std::string& json) {
  std::string out;
  EXPECT_GE(json.size(), 2u);
  EXPECT_TRUE(json.front() == '"' && json.back() == '"') << json;
  for (std::size_t i = 1; i + 1 < json.size(); ++i) {
    const auto c = static_cast<unsigned char>(json[i]);
    EXPECT_GE(c, 0x20u) << "a control character stands as it is";
    EXPECT_NE(c, '"') << "an open quote";
    if (c != '\\') {
      out += json[i];
      continue;
    }
    const char escape = json[++i];
    if (escape == 'u') {
      out += static_cast<char>(std::stoi(json.substr(i + 1, 4), nullptr, 16));
      i += 4;
    } else {
      EXPECT_TRUE(escape == '"' || escape == '\\') << escape;
      out += escape;
    }
  }
  return out;
}

std::string utf8(unsigned point) {
  std::string out;
  if (point < 0x80) {
    out += static_cast<char>(point);
  } else if (point < 0x800) {
    out += static_cast<char>(0xc0 | point >> 6);
    out += static_cast<char>(0x80 | (point & 63));
  } else if (point < 0x10000) {
    out += static_cast<char>(0xe0 | point >> 12);
    out += static_cast<char>(0x80 | (point >> 6 & 63));
    out += static_cast<char>(0x80 | (point & 63));
  } else {
    out += static_cast<char>(0xf0 | point >> 18);
    out += static_cast<char>(0x80 | (point >> 12 & 63));
    out += static_cast<char>(0x80 | (point >> 6 & 63));
    out += static_cast<char>(0x80 | (point & 63));
  }
  return out;
}

TEST(TraceStrings, EveryCodePointReadsBack) {
  for (unsigned point = 0; point <= 0x10ffff; point += point < 0x3000 ? 1 : 97) {
    if (point >= 0xd800 && point < 0xe000) continue;
    const std::string text = utf8(point);
    ASSERT_EQ(read(json_string(text)), text) << point;
  }
  for (const unsigned point : {0x7ffu, 0x800u, 0xd7ffu, 0xe000u, 0xffffu, 0x10000u, 0x10ffffu}) {
    ASSERT_EQ(read(json_string(utf8(point))), utf8(point)) << point;
  }
}

TEST(TraceStrings, RandomBytesKeepWhatIsUtf8AndReplaceTheRest) {
  std::mt19937 random(20261122);
  for (int i = 0; i < 3000; ++i) {
    // Pieces of which each is well-formed or a lone byte that no sequence has.
    std::string text, expected;
    for (std::size_t piece = 0; piece < random() % 12; ++piece) {
      if (random() % 4 == 0) {
        text += static_cast<char>(random() % 2 == 0 ? 0xff : 0xc0);
        expected += "\xef\xbf\xbd";
      } else {
        const std::string good = utf8(static_cast<unsigned>(random() % 0xd800));
        text += good;
        expected += good;
      }
    }
    ASSERT_EQ(read(json_string(text)), expected);
  }
}

TEST(TraceStrings, RepairingTwiceIsRepairingOnce) {
  std::mt19937 random(5);
  for (int i = 0; i < 2000; ++i) {
    std::string text(random() % 10, ' ');
    for (char& c : text) c = static_cast<char>(random());
    const std::string once = read(json_string(text));
    ASSERT_EQ(read(json_string(once)), once);
  }
}

TEST(TraceStrings, WhatNoCodePointIsWrittenAsIsReplacedByteByByte) {
  const auto replaced = [](const std::string& bytes) {
    std::string expected;
    for (std::size_t i = 0; i < bytes.size(); ++i) expected += "\xef\xbf\xbd";
    return read(json_string(bytes)) == expected;
  };
  EXPECT_TRUE(replaced("\xed\xa0\x80") && replaced("\xed\xbf\xbf")) << "the first and the last surrogate";
  EXPECT_TRUE(replaced("\xf4\x90\x80\x80")) << "beyond the last code point";
  EXPECT_TRUE(replaced("\xe0\x9f\xbf") && replaced("\xf0\x8f\xbf\xbf") && replaced("\xc1\xbf"))
      << "longer than it need be";
}

/// The decimals behind "ts": of the only span.
std::string time_of(SimTime start) {
  Timeline timeline;
  timeline.ranks = {{"r", {0}, 0}};
  timeline.streams = {{RankId(0), kCompute, "compute"}};
  timeline.labels = {"x"};
  timeline.spans = {{start, start + 1, StreamId(0), LabelId(0), Activity::forward}};
  timeline.makespan = start + 1;
  std::ostringstream out;
  write_trace(timeline, out);
  const std::string text = out.str();
  const std::size_t begin = text.find("\"ts\":") + 5;
  return text.substr(begin, text.find_first_of(",}", begin) - begin);
}

TEST(TraceTimes, AreMicrosecondsWithoutRounding) {
  EXPECT_EQ(time_of(0), "0");
  EXPECT_EQ(time_of(1), "0.000001");
  EXPECT_EQ(time_of(1'000'000), "1");
  EXPECT_EQ(time_of(1'000'001), "1.000001");
  EXPECT_EQ(time_of(1'500'000), "1.500000");
  // More than a double holds: 2^63 ps.
  EXPECT_EQ(time_of(9'223'372'036'854'775'808u), "9223372036854.775808");
}

TEST(TraceTimes, OfAnyPicosecondReadBack) {
  std::mt19937_64 random(3);
  for (int i = 0; i < 2000; ++i) {
    const SimTime time = random() >> (random() % 60);
    const std::string text = time_of(time);
    const std::size_t point = text.find('.');
    const SimTime whole = std::stoull(text.substr(0, point));
    const SimTime rest = point == std::string::npos ? 0 : std::stoull(text.substr(point + 1));
    ASSERT_EQ(point == std::string::npos ? 6u : text.size() - point - 1, 6u) << text;
    ASSERT_EQ(whole * 1'000'000 + rest, time) << text;
  }
}

}  // namespace
}  // namespace orrery::sim
