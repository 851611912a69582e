// The editors of single values: spin boxes that keep every digit, and a slider beside them.
//
// Shift, or the page keys, doubles and halves where a value spans magnitudes: sizes and degrees are powers of two more
// often than not. Numbers are written as in the file, whatever the desktop's language.
#pragma once

#include <QDoubleSpinBox>
#include <QSlider>
#include <QSpinBox>

#include "scenarios/schema.hpp"

namespace orrery::gui {

class IntegerBox : public QSpinBox {
  Q_OBJECT

 public:
  IntegerBox(const scenarios::Field& field, QWidget* parent);
  void stepBy(int steps) override;

 private:
  bool is_wide_;  ///< doubling makes sense
};

/// Shows the shortest text that reads back as the same number.
class NumberBox : public QDoubleSpinBox {
  Q_OBJECT

 public:
  NumberBox(const scenarios::Field& field, QWidget* parent);
  void stepBy(int steps) override;
  QString textFromValue(double value) const override;
  double valueFromText(const QString& text) const override;
  QValidator::State validate(QString& text, int& position) const override;

 private:
  bool least_open_;
  bool is_wide_;
};

/// Positions of a slider stand for values: equal steps where the range is narrow, powers of two (of integers) or equal
/// ratios (of numbers) within a factor of 16 of the first value where it is not.
class ValueSlider : public QSlider {
  Q_OBJECT

 public:
  ValueSlider(const scenarios::Field& field, double value, QWidget* parent);
  [[nodiscard]] double value_at(int position) const;
  [[nodiscard]] int position_of(double value) const;
  /// Where it stands beside its spin box, and whether there is room; it is seen while the spin box is.
  void place(const QRect& place, bool fits, const QWidget& box);

 protected:
  bool eventFilter(QObject* watched, QEvent* event) override;

 private:
  bool fits_ = false;
  double least_, most_;
  bool is_integer_, is_log_, least_open_;
};

/// The text that an editor stands for; empty while what is typed is no value yet.
[[nodiscard]] QString editor_text(const QWidget& editor);
/// Shows a value without telling anyone.
void set_editor_text(QWidget& editor, const QString& text);

}  // namespace orrery::gui
