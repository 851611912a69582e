// The scenario as text: line numbers, colours for YAML, errors underlined at their place with the message.
//
// The text belongs to the Document: the editor's own undo is off, typing is passed on, and changes from elsewhere are
// put in by the smallest replacement, so that cursor and scroll position stay. The widget knows lines, not line ends:
// `source_` is the text as the document has it, an edit changes only its own part of it, and new lines end as the
// first line does. Tab indents; Esc and then Tab leaves the editor.
//
// A long text comes in pieces, one at each turn of the event loop, and is read-only until it is whole; above
// kMostHighlighted it has no colours. A text longer than kLongestText, or with a line longer than kLongestLine, is not
// shown (the document keeps it): to let go of 8 MiB takes the widget 0.4 s, to lay out one long line takes seconds.
#pragma once

#include <vector>

#include <QPlainTextEdit>
#include <QTimer>

#include "hardware/config/config.hpp"

namespace orrery::gui {

class YamlHighlighter;

class YamlEditor : public QPlainTextEdit {
  Q_OBJECT

 public:
  static constexpr qsizetype kPiece = 64 * 1024;
  static constexpr qsizetype kMostHighlighted = 512 * 1024;
  static constexpr qsizetype kLongestText = 1024 * 1024;
  static constexpr qsizetype kLongestLine = 64 * 1024;

  explicit YamlEditor(QWidget* parent = nullptr);
  ~YamlEditor() override;

  /// From the document; does not come back as edited().
  void set_text(const QString& text);
  /// Underlines each at its line and column; the tooltip there and the margin's mark carry the message.
  void set_problems(const std::vector<hardware::Diagnostic>& problems);
  [[nodiscard]] const std::vector<hardware::Diagnostic>& problems() const { return problems_; }
  /// Puts the cursor at a place (1-based line, column in bytes) and shows it.
  void go_to(int line, int column);
  /// A long text is still coming in.
  [[nodiscard]] bool is_loading() const { return loading_.isActive(); }

  // The margin beside the text.
  [[nodiscard]] int margin_width() const;
  void paint_margin(QPaintEvent* event);
  /// Messages of the problems that begin on a line (0-based).
  [[nodiscard]] QString messages_of_line(int line) const;
  [[nodiscard]] int line_at(int y) const;

 signals:
  /// The user changed the text.
  void edited(const QString& text);

 protected:
  bool event(QEvent* event) override;
  bool viewportEvent(QEvent* event) override;
  void keyPressEvent(QKeyEvent* event) override;
  void resizeEvent(QResizeEvent* event) override;
  void changeEvent(QEvent* event) override;
  bool canInsertFromMimeData(const QMimeData* source) const override;

 private:
  struct Mark {
    QTextCursor cursor;  ///< follows edits until the next set_problems()
    QString message;
  };

  void take_change();
  void put(qsizetype position, qsizetype removed, const QString& inserted);
  void load_piece();
  void show_marks();
  void place_marks();
  [[nodiscard]] QTextCursor place_of(const hardware::SourceSpan& span) const;
  bool indent_key(const QKeyEvent& event);
  void indent(bool outwards);
  void new_line();
  void toggle_comment();

  QString source_;        ///< the document's text
  QString plain_;         ///< the same with each line end as \n, as the widget has it
  qsizetype loaded_ = 0;  ///< how much of `plain_` the widget has while a long text comes in
  QTimer loading_;
  bool updating_ = false;  ///< the change is not the user's
  bool changed_ = false;   ///< the user's change has yet to be passed on
  bool leaves_ = false;    ///< Esc was pressed: Tab leaves
  std::vector<hardware::Diagnostic> problems_;
  std::vector<Mark> marks_;
  YamlHighlighter* highlighter_ = nullptr;
  QWidget* margin_ = nullptr;
};

}  // namespace orrery::gui
