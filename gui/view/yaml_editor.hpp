// The scenario as text: line numbers, colours for YAML, errors underlined at their place with the message.
//
// The text belongs to the Document: the editor's own undo is off, typing is passed on, and changes from elsewhere are
// put in by the smallest replacement, so that cursor and scroll position stay.
#pragma once

#include <vector>

#include <QPlainTextEdit>

#include "hardware/config.hpp"

namespace orrery::gui {

class YamlEditor : public QPlainTextEdit {
  Q_OBJECT

 public:
  explicit YamlEditor(QWidget* parent = nullptr);

  /// From the document; does not come back as edited().
  void set_text(const QString& text);
  /// Underlines each at its line and column; the tooltip there and the margin's mark carry the message.
  void set_problems(const std::vector<hardware::Diagnostic>& problems);
  [[nodiscard]] const std::vector<hardware::Diagnostic>& problems() const { return problems_; }
  /// Puts the cursor at a place (1-based line, column in bytes) and shows it.
  void go_to(int line, int column);

 signals:
  /// The user changed the text.
  void edited(const QString& text);

 private:
  std::vector<hardware::Diagnostic> problems_;
};

}  // namespace orrery::gui
