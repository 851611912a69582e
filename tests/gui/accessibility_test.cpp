// For people who use the keyboard, a screen reader, or need contrast: names, tab order, shortcuts and colours.
#include <map>
#include <set>

#include "gui/view/views.hpp"
#include "tests/gui/gui_fixture.hpp"

namespace orrery::gui::testing {
namespace {

class Accessibility : public WindowTest {
 protected:
  /// Visible and hidden widgets of the window that take the focus, without the private parts of Qt's own widgets.
  [[nodiscard]] std::vector<QWidget*> focusable() const {
    std::vector<QWidget*> found;
    for (QWidget* widget : window_->findChildren<QWidget*>()) {
      const bool private_part = widget->objectName().startsWith(QStringLiteral("qt_")) ||
                                qobject_cast<QAbstractSpinBox*>(widget->parentWidget()) != nullptr ||
                                qobject_cast<QComboBox*>(widget->parentWidget()) != nullptr ||
                                widget->inherits("QComboBoxPrivateContainer") ||
                                widget->inherits("QComboBoxListView") || widget->window() != window_.get();
      if (widget->focusPolicy() != Qt::NoFocus && !private_part) found.push_back(widget);
    }
    return found;
  }

  /// What a screen reader says of a widget.
  static QString spoken_name(QWidget* widget) {
    QAccessibleInterface* const interface = QAccessible::queryAccessibleInterface(widget);
    return interface == nullptr ? QString() : interface->text(QAccessible::Name);
  }

  /// Every widget that Tab reaches from the first on.
  [[nodiscard]] std::set<const QWidget*> tab_round() const {
    std::set<const QWidget*> reached;
    find<QWidget>("library_view")->setFocus();
    QWidget* focus = QApplication::focusWidget();
    while (focus != nullptr && reached.insert(focus).second) {
      // A text takes Tab as a character; Escape before it leaves.
      if (qobject_cast<QPlainTextEdit*>(focus) != nullptr) QTest::keyClick(focus, Qt::Key_Escape);
      QTest::keyClick(focus, Qt::Key_Tab);
      focus = QApplication::focusWidget();
    }
    return reached;
  }

