#include "gui/model/library_model.hpp"

#include <vector>

#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QFont>

#include "gui/model/metric_text.hpp"
#include "hardware/config/config.hpp"

namespace orrery::gui {

namespace {

struct Item {
  enum class Kind : std::uint8_t { folder, file, variant };

  Kind kind = Kind::folder;
  QString title, path, variant;
  Item* parent = nullptr;
  int row = 0;
  std::vector<std::unique_ptr<Item>> children;

  Item* add(std::unique_ptr<Item> child) {
    child->parent = this;
    child->row = static_cast<int>(children.size());
    children.push_back(std::move(child));
    return children.back().get();
  }
};

std::unique_ptr<Item> make_item(Item::Kind kind, const QString& title, const QString& path = {},
                                const QString& variant = {}) {
  auto item = std::make_unique<Item>();
  item->kind = kind;
  item->title = title;
  item->path = path;
  item->variant = variant;
  return item;
}

/// The title of a file that does not parse: what follows "scenario:" at the start of a line.
QString scanned_title(const QString& path) {
  constexpr qint64 kMost = 64 * 1024;
  QFile file(path);
  if (!file.open(QIODevice::ReadOnly)) return {};
  const QByteArray key = "scenario:";
  for (const QByteArray& line : file.read(kMost).split('\n')) {
    if (!line.startsWith(key)) continue;
    QString title = QString::fromUtf8(line.mid(key.size())).trimmed();
    const bool quoted = title.size() > 1 && title.startsWith(QLatin1Char('"')) && title.endsWith(QLatin1Char('"'));
    return quoted ? title.mid(1, title.size() - 2) : title;
  }
  return {};
}

/// The file with its variants. Reads the YAML but not its meaning, so that a scenario with errors is listed as well.
std::unique_ptr<Item> read_file(const QString& path) {
  const QString fallback = QFileInfo(path).completeBaseName();
  auto item = make_item(Item::Kind::file, fallback, path);
  try {
    const hardware::NodePtr root = hardware::load_config(path.toStdString());
    const hardware::ConfigNode* title = root->find("scenario");
    if (title != nullptr && !title->scalar.empty()) item->title = to_qstring(title->scalar);
    const hardware::ConfigNode* variants = root->find("variants");
    if (variants == nullptr) return item;
    for (const hardware::NodePtr& variant : variants->items) {
      const hardware::ConfigNode* name = variant->find("name");
      if (name == nullptr || name->scalar.empty()) continue;
      const QString text = to_qstring(name->scalar);
      item->add(make_item(Item::Kind::variant, text, path, text));
    }
  } catch (const hardware::ConfigError&) {
    item->children.clear();
    if (const QString title = scanned_title(path); !title.isEmpty()) item->title = title;
  }
  return item;
}

/// Folders first, then files, each by name. A folder without scenarios is left out. Links to folders aren't followed.
void list_folder(const QDir& folder, Item& parent) {
  for (const QFileInfo& entry :
       folder.entryInfoList(QDir::Dirs | QDir::NoDotAndDotDot | QDir::NoSymLinks, QDir::Name)) {
    auto item = make_item(Item::Kind::folder, entry.fileName());
    list_folder(QDir(entry.absoluteFilePath()), *item);
    if (!item->children.empty()) parent.add(std::move(item));
  }
  for (const QFileInfo& entry : folder.entryInfoList({QStringLiteral("*.yaml")}, QDir::Files, QDir::Name)) {
    parent.add(read_file(entry.absoluteFilePath()));
  }
}

QString tooltip(const Item& item) {
  switch (item.kind) {
    case Item::Kind::folder:
      return {};
    case Item::Kind::file:
      return item.title + QLatin1Char('\n') + QDir::toNativeSeparators(item.path);
    case Item::Kind::variant:
      return QStringLiteral("Variant “%1” of\n%2").arg(item.variant, QDir::toNativeSeparators(item.path));
  }
  return {};
}

}  // namespace

struct LibraryModel::State {
  Item root;
  QString current;

  [[nodiscard]] const Item& item(const QModelIndex& index) const {
    return index.isValid() ? *static_cast<const Item*>(index.constInternalPointer()) : root;
  }
};

LibraryModel::LibraryModel(const QString& root, QObject* parent)
    : QAbstractItemModel(parent), state_(std::make_unique<State>()) {
  if (!root.isEmpty() && QFileInfo(root).isDir()) list_folder(QDir(root), state_->root);
}

LibraryModel::~LibraryModel() = default;

void LibraryModel::set_current(const QString& path) {
  const QString absolute = path.isEmpty() ? QString() : QFileInfo(path).absoluteFilePath();
  if (absolute == state_->current) return;
  const QModelIndex before = index_of(state_->current);
  state_->current = absolute;
  for (const QModelIndex& index : {before, index_of(absolute)}) {
    if (index.isValid()) emit dataChanged(index, index, {Qt::FontRole});
  }
}

QModelIndex LibraryModel::index_of(const QString& path) const {
  if (path.isEmpty()) return {};
  const QString absolute = QFileInfo(path).absoluteFilePath();
  std::vector<const Item*> waiting = {&state_->root};
  while (!waiting.empty()) {
    const Item* item = waiting.back();
    waiting.pop_back();
    for (const std::unique_ptr<Item>& child : item->children) {
      if (child->kind == Item::Kind::file && child->path == absolute) return createIndex(child->row, 0, child.get());
      if (child->kind == Item::Kind::folder) waiting.push_back(child.get());
    }
  }
  return {};
}

QModelIndex LibraryModel::index(int row, int column, const QModelIndex& parent) const {
  if (!hasIndex(row, column, parent)) return {};
  return createIndex(row, column, state_->item(parent).children[static_cast<std::size_t>(row)].get());
}

QModelIndex LibraryModel::parent(const QModelIndex& child) const {
  const Item* parent = child.isValid() ? state_->item(child).parent : nullptr;
  if (parent == nullptr || parent == &state_->root) return {};
  return createIndex(parent->row, 0, parent);
}

int LibraryModel::rowCount(const QModelIndex& parent) const {
  return parent.column() > 0 ? 0 : static_cast<int>(state_->item(parent).children.size());
}

int LibraryModel::columnCount(const QModelIndex&) const { return 1; }

QVariant LibraryModel::data(const QModelIndex& index, int role) const {
  if (!checkIndex(index, CheckIndexOption::IndexIsValid)) return {};
  const Item& item = state_->item(index);
  switch (role) {
    case Qt::DisplayRole:
      return item.title;
    case Qt::ToolTipRole:
      return plain_tip(tooltip(item));
    case Qt::FontRole: {
      QFont font;
      font.setBold(item.kind == Item::Kind::file && item.path == state_->current);
      font.setItalic(item.kind == Item::Kind::variant);
      return font;
    }
    case kPathRole:
      return item.path;
    case kVariantRole:
      return item.variant;
    default:
      return {};
  }
}

}  // namespace orrery::gui
