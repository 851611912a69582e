#include "gui/model/metric_text.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include <QStringList>

#include "scenarios/format.hpp"

namespace orrery::gui {

namespace {

struct Word {
  const char* written;
  const char* read;
};

/// Parts of names that aren't read as they are written. An empty reading leaves the part out.
constexpr std::array kWords = {
    Word{"mfu", "MFU"},        Word{"hfu", "HFU"}, Word{"ttft", "TTFT"},     Word{"tpot", "TPOT"}, Word{"itl", "ITL"},
    Word{"e2e", "end to end"}, Word{"kv", "KV"},   Word{"slo", "SLO"},       Word{"gpu", "GPU"},   Word{"usd", "USD"},
    Word{"bytes", ""},         Word{"num", ""},    Word{"tflops", "TFLOP/s"}};

QString read_word(const QString& part) {
  for (const Word& word : kWords) {
    if (part == QLatin1String(word.written)) return QString::fromUtf8(word.read);
  }
  return part;
}

QString read_part(QString part) {
  part.replace(QStringLiteral("_per_s"), QStringLiteral("/s"));
  if (part.endsWith(QStringLiteral("_s"))) part.chop(2);
  QStringList words;
  for (const QString& word : part.split(QLatin1Char('_'))) {
    const QString read = read_word(word);
    if (!read.isEmpty()) words << read;
  }
  return words.join(QLatin1Char(' '));
}

std::string_view equation_of(std::string_view metric) {
  const std::optional<scenarios::MetricRow> row = scenarios::find_metric_row(metric);
  return row ? row->equation : std::string_view();
}

QString percent(double ratio) {
  const double change = (ratio - 1.0) * 100.0;
  const QChar arrow = change > 0.0 ? QChar(0x25b2) : QChar(0x25bc);
  // From a factor of ten on, the factor reads better than "+4512.0 %".
  if (ratio >= 10.0) return QStringLiteral("%1 × %2").arg(arrow).arg(ratio, 0, 'f', ratio < 1000.0 ? 1 : 0);
  const QString sign = change > 0.0 ? QStringLiteral("+") : QString(QChar(0x2212));
  return QStringLiteral("%1 %2%3 %").arg(arrow).arg(sign).arg(std::fabs(change), 0, 'f', 1);
}

}  // namespace

QString metric_label(std::string_view metric) {
  QStringList parts = to_qstring(metric).split(QLatin1Char('.'));
  if (parts.size() > 1) parts.removeFirst();
  if (parts.size() == 3 && parts.front() == QStringLiteral("stages")) {
    return QStringLiteral("stage %1 %2").arg(parts.at(1), read_part(parts.at(2)));
  }
  for (QString& part : parts) part = read_part(part);
  return parts.join(QLatin1Char(' '));
}

QString metric_tooltip(std::string_view metric) {
  QString text = to_qstring(metric);
  if (const std::string_view equation = equation_of(metric); !equation.empty()) {
    text += QStringLiteral("\n= ") + to_qstring(equation);
  }
  if (const auto unit = scenarios::metric_unit(metric)) {
    text += QStringLiteral("\nunit in files: ") + to_qstring(scenarios::name(*unit));
  }
  return text;
}

QString signed_text(double difference, scenarios::Unit unit) {
  const QString sign = difference < 0.0 ? QString(QChar(0x2212)) : QStringLiteral("+");
  if (unit == scenarios::Unit::ratio) {
    return QStringLiteral("%1%2 points").arg(sign).arg(std::fabs(difference) * 100.0, 0, 'f', 2);
  }
  return sign + to_qstring(scenarios::readable(std::fabs(difference), unit));
}

QString wrapped(const QString& text) {
  constexpr qsizetype kWidth = 100;
  QString out;
  for (const QString& line : text.split(QLatin1Char('\n'))) {
    if (!out.isEmpty()) out += QLatin1Char('\n');
    qsizetype width = 0;
    for (const QString& word : line.split(QLatin1Char(' '))) {
      if (width > 0) out += width + word.size() > kWidth ? QLatin1Char('\n') : QLatin1Char(' ');
      if (width + word.size() > kWidth) width = 0;
      out += word;
      width += word.size() + 1;
    }
  }
  return out;
}

ChangeText describe_change(const scenarios::MetricChange& change, bool can_gain) {
  ChangeText out;
  const QString absent = QStringLiteral("nothing");
  const auto read = [&](const std::optional<double>& value) {
    return value ? to_qstring(scenarios::readable(*value, change.unit)) : absent;
  };
  out.details = QStringLiteral("%1 → %2").arg(read(change.a), read(change.b));
  if (!change.a || !change.b) {
    out.text = change.b ? QStringLiteral("new") : change.a ? QStringLiteral("gone") : QString();
    return out;
  }
  const double difference = *change.b - *change.a;
  const double scale = std::max(std::fabs(*change.a), std::fabs(*change.b));
  if (std::fabs(difference) <= kTinyChange * scale) {
    out.text = QStringLiteral("=");
    if (difference == 0.0) out.details = QStringLiteral("unchanged: ") + read(change.a);
    return out;
  }
  out.verdict = can_gain ? change.verdict() : std::min(0, change.verdict());
  if (change.unit == scenarios::Unit::flag) {
    out.text = QStringLiteral("was %1").arg(read(change.a));
  } else if (const std::optional<double> ratio = change.ratio(); ratio && *ratio > 0.0) {
    out.text = percent(*ratio);
  } else {
    out.text = QStringLiteral("%1 %2")
                   .arg(difference > 0.0 ? QChar(0x25b2) : QChar(0x25bc))
                   .arg(signed_text(difference, change.unit));
  }
  if (change.unit != scenarios::Unit::flag) out.details += QStringLiteral(", ") + signed_text(difference, change.unit);
  if (out.verdict != 0) out.details += out.verdict > 0 ? QStringLiteral(", better") : QStringLiteral(", worse");
  return out;
}

}  // namespace orrery::gui
