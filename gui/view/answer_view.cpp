#include "gui/view/answer_view.hpp"

#include <QEvent>
#include <QHBoxLayout>
#include <QHeaderView>
#include <QLabel>
#include <QPushButton>
#include <QTreeWidget>
#include <QVBoxLayout>

#include "gui/look/labels.hpp"
#include "gui/look/text.hpp"
#include "gui/look/theme.hpp"

namespace orrery::gui {

namespace {

constexpr int kLeastPlanRows = 6;

}  // namespace

AnswerView::AnswerView(QWidget* parent) : QWidget(parent) {
  setObjectName(QStringLiteral("answer_view"));
  setAccessibleName(tr("Answer"));
  headline_ = make_text(*this, QStringLiteral("ask_headline"));
  headline_->setFont(scaled(font(), 1.25, true));
  about_ = make_text(*this, QStringLiteral("ask_about"));
  about_->setForegroundRole(QPalette::PlaceholderText);
  facts_ = make_text(*this, QStringLiteral("ask_facts"));
  auto* layout = new QVBoxLayout(this);
  layout->setContentsMargins(0, 0, 0, 0);
  layout->addWidget(headline_);
  layout->addWidget(about_);
  layout->addWidget(facts_);
  make_buttons();
  plans_ = new QTreeWidget(this);
  plans_->setObjectName(QStringLiteral("ask_plans"));
  plans_->setAccessibleName(tr("Plans that were tried, the best first"));
  plans_->setRootIsDecorated(false);
  plans_->setUniformRowHeights(true);
  plans_->setAlternatingRowColors(true);
  plans_->header()->setSectionsMovable(false);
  plans_->setMinimumHeight(fontMetrics().lineSpacing() * (kLeastPlanRows + 2));
  layout->addWidget(plans_, 1);
}

void AnswerView::make_buttons() {
  open_ = new QPushButton(tr("&Open this scenario"), this);
  open_->setObjectName(QStringLiteral("ask_open"));
  save_ = new QPushButton(tr("Sa&ve this scenario…"), this);
  save_->setObjectName(QStringLiteral("ask_save"));
  auto* row = new QHBoxLayout;
  row->addWidget(open_);
  row->addWidget(save_);
  row->addStretch(1);
  static_cast<QVBoxLayout*>(layout())->addLayout(row);
  connect(open_, &QPushButton::clicked, this,
          [this] { emit open_requested(to_qstring(reply_->answer.scenario), false); });
  connect(save_, &QPushButton::clicked, this,
          [this] { emit open_requested(to_qstring(reply_->answer.scenario), true); });
}

void AnswerView::set_reply(const ReplyPtr& reply) {
  reply_ = reply;
  if (!reply_) return;
  const scenarios::AnswerWords& words = reply_->words;
  headline_->setText(capital(words.headline));
  QStringList about;
  for (const std::string& line : {words.note, words.question, words.footnote}) {
    if (!line.empty()) about << to_qstring(line);
  }
  about_->setText(about.join(QLatin1Char('\n')));
  about_->setVisible(!about.isEmpty());
  QStringList facts;
  for (const std::string& fact : words.facts) facts << capital(fact);
  facts_->setText(facts.join(QLatin1Char('\n')));
  for (QPushButton* button : {open_, save_}) button->setEnabled(!reply_->answer.scenario.empty());
  fill_plans(words);
  color();
}

void AnswerView::fill_plans(const scenarios::AnswerWords& words) {
  plans_->clear();
  QStringList titles;
  for (const scenarios::AnswerColumn& column : words.columns) titles << to_qstring(column.title);
  const auto remarks = static_cast<int>(titles.size());
  titles << QString();
  plans_->setColumnCount(static_cast<int>(titles.size()));
  plans_->setHeaderLabels(titles);
  const QColor quiet = palette().color(QPalette::PlaceholderText);
  for (const scenarios::AnswerRow& row : words.rows) {
    auto* item = new QTreeWidgetItem(plans_);
    for (int i = 0; i < remarks; ++i) {
      item->setText(i, to_qstring(row.cells[static_cast<std::size_t>(i)]));
      if (i > 0) item->setTextAlignment(i, Qt::AlignRight | Qt::AlignVCenter);
    }
    QStringList notes;
    for (const std::string& remark : row.remarks) notes << to_qstring(remark);
    item->setText(remarks, notes.join(QStringLiteral(", ")));
    item->setToolTip(remarks, item->text(remarks));
    for (int i = 0; i <= remarks && !row.holds; ++i) item->setForeground(i, quiet);
  }
  for (int i = 0; i < remarks; ++i) {
    plans_->resizeColumnToContents(i);
    if (i > 0) plans_->headerItem()->setTextAlignment(i, Qt::AlignRight | Qt::AlignVCenter);
  }
  plans_->setVisible(!words.rows.empty());
}

void AnswerView::color() {
  if (!reply_) return;
  tint(*headline_, reply_->answer.holds() ? palette().color(QPalette::WindowText) : worse_color(palette()));
}

void AnswerView::changeEvent(QEvent* event) {
  QWidget::changeEvent(event);
  if (event->type() != QEvent::PaletteChange || !reply_ || plans_ == nullptr) return;
  color();
  fill_plans(reply_->words);
}

}  // namespace orrery::gui
