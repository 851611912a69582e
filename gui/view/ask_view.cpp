#include "gui/view/ask_view.hpp"

#include <QCompleter>
#include <QEvent>
#include <QGridLayout>
#include <QHBoxLayout>
#include <QLabel>
#include <QLineEdit>
#include <QProgressBar>
#include <QPushButton>
#include <QScrollArea>
#include <QTabBar>
#include <QTimer>
#include <QVBoxLayout>

#include "gui/look/labels.hpp"
#include "gui/look/text.hpp"
#include "gui/look/theme.hpp"
#include "gui/view/answer_view.hpp"

namespace orrery::gui {

namespace {

/// Pairs of label and field side by side.
constexpr int kPairs = 2;

}  // namespace

AskView::AskView(QWidget* parent) : QWidget(parent) {
  setObjectName(QStringLiteral("ask_view"));
  setAccessibleName(tr("Ask a question"));
  auto* content = new QWidget;
  auto* layout = new QVBoxLayout(content);
  make_question(*layout);
  make_controls(*layout);
  answer_ = new AnswerView(this);
  answer_->hide();
  layout->addWidget(answer_, 100);
  layout->addStretch(1);
  scroll_ = new QScrollArea(this);
  scroll_->setWidgetResizable(true);
  scroll_->setFrameShape(QFrame::NoFrame);
  scroll_->setFocusPolicy(Qt::NoFocus);
  scroll_->setWidget(content);
  auto* outer = new QVBoxLayout(this);
  outer->setContentsMargins(0, 0, 0, 0);
  outer->addWidget(scroll_);
  connect(&inquiry_, &Inquiry::started, this, [this] { show_busy(true); });
  connect(&inquiry_, &Inquiry::progressed, this, [this](int done, int total) {
    progress_->setRange(0, total);
    progress_->setValue(done);
    progress_->setFormat(tr("%1 of %2 kinds of engine").arg(done).arg(total));
  });
  connect(&inquiry_, &Inquiry::answered, this, &AskView::show_reply);
  connect(&inquiry_, &Inquiry::refused, this, &AskView::show_problem);
  connect(answer_, &AnswerView::open_requested, this, &AskView::open_requested);
  connect(&inquiry_, &Inquiry::cancelled, this, [this] { show_problem(tr("Cancelled: not every plan was tried")); });
  choose_kind(0);
  color();
}

void AskView::make_question(QVBoxLayout& layout) {
  auto* title = new QLabel(tr("What do you want to know?"), this);
  title->setFont(scaled(font(), 1.5, true));
  kinds_ = new QTabBar(this);
  kinds_->setObjectName(QStringLiteral("ask_kinds"));
  kinds_->setAccessibleName(tr("Kind of question"));
  kinds_->setExpanding(false);
  kinds_->setDrawBase(false);
  for (const scenarios::AskKind& row : scenarios::ask_kinds()) {
    kinds_->setTabToolTip(kinds_->addTab(capital(row.name)), capital(row.summary));
  }
  summary_ = make_text(*this, QStringLiteral("ask_summary"));
  summary_->setForegroundRole(QPalette::PlaceholderText);
  form_ = new QWidget(this);
  grid_ = new QGridLayout(form_);
  grid_->setContentsMargins(0, 0, 0, 0);
  for (int pair = 0; pair < kPairs; ++pair) grid_->setColumnStretch(2 * pair + 1, 1);
  layout.addWidget(title);
  layout.addWidget(kinds_);
  layout.addWidget(summary_);
  layout.addWidget(form_);
  connect(kinds_, &QTabBar::currentChanged, this, [this] {
    keep_words();
    fill_form();
  });
}

void AskView::make_controls(QVBoxLayout& layout) {
  start_ = new QPushButton(tr("&Ask"), this);
  start_->setObjectName(QStringLiteral("ask_start"));
  cancel_ = new QPushButton(tr("&Cancel"), this);
  cancel_->setObjectName(QStringLiteral("ask_cancel"));
  back_ = new QPushButton(tr("&Back to the results"), this);
  back_->setObjectName(QStringLiteral("ask_back"));
  back_->hide();
  progress_ = new QProgressBar(this);
  progress_->setObjectName(QStringLiteral("ask_progress"));
  progress_->setAccessibleName(tr("Progress of the question"));
  progress_->setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
  auto* row = new QHBoxLayout;
  for (QWidget* widget : std::initializer_list<QWidget*>{start_, cancel_}) row->addWidget(widget);
  row->addWidget(progress_, 1);
  row->addStretch(0);
  row->addWidget(back_);
  layout.addLayout(row);
  problem_ = make_text(*this, QStringLiteral("ask_problem"));
  problem_->hide();
  layout.addWidget(problem_);
  connect(start_, &QPushButton::clicked, this, &AskView::ask);
  connect(cancel_, &QPushButton::clicked, &inquiry_, &Inquiry::cancel);
  connect(back_, &QPushButton::clicked, this, &AskView::leave_requested);
  show_busy(false);
}

const scenarios::AskKind& AskView::kind() const {
  return scenarios::ask_kinds()[static_cast<std::size_t>(std::max(0, kinds_->currentIndex()))];
}

void AskView::choose_kind(int row) {
  kinds_->setCurrentIndex(row);
  if (edits_.empty()) fill_form();
}

void AskView::keep_words() {
  for (const FieldEdit& field : edits_) words_.*field.word = field.edit->text().trimmed().toStdString();
}

void AskView::fill_form() {
  edits_.clear();
  while (QLayoutItem* item = grid_->takeAt(0)) {
    delete item->widget();
    delete item;
  }
  summary_->setText(capital(kind().summary));
  int place = 0;
  for (const scenarios::AskField& field : kind().fields) {
    QLineEdit* edit = make_edit(field);
    auto* label = new QLabel(to_qstring(field.title), form_);
    label->setBuddy(edit);
    if (field.required) label->setFont(scaled(font(), 1.0, true));
    const int row = place / kPairs, column = 2 * (place % kPairs);
    grid_->addWidget(label, row, column);
    grid_->addWidget(edit, row, column + 1);
    ++place;
    edits_.push_back({field.word, edit});
  }
  QWidget* last = kinds_;
  for (const FieldEdit& field : edits_) {
    setTabOrder(last, field.edit);
    last = field.edit;
  }
  setTabOrder(last, start_);
  setFocusProxy(edits_.front().edit);
}

QLineEdit* AskView::make_edit(const scenarios::AskField& field) {
  auto* edit = new QLineEdit(to_qstring(words_.*field.word), form_);
  edit->setObjectName(QStringLiteral("ask_") + to_qstring(field.name).replace(QLatin1Char('-'), QLatin1Char('_')));
  edit->setAccessibleName(to_qstring(field.title));
  const QString help = capital(field.help);
  const QString absent = to_qstring(field.absent);
  edit->setToolTip(absent.isEmpty() ? help : tr("%1\nWithout it: %2").arg(help, absent));
  edit->setAccessibleDescription(edit->toolTip());
  edit->setPlaceholderText(absent.isEmpty() ? tr("such as %1").arg(to_qstring(field.example)) : absent);
  edit->setMinimumWidth(fontMetrics().averageCharWidth() * 14);
  if (field.choices != nullptr) {
    QStringList names;
    for (const std::string& name : field.choices()) names << to_qstring(name);
    auto* completer = new QCompleter(names, edit);
    completer->setCaseSensitivity(Qt::CaseInsensitive);
    completer->setFilterMode(Qt::MatchContains);
    edit->setCompleter(completer);
  }
  connect(edit, &QLineEdit::returnPressed, this, &AskView::ask);
  return edit;
}

void AskView::ask() {
  if (inquiry_.is_busy()) return;
  keep_words();
  // Words of the other kinds are not said here.
  scenarios::AskWords said;
  for (const FieldEdit& field : edits_) said.*field.word = words_.*field.word;
  problem_->hide();
  answer_->hide();
  answer_->set_reply(nullptr);
  inquiry_.ask(kind(), std::move(said));
}

void AskView::show_busy(bool busy) {
  start_->setEnabled(!busy);
  cancel_->setVisible(busy);
  progress_->setVisible(busy);
  if (busy) {
    progress_->setRange(0, 0);  // until the first is told
    progress_->setFormat({});
  }
}

void AskView::show_problem(const QString& message) {
  show_busy(false);
  problem_->setText(message);
  problem_->show();
}

void AskView::show_reply(const ReplyPtr& reply) {
  show_busy(false);
  answer_->set_reply(reply);
  answer_->show();
  // Its place is known once it was laid out.
  QTimer::singleShot(0, this, [this] { scroll_->ensureWidgetVisible(answer_, 0, 0); });
}

void AskView::set_can_leave(bool can) { back_->setVisible(can); }

void AskView::color() { tint(*problem_, worse_color(palette())); }

void AskView::changeEvent(QEvent* event) {
  QWidget::changeEvent(event);
  if (event->type() == QEvent::PaletteChange && problem_ != nullptr) color();
}

}  // namespace orrery::gui
