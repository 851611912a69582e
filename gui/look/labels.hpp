// Labels for text of any origin, and their look.
#pragma once

#include <QColor>
#include <QFont>
#include <QLabel>
#include <QString>

namespace orrery::gui {

/// Plain, wrapped, selectable: what a file says is never markup.
[[nodiscard]] QLabel* make_text(QWidget& parent, const QString& name);
[[nodiscard]] QFont scaled(const QFont& font, double factor, bool bold);
/// Another colour for a label's text.
void tint(QLabel& label, const QColor& ink);

}  // namespace orrery::gui
