// The text being edited, without a window: what changed, undo, files that are not what they were.
#include "gui/model/document.hpp"

#include <filesystem>
#include <fstream>
#include <sstream>

#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hardware/config/config.hpp"

namespace orrery::gui {
namespace {

using ::testing::HasSubstr;

constexpr const char* kText =
    "scenario: a\n"
    "model: llama-3-8b  # a comment\n"
    "jobs:\n"
    "  - name: learn\n"
    "    training: {zero: none}\n";

QString q(const char* text) { return QString::fromUtf8(text); }

class DocumentTest : public ::testing::Test {
 protected:
  [[nodiscard]] QString path(const char* name) const { return folder_.filePath(q(name)); }
  QString write(const char* name, const std::string& bytes) const {
    std::ofstream(path(name).toStdString(), std::ios::binary) << bytes;
    return path(name);
  }
  [[nodiscard]] std::string read(const char* name) const {
    std::ifstream in(path(name).toStdString(), std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
  }
  /// What `act` throws; empty: nothing.
  template <class Act>
  [[nodiscard]] std::string problem(const Act& act) const {
    try {
      act();
    } catch (const hardware::ConfigError& error) {
      return error.what();
    }
    return {};
  }
  [[nodiscard]] std::string text() const { return document_.text().toStdString(); }
  void undo() { document_.undo_stack().undo(); }

  QTemporaryDir folder_;
  Document document_;
};

TEST(TextDifference, IsTheSmallestReplacement) {
  const TextChange change = difference(q("zero: none\n"), q("zero: optimizer\n"));
  // "no" and "o" in common are not: the heads agree up to "zero: ", the tails from "\n" on ("e" against "r").
  EXPECT_EQ(change.position, 6);
  EXPECT_EQ(change.removed, q("none"));
  EXPECT_EQ(change.inserted, q("optimizer"));
}

TEST(TextDifference, OfEqualTextsIsNothing) {
  const TextChange change = difference(q("a\n"), q("a\n"));
  EXPECT_TRUE(change.removed.isEmpty());
  EXPECT_TRUE(change.inserted.isEmpty());
}

TEST(TextDifference, OfRepeatedLettersDoesNotCountThemTwice) {
  // "aa" → "aaa": the head takes two letters, which leaves none for the tail.
  const TextChange change = difference(q("aa"), q("aaa"));
  EXPECT_EQ(change.position, 2);
  EXPECT_EQ(change.removed, QString());
  EXPECT_EQ(change.inserted, q("a"));
}

TEST(TextDifference, NeverPartsASurrogatePair) {
  // U+1F600 and U+1F601 share their first half, U+1F600 and U+1FA00 their second (DE00).
  const TextChange first = difference(q("a😀b"), q("a😁b"));
  EXPECT_EQ(first.position, 1);
  EXPECT_EQ(first.removed, q("😀"));
  EXPECT_EQ(first.inserted, q("😁"));
  const TextChange second = difference(q("a\U0001F600b"), q("a\U0001FA00b"));
  EXPECT_EQ(second.removed, q("\U0001F600"));
  EXPECT_EQ(second.inserted, q("\U0001FA00"));
}

TEST(TextDifference, PutIntoTheFirstTextGivesTheSecond) {
  const std::vector<QString> texts = {q(""), q("a"), q("ab"), q("aba"), q("é\n"), q("a😀"), q("😀😁"), q("ab\r\n")};
  for (const QString& before : texts) {
    for (const QString& after : texts) {
      const TextChange change = difference(before, after);
      QString made = before;
      made.replace(change.position, change.removed.size(), change.inserted);
      EXPECT_EQ(made, after) << before.toStdString() << " to " << after.toStdString();
      EXPECT_EQ(before.mid(change.position, change.removed.size()), change.removed);
    }
  }
}

TEST_F(DocumentTest, IsUntitledUntilItHasAFile) {
  EXPECT_EQ(document_.name(), q("untitled"));
  document_.load(write("größe.yaml", kText));
  EXPECT_EQ(document_.name(), q("größe.yaml"));
  EXPECT_EQ(document_.last_change(), q("opened größe.yaml"));
  document_.reset(q("scenario: b\n"));
  EXPECT_EQ(document_.name(), q("untitled"));
  EXPECT_EQ(document_.last_change(), q("new"));
  EXPECT_FALSE(document_.is_modified());
}

TEST_F(DocumentTest, SaysWhatItCantRead) {
  EXPECT_EQ(problem([&] { document_.load(path("gone.yaml")); }), path("gone.yaml").toStdString() + ": no such file");
  EXPECT_THAT(problem([&] { document_.load(folder_.path()); }), HasSubstr(": a folder, not a scenario file"));
  EXPECT_THAT(problem([&] { document_.load(q("/dev/null")); }), HasSubstr("/dev/null: not a plain file"));
  EXPECT_THAT(problem([&] { document_.load(write("empty.yaml", " \n\t\n")); }), HasSubstr(": the file is empty"));
  EXPECT_THAT(problem([&] { document_.load(write("latin.yaml", "scenario: \xf6\n")); }), HasSubstr("must be UTF-8"));
  EXPECT_THAT(problem([&] { document_.load(write("nul.yaml", std::string("a: 1\0\n", 6))); }), HasSubstr("UTF-8"));
  EXPECT_EQ(text(), "");
  EXPECT_EQ(document_.path(), QString());
}

TEST_F(DocumentTest, HasNowhereToSaveUntilItIsNamed) {
  document_.reset(q(kText));
  EXPECT_EQ(problem([&] { document_.save(); }), "the scenario has no file yet: save it under a name");
  document_.save_as(path("a.yaml"));
  EXPECT_EQ(read("a.yaml"), kText);
  EXPECT_EQ(problem([&] { document_.save(); }), "");
  EXPECT_THAT(problem([&] { document_.save_as(path("gone/a.yaml")); }), HasSubstr("there is no folder"));
  EXPECT_EQ(document_.path(), path("a.yaml")) << "a failed save must not rename";
}

TEST_F(DocumentTest, NamesAnEditByKeyAndValues) {
  document_.load(write("a.yaml", kText));
  document_.set_value(q("model"), q("gpt2"));
  EXPECT_EQ(document_.last_change(), q("model: llama-3-8b → gpt2"));
  EXPECT_THAT(text(), HasSubstr("model: gpt2  # a comment\n")) << "the comment stays";
  document_.set_value(q("seed"), q("3"));
  EXPECT_EQ(document_.last_change(), q("seed: 3")) << "it was not there";
  document_.remove_value(q("scenario"));
  EXPECT_EQ(document_.last_change(), q("scenario: a → default"));
  undo();
  EXPECT_EQ(document_.last_change(), q("undo: scenario: a → default"));
  EXPECT_THAT(text(), HasSubstr("scenario: a\n"));
}

TEST_F(DocumentTest, TakesTheKeyOfAJobByItsName) {
  document_.load(write("a.yaml", kText));
  document_.set_value(q("jobs.learn.training.zero"), q("weights"));
  EXPECT_EQ(document_.last_change(), q("jobs.0.training.zero: none → weights"));
  EXPECT_THAT(problem([&] { document_.set_value(q("jobs.learm.training.zero"), q("none")); }), HasSubstr("learn"))
      << "the nearest name";
  EXPECT_THAT(text(), HasSubstr("{zero: weights}"));
}

TEST_F(DocumentTest, TakesAKeyByAnotherOfItsNames) {
  document_.reset(q("serving: {tensor_parallel: 1}\n"));
  document_.set_value(q("serving.tensor_parallel_size"), q("4"));
  EXPECT_EQ(text(), "serving: {tensor_parallel: 4}\n") << "two names of one key can't both stand there";
}

TEST_F(DocumentTest, AppendsToAListThatMayBeAbsentOrEmpty) {
  document_.reset(q("a: 1\n"));
  EXPECT_EQ(document_.append_value(q("events"), q("{at: 0 s}")), q("events.0"));
  EXPECT_EQ(text(), "a: 1\nevents: [{at: 0 s}]\n");
  EXPECT_EQ(document_.append_value(q("events"), q("{at: 1 s}")), q("events.1"));
  EXPECT_EQ(text(), "a: 1\nevents: [{at: 0 s}, {at: 1 s}]\n");
  document_.reset(q("events:\n  - at: 0 s  # first\nb: 2\n"));
  EXPECT_EQ(document_.append_value(q("events"), q("{at: 1 s}")), q("events.1"));
  EXPECT_EQ(text(), "events:\n  - at: 0 s  # first\n  - {at: 1 s}\nb: 2\n");
  document_.reset(q("events: []\n"));
  EXPECT_EQ(document_.append_value(q("events"), q("{at: 1 s}")), q("events.0"));
  EXPECT_EQ(text(), "events: [{at: 1 s}]\n");
}

TEST_F(DocumentTest, KeepsTheTextWhereAValueHasNoPlace) {
  document_.load(write("a.yaml", kText));
  EXPECT_NE(problem([&] { document_.set_value(q("scenario.title"), q("b")); }), "") << "it runs through a scalar";
  EXPECT_NE(problem([&] { document_.set_value(q("scenario"), q("[open")); }), "") << "it would not parse";
  EXPECT_EQ(text(), kText);
  EXPECT_FALSE(document_.undo_stack().canUndo());
  document_.remove_value(q("no.such.key"));
  EXPECT_FALSE(document_.is_modified());
}

TEST_F(DocumentTest, TypingWithinAWordIsOneStepAndASpaceBeginsAnother) {
  document_.reset(q("a\n"));
  for (const char* typed : {"ab\n", "abc\n", "abc \n", "abc d\n"}) document_.set_text(q(typed));
  undo();
  EXPECT_EQ(text(), "abc\n") << "the space and what follows it";
  undo();
  EXPECT_EQ(text(), "a\n") << "b and c at once";
  document_.undo_stack().redo();
  EXPECT_EQ(text(), "abc\n");
}

TEST_F(DocumentTest, DeletingBackwardsIsOneStep) {
  document_.reset(q("abc\n"));
  document_.set_text(q("abcd\n"));  // what is deleted was typed
  document_.set_text(q("abc\n"));
  EXPECT_EQ(text(), "abc\n");
  EXPECT_FALSE(document_.is_modified()) << "typed and taken back";
}

TEST_F(DocumentTest, SaysTheLineOfATypedChange) {
  document_.reset(q(kText));
  QString changed = q(kText);
  document_.set_text(changed.replace(q("learn"), q("teach")));
  EXPECT_EQ(document_.last_change(), q("edited line 4"));
}

TEST_F(DocumentTest, EditsOfTwoKeysAreTwoSteps) {
  document_.reset(q(kText));
  document_.set_value(q("model"), q("gpt2"));
  document_.set_value(q("scenario"), q("b"));
  EXPECT_EQ(document_.undo_stack().count(), 2);
  document_.set_value(q("scenario"), q("c"));
  EXPECT_EQ(document_.undo_stack().count(), 2) << "the same key again, at once";
  EXPECT_EQ(document_.undo_stack().undoText(), q("scenario: a → c"));
}

TEST_F(DocumentTest, UndoneToWhatWasSavedItIsNotModified) {
  document_.load(write("a.yaml", kText));
  QSignalSpy modified(&document_, &Document::modified_changed);
  document_.set_value(q("model"), q("gpt2"));
  document_.save();
  document_.set_value(q("model"), q("llama-2-7b"));
  undo();
  EXPECT_FALSE(document_.is_modified());
  undo();
  EXPECT_TRUE(document_.is_modified()) << "before what the file holds";
  EXPECT_EQ(modified.last().at(0).toBool(), true);
}

TEST_F(DocumentTest, TellsOfEachVersionThatAnotherProgramWrites) {
  document_.load(write("a.yaml", kText));
  QSignalSpy changed(&document_, &Document::file_changed_on_disk);
  write("a.yaml", "scenario: theirs\n");
  ASSERT_TRUE(changed.wait(5000));
  document_.set_value(q("scenario"), q("mine"));
  (void)problem([&] { document_.save(); });  // refused once
  document_.save();
  EXPECT_THAT(read("a.yaml"), HasSubstr("scenario: mine"));
  changed.clear();
  // The very version that was told of before the save: it overwrites this one all the same.
  write("a.yaml", "scenario: theirs\n");
  EXPECT_TRUE(changed.wait(5000));
}

TEST_F(DocumentTest, RefusesToOverwriteAnotherProgramsVersionOnce) {
  document_.load(write("a.yaml", kText));
  document_.set_value(q("model"), q("gpt2"));
  write("a.yaml", "scenario: theirs\n");
  EXPECT_THAT(problem([&] { document_.save(); }), HasSubstr("another program changed the file since it was read"));
  EXPECT_EQ(read("a.yaml"), "scenario: theirs\n");
  EXPECT_EQ(problem([&] { document_.save(); }), "") << "the second attempt means it";
  EXPECT_THAT(read("a.yaml"), HasSubstr("model: gpt2"));
}

TEST_F(DocumentTest, SavesWhereAnotherProgramWroteTheSame) {
  document_.load(write("a.yaml", kText));
  document_.set_value(q("model"), q("gpt2"));
  write("a.yaml", text());
  EXPECT_EQ(problem([&] { document_.save(); }), "");
  EXPECT_FALSE(document_.is_modified());
}

TEST_F(DocumentTest, AFileThatComesBackIsWatchedAgain) {
  document_.load(write("a.yaml", kText));
  QSignalSpy vanished(&document_, &Document::file_vanished), changed(&document_, &Document::file_changed_on_disk);
  std::filesystem::remove(path("a.yaml").toStdString());
  ASSERT_TRUE(vanished.wait(5000));
  EXPECT_TRUE(document_.is_modified()) << "nothing else holds the text";
  write("a.yaml", "scenario: theirs\n");
  EXPECT_TRUE(changed.wait(5000));
  EXPECT_EQ(vanished.count(), 1);
}

TEST_F(DocumentTest, AFileThatIsNotOpenAnyMoreIsNotWatched) {
  document_.load(write("a.yaml", kText));
  document_.load(write("b.yaml", kText));
  QSignalSpy changed(&document_, &Document::file_changed_on_disk);
  write("a.yaml", "scenario: theirs\n");
  QTest::qWait(250);
  EXPECT_EQ(changed.count(), 0);
}

}  // namespace
}  // namespace orrery::gui
