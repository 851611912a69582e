#include "gui/view/compare_view.hpp"

#include <algorithm>

#include <QComboBox>
#include <QHBoxLayout>
#include <QHeaderView>
#include <QLabel>
#include <QPushButton>
#include <QScrollArea>
#include <QSplitter>
#include <QTableView>
#include <QToolButton>
#include <QVBoxLayout>

#include "gui/model/metric_text.hpp"
#include "gui/timeline/timeline_view.hpp"

namespace orrery::gui {

namespace {

QComboBox* make_choice(QWidget* parent, const QString& name, const QString& what) {
  auto* choice = new QComboBox(parent);
  choice->setObjectName(name);
  choice->setAccessibleName(what);
  choice->setPlaceholderText(QStringLiteral("no run"));
  choice->setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
  choice->setMinimumContentsLength(12);
  return choice;
}

QString label_of(const RunPtr& run) { return run ? QString::fromStdString(run->label()) : QString(); }

}  // namespace

CompareView::CompareView(QWidget* parent) : RunView(parent) {
  setObjectName(QStringLiteral("compare_view"));
  setAccessibleName(QStringLiteral("Comparison of two runs"));
  auto* layout = new QVBoxLayout(this);
  layout->addWidget(make_choices());
  hint_ =
      new QLabel(QStringLiteral("There is nothing to compare with yet: change a value, or choose another file."), this);
  hint_->setObjectName(QStringLiteral("compare_hint"));
  hint_->setAlignment(Qt::AlignCenter);
  hint_->setWordWrap(true);
  hint_->setForegroundRole(QPalette::PlaceholderText);
  layout->addWidget(hint_);
  auto* splitter = new QSplitter(Qt::Vertical, this);
  splitter->setObjectName(QStringLiteral("compare_splitter"));
  splitter->setChildrenCollapsible(false);
  splitter->addWidget(make_table());
  splitter->addWidget(make_timelines());
  splitter->setStretchFactor(0, 2);
  splitter->setStretchFactor(1, 3);
  splitter->setSizes({200, 300});
  // Where a view is too low for table and timelines it scrolls instead of cutting them.
  auto* scroll = new QScrollArea(this);
  scroll->setWidgetResizable(true);
  scroll->setFrameShape(QFrame::NoFrame);
  scroll->setFocusPolicy(Qt::NoFocus);
  scroll->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  scroll->setWidget(splitter);
  layout->addWidget(scroll, 1);
}

QWidget* CompareView::make_choices() {
  auto* bar = new QWidget(this);
  choice_a_ = make_choice(bar, QStringLiteral("compare_a"), QStringLiteral("Run A"));
  choice_b_ = make_choice(bar, QStringLiteral("compare_b"), QStringLiteral("Run B"));
  auto* label_a = new QLabel(QStringLiteral("&A"), bar);
  label_a->setBuddy(choice_a_);
  auto* label_b = new QLabel(QStringLiteral("&B"), bar);
  label_b->setBuddy(choice_b_);
  auto* swap_button = new QToolButton(bar);
  swap_button->setObjectName(QStringLiteral("compare_swap"));
  swap_button->setText(QStringLiteral("⇄"));
  swap_button->setToolTip(QStringLiteral("Swap A and B"));
  swap_button->setAccessibleName(QStringLiteral("Swap A and B"));
  follow_ = new QToolButton(bar);
  follow_->setObjectName(QStringLiteral("compare_follow"));
  follow_->setText(QStringLiteral("&Last edit"));
  follow_->setCheckable(true);
  follow_->setChecked(true);
  follow_->setToolTip(QStringLiteral("Always compare the last run with the one before"));
  auto* other = new QPushButton(QStringLiteral("&Other file…"), bar);
  other->setObjectName(QStringLiteral("compare_open"));
  other->setToolTip(QStringLiteral("Simulate another scenario file and compare with it"));
  auto* layout = new QHBoxLayout(bar);
  layout->setContentsMargins(0, 0, 0, 0);
  layout->addWidget(label_a);
  layout->addWidget(choice_a_, 1);
  layout->addWidget(swap_button);
  layout->addWidget(label_b);
  layout->addWidget(choice_b_, 1);
  layout->addWidget(follow_);
  layout->addWidget(other);
  connect(choice_a_, &QComboBox::activated, this, &CompareView::take_choice);
  connect(choice_b_, &QComboBox::activated, this, &CompareView::take_choice);
  connect(follow_, &QToolButton::clicked, this, &CompareView::follow);
  connect(swap_button, &QToolButton::clicked, this, &CompareView::swap);
  connect(other, &QPushButton::clicked, this, &CompareView::open_requested);
  return bar;
}

QWidget* CompareView::make_table() {
  model_ = new ComparisonModel(this);
  table_ = new QTableView(this);
  table_->setObjectName(QStringLiteral("compare_table"));
  table_->setAccessibleName(QStringLiteral("Differences"));
  table_->setModel(model_);
  table_->setAlternatingRowColors(true);
  table_->setShowGrid(false);
  table_->setSelectionBehavior(QAbstractItemView::SelectRows);
  table_->setTabKeyNavigation(false);
  table_->setWordWrap(false);
  table_->verticalHeader()->hide();
  const int row = table_->fontMetrics().height() + 2;
  table_->verticalHeader()->setSectionResizeMode(QHeaderView::Fixed);
  table_->verticalHeader()->setMinimumSectionSize(row);
  table_->verticalHeader()->setDefaultSectionSize(row);
  table_->setMinimumHeight(8 * row);
  QHeaderView* header = table_->horizontalHeader();
  header->setHighlightSections(false);
  header->setSectionResizeMode(QHeaderView::ResizeToContents);
  header->setSectionResizeMode(ComparisonModel::kMetric, QHeaderView::Stretch);
  connect(table_, &QTableView::doubleClicked, this, [this](const QModelIndex& index) {
    // Explanations are of the current run.
    if (b_ == current_ || a_ == current_) {
      emit explain_requested(index.siblingAtColumn(ComparisonModel::kMetric).data().toString(), {});
    }
  });
  return table_;
}

QWidget* CompareView::make_timelines() {
  auto* both = new QSplitter(Qt::Vertical, this);
  both->setChildrenCollapsible(false);
  const auto add = [both](QLabel*& title, TimelineView*& timeline, const QString& name) {
    auto* part = new QWidget(both);
    title = new QLabel(part);
    title->setTextFormat(Qt::PlainText);
    title->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Fixed);
    timeline = new TimelineView(part);
    timeline->setObjectName(name);
    auto* layout = new QVBoxLayout(part);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(1);
    layout->addWidget(title);
    layout->addWidget(timeline, 1);
    both->addWidget(part);
  };
  add(title_a_, timeline_a_, QStringLiteral("compare_timeline_a"));
  add(title_b_, timeline_b_, QStringLiteral("compare_timeline_b"));
  timeline_a_->setAccessibleName(QStringLiteral("Timeline of run A"));
  timeline_b_->setAccessibleName(QStringLiteral("Timeline of run B"));
  timeline_a_->set_compact(true);
  timeline_b_->set_compact(false);
  link(*timeline_a_, *timeline_b_);
  link(*timeline_b_, *timeline_a_);
  for (TimelineView* timeline : {timeline_a_, timeline_b_}) {
    connect(timeline, &RunView::explain_requested, this, &RunView::explain_requested);
  }
  return both;
}

