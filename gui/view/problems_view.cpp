#include "gui/view/problems_view.hpp"

#include <algorithm>

#include <QListWidget>
#include <QStyle>
#include <QVBoxLayout>

#include "gui/look/text.hpp"

namespace orrery::gui {

namespace {

constexpr int kLineRole = Qt::UserRole;
constexpr int kColumnRole = Qt::UserRole + 1;
constexpr std::size_t kMostRows = 200;  ///< nobody reads more; the first ones often cause the rest
constexpr int kMostVisible = 5;

}  // namespace

ProblemsView::ProblemsView(QWidget* parent) : QWidget(parent), list_(new QListWidget(this)) {
  setObjectName(QStringLiteral("problems_view"));
  list_->setObjectName(QStringLiteral("problems_list"));
  list_->setAccessibleName(tr("Problems of the scenario"));
  list_->setTextElideMode(Qt::ElideRight);
  list_->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  auto* layout = new QVBoxLayout(this);
  layout->setContentsMargins(0, 0, 0, 0);
  layout->addWidget(list_);
  setFocusProxy(list_);
  setSizePolicy(QSizePolicy::Preferred, QSizePolicy::Fixed);
  const int icon_size = fontMetrics().height();
  list_->setIconSize({icon_size, icon_size});
  const auto go = [this](const QListWidgetItem* item) {
    const int line = item->data(kLineRole).toInt();
    if (line > 0) emit go_to_requested(line, item->data(kColumnRole).toInt());
  };
  // A double click activates too: once there, to go again changes nothing.
  connect(list_, &QListWidget::itemClicked, this, go);
  connect(list_, &QListWidget::itemActivated, this, go);
  hide();
}

void ProblemsView::set_problems(const std::vector<hardware::Diagnostic>& problems) {
  count_ = static_cast<int>(problems.size());
  list_->clear();
  const QIcon icon = style()->standardIcon(QStyle::SP_MessageBoxCritical);
  for (std::size_t i = 0; i < std::min(problems.size(), kMostRows); ++i) {
    const hardware::Diagnostic& problem = problems[i];
    const QString message = QString::fromStdString(problem.message);
    const bool is_placed = problem.span.line > 0;
    const QString place = tr("Line %1, column %2: ").arg(problem.span.line).arg(problem.span.column);
    auto* item = new QListWidgetItem(icon, (is_placed ? place : QString()) + message, list_);
    item->setToolTip(plain_tip(message));
    item->setData(kLineRole, problem.span.line);
    item->setData(kColumnRole, problem.span.column);
  }
  if (problems.size() > kMostRows) {
    new QListWidgetItem(tr("and %1 more").arg(problems.size() - kMostRows), list_);
  }
  const int rows = std::clamp(list_->count(), 1, kMostVisible);
  const int row_height = std::max(list_->sizeHintForRow(0), fontMetrics().height());
  list_->setFixedHeight(rows * row_height + 2 * list_->frameWidth() + 2);
  setVisible(!problems.empty());
}

int ProblemsView::count() const { return count_; }

}  // namespace orrery::gui
