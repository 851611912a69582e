// What every view of one plot has from its base: when it draws, what it says in place of a plot, and its look.
#include "gui/view/plot_view.hpp"

#include <QApplication>
#include <QLabel>
#include <QSharedPointer>
#include <QTest>
#include <gtest/gtest.h>
#include <qcustomplot.h>

#include "gui/look/theme.hpp"
#include "gui/view/plot_style.hpp"

namespace orrery::gui {
namespace {

/// Counts its drawings.
class Counting : public PlotView {
 public:
  Counting() : PlotView(QStringLiteral("count_view"), QStringLiteral("Count"), nullptr) {}
  int drawn = 0;

 protected:
  [[nodiscard]] QString reason() const override {
    return current() ? QString() : QStringLiteral("Nothing <b>yet</b>.");
  }
  void draw() override {
    ++drawn;
    EXPECT_EQ(plot().itemCount() + plot().plottableCount() + plot().plotLayout()->elementCount(), 0)
        << "what was drawn before is gone";
    auto* rect = new QCPAxisRect(&plot());
    plot().plotLayout()->addElement(0, 0, rect);
    plot().addGraph(rect->axis(QCPAxis::atBottom), rect->axis(QCPAxis::atLeft));
    add_text(*rect, 0, 0, QStringLiteral("a"), Qt::AlignCenter, Qt::red);
  }
  [[nodiscard]] QString description() const override { return QStringLiteral("one of one"); }
};

RunPtr a_run() { return std::make_shared<Run>(); }

TEST(PlotView, DrawsOnceForRunsThatCameWhileItWasHidden) {
  Counting view;
  for (int i = 0; i < 5; ++i) view.set_runs(a_run(), nullptr);
  EXPECT_EQ(view.drawn, 0);
  EXPECT_EQ(view.accessibleDescription(), QStringLiteral("one of one")) << "screen readers need not wait";
  view.show();
  EXPECT_EQ(view.drawn, 1);
  view.hide();
  view.show();
  EXPECT_EQ(view.drawn, 1) << "nothing changed meanwhile";
  view.set_runs(a_run(), nullptr);
  EXPECT_EQ(view.drawn, 2);
}

TEST(PlotView, SaysWhyThereIsNoPlot) {
  Counting view;
  view.set_runs(nullptr, nullptr);
  view.show();
  EXPECT_EQ(view.message(), QStringLiteral("Nothing <b>yet</b>."));
  EXPECT_EQ(view.accessibleDescription(), view.message());
  EXPECT_EQ(view.plot().accessibleDescription(), view.message());
  EXPECT_FALSE(view.plot().isVisible());
  EXPECT_EQ(view.drawn, 0);
  view.set_runs(a_run(), nullptr);
  EXPECT_EQ(view.message(), QString());
  EXPECT_TRUE(view.plot().isVisible());
  view.set_runs(nullptr, nullptr);
  EXPECT_EQ(view.plot().plottableCount(), 0) << "nothing of the run before stays behind the words";
}

TEST(PlotView, IsDrawnAnewInNewColoursAndFonts) {
  Counting view;
  view.set_runs(a_run(), nullptr);
  view.show();
  const int before = view.drawn;
  apply_theme(Theme::dark);
  QTest::qWait(1);
  EXPECT_GT(view.drawn, before);
  EXPECT_EQ(view.plot().axisRect(0)->axis(QCPAxis::atBottom)->labelColor(), plot_text(QApplication::palette()));
  apply_theme(Theme::light);
  QTest::qWait(1);
  const int light = view.drawn;
  QFont font = view.font();
  font.setPointSizeF(font.pointSizeF() * 2.0);
  view.setFont(font);
  QTest::qWait(1);
  EXPECT_GT(view.drawn, light);
  EXPECT_DOUBLE_EQ(view.plot().axisRect(0)->axis(QCPAxis::atLeft)->tickLabelFont().pointSizeF(), font.pointSizeF());
}

TEST(PlotView, TakesTheFocusWithItsPlot) {
  Counting view;
  view.set_runs(a_run(), nullptr);
  EXPECT_EQ(view.focusProxy(), &view.plot());
  EXPECT_EQ(view.plot().accessibleName(), QStringLiteral("Count"));
  EXPECT_EQ(view.plot().objectName(), QStringLiteral("count_view_plot"));
}

TEST(PlotStyle, TextsOfTheirOwnColourKeepIt) {
  QCustomPlot plot;
  QCPTextElement* plain = make_title(plot, QStringLiteral("plain"));
  QCPTextElement* red = make_title(plot, QStringLiteral("red"), 1.5, false);
  plot.plotLayout()->insertRow(0);
  plot.plotLayout()->addElement(0, 0, plain);
  plot.plotLayout()->insertRow(0);
  plot.plotLayout()->addElement(0, 0, red);
  plain->setTextColor(Qt::red);
  red->setTextColor(Qt::red);
  red->setProperty(kOwnColor, true);
  style_plot(plot);
  EXPECT_EQ(plain->textColor(), plot_text(plot.palette()));
  EXPECT_EQ(red->textColor(), QColor(Qt::red));
  EXPECT_DOUBLE_EQ(red->font().pointSizeF(), 1.5 * plot.font().pointSizeF());
  EXPECT_TRUE(plain->font().bold());
  EXPECT_FALSE(red->font().bold());
}

TEST(PlotStyle, ItemsStandInTheCoordinatesOfTheirRect) {
  QCustomPlot plot;
  plot.resize(500, 300);
  QCPAxisRect& rect = *plot.axisRect(0);
  rect.axis(QCPAxis::atBottom)->setRange(0, 10);
  rect.axis(QCPAxis::atLeft)->setRange(0, 4);
  plot.replot(QCustomPlot::rpImmediateRefresh);
  const QCPItemText* text = add_text(rect, 5, 2, QStringLiteral("here"), Qt::AlignCenter, Qt::blue);
  EXPECT_NEAR(text->position->pixelPosition().x(), rect.center().x(), 1.0);
  EXPECT_NEAR(text->position->pixelPosition().y(), rect.center().y(), 1.0);
  EXPECT_EQ(text->color(), QColor(Qt::blue));
  EXPECT_EQ(text->clipAxisRect(), &rect);
  const QCPItemLine* line = add_line(rect, {0, 4}, {10, 4}, QPen(Qt::green, 2.0));
  EXPECT_NEAR(line->start->pixelPosition().y(), rect.top(), 1.0);
  EXPECT_NEAR(line->end->pixelPosition().x(), rect.right(), 1.5);
  EXPECT_EQ(line->pen().color(), QColor(Qt::green));
}

std::vector<std::string> tick_labels(AxisUnit unit, double lower, double upper) {
  const auto ticker = QSharedPointer<UnitTicker>::create(unit);
  QVector<double> ticks;
  QVector<QString> labels;
  ticker->generate({lower, upper}, QLocale(QLocale::German), u'g', 6, ticks, nullptr, &labels);
  std::vector<std::string> texts;
  for (int i = 0; i < ticks.size(); ++i) {
    if (ticks[i] >= lower && ticks[i] <= upper)
      texts.push_back(QString(labels[i]).replace(QChar(0xa0), u' ').toStdString());
  }
  return texts;
}

TEST(PlotTicks, HaveTheUnitThatSuitsTheRange) {
  using Texts = std::vector<std::string>;
  EXPECT_EQ(tick_labels(AxisUnit::seconds, 0.0, 0.1), (Texts{"0 ms", "20 ms", "40 ms", "60 ms", "80 ms", "100 ms"}));
  EXPECT_EQ(tick_labels(AxisUnit::share, 0.0, 1.0), (Texts{"0 %", "20 %", "40 %", "60 %", "80 %", "100 %"}));
  EXPECT_EQ(tick_labels(AxisUnit::count, 0.0, 3.0), (Texts{"0", "1", "2", "3"})) << "there are no halves of requests";
  EXPECT_EQ(tick_labels(AxisUnit::bytes_per_second, 0.0, 2e9).back(), "2 GB/s");
  // Seven hours in minutes would be 420; whatever the language, a point is a point.
  EXPECT_EQ(tick_labels(AxisUnit::seconds, 0.0, 7 * 3600.0).back(), "6 h");
  EXPECT_EQ(tick_labels(AxisUnit::seconds, 0.0, 2.5)[1], "0.5 s");
}

/// Digits from the first that isn't 0.
int significant_digits(const QString& number) {
  int digits = 0;
  for (const QChar letter : number) digits += letter.isDigit() && (digits > 0 || letter != u'0') ? 1 : 0;
  return digits;
}

// Three digits whatever the value, also where rounding takes it to the next unit.
TEST(PlotUnits, HaveThreeSignificantDigits) {
  using Range = std::tuple<AxisUnit, double, double>;
  for (const auto& [unit, least, most] : {Range(AxisUnit::seconds, 1e-6, 1e5), Range(AxisUnit::bytes, 1e4, 1e12),
                                          Range(AxisUnit::bytes_per_second, 1e6, 1e14)}) {
    for (double value = least; value < most; value *= 1.0137) {
      const QString text = readable_value(unit, value), number = text.section(QChar(0xa0), 0, 0);
      const bool binary = unit == AxisUnit::bytes && number.toDouble() >= 1000.0;  // 1023 MiB
      EXPECT_EQ(significant_digits(number), binary ? 4 : 3) << text.toStdString();
      const double read = number.toDouble() * readable_unit(unit, value).factor;
      const double again = number == QStringLiteral("1.00") ? value : read;  // of the next unit
      EXPECT_NEAR(again / value, 1.0, 0.00501) << text.toStdString();
    }
  }
  const auto plain = [](QString text) { return text.replace(QChar(0xa0), u' ').toStdString(); };
  EXPECT_EQ(plain(readable_value(AxisUnit::seconds, 0.9996)), "1.00 s");
  EXPECT_EQ(plain(readable_value(AxisUnit::seconds, 999.7e-6)), "1.00 ms");
  EXPECT_EQ(plain(readable_value(AxisUnit::bytes, 1023.9 * 1048576.0)), "1.00 GiB");
  EXPECT_EQ(plain(readable_value(AxisUnit::bytes_per_second, 999.9e9)), "1.00 TB/s");
  EXPECT_EQ(plain(readable_value(AxisUnit::seconds, 0.9994)), "999 ms");
}

}  // namespace
}  // namespace orrery::gui