void CompareView::link(TimelineView& from, TimelineView& to) {
  connect(&from, &TimelineView::range_changed, this, [this, &to](sim::SimTime begin, sim::SimTime end) {
    if (linking_) return;
    linking_ = true;
    to.set_range(begin, end);
    linking_ = false;
  });
}

void CompareView::set_runs(const RunPtr& current, const RunPtr& previous) {
  current_ = current;
  previous_ = previous;
  if (!chosen_) set_pair(previous_, current_);
}

/// What is compared stays where the user chose it: kept runs are of any scenario.
void CompareView::forget() {
  for (TimelineView* timeline : {timeline_a_, timeline_b_}) timeline->forget();
}

void CompareView::set_choices(const std::vector<RunPtr>& runs) {
  runs_ = runs;
  const auto kept = [this](const RunPtr& run) { return std::find(runs_.begin(), runs_.end(), run) != runs_.end(); };
  if (chosen_ && (!kept(a_) || !kept(b_))) {
    follow(true);
    return;
  }
  fill_choices();
}

bool CompareView::choose(std::uint64_t a, std::uint64_t b) {
  const RunPtr run_a = find(a), run_b = find(b);
  if (!run_a || !run_b) return false;
  follow(false);
  set_pair(run_a, run_b);
  return true;
}