  static bool reaches(const std::set<const QWidget*>& reached, const QWidget* part) {
    return std::any_of(reached.begin(), reached.end(),
                       [&](const QWidget* one) { return one == part || part->isAncestorOf(one); });
  }
};

TEST_F(Accessibility, EveryWidgetThatTakesTheFocusHasAName) {
  ASSERT_NO_FATAL_FAILURE(open(small_training()));
  for (const ViewRow& row : views()) {
    window_->show_view(QString::fromUtf8(row.name.data(), static_cast<qsizetype>(row.name.size())));
    QTest::qWait(10);
  }
  const std::vector<QWidget*> widgets = focusable();
  EXPECT_GE(widgets.size(), 10u);
  for (QWidget* widget : widgets) {
    const auto* label = qobject_cast<QLabel*>(widget);
    if (label != nullptr && label->text().isEmpty()) continue;  // its text is its name, and it has none to tell
    EXPECT_FALSE(spoken_name(widget).isEmpty())
        << widget->metaObject()->className() << " '" << widget->objectName().toStdString() << "' in '"
        << (widget->parentWidget() ? widget->parentWidget()->objectName().toStdString() : "") << "'";
  }
}

TEST_F(Accessibility, EveryFieldOfTheFormSaysItsKeyWhileItIsEdited) {
  ASSERT_NO_FATAL_FAILURE(open(small_training()));
  for (const char* key : {"training.tensor_parallel", "training.recompute", "cluster.node", "model"}) {
    QWidget* field = open_field(QString::fromLatin1(key));
    ASSERT_NE(field, nullptr);
    EXPECT_FALSE(spoken_name(field).isEmpty()) << key;
    press(Qt::Key_Escape);
  }
}

TEST_F(Accessibility, TabReachesEveryPart) {
  ASSERT_NO_FATAL_FAILURE(open(small_training()));
  turn_event_loop(100);  // what a result brought along is laid out
  const std::set<const QWidget*> reached = tab_round();
  for (QWidget* widget : focusable()) {
    const bool tabs = (widget->focusPolicy() & Qt::TabFocus) != 0 && widget->isVisible() && widget->isEnabled() &&
                      widget->focusProxy() == nullptr;
    EXPECT_TRUE(!tabs || reached.count(widget) > 0)
        << widget->metaObject()->className() << " '" << widget->objectName().toStdString() << "'";
  }
  EXPECT_TRUE(reaches(reached, find<QWidget>("library_view")));
  EXPECT_TRUE(reaches(reached, find<QWidget>("form_view")));
  EXPECT_TRUE(reaches(reached, find<QWidget>("yaml_editor")));
  EXPECT_TRUE(reaches(reached, find<QWidget>("report_view")));
  EXPECT_TRUE(reaches(reached, find<QTabWidget>("result_tabs")->tabBar()));
}

TEST_F(Accessibility, EveryViewIsReachedByAShortcutOrTheMenu) {
  ASSERT_NO_FATAL_FAILURE(open(small_training()));
  const auto* tabs = find<QTabWidget>("result_tabs");
  for (const ViewRow& row : views()) {
    const QString name = QString::fromUtf8(row.name.data(), static_cast<qsizetype>(row.name.size()));
    QAction* show = action(QStringLiteral("show_") + name);
    ASSERT_NE(show, nullptr);
    if (row.kind == "serving") continue;
    show->trigger();
    ASSERT_NE(tabs->currentWidget(), nullptr);
    const QWidget* front = tabs->currentWidget();
    const QWidget* view = find<QWidget>((name + QStringLiteral("_view")).toLatin1().constData());
    EXPECT_TRUE(front == view || front->isAncestorOf(view)) << name.toStdString();
    EXPECT_FALSE(tabs->tabToolTip(tabs->currentIndex()).isEmpty()) << name.toStdString();
  }
}

TEST_F(Accessibility, ShortcutsAreUniqueAndEveryActionHasAName) {
  std::map<QString, QString> owners;
  int with_shortcut = 0;
  for (const QAction* one : window_->findChildren<QAction*>()) {
    if (one->objectName().startsWith(QStringLiteral("action_"))) {
      EXPECT_FALSE(one->text().isEmpty()) << one->objectName().toStdString();
    }
    if (one->shortcutContext() == Qt::WidgetShortcut || one->shortcutContext() == Qt::WidgetWithChildrenShortcut)
      continue;
    for (const QKeySequence& keys : one->shortcuts()) {
      ++with_shortcut;
      const auto [owner, is_new] = owners.emplace(keys.toString(), one->text());
      EXPECT_TRUE(is_new) << keys.toString().toStdString() << ": " << owner->second.toStdString() << " and "
                          << one->text().toStdString();
    }
  }
  EXPECT_GE(with_shortcut, 6);
  for (const char* name : {"open", "save", "undo", "redo", "cancel", "new"}) {
    EXPECT_FALSE(action(QString::fromLatin1(name))->shortcut().isEmpty()) << name;
  }
}

TEST_F(Accessibility, EveryMenuHasAMnemonicOfItsOwn) {
  std::set<QChar> letters;
  for (const QAction* menu : window_->menuBar()->actions()) {
    if (menu->isSeparator()) continue;
    const qsizetype mark = menu->text().indexOf(u'&');
    ASSERT_GE(mark, 0) << menu->text().toStdString();
    EXPECT_TRUE(letters.insert(menu->text().at(mark + 1).toLower()).second) << menu->text().toStdString();
  }
}

// WCAG 2.1, 1.4.3: 4.5 to 1 for text, 3 to 1 for what is switched off.
TEST_F(Accessibility, TextContrastsWithItsGroundInBothThemes) {
  const std::vector<std::pair<QPalette::ColorRole, QPalette::ColorRole>> pairs = {
      {QPalette::WindowText, QPalette::Window},
      {QPalette::Text, QPalette::Base},
      {QPalette::Text, QPalette::AlternateBase},
      {QPalette::ButtonText, QPalette::Button},
      {QPalette::HighlightedText, QPalette::Highlight},
      {QPalette::ToolTipText, QPalette::ToolTipBase},
      {QPalette::Link, QPalette::Base},
      {QPalette::LinkVisited, QPalette::Base}};
  for (const Theme theme : {Theme::light, Theme::dark}) {
    apply_theme(theme);
    const QPalette palette = QApplication::palette();
    EXPECT_EQ(is_dark(palette), theme == Theme::dark);
    for (const auto& [text, ground] : pairs) {
      for (const QPalette::ColorGroup group : {QPalette::Active, QPalette::Inactive}) {
        EXPECT_GE(contrast(palette.color(group, text), palette.color(group, ground)), 4.5)
            << (theme == Theme::dark ? "dark" : "light") << ": role " << text << " on " << ground;
      }
    }
    for (const QColor& color : {better_color(palette), worse_color(palette), warning_color(palette)}) {
      EXPECT_GE(contrast(color, palette.color(QPalette::Base)), 4.5) << color.name().toStdString();
    }
  }
}

TEST(Colors, TextOnEveryColourIsReadable) {
  for (int activity = 0; activity < 64; ++activity) {
    const QColor ground = series_color(static_cast<std::size_t>(activity));
    EXPECT_GE(contrast(ground, text_on(ground)), 4.5) << ground.name().toStdString();
  }
  for (int activity = 0; activity <= static_cast<int>(sim::Activity::other); ++activity) {
    const QColor ground = activity_color(static_cast<sim::Activity>(activity));
    EXPECT_GE(contrast(ground, text_on(ground)), 4.5) << ground.name().toStdString();
  }
  for (int kind = 0; kind <= static_cast<int>(sim::MemoryKind::workspace); ++kind) {
    const QColor ground = memory_color(static_cast<sim::MemoryKind>(kind));
    EXPECT_GE(contrast(ground, text_on(ground)), 4.5) << ground.name().toStdString();
  }
}

// Black on white is 21 to 1; #767676 on white is the well-known grey of 4.54.
TEST(Colors, ContrastIsThatOfTheGuidelines) {
  EXPECT_NEAR(contrast(Qt::black, Qt::white), 21.0, 1e-6);
  EXPECT_NEAR(contrast(Qt::white, Qt::black), 21.0, 1e-6);
  EXPECT_NEAR(contrast(QColor(QStringLiteral("#767676")), Qt::white), 4.54, 0.01);
  EXPECT_NEAR(contrast(Qt::red, Qt::red), 1.0, 1e-9);
}

TEST_F(Accessibility, SwitchingTheThemeRepaintsTheWindow) {
  ASSERT_NO_FATAL_FAILURE(open(small_training()));
  const auto mean_light = [&] {
    const QImage one = window_->grab().toImage().scaled(1, 1, Qt::IgnoreAspectRatio, Qt::SmoothTransformation);
    return qGray(one.pixel(0, 0));
  };
  action(QStringLiteral("light"))->trigger();
  QTest::qWait(50);
  EXPECT_GT(mean_light(), 160);
  action(QStringLiteral("dark"))->trigger();
  QTest::qWait(50);
  EXPECT_LT(mean_light(), 95);
  action(QStringLiteral("light"))->trigger();
}

}  // namespace
}  // namespace orrery::gui::testing
