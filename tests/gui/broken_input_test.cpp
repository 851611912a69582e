// What should not be opened or saved: every case gives a message, and the document and its last result stay.
#include <cerrno>
#include <random>
#include <sys/stat.h>
#include <unistd.h>

#include <QMimeData>

#include "tests/gui/gui_fixture.hpp"

namespace orrery::gui::testing {
namespace {

class BrokenInput : public WindowTest {
 protected:
  void SetUp() override {
    WindowTest::SetUp();
    ASSERT_NO_FATAL_FAILURE(open(small_training()));
    ASSERT_TRUE(settle(
        [&] { EXPECT_TRUE(window_->set_value(QStringLiteral("training.tensor_parallel"), QStringLiteral("4"))); }));
    before_ = text();
    good_ = window_->current_run();
    messages_->clear();
  }

  /// Drops files on the middle of the window.
  void drop(const QStringList& files) const {
    QMimeData data;
    QList<QUrl> urls;
    for (const QString& file : files) urls.append(QUrl::fromLocalFile(file));
    data.setUrls(urls);
    const QPoint middle = window_->rect().center();
    QDragEnterEvent enter(middle, Qt::CopyAction, &data, Qt::LeftButton, Qt::NoModifier);
    QApplication::sendEvent(window_.get(), &enter);
    EXPECT_TRUE(enter.isAccepted()) << "a file can't be dropped";
    QDropEvent event(QPointF(middle), Qt::CopyAction, &data, Qt::LeftButton, Qt::NoModifier);
    QApplication::sendEvent(window_.get(), &event);
  }

  void expect_untouched() const {
    EXPECT_EQ(text(), before_);
    EXPECT_EQ(editor()->toPlainText().toStdString(), before_);
    EXPECT_EQ(window_->document().path(), path(QStringLiteral("case.yaml")));
    EXPECT_TRUE(window_->document().is_modified());
    EXPECT_TRUE(window_->document().undo_stack().canUndo());
    EXPECT_EQ(window_->current_run(), good_);
    EXPECT_TRUE(window_->isVisible());
  }

  /// Opened and dropped, it gives a message that names it, within seconds.
  void expect_refused(const QString& file) {
    SCOPED_TRACE(file.toStdString());
    QElapsedTimer clock;
    clock.start();
    EXPECT_FALSE(window_->open_file(file));
    EXPECT_EQ(messages_->count(), 1) << "one message";
    EXPECT_NE(last_message().find(QFileInfo(file).fileName().toStdString()), std::string::npos) << last_message();
    expect_untouched();
    messages_->clear();
    drop({file});
    QCoreApplication::processEvents();
    EXPECT_GE(messages_->count(), 1) << "dropped, it says nothing";
    EXPECT_LT(clock.elapsed(), 5000);
    EXPECT_EQ(questions_, 0) << "a message must not block";
    expect_untouched();
    messages_->clear();
  }

