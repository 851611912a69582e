#include "gui/view/memory_view.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include <fmt/format.h>
#include <qcustomplot.h>

#include "gui/look/text.hpp"
#include "gui/look/theme.hpp"
#include "gui/view/plot_style.hpp"
#include "scenarios/format.hpp"

namespace orrery::gui {

namespace {

constexpr std::size_t kNamedStacks = 3;  ///< so many have room for names within their parts
constexpr std::size_t kTextStacks = 6;   ///< so many have room for a text each

QString bytes_text(double bytes) { return readable_value(AxisUnit::bytes, bytes); }

/// The stack that lacks the most; if none lacks anything, the fullest.
std::size_t worst(const std::vector<MemoryStack>& stacks) {
  const auto it = std::max_element(stacks.begin(), stacks.end(), [](const MemoryStack& a, const MemoryStack& b) {
    return a.missing != b.missing ? a.missing < b.missing : a.peak < b.peak;
  });
  return static_cast<std::size_t>(it - stacks.begin());
}

double limit_of(const MemoryStack& stack) { return stack.budget > 0.0 ? stack.budget : stack.capacity; }

/// Where the mark of what is missing begins: above what there is room for.
double mark_begin(const MemoryStack& stack) { return std::min(stack.peak, limit_of(stack)); }

/// A part as bars: its name and colour in every stack that has it.
struct Layer {
  std::string name;
  sim::MemoryKind kind;
  std::vector<const MemoryPart*> parts;  ///< of each stack; null: it has none
};

/// From below, so that every stack has its own parts in their own order: jobs of unlike kinds have unlike parts.
std::vector<Layer> layers_of(const std::vector<MemoryStack>& stacks) {
  std::vector<Layer> layers;
  for (std::size_t s = 0; s < stacks.size(); ++s) {
    std::size_t below = 0;  // layers that lie under the next part
    for (const MemoryPart& part : stacks[s].parts) {
      const auto free = layers.begin() + static_cast<std::ptrdiff_t>(below);
      auto found = std::find_if(free, layers.end(),
                                [&](const Layer& layer) { return layer.name == part.name && layer.kind == part.kind; });
      if (found == layers.end()) {
        found = layers.insert(free, {part.name, part.kind, std::vector<const MemoryPart*>(stacks.size())});
      }
      found->parts[s] = &part;
      below = static_cast<std::size_t>(found - layers.begin()) + 1;
    }
  }
  return layers;
}

/// All of them are the stages of one job, in order.
bool are_stages(const std::vector<MemoryStack>& stacks) {
  for (std::size_t i = 0; i < stacks.size(); ++i) {
    if (stacks[i].name != fmt::format("stage {}", i)) return false;
  }
  return stacks.size() > 1;
}

QString headline(const std::vector<MemoryStack>& stacks) {
  const MemoryStack& stack = stacks[worst(stacks)];
  const QString name = to_qstring(stack.name), peak = bytes_text(stack.peak), limit = bytes_text(limit_of(stack));
  const auto over = std::count_if(stacks.begin(), stacks.end(), [](const MemoryStack& s) { return s.overflows(); });
  if (over == 0) {
    return stack.budget > 0.0 ? QObject::tr("Fits: %1 takes %2 of %3 allowed").arg(name, peak, limit)
                              : QObject::tr("Fits: %1 takes %2 of %3 usable").arg(name, peak, limit);
  }
  if (stack.peak <= limit_of(stack)) {
    return QObject::tr("Does not fit: %1 lacks %2 of KV cache for a request of the longest length")
        .arg(name, bytes_text(stack.missing));
  }
  const QString words = QObject::tr("Does not fit: %1 needs %2 more than the %3 there are")
                            .arg(name, bytes_text(std::max(stack.missing, stack.peak - stack.capacity)), limit);
  return over > 1 ? words + QObject::tr(" (%1 of %2 stages do not fit)").arg(over).arg(stacks.size()) : words;
}

}  // namespace

MemoryView::MemoryView(QWidget* parent) : PlotView(QStringLiteral("memory_view"), tr("Memory of a GPU"), parent) {}

void MemoryView::set_runs(const RunPtr& current, const RunPtr& previous) {
  stacks_ = current ? memory_stacks(current->report) : std::vector<MemoryStack>();
  before_ = previous ? memory_stacks(previous->report) : std::vector<MemoryStack>();
  cursor_ = {};
  PlotView::set_runs(current, previous);
}

QString MemoryView::reason() const {
  if (!current()) return tr("Memory appears here when the first run is done.");
  if (stacks_.empty()) return tr("This scenario was skipped: it has no memory to show.");
  return {};
}

QString MemoryView::description() const {
  QString words = headline(stacks_) + QStringLiteral(". ");
  const MemoryStack& stack = stacks_[worst(stacks_)];
  words += tr("Of %1: ").arg(to_qstring(stack.name));
  QStringList parts;
  for (const MemoryPart& part : stack.parts) {
    if (part.bytes > 0.0) parts << to_qstring(part.name) + QLatin1Char(' ') + bytes_text(part.bytes);
  }
  words += parts.join(QStringLiteral(", ")) + QLatin1Char('.');
  if (!before_.empty()) words += tr(" Before: ") + headline(before_) + QLatin1Char('.');
  return words;
}

std::string MemoryView::csv() const {
  if (stacks_.empty()) return {};
  std::string table = "run,place,part,bytes,peak_bytes,capacity_bytes,missing_bytes,metric\n";
  for (const bool is_previous : {false, true}) {
    for (const MemoryStack& stack : stacks(is_previous)) {
      for (const MemoryPart& part : stack.parts) {
        table += fmt::format("{},{},{},{},{},{},{},{}\n", is_previous ? "previous" : "current", stack.name, part.name,
                             scenarios::shortest(part.bytes), scenarios::shortest(stack.peak),
                             scenarios::shortest(stack.capacity), scenarios::shortest(stack.missing), part.metric);
      }
    }
  }
  return table;
}

double MemoryView::width() const { return stacks_.size() == 1 ? 0.36 : (before_.empty() ? 0.72 : 0.42); }

double MemoryView::center(std::size_t stack, bool is_previous) const {
  if (before_.empty()) return static_cast<double>(stack);
  const double aside = 0.5 * width() + (stacks_.size() > 16 ? 0.0 : 0.01);
  return static_cast<double>(stack) + (is_previous ? -aside : aside);
}

double MemoryView::top() const {
  double most = 0.0;
  for (const bool is_previous : {false, true}) {
    for (const MemoryStack& stack : stacks(is_previous)) {
      most = std::max({most, stack.peak, stack.capacity, mark_begin(stack) + stack.missing});
    }
  }
  return most * 1.14;
}

void MemoryView::draw() {
  QCPLayoutGrid& grid = *plot().plotLayout();
  // Text elements don't wrap: short lines leave the legend its width.
  QString text = headline(stacks_);
  text.replace(QLatin1String(" ("), QLatin1String("\n(")).replace(tr(" more than"), tr(" more\nthan"));
  QCPTextElement* title = make_title(plot(), text, 1.0);
  const bool over = std::any_of(stacks_.begin(), stacks_.end(), [](const MemoryStack& s) { return s.overflows(); });
  if (over) {
    title->setTextColor(worse_color(palette()));
    title->setProperty(kOwnColor, true);
  }
  grid.addElement(0, 0, title);
  auto* rect = new QCPAxisRect(&plot());
  rect->setupFullAxesBox(true);
  rect->axis(QCPAxis::atTop)->setVisible(false);
  grid.addElement(1, 0, rect);
  QCPAxis* x = rect->axis(QCPAxis::atBottom);
  QCPAxis* y = rect->axis(QCPAxis::atLeft);
  x->grid()->setVisible(false);
  const auto bytes = QSharedPointer<UnitTicker>::create(AxisUnit::bytes);
  bytes->setTickCount(7);
  y->setTicker(bytes);
  y->setRange(0.0, top());
  const std::size_t places = std::max(stacks_.size(), before_.size());
  const double aside = places == 1 ? 0.8 : 0.6;
  x->setRange(-aside, static_cast<double>(places) - 1.0 + aside);
  draw_names();
  if (!before_.empty()) draw_bars(true);
  const std::vector<QCPBars*> layers = draw_bars(false);
  draw_values();
  draw_limits();
  const bool all = stacks_.size() <= kTextStacks;
  for (std::size_t i = 0; i < stacks_.size(); ++i) {
    if (stacks_[i].overflows()) draw_overflow(i, all || i == worst(stacks_));
  }
  draw_legend(layers);
}

/// A stage's number, or a job's name.
void MemoryView::draw_names() {
  constexpr std::size_t kMostNames = 32, kLevelNames = 4;
  QCPAxis* x = plot().axisRect(0)->axis(QCPAxis::atBottom);
  const auto ticker = QSharedPointer<QCPAxisTickerText>::create();
  const std::vector<MemoryStack>& named = stacks_.size() >= before_.size() ? stacks_ : before_;
  const std::size_t every = (named.size() + kMostNames - 1) / kMostNames;
  const bool numbers = are_stages(named);
  for (std::size_t i = 0; i < named.size(); i += every) {
    ticker->addTick(static_cast<double>(i), numbers ? QString::number(i) : to_qstring(named[i].name));
  }
  x->setTicker(ticker);
  if (numbers) x->setLabel(tr("pipeline stage"));
  if (!numbers && named.size() > kLevelNames) x->setTickLabelRotation(-30.0);
}

std::vector<QCPBars*> MemoryView::draw_bars(bool is_previous) {
  QCPAxisRect* rect = plot().axisRect(0);
  std::vector<QCPBars*> drawn;
  QCPBars* below = nullptr;
  for (const Layer& layer : layers_of(stacks(is_previous))) {
    auto* bars = new QCPBars(rect->axis(QCPAxis::atBottom), rect->axis(QCPAxis::atLeft));
    const QColor color = memory_color(layer.kind);
    bars->setName(to_qstring(layer.name));
    bars->setWidth(width());
    bars->setPen(Qt::NoPen);
    bars->setBrush(is_previous ? plot_pale(color, palette()) : color);
    bars->setSelectable(QCP::stNone);
    for (std::size_t i = 0; i < layer.parts.size(); ++i) {
      bars->addData(center(i, is_previous), layer.parts[i] != nullptr ? layer.parts[i]->bytes : 0.0);
    }
    if (below != nullptr) bars->moveAbove(below);
    below = bars;
    drawn.push_back(bars);
  }
  return drawn;
}

void MemoryView::draw_values() {
  if (stacks_.size() > kTextStacks || (!before_.empty() && stacks_.size() > kNamedStacks)) return;
  QCPAxisRect& rect = *plot().axisRect(0);
  for (std::size_t i = 0; i < stacks_.size(); ++i) {
    double reach = 0.0;
    for (const MemoryPart& part : stacks_[i].parts) {
      reach += part.bytes;
      if (part.bytes < 0.045 * top()) continue;
      const QString value = bytes_text(part.bytes);
      // Beside the run before a bar has no room for the name, which is in the legend.
      const bool is_named = stacks_.size() <= kNamedStacks && before_.empty();
      const QString label = is_named ? to_qstring(part.name) + QLatin1Char(' ') + value : value;
      add_text(rect, center(i, false), reach - 0.5 * part.bytes, label, Qt::AlignCenter,
               text_on(memory_color(part.kind)));
    }
  }
}

/// A line over the stacks that have one limit; its name stands outside, where no bar can hide it.
void MemoryView::draw_limits() {
  QCPAxisRect& rect = *plot().axisRect(0);
  const QCPRange range = rect.axis(QCPAxis::atBottom)->range();
  std::map<double, QString> names;
  const auto same = [](const MemoryStack& a, const MemoryStack& b) {
    return a.capacity == b.capacity && a.budget == b.budget;
  };
  for (std::size_t first = 0, last = 0; first < stacks_.size(); first = last) {
    const MemoryStack& stack = stacks_[first];
    while (last < stacks_.size() && same(stacks_[last], stack)) ++last;
    const double from = first == 0 ? range.lower : static_cast<double>(first) - 0.5;
    const double to = last == stacks_.size() ? range.upper : static_cast<double>(last) - 0.5;
    const auto line = [&](double bytes, Qt::PenStyle style) {
      add_line(rect, {from, bytes}, {to, bytes}, QPen(plot_text(palette()), 1.6, style));
    };
    line(stack.capacity, Qt::SolidLine);
    names[stack.capacity] = bytes_text(stack.capacity) + (stack.budget > 0.0 ? tr(" in all") : tr(" usable"));
    if (stack.budget <= 0.0) continue;
    line(stack.budget, Qt::DashLine);
    names[stack.budget] = bytes_text(stack.budget) + tr(" allowed");
  }
  const auto ticker = QSharedPointer<QCPAxisTickerText>::create();
  for (auto name = names.rbegin(); name != names.rend();) {
    const double at = name->first;
    QString text = name->second;
    // What is close below has no room of its own; the axis is more than half as high as the plot.
    const double line = top() * fontMetrics().lineSpacing() / std::max(1.0, 0.5 * plot().height());
    for (double lines = 1.0; ++name != names.rend() && at - name->first < 0.5 * (lines + 1.0) * line; ++lines) {
      text += QLatin1Char('\n') + name->second;
    }
    ticker->addTick(at, text);
  }
  QCPAxis* right = rect.axis(QCPAxis::atRight);
  right->setTicker(ticker);
  right->setRange(rect.axis(QCPAxis::atLeft)->range());
  right->setTickLabels(true);
  right->setVisible(true);
}

void MemoryView::draw_overflow(std::size_t index, bool with_text) {
  QCPAxisRect& rect = *plot().axisRect(0);
  const MemoryStack& stack = stacks_[index];
  const QColor red = worse_color(palette());
  const double from = stack.missing > 0.0 ? mark_begin(stack) : stack.capacity;
  const double to = stack.missing > 0.0 ? from + stack.missing : stack.peak;
  const double x = center(index, false), half = 0.5 * width();
  auto* mark = new QCPItemRect(&plot());
  for (QCPItemPosition* position : mark->positions()) {
    position->setAxes(rect.axis(QCPAxis::atBottom), rect.axis(QCPAxis::atLeft));
  }
  mark->setClipAxisRect(&rect);
  mark->topLeft->setCoords(x - half, to);
  mark->bottomRight->setCoords(x + half, from);
  mark->setPen(QPen(red, stacks_.size() > 16 ? 1.0 : 2.0));
  mark->setBrush(QBrush(red, Qt::BDiagPattern));
  if (!with_text) return;
  const double share = (static_cast<double>(index) + 0.5) / static_cast<double>(stacks_.size());
  const bool many = stacks_.size() > kTextStacks;
  const Qt::Alignment side = many && share < 0.2   ? Qt::AlignLeft
                             : many && share > 0.8 ? Qt::AlignRight
                                                   : Qt::AlignHCenter;
  QCPItemText* label = add_text(rect,
                                many ? x - (share < 0.2   ? half
                                            : share > 0.8 ? -half
                                                          : 0.0)
                                     : x,
                                to, tr("needs %1 more").arg(bytes_text(to - from)), Qt::AlignBottom | side, red);
  QFont bold = plot().font();
  bold.setBold(true);
  label->setFont(bold);
}

void MemoryView::draw_legend(const std::vector<QCPBars*>& layers) {
  auto* legend = new QCPLegend;
  auto* side = new QCPLayoutGrid;  // keeps the legend at the top, whatever the height
  plot().plotLayout()->addElement(1, 1, side);
  side->addElement(0, 0, legend);
  side->addElement(1, 0, new QCPLayoutElement(&plot()));
  side->setRowStretchFactor(0, 0.001);
  legend->setLayer(QStringLiteral("legend"));
  legend->setFillOrder(QCPLegend::foRowsFirst);
  plot().plotLayout()->setColumnStretchFactor(1, 0.001);
  // From the top down, as the layers lie.
  for (auto bars = layers.rbegin(); bars != layers.rend(); ++bars) {
    const auto drawn = (*bars)->data();
    const bool is_there =
        std::any_of(drawn->constBegin(), drawn->constEnd(), [](const QCPBarsData& bar) { return bar.value > 0.0; });
    if (is_there) (*bars)->addToLegend(legend);
  }
  if (before_.empty()) return;
  plot().plotLayout()->addElement(0, 1, make_title(plot(), tr("faint:\nthe run before"), 0.9, false));
}

}  // namespace orrery::gui
