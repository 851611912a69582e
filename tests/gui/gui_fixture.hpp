// What the tests of the whole window share: a window on a folder of its own, waiting for results, and a user's hands.
//
// Input goes through key events to the widget that has the focus, as a user's would, so that a test also fails where a
// widget can't be reached or swallows a shortcut.
#pragma once

#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include <QtTest>
#include <QtWidgets>
#include <gtest/gtest.h>

#include "gui/look/theme.hpp"
#include "gui/main_window.hpp"
#include "gui/model/report_model.hpp"
#include "gui/view/form_view.hpp"
#include "gui/view/report_view.hpp"
#include "gui/view/yaml_editor.hpp"
#include "scenarios/report.hpp"
#include "scenarios/scenario.hpp"
#include "tests/places.hpp"

namespace orrery::gui::testing {

inline constexpr int kPatience = 60000;  ///< ms; a machine may be busy with something else

/// Turns the event loop until `done`, or until patience ends. QTest::qWaitFor() sleeps between its turns, which a
/// watchdog would take for a window that does not answer.
inline bool wait_for(const std::function<bool()>& done, int patience = kPatience) {
  QEventLoop loop;
  QElapsedTimer clock;
  clock.start();
  QTimer poll;
  poll.setTimerType(Qt::PreciseTimer);
  QObject::connect(&poll, &QTimer::timeout, &loop, [&] {
    if (done() || clock.elapsed() > patience) loop.quit();
  });
  poll.start(1);
  if (!done()) loop.exec();
  return done();
}
inline void turn_event_loop(int milliseconds) {
  wait_for([] { return false; }, milliseconds);
}

inline std::string read_bytes(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

inline std::string library(const std::string& name) {
  return read_bytes(std::filesystem::path(orrery::tests::source_root()) / "scenarios" / "library" / (name + ".yaml"));
}

/// `text` with the only occurrence of `before` replaced: what an edit in place must give.
inline std::string replaced(std::string text, const std::string& before, const std::string& after) {
  const std::size_t at = text.find(before);
  EXPECT_NE(at, std::string::npos) << before;
  if (at == std::string::npos) return text;
  EXPECT_EQ(text.find(before, at + 1), std::string::npos) << before << " stands twice";
  return text.replace(at, before.size(), after);
}

/// Eight GPUs train 8 B parameters; layout and comments are what edits must leave alone. Lines are counted by tests.
inline std::string small_training() {
  return "# A small job: every comment must survive.\n"  // 1
         "scenario: \"small\"   # its title\n"           // 2
         "model: llama-3-8b\n"                           // 3
         "cluster:\n"                                    // 4
         "  node: dgx_h100   # eight GPUs\n"             // 5
         "training:\n"                                   // 6
         "  sequence_length: 4096\n"                     // 7
         "  global_batch_size:  64\n"                    // 8
         "\n"                                            // 9
         "  # how it is split\n"                         // 10
         "  tensor_parallel: 2     # within the node\n"  // 11
         "  sequence_parallel: true\n"                   // 12
         "  recompute: none\n"                           // 13
         "  attention: flash\n"                          // 14
         "  zero: optimizer\n"                           // 15
         "  precision: bf16\n";                          // 16
}

/// The same through two stages of a pipeline.
inline std::string piped_training() {
  return replaced(small_training(), "  recompute: none\n", "  pipeline_parallel: 2\n  recompute: none\n");
}

/// Chat on one H100. At rate 50 and these lengths a run takes some 30 µs a request.
inline std::string serving(int requests, const std::string& input, const std::string& output, int rate) {
  return "# A chat service.\n"
         "scenario: \"chat\"\n"
         "model: llama-3-8b\n"
         "cluster:\n"
         "  node: dgx_h100\n"
         "serving:\n"
         "  scheduler: vllm_v1\n"
         "  tensor_parallel: 1\n"
         "  max_model_len: 8192   # tokens\n"
         "  load:\n"
         "    arrivals: poisson\n"
         "    rate: " +
         std::to_string(rate) +
         "    # requests a second\n"
         "    requests: " +
         std::to_string(requests) +
         "\n"
         "    input: " +
         input +
         "\n"
         "    output: " +
         output +
         "\n"
         "  slo: {ttft: 500 ms, tpot: 25 ms}\n";
}
/// Lengths of Azure's conversation service.
inline std::string chat(int requests, int rate) {
  return serving(requests, "{distribution: lognormal, mean: 1154.7, cv: 0.960, most: 7000}",
                 "{distribution: lognormal, mean: 211.1, cv: 0.771, most: 1000}", rate);
}
/// So many requests that it runs for more than a minute: for what happens meanwhile.
inline std::string endless_serving() { return serving(3000000, "64", "8", 50); }

/// What the library predicts for a file with one value changed, without the window.
inline scenarios::Report predict(const std::string& file, const std::string& key = {}, const std::string& value = {}) {
  std::vector<scenarios::Override> overrides;
  if (!key.empty()) overrides.push_back({key, value});
  return scenarios::run_scenario(scenarios::load_scenario(file, overrides));
}

class WindowTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(folder_.isValid());
    QSettings::setPath(QSettings::NativeFormat, QSettings::UserScope, folder_.filePath(QStringLiteral("settings")));
    apply_theme(Theme::light);
    // A question that nobody expects would wait for ever: Escape answers it, and it is counted.
    QObject::connect(&answer_, &QTimer::timeout, &answer_, [this] {
      QWidget* dialog = QApplication::activeModalWidget();
      if (dialog == nullptr) return;
      ++questions_;
      QTest::keyClick(dialog, Qt::Key_Escape);
    });
    answer_.start(20);
    make_window();
  }
  void TearDown() override {
    window_.reset();
    QCoreApplication::sendPostedEvents(nullptr, QEvent::DeferredDelete);
  }