  std::string before_;
  RunPtr good_;
};

TEST_F(BrokenInput, AnEmptyFileIsRefused) { expect_refused(write(QStringLiteral("empty.yaml"), "")); }

TEST_F(BrokenInput, ABinaryFileIsRefused) {
  std::mt19937 random(7);
  std::string bytes;
  for (int i = 0; i < 65536; ++i) bytes.push_back(static_cast<char>(random() & 0xff));
  expect_refused(write(QStringLiteral("random.yaml"), bytes));
  expect_refused(write(QStringLiteral("nul.yaml"), std::string("scenario: x\n\0y: 1\n", 18)));
  expect_refused(write(QStringLiteral("latin1.yaml"),
                       "scenario: \"gr\xf6\xdf"
                       "er\"\n"));
  expect_refused(write(QStringLiteral("picture.png"), "\x89PNG\r\n\x1a\n" + std::string(64, '\0')));
}

TEST_F(BrokenInput, AHugeFileIsRefusedBeforeItIsRead) {
  const QString sparse = path(QStringLiteral("sparse.yaml"));
  QFile file(sparse);
  ASSERT_TRUE(file.open(QIODevice::WriteOnly));
  ASSERT_TRUE(file.resize(qint64{100} << 30));  // 100 GiB: reading it would take minutes
  file.close();
  expect_refused(sparse);
  const QByteArray line = "# a comment of a file that is far too large for a scenario\n";
  const std::string lines = line.repeated((100 << 20) / line.size()).toStdString();  // 100 MiB
  expect_refused(write(QStringLiteral("huge.yaml"), lines));
}

TEST_F(BrokenInput, AFolderAndAMissingFileAreRefused) {
  ASSERT_TRUE(QDir(folder_.path()).mkdir(QStringLiteral("folder.yaml")));
  expect_refused(path(QStringLiteral("folder.yaml")));
  expect_refused(path(QStringLiteral("missing.yaml")));
  expect_refused(path(QStringLiteral("case.yaml/below.yaml")));
}

TEST_F(BrokenInput, DevicesAndPipesAreRefusedWithoutReadingThem) {
  const std::string pipe = native(QStringLiteral("pipe.yaml"));
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  expect_refused(path(QStringLiteral("pipe.yaml")));
  expect_refused(QStringLiteral("/dev/zero"));
  expect_refused(QStringLiteral("/dev/full"));
  expect_refused(QStringLiteral("/dev/null"));
}

TEST_F(BrokenInput, AnUnreadableFileIsRefused) {
  if (::geteuid() == 0) GTEST_SKIP() << "permissions don't bind root";
  const QString file = write(QStringLiteral("secret.yaml"), small_training());
  ASSERT_TRUE(QFile::setPermissions(file, QFile::Permissions()));
  expect_refused(file);
}

// Text that is no valid scenario is for the editor to mend: it opens, with its problems.
TEST_F(BrokenInput, ATextThatIsNoScenarioOpensWithItsProblems) {
  window_->document().undo_stack().setClean();
  const QString file = write(QStringLiteral("shopping.yaml"), "- milk\n- bread\n");
  ASSERT_TRUE(settle([&] { EXPECT_TRUE(window_->open_file(file)) << last_message(); }));
  EXPECT_EQ(text(), "- milk\n- bread\n");
  EXPECT_FALSE(editor()->problems().empty());
}

TEST_F(BrokenInput, TwoFilesAtOnceOpenOneOrSayWhy) {
  window_->document().undo_stack().setClean();
  const QString one = write(QStringLiteral("one.yaml"), small_training());
  const QString two = write(QStringLiteral("two.yaml"), small_training());
  drop({one, two});
  QCoreApplication::processEvents();
  const QString open = window_->document().path();
  EXPECT_TRUE(messages_->count() > 0 || open == one) << "neither opened nor explained";
  EXPECT_TRUE(open == one || open == path(QStringLiteral("case.yaml"))) << open.toStdString();
}

TEST_F(BrokenInput, ADroppedScenarioOpens) {
  window_->document().undo_stack().setClean();
  const QString file = write(QStringLiteral("dropped.yaml"), small_training());
  ASSERT_TRUE(settle([&] { drop({file}); }));
  EXPECT_EQ(window_->document().path(), file);
  EXPECT_EQ(text(), small_training());
}

// Unsaved edits are not lost by a slip of the mouse: the window asks, and Escape keeps them.
TEST_F(BrokenInput, ADropOnUnsavedEditsAsksFirst) {
  const QString file = write(QStringLiteral("dropped.yaml"), small_training());
  drop({file});
  QTest::qWait(300);  // the answer to a drop may wait for its sender to go on
  EXPECT_EQ(questions_, 1);
  expect_untouched();
}

TEST_F(BrokenInput, TextThatIsDroppedIsNoFile) {
  QMimeData data;
  data.setText(QStringLiteral("hello"));
  QDragEnterEvent enter(QPoint(5, 5), Qt::CopyAction, &data, Qt::LeftButton, Qt::NoModifier);
  enter.ignore();
  QApplication::sendEvent(window_.get(), &enter);
  EXPECT_FALSE(enter.isAccepted());
  QMimeData web;
  web.setUrls({QUrl(QStringLiteral("https://example.org/a.yaml"))});
  QDropEvent event(QPointF(5, 5), Qt::CopyAction, &web, Qt::LeftButton, Qt::NoModifier);
  QApplication::sendEvent(window_.get(), &event);
  expect_untouched();
}

TEST_F(BrokenInput, AScenarioDeletedWhileOpenKeepsItsTextAndSavesAgain) {
  const std::string file = native(QStringLiteral("case.yaml"));
  ASSERT_EQ(::unlink(file.c_str()), 0);
  ASSERT_TRUE(wait_for([&] { return messages_->count() > 0; }, 5000)) << "nobody says that the file is gone";
  EXPECT_NE(last_message().find("case.yaml"), std::string::npos) << last_message();
  EXPECT_EQ(text(), before_);
  EXPECT_TRUE(window_->save_file()) << last_message();
  EXPECT_EQ(read_bytes(file), before_);
  EXPECT_FALSE(window_->document().is_modified());
}

// A clean document whose file is gone is the only copy: it counts as modified.
TEST_F(BrokenInput, ADeletedFileMakesASavedDocumentUnsaved) {
  ASSERT_TRUE(window_->save_file());
  messages_->clear();
  ASSERT_EQ(::unlink(native(QStringLiteral("case.yaml")).c_str()), 0);
  ASSERT_TRUE(wait_for([&] { return messages_->count() > 0; }, 5000));
  EXPECT_TRUE(window_->document().is_modified());
  EXPECT_TRUE(window_->save_file());
  EXPECT_EQ(read_bytes(native(QStringLiteral("case.yaml"))), before_);
}

TEST_F(BrokenInput, AFileChangedByAnotherProgramIsSaidAndNotOverwrittenInTheWindow) {
  const std::string theirs = small_training() + "# written by someone else\n";
  write(QStringLiteral("case.yaml"), theirs);
  ASSERT_TRUE(wait_for([&] { return messages_->count() > 0; }, 5000)) << "nobody says that the file changed";
  EXPECT_NE(last_message().find("case.yaml"), std::string::npos) << last_message();
  EXPECT_EQ(text(), before_) << "the user's edits stay";
  EXPECT_EQ(read_bytes(native(QStringLiteral("case.yaml"))), theirs);
}

TEST_F(BrokenInput, SavingByOneselfIsNotAnotherProgram) {
  EXPECT_TRUE(window_->save_file());
  QTest::qWait(500);
  EXPECT_EQ(messages_->count(), 0) << last_message();
}

// Where nothing can be written, the message says why, and neither text nor file changes. A path below a regular file
// and a missing folder bind root too.
TEST_F(BrokenInput, SavingWhereNothingCanBeWrittenSaysWhy) {
  for (const QString& target : {path(QStringLiteral("case.yaml/below.yaml")), path(QStringLiteral("nowhere/a.yaml")),
                                path(QString()), QStringLiteral("/dev/full"), QStringLiteral("/proc/orrery.yaml")}) {
    SCOPED_TRACE(target.toStdString());
    messages_->clear();
    EXPECT_FALSE(window_->save_file(target));
    EXPECT_EQ(messages_->count(), 1);
    expect_untouched();
    EXPECT_EQ(read_bytes(native(QStringLiteral("case.yaml"))), small_training());
  }
  EXPECT_TRUE(QFileInfo::exists(QStringLiteral("/dev/full"))) << "a device was replaced by a file";
}

TEST_F(BrokenInput, AReadOnlyFolderOnSaveSaysWhyAndLosesNothing) {
  if (::geteuid() == 0) GTEST_SKIP() << "permissions don't bind root; paths that do are tested above";
  ASSERT_EQ(::chmod(folder_.path().toStdString().c_str(), 0500), 0);
  const bool saved = window_->save_file();
  ASSERT_EQ(::chmod(folder_.path().toStdString().c_str(), 0700), 0);
  EXPECT_FALSE(saved);
  EXPECT_EQ(messages_->count(), 1);
  expect_untouched();
  EXPECT_EQ(read_bytes(native(QStringLiteral("case.yaml"))), small_training());
}

TEST_F(BrokenInput, NoTemporaryFilesAreLeft) {
  EXPECT_FALSE(window_->save_file(path(QStringLiteral("nowhere/a.yaml"))));
  EXPECT_TRUE(window_->save_file());
  EXPECT_FALSE(window_->export_view(path(QStringLiteral("nowhere/a.png"))));
  EXPECT_FALSE(window_->export_trace(path(QStringLiteral("nowhere/trace.json"))));
  EXPECT_EQ(QDir(folder_.path()).entryList(QDir::Files | QDir::Hidden), QStringList{QStringLiteral("case.yaml")});
}

}  // namespace
}  // namespace orrery::gui::testing
