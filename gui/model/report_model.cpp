#include "gui/model/report_model.hpp"

#include <algorithm>
#include <iterator>
#include <set>

#include <QFont>
#include <QGuiApplication>
#include <fmt/format.h>

#include "gui/look/theme.hpp"
#include "gui/model/metric_text.hpp"
#include "gui/model/report_rows.hpp"
#include "gui/model/table_head.hpp"
#include "scenarios/format.hpp"

namespace orrery::gui {

namespace {

/// An index's id: 0 for a group, else 1 + the key of the row's group. Keys stay when groups come and go, so that
/// persistent indexes stay valid.
constexpr quintptr kGroupId = 0;
quintptr id_of(ReportGroup::Key key) { return static_cast<quintptr>(key) + 1; }

using Row = ReportRow;

bool is_message(const Row& row) { return row.kind != Row::Kind::metric && row.kind != Row::Kind::expectation; }

QVariant text_of(const Row& row, int column) {
  switch (column) {
    case ReportModel::kMetric:
      return row.label;
    case ReportModel::kValue:
      return row.value;
    case ReportModel::kChange:
      return row.change;
    case ReportModel::kPrevious:
      return row.previous;
    default:
      return {};
  }
}

QVariant color_of(const Row& row, int column) {
  const QPalette palette = QGuiApplication::palette();
  const QColor quiet = palette.color(QPalette::PlaceholderText);
  if (row.kind == Row::Kind::finding) return worse_color(palette);
  if (row.kind == Row::Kind::expected_finding) return quiet;
  if (column == ReportModel::kPrevious) return quiet;
  const bool verdict_here = column == ReportModel::kChange || row.kind == Row::Kind::expectation;
  if (verdict_here && row.verdict < 0) return worse_color(palette);
  if (column == ReportModel::kChange) return row.verdict > 0 ? better_color(palette) : quiet;
  return {};
}

/// What a screen reader says: signs and arrows in words.
QString spoken(const Row& row, int column) {
  const QString text = text_of(row, column).toString();
  if (column == ReportModel::kChange && !row.details.isEmpty()) return row.label + QStringLiteral(": ") + row.details;
  return column == ReportModel::kMetric ? text : row.label + QStringLiteral(": ") + text;
}

}  // namespace

struct ReportModel::State {
  std::vector<ReportGroup> groups;

