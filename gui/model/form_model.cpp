#include "gui/model/form_model.hpp"

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <optional>

#include <QApplication>
#include <QFont>
#include <fmt/format.h>

#include "gui/look/text.hpp"
#include "gui/look/theme.hpp"
#include "gui/model/field_help.hpp"
#include "gui/model/form_fields.hpp"
#include "gui/model/form_values.hpp"
#include "scenarios/overrides.hpp"

namespace orrery::gui {

namespace {

using scenarios::Field;
using scenarios::FieldKind;
using scenarios::KindRow;

/// A longer text is no scenario that someone fills in; to parse one at each key stroke would be felt.
constexpr std::size_t kLongestText = 256 * 1024;

struct Node {
  std::string key;  ///< dotted
  QString title;    ///< its last part
  const Field* field = nullptr;
  Node* parent = nullptr;
  int row = 0;
  std::vector<std::unique_ptr<Node>> children;
  std::optional<GivenValue> given;
  QString problem;
};

Node* add_node(Node& parent, std::string key) {
  auto node = std::make_unique<Node>();
  node->title = to_qstring(std::string_view(key).substr(key.rfind('.') + 1));
  node->key = std::move(key);
  node->parent = &parent;
  node->row = static_cast<int>(parent.children.size());
  parent.children.push_back(std::move(node));
  return parent.children.back().get();
}

Node* node_of(const QModelIndex& index) { return static_cast<Node*>(index.internalPointer()); }

}  // namespace

struct FormModel::State {
  FormShape shape{scenarios::kinds().front(), {}, 0};
  KindFields fields;        ///< read at the start: it reads every profile; only looked up
  std::deque<Field> shown;  ///< of that shape; rows point to them
  Node root;
  std::vector<Node*> all;
  std::map<std::string, Node*, std::less<>> sections;
  std::map<std::string, Node*, std::less<>> nodes;  ///< a section may be called as a field is: then the field
  std::string text, file;
  hardware::NodePtr tree;  ///< of the last text that parsed; null before
  bool parses = false;     ///< `tree` is that of `text`
  RunPtr run;
  std::map<const Field*, QString> effective;  ///< in `run`, filled as rows are shown

  void build() {
    root.children.clear();
    all.clear();
    sections.clear();
    nodes.clear();
    effective.clear();
    shown = form_fields(fields, shape);
    for (const Field& field : shown) {
      Node* node = add_node(section(field.section), field.key);
      node->field = &field;
      nodes.emplace(field.key, node);
      all.push_back(node);
    }
    for (std::size_t i = 0; i < shape.jobs.size(); ++i) {
      const std::string& name = shape.jobs[i].name;
      if (!name.empty()) sections.at(fmt::format("jobs.{}", i))->title = to_qstring(name);
    }
    for (std::size_t i = 0; i < shape.events; ++i) {
      sections.at(fmt::format("events.{}", i))->title = tr("event %1").arg(i + 1);
    }
    nodes.insert(sections.begin(), sections.end());
  }

  Node& section(const std::string& key) {
    if (key.empty()) return root;
    if (const auto found = sections.find(key); found != sections.end()) return *found->second;
    const std::size_t dot = key.rfind('.');
    Node* node = add_node(section(dot == std::string::npos ? std::string() : key.substr(0, dot)), key);
    sections.emplace(key, node);
    all.push_back(node);
    return *node;
  }

  /// What stands in the text for a row; sections show nothing of their own but a value in their place.
  std::optional<GivenValue> value_of(const Node& node) const {
    if (tree == nullptr || nodes.find(node.key)->second != &node) return std::nullopt;
    auto value = given_value(*tree, text, scenarios::key_as_written(*tree, node.key));
    const bool is_shown = node.field != nullptr || (value.has_value() && value->is_scalar && !value->text.empty());
    return is_shown ? value : std::nullopt;
  }

  /// The row of what stands in the text under a key: in short, or under another of its names, it is not the key's own.
  const Node* row_at(const std::string& key) const {
    for (const Node* node : all) {
      if (node->field != nullptr && node->given.has_value() && node->given->key == key) return node;
    }
    const auto found = nodes.find(key);
    return found == nodes.end() ? nullptr : found->second;
  }

  QString effective_text(const Field& field) {
    const auto known = effective.find(&field);
    if (known != effective.end()) return known->second;
    QString value;
    if (run != nullptr && is_form_of(run->report.scenario, shape)) value = effective_in(run->report, field.key);
    if (value.isEmpty()) value = to_qstring(field.fallback);
    effective.emplace(&field, value);
    return value;
  }

