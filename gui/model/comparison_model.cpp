#include "gui/model/comparison_model.hpp"

#include <algorithm>

#include <QGuiApplication>
#include <QPalette>
#include <fmt/format.h>

#include "gui/look/theme.hpp"
#include "gui/model/metric_text.hpp"
#include "gui/model/table_head.hpp"
#include "scenarios/format.hpp"

namespace orrery::gui {

namespace {

using scenarios::MetricChange;
using scenarios::Unit;

QString read(const std::optional<double>& value, Unit unit) {
  return value ? to_qstring(scenarios::readable(*value, unit)) : QStringLiteral("–");
}

QString difference_text(const MetricChange& row) {
  const std::optional<double> difference = row.difference();
  if (!difference) return QStringLiteral("–");
  if (*difference == 0.0) return QStringLiteral("=");
  if (row.unit == Unit::flag) return {};  // A and B say it
  return signed_text(*difference, row.unit);
}

QString ratio_text(const MetricChange& row) {
  const std::optional<double> ratio = row.ratio();
  if (!ratio || row.unit == Unit::flag) return QStringLiteral("–");
  // Three decimals down to 0.01, else three digits.
  return *ratio >= 0.01 || *ratio <= 0.0 ? QString::number(*ratio, 'f', 3) : QString::number(*ratio, 'g', 3);
}

QString text_of(const MetricChange& row, int column) {
  switch (column) {
    case ComparisonModel::kMetric:
      return to_qstring(row.name);
    case ComparisonModel::kA:
      return read(row.a, row.unit);
    case ComparisonModel::kB:
      return read(row.b, row.unit);
    case ComparisonModel::kDifference:
      return difference_text(row);
    default:
      return ratio_text(row);
  }
}

/// A change that is more than rounding.
int verdict_of(const MetricChange& row, bool can_gain) { return describe_change(row, can_gain).verdict; }

QVariant color_of(const MetricChange& row, int column, bool can_gain) {
  if (column != ComparisonModel::kDifference && column != ComparisonModel::kRatio) return {};
  const QPalette palette = QGuiApplication::palette();
  const int verdict = verdict_of(row, can_gain);
  if (verdict > 0) return better_color(palette);
  if (verdict < 0) return worse_color(palette);
  const bool differs = row.difference().value_or(0.0) != 0.0;
  return differs ? QVariant() : QVariant(palette.color(QPalette::PlaceholderText));
}

}  // namespace

void ComparisonModel::set_runs(const RunPtr& a, const RunPtr& b) {
  can_gain_ = !b || b->fits();
  std::vector<MetricChange> rows;
  if (a && b) rows = scenarios::compare_reports(a->report, b->report);
  const bool same_rows = std::equal(rows.begin(), rows.end(), rows_.begin(), rows_.end(),
                                    [](const MetricChange& x, const MetricChange& y) { return x.name == y.name; });
  if (same_rows) {
    rows_ = std::move(rows);
    if (!rows_.empty()) emit dataChanged(index(0, 0), index(static_cast<int>(rows_.size()) - 1, kColumns - 1));
    return;
  }
  beginResetModel();
  rows_ = std::move(rows);
  endResetModel();
}

std::string ComparisonModel::csv() const {
  if (rows_.empty()) return {};
  const auto number = [](const std::optional<double>& value) {
    return value ? scenarios::shortest(*value) : std::string();
  };
  std::string out = "metric,unit,a,b,difference,ratio\n";
  for (const MetricChange& row : rows_) {
    out += fmt::format("{},{},{},{},{},{}\n", scenarios::csv_field(row.name), scenarios::csv_field(name(row.unit)),
                       number(row.a), number(row.b), number(row.difference()), number(row.ratio()));
  }
  return out;
}

int ComparisonModel::rowCount(const QModelIndex& parent) const {
  return parent.isValid() ? 0 : static_cast<int>(rows_.size());
}

int ComparisonModel::columnCount(const QModelIndex& parent) const { return parent.isValid() ? 0 : kColumns; }

QVariant ComparisonModel::data(const QModelIndex& index, int role) const {
  if (!checkIndex(index, CheckIndexOption::IndexIsValid)) return {};
  const MetricChange& row = rows_[static_cast<std::size_t>(index.row())];
  switch (role) {
    case Qt::DisplayRole:
      return text_of(row, index.column());
    case Qt::ToolTipRole:
      return index.column() == kMetric ? metric_tooltip(row.name) : describe_change(row, can_gain_).details;
    case Qt::AccessibleTextRole:
      return index.column() == kMetric
                 ? metric_label(row.name)
                 : metric_label(row.name) + QStringLiteral(": ") + describe_change(row, can_gain_).details;
    case Qt::TextAlignmentRole:
      return index.column() == kMetric ? QVariant() : QVariant(Qt::AlignRight | Qt::AlignVCenter);
    case Qt::ForegroundRole:
      return color_of(row, index.column(), can_gain_);
    case kVerdictRole:
      return verdict_of(row, can_gain_);
    default:
      return {};
  }
}

QVariant ComparisonModel::headerData(int section, Qt::Orientation orientation, int role) const {
  static constexpr TableHead kHeads[] = {{"Metric"}, {"A", true}, {"B", true}, {"B − A", true}, {"B / A", true}};
  return head_data(kHeads, section, orientation, role);
}

}  // namespace orrery::gui
