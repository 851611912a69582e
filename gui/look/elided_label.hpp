// One line of text that gives way: what has no room ends in "…" and stands whole in the tooltip.
#pragma once

#include <QLabel>

namespace orrery::gui {

class ElidedLabel : public QLabel {
  Q_OBJECT

 public:
  explicit ElidedLabel(QWidget* parent = nullptr);

  void set_line(const QString& text);
  /// The whole of it; text() is what there is room for.
  [[nodiscard]] const QString& line() const { return line_; }

 protected:
  void resizeEvent(QResizeEvent* event) override;
  void changeEvent(QEvent* event) override;

 private:
  void fit();

  QString line_;
};

}  // namespace orrery::gui