  QString value_text(const Node& node) {
    if (node.given.has_value()) return to_qstring(node.given->text);
    return node.field != nullptr ? effective_text(*node.field) : QString();
  }

  QString shown_text(const Node& node) {
    const QString value = value_text(node);
    if (!value.isEmpty() || node.field == nullptr || node.given.has_value()) return value;
    if (!node.field->automatic.empty()) return to_qstring(node.field->automatic);
    return node.field->required ? QCoreApplication::translate("form", "required") : QString();
  }

  QString tool_tip(const Node& node) {
    QString html;
    if (!node.problem.isEmpty()) html += QStringLiteral("<p><b>%1</b></p>").arg(node.problem.toHtmlEscaped());
    html += QStringLiteral("<p><code>%1</code></p>").arg(to_qstring(node.key).toHtmlEscaped());
    if (node.field != nullptr) html += field_help(*node.field);
    return html;
  }
};

FormModel::FormModel(QObject* parent) : QAbstractItemModel(parent), state_(std::make_unique<State>()) {
  for (const KindRow* kind : scenarios::kinds()) state_->fields.emplace(kind, scenarios::scenario_fields(*kind));
  state_->build();
}

FormModel::~FormModel() = default;

void FormModel::set_text(const std::string& text, const std::string& file) {
  State& s = *state_;
  const bool other_file = s.file != file;
  s.file = file;
  s.parses = false;
  hardware::NodePtr tree;
  try {
    if (text.size() <= kLongestText) tree = hardware::parse_config(text, file);
  } catch (const hardware::ConfigError&) {  // the values stay: the message is shown at its place in the text
  }
  if (tree == nullptr || tree->kind != hardware::NodeKind::mapping) {
    if (other_file) clear();
    return;
  }
  s.text = text;
  s.tree = std::move(tree);
  s.parses = true;
  const KindRow* found = scenario_kind(*s.tree);
  FormShape shape{found != nullptr ? found : s.shape.kind, form_jobs(*s.tree), form_events(*s.tree)};
  const bool rebuilds = !(shape == s.shape);
  if (rebuilds) {
    beginResetModel();
    s.shape = std::move(shape);
    s.build();
  }
  for (Node* node : s.all) {
    std::optional<GivenValue> value = s.value_of(*node);
    const bool changes = value != node->given;
    node->given = std::move(value);  // the place in the text may have moved all the same
    if (changes && !rebuilds) {
      emit dataChanged(createIndex(node->row, kKey, node), createIndex(node->row, kValue, node));
    }
  }
  if (rebuilds) endResetModel();
}

/// Another file's values must not seem to be those of one that can't be read.
void FormModel::clear() {
  State& s = *state_;
  s.text.clear();
  s.tree.reset();
  for (Node* node : s.all) {
    if (!node->given.has_value()) continue;
    node->given.reset();
    emit dataChanged(createIndex(node->row, kKey, node), createIndex(node->row, kValue, node));
  }
  set_run(nullptr);
}

void FormModel::set_run(const RunPtr& run) {
  State& s = *state_;
  s.run = run;
  s.effective.clear();
  for (Node* node : s.all) {
    if (node->field == nullptr || node->given.has_value()) continue;
    const QModelIndex value = createIndex(node->row, kValue, node);
    emit dataChanged(value, value, {Qt::DisplayRole, Qt::EditRole, Qt::CheckStateRole, Qt::AccessibleTextRole});
  }
}

void FormModel::set_problems(const std::vector<hardware::Diagnostic>& problems) {
  State& s = *state_;
  std::map<const Node*, QString> messages;
  for (const hardware::Diagnostic& problem : problems) {
    if (!s.parses || problem.span.line <= 0 || problem.file != s.file) continue;
    const std::vector<std::string> keys = keys_at(*s.tree, problem.span);
    for (auto key = keys.rbegin(); key != keys.rend(); ++key) {
      const Node* found = s.row_at(*key);
      if (found == nullptr) continue;
      QString& message = messages[found];
      message += (message.isEmpty() ? QString() : QStringLiteral("\n")) + to_qstring(problem.message);
      break;
    }
  }
  for (Node* node : s.all) {
    const auto found = messages.find(node);
    const QString message = found == messages.end() ? QString() : found->second;
    if (message == node->problem) continue;
    node->problem = message;
    emit dataChanged(createIndex(node->row, kKey, node), createIndex(node->row, kValue, node));
  }
}

QModelIndex FormModel::index_of(const QString& key) const {
  const auto found = state_->nodes.find(key.toStdString());
  return found == state_->nodes.end() ? QModelIndex() : createIndex(found->second->row, kValue, found->second);
}

QString FormModel::text_key(const QModelIndex& index) const {
  if (!index.isValid()) return {};
  const Node& node = *node_of(index);
  return to_qstring(node.given.has_value() ? node.given->key : node.key);
}

QModelIndex FormModel::index(int row, int column, const QModelIndex& parent) const {
  if (!hasIndex(row, column, parent)) return {};
  const Node& node = parent.isValid() ? *node_of(parent) : state_->root;
  return createIndex(row, column, node.children[static_cast<std::size_t>(row)].get());
}

QModelIndex FormModel::parent(const QModelIndex& child) const {
  if (!child.isValid()) return {};
  Node* node = node_of(child)->parent;
  return node == &state_->root ? QModelIndex() : createIndex(node->row, kKey, node);
}

int FormModel::rowCount(const QModelIndex& parent) const {
  if (parent.column() > 0) return 0;
  const Node& node = parent.isValid() ? *node_of(parent) : state_->root;
  return static_cast<int>(node.children.size());
}

int FormModel::columnCount(const QModelIndex&) const { return kColumns; }

QVariant FormModel::data(const QModelIndex& index, int role) const {
  if (!index.isValid()) return {};
  const Node& node = *node_of(index);
  const bool is_value = index.column() == kValue;
  switch (role) {
    case Qt::DisplayRole:
      return is_value ? state_->shown_text(node) : node.title;
    case Qt::EditRole:
      return is_value ? state_->value_text(node) : node.title;
    case Qt::CheckStateRole:
      if (!is_value || node.field == nullptr || node.field->kind != FieldKind::boolean) return {};
      return state_->value_text(node) == QLatin1String("true") ? Qt::Checked : Qt::Unchecked;
    case Qt::ToolTipRole:
    case Qt::WhatsThisRole:
      return state_->tool_tip(node);
    case Qt::StatusTipRole:
      return node.field != nullptr ? to_qstring(node.field->help) : QString();
    case Qt::AccessibleTextRole: {
      if (!is_value) return node.title;
      const QString text = state_->shown_text(node);
      return node.given.has_value() ? text : tr("%1 (not in the file)").arg(text);
    }
    case Qt::FontRole: {
      QFont font = QApplication::font("QAbstractItemView");
      font.setBold(node.field == nullptr ? !is_value : node.given.has_value());
      font.setItalic(is_value && !node.given.has_value());
      return font;
    }
    case Qt::ForegroundRole:
      if (!node.problem.isEmpty()) return worse_color(QApplication::palette());
      if (is_value && !node.given.has_value()) return QApplication::palette().color(QPalette::PlaceholderText);
      return {};
    case kKeyRole:
      return to_qstring(node.key);
    case kFieldRole:
      return QVariant::fromValue(static_cast<void*>(const_cast<Field*>(node.field)));
    case kGivenRole:
      return node.given.has_value();
    case kProblemRole:
      return node.problem;
    default:
      return {};
  }
}

QVariant FormModel::headerData(int section, Qt::Orientation orientation, int role) const {
  if (orientation != Qt::Horizontal || role != Qt::DisplayRole) return {};
  return section == kKey ? tr("Key") : tr("Value");
}

Qt::ItemFlags FormModel::flags(const QModelIndex& index) const {
  if (!index.isValid()) return Qt::NoItemFlags;
  Qt::ItemFlags flags = Qt::ItemIsEnabled | Qt::ItemIsSelectable;
  const Field* field = node_of(index)->field;
  if (index.column() != kValue || field == nullptr) return flags;
  flags |= Qt::ItemIsEditable;
  if (field->kind == FieldKind::boolean) flags |= Qt::ItemIsUserCheckable;
  return flags;
}

bool FormModel::setData(const QModelIndex& index, const QVariant& value, int role) {
  if (!index.isValid() || index.column() != kValue || node_of(index)->field == nullptr) return false;
  const Node& node = *node_of(index);
  QString raw = value.toString();
  if (role == Qt::CheckStateRole) {
    raw = value.toInt() == Qt::Checked ? QStringLiteral("true") : QStringLiteral("false");
  } else if (role != Qt::EditRole) {
    return false;
  }
  const GivenValue* given = node.given.has_value() ? &*node.given : nullptr;
  if (given != nullptr && to_qstring(given->text) == raw.trimmed()) return true;
  const std::optional<GivenValue> short_section = given == nullptr ? node.parent->given : std::nullopt;
  const WrittenEdit edit = written_edit(*node.field, raw.toStdString(), given, short_section);
  if (edit.value.empty()) return false;
  emit edit_requested(to_qstring(edit.key), to_qstring(edit.value));
  return true;
}

}  // namespace orrery::gui