  void make_window() {
    window_ = std::make_unique<MainWindow>();
    messages_ = std::make_unique<QSignalSpy>(window_.get(), &MainWindow::notified);
    window_->resize(1600, 1000);
    window_->show();
    window_->activateWindow();
    ASSERT_TRUE(QTest::qWaitForWindowActive(window_.get()));
  }

  [[nodiscard]] QString path(const QString& name) const { return folder_.filePath(name); }
  [[nodiscard]] std::string native(const QString& name) const { return path(name).toStdString(); }

  QString write(const QString& name, const std::string& bytes) const {
    std::ofstream(native(name), std::ios::binary) << bytes;
    return path(name);
  }

  /// Does something that asks for a new result, and waits until every view shows it. False: none came.
  bool settle(const std::function<void()>& act) {
    QSignalSpy settled(window_.get(), &MainWindow::settled);
    const std::uint64_t before = window_->simulation().last_number();
    act();
    return wait_for([&] {
      return settled.count() > 0 && window_->simulation().last_number() > before && !window_->simulation().is_busy();
    });
  }

  /// Writes a scenario, opens it and waits for its first result.
  void open(const std::string& text, const QString& name = QStringLiteral("case.yaml")) {
    const QString file = write(name, text);
    ASSERT_TRUE(settle([&] { EXPECT_TRUE(window_->open_file(file)); }))
        << (messages_->isEmpty() ? QString() : messages_->last().at(0).toString()).toStdString();
    ASSERT_NE(window_->current_run(), nullptr);
  }

  template <class Widget>
  [[nodiscard]] Widget* find(const char* name) const {
    auto* widget = window_->findChild<Widget*>(QString::fromLatin1(name));
    EXPECT_NE(widget, nullptr) << name;
    return widget;
  }
  [[nodiscard]] FormView* form() const { return find<FormView>("form_view"); }
  [[nodiscard]] YamlEditor* editor() const { return find<YamlEditor>("yaml_editor"); }
  [[nodiscard]] ReportModel& report() const { return find<ReportView>("report_view")->model(); }
  [[nodiscard]] QAction* action(const QString& name) const {
    auto* found = window_->findChild<QAction*>(QStringLiteral("action_") + name);
    EXPECT_NE(found, nullptr) << name.toStdString();
    return found;
  }
  [[nodiscard]] std::string text() const { return window_->document().text().toStdString(); }
  [[nodiscard]] std::string last_message() const {
    return messages_->isEmpty() ? std::string() : messages_->last().at(0).toString().toStdString();
  }

