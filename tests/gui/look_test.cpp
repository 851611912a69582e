// Colours, labels and the units of plots.
#include <set>

#include <QApplication>
#include <QLabel>
#include <gtest/gtest.h>
#include <qcustomplot.h>

#include "gui/look/labels.hpp"
#include "gui/look/text.hpp"
#include "gui/look/theme.hpp"
#include "gui/view/plot_style.hpp"
#include "gui/view/views.hpp"

namespace orrery::gui {
namespace {

std::string plain(QString text) { return text.replace(QChar(0xa0), QLatin1Char(' ')).toStdString(); }

TEST(Mixed, IsAShareOfTheSecondColour) {
  const QColor black(0, 0, 0), white(255, 255, 255);
  EXPECT_EQ(mixed(black, white, 0.0), black);
  EXPECT_EQ(mixed(black, white, 1.0), white);
  EXPECT_EQ(mixed(black, white, 0.2), QColor(51, 51, 51));
  EXPECT_EQ(mixed(QColor(100, 0, 200), QColor(200, 100, 0), 0.25), QColor(125, 25, 150));
}

TEST(Themes, AreWhatTheyAreCalled) {
  apply_theme(Theme::dark);
  EXPECT_TRUE(is_dark(QApplication::palette()));
  apply_theme(Theme::light);
  EXPECT_FALSE(is_dark(QApplication::palette()));
}

TEST(Themes, TellGoodFromBadOnBothGrounds) {
  for (const Theme theme : {Theme::light, Theme::dark}) {
    apply_theme(theme);
    const QPalette palette = QApplication::palette();
    const QColor ground = palette.color(QPalette::Base);
    for (const QColor& ink : {better_color(palette), worse_color(palette), warning_color(palette)}) {
      EXPECT_GE(contrast(ink, ground), 4.5) << ink.name().toStdString();
    }
    EXPECT_NE(better_color(palette), worse_color(palette));
    EXPECT_NE(warning_color(palette), worse_color(palette));
  }
  apply_theme(Theme::light);
}

TEST(SeriesColors, AreEightAndRepeat) {
  std::set<QRgb> colors;
  for (std::size_t i = 0; i < 8; ++i) colors.insert(series_color(i).rgb());
  EXPECT_EQ(colors.size(), 8u);
  EXPECT_EQ(series_color(8), series_color(0));
}

TEST(PlotColors, StandOutFromTheGround) {
  for (const Theme theme : {Theme::light, Theme::dark}) {
    apply_theme(theme);
    const QPalette palette = QApplication::palette();
    for (std::size_t i = 0; i < 8; ++i) {
      EXPECT_GE(contrast(plot_line(series_color(i), palette), palette.color(QPalette::Base)), 3.0);
    }
    EXPECT_LT(contrast(plot_grid(palette), palette.color(QPalette::Base)),
              contrast(plot_faint_text(palette), palette.color(QPalette::Base)));
    // A ghost is nearer to the ground than what it is of.
    EXPECT_EQ(plot_pale(Qt::red, palette, 1.0), QColor(Qt::red));
    EXPECT_EQ(plot_pale(Qt::red, palette, 0.0), palette.color(QPalette::Base));
  }
  apply_theme(Theme::light);
}

TEST(ReadableNames, HaveSpaces) {
  EXPECT_EQ(readable_name("tensor_parallel"), QStringLiteral("tensor parallel"));
  EXPECT_EQ(capital("größe"), QStringLiteral("Größe"));
  EXPECT_EQ(capital("éa"), QStringLiteral("Éa"));
  EXPECT_EQ(capital(""), QString());
}

TEST(Labels, ShowTheirTextAsItIs) {
  QWidget parent;
  QLabel* label = make_text(parent, QStringLiteral("name"));
  EXPECT_EQ(label->textFormat(), Qt::PlainText);
  EXPECT_TRUE(label->wordWrap());
  EXPECT_EQ(label->objectName(), QStringLiteral("name"));
  tint(*label, Qt::red);
  EXPECT_EQ(label->palette().color(QPalette::WindowText), QColor(Qt::red));
  QFont font;
  font.setPointSizeF(10.0);
  EXPECT_DOUBLE_EQ(scaled(font, 1.5, true).pointSizeF(), 15.0);
  EXPECT_TRUE(scaled(font, 1.5, true).bold());
}

TEST(PlotUnits, ChangeWhereTheNextReadsBetter) {
  const auto seconds = [](double value) { return plain(readable_value(AxisUnit::seconds, value)); };
  EXPECT_EQ(seconds(0.0), "0 s");
  EXPECT_EQ(seconds(1e-3), "1.00 ms");
  EXPECT_EQ(seconds(0.9994), "999 ms");
  EXPECT_EQ(seconds(1.0), "1.00 s");
  EXPECT_EQ(seconds(599.0), "599 s");
  EXPECT_EQ(seconds(600.0), "10.0 min");
  EXPECT_EQ(seconds(10799.0), "180 min");
  EXPECT_EQ(seconds(10800.0), "3.00 h");
  const auto bytes = [](double value) { return plain(readable_value(AxisUnit::bytes, value)); };
  EXPECT_EQ(bytes(0.0), "0 GiB");
  EXPECT_EQ(bytes(512.0), "512 B");
  EXPECT_EQ(bytes(1536.0), "1.50 KiB");
  EXPECT_EQ(bytes(3.0 * 1048576.0), "3.00 MiB");
  EXPECT_EQ(plain(readable_value(AxisUnit::bytes_per_second, 2.5e12)), "2.50 TB/s");
  EXPECT_EQ(plain(readable_value(AxisUnit::bytes_per_second, 5e6)), "5.00 MB/s");
  EXPECT_EQ(plain(readable_value(AxisUnit::share, 0.0995)), "9.95 %");
  EXPECT_EQ(plain(readable_value(AxisUnit::count, 2.25)), "2.25");
  EXPECT_EQ(plain(readable_value(AxisUnit::count, 12.5)), "12.5");
}

TEST(PlotUnits, StepsAreTheLeastRoundOnes) {
  for (double rough = 1e-6; rough < 1e6; rough *= 1.37) {
    const double step = round_step(rough);
    EXPECT_GE(step, rough * (1.0 - 1e-9));
    EXPECT_LE(step, rough * 2.5 * (1.0 + 1e-9)) << "from 2 the next is 5";
    const double mantissa = step / std::pow(10.0, std::floor(std::log10(step) + 1e-9));
    EXPECT_TRUE(std::fabs(mantissa - 1.0) < 1e-6 || std::fabs(mantissa - 2.0) < 1e-6 ||
                std::fabs(mantissa - 5.0) < 1e-6)
        << step;
  }
  EXPECT_EQ(round_step(0.0), 1.0);
  EXPECT_EQ(round_step(std::numeric_limits<double>::infinity()), 1.0);
}

std::vector<std::string> log_labels(double lower, double upper) {
  QCustomPlot plot;
  plot.resize(800, 300);
  plot.xAxis->setScaleType(QCPAxis::stLogarithmic);
  plot.xAxis->setRange(lower, upper);
  const auto ticker = QSharedPointer<LogUnitTicker>::create(AxisUnit::seconds, *plot.xAxis);
  plot.replot(QCustomPlot::rpImmediateRefresh);
  QVector<double> ticks;
  QVector<QString> labels;
  ticker->generate({lower, upper}, QLocale::c(), u'g', 6, ticks, nullptr, &labels);
  std::vector<std::string> texts;
  for (const QString& label : labels) texts.push_back(plain(label));
  return texts;
}

TEST(LogTicks, StandAtOneTwoAndFiveOfEachDecade) {
  EXPECT_EQ(log_labels(0.001, 0.1),
            (std::vector<std::string>{"1 ms", "2 ms", "5 ms", "10 ms", "20 ms", "50 ms", "100 ms"}));
}

TEST(LogTicks, OverManyDecadesStandAtOneAlone) {
  EXPECT_EQ(log_labels(1e-5, 1.0), (std::vector<std::string>{"10 µs", "100 µs", "1 ms", "10 ms", "100 ms", "1 s"}));
}

TEST(LogTicks, OfANarrowRangeAreEvenSteps) {
  const std::vector<std::string> labels = log_labels(0.0301, 0.0399);
  EXPECT_EQ(labels, (std::vector<std::string>{"32 ms", "34 ms", "36 ms", "38 ms"}));
  EXPECT_TRUE(log_labels(1.0, 1.0).empty()) << "no range";
}

TEST(Views, HaveNamesTitlesAndSummariesOfTheirOwn) {
  std::set<std::string_view> names, titles;
  for (const ViewRow& row : views()) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_TRUE(titles.insert(row.title).second) << row.title;
    EXPECT_FALSE(row.summary.empty()) << row.name;
    EXPECT_EQ(find_view(row.name), &row);
    const std::unique_ptr<RunView> view(row.make(nullptr));
    EXPECT_FALSE(view->accessibleName().isEmpty()) << row.name;
    EXPECT_EQ(view->objectName(), to_qstring(row.name) + QStringLiteral("_view"));
  }
  EXPECT_EQ(find_view("timelime"), nullptr);
}

}  // namespace
}  // namespace orrery::gui
