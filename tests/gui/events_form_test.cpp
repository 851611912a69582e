// Events as a form: each a section of its own, added, edited and taken out in the text of the file.
#include <QAbstractItemModelTester>
#include <QMenu>
#include <QTreeView>
#include <gmock/gmock.h>

#include "gui/model/form_fields.hpp"
#include "scenarios/kinds.hpp"
#include "tests/gui/gui_fixture.hpp"

namespace orrery::gui::testing {
namespace {

using ::testing::HasSubstr;

std::string with_events() {
  return small_training() +
         "events:\n"
         "  - at: 2 s       # while it warms up\n"
         "    until: 3 s\n"
         "    gpu: 3\n"
         "    scale: 0.5\n"
         "  - {at: 1 s, gpu: 1, scale: 0.8}\n";
}

class EventsForm : public WindowTest {
 protected:
  [[nodiscard]] QModelIndex row(const char* key) const { return form()->model().index_of(QString::fromLatin1(key)); }
  [[nodiscard]] std::string shown(const char* key) const { return row(key).data().toString().toStdString(); }
  /// A row as the tree shows it.
  [[nodiscard]] QModelIndex in_tree(const char* key) const {
    QTreeView& tree = form()->tree();
    for (QModelIndex at = tree.model()->index(0, 0); at.isValid(); at = tree.indexBelow(at)) {
      if (at.data(FormModel::kKeyRole).toString() == QLatin1String(key)) return at;
    }
    return {};
  }
  [[nodiscard]] std::vector<scenarios::Event> events() const { return window_->current_run()->report.scenario.events; }
};

TEST_F(EventsForm, HasASectionForEach) {
  ASSERT_NO_FATAL_FAILURE(open(with_events()));
  EXPECT_EQ(shown("events.0.at"), "2 s");
  EXPECT_EQ(shown("events.0.gpu"), "3");
  EXPECT_EQ(shown("events.1.scale"), "0.8");
  EXPECT_EQ(row("events.0.at").parent().data().toString(), QStringLiteral("event 1"));
  EXPECT_EQ(row("events.1.at").parent().data().toString(), QStringLiteral("event 2"));
  EXPECT_EQ(row("events.0.at").parent().parent().data().toString(), QStringLiteral("events"));
  EXPECT_FALSE(row("events.2.at").isValid());
}

TEST_F(EventsForm, SaysWhatIsMeantByWhatIsNotThere) {
  ASSERT_NO_FATAL_FAILURE(open(with_events()));
  EXPECT_EQ(shown("events.1.until"), "for good");
  EXPECT_EQ(shown("events.1.link"), "none: it is about a GPU");
  EXPECT_EQ(shown("events.1.down"), "it has a scale");
}

TEST_F(EventsForm, AnEditChangesItsPlaceAlone) {
  ASSERT_NO_FATAL_FAILURE(open(with_events()));
  ASSERT_TRUE(settle([&] { type(QStringLiteral("events.0.at"), QStringLiteral("2.5")); }));
  EXPECT_EQ(text(), replaced(with_events(), "at: 2 s ", "at: 2.5 s ")) << "in the unit that stands there";
  EXPECT_EQ(events()[0].at.value(), 2.5);
  ASSERT_TRUE(settle([&] { type(QStringLiteral("events.1.until"), QStringLiteral("2 s")); }));
  EXPECT_THAT(text(), HasSubstr("{at: 1 s, gpu: 1, scale: 0.8, until: 2 s}"));
  EXPECT_EQ(events()[1].until->value(), 2.0);
}

TEST_F(EventsForm, EveryFieldGoesIntoTheTextAndComesBack) {
  FormModel model;
  const QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::Fatal);
  std::string text = with_events();
  model.set_text(text, "a.yaml");
  QObject::connect(&model, &FormModel::edit_requested, [&](const QString& key, const QString& value) {
    text = hardware::set_value(text, "a.yaml", key.toStdString(), value.toStdString());
    model.set_text(text, "a.yaml");
  });
  const std::vector<std::pair<std::string, std::string>> values = {
      {"at", "7 ms"}, {"until", "1 h"}, {"gpu", "5"}, {"link", "leaf0.spine1.up"}, {"scale", "0.25"}, {"down", "true"}};
  for (const char* event : {"events.0.", "events.1."}) {
    for (const auto& [key, value] : values) {
      const QString full = QString::fromStdString(event + key);
      ASSERT_TRUE(model.setData(model.index_of(full), QString::fromStdString(value), Qt::EditRole)) << event << key;
      EXPECT_EQ(model.index_of(full).data().toString().toStdString(), value);
    }
  }
  EXPECT_THAT(text, HasSubstr("- at: 7 ms       # while it warms up\n")) << "comments stay";
  EXPECT_THAT(text, HasSubstr("{at: 7 ms, gpu: 5, scale: 0.25, until: 1 h, link: leaf0.spine1.up, down: true}"));
}

TEST_F(EventsForm, AMistakeIsMarkedAtItsKeyOrItsEvent) {
  ASSERT_NO_FATAL_FAILURE(open(with_events()));
  ASSERT_TRUE(settle([&] { window_->set_value(QStringLiteral("events.0.until"), QStringLiteral("1 s")); }));
  EXPECT_THAT(row("events.0.until").data(FormModel::kProblemRole).toString().toStdString(),
              HasSubstr("'until' is not after 'at'"));
  ASSERT_TRUE(settle([&] { window_->document().undo_stack().undo(); }));
  ASSERT_TRUE(settle([&] { window_->set_value(QStringLiteral("events.1.link"), QStringLiteral("leaf0.spine0.up")); }));
  EXPECT_THAT(row("events.1").data(FormModel::kProblemRole).toString().toStdString(),
              HasSubstr("an event is about a gpu or a link, not both"));
}

TEST_F(EventsForm, OneMoreIsAddedAtTheEndAndCanRun) {
  ASSERT_NO_FATAL_FAILURE(open(with_events()));
  ASSERT_TRUE(settle([&] { action(QStringLiteral("add_event"))->trigger(); }));
  EXPECT_EQ(events().size(), 3u);
  EXPECT_EQ(shown("events.2.at"), "2 ms");
  EXPECT_EQ(form()->tree().currentIndex().data(FormModel::kKeyRole).toString(), QStringLiteral("events.2.at"))
      << "its first field is open";
  ASSERT_TRUE(settle([&] { window_->document().undo_stack().undo(); }));
  EXPECT_EQ(text(), with_events());
  EXPECT_FALSE(row("events.2.at").isValid());
}

TEST_F(EventsForm, TheFirstAndTheSecondAreAddedWhereThereIsNone) {
  ASSERT_NO_FATAL_FAILURE(open(small_training()));
  EXPECT_FALSE(row("events.0.at").isValid());
  ASSERT_TRUE(settle([&] { action(QStringLiteral("add_event"))->trigger(); }));
  ASSERT_EQ(events().size(), 1u);
  EXPECT_EQ(*events()[0].gpu, 0);
  ASSERT_TRUE(settle([&] { action(QStringLiteral("add_event"))->trigger(); }));
  EXPECT_EQ(events().size(), 2u);
  EXPECT_THAT(text(), ::testing::StartsWith(small_training())) << "what stood there stands there";
}

TEST_F(EventsForm, NoneIsAddedToATextThatDoesNotParse) {
  ASSERT_NO_FATAL_FAILURE(open(small_training()));
  window_->document().set_text(QStringLiteral("training: ["));
  messages_->clear();
  action(QStringLiteral("add_event"))->trigger();
  EXPECT_EQ(text(), "training: [");
  EXPECT_EQ(messages_->count(), 1);
}

TEST_F(EventsForm, DeleteOnItsSectionTakesItOut) {
  ASSERT_NO_FATAL_FAILURE(open(with_events()));
  QTreeView& tree = form()->tree();
  tree.setFocus();
  tree.setCurrentIndex(in_tree("events.0"));
  ASSERT_TRUE(settle([&] { press(Qt::Key_Delete); }));
  ASSERT_EQ(events().size(), 1u);
  EXPECT_EQ(events()[0].at.value(), 1.0);
  EXPECT_EQ(shown("events.0.at"), "1 s") << "the second is the first now";
  tree.setCurrentIndex(in_tree("events.0.at"));
  press(Qt::Key_Delete);
  EXPECT_THAT(text(), HasSubstr("at: 1 s")) << "without a time there is no event";
  tree.setCurrentIndex(in_tree("events"));
  press(Qt::Key_Delete);
  EXPECT_THAT(text(), HasSubstr("at: 1 s")) << "only single ones";
}

TEST_F(EventsForm, TheMenuOfARowAddsAndTakesOut) {
  ASSERT_NO_FATAL_FAILURE(open(with_events()));
  QTreeView& tree = form()->tree();
  answer_.stop();
  const auto menu_of = [&](const char* key) {
    const QModelIndex at = in_tree(key);
    tree.scrollTo(at);
    emit tree.customContextMenuRequested(tree.visualRect(at).center());
    QStringList texts;
    for (QMenu* menu : form()->findChildren<QMenu*>(QStringLiteral("form_menu"))) {
      for (const QAction* one : menu->actions()) texts << one->text().remove(u'&');
      delete menu;
    }
    return texts;
  };
  EXPECT_TRUE(menu_of("events.0.at").contains(QStringLiteral("Remove this event")));
  EXPECT_TRUE(menu_of("events.1").contains(QStringLiteral("Remove this event")));
  EXPECT_FALSE(menu_of("training.zero").contains(QStringLiteral("Remove this event")));
  EXPECT_TRUE(menu_of("training").contains(QStringLiteral("Add an event")));
  EXPECT_FALSE(menu_of("training").contains(QStringLiteral("Edit"))) << "a section has no value";
}

TEST_F(EventsForm, VeryManyAreLeftToTheText) {
  std::string text = small_training() + "events:\n";
  for (std::size_t i = 0; i < kMostFormEvents + 3; ++i)
    text += fmt::format("  - {{at: {} s, gpu: 0, scale: 0.9}}\n", i);
  FormModel model;
  model.set_text(text, "a.yaml");
  EXPECT_TRUE(model.index_of(QStringLiteral("events.63.at")).isValid());
  EXPECT_FALSE(model.index_of(QStringLiteral("events.64.at")).isValid());
}

TEST(FormEvents, AreCountedInAListAlone) {
  const auto count = [](const char* text) { return form_events(*hardware::parse_config(text, "a.yaml")); };
  EXPECT_EQ(count("events: [{at: 1 s}, 7]\n"), 2u) << "what is wrong has its place too";
  EXPECT_EQ(count("events: 7\n"), 0u);
  EXPECT_EQ(count("events: []\n"), 0u);
  EXPECT_EQ(count("model: a\n"), 0u);
}

}  // namespace
}  // namespace orrery::gui::testing
