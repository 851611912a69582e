#include "gui/view/field_delegate.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include <QAction>
#include <QCheckBox>
#include <QComboBox>
#include <QFileDialog>
#include <QKeyEvent>
#include <QLineEdit>
#include <QMouseEvent>
#include <QPersistentModelIndex>
#include <QPointer>
#include <QStyle>
#include <QTimer>

#include "gui/look/text.hpp"
#include "gui/look/theme.hpp"
#include "gui/model/form_model.hpp"
#include "gui/view/field_editors.hpp"
#include "hardware/config/config.hpp"

namespace orrery::gui {

namespace {

using scenarios::Field;
using scenarios::FieldKind;

/// The text that the editor last took from the model or passed on to it.
constexpr const char* kPassedOn = "passed_on";
/// The slider that belongs to a spin box.
constexpr const char* kSlider = "slider";

bool is_list(const QString& value) { return value.startsWith(QLatin1Char('{')) || value.startsWith(QLatin1Char('[')); }

ValueSlider* slider_of(const QWidget& editor) {
  return qobject_cast<ValueSlider*>(editor.property(kSlider).value<QObject*>());
}

template <class Parse>
std::optional<QString> problem_with(const Parse& parse, const std::string& unit, const std::string& text) {
  std::string error;
  if (!parse("1 " + unit, error).has_value()) return std::nullopt;
  return parse(text, error).has_value() ? QString() : to_qstring(error);
}

}  // namespace

QString quantity_problem(const Field& field, const QString& text) {
  if (field.units.empty() || text.trimmed().isEmpty()) return {};
  const std::string value = text.trimmed().toStdString();
  // A number alone takes the field's unit.
  if (value.find_first_not_of("0123456789.") == std::string::npos) return {};
  const std::string& unit = field.units.front();
  if (const auto problem = problem_with(hardware::parse_bytes, unit, value)) return *problem;
  if (const auto problem = problem_with(hardware::parse_bandwidth, unit, value)) return *problem;
  if (const auto problem = problem_with(hardware::parse_duration, unit, value)) return *problem;
  if (const auto problem = problem_with(hardware::parse_flop_rate, unit, value)) return *problem;
  return {};
}

QWidget* FieldDelegate::createEditor(QWidget* parent, const QStyleOptionViewItem&, const QModelIndex& index) const {
  const Field* field = field_of(index);
  if (field == nullptr || index.column() != FormModel::kValue) return nullptr;
  const QString value = index.data(Qt::EditRole).toString();
  QWidget* editor = nullptr;
  if (field->kind == FieldKind::integer || field->kind == FieldKind::number) {
    editor = number_editor(*field, value, parent);
  } else if (field->kind == FieldKind::boolean) {
    auto* check = new QCheckBox(parent);
    connect(check, &QCheckBox::toggled, this, [this, check] { commit(check); });
    editor = check;
  } else if (field->kind == FieldKind::choice && !field->choices.empty() && !is_list(value)) {
    editor = choice_editor(*field, value, parent);
  }
  if (editor == nullptr) editor = line_editor(*field, index, parent);
  editor->setAutoFillBackground(true);
  editor->setAccessibleName(to_qstring(field->key));
  editor->setAccessibleDescription(to_qstring(field->help));
  editor->setToolTip(index.data(Qt::ToolTipRole).toString());
  return editor;
}

QWidget* FieldDelegate::number_editor(const Field& field, const QString& value, QWidget* parent) const {
  bool is_number = true;
  const double number = value.isEmpty() ? std::max(field.least, 0.0) : value.toDouble(&is_number);
  if (!is_number || !std::isfinite(number)) return nullptr;  // "inf", or a mistake: as text
  QAbstractSpinBox* box = nullptr;
  auto* slider = new ValueSlider(field, number, parent);
  const auto turned = [this, slider](QWidget* editor, double now) {
    const QSignalBlocker quiet(slider);
    slider->setValue(slider->position_of(now));
    commit(editor);
  };
  if (field.kind == FieldKind::integer) {
    if (std::abs(number) > std::numeric_limits<int>::max() || number != std::floor(number)) {
      delete slider;
      return nullptr;
    }
    auto* integer = new IntegerBox(field, parent);
    connect(integer, &QSpinBox::valueChanged, this, [=](int now) { turned(integer, now); });
    connect(slider, &QSlider::valueChanged, integer,
            [=](int at) { integer->setValue(static_cast<int>(slider->value_at(at))); });
    box = integer;
  } else {
    auto* with_fraction = new NumberBox(field, parent);
    connect(with_fraction, &QDoubleSpinBox::valueChanged, this, [=](double now) { turned(with_fraction, now); });
    connect(slider, &QSlider::valueChanged, with_fraction,
            [=](int at) { with_fraction->setValue(slider->value_at(at)); });
    box = with_fraction;
  }
  auto* pause = new QTimer(box);
  pause->setSingleShot(true);
  connect(pause, &QTimer::timeout, this, [this, box] { commit(box); });
  connect(box->findChild<QLineEdit*>(), &QLineEdit::textEdited, pause, [pause] { pause->start(kTypingPause); });
  slider->setAutoFillBackground(true);
  slider->setBackgroundRole(QPalette::Base);
  slider->setAccessibleName(to_qstring(field.key));
  box->installEventFilter(slider);
  box->setProperty(kSlider, QVariant::fromValue<QObject*>(slider));
  connect(box, &QObject::destroyed, slider, &QObject::deleteLater);
  return box;
}

QWidget* FieldDelegate::choice_editor(const Field& field, const QString& value, QWidget* parent) const {
  auto* combo = new QComboBox(parent);
  for (const scenarios::Choice& choice : field.choices) {
    combo->addItem(to_qstring(choice.name));
    combo->setItemData(combo->count() - 1, to_qstring(choice.summary), Qt::ToolTipRole);
    combo->setItemData(combo->count() - 1, to_qstring(choice.summary), Qt::AccessibleDescriptionRole);
  }
  if (combo->findText(value) < 0) combo->insertItem(0, value);  // a path, or a name that is wrong
  combo->setCurrentIndex(combo->findText(value));
  combo->setMaxVisibleItems(20);
  connect(combo, &QComboBox::currentIndexChanged, this, [this, combo] { commit(combo); });
  connect(combo, &QComboBox::activated, this, [this, combo] {
    commit(combo);
    emit const_cast<FieldDelegate*>(this)->closeEditor(combo);
  });
  return combo;
}

QWidget* FieldDelegate::line_editor(const Field& field, const QModelIndex& index, QWidget* parent) const {
  auto* line = new QLineEdit(parent);
  if (!field.automatic.empty()) line->setPlaceholderText(to_qstring(field.automatic));
  if (field.kind == FieldKind::path) {
    QAction* browse_action =
        line->addAction(line->style()->standardIcon(QStyle::SP_DirOpenIcon), QLineEdit::TrailingPosition);
    browse_action->setText(tr("Browse…"));
    browse_action->setToolTip(tr("Choose a file"));
    const QPersistentModelIndex place(index);
    connect(browse_action, &QAction::triggered, this, [this, place, line] { browse(place, line->window()); });
  }
  if (field.kind == FieldKind::quantity) {
    connect(line, &QLineEdit::textChanged, this, [line, &field](const QString& text) {
      const QString problem = quantity_problem(field, text);
      QPalette palette;
      if (!problem.isEmpty()) palette.setColor(QPalette::Text, worse_color(palette));
      line->setPalette(palette);
      line->setToolTip(problem.isEmpty() ? to_qstring(field.help) : problem);
    });
  }
  return line;
}

void FieldDelegate::browse(const QModelIndex& index, QWidget* window) const {
  const QPersistentModelIndex place(index);
  auto* dialog = new QFileDialog(window, tr("Choose a file"));
  dialog->setAttribute(Qt::WA_DeleteOnClose);
  dialog->setFileMode(QFileDialog::ExistingFile);
  connect(dialog, &QFileDialog::fileSelected, this, [place](const QString& path) {
    if (!place.isValid() || path.isEmpty()) return;
    const_cast<QAbstractItemModel*>(place.model())->setData(place, path, Qt::EditRole);
  });
  dialog->open();
}

void FieldDelegate::commit(QWidget* editor) const {
  const QString text = editor_text(*editor);
  if (text.isEmpty() || text == editor->property(kPassedOn).toString()) return;
  emit const_cast<FieldDelegate*>(this)->commitData(editor);
}

void FieldDelegate::setEditorData(QWidget* editor, const QModelIndex& index) const {
  const QString value = index.data(Qt::EditRole).toString();
  const QVariant passed_on = editor->property(kPassedOn);
  if (passed_on.isValid()) {
    const QString shown = editor_text(*editor);
    if (shown != passed_on.toString() || shown == value) return;  // being edited, or up to date
  }
  set_editor_text(*editor, value);
  editor->setProperty(kPassedOn, editor_text(*editor));
  if (ValueSlider* slider = slider_of(*editor)) {
    const QSignalBlocker quiet(slider);
    slider->setValue(slider->position_of(value.toDouble()));
  }
}

void FieldDelegate::setModelData(QWidget* editor, QAbstractItemModel* model, const QModelIndex& index) const {
  const QString text = editor_text(*editor);
  const bool is_line = qobject_cast<QLineEdit*>(editor) != nullptr;
  if ((text.isEmpty() && !is_line) || text == editor->property(kPassedOn).toString()) return;
  editor->setProperty(kPassedOn, text);
  model->setData(index, text, Qt::EditRole);
}

void FieldDelegate::updateEditorGeometry(QWidget* editor, const QStyleOptionViewItem& option,
                                         const QModelIndex&) const {
  QRect rect = option.rect;
  if (ValueSlider* slider = slider_of(*editor)) {
    const int wide = option.fontMetrics.averageCharWidth();
    const bool fits = rect.width() >= 26 * wide;
    const int box_width = fits ? std::max(13 * wide, rect.width() / 2) : rect.width();
    slider->place(rect.adjusted(box_width + wide, 0, -wide, 0), fits, *editor);
    rect.setWidth(box_width);
  }
  editor->setGeometry(rect);
}

bool FieldDelegate::editorEvent(QEvent* event, QAbstractItemModel* model, const QStyleOptionViewItem& option,
                                const QModelIndex& index) {
  const Field* field = field_of(index);
  if (field == nullptr || field->kind != FieldKind::boolean || index.column() != FormModel::kValue) {
    return QStyledItemDelegate::editorEvent(event, model, option, index);
  }
  bool toggles = false;
  if (event->type() == QEvent::MouseButtonRelease) {
    const auto* mouse = static_cast<QMouseEvent*>(event);
    toggles = mouse->button() == Qt::LeftButton && option.rect.contains(mouse->pos());
  } else if (event->type() == QEvent::KeyPress) {
    const int key = static_cast<QKeyEvent*>(event)->key();
    toggles = key == Qt::Key_Space || key == Qt::Key_Select || key == Qt::Key_Return || key == Qt::Key_Enter;
  } else if (event->type() == QEvent::MouseButtonDblClick) {
    return true;  // no editor: the release toggles
  }
  if (!toggles) return false;
  const bool is_on = index.data(Qt::CheckStateRole).toInt() == Qt::Checked;
  return model->setData(index, is_on ? Qt::Unchecked : Qt::Checked, Qt::CheckStateRole);
}

QSize FieldDelegate::sizeHint(const QStyleOptionViewItem& option, const QModelIndex& index) const {
  QSize size = QStyledItemDelegate::sizeHint(option, index);
  size.setHeight(std::max(size.height(), option.fontMetrics.height() * 8 / 5));  // room for a spin box
  return size;
}

}  // namespace orrery::gui
