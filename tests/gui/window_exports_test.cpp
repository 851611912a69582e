// What the window writes into files: every view as PNG, SVG and CSV, the report, the trace.
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QXmlStreamReader>
#include <gmock/gmock.h>

#include "gui/look/text.hpp"
#include "gui/view/views.hpp"
#include "tests/gui/gui_fixture.hpp"

namespace orrery::gui::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class Exports : public WindowTest {
 protected:
  void front(const QString& view) {
    ASSERT_TRUE(window_->show_view(view));
    turn_event_loop(50);
  }
  /// Fields of a CSV line without quotes.
  [[nodiscard]] static std::size_t fields(const std::string& line) {
    return 1 + static_cast<std::size_t>(std::count(line.begin(), line.end(), ','));
  }
};

TEST_F(Exports, OfEveryViewArePicturesOfWhatItShows) {
  for (const auto& [kind, scenario] :
       {std::pair(std::string("training"), piped_training()), std::pair(std::string("serving"), chat(100, 10))}) {
    ASSERT_NO_FATAL_FAILURE(open(scenario));
    for (const ViewRow& row : views()) {
      if (!row.kind.empty() && row.kind != kind) continue;
      const QString name = to_qstring(row.name);
      SCOPED_TRACE(kind + " " + name.toStdString());
      ASSERT_NO_FATAL_FAILURE(front(name));
      const QString png = path(name + QStringLiteral(".png")), svg = path(name + QStringLiteral(".svg"));
      ASSERT_TRUE(window_->export_view(png)) << last_message();
      EXPECT_EQ(QImage(png).size(), window_->view(name)->size());
      ASSERT_TRUE(window_->export_view(svg)) << last_message();
      QXmlStreamReader reader(QByteArray::fromStdString(read_bytes(svg.toStdString())));
      std::string title;
      while (!reader.atEnd()) {
        if (reader.readNext() == QXmlStreamReader::StartElement && reader.name() == QLatin1String("title")) {
          title = reader.readElementText().toStdString();
        }
      }
      EXPECT_FALSE(reader.hasError()) << reader.errorString().toStdString();
      EXPECT_EQ(title, window_->view(name)->accessibleName().toStdString());
    }
  }
}

TEST_F(Exports, OfTablesHaveTheFieldsOfTheirHeads) {
  const std::map<std::string, std::string> heads = {
      {"timeline", "group,track,activity,begin_s,end_s,busy_s,share"},
      {"memory", "run,place,part,bytes,peak_bytes,capacity_bytes,missing_bytes,metric"},
      {"pipeline", "stage,pass,microbatch,chunk,begin_s,end_s"},
      {"latency", "run,latency,share,seconds"},
      {"load", "run,state,unit,time_s,least,mean,most"},
      {"links", "class,count,capacity_bytes_per_s,bytes,mean_load,peak_load,operation,delay_s"},
      {"collective",
       "op,gpus,nodes,size_bytes,count,type,algorithm,protocol,channels,threads,time_s,algbw_bytes_per_s,"
       "busbw_bytes_per_s,provenance,node_bytes,network_bytes,bound_by,rounding_depth,measured_s,error,extrapolated"},
      {"explain", "depth,what,value,unit,known_as,equation,source"},
      {"compare", "metric,unit,a,b,difference,ratio"}};
  for (const auto& [kind, scenario] :
       {std::pair(std::string("training"), piped_training()), std::pair(std::string("serving"), chat(100, 10))}) {
    ASSERT_NO_FATAL_FAILURE(open(scenario));
    ASSERT_TRUE(settle([&] { window_->set_value(QStringLiteral("seed"), QStringLiteral("7")); }));
    for (const ViewRow& row : views()) {
      if (!row.kind.empty() && row.kind != kind) continue;
      const QString name = to_qstring(row.name), file = path(name + QStringLiteral(".csv"));
      SCOPED_TRACE(kind + " " + name.toStdString());
      if (kind == "serving" && row.name == "links") continue;  // one GPU loads none
      ASSERT_TRUE(heads.count(name.toStdString())) << "a new view: write its head here";
      ASSERT_NO_FATAL_FAILURE(front(name));
      ASSERT_TRUE(window_->export_view(file)) << last_message();
      const std::string table = read_bytes(file.toStdString()), head = table.substr(0, table.find('\n'));
      EXPECT_EQ(head, heads.at(name.toStdString()));
      EXPECT_GT(std::count(table.begin(), table.end(), '\n'), 1) << "a head without rows";
      if (table.find('"') != std::string::npos) continue;  // fields with commas
      std::istringstream rows(table);
      for (std::string line; std::getline(rows, line);) EXPECT_EQ(fields(line), fields(head)) << line;
    }
  }
}

