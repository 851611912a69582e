// Files of the main window: opening, saving, dropping, closing, and what becomes of unsaved changes.

#include <QCloseEvent>
#include <QDir>
#include <QDragEnterEvent>
#include <QFileInfo>
#include <QMessageBox>
#include <QMimeData>
#include <QSettings>

#include "gui/look/text.hpp"
#include "gui/main_window_parts.hpp"
#include "gui/model/form_fields.hpp"

namespace orrery::gui {

using hardware::ConfigError;

bool MainWindow::open_file(const QString& path) {
  try {
    new_content_ = true;
    document_.load(path);
  } catch (const ConfigError& error) {
    new_content_ = false;
    notify(message_of(error));
    return false;
  }
  remember_file(document_.path());
  parts_->library->set_current(document_.path());
  return true;
}

bool MainWindow::save_file(const QString& path) {
  try {
    path.isEmpty() ? document_.save() : document_.save_as(path);
  } catch (const ConfigError& error) {
    notify(message_of(error));
    return false;
  }
  remember_file(document_.path());
  parts_->status->set_line(tr("Saved %1").arg(document_.path()));
  return true;
}

bool MainWindow::set_value(const QString& key, const QString& value) {
  try {
    document_.set_value(key, value);
  } catch (const ConfigError& error) {
    notify(message_of(error));
    return false;
  }
  return true;
}

void MainWindow::open_variant(const QString& path, const QString& variant) {
  if (!open_file(path) || variant.isEmpty()) return;
  try {
    const std::string text = document_.text().toStdString();
    const hardware::NodePtr root = hardware::parse_config(text, path.toStdString());
    const hardware::ConfigNode* variants = root->find("variants");
    if (variants == nullptr) return;
    for (const hardware::NodePtr& item : variants->items) {
      const hardware::ConfigNode* name = item->find("name");
      const hardware::ConfigNode* set = item->find("set");
      if (name == nullptr || set == nullptr || name->scalar != variant.toStdString()) continue;
      for (const auto& [key, value] : set->entries) {
        const std::string written = text.substr(value->span.begin, value->span.end - value->span.begin);
        set_value(QString::fromStdString(key), QString::fromStdString(written));
      }
    }
  } catch (const ConfigError& error) {
    notify(message_of(error));
  }
}

/// One that can run, at a moment of its own: two that are alike are a mistake.
void MainWindow::add_event() {
  try {
    const hardware::NodePtr root = hardware::parse_config(document_.text().toStdString(), file_name());
    const QString event = QStringLiteral("{at: %1 ms, gpu: 0, scale: 0.5}").arg(form_events(*root));
    const QString key = document_.append_value(QStringLiteral("events"), event);
    parts_->form->edit(key + QStringLiteral(".at"));
  } catch (const ConfigError& error) {
    notify(message_of(error));
  }
}

void MainWindow::new_document(const QString& text) {
  new_content_ = true;
  document_.reset(text);
  parts_->library->set_current({});
}

void MainWindow::open_answer(const QString& scenario, bool save) {
  new_document(scenario);
  show_results();  // the same text again is no change
  if (save) ask_to_save();
}

void MainWindow::restore(const RunPtr& run) {
  const QString text = QString::fromStdString(run->request.text);
  if (run->request.file == file_name()) {
    document_.set_text(text);
    return;
  }
  // Of another file: its text must not end up in this one.
  when_discardable([this, text, file = QString::fromStdString(run->request.file)] {
    if (!QFileInfo::exists(file)) {
      new_document(text);
    } else if (open_file(file)) {
      document_.set_text(text);
    }
  });
}

std::string MainWindow::file_name() const {
  const QString path = document_.path().isEmpty() ? QDir::current().filePath(document_.name()) : document_.path();
  return path.toStdString();
}

void MainWindow::dragEnterEvent(QDragEnterEvent* event) {
  if (event->mimeData()->hasUrls()) event->acceptProposedAction();
}

void MainWindow::dropEvent(QDropEvent* event) {
  const QList<QUrl> urls = event->mimeData()->urls();
  event->acceptProposedAction();
  if (urls.size() != 1 || !urls.front().isLocalFile()) {
    notify(tr("Drop one scenario file at a time"));
    return;
  }
  const QString path = urls.front().toLocalFile();
  // A file that can't be opened is refused before unsaved changes are asked about.
  try {
    Document probe;
    probe.load(path);
  } catch (const ConfigError& error) {
    notify(message_of(error));
    return;
  }
  when_discardable([this, path] { open_file(path); });
}

void MainWindow::closeEvent(QCloseEvent* event) {
  if (document_.is_modified() && !closing_) {
    event->ignore();
    when_discardable([this] {
      closing_ = true;
      close();
    });
    return;
  }
  QSettings settings;
  settings.setValue(QStringLiteral("geometry"), saveGeometry());
  settings.setValue(QStringLiteral("state"), panel_state());
  cancel_runs();
  event->accept();
}

void MainWindow::when_discardable(std::function<void()> proceed) {
  if (!document_.is_modified()) {
    proceed();
    return;
  }
  auto* box = new QMessageBox(QMessageBox::Warning, tr("Unsaved changes"),
                              tr("%1 has changes that are not saved.").arg(document_.name()),
                              QMessageBox::Save | QMessageBox::Discard | QMessageBox::Cancel, this);
  box->setTextFormat(Qt::PlainText);  // a file may have any name
  box->setAttribute(Qt::WA_DeleteOnClose);
  box->setObjectName(QStringLiteral("unsaved_changes"));
  connect(box, &QMessageBox::finished, this, [this, proceed = std::move(proceed)](int button) {
    if (button == QMessageBox::Save) {
      if (document_.path().isEmpty()) {
        ask_to_save(proceed);
        return;
      }
      if (!save_file()) return;
    }
    if (button != QMessageBox::Cancel) proceed();
  });
  box->open();
}

}  // namespace orrery::gui
