#include "gui/model/document.hpp"

#include <filesystem>

#include <QElapsedTimer>
#include <QFileInfo>
#include <QTimer>
#include <fmt/format.h>

#include "gui/look/text.hpp"
#include "gui/model/form_values.hpp"
#include "hardware/config/config.hpp"
#include "scenarios/output.hpp"
#include "scenarios/overrides.hpp"

namespace orrery::gui {

using hardware::ConfigError;

namespace {

constexpr char kBom[] = "\xEF\xBB\xBF";
/// Changes of one value that follow each other faster are one step of undo: a spin box that is held down.
constexpr qint64 kMergeMs = 700;

/// As QString::fromUtf8, but a byte order mark stays.
QString decode(const QByteArray& bytes) {
  QString text = QString::fromUtf8(bytes);
  if (bytes.startsWith(kBom) && !text.startsWith(QChar::ByteOrderMark)) text.prepend(QChar::ByteOrderMark);
  return text;
}

QByteArray read_bytes(const QString& path) {
  // Only plain files: a device or a pipe would keep the window waiting.
  const QFileInfo info(path);
  const std::string name = path.toStdString();
  if (!info.exists()) throw ConfigError(fmt::format("{}: no such file", name));
  if (info.isDir()) throw ConfigError(fmt::format("{}: a folder, not a scenario file", name));
  if (!info.isFile()) throw ConfigError(fmt::format("{}: not a plain file", name));
  return QByteArray::fromStdString(hardware::read_text_file(name));
}

QString read_scenario_text(const QString& path) {
  const QByteArray bytes = read_bytes(path);
  const std::string name = path.toStdString();
  if (bytes.trimmed().isEmpty()) throw ConfigError(fmt::format("{}: the file is empty", name));
  const QString text = decode(bytes);
  if (bytes.contains('\0') || text.toUtf8() != bytes) {
    throw ConfigError(fmt::format("{}: not a text file (it must be UTF-8)", name));
  }
  return text;
}

/// Whole or not at all; a link keeps leading to its file, and the file keeps its permissions.
void write_bytes(const QString& path, const QByteArray& bytes) {
  const QFileInfo info(path);
  const bool replaces = info.exists();
  const QString target = replaces ? info.canonicalFilePath() : info.isSymLink() ? info.symLinkTarget() : path;
  const QFile::Permissions permissions = QFile::permissions(target);
  scenarios::check_writable(target.toStdString());
  scenarios::write_output(target.toStdString(), view_of(bytes));
  if (replaces) QFile::setPermissions(target, permissions);
}

/// The value as it stands in the text; empty if the key is absent or the text doesn't parse.
QString written_value(const QString& text, const QString& key) {
  const std::string bytes = text.toStdString();
  try {
    const hardware::NodePtr root = hardware::parse_config(bytes, "");
    const std::optional<GivenValue> given = given_value(*root, bytes, key.toStdString());
    if (!given) return {};
    return QString::fromStdString(bytes.substr(given->span.begin, given->span.end - given->span.begin)).simplified();
  } catch (const ConfigError&) {
    return {};
  }
}

}  // namespace

/// One step of undo.
class EditCommand : public QUndoCommand {
 public:
  /// `group`: edits of the same group merge ("" for typing, else a key).
  EditCommand(Document& document, TextChange change, const QString& what, QString group)
      : document_(document), change_(std::move(change)), what_(what), group_(std::move(group)) {
    setText(what);
    clock_.start();
  }

  void redo() override {
    document_.last_change_ = what_;
    replace(change_.removed, change_.inserted);
  }
  void undo() override {
    document_.last_change_ = QObject::tr("undo: ") + what_;
    replace(change_.inserted, change_.removed);
  }
  int id() const override { return 1; }

