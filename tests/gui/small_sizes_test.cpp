// Every view in a small window, in both palettes and on a fine screen: what it says can be read.
#include <set>

#include <QLabel>
#include <QScrollBar>
#include <QTabBar>
#include <gmock/gmock.h>
#include <qcustomplot.h>

#include "gui/look/text.hpp"
#include "gui/view/plot_view.hpp"
#include "gui/view/views.hpp"
#include "tests/gui/gui_fixture.hpp"

namespace orrery::gui::testing {
namespace {

class SmallSizes : public WindowTest {
 protected:
  void SetUp() override {
    WindowTest::SetUp();
    window_->resize(900, 620);
    turn_event_loop(30);
  }
  void TearDown() override {
    WindowTest::TearDown();
    apply_theme(Theme::light);
  }
  RunView* front(const ViewRow& row) {
    EXPECT_TRUE(window_->show_view(to_qstring(row.name)));
    turn_event_loop(40);
    return window_->view(to_qstring(row.name));
  }
  /// How many different colours a picture has: one of a single colour says nothing.
  static std::size_t colors(const QImage& picture) {
    std::set<QRgb> found;
    for (int y = 0; y < picture.height(); y += 2) {
      for (int x = 0; x < picture.width(); x += 2) found.insert(picture.pixel(x, y));
    }
    return found.size();
  }
  [[nodiscard]] static bool is_for(const ViewRow& row, const char* kind) {
    return row.kind.empty() || row.kind == kind;
  }
};

TEST_F(SmallSizes, EveryViewDrawsInBothPalettes) {
  ASSERT_NO_FATAL_FAILURE(open(piped_training()));
  for (const Theme theme : {Theme::light, Theme::dark}) {
    apply_theme(theme);
    for (const ViewRow& row : views()) {
      if (!is_for(row, "training")) continue;
      SCOPED_TRACE(std::string(row.name) + (theme == Theme::dark ? " dark" : " light"));
      const QImage picture = front(row)->grab().toImage();
      EXPECT_GE(colors(picture), 5u);
      const int light = qGray(picture.scaled(1, 1, Qt::IgnoreAspectRatio, Qt::SmoothTransformation).pixel(0, 0));
      EXPECT_EQ(light < 128, theme == Theme::dark) << light;
    }
  }
}

TEST_F(SmallSizes, NoViewIsWiderThanItsPlace) {
  for (const std::string& scenario : {small_training(), chat(100, 10)}) {
    ASSERT_NO_FATAL_FAILURE(open(scenario));
    for (const ViewRow& row : views()) {
      if (!is_for(row, window_->current_run()->has_kind("serving") ? "serving" : "training")) continue;
      RunView* view = front(row);
      EXPECT_EQ(window_->size(), QSize(900, 620)) << row.name << " widens the window";
      EXPECT_TRUE(view->parentWidget()->rect().contains(view->geometry())) << row.name;
      EXPECT_GE(view->height(), 100) << row.name;
    }
  }
}

TEST_F(SmallSizes, TextsOfAPlotStayWithinItAndApart) {
  ASSERT_NO_FATAL_FAILURE(open(chat(400, 20)));
  for (const ViewRow& row : views()) {
    if (!is_for(row, "serving")) continue;
    auto* view = qobject_cast<PlotView*>(front(row));
    if (view == nullptr) continue;
    QCustomPlot& plot = view->plot();
    plot.replot(QCustomPlot::rpImmediateRefresh);
    // Axis rects, titles and legends of a layout never lie on each other.
    std::vector<std::pair<QRect, std::string>> rects;
    for (QCPLayoutElement* element : plot.plotLayout()->elements(true)) {
      if (element == nullptr) continue;
      if (auto* text = qobject_cast<QCPTextElement*>(element)) {
        rects.emplace_back(text->rect(), text->text().toStdString());
        const int width = QFontMetrics(text->font()).boundingRect(QRect(), Qt::TextDontClip, text->text()).width();
        EXPECT_LE(width, plot.width()) << row.name << ": " << text->text().toStdString();
      } else if (auto* axes = qobject_cast<QCPAxisRect*>(element)) {
        rects.emplace_back(axes->rect(), "axes");
      }
    }
    for (std::size_t i = 0; i < rects.size(); ++i) {
      EXPECT_TRUE(plot.rect().contains(rects[i].first)) << row.name << ": " << rects[i].second;
      for (std::size_t k = i + 1; k < rects.size(); ++k) {
        EXPECT_FALSE(rects[i].first.intersects(rects[k].first))
            << row.name << ": " << rects[i].second << " on " << rects[k].second;
      }
    }
  }
}

TEST_F(SmallSizes, TheTabOfTheFrontViewIsInSight) {
  ASSERT_NO_FATAL_FAILURE(open(chat(100, 10)));
  auto* tabs = find<QTabWidget>("result_tabs");
  for (const ViewRow& row : views()) {
    if (!is_for(row, "serving")) continue;
    (void)front(row);
    const QRect place = tabs->tabBar()->tabRect(tabs->currentIndex());
    EXPECT_TRUE(tabs->tabBar()->rect().intersects(place)) << row.name;
    EXPECT_EQ(tabs->tabText(tabs->currentIndex()).toStdString(), row.title);
  }
}

TEST_F(SmallSizes, TheReportScrollsToEveryRow) {
  ASSERT_NO_FATAL_FAILURE(open(small_training()));
  QTreeView& table = find<ReportView>("report_view")->table();
  const QModelIndex last = report().index_of(QStringLiteral("cost.usd"));
  ASSERT_TRUE(last.isValid());
  table.scrollTo(last);
  EXPECT_TRUE(table.viewport()->rect().intersects(table.visualRect(last)));
  EXPECT_EQ(table.horizontalScrollBar()->maximum(), 0) << "its columns fit";
}

TEST_F(SmallSizes, TheFormHasRoomForKeysAndValues) {
  ASSERT_NO_FATAL_FAILURE(open(small_training()));
  const QTreeView& tree = form()->tree();
  EXPECT_GE(tree.columnWidth(FormModel::kKey), 80);
  EXPECT_GE(tree.columnWidth(FormModel::kValue), 60);
  EXPECT_LE(tree.columnWidth(FormModel::kKey) + tree.columnWidth(FormModel::kValue), tree.viewport()->width() + 1);
}

TEST_F(SmallSizes, ASpinBoxWithoutRoomForItsSliderStandsAlone) {
  ASSERT_NO_FATAL_FAILURE(open(small_training()));
  QWidget* field = open_field(QStringLiteral("training.tensor_parallel"));
  ASSERT_NE(field, nullptr);
  for (const QSlider* slider : form()->findChildren<QSlider*>()) {
    EXPECT_FALSE(slider->isVisible() && slider->geometry().intersects(field->geometry()));
  }
}

TEST_F(SmallSizes, AMessageLeavesRoomForTheResult) {
  ASSERT_NO_FATAL_FAILURE(open(small_training()));
  EXPECT_FALSE(window_->open_file(path(QString(300, u'x'))));
  turn_event_loop(30);
  EXPECT_EQ(window_->size(), QSize(900, 620));
  EXPECT_GE(find<QTabWidget>("result_tabs")->height(), 120);
}

}  // namespace
}  // namespace orrery::gui::testing