std::string CompareView::csv() const {
  if (!outdated_) return model_->csv();
  ComparisonModel model;  // the view was not shown since
  model.set_runs(a_, b_);
  return model.csv();
}

/// Among the choices.
RunPtr CompareView::find(std::uint64_t number) const {
  const std::vector<RunPtr> runs = choices();
  const auto found =
      std::find_if(runs.begin(), runs.end(), [&](const RunPtr& run) { return run->request.number == number; });
  return found != runs.end() ? *found : nullptr;
}

/// Newest first. What is compared is a choice even when it is not among the kept runs yet.
std::vector<RunPtr> CompareView::choices() const {
  std::vector<RunPtr> runs = runs_;
  for (const RunPtr& run : {a_, b_}) {
    if (run && std::find(runs.begin(), runs.end(), run) == runs.end()) runs.push_back(run);
  }
  std::sort(runs.begin(), runs.end(),
            [](const RunPtr& x, const RunPtr& y) { return x->request.number > y->request.number; });
  return runs;
}

/// Whether the last edit is compared, or what the user chose.
void CompareView::follow(bool last_edit) {
  chosen_ = !last_edit;
  follow_->setChecked(last_edit);
  if (last_edit) set_pair(previous_, current_);
}

void CompareView::set_pair(const RunPtr& a, const RunPtr& b) {
  const bool same = a == a_ && b == b_;
  a_ = a;
  b_ = b;
  fill_choices();
  if (same) return;
  outdated_ = true;
  if (isVisible()) refresh();
}

void CompareView::fill_choices() {
  const std::vector<RunPtr> runs = choices();
  for (QComboBox* choice : {choice_a_, choice_b_}) {
    const QSignalBlocker blocker(choice);
    const RunPtr& selected = choice == choice_a_ ? a_ : b_;
    choice->clear();
    for (const RunPtr& run : runs) {
      choice->addItem(label_of(run), QVariant::fromValue(static_cast<qulonglong>(run->request.number)));
      choice->setItemData(choice->count() - 1, plain_tip(to_qstring(run->report.scenario.title)), Qt::ToolTipRole);
    }
    const auto place = std::find(runs.begin(), runs.end(), selected);
    choice->setCurrentIndex(place == runs.end() ? -1 : static_cast<int>(place - runs.begin()));
    choice->setToolTip(plain_tip(label_of(selected)));
    choice->setEnabled(!runs.empty());
  }
}

void CompareView::take_choice() {
  const auto run_of = [this](const QComboBox& choice, const RunPtr& before) {
    if (choice.currentIndex() < 0) return before;
    const std::uint64_t number = choice.currentData().toULongLong();
    const RunPtr run = find(number);
    return run ? run : before;
  };
  follow(false);
  set_pair(run_of(*choice_a_, a_), run_of(*choice_b_, b_));
}

void CompareView::swap() {
  follow(false);
  set_pair(b_, a_);
}

void CompareView::showEvent(QShowEvent* event) {
  RunView::showEvent(event);
  if (outdated_) refresh();
}

void CompareView::refresh() {
  outdated_ = false;
  model_->set_runs(a_, b_);
  const bool both = a_ != nullptr && b_ != nullptr;
  hint_->setVisible(!both);
  table_->setVisible(both);
  title_a_->parentWidget()->setVisible(a_ != nullptr);
  title_b_->parentWidget()->setVisible(b_ != nullptr);
  title_a_->setText(QStringLiteral("A  ") + label_of(a_));
  title_b_->setText(QStringLiteral("B  ") + label_of(b_));
  linking_ = true;
  timeline_a_->set_runs(a_, nullptr);
  timeline_b_->set_runs(b_, nullptr);
  linking_ = false;
  align_timelines();
}

/// One time axis for both, as long as the longer run, so that equal lengths are equal times.
void CompareView::align_timelines() {
  const auto makespan = [](const RunPtr& run) { return run ? run->timeline.makespan : sim::SimTime{0}; };
  const sim::SimTime end = std::max(makespan(a_), makespan(b_));
  if (end == 0) return;
  linking_ = true;
  timeline_a_->set_range(0, end);
  timeline_b_->set_range(0, end);
  linking_ = false;
}

}  // namespace orrery::gui