  bool mergeWith(const QUndoCommand* other) override {
    const auto* next = static_cast<const EditCommand*>(other);
    if (next->group_ != group_ || !(group_.isEmpty() ? continues_word(*next) : clock_.elapsed() < kMergeMs)) {
      return false;
    }
    // The document already has both; what was before follows by taking them back.
    QString middle = document_.text();
    middle.replace(next->change_.position, next->change_.inserted.size(), next->change_.removed);
    QString before = middle;
    before.replace(change_.position, change_.inserted.size(), change_.removed);
    change_ = difference(before, document_.text());
    setObsolete(change_.removed.isEmpty() && change_.inserted.isEmpty());
    if (!group_.isEmpty()) {
      what_ = merged(what_, next->what_);
      document_.last_change_ = what_;
      setText(what_);
    }
    clock_.restart();
    return true;
  }

 private:
  void replace(const QString& from, const QString& to) {
    QString text = document_.text();
    text.replace(change_.position, from.size(), to);
    document_.apply(text);
  }

  /// "key: a → b" and "key: b → c" are "key: a → c"; "key: b" of a key that was not there, "key: c".
  [[nodiscard]] static QString merged(const QString& first, const QString& last) {
    const QString arrow = QStringLiteral(" → ");
    const qsizetype from = first.indexOf(arrow), to = last.indexOf(arrow);
    if (to < 0) return last;
    const QString start =
        from < 0 ? last.left(last.indexOf(QLatin1Char(':'))) + QStringLiteral(": ") : first.left(from) + arrow;
    return start + last.mid(to + arrow.size());
  }

  /// Typing on where the last change ended, without a word or line between.
  [[nodiscard]] bool continues_word(const EditCommand& next) const {
    const auto within_word = [](const QString& text) { return text.size() == 1 && !text.front().isSpace(); };
    const bool typed = next.change_.removed.isEmpty() && within_word(next.change_.inserted) &&
                       next.change_.position == change_.position + change_.inserted.size();
    const bool deleted = next.change_.inserted.isEmpty() && within_word(next.change_.removed) &&
                         next.change_.position + 1 == change_.position + change_.inserted.size();
    return typed || deleted;
  }

