// F1: what is where in the window, and its keys, from the tables and the actions themselves.

#include <QDialog>
#include <QDialogButtonBox>
#include <QMenuBar>
#include <QTextBrowser>
#include <QVBoxLayout>

#include "gui/look/text.hpp"
#include "gui/main_window_parts.hpp"

namespace orrery::gui {

namespace {

QString row(const QString& what, const QString& says) {
  return QStringLiteral("<tr><td style='padding-right:16px'>%1</td><td>%2</td></tr>")
      .arg(what.toHtmlEscaped(), says.toHtmlEscaped());
}

QString plain(QString text) { return text.remove(QLatin1Char('&')).remove(QChar(0x2026)); }

/// Keys of a menu's actions, those of its submenus included.
QString keys_of(const QMenu& menu) {
  QString rows;
  for (const QAction* action : menu.actions()) {
    if (const QMenu* inner = action->menu()) {
      rows += keys_of(*inner);
    } else if (!action->shortcut().isEmpty()) {
      rows += row(action->shortcut().toString(QKeySequence::NativeText), plain(action->text()));
    }
  }
  return rows;
}

QString help_text(const QMenuBar& bar) {
  QString text = QStringLiteral("<h3>%1</h3><table>").arg(MainWindow::tr("Views of the result"));
  for (const ViewRow& view : views()) text += row(to_qstring(view.title), to_qstring(view.summary));
  text += QStringLiteral("</table>");
  for (const QAction* action : bar.actions()) {
    const QString keys = action->menu() != nullptr ? keys_of(*action->menu()) : QString();
    if (!keys.isEmpty()) text += QStringLiteral("<h3>%1</h3><table>%2</table>").arg(plain(action->text()), keys);
  }
  text += QStringLiteral("<h3>%1</h3><table>").arg(MainWindow::tr("In the timeline"));
  const std::pair<QString, QString> timeline[] = {
      {MainWindow::tr("W, S; wheel"), MainWindow::tr("closer, farther")},
      {MainWindow::tr("A, D; drag"), MainWindow::tr("left, right")},
      {QStringLiteral("F"), MainWindow::tr("the whole run")},
      {MainWindow::tr("/ or Ctrl+F; N, Shift+N"), MainWindow::tr("search labels; next, previous match")},
      {MainWindow::tr("Shift+drag"), MainWindow::tr("sum up a range")},
      {MainWindow::tr("double click, Enter"), MainWindow::tr("where that time comes from")},
  };
  for (const auto& [keys, says] : timeline) text += row(keys, says);
  return text + QStringLiteral("</table>");
}

}  // namespace

void MainWindow::show_help() {
  auto* dialog = new QDialog(this);
  dialog->setObjectName(QStringLiteral("help"));
  dialog->setAttribute(Qt::WA_DeleteOnClose);
  dialog->setWindowTitle(tr("What is where, and its keys"));
  auto* text = new QTextBrowser(dialog);
  text->setObjectName(QStringLiteral("help_text"));
  text->setAccessibleName(dialog->windowTitle());
  text->setHtml(help_text(*menuBar()));
  auto* buttons = new QDialogButtonBox(QDialogButtonBox::Close, dialog);
  connect(buttons, &QDialogButtonBox::rejected, dialog, &QDialog::close);
  auto* layout = new QVBoxLayout(dialog);
  layout->addWidget(text);
  layout->addWidget(buttons);
  dialog->resize(fontMetrics().averageCharWidth() * 80, fontMetrics().height() * 32);
  dialog->show();
}

}  // namespace orrery::gui
