// Where the name of a limit stands: counted by hand on a curve of ten straight stretches.
#include "gui/view/latency_labels.hpp"

#include <gtest/gtest.h>
#include <qcustomplot.h>

#include "gui/view/plot_style.hpp"

namespace orrery::gui {
namespace {

/// A panel whose curve goes straight from (0 s, 0) to (10 s, 1): quantiles at 0, 1, … 10 s.
class LimitLabels : public ::testing::Test {
 protected:
  LimitLabels() {
    plot_.resize(600, 400);
    rect_ = plot_.axisRect(0);
    rect_->setupFullAxesBox(false);
    for (const auto side : {QCPAxis::atTop, QCPAxis::atRight}) rect_->axis(side)->setVisible(true);
    rect_->axis(QCPAxis::atBottom)->setRange(0.0, 10.0);
    rect_->axis(QCPAxis::atLeft)->setRange(0.0, 1.0);
    rect_->axis(QCPAxis::atRight)->setRange(0.0, 1.0);
    for (int i = 0; i <= 10; ++i) curve_.quantiles.push_back(i);
    curve_.bin_edges = {0.0};
    plot_.replot(QCustomPlot::rpImmediateRefresh);
  }
  /// In pixels: from one place of the plot's coordinates to another.
  [[nodiscard]] QRectF area(double from, double low, double to, double high) const {
    const QCPAxis* x = rect_->axis(QCPAxis::atBottom);
    const QCPAxis* y = rect_->axis(QCPAxis::atRight);
    return QRectF({x->coordToPixel(from), y->coordToPixel(high)}, QPointF(x->coordToPixel(to), y->coordToPixel(low)))
        .normalized();
  }
  QCPItemText& text_at(double x, double y, const QString& text) {
    QCPItemText* item = add_text(*rect_, x, y, text, Qt::AlignLeft | Qt::AlignVCenter, Qt::black);
    for (QCPItemPosition* position : item->positions()) {
      position->setAxes(rect_->axis(QCPAxis::atBottom), rect_->axis(QCPAxis::atRight));
    }
    item->position->setCoords(x, y);
    return *item;
  }
  [[nodiscard]] bool is_inside(const QCPItemText& item) const {
    return QRectF(rect_->rect()).contains(text_rect(item));
  }

  QCustomPlot plot_;
  QCPAxisRect* rect_ = nullptr;
  LatencyCurve curve_;
};

TEST_F(LimitLabels, ARectangleHidesTheStretchesThatItMeets) {
  EXPECT_EQ(hidden_by(area(-1, -1, 11, 2), *rect_, curve_), 11) << "ten stretches, and the point where they begin";
  EXPECT_EQ(hidden_by(area(0.2, 0.6, 4.0, 0.95), *rect_, curve_), 0) << "above the curve";
  EXPECT_EQ(hidden_by(area(6.0, 0.05, 9.8, 0.4), *rect_, curve_), 0) << "below it";
  EXPECT_EQ(hidden_by(area(5.5, -1, 11, 2), *rect_, curve_), 5) << "those that end at 6, 7, 8, 9 and 10 s";
  EXPECT_EQ(hidden_by(area(3.2, 0.32, 3.8, 0.38), *rect_, curve_), 1) << "within one";
}

// Requests that never queued have a latency of 0, which a logarithmic axis draws at its left end.
TEST_F(LimitLabels, NothingIsLeftOfTheFirstBin) {
  curve_.bin_edges = {2.0};
  EXPECT_EQ(hidden_by(area(0.0, -0.1, 1.5, 1.1), *rect_, curve_), 0);
  // A point at 0, then straight up to those of 1 and 2 s.
  EXPECT_EQ(hidden_by(area(1.8, -0.1, 2.2, 0.15), *rect_, curve_), 3);
}

TEST_F(LimitLabels, ATextStandsAtTheSideOfItsPlaceThatItIsAlignedTo) {
  QCPItemText& item = text_at(5.0, 0.5, QStringLiteral("SLO 500 ms"));
  const QPointF at = item.position->pixelPosition();
  const auto rect_for = [&](Qt::Alignment side) {
    item.setPositionAlignment(side);
    return text_rect(item);
  };
  const QSizeF size = rect_for(Qt::AlignLeft | Qt::AlignTop).size();
  EXPECT_GE(size.width(), QFontMetricsF(item.font()).horizontalAdvance(item.text()));
  EXPECT_EQ(rect_for(Qt::AlignLeft | Qt::AlignTop).topLeft(), at);
  EXPECT_EQ(rect_for(Qt::AlignRight | Qt::AlignBottom).bottomRight(), at);
  EXPECT_EQ(rect_for(Qt::AlignHCenter | Qt::AlignVCenter).center(), at);
  EXPECT_EQ(rect_for(Qt::AlignRight | Qt::AlignVCenter).right(), at.x());
  EXPECT_EQ(rect_for(Qt::AlignRight | Qt::AlignVCenter).size(), size);
  item.setText(QStringLiteral("SLO 500 ms\n93 % within"));
  EXPECT_GT(text_rect(item).height(), 1.7 * size.height() - 4.0) << "two lines";
}

TEST_F(LimitLabels, ANameStandsWhereItHidesNothing) {
  const QString text = QStringLiteral("SLO 3 s\n30 % within");
  for (const double limit : {0.3, 3.0, 5.0, 7.0, 9.7}) {
    QCPItemText& label = text_at(limit, 0.5, text);
    place_limit(label, text, *rect_, curve_, {});
    EXPECT_EQ(hidden_by(text_rect(label), *rect_, curve_), 0) << limit;
    EXPECT_TRUE(is_inside(label)) << limit;
    EXPECT_EQ(label.position->key(), limit) << "beside its line";
    EXPECT_EQ(label.text(), text) << "there is room for all of it";
    plot_.removeItem(&label);
  }
}

// From the foot up: there are fewer requests.
TEST_F(LimitLabels, ANameIsNoHigherThanItMustBe) {
  QCPItemText& label = text_at(7.0, 0.5, QStringLiteral("SLO 7 s"));
  place_limit(label, QStringLiteral("SLO 7 s"), *rect_, curve_, {});
  EXPECT_LT(label.position->value(), 0.2);
  EXPECT_TRUE(label.positionAlignment().testFlag(Qt::AlignLeft)) << "on the right the curve is further above";
}

TEST_F(LimitLabels, ANameLeavesOtherNamesToBeRead) {
  const QString text = QStringLiteral("SLO 5 s");
  QCPItemText& label = text_at(5.0, 0.5, text);
  place_limit(label, text, *rect_, curve_, {});
  const QRectF free = text_rect(label);
  QCPItemText& other = text_at(5.0, label.position->value(), QStringLiteral("p50 5.00 s"));
  ASSERT_TRUE(text_rect(other).intersects(free));
  place_limit(label, text, *rect_, curve_, {&other});
  EXPECT_FALSE(text_rect(other).intersects(text_rect(label)));
  EXPECT_EQ(hidden_by(text_rect(label), *rect_, curve_), 0);
}

TEST_F(LimitLabels, OfALongNameTheFirstLineHasToDo) {
  const QString text = QStringLiteral("SLO 5 s\n") + QString(70, u'w');
  QCPItemText& label = text_at(5.0, 0.5, text);
  ASSERT_GT(text_rect(label).width(), rect_->width() / 2.0);
  place_limit(label, text, *rect_, curve_, {});
  EXPECT_EQ(label.text(), QStringLiteral("SLO 5 s"));
  EXPECT_TRUE(is_inside(label));
}

}  // namespace
}  // namespace orrery::gui