  Document& document_;
  TextChange change_;
  QString what_, group_;
  QElapsedTimer clock_;
};

TextChange difference(const QString& before, const QString& after) {
  const qsizetype shortest = std::min(before.size(), after.size());
  qsizetype head = 0;
  while (head < shortest && before[head] == after[head]) ++head;
  qsizetype tail = 0;
  while (tail < shortest - head && before[before.size() - 1 - tail] == after[after.size() - 1 - tail]) ++tail;
  // Never between the halves of a surrogate pair.
  if (head > 0 && before[head - 1].isHighSurrogate()) --head;
  if (tail > 0 && before[before.size() - tail].isLowSurrogate()) --tail;
  return {head, before.mid(head, before.size() - head - tail), after.mid(head, after.size() - head - tail)};
}

Document::Document(QObject* parent) : QObject(parent) {
  connect(&undo_, &QUndoStack::cleanChanged, this, [this](bool clean) { emit modified_changed(!clean); });
  // Programs that save by renaming change a file twice in a row: look when they are through.
  const auto look_soon = [this] { QTimer::singleShot(100, this, &Document::check_file); };
  connect(&watcher_, &QFileSystemWatcher::fileChanged, this, look_soon);
  connect(&watcher_, &QFileSystemWatcher::directoryChanged, this, look_soon);
}

QString Document::name() const { return path_.isEmpty() ? tr("untitled") : QFileInfo(path_).fileName(); }

void Document::load(const QString& path) {
  const QString text = read_scenario_text(path);
  path_ = QFileInfo(path).absoluteFilePath();
  on_disk_ = text.toUtf8();
  undo_.clear();
  last_change_ = tr("opened %1").arg(name());
  watch();
  emit path_changed();
  apply(text);
}

void Document::reset(const QString& text) {
  path_.clear();
  on_disk_.clear();
  undo_.clear();
  last_change_ = tr("new");
  watch();
  emit path_changed();
  apply(text);
}

void Document::save() {
  if (path_.isEmpty()) throw ConfigError("the scenario has no file yet: save it under a name");
  if (QFileInfo(path_).isFile()) {
    const QByteArray found = read_bytes(path_);
    if (found != on_disk_ && found != text_.toUtf8()) {
      on_disk_ = found;  // known now: the next attempt means it
      throw ConfigError(fmt::format(
          "{}: another program changed the file since it was read; save again to overwrite that, or under another name",
          path_.toStdString()));
    }
  }
  const QByteArray bytes = text_.toUtf8();
  write_bytes(path_, bytes);
  on_disk_ = bytes;
  undo_.setClean();
  watch();
}

void Document::save_as(const QString& path) {
  const QByteArray bytes = text_.toUtf8();
  const QString absolute = QFileInfo(path).absoluteFilePath();
  write_bytes(absolute, bytes);
  path_ = absolute;
  on_disk_ = bytes;
  undo_.setClean();
  watch();
  emit path_changed();
}

void Document::set_text(const QString& text) {
  const qsizetype position = difference(text_, text).position;
  push(text, tr("edited line %1").arg(text_.left(position).count(QLatin1Char('\n')) + 1), {});
}

void Document::set_value(const QString& written_key, const QString& value) {
  const std::string text = text_.toStdString(), path = path_.toStdString();
  // By the name of a job, and by another of a key's names, as --set has it.
  const hardware::NodePtr root = hardware::parse_config(text, path);
  const std::string numbered =
      scenarios::key_as_written(*root, scenarios::numbered_key(*root, written_key.toStdString()));
  const std::string changed = hardware::set_value(text, path, numbered, value.toStdString());
  const QString key = QString::fromStdString(numbered);
  const QString before = written_value(text_, key);
  push(decode(QByteArray::fromStdString(changed)),
       before.isEmpty() ? tr("%1: %2").arg(key, value) : tr("%1: %2 → %3").arg(key, before, value), key);
}

void Document::remove_value(const QString& key) {
  const std::string changed = hardware::remove_value(text_.toStdString(), path_.toStdString(), key.toStdString());
  push(decode(QByteArray::fromStdString(changed)), tr("%1: %2 → default").arg(key, written_value(text_, key)), key);
}

QString Document::append_value(const QString& list, const QString& item) {
  const hardware::NodePtr root = hardware::parse_config(text_.toStdString(), path_.toStdString());
  const hardware::ConfigNode* node = root->find(list.toStdString());
  const bool is_there = node != nullptr && node->kind == hardware::NodeKind::sequence && !node->items.empty();
  const QString key = QStringLiteral("%1.%2").arg(list).arg(is_there ? node->items.size() : 0);
  is_there ? set_value(key, item) : set_value(list, QStringLiteral("[%1]").arg(item));
  return key;
}

void Document::apply(const QString& text) {
  text_ = text;
  emit text_changed();
}

void Document::push(const QString& text, const QString& what, const QString& group) {
  TextChange change = difference(text_, text);
  if (change.removed.isEmpty() && change.inserted.isEmpty()) return;
  undo_.push(new EditCommand(*this, std::move(change), what, group));
}

void Document::watch() {
  if (!watcher_.files().isEmpty()) watcher_.removePaths(watcher_.files());
  if (!watcher_.directories().isEmpty()) watcher_.removePaths(watcher_.directories());
  vanished_ = false;
  reported_.clear();
  if (path_.isEmpty()) return;
  watcher_.addPath(path_);
  watcher_.addPath(QFileInfo(path_).absolutePath());
}

void Document::check_file() {
  if (path_.isEmpty()) return;
  if (!QFileInfo::exists(path_)) {
    if (vanished_) return;
    vanished_ = true;
    undo_.resetClean();  // nothing holds the text but this document
    emit file_vanished();
    return;
  }
  vanished_ = false;
  if (!watcher_.files().contains(path_)) watcher_.addPath(path_);
  try {
    const QByteArray found = read_bytes(path_);
    if (found == on_disk_ || found == reported_) return;
    reported_ = found;
    emit file_changed_on_disk();
  } catch (const ConfigError&) {
    // Unreadable now: saving will say so.
  }
}

}  // namespace orrery::gui
