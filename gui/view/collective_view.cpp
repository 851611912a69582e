#include "gui/view/collective_view.hpp"

#include <QComboBox>
#include <QEvent>
#include <QGridLayout>
#include <QLabel>
#include <QLineEdit>
#include <QSortFilterProxyModel>
#include <QSpinBox>
#include <QSplitter>
#include <QTreeView>
#include <QVBoxLayout>

#include "gui/look/elided_label.hpp"
#include "gui/look/labels.hpp"
#include "gui/look/text.hpp"
#include "gui/look/theme.hpp"
#include "gui/view/collective_plot.hpp"
#include "gui/view/figures_table.hpp"
#include "hardware/config/config.hpp"
#include "scenarios/collective/cluster_query.hpp"

namespace orrery::gui {

namespace {

/// More than any machine has: what a cluster has not is told beside the table, not cut off here.
constexpr int kMostNumber = 1'000'000;

QComboBox* make_menu(QWidget& parent, const QString& name, const QString& title) {
  auto* menu = new QComboBox(&parent);
  menu->setObjectName(name);
  menu->setAccessibleName(title);
  menu->setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
  menu->setMinimumContentsLength(8);
  return menu;
}

}  // namespace

CollectiveView::CollectiveView(QWidget* parent) : RunView(parent) {
  setObjectName(QStringLiteral("collective_view"));
  setAccessibleName(tr("A collective over sizes"));
  auto* layout = new QVBoxLayout(this);
  auto* words = new QGridLayout;
  make_words(*words);
  layout->addLayout(words);
  problem_ = make_text(*this, QStringLiteral("collective_problem"));
  problem_->setAlignment(Qt::AlignTop | Qt::AlignLeft);
  layout->addWidget(problem_, 1);
  make_table();
  plot_ = new CollectivePlot(this);
  body_ = new QSplitter(Qt::Horizontal, this);
  body_->addWidget(table_);
  body_->addWidget(plot_);
  body_->setStretchFactor(0, 3);
  body_->setStretchFactor(1, 2);
  layout->addWidget(body_, 1);
  notes_ = new ElidedLabel(this);
  notes_->setObjectName(QStringLiteral("collective_notes"));
  layout->addWidget(notes_);
  setFocusProxy(operation_);
  show_table(nullptr, {});
}

void CollectiveView::make_words(QGridLayout& layout) {
  operation_ = make_menu(*this, QStringLiteral("collective_operation"), tr("Operation"));
  for (const std::string& name : scenarios::collective_operations()) operation_->addItem(to_qstring(name));
  type_ = make_menu(*this, QStringLiteral("collective_type"), tr("Type of an element"));
  for (const Dtype dtype : all_dtypes()) type_->addItem(to_qstring(name(dtype)));
  type_->setCurrentText(to_qstring(name(Dtype::bf16)));
  gpus_ = make_number(QStringLiteral("collective_gpus"), tr("GPUs of each node"));
  nodes_ = make_number(QStringLiteral("collective_nodes"), tr("Nodes"));
  sizes_ = new QLineEdit(this);
  sizes_->setObjectName(QStringLiteral("collective_sizes"));
  sizes_->setAccessibleName(tr("Sizes"));
  sizes_->setPlaceholderText(QStringLiteral("1KiB..1GiB"));
  sizes_->setToolTip(tr("One size, or from one to another by factors of two: 1KiB..1GiB"));
  sizes_->setMinimumWidth(fontMetrics().averageCharWidth() * 8);
  int place = 0;
  const auto add = [&](const QString& title, QWidget* field) {
    auto* label = new QLabel(title, this);
    label->setBuddy(field);
    layout.addWidget(label, place / 3, 2 * (place % 3));
    layout.addWidget(field, place / 3, 2 * (place % 3) + 1);
    layout.setColumnStretch(2 * (place % 3) + 1, 1);
    ++place;
  };
  add(tr("&Operation"), operation_);
  add(tr("&GPUs per node"), gpus_);
  add(tr("&Nodes"), nodes_);
  add(tr("&Type"), type_);
  add(tr("&Sizes"), sizes_);
  for (QComboBox* menu : {operation_, type_}) connect(menu, &QComboBox::currentIndexChanged, this, [this] { ask(); });
  connect(sizes_, &QLineEdit::editingFinished, this, &CollectiveView::ask);
}

QSpinBox* CollectiveView::make_number(const QString& name, const QString& title) {
  auto* number = new QSpinBox(this);
  number->setObjectName(name);
  number->setAccessibleName(title);
  number->setRange(0, kMostNumber);
  number->setSpecialValueText(tr("all"));
  number->setMinimumWidth(fontMetrics().averageCharWidth() * 8);
  connect(number, &QSpinBox::valueChanged, this, [this] { ask(); });
  return number;
}

void CollectiveView::make_table() {
  model_ = new CollectiveModel(this);
  sorted_ = new QSortFilterProxyModel(this);
  sorted_->setSourceModel(model_);
  sorted_->setSortRole(CollectiveModel::kSortRole);
  table_ = new QTreeView(this);
  table_->setObjectName(QStringLiteral("collective_table"));
  table_->setAccessibleName(tr("The collective by size"));
  table_->setRootIsDecorated(false);
  set_up_figures_table(*table_, *sorted_, "collective_copy");
}

void CollectiveView::set_runs(const RunPtr& current, const RunPtr&) {
  if (run_ == current && run_) return;
  run_ = current;
  ask();
}

void CollectiveView::forget() {
  for (QSpinBox* number : {gpus_, nodes_}) {
    const QSignalBlocker quiet(number);
    number->setValue(0);
  }
  is_asked_ = false;
}

void CollectiveView::ask() {
  is_asked_ = false;
  if (!isVisible()) return;
  is_asked_ = true;
  if (!run_) {
    show_table(nullptr, tr("Collectives on the cluster of the scenario appear here when the first run is done."));
    return;
  }
  scenarios::CollectiveWords words;
  words.type = type_->currentText().toStdString();
  words.bytes = sizes_->text().trimmed().toStdString();
  words.gpus = gpus_->value();
  words.nodes = nodes_->value();
  try {
    show_table(std::make_shared<const scenarios::CollectiveTable>(scenarios::predict(scenarios::query_of_cluster(
                   operation_->currentText().toStdString(), words, run_->report.scenario.cluster))),
               {});
  } catch (const hardware::ConfigError& error) {
    show_table(nullptr, message_of(error));
  }
}

void CollectiveView::show_table(CollectivePtr table, const QString& problem) {
  QStringList notes;
  if (table) {
    notes << to_qstring(scenarios::describe(table->query));
    for (const std::string& note : scenarios::notes_of(*table)) notes << to_qstring(note);
  }
  notes_->set_line(notes.join(QStringLiteral(" · ")));
  notes_->setVisible(!notes.isEmpty());
  problem_->setText(problem);
  problem_->setVisible(!table);
  color();
  body_->setVisible(table != nullptr);
  model_->set_table(table);
  plot_->set_table(std::move(table));
}

QString CollectiveView::problem() const { return problem_->text(); }

std::string CollectiveView::csv() const {
  return model_->table() ? scenarios::table_csv(*model_->table()) : std::string();
}

void CollectiveView::showEvent(QShowEvent* event) {
  RunView::showEvent(event);
  if (!is_asked_) ask();
}

void CollectiveView::color() { tint(*problem_, run_ ? worse_color(palette()) : palette().color(QPalette::WindowText)); }

void CollectiveView::changeEvent(QEvent* event) {
  RunView::changeEvent(event);
  if (event->type() == QEvent::PaletteChange && problem_ != nullptr) color();
}

}  // namespace orrery::gui
