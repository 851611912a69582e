#include "gui/model/collective_model.hpp"

#include "gui/look/text.hpp"
#include "gui/model/table_head.hpp"
#include "scenarios/collective/cluster_query.hpp"
#include "scenarios/format.hpp"

namespace orrery::gui {

namespace {

using scenarios::CollectiveLine;
using scenarios::readable;
using scenarios::Unit;

QString bandwidth_text(double bytes_per_second) {
  return QStringLiteral("%1 GB/s").arg(bytes_per_second / 1e9, 0, 'f', 2);
}

QVariant key_of(const scenarios::CollectiveTable& table, const CollectiveLine& line, int column) {
  switch (column) {
    case CollectiveModel::kSize:
      return line.size.value();
    case CollectiveModel::kCount:
      return line.count;
    case CollectiveModel::kType:
      return to_qstring(table.query.type.name);
    case CollectiveModel::kAlgorithm:
      return to_qstring(line.estimate.algorithm);
    case CollectiveModel::kProtocol:
      return to_qstring(line.estimate.protocol);
    case CollectiveModel::kChannels:
      return line.estimate.channels;
    case CollectiveModel::kTime:
      return line.estimate.time.value();
    case CollectiveModel::kAlgBandwidth:
      return line.algbw;
    case CollectiveModel::kBusBandwidth:
      return line.busbw;
    default:
      return to_qstring(scenarios::known(line));
  }
}

QString text_of(const scenarios::CollectiveTable& table, const CollectiveLine& line, int column) {
  switch (column) {
    case CollectiveModel::kSize:
      return to_qstring(readable(line.size.value(), Unit::bytes));
    case CollectiveModel::kCount:
      return to_qstring(scenarios::grouped(static_cast<std::int64_t>(line.count)));
    case CollectiveModel::kTime:
      return to_qstring(readable(line.estimate.time.value(), Unit::seconds));
    case CollectiveModel::kAlgBandwidth:
      return bandwidth_text(line.algbw);
    case CollectiveModel::kBusBandwidth:
      return bandwidth_text(line.busbw);
    default:
      break;
  }
  const QString text = key_of(table, line, column).toString();
  return text.isEmpty() ? QStringLiteral("–") : text;  // a kernel of its own has no protocol
}

bool is_number(int column) {
  return column != CollectiveModel::kType && column != CollectiveModel::kAlgorithm &&
         column != CollectiveModel::kProtocol && column != CollectiveModel::kKnown;
}

}  // namespace

void CollectiveModel::set_table(CollectivePtr table) {
  beginResetModel();
  table_ = std::move(table);
  endResetModel();
}

int CollectiveModel::rowCount(const QModelIndex& parent) const {
  return parent.isValid() || !table_ ? 0 : static_cast<int>(table_->lines.size());
}

int CollectiveModel::columnCount(const QModelIndex& parent) const { return parent.isValid() ? 0 : kColumns; }

QVariant CollectiveModel::data(const QModelIndex& index, int role) const {
  if (!checkIndex(index, CheckIndexOption::IndexIsValid)) return {};
  const CollectiveLine& line = table_->lines[static_cast<std::size_t>(index.row())];
  switch (role) {
    case Qt::DisplayRole:
      return text_of(*table_, line, index.column());
    case kSortRole:
      return key_of(*table_, line, index.column());
    case Qt::TextAlignmentRole:
      return is_number(index.column()) ? QVariant(Qt::AlignRight | Qt::AlignVCenter) : QVariant();
    case Qt::ToolTipRole:
      return line.estimate.extrapolated.empty() ? QVariant() : plain_tip(to_qstring(line.estimate.extrapolated));
    case Qt::AccessibleTextRole:
      return headerData(index.column(), Qt::Horizontal, Qt::DisplayRole).toString() + QStringLiteral(": ") +
             text_of(*table_, line, index.column());
    default:
      return {};
  }
}

QVariant CollectiveModel::headerData(int section, Qt::Orientation orientation, int role) const {
  static constexpr TableHead kHeads[] = {
      {"Size", true, "Bytes, as nccl-tests counts them"},
      {"Count", true, "Elements; of one rank's part where ranks have parts"},
      {"Type", false, "As nccl-tests writes it"},
      {"Algorithm", false, "That NCCL takes"},
      {"Protocol", false, "That NCCL takes"},
      {"Channels", true, "Thread blocks of NCCL, each on an SM"},
      {"Time", true, "Of one call"},
      {"algbw", true, "Size over time"},
      {"busbw", true, "algbw times 2(n−1)/n (all_reduce), (n−1)/n or 1: comparable with what the wire carries"},
      {"Known", false, "Where the time comes from"},
  };
  return head_data(kHeads, section, orientation, role);
}

}  // namespace orrery::gui
