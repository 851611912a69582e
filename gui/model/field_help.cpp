#include "gui/model/field_help.hpp"

#include <QCoreApplication>
#include <QStringList>

#include "gui/look/text.hpp"

namespace orrery::gui {

namespace {

using scenarios::Field;
using scenarios::FieldKind;

QString paragraph(const QString& text) { return QStringLiteral("<p>%1</p>").arg(text.toHtmlEscaped()); }

QString number_text(double value) { return QString::number(value, 'g', 12); }

/// "1 … 64", "more than 0"; empty where there are no limits worth telling.
QString range_text(const Field& field) {
  if (field.kind != FieldKind::integer && field.kind != FieldKind::number) return {};
  constexpr double kNoLimit = 1e6;  // the reader's own bounds against nonsense are no news
  const bool has_most = field.most < kNoLimit && field.most > field.least;
  const QString least = number_text(field.least);
  if (has_most && field.least_open) {
    return QCoreApplication::translate("form", "More than %1, at most %2").arg(least, number_text(field.most));
  }
  if (has_most) return QCoreApplication::translate("form", "%1 to %2").arg(least, number_text(field.most));
  if (field.least_open) return QCoreApplication::translate("form", "More than %1").arg(least);
  return field.least > -kNoLimit ? QCoreApplication::translate("form", "At least %1").arg(least) : QString();
}

}  // namespace

QString field_help(const Field& field) {
  QString html = paragraph(to_qstring(field.help));
  if (const QString range = range_text(field); !range.isEmpty()) html += paragraph(range);
  if (field.kind == FieldKind::quantity && !field.units.empty()) {
    QStringList units;
    for (const std::string& unit : field.units) units += to_qstring(unit);
    html += paragraph(QCoreApplication::translate("form", "Unit: %1").arg(units.join(QStringLiteral(", "))));
  }
  const QString fallback = to_qstring(field.fallback.empty() ? field.automatic : field.fallback);
  if (!fallback.isEmpty()) {
    html += paragraph(QCoreApplication::translate("form", "Where it is not given: %1").arg(fallback));
  }
  return html;
}

}  // namespace orrery::gui