  /// Row of the group whose rows have this id.
  [[nodiscard]] int place_of(quintptr id) const {
    const auto found =
        std::find_if(groups.begin(), groups.end(), [&](const ReportGroup& group) { return id_of(group.key) == id; });
    return static_cast<int>(found - groups.begin());
  }
};

ReportModel::ReportModel(QObject* parent) : QAbstractItemModel(parent), state_(std::make_unique<State>()) {}

ReportModel::~ReportModel() = default;

template <class Item>
void ReportModel::merge(const QModelIndex& parent, std::vector<Item>& items, std::vector<Item>& next) {
  const auto at = [](std::size_t i) { return static_cast<std::ptrdiff_t>(i); };
  using Key = decltype(Item::key);
  std::set<Key> wanted, kept;
  for (const Item& item : next) wanted.insert(item.key);
  for (std::size_t last = items.size(); last > 0;) {
    std::size_t first = last;
    while (first > 0 && wanted.count(items[first - 1].key) == 0) --first;
    if (first == last) {
      kept.insert(items[--last].key);
      continue;
    }
    beginRemoveRows(parent, static_cast<int>(first), static_cast<int>(last) - 1);
    items.erase(items.begin() + at(first), items.begin() + at(last));
    endRemoveRows();
    last = first;
  }
  for (std::size_t first = 0; first < next.size();) {
    std::size_t last = first;
    while (last < next.size() && kept.count(next[last].key) == 0) ++last;
    if (first == last) {
      ++first;
      continue;
    }
    beginInsertRows(parent, static_cast<int>(first), static_cast<int>(last) - 1);
    items.insert(items.begin() + at(first), std::make_move_iterator(next.begin() + at(first)),
                 std::make_move_iterator(next.begin() + at(last)));
    endInsertRows();
    for (std::size_t i = first; i < last; ++i) next[i] = items[i];
    first = last;
  }
}

void ReportModel::set_runs(const RunPtr& current, const RunPtr& previous) {
  std::vector<ReportGroup> next = report_groups(current, previous);
  merge({}, state_->groups, next);
  for (std::size_t g = 0; g < next.size(); ++g) {
    ReportGroup& group = state_->groups[g];
    const QModelIndex parent = index(static_cast<int>(g), 0);
    merge(parent, group.rows, next[g].rows);
    group = std::move(next[g]);
    emit dataChanged(index(0, 0, parent), index(static_cast<int>(group.rows.size()) - 1, kColumns - 1, parent));
  }
}

QModelIndex ReportModel::index_of(const QString& metric) const {
  const std::string name = metric.toStdString();
  for (const ReportGroup& group : state_->groups) {
    const std::vector<Row>& rows = group.rows;
    for (std::size_t r = 0; r < rows.size(); ++r) {
      if (rows[r].kind == Row::Kind::metric && rows[r].metric == name) {
        return createIndex(static_cast<int>(r), kValue, id_of(group.key));
      }
    }
  }
  return {};
}

std::string ReportModel::csv() const {
  std::string out = "metric,unit,value,previous,ratio\n";
  const auto number = [](const std::optional<double>& value) {
    return value ? scenarios::shortest(*value) : std::string();
  };
  for (const ReportGroup& group : state_->groups) {
    for (const Row& row : group.rows) {
      if (row.kind != Row::Kind::metric) continue;
      const std::optional<double> ratio = scenarios::MetricChange{row.metric, row.unit, row.before, row.number}.ratio();
      out += fmt::format("{},{},{},{},{}\n", scenarios::csv_field(row.metric), scenarios::csv_field(name(row.unit)),
                         number(row.number), number(row.before), number(ratio));
    }
  }
  return out == "metric,unit,value,previous,ratio\n" ? std::string() : out;
}

QModelIndex ReportModel::index(int row, int column, const QModelIndex& parent) const {
  if (!hasIndex(row, column, parent)) return {};
  if (!parent.isValid()) return createIndex(row, column, kGroupId);
  return createIndex(row, column, id_of(state_->groups[static_cast<std::size_t>(parent.row())].key));
}

QModelIndex ReportModel::parent(const QModelIndex& child) const {
  if (!child.isValid() || child.internalId() == kGroupId) return {};
  return createIndex(state_->place_of(child.internalId()), 0, kGroupId);
}

int ReportModel::rowCount(const QModelIndex& parent) const {
  if (!parent.isValid()) return static_cast<int>(state_->groups.size());
  if (parent.internalId() != kGroupId || parent.column() != 0) return 0;
  return static_cast<int>(state_->groups[static_cast<std::size_t>(parent.row())].rows.size());
}

int ReportModel::columnCount(const QModelIndex&) const { return kColumns; }

QVariant ReportModel::data(const QModelIndex& index, int role) const {
  if (!checkIndex(index, CheckIndexOption::IndexIsValid)) return {};
  if (index.internalId() == kGroupId) return group_data(index, role);
  const auto group = static_cast<std::size_t>(state_->place_of(index.internalId()));
  const Row& row = state_->groups[group].rows[static_cast<std::size_t>(index.row())];
  switch (role) {
    case Qt::DisplayRole:
      return text_of(row, index.column());
    case Qt::ToolTipRole:
      return plain_tip(wrapped(index.column() == kMetric || row.details.isEmpty() ? row.tooltip : row.details));
    case Qt::AccessibleTextRole:
      return spoken(row, index.column());
    case Qt::TextAlignmentRole:
      return index.column() == kMetric ? QVariant() : QVariant(Qt::AlignRight | Qt::AlignVCenter);
    case Qt::ForegroundRole:
      return color_of(row, index.column());
    case kMetricRole:
      return to_qstring(row.metric);
    case kVerdictRole:
      return row.verdict;
    case kMessageRole:
      return is_message(row);
    default:
      return {};
  }
}

QVariant ReportModel::group_data(const QModelIndex& index, int role) const {
  if (role == kMessageRole) return true;
  if (index.column() != kMetric) return {};
  switch (role) {
    case Qt::DisplayRole:
    case Qt::AccessibleTextRole:
      return state_->groups[static_cast<std::size_t>(index.row())].title;
    case Qt::FontRole: {
      QFont font;
      font.setBold(true);
      return font;
    }
    default:
      return {};
  }
}

QVariant ReportModel::headerData(int section, Qt::Orientation orientation, int role) const {
  static constexpr TableHead kHeads[] = {{"Metric"}, {"Value", true}, {"Change", true}, {"Previous", true}};
  return head_data(kHeads, section, orientation, role);
}

}  // namespace orrery::gui
