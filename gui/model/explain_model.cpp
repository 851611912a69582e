#include "gui/model/explain_model.hpp"

#include <algorithm>
#include <vector>

#include <QFont>
#include <fmt/format.h>

#include "gui/model/metric_text.hpp"
#include "gui/model/table_head.hpp"
#include "scenarios/format.hpp"

namespace orrery::gui {

namespace {

using scenarios::ExplainNode;

/// A node in the flat list: children of a node stand one after the other.
struct Item {
  const ExplainNode* node = nullptr;
  int parent = -1;  ///< −1: the root
  int row = 0;
  int first_child = 0;
};

/// Breadth first, so that siblings are neighbours.
std::vector<Item> flatten(const ExplainNode& root) {
  std::vector<Item> items = {{&root, -1, 0, 0}};
  for (std::size_t i = 0; i < items.size(); ++i) {
    items[i].first_child = static_cast<int>(items.size());
    const ExplainNode* node = items[i].node;
    for (std::size_t row = 0; row < node->parts.size(); ++row) {
      items.push_back({&node->parts[row], static_cast<int>(i), static_cast<int>(row), 0});
    }
  }
  return items;
}

bool same_titles(const ExplainNode& a, const ExplainNode& b) {
  return a.title == b.title && std::equal(a.parts.begin(), a.parts.end(), b.parts.begin(), b.parts.end(), same_titles);
}

/// "12.66 s" or, as a part of a sum, "12.66 s  ( 34.2 %)". Shares are padded with spaces as wide as a digit, so that
/// numbers align.
QString value_text(const ExplainNode& node, const ExplainNode* whole) {
  if (!node.has_value) return {};
  const QString text = to_qstring(scenarios::readable(node.value, node.unit));
  if (whole == nullptr || !whole->sums || !whole->has_value || whole->value == 0.0) return text;
  const QString share = QString::number(node.value / whole->value * 100.0, 'f', 1);
  return QStringLiteral("%1  (%2 %)").arg(text, share.rightJustified(5, QChar(0x2007)));
}

QString reason_text(const ExplainNode& node) {
  if (node.equation.empty()) return to_qstring(node.source);
  const QString equation = QStringLiteral("= ") + to_qstring(node.equation);
  return node.source.empty() ? equation : QStringLiteral("%1  [%2]").arg(equation, to_qstring(node.source));
}

QString tooltip(const ExplainNode& node) {
  QString text = to_qstring(node.title);
  if (node.has_value) {
    text += QStringLiteral("\n%1 (%2 %3)")
                .arg(to_qstring(scenarios::readable(node.value, node.unit)),
                     to_qstring(scenarios::shortest(node.value)), to_qstring(name(node.unit)));
  }
  if (!node.equation.empty()) text += QStringLiteral("\n= ") + to_qstring(node.equation);
  if (!node.level.empty()) text += QStringLiteral("\n") + to_qstring(node.level);
  if (!node.source.empty()) text += QStringLiteral("\nsource: ") + to_qstring(node.source);
  return plain_tip(wrapped(text));
}

}  // namespace

struct ExplainModel::State {
  ExplainNode root;
  std::vector<Item> items;  ///< empty before the first set_root()

  [[nodiscard]] const Item& item(const QModelIndex& index) const {
    return items[static_cast<std::size_t>(index.internalId())];
  }
};

ExplainModel::ExplainModel(QObject* parent) : QAbstractItemModel(parent), state_(std::make_unique<State>()) {}

ExplainModel::~ExplainModel() = default;

void ExplainModel::set_root(scenarios::ExplainNode root) {
  if (!state_->items.empty() && same_titles(state_->root, root)) {
    state_->root = std::move(root);
    state_->items = flatten(state_->root);
    for (std::size_t i = 0; i < state_->items.size(); ++i) {
      const Item& item = state_->items[i];
      emit dataChanged(createIndex(item.row, 0, static_cast<quintptr>(i)),
                       createIndex(item.row, kColumns - 1, static_cast<quintptr>(i)));
    }
    return;
  }
  beginResetModel();
  state_->root = std::move(root);
  state_->items = flatten(state_->root);
  endResetModel();
}

std::string ExplainModel::csv() const {
  if (state_->items.empty()) return {};
  std::string out = "depth,what,value,unit,known_as,equation,source\n";
  const auto add = [&out](const auto& self, const ExplainNode& node, int depth) -> void {
    out += fmt::format("{},{},{},{},{},{},{}\n", depth, scenarios::csv_field(node.title),
                       node.has_value ? scenarios::shortest(node.value) : "",
                       node.has_value ? scenarios::csv_field(name(node.unit)) : "", scenarios::csv_field(node.level),
                       scenarios::csv_field(node.equation), scenarios::csv_field(node.source));
    for (const ExplainNode& part : node.parts) self(self, part, depth + 1);
  };
  add(add, state_->root, 0);
  return out;
}

QModelIndex ExplainModel::index(int row, int column, const QModelIndex& parent) const {
  if (!hasIndex(row, column, parent)) return {};
  if (!parent.isValid()) return createIndex(row, column, quintptr{0});
  return createIndex(row, column, static_cast<quintptr>(state_->item(parent).first_child + row));
}

QModelIndex ExplainModel::parent(const QModelIndex& child) const {
  if (!child.isValid()) return {};
  const int parent = state_->item(child).parent;
  if (parent < 0) return {};
  return createIndex(state_->items[static_cast<std::size_t>(parent)].row, 0, static_cast<quintptr>(parent));
}

int ExplainModel::rowCount(const QModelIndex& parent) const {
  if (!parent.isValid()) return state_->items.empty() ? 0 : 1;
  return parent.column() == 0 ? static_cast<int>(state_->item(parent).node->parts.size()) : 0;
}

int ExplainModel::columnCount(const QModelIndex&) const { return kColumns; }

QVariant ExplainModel::data(const QModelIndex& index, int role) const {
  if (!checkIndex(index, CheckIndexOption::IndexIsValid)) return {};
  const Item& item = state_->item(index);
  const ExplainNode& node = *item.node;
  if (role == Qt::ToolTipRole) return tooltip(node);
  if (role == Qt::TextAlignmentRole && index.column() == kValue) return QVariant(Qt::AlignRight | Qt::AlignVCenter);
  if (role == Qt::FontRole && item.parent < 0 && index.column() <= kValue) {
    QFont font;
    font.setBold(true);
    return font;
  }
  if (role == kOperationsRole) {
    QStringList names;
    for (const std::string& name : node.operations) names << to_qstring(name);
    return names;
  }
  if (role != Qt::DisplayRole) return {};
  switch (index.column()) {
    case kTitle:
      return to_qstring(node.title);
    case kValue:
      return value_text(node, item.parent < 0 ? nullptr : state_->items[static_cast<std::size_t>(item.parent)].node);
    case kLevel:
      return to_qstring(node.level);
    default:
      return reason_text(node);
  }
}

QVariant ExplainModel::headerData(int section, Qt::Orientation orientation, int role) const {
  static constexpr TableHead kHeads[] = {{"What"}, {"Value", true}, {"Known as"}, {"Equation or source"}};
  return head_data(kHeads, section, orientation, role);
}

}  // namespace orrery::gui
