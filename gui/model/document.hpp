// A scenario file being edited: one text, seen by the form and by the editor.
//
// Every change goes through one undo stack, whoever makes it. The form sets single values in place
// (hardware::set_value), so comments and layout stay. Saving writes a temporary file and renames it.
#pragma once

#include <QFileSystemWatcher>
#include <QObject>
#include <QString>
#include <QUndoStack>

namespace orrery::gui {

/// A replacement in the text: `removed` at `position` (UTF-16 units) became `inserted`.
struct TextChange {
  qsizetype position = 0;
  QString removed, inserted;
};

/// The smallest replacement that makes `before` into `after`.
[[nodiscard]] TextChange difference(const QString& before, const QString& after);

class Document : public QObject {
  Q_OBJECT

 public:
  explicit Document(QObject* parent = nullptr);

  [[nodiscard]] const QString& text() const { return text_; }
  /// Empty: never saved.
  [[nodiscard]] const QString& path() const { return path_; }
  /// File name, or "untitled".
  [[nodiscard]] QString name() const;
  [[nodiscard]] bool is_modified() const { return !undo_.isClean(); }
  [[nodiscard]] QUndoStack& undo_stack() { return undo_; }
  /// What the last change was, for lists of runs: "training.tensor_parallel: 8 → 4", "edited line 12".
  [[nodiscard]] const QString& last_change() const { return last_change_; }

  /// Reads a scenario file. Throws ConfigError: missing, unreadable, a folder, too large, empty, not UTF-8; the
  /// document then stays as it was.
  void load(const QString& path);
  /// A new, unsaved document.
  void reset(const QString& text);

  /// Saves under its path or a new one. Throws ConfigError; document and file then stay as they were.
  void save();
  void save_as(const QString& path);

  /// Typing: replaces the text. Changes that follow each other within a word are one step of undo.
  void set_text(const QString& text);
  /// Form: sets the value of a dotted key (of a job also by its name) to `value` as it would stand in the file. Throws
  /// ConfigError if the text can't take it (the key runs through a scalar, there is no such job, the text does not
  /// parse); the document then stays as it was.
  void set_value(const QString& key, const QString& value);
  /// Takes a key out, so that its default holds again. Throws as set_value().
  void remove_value(const QString& key);
  /// Adds an item at the end of a list of the scenario itself, which may be absent yet, and returns its key
  /// ("events.2"). Throws as set_value().
  QString append_value(const QString& list, const QString& item);

 signals:
  void text_changed();
  void path_changed();
  void modified_changed(bool modified);
  /// The file was deleted, or another program changed it. The document keeps its text.
  void file_vanished();
  void file_changed_on_disk();

 private:
  friend class EditCommand;
  void apply(const QString& text);
  void push(const QString& text, const QString& what, const QString& group);
  void watch();
  void check_file();

  QString text_, path_, last_change_;
  QByteArray on_disk_;   ///< what the file held when it was last read or written
  QByteArray reported_;  ///< another program's version that the user was told of
  bool vanished_ = false;
  QUndoStack undo_;
  QFileSystemWatcher watcher_;
};

}  // namespace orrery::gui