TEST_F(Exports, OfTheMemoryAddUpToThePeak) {
  ASSERT_NO_FATAL_FAILURE(open(small_training()));
  ASSERT_NO_FATAL_FAILURE(front(QStringLiteral("memory")));
  ASSERT_TRUE(window_->export_view(path(QStringLiteral("m.csv"))));
  std::istringstream rows(read_bytes(native(QStringLiteral("m.csv"))));
  std::string line;
  std::getline(rows, line);
  double sum = 0.0, peak = 0.0;
  while (std::getline(rows, line)) {
    const QStringList cells = QString::fromStdString(line).split(u',');
    sum += cells.at(3).toDouble();
    peak = cells.at(4).toDouble();
  }
  EXPECT_NEAR(sum, peak, 1.0);
  EXPECT_EQ(peak, window_->current_run()->report.metric("memory.peak_bytes"));
}

TEST_F(Exports, OfTheReportHaveEveryFigure) {
  ASSERT_NO_FATAL_FAILURE(open(small_training()));
  ASSERT_TRUE(window_->export_report(path(QStringLiteral("r.csv"))));
  const std::string table = read_bytes(native(QStringLiteral("r.csv")));
  EXPECT_THAT(table, StartsWith("metric,unit,value,previous,ratio\n"));
  for (const scenarios::MetricValue& metric : window_->current_run()->report.metrics) {
    EXPECT_THAT(table, HasSubstr("\n" + metric.name + ","));
  }
}

TEST_F(Exports, WithoutARunSayThatThereIsNone) {
  EXPECT_FALSE(window_->export_report(path(QStringLiteral("r.csv"))));
  EXPECT_THAT(last_message(), HasSubstr("there is no run to export yet"));
  EXPECT_FALSE(window_->export_trace(path(QStringLiteral("t.json"))));
  EXPECT_THAT(last_message(), HasSubstr("no run to export yet"));
  for (const ViewRow& row : views()) {
    ASSERT_TRUE(window_->show_view(to_qstring(row.name)));
    EXPECT_FALSE(window_->export_view(path(QStringLiteral("v.csv")))) << row.name;
    EXPECT_EQ(last_message(), "this view has no table to export") << row.name;
  }
  EXPECT_TRUE(QDir(folder_.path()).entryList(QDir::Files).isEmpty());
}

TEST_F(Exports, OfTheTraceAreWhatPerfettoReads) {
  ASSERT_NO_FATAL_FAILURE(open(small_training()));
  ASSERT_TRUE(window_->export_trace(path(QStringLiteral("größe.json"))));
  EXPECT_THAT(last_message(), HasSubstr("Wrote "));
  const QJsonDocument trace =
      QJsonDocument::fromJson(QByteArray::fromStdString(read_bytes(native(QStringLiteral("größe.json")))));
  const QJsonArray events = trace.object().value(QStringLiteral("traceEvents")).toArray();
  const auto spans = std::count_if(events.begin(), events.end(), [](const QJsonValue& event) {
    return event.toObject().value(QStringLiteral("ph")) == QStringLiteral("X");
  });
  EXPECT_EQ(static_cast<std::size_t>(spans), window_->current_run()->timeline.spans.size());
}

TEST_F(Exports, WhereNothingCanBeWrittenSayWhy) {
  ASSERT_NO_FATAL_FAILURE(open(small_training()));
  const QString nowhere = path(QStringLiteral("gone/a"));
  EXPECT_FALSE(window_->export_view(nowhere + QStringLiteral(".csv")));
  EXPECT_THAT(last_message(), HasSubstr("there is no folder"));
  EXPECT_FALSE(window_->export_report(nowhere + QStringLiteral(".csv")));
  EXPECT_THAT(last_message(), HasSubstr("there is no folder"));
  EXPECT_FALSE(window_->export_trace(nowhere + QStringLiteral(".json")));
  EXPECT_THAT(last_message(), HasSubstr("there is no folder"));
  EXPECT_FALSE(window_->export_view(path(QStringLiteral("a.bmp"))));
  EXPECT_THAT(last_message(), HasSubstr("must end in .png or .svg"));
}

}  // namespace
}  // namespace orrery::gui::testing
