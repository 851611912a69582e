// Pictures of widgets: PNG as the screen shows them, SVG with their drawing commands.
//
// QWidget::render() passes a widget's own commands on, but a QCustomPlot paints from a pixmap that it keeps. For SVG
// the tree of widgets is therefore walked here, and plots are asked to draw themselves anew.
// Limitation: Qt's SVG has no clipping, so what a widget paints outside its bounds shows.

#include <QBuffer>
#include <QFile>
#include <QFileInfo>
#include <QImageWriter>
#include <QSvgGenerator>
#include <fmt/format.h>
#include <qcustomplot.h>

#include "gui/look/text.hpp"
#include "gui/view/views.hpp"
#include "hardware/config/config.hpp"
#include "scenarios/output.hpp"

namespace orrery::gui {

namespace {

using hardware::ConfigError;

QByteArray png(QWidget& widget, const std::string& name) {
  const QPixmap picture = widget.grab();
  QByteArray bytes;
  QBuffer buffer(&bytes);
  buffer.open(QIODevice::WriteOnly);
  QImageWriter writer(&buffer, "png");
  if (picture.isNull() || !writer.write(picture.toImage())) {
    throw ConfigError(fmt::format("{}: can't make a PNG of {} x {} pixels", name, widget.width(), widget.height()));
  }
  return bytes;
}

/// Paints `widget` and what is in it with its top left corner at `at`.
void paint_tree(QWidget& widget, QCPPainter& painter, QPoint at, bool root) {
  if (auto* plot = qobject_cast<QCustomPlot*>(&widget)) {
    painter.save();
    painter.translate(at);
    painter.setMode(QCPPainter::pmVectorized);
    plot->toPainter(&painter, plot->width(), plot->height());
    painter.restore();
    return;
  }
  widget.render(&painter, at, {}, root ? QWidget::DrawWindowBackground : QWidget::RenderFlags());
  // Children stand in the order in which they are stacked.
  for (QObject* child : widget.children()) {
    auto* inner = qobject_cast<QWidget*>(child);
    if (inner == nullptr || inner->isWindow() || inner->isHidden()) continue;
    if (!widget.rect().intersects(inner->geometry())) continue;
    paint_tree(*inner, painter, at + inner->pos(), false);
  }
}

QByteArray svg(QWidget& widget) {
  static_cast<void>(widget.grab());  // lays out a widget that was never shown
  QByteArray bytes;
  QBuffer buffer(&bytes);
  QSvgGenerator generator;
  generator.setOutputDevice(&buffer);
  generator.setSize(widget.size());
  generator.setViewBox(widget.rect());
  generator.setResolution(widget.logicalDpiX());  // points of text then take as many pixels as in the window
  generator.setTitle(widget.accessibleName().isEmpty() ? widget.windowTitle() : widget.accessibleName());
  generator.setDescription(QStringLiteral("Made by Orrery"));
  QCPPainter painter;
  painter.begin(&generator);
  paint_tree(widget, painter, {0, 0}, true);
  painter.end();
  return bytes;
}

}  // namespace

void export_picture(QWidget& widget, const QString& path) {
  const std::string name = QFile::encodeName(path).toStdString();
  const QString ending = QFileInfo(path).suffix().toLower();
  if (ending != QLatin1String("png") && ending != QLatin1String("svg")) {
    throw ConfigError(fmt::format("{}: can't tell the kind of picture: the name must end in .png or .svg", name));
  }
  scenarios::check_writable(name);
  if (widget.size().isEmpty()) throw ConfigError(fmt::format("{}: there is nothing to draw: the view is empty", name));
  const QByteArray bytes = ending == QLatin1String("png") ? png(widget, name) : svg(widget);
  scenarios::write_output(name, view_of(bytes));
}

}  // namespace orrery::gui
