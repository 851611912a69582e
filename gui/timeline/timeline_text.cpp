#include "gui/timeline/timeline_text.hpp"

#include <QStringList>
#include <fmt/format.h>

#include "gui/look/theme.hpp"
#include "gui/timeline/time_scale.hpp"
#include "scenarios/format.hpp"

namespace orrery::gui {

namespace {

QString activity_name(std::size_t activity) { return readable_name(sim::name(static_cast<sim::Activity>(activity))); }

QString percent(double share) {
  return QString::number(100.0 * share, 'f', share < 0.0995 ? 1 : 0) + QStringLiteral("\u00a0%");
}

QString place(const Track& track) {
  return QString::fromStdString(track.group) + QStringLiteral(", ") + QString::fromStdString(track.name);
}

}  // namespace

QString metric_of(sim::Activity activity) {
  if (sim::is_communication(activity)) return QStringLiteral("training.communication_s");
  switch (activity) {
    case sim::Activity::optimizer:
      return QStringLiteral("training.optimizer_s");
    case sim::Activity::prefill:
      return QStringLiteral("serving.ttft_s.mean");
    case sim::Activity::decode:
    case sim::Activity::mixed:
      return QStringLiteral("serving.tpot_s.mean");
    default:
      return QStringLiteral("training.compute_s");
  }
}

QString describe_span(const TimelineIndex& index, std::size_t span_index) {
  const sim::Timeline& timeline = *index.timeline();
  const sim::Span& span = timeline.spans[span_index];
  const Track& track = index.tracks()[index.track_of(span_index)];
  QStringList parts;
  if (span.label.index() < timeline.labels.size()) {
    parts << QString::fromStdString(timeline.labels[span.label.index()]);
  }
  parts << activity_name(static_cast<std::size_t>(span.activity))
        << QStringLiteral("starts ") + format_time(static_cast<double>(span.start), 7)
        << QStringLiteral("lasts ") + format_time(static_cast<double>(span.end - span.start)) << place(track);
  if (const sim::HeldUpSpan* held = timeline.find_held_up(span_index)) {
    const QString link = held->link < timeline.links.size() ? QString::fromStdString(timeline.links[held->link])
                                                            : QStringLiteral("a link");
    parts << QStringLiteral("held up %1 by %2").arg(format_time(static_cast<double>(held->delay)), link);
  }
  return parts.join(QStringLiteral("  ·  "));
}

QString describe_shares(const TimelineIndex& index, std::size_t track, sim::SimTime begin, sim::SimTime end) {
  const ActivityTimes busy = index.busy(track, track + 1, begin, end);
  const double range = static_cast<double>(std::max<sim::SimTime>(end - begin, 1));
  QStringList parts;
  double idle = 1.0;
  for (std::size_t a = 0; a < kActivities; ++a) {
    const double share = busy[a] / range;
    idle -= share;
    if (share >= 0.0005) parts << activity_name(a) + QLatin1Char(' ') + percent(share);
  }
  if (idle >= 0.0005) parts << QStringLiteral("idle ") + percent(idle);
  return QStringLiteral("%1 from %2  ·  %3  ·  %4")
      .arg(format_time(range), format_time(static_cast<double>(begin), 7), place(index.tracks()[track]),
           parts.join(QStringLiteral(", ")));
}

QString describe_selection(const TimelineIndex& index, sim::SimTime begin, sim::SimTime end) {
  const std::size_t tracks = index.tracks().size();
  const ActivityTimes busy = index.busy(0, tracks, begin, end);
  QStringList parts;
  double sum = 0.0;
  for (std::size_t a = 0; a < kActivities; ++a) {
    sum += busy[a];
    if (busy[a] > 0.0) parts << activity_name(a) + QLatin1Char(' ') + format_time(busy[a]);
  }
  const double all = static_cast<double>(end - begin) * static_cast<double>(tracks);
  if (parts.isEmpty()) parts << QStringLiteral("nothing ran");
  return QStringLiteral("Selected %1 from %2, summed over %3 tracks (%4 busy): %5")
      .arg(format_time(static_cast<double>(end - begin)), format_time(static_cast<double>(begin), 7),
           QString::number(tracks), percent(all > 0.0 ? sum / all : 0.0), parts.join(QStringLiteral(", ")));
}

std::vector<sim::Activity> activities_present(const TimelineIndex& index) {
  std::array<bool, kActivities> present = {};
  for (std::size_t track = 0; track < index.tracks().size(); ++track) {
    for (const std::uint8_t a : index.activities(track)) present[a] = true;
  }
  std::vector<sim::Activity> result;
  for (std::size_t a = 0; a < kActivities; ++a) {
    if (present[a]) result.push_back(static_cast<sim::Activity>(a));
  }
  return result;
}

std::string timeline_csv(const TimelineIndex& index, sim::SimTime begin, sim::SimTime end) {
  if (index.tracks().empty()) return {};
  std::string text = "group,track,activity,begin_s,end_s,busy_s,share\n";
  const double range = static_cast<double>(std::max<sim::SimTime>(end - begin, 1));
  for (std::size_t t = 0; t < index.tracks().size(); ++t) {
    const Track& track = index.tracks()[t];
    const ActivityTimes busy = index.busy(t, t + 1, begin, end);
    for (const std::uint8_t a : index.activities(t)) {
      text +=
          fmt::format("{},{},{},{:.12g},{:.12g},{:.12g},{:.6g}\n", scenarios::csv_field(track.group),
                      scenarios::csv_field(track.name), sim::name(static_cast<sim::Activity>(a)),
                      sim::to_seconds(begin).value(), sim::to_seconds(end).value(), busy[a] * 1e-12, busy[a] / range);
    }
  }
  return text;
}

}  // namespace orrery::gui
