// The tree of scenario files.
#include "gui/model/library_model.hpp"

#include <QAbstractItemModelTester>
#include <QDir>
#include <QFile>
#include <QFont>
#include <QTemporaryDir>
#include <gtest/gtest.h>

#include "tests/places.hpp"

namespace orrery::gui {
namespace {

void write(const QString& path, const QByteArray& text) {
  QFile file(path);
  ASSERT_TRUE(file.open(QIODevice::WriteOnly));
  file.write(text);
}

TEST(LibraryModel, ListsFoldersFilesAndVariants) {
  QTemporaryDir folder;
  ASSERT_TRUE(QDir(folder.path()).mkpath("serving") && QDir(folder.path()).mkpath("empty"));
  write(folder.filePath("serving/chat.yaml"),
        "scenario: \"A chat\"   # comment\nvariants:\n  - name: \"twice, the rate\"\n    set: {a: 1}\n"
        "  - {name: half, set: {a: 2}}\n");
  write(folder.filePath("broken.yaml"), "scenario: \"Half a file\"\nmodel: [\n");
  write(folder.filePath("untitled.yaml"), "model: gpt2\n");
  write(folder.filePath("notes.txt"), "scenario: no\n");
  LibraryModel model(folder.path());
  const QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::Fatal);
  ASSERT_EQ(model.rowCount(), 3);  // the folder, then two files by name
  const QModelIndex serving = model.index(0, 0);
  EXPECT_EQ(serving.data().toString(), "serving");
  EXPECT_EQ(serving.data(LibraryModel::kPathRole).toString(), "");
  EXPECT_EQ(model.index(1, 0).data().toString(), "Half a file");
  EXPECT_EQ(model.index(2, 0).data().toString(), "untitled");
  const QModelIndex chat = model.index(0, 0, serving);
  EXPECT_EQ(chat.data().toString(), "A chat");
  EXPECT_EQ(chat.data(LibraryModel::kVariantRole).toString(), "");
  ASSERT_EQ(model.rowCount(chat), 2);
  EXPECT_EQ(model.index(0, 0, chat).data(LibraryModel::kVariantRole).toString(), "twice, the rate");
  EXPECT_EQ(model.index(1, 0, chat).data(LibraryModel::kPathRole), chat.data(LibraryModel::kPathRole));
  EXPECT_EQ(model.index_of(folder.filePath("serving/chat.yaml")), chat);
}

TEST(LibraryModel, IsEmptyWithoutAFolder) {
  LibraryModel model(QStringLiteral("/nowhere/at/all"));
  EXPECT_EQ(model.rowCount(), 0);
  EXPECT_FALSE(model.index_of(QStringLiteral("/nowhere/at/all/x.yaml")).isValid());
  EXPECT_EQ(LibraryModel(QString()).rowCount(), 0);
}

TEST(LibraryModel, ShowsTheOpenFileBold) {
  const QString root = QString::fromStdString(orrery::tests::source_root() + "/scenarios/library");
  LibraryModel model(root);
  const QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::Fatal);
  const QModelIndex file = model.index_of(root + "/training/gpt2-124m-8xa100.yaml");
  ASSERT_TRUE(file.isValid());
  EXPECT_EQ(file.data().toString(), "llm.c GPT-2 124M, 8 A100");
  EXPECT_FALSE(file.data(Qt::FontRole).value<QFont>().bold());
  model.set_current(root + "/training/gpt2-124m-8xa100.yaml");
  EXPECT_TRUE(file.data(Qt::FontRole).value<QFont>().bold());
  model.set_current({});
  EXPECT_FALSE(file.data(Qt::FontRole).value<QFont>().bold());
}

}  // namespace
}  // namespace orrery::gui