  /// A key press where the focus is.
  void press(Qt::Key key, Qt::KeyboardModifiers modifiers = Qt::NoModifier) const {
    QWidget* focus = QApplication::focusWidget();
    QTest::keyClick(focus != nullptr ? focus : window_.get(), key, modifiers);
  }

  /// Opens a field of the form, as F2 or a double click would.
  QWidget* open_field(const QString& key) const {
    form()->tree().setFocus(Qt::TabFocusReason);
    QWidget* field = form()->edit(key);
    EXPECT_NE(field, nullptr) << key.toStdString();
    if (field != nullptr) field->setFocus(Qt::OtherFocusReason);
    return field;
  }

  /// Types a number or text into a field of the form and presses Enter.
  void type(const QString& key, const QString& value) const {
    const QPointer<QWidget> field = open_field(key);
    if (field.isNull()) return;
    press(Qt::Key_A, Qt::ControlModifier);
    for (const QChar letter : value) {
      QWidget* focus = QApplication::focusWidget();
      ASSERT_NE(focus, nullptr) << "the field lost the focus while it was typed into";
      QTest::keyClick(focus, letter.toLatin1());
    }
    if (!field.isNull()) press(Qt::Key_Return);
  }

  /// Chooses a row of a field's menu with the arrow keys and Enter.
  void choose(const QString& key, const QString& name) const {
    QWidget* field = open_field(key);
    if (field == nullptr) return;
    QPointer<QComboBox> menu = qobject_cast<QComboBox*>(field);
    if (menu.isNull()) menu = field->findChild<QComboBox*>();
    ASSERT_FALSE(menu.isNull()) << key.toStdString() << " has no menu";
    if (!menu->view()->isVisible()) QTest::keyClick(menu.data(), Qt::Key_F4);
    ASSERT_TRUE(wait_for([&] { return !menu.isNull() && menu->view()->isVisible(); }, 2000))
        << "the menu does not open";
    QAbstractItemView* list = menu->view();
    const auto row_name = [&](int row) {
      const QString shown = menu->itemText(row).section(u' ', 0, 0), data = menu->itemData(row).toString();
      return shown == name ? shown : data;
    };
    QTest::keyClick(list, Qt::Key_Home);
    for (int row = 0; row < menu->count() && row_name(list->currentIndex().row()) != name; ++row) {
      QTest::keyClick(list, Qt::Key_Down);
    }
    ASSERT_EQ(row_name(list->currentIndex().row()), name) << "the menu has no such row";
    QTest::keyClick(list, Qt::Key_Return);
    // Some delegates take the choice at once, others with Enter on the closed menu.
    QCoreApplication::processEvents();
    if (!menu.isNull() && menu->isVisible()) QTest::keyClick(menu.data(), Qt::Key_Return);
    // A closed menu gives the window back; a display does so itself, the offscreen platform forgets.
    EXPECT_EQ(QApplication::activePopupWidget(), nullptr) << "the menu stays open";
    if (QApplication::activeWindow() != window_.get()) {
      window_->activateWindow();
      ASSERT_TRUE(QTest::qWaitForWindowActive(window_.get()));
    }
  }

  QTemporaryDir folder_;
  QTimer answer_;
  int questions_ = 0;  ///< modal dialogs that were answered with Escape
  std::unique_ptr<MainWindow> window_;
  std::unique_ptr<QSignalSpy> messages_;  ///< of MainWindow::notified
};

}  // namespace orrery::gui::testing
