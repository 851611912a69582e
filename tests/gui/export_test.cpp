// Pictures of widgets: PNG and SVG files.

#include <cstdlib>
#include <filesystem>

#include <QApplication>
#include <QBuffer>
#include <QFile>
#include <QHBoxLayout>
#include <QImage>
#include <QLabel>
#include <QPainter>
#include <QTemporaryDir>
#include <QXmlStreamReader>
#include <gtest/gtest.h>
#include <qcustomplot.h>

#include "gui/view/views.hpp"
#include "hardware/config/config.hpp"

namespace orrery::gui {
namespace {

/// A red ellipse on white.
class Drawing : public QWidget {
 public:
  using QWidget::QWidget;

 protected:
  void paintEvent(QPaintEvent*) override {
    QPainter painter(this);
    painter.fillRect(rect(), Qt::white);
    painter.setBrush(Qt::red);
    painter.drawEllipse(rect().adjusted(5, 5, -5, -5));
  }
};

/// How often each element occurs; empty if the text is no XML.
std::map<QString, int> elements_of(const QString& path) {
  QFile file(path);
  if (!file.open(QIODevice::ReadOnly)) return {};
  QXmlStreamReader reader(&file);
  std::map<QString, int> found;
  while (!reader.atEnd()) {
    if (reader.readNext() == QXmlStreamReader::StartElement) ++found[reader.name().toString()];
  }
  return reader.hasError() ? std::map<QString, int>{} : found;
}

std::string problem_with(QWidget& widget, const QString& path) {
  try {
    export_picture(widget, path);
  } catch (const hardware::ConfigError& error) {
    return error.what();
  }
  return {};
}

int files_in(const QString& folder) {
  const auto found = std::filesystem::directory_iterator(folder.toStdString());
  return static_cast<int>(std::distance(begin(found), end(found)));
}

TEST(ExportPicture, WritesAPngOfTheWidgetsSize) {
  QTemporaryDir folder;
  Drawing widget;
  widget.resize(120, 80);
  export_picture(widget, folder.filePath("a.PNG"));
  const QImage image(folder.filePath("a.PNG"));
  const QSize expected = widget.size() * widget.devicePixelRatioF();
  ASSERT_EQ(image.size(), expected);
  EXPECT_EQ(image.pixelColor(expected.width() / 2, expected.height() / 2), QColor(Qt::red));
  EXPECT_EQ(image.pixelColor(0, 0), QColor(Qt::white));
  EXPECT_EQ(files_in(folder.path()), 1) << "a temporary file stayed";
}

TEST(ExportPicture, WritesOverAnOlderPicture) {
  QTemporaryDir folder;
  Drawing widget;
  widget.resize(120, 80);
  export_picture(widget, folder.filePath("a.png"));
  widget.resize(60, 40);
  export_picture(widget, folder.filePath("a.png"));
  EXPECT_EQ(QImage(folder.filePath("a.png")).size(), QSize(60, 40) * widget.devicePixelRatioF());
}

TEST(ExportPicture, WritesAnSvgOfDrawingCommands) {
  QTemporaryDir folder;
  QWidget parent;
  auto* row = new QHBoxLayout(&parent);
  row->addWidget(new QLabel(QStringLiteral("bubble share"), &parent));
  row->addWidget(new Drawing(&parent), 1);
  auto* hidden = new QLabel(QStringLiteral("not to be seen"), &parent);
  hidden->hide();
  parent.resize(300, 100);
  const QString path = folder.filePath("a.svg");
  export_picture(parent, path);
  std::map<QString, int> found = elements_of(path);
  EXPECT_EQ(found["svg"], 1);
  EXPECT_GE(found["path"] + found["ellipse"] + found["circle"], 1);
  EXPECT_EQ(found["image"], 0);
  QFile file(path);
  ASSERT_TRUE(file.open(QIODevice::ReadOnly));
  const QByteArray text = file.readAll();
  EXPECT_TRUE(text.contains("bubble share"));
  EXPECT_FALSE(text.contains("not to be seen"));
  EXPECT_TRUE(text.contains("viewBox=\"0 0 300 100\"")) << text.left(400).toStdString();
}

TEST(ExportPicture, DrawsPlotsAsVectorsToo) {
  QTemporaryDir folder;
  QWidget parent;
  auto* row = new QHBoxLayout(&parent);
  auto* plot = new QCustomPlot(&parent);
  row->addWidget(plot);
  plot->addGraph()->setData({0.0, 1.0, 2.0}, {1.0, 3.0, 2.0});
  plot->xAxis->setLabel(QStringLiteral("time since start"));
  plot->rescaleAxes();
  parent.resize(400, 300);
  const QString path = folder.filePath("plot.svg");
  export_picture(parent, path);
  std::map<QString, int> found = elements_of(path);
  EXPECT_EQ(found["image"], 0) << "a plot went in as pixels";
  EXPECT_GE(found["polyline"] + found["path"], 5);  // curve, axes, ticks
  QFile file(path);
  ASSERT_TRUE(file.open(QIODevice::ReadOnly));
  EXPECT_TRUE(file.readAll().contains("time since start"));
}

TEST(ExportPicture, RefusesWhatItCantWriteAndLeavesNothing) {
  QTemporaryDir folder;
  Drawing widget;
  widget.resize(50, 50);
  EXPECT_NE(problem_with(widget, folder.filePath("a.gif")).find("must end in .png or .svg"), std::string::npos);
  EXPECT_NE(problem_with(widget, folder.filePath("png")).find("must end in"), std::string::npos);
  EXPECT_NE(problem_with(widget, folder.filePath("gone/a.png")).find("there is no folder"), std::string::npos);
  EXPECT_EQ(files_in(folder.path()), 0);
  std::filesystem::create_directory(folder.filePath("taken.png").toStdString());
  EXPECT_NE(problem_with(widget, folder.filePath("taken.png")).find("is a folder"), std::string::npos);
  widget.resize(0, 0);
  EXPECT_NE(problem_with(widget, folder.filePath("a.svg")).find("nothing to draw"), std::string::npos);
  EXPECT_EQ(files_in(folder.path()), 1);
}

TEST(ExportPicture, RefusesAFolderThatIsReadOnly) {
  QTemporaryDir folder;
  const std::string path = folder.path().toStdString();
  namespace fs = std::filesystem;
  fs::permissions(path, fs::perms::owner_read | fs::perms::owner_exec);
  if (::access(path.c_str(), W_OK) == 0) GTEST_SKIP() << "this user may write everywhere";
  Drawing widget;
  widget.resize(50, 50);
  EXPECT_NE(problem_with(widget, folder.filePath("a.png")).find("can't write"), std::string::npos);
  EXPECT_EQ(files_in(folder.path()), 0);
  fs::permissions(path, fs::perms::owner_all);
}

}  // namespace
}  // namespace orrery::gui
