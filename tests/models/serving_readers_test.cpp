// Readers of bytes, lines and JSON items: what they hand out does not depend on where their buffers end, and what they
// refuse is at its place.
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>
#ifdef ORRERY_HAVE_RAPIDCHECK
#include <rapidcheck.h>
#endif

#include "hardware/config/config.hpp"
#include "models/serving/workload/byte_reader.hpp"
#include "models/serving/workload/families.hpp"
#include "models/serving/workload/item_reader.hpp"
#include "models/serving/workload/line_reader.hpp"
#include "models/serving/workload/vllm_bench.hpp"
#include "tests/calibrate/temporary_folder.hpp"

namespace orrery::models {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string gzip(const tests::TemporaryFolder& folder, const std::string& text) {
  const std::string path = (folder.path() / "packed").string();
  gzFile file = gzopen(path.c_str(), "wb");
  gzwrite(file, text.data(), static_cast<unsigned>(text.size()));
  gzclose(file);
  return tests::contents(path);
}

std::string all_of(ByteReader& reader) {
  std::string text;
  while (true) {
    const std::string_view piece = reader.read();
    if (piece.empty()) return text;
    text += piece;
  }
}

template <class Reader>
std::vector<std::string> records_of(Reader& reader) {
  std::vector<std::string> records;
  std::string_view record;
  while (reader.next(record)) records.emplace_back(record);
  return records;
}

std::vector<std::string> lines_of(const std::string& text) {
  const tests::TemporaryFolder folder;
  LineReader reader(folder.file("text", text).string());
  return records_of(reader);
}

std::vector<std::string> items_of(const std::string& text, const std::string& key = {}) {
  const tests::TemporaryFolder folder;
  ItemReader reader(std::make_unique<ByteReader>(folder.file("list", text).string()), key);
  return records_of(reader);
}

std::string refusal(const std::string& text, const std::string& key = {}) {
  try {
    (void)items_of(text, key);
  } catch (const hardware::ConfigError& error) {
    const std::string what = error.what();
    return what.substr(what.find("list:"));
  }
  return "none";
}

TEST(ByteReader, HandsOutPlainAndPackedBytesAlike) {
  const tests::TemporaryFolder folder;
  std::string text;
  for (int i = 0; i < 40'000; ++i) text += std::to_string(i) + "\n";  // several buffers
  for (const bool packed : {false, true}) {
    ByteReader reader(folder.file("file", packed ? gzip(folder, text) : text).string());
    EXPECT_EQ(all_of(reader), text);
    EXPECT_EQ(reader.is_gzip(), packed);
    EXPECT_TRUE(reader.read().empty()) << "and nothing more";
  }
}

TEST(ByteReader, ItsHeadIsReadAgain) {
  const tests::TemporaryFolder folder;
  const std::string text = "\xEF\xBB\xBFhead and more";
  for (const bool packed : {false, true}) {
    ByteReader reader(folder.file("file", packed ? gzip(folder, text) : text).string());
    EXPECT_EQ(reader.head(), "head and more") << "less its byte order mark";
    EXPECT_EQ(all_of(reader), text) << "which read() leaves";
  }
}

TEST(ByteReader, ItsHeadIsOfALongFileOnlyTheFirst64KiB) {
  const tests::TemporaryFolder folder;
  const std::string text(300'000, 'x');
  ByteReader reader(folder.file("file", text).string());
  EXPECT_EQ(reader.head().size(), ByteReader::kHead);
  EXPECT_EQ(all_of(reader).size(), text.size());
}

TEST(ByteReader, OfAnEmptyFileHasNothing) {
  const tests::TemporaryFolder folder;
  ByteReader reader(folder.file("file", "").string());
  EXPECT_TRUE(reader.head().empty());
  EXPECT_TRUE(reader.read().empty());
}

TEST(ByteReader, JoinsTheMembersOfAnArchive) {
  const tests::TemporaryFolder folder;
  const std::string two = gzip(folder, "first,") + gzip(folder, "") + std::string(3, '\0') + gzip(folder, "second");
  ByteReader reader(folder.file("file", two).string());
  EXPECT_EQ(all_of(reader), "first,second");
}

TEST(ByteReader, NamesWhatIsWrongWithAnArchive) {
  const tests::TemporaryFolder folder;
  const std::string whole = gzip(folder, std::string(1000, 'a'));
  const auto broken = [&](const std::string& bytes) -> std::string {
    ByteReader reader(folder.file("file", bytes).string());
    try {
      (void)all_of(reader);
    } catch (const std::invalid_argument& error) {
      return error.what();
    }
    return "none";
  };
  EXPECT_EQ(broken(whole), "none");
  EXPECT_EQ(broken(whole.substr(0, whole.size() - 1)), "the gzip archive is cut short");
  EXPECT_EQ(broken(whole.substr(0, 5)), "the gzip archive is cut short");
  std::string changed = whole;
  changed[changed.size() - 6] ^= 1;  // of the checksum
  EXPECT_EQ(broken(changed), "the gzip archive is broken");
}

TEST(ByteReader, RefusesWhatIsNoFile) {
  const tests::TemporaryFolder folder;
  EXPECT_THROW(ByteReader((folder.path() / "gone").string()), hardware::ConfigError);
  EXPECT_THROW(ByteReader(folder.path().string()), hardware::ConfigError);
}

TEST(LineReader, CountsLinesAndTheirEnds) {
  EXPECT_THAT(lines_of("a\nb\r\n\nc"), ElementsAre("a", "b", "", "c"));
  EXPECT_THAT(lines_of("a\n"), ElementsAre("a"));
  EXPECT_THAT(lines_of("\n"), ElementsAre(""));
  EXPECT_THAT(lines_of(""), IsEmpty());
  EXPECT_THAT(lines_of("\xEF\xBB\xBF"
                       "a\n\xEF\xBB\xBF"),
              ElementsAre("a", "\xEF\xBB\xBF"))
      << "a mark in front alone";
}

TEST(LineReader, EndsWhereOnlyEmptyLinesFollow) {
  const tests::TemporaryFolder folder;
  LineReader reader(folder.file("text", "a\n\n\r\nb\n\n\n").string());
  std::string_view line;
  ASSERT_TRUE(reader.next(line));
  EXPECT_FALSE(reader.at_end()) << "b follows";
  ASSERT_TRUE(reader.next(line));
  EXPECT_EQ(line, "b");
  EXPECT_TRUE(reader.at_end());
}

TEST(ItemReader, HandsOutObjectsWhateverIsInThem) {
  EXPECT_THAT(items_of(R"([{"a": "}]{["}, {"b": [{"c": 1}, []]} , {}])"),
              ElementsAre(R"({"a": "}]{["})", R"({"b": [{"c": 1}, []]})", "{}"));
  EXPECT_THAT(items_of(R"([{"a": "\"}\\"}])"), ElementsAre(R"({"a": "\"}\\"})")) << "quotes may be escaped";
  EXPECT_THAT(items_of(" [ ] \n"), IsEmpty());
  EXPECT_THAT(items_of("\xEF\xBB\xBF[{}]"), ElementsAre("{}"));
}

TEST(ItemReader, EntersAnObjectByItsKey) {
  EXPECT_THAT(items_of(R"( { "data" : [{"a": 1}], "rest": 5 and anything)", "data"), ElementsAre(R"({"a": 1})"));
  EXPECT_EQ(refusal(R"({"dato": [{}]})", "data"), "list:1:6: an object {\"data\": […]} is expected");
  EXPECT_EQ(refusal(R"({"data": 5})", "data"), "list:1:10: a JSON list [{…}, …] is expected");
  EXPECT_EQ(refusal(R"([{}])", "data"), "list:1:1: an object {\"data\": […]} is expected");
}

TEST(ItemReader, KnowsThePlaceOfEveryFault) {
  EXPECT_EQ(refusal("[{}\n {}]"), "list:2:2: a comma or the end of the list is expected behind an item");
  EXPECT_EQ(refusal("[{},\n]"), "none") << "a comma too many is forgiven";
  EXPECT_EQ(refusal("[5]"), "list:1:2: every item of the list must be an object {…}");
  EXPECT_EQ(refusal("[{},"), "list:1:5: the file ends before the list does: is it cut short?");
  EXPECT_EQ(refusal("[{}, {\"a\": 1"), "list:1:6: the file ends before this item does: is it cut short?");
  EXPECT_EQ(refusal("[{}] x"), "list:1:6: nothing is expected behind the list's end");
  EXPECT_EQ(refusal("{}"), "list:1:1: a JSON list [{…}, …] is expected");
  EXPECT_EQ(refusal(""), "list:1:1: a JSON list [{…}, …] is expected");
}

TEST(VllmBench, KeepsNumbersTextsAndTheTwoLists) {
  const tests::TemporaryFolder folder;
  ByteReader bytes(folder
                       .file("result", R"({"model_id": "m", "duration": 2.5, "completed": 3, "flag": true, "none": null,
                         "deep": {"duration": 9, "input_lens": [7]}, "input_lens": [1, 2.5, "x"], "output_lens": [4, 5, 6],
                         "itls": [[0.1, 0.2], []]})")
                       .string());
  const VllmBench bench = read_vllm_bench(bytes);
  EXPECT_EQ(bench.numbers.at("duration"), 2.5) << "not what stands deeper";
  EXPECT_EQ(bench.numbers.at("completed"), 3.0);
  EXPECT_EQ(bench.texts.at("model_id"), "m");
  EXPECT_EQ(bench.numbers.count("flag") + bench.numbers.count("none"), 0u);
  EXPECT_THAT(bench.input_lens, ElementsAre("1", "2.5", "text"));
  EXPECT_THAT(bench.output_lens, ElementsAre("4", "5", "6"));
}

#ifdef ORRERY_HAVE_RAPIDCHECK

TEST(ReaderProperties, LinesJoinToTheirText) {
  EXPECT_TRUE(rc::check([] {
    const auto text = *rc::gen::container<std::string>(rc::gen::element('a', '\n', 'b'));
    std::string joined;
    for (const std::string& line : lines_of(text)) joined += line + "\n";
    RC_ASSERT(joined == (text.empty() || text.back() == '\n' ? text : text + "\n"));
  }));
}

TEST(ReaderProperties, ItemsAreThoseThatWereWritten) {
  EXPECT_TRUE(rc::check([] {
    const auto items = *rc::gen::container<std::vector<std::string>>(rc::gen::element<std::string>(
        "{}", R"({"a": "]"})", R"({"b": "\""})", R"({"c": {"d": [1, {}]}})", "{\n\"e\": 2}"));
    std::string text = "[";
    for (std::size_t i = 0; i < items.size(); ++i) text += (i > 0 ? " ,\n" : "") + items[i];
    RC_ASSERT(items_of(text + "]") == items);
  }));
}

#endif

}  // namespace
}  // namespace orrery::models
