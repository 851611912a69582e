#include "gui/application.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include <QApplication>
#include <QBuffer>
#include <QElapsedTimer>
#include <QEventLoop>
#include <QIcon>
#include <QPainter>
#include <QScreen>
#include <QSettings>
#include <QStandardPaths>
#include <QTimer>
#include <fmt/format.h>

#include "gui/look/text.hpp"
#include "gui/look/theme.hpp"
#include "gui/main_window.hpp"
#include "hardware/catalogue/catalogue.hpp"
#include "scenarios/output.hpp"
#include "scenarios/scenario.hpp"

namespace orrery::gui {

using hardware::ConfigError;

namespace {

constexpr int kExitWell = 0, kExitInput = 2, kExitInternal = 3;
/// A result that takes longer than this is not waited for in a screenshot.
constexpr int kScreenshotPatienceMs = 300'000;

constexpr const char* kUsage = R"(Usage: orrery-gui [FILE] [options]

The window of Orrery: edit a scenario, watch its prediction change.

  FILE                  a scenario to open
  --theme NAME          light, dark or system (default: what was chosen last)
  --set KEY=VALUE       edit a value after the first result (repeatable)
  --view NAME           bring a view to the front: timeline, memory, pipeline, latency, load, links, collective,
                        explain, compare
  --explain METRIC      show where a figure comes from
  --screenshot OUT.png  draw the window once into a file and end; needs no display
  --size WxH            size of the window, by default 1600x1000 or what the screen has
  --scale N             device pixel ratio of the screenshot, 1 to 4
  --help, --version
)";

constexpr QSize kUsualSize{1600, 1000};

struct Arguments {
  QString file, screenshot, view, explain, theme;
  std::vector<scenarios::Override> sets;
  QSize size;  ///< empty: kUsualSize, or what the screen has room for
  int scale = 1;
  bool help = false, version = false;
};

QSize parse_size(const QString& text) {
  const QStringList parts = text.split(QLatin1Char('x'));
  bool wide = false, high = false;
  const int width = parts.value(0).toInt(&wide), height = parts.value(1).toInt(&high);
  if (parts.size() != 2 || !wide || !high || width < 320 || height < 240 || width > 16384 || height > 16384) {
    throw ConfigError(
        fmt::format("--size: '{}' is no size: write 1600x1000, from 320x240 to 16384x16384", text.toStdString()));
  }
  return {width, height};
}

int parse_scale(const QString& text) {
  bool good = false;
  const int scale = text.toInt(&good);
  if (!good || scale < 1 || scale > 4)
    throw ConfigError(fmt::format("--scale: '{}' is not 1, 2, 3 or 4", text.toStdString()));
  return scale;
}

void require_one_of(const QString& option, const QString& value, const QStringList& known) {
  if (known.contains(value)) return;
  throw ConfigError(fmt::format("{}: there is no '{}'; known: {}", option.toStdString(), value.toStdString(),
                                known.join(QStringLiteral(", ")).toStdString()));
}

QStringList view_names() {
  QStringList names;
  for (const ViewRow& row : views()) names << QString::fromStdString(std::string(row.name));
  return names;
}

void take_option(Arguments& arguments, const QString& option, const QString& value) {
  if (value.isEmpty()) throw ConfigError(fmt::format("{} needs a value", option.toStdString()));
  if (option == QLatin1String("--screenshot")) {
    arguments.screenshot = value;
  } else if (option == QLatin1String("--size")) {
    arguments.size = parse_size(value);
  } else if (option == QLatin1String("--scale")) {
    arguments.scale = parse_scale(value);
  } else if (option == QLatin1String("--theme")) {
    require_one_of(option, value, {QStringLiteral("light"), QStringLiteral("dark"), QStringLiteral("system")});
    arguments.theme = value;
  } else if (option == QLatin1String("--view")) {
    require_one_of(option, value, view_names());
    arguments.view = value;
  } else if (option == QLatin1String("--explain")) {
    arguments.explain = value;
  } else if (option == QLatin1String("--set")) {
    arguments.sets.push_back(scenarios::parse_override(value.toStdString()));
  } else {
    throw ConfigError(fmt::format("unknown option {}; see orrery-gui --help", option.toStdString()));
  }
}

Arguments parse(int argc, char** argv) {
  Arguments arguments;
  bool options_end = false;
  for (int i = 1; i < argc; ++i) {
    QString word = QString::fromLocal8Bit(argv[i]);
    if (options_end || !word.startsWith(QLatin1Char('-'))) {
      if (word.isEmpty()) throw ConfigError("the FILE is empty");
      if (!arguments.file.isEmpty()) throw ConfigError("one scenario file at a time");
      arguments.file = word;
    } else if (word == QLatin1String("--")) {
      options_end = true;
    } else if (word == QLatin1String("--help") || word == QLatin1String("-h")) {
      arguments.help = true;
    } else if (word == QLatin1String("--version")) {
      arguments.version = true;
    } else {
      const qsizetype equals = word.indexOf(QLatin1Char('='));
      QString value = word.mid(equals + 1);
      if (equals >= 0) {
        word.truncate(equals);
      } else {
        if (i + 1 >= argc) throw ConfigError(fmt::format("{} needs a value", word.toStdString()));
        value = QString::fromLocal8Bit(argv[++i]);
      }
      take_option(arguments, word, value);
    }
  }
  if (!arguments.sets.empty() && arguments.file.isEmpty()) throw ConfigError("--set needs a FILE to edit");
  constexpr qint64 kMostPixels = 100'000'000;  // four bytes each, twice over
  if (qint64{arguments.size.width()} * arguments.size.height() * arguments.scale * arguments.scale > kMostPixels) {
    throw ConfigError("--size and --scale: a picture of more than 100 million pixels");
  }
  return arguments;
}

/// Qt ends the process where it can't reach the display; one line says so instead of its own ten.
void tell_startup_failure(QtMsgType type, const QMessageLogContext&, const QString&) {
  if (type != QtFatalMsg) return;
  const QByteArray display = qgetenv("DISPLAY"), wayland = qgetenv("WAYLAND_DISPLAY");
  const QByteArray name = wayland.isEmpty() ? display : wayland;
  std::fprintf(stderr, "orrery: gui: can't open the display '%s'; --screenshot OUT.png needs none\n", name.constData());
  std::fflush(stderr);
  std::_Exit(kExitInput);
}

/// The offscreen platform complains once per window that it has no window manager to give hints to.
void leave_out_size_hints(QtMsgType type, const QMessageLogContext&, const QString& message) {
  if (message.contains(QLatin1String("propagateSizeHints"))) return;
  std::fprintf(stderr, "orrery: gui: %s\n", qPrintable(message));
  if (type == QtFatalMsg) std::abort();
}

/// Throws ConfigError where there is no display to open a window on.
void choose_platform(const Arguments& arguments) {
  if (!qEnvironmentVariableIsEmpty("QT_QPA_PLATFORM")) return;
  if (!arguments.screenshot.isEmpty()) {
    qputenv("QT_QPA_PLATFORM", "offscreen");
  } else if (qEnvironmentVariableIsEmpty("DISPLAY") && qEnvironmentVariableIsEmpty("WAYLAND_DISPLAY")) {
    throw ConfigError(
        "gui: there is no display (neither DISPLAY nor WAYLAND_DISPLAY is set); --screenshot OUT.png needs none");
  }
}

Theme theme_of(const QString& name) {
  return name == QLatin1String("dark") ? Theme::dark : name == QLatin1String("light") ? Theme::light : Theme::system;
}

/// Until the window shows the result of its newest text; false after too long.
bool wait_until_settled(MainWindow& window) {
  if (!window.simulation().is_busy()) return true;
  QEventLoop loop;
  QTimer patience;
  patience.setSingleShot(true);
  QObject::connect(&window, &MainWindow::settled, &loop, [&loop] { loop.exit(0); });
  QObject::connect(&patience, &QTimer::timeout, &loop, [&loop] { loop.exit(1); });
  patience.start(kScreenshotPatienceMs);
  return loop.exec() == 0;
}

/// Throws ConfigError where the run has no such figure.
void explain(MainWindow& window, const QString& metric) {
  std::vector<std::string> known;
  if (window.current_run()) known = window.current_run()->explanation.metrics();
  if (std::find(known.begin(), known.end(), metric.toStdString()) == known.end()) {
    std::string nearest;
    for (const std::string& name : hardware::nearest_names(metric.toStdString(), known)) nearest += " " + name;
    throw ConfigError(fmt::format("--explain: this run has no figure '{}'{}{}", metric.toStdString(),
                                  nearest.empty() ? "" : "; nearest:", nearest));
  }
  window.explain(metric);
}

/// Opens the file and applies the edits. Throws ConfigError with what the window says.
void prepare(MainWindow& window, const Arguments& arguments) {
  QString last;
  const auto connection =
      QObject::connect(&window, &MainWindow::notified, [&last](const QString& text) { last = text; });
  const auto require = [&last](bool good) {
    if (!good) throw ConfigError(last.toStdString());
  };
  if (!arguments.file.isEmpty()) {
    require(window.open_file(arguments.file));
    if (!wait_until_settled(window)) throw ConfigError("the first result takes too long for a screenshot");
  }
  for (const scenarios::Override& set : arguments.sets) {
    require(window.set_value(QString::fromStdString(set.key), QString::fromStdString(set.value)));
    if (!wait_until_settled(window)) throw ConfigError("the result takes too long for a screenshot");
  }
  QObject::disconnect(connection);
  if (!arguments.view.isEmpty()) window.show_view(arguments.view);
  if (!arguments.explain.isEmpty()) explain(window, arguments.explain);
}

int take_screenshot(MainWindow& window, const Arguments& arguments) {
  if (!arguments.screenshot.endsWith(QLatin1String(".png"), Qt::CaseInsensitive)) {
    throw ConfigError(fmt::format("{}: a screenshot is a .png file", arguments.screenshot.toStdString()));
  }
  scenarios::check_writable(arguments.screenshot.toStdString());
  window.resize(arguments.size.isEmpty() ? kUsualSize : arguments.size);
  window.show();
  // A picture of what is wrong is worth having too; the exit code tells.
  std::string problem;
  QObject::connect(&window.simulation(), &Simulation::finished, &window, [&problem] { problem.clear(); });
  QObject::connect(&window.simulation(), &Simulation::rejected, &window,
                   [&problem](const std::vector<hardware::Diagnostic>& problems) {
                     problem = problems.empty() ? "the scenario can't be run" : problems.front().str();
                   });
  prepare(window, arguments);
  // Layouts and views that draw when they are first shown need a few turns of the event loop.
  QElapsedTimer clock;
  clock.start();
  while (clock.elapsed() < 300) QCoreApplication::processEvents(QEventLoop::AllEvents, 20);
  if (QWidget* focus = QApplication::focusWidget()) focus->clearFocus();  // no blinking cursor
  const QPixmap picture = window.grab();
  QByteArray bytes;
  QBuffer buffer(&bytes);
  buffer.open(QIODevice::WriteOnly);
  if (!picture.save(&buffer, "PNG")) throw ConfigError("the picture can't be encoded");
  scenarios::write_output(arguments.screenshot.toStdString(), view_of(bytes));
  if (problem.empty()) return kExitWell;
  std::fprintf(stderr, "orrery: %s\n", problem.c_str());
  return kExitInput;
}

/// Of a window that was given no size: the usual one, but no larger than the screen leaves beside its panels. Both are
/// in logical pixels, so a scale factor is in them already.
QSize size_on_screen(const MainWindow& window) {
  const QScreen* screen = window.screen() != nullptr ? window.screen() : QGuiApplication::primaryScreen();
  if (screen == nullptr) return kUsualSize;
  const QSize room = screen->availableGeometry().size() - QSize(16, 48);  // frame and title
  return kUsualSize.boundedTo(room).expandedTo(QSize(320, 240));
}

int run(const Arguments& arguments, int argc, char** argv) {
  choose_platform(arguments);
  if (arguments.scale > 1) qputenv("QT_SCALE_FACTOR", QByteArray::number(arguments.scale));
  if (!arguments.screenshot.isEmpty()) QStandardPaths::setTestModeEnabled(true);  // not the user's settings
  const QtMessageHandler usual = qInstallMessageHandler(tell_startup_failure);
  QApplication application(argc, argv);
  const bool picture = !arguments.screenshot.isEmpty();
  qInstallMessageHandler(picture ? leave_out_size_hints : usual);
  QApplication::setOrganizationName(QStringLiteral("orrery"));
  QApplication::setApplicationName(picture ? QStringLiteral("orrery-screenshot") : QStringLiteral("orrery"));
  const QString chosen = QSettings().value(QStringLiteral("theme"), QStringLiteral("system")).toString();
  const QString theme = !arguments.theme.isEmpty() ? arguments.theme : picture ? QStringLiteral("light") : chosen;
  apply_theme(theme_of(theme));
  MainWindow window;
  if (picture) return take_screenshot(window, arguments);
  window.resize(arguments.size.isEmpty() ? size_on_screen(window) : arguments.size);
  window.restore_layout();
  window.show();
  QTimer::singleShot(0, &window, [&window, &arguments] {
    try {
      prepare(window, arguments);
    } catch (const ConfigError&) {
      // The window has said it already.
    }
  });
  return QApplication::exec();
}

}  // namespace

int run_application(int argc, char** argv) {
  try {
    const Arguments arguments = parse(argc, argv);
    if (arguments.help) {
      std::fputs(kUsage, stdout);
      return kExitWell;
    }
    if (arguments.version) {
      std::puts(fmt::format("orrery-gui {}", scenarios::kVersion).c_str());
      return kExitWell;
    }
    return run(arguments, argc, argv);
  } catch (const ConfigError& error) {
    std::fprintf(stderr, "orrery: %s\n", error.what());
    return kExitInput;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "orrery: internal error: %s\n", error.what());
    return kExitInternal;
  }
}

}  // namespace orrery::gui
