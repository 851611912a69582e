#include "gui/model/links_model.hpp"

#include <fmt/format.h>

#include "gui/look/text.hpp"
#include "gui/model/metric_text.hpp"
#include "gui/model/table_head.hpp"
#include "scenarios/format.hpp"

namespace orrery::gui {

namespace {

using scenarios::readable;
using scenarios::Unit;
using sim::HeldUpOperation;
using sim::LinkReport;

/// The id of a class's own index; an operation's is the row of its class.
constexpr quintptr kClass = ~quintptr{0};

Seconds delay_of(const LinkReport& link) {
  Seconds sum;
  for (const HeldUpOperation& held : link.held_up) sum += held.delay;
  return sum;
}

QString held_up_text(const LinkReport& link) {
  if (link.held_up.empty()) return QStringLiteral("–");
  const QString time = to_qstring(readable(delay_of(link).value(), Unit::seconds));
  return link.held_up.size() == 1 ? QStringLiteral("%1, one operation").arg(time)
                                  : QStringLiteral("%1, %2 operations").arg(time).arg(link.held_up.size());
}

QString text_of(const LinkReport& link, int column) {
  switch (column) {
    case LinksModel::kLink:
      return to_qstring(link.link_class);
    case LinksModel::kCount:
      return QString::number(link.count);
    case LinksModel::kCapacity:
      return QStringLiteral("%1 GB/s").arg(link.capacity.value() / 1e9, 0, 'f', 1);
    case LinksModel::kBytes:
      return to_qstring(readable(link.bytes.value(), Unit::bytes));
    case LinksModel::kMeanLoad:
      return to_qstring(readable(link.mean_load, Unit::ratio));
    case LinksModel::kPeakLoad:
      return to_qstring(readable(link.peak_load, Unit::ratio));
    default:
      return held_up_text(link);
  }
}

QVariant key_of(const LinkReport& link, int column) {
  switch (column) {
    case LinksModel::kLink:
      return to_qstring(link.link_class);
    case LinksModel::kCount:
      return link.count;
    case LinksModel::kCapacity:
      return link.capacity.value();
    case LinksModel::kBytes:
      return link.bytes.value();
    case LinksModel::kMeanLoad:
      return link.mean_load;
    case LinksModel::kPeakLoad:
      return link.peak_load;
    default:
      return delay_of(link).value();
  }
}

QVariant operation_data(const HeldUpOperation& held, int column, int role) {
  if (role == Qt::TextAlignmentRole && column != LinksModel::kLink) return QVariant(Qt::AlignRight | Qt::AlignVCenter);
  const bool shown = role == Qt::DisplayRole;
  if (!shown && role != LinksModel::kSortRole && role != Qt::ToolTipRole) return {};
  if (column == LinksModel::kLink) return to_qstring(held.operation);
  if (column == LinksModel::kHeldUp) {
    return role == LinksModel::kSortRole ? QVariant(held.delay.value())
                                         : QVariant(to_qstring(readable(held.delay.value(), Unit::seconds)));
  }
  return shown ? QVariant(QString()) : QVariant();
}

}  // namespace

void LinksModel::set_run(const RunPtr& run) {
  beginResetModel();
  links_ = run ? run->report.links : std::vector<LinkReport>();
  endResetModel();
}

std::string LinksModel::csv() const {
  if (links_.empty()) return {};
  std::string out = "class,count,capacity_bytes_per_s,bytes,mean_load,peak_load,operation,delay_s\n";
  for (const LinkReport& link : links_) {
    const std::string head =
        fmt::format("{},{},{},{},{},{}", scenarios::csv_field(link.link_class), link.count,
                    scenarios::shortest(link.capacity.value()), scenarios::shortest(link.bytes.value()),
                    scenarios::shortest(link.mean_load), scenarios::shortest(link.peak_load));
    if (link.held_up.empty()) out += head + ",,\n";
    for (const HeldUpOperation& held : link.held_up) {
      out += fmt::format("{},{},{}\n", head, scenarios::csv_field(held.operation),
                         scenarios::shortest(held.delay.value()));
    }
  }
  return out;
}

const LinkReport& LinksModel::link_of(const QModelIndex& index) const {
  return links_[index.internalId() == kClass ? static_cast<std::size_t>(index.row()) : index.internalId()];
}

QModelIndex LinksModel::index(int row, int column, const QModelIndex& parent) const {
  if (!hasIndex(row, column, parent)) return {};
  return createIndex(row, column, parent.isValid() ? static_cast<quintptr>(parent.row()) : kClass);
}

QModelIndex LinksModel::parent(const QModelIndex& index) const {
  if (!index.isValid() || index.internalId() == kClass) return {};
  return createIndex(static_cast<int>(index.internalId()), 0, kClass);
}

int LinksModel::rowCount(const QModelIndex& parent) const {
  if (!parent.isValid()) return static_cast<int>(links_.size());
  if (parent.internalId() != kClass || parent.column() != 0) return 0;
  return static_cast<int>(links_[static_cast<std::size_t>(parent.row())].held_up.size());
}

int LinksModel::columnCount(const QModelIndex&) const { return kColumns; }

QVariant LinksModel::data(const QModelIndex& index, int role) const {
  if (!checkIndex(index, CheckIndexOption::IndexIsValid)) return {};
  if (index.internalId() != kClass) {
    const LinkReport& link = links_[index.internalId()];
    return operation_data(link.held_up[static_cast<std::size_t>(index.row())], index.column(), role);
  }
  const LinkReport& link = links_[static_cast<std::size_t>(index.row())];
  switch (role) {
    case Qt::DisplayRole:
      return text_of(link, index.column());
    case kSortRole:
      return key_of(link, index.column());
    case Qt::TextAlignmentRole:
      return index.column() == kLink ? QVariant() : QVariant(Qt::AlignRight | Qt::AlignVCenter);
    case Qt::AccessibleTextRole:
      return headerData(index.column(), Qt::Horizontal, Qt::DisplayRole).toString() + QStringLiteral(": ") +
             text_of(link, index.column());
    default:
      return {};
  }
}

QVariant LinksModel::headerData(int section, Qt::Orientation orientation, int role) const {
  static constexpr TableHead kHeads[] = {
      {"Link", false, "Class of links; below it the operations that it held up. Selected, it shows its load over time"},
      {"Count", true, "Links that carried something"},
      {"Capacity", true, "Of each link"},
      {"Carried", true, "By all of them"},
      {"Mean load", true, "Of what they could have carried, mean over the links and the time"},
      {"Peak load", true, "Of the fullest link"},
      {"Held up", true, "How much longer than alone operations took because of it"},
  };
  return head_data(kHeads, section, orientation, role);
}

}  // namespace orrery::gui
