#include "gui/view/field_editors.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include <QApplication>
#include <QCheckBox>
#include <QComboBox>
#include <QLineEdit>
#include <QSignalBlocker>

namespace orrery::gui {

namespace {

constexpr double kWideRange = 1000.0;  ///< from here on, equal ratios are of more use than equal steps
constexpr int kSliderSteps = 100;
constexpr double kSliderFactor = 16.0;  ///< how far from its first value a slider reaches in a wide range
constexpr int kPageStep = 10;           ///< what QAbstractSpinBox asks for at a page key

bool is_wide(const scenarios::Field& field) { return field.most - field.least > kWideRange; }

/// Shift, or a page key without Ctrl (which asks for ten steps too).
bool doubles(int steps) {
  const Qt::KeyboardModifiers modifiers = QApplication::keyboardModifiers();
  return modifiers.testFlag(Qt::ShiftModifier) ||
         (std::abs(steps) == kPageStep && !modifiers.testFlag(Qt::ControlModifier));
}

double rounded(double value, int digits) {
  if (value == 0.0) return 0.0;
  return QString::number(value, 'g', digits).toDouble();
}

}  // namespace

IntegerBox::IntegerBox(const scenarios::Field& field, QWidget* parent) : QSpinBox(parent), is_wide_(is_wide(field)) {
  constexpr double kMost = std::numeric_limits<int>::max();
  const double least = field.least_open ? field.least + 1.0 : field.least;
  const double most = field.most > field.least ? field.most : kMost;
  setLocale(QLocale::c());
  setGroupSeparatorShown(false);
  setRange(static_cast<int>(std::clamp(std::ceil(least), -kMost, kMost)),
           static_cast<int>(std::clamp(std::floor(most), -kMost, kMost)));
  setKeyboardTracking(false);
}

void IntegerBox::stepBy(int steps) {
  if (!is_wide_ || value() <= 0 || !doubles(steps)) {
    QSpinBox::stepBy(steps);
    return;
  }
  const int now = value();
  const int next = steps > 0 ? (now > maximum() / 2 ? maximum() : now * 2) : now / 2;
  setValue(next);
  selectAll();
}

NumberBox::NumberBox(const scenarios::Field& field, QWidget* parent)
    : QDoubleSpinBox(parent), least_open_(field.least_open), is_wide_(is_wide(field)) {
  constexpr double kMost = 1e300;
  constexpr int kDigits = 15;  // after the point; more than a double of sensible size has
  setLocale(QLocale::c());
  setGroupSeparatorShown(false);
  setDecimals(kDigits);
  setRange(field.least, field.most > field.least ? std::min(field.most, kMost) : kMost);
  setStepType(QAbstractSpinBox::AdaptiveDecimalStepType);
  if (!is_wide_) {
    setStepType(QAbstractSpinBox::DefaultStepType);
    setSingleStep(std::max(rounded((maximum() - minimum()) / kSliderSteps, 1), 1e-6));
  }
  setKeyboardTracking(false);
}

void NumberBox::stepBy(int steps) {
  if (is_wide_ && value() > 0.0 && doubles(steps)) {
    setValue(steps > 0 ? value() * 2.0 : value() / 2.0);
    selectAll();
    return;
  }
  if (!is_wide_) {
    const double next = rounded(value() + steps * singleStep(), 12);  // 0.1 + 0.2 is 0.3
    if (next > minimum() || !least_open_) setValue(next);
    selectAll();
    return;
  }
  // The adaptive step of Qt goes down to the last of the decimals; a tenth of the first digit is what a user means.
  const double size = std::abs(value());
  const double step = size > 0.0 ? std::pow(10.0, std::floor(std::log10(size)) - 1.0) : 0.1;
  const double next = rounded(value() + steps * step, 12);
  if (next > minimum() || !least_open_) setValue(next);
  selectAll();
}

QString NumberBox::textFromValue(double value) const {
  const double size = std::abs(value);
  const char format = size != 0.0 && (size < 1e-4 || size >= 1e15) ? 'g' : 'f';
  return QString::number(value, format, QLocale::FloatingPointShortest);
}

double NumberBox::valueFromText(const QString& text) const { return text.trimmed().toDouble(); }

QValidator::State NumberBox::validate(QString& text, int&) const {
  static constexpr QLatin1String kAllowed("0123456789.+-eE ");
  for (const QChar c : text) {
    if (QString(kAllowed).indexOf(c) < 0) return QValidator::Invalid;
  }
  bool is_number = false;
  const double value = text.trimmed().toDouble(&is_number);
  const bool fits = is_number && value <= maximum() && (least_open_ ? value > minimum() : value >= minimum());
  return fits ? QValidator::Acceptable : QValidator::Intermediate;
}

ValueSlider::ValueSlider(const scenarios::Field& field, double given, QWidget* parent)
    : QSlider(Qt::Horizontal, parent),
      least_(field.least),
      most_(field.most),
      is_integer_(field.kind == scenarios::FieldKind::integer),
      is_log_(is_wide(field)),
      least_open_(field.least_open) {
  setFocusPolicy(Qt::NoFocus);  // the spin box beside it keeps the keyboard
  const double value = std::clamp(given, field.least, std::max(field.least, field.most));  // it may be a mistake
  if (is_log_ && is_integer_) {
    least_ = 1.0;
    while (least_ < field.least) least_ *= 2.0;
    most_ = least_ * 64.0;
    while (most_ < value * kSliderFactor && most_ < field.most) most_ *= 2.0;
    while (most_ > field.most && most_ > least_) most_ /= 2.0;
    setRange(0, static_cast<int>(std::lround(std::log2(most_ / least_))));
  } else if (is_log_) {
    const double middle = value > 0.0 ? value : std::max(1.0, field.least);
    least_ = std::max(middle / kSliderFactor, field.least);
    if (least_ <= 0.0) least_ = middle / kSliderFactor;
    most_ = std::min(middle * kSliderFactor, field.most);
    setRange(0, kSliderSteps);
  } else {
    setRange(0, is_integer_ ? static_cast<int>(std::lround(most_ - least_)) : kSliderSteps);
  }
  setPageStep(std::max(1, maximum() / 10));
  setValue(position_of(value));
}

double ValueSlider::value_at(int position) const {
  if (is_log_ && is_integer_) return std::ldexp(least_, position);
  const double share = static_cast<double>(position) / std::max(1, maximum());
  if (is_log_) return std::clamp(rounded(least_ * std::pow(most_ / least_, share), 2), least_, most_);
  if (is_integer_) return least_ + position;
  if (least_open_ && position == 0) return value_at(1);
  return rounded(least_ + (most_ - least_) * share, 3);
}

int ValueSlider::position_of(double value) const {
  const double inside = std::clamp(value, least_, most_);
  if (is_log_ && is_integer_) return static_cast<int>(std::lround(std::log2(inside / least_)));
  if (is_log_) return static_cast<int>(std::lround(maximum() * std::log(inside / least_) / std::log(most_ / least_)));
  return static_cast<int>(std::lround(maximum() * (inside - least_) / (most_ - least_)));
}

void ValueSlider::place(const QRect& place, bool fits, const QWidget& box) {
  fits_ = fits;
  setGeometry(place);
  setVisible(fits && !box.isHidden());
}

bool ValueSlider::eventFilter(QObject* watched, QEvent* event) {
  if (event->type() == QEvent::Show) setVisible(fits_);
  if (event->type() == QEvent::Hide) hide();
  return QSlider::eventFilter(watched, event);
}

QString editor_text(const QWidget& editor) {
  if (const auto* box = qobject_cast<const QAbstractSpinBox*>(&editor)) {
    if (!box->hasAcceptableInput()) return {};
    if (const auto* number = qobject_cast<const NumberBox*>(box)) {
      return number->textFromValue(number->valueFromText(number->text()));
    }
    return box->text().trimmed();
  }
  if (const auto* combo = qobject_cast<const QComboBox*>(&editor)) return combo->currentText();
  if (const auto* check = qobject_cast<const QCheckBox*>(&editor)) {
    return check->isChecked() ? QStringLiteral("true") : QStringLiteral("false");
  }
  if (const auto* line = qobject_cast<const QLineEdit*>(&editor)) return line->text();
  return {};
}

void set_editor_text(QWidget& editor, const QString& text) {
  const QSignalBlocker quiet(&editor);
  if (auto* integer = qobject_cast<IntegerBox*>(&editor)) {
    integer->setValue(static_cast<int>(
        std::clamp<double>(text.toDouble(), integer->minimum(), integer->maximum())));  // "1e6" is whole
  } else if (auto* number = qobject_cast<NumberBox*>(&editor)) {
    number->setValue(text.toDouble());
  } else if (auto* combo = qobject_cast<QComboBox*>(&editor)) {
    if (combo->findText(text) < 0) combo->insertItem(0, text);
    combo->setCurrentIndex(combo->findText(text));
  } else if (auto* check = qobject_cast<QCheckBox*>(&editor)) {
    check->setChecked(text == QLatin1String("true"));
  } else if (auto* line = qobject_cast<QLineEdit*>(&editor)) {
    line->setText(text);
  }
}

}  // namespace orrery::gui
