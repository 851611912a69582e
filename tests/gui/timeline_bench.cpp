// How long the timeline takes: building the index of ten million spans, and one frame of 1920×1080 at every zoom.
//
// Each frame pans by a pixel first, so that the tracks are drawn anew. Times are CPU time of the calling thread; the
// counters hold the median and the 95th percentile of the frames in milliseconds.
#include <algorithm>
#include <ctime>
#include <vector>

#include <QApplication>
#include <QImage>
#include <benchmark/benchmark.h>

#include "gui/timeline/timeline_canvas.hpp"
#include "tests/gui/timeline_samples.hpp"

namespace orrery::gui {
namespace {

constexpr std::size_t kSpans = 10'000'000;
constexpr std::uint32_t kRanks = 66;  // 264 tracks

const sim::Timeline& sample() {
  static const sim::Timeline timeline = training_like(kSpans, kRanks);
  return timeline;
}

const TimelineIndex& sample_index() {
  static const TimelineIndex index(sample());
  return index;
}

double thread_milliseconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return 1e3 * static_cast<double>(now.tv_sec) + 1e-6 * static_cast<double>(now.tv_nsec);
}

void timeline_index_10m(benchmark::State& state) {
  const sim::Timeline& timeline = sample();
  std::size_t bytes = 0;
  for (auto _ : state) {
    const TimelineIndex index(timeline);
    bytes = index.bytes();
  }
  state.counters["MB"] = static_cast<double>(bytes) * 1e-6;
}
BENCHMARK(timeline_index_10m)->Unit(benchmark::kMillisecond);

/// `parts`: the view shows one of so many equal parts of the run. `stretch`: height of the tracks, 1 fits all.
void paint(benchmark::State& state, std::uint64_t parts, double stretch) {
  const sim::Timeline& timeline = sample();
  TimelineCanvas canvas;
  canvas.resize(1920, 1080);
  canvas.set_index(&sample_index());
  canvas.set_limit(timeline.makespan);
  canvas.set_stretch(stretch);
  const sim::SimTime length = timeline.makespan / parts, begin = parts > 1 ? timeline.makespan / 3 : 0;
  canvas.set_range(begin, begin + length);
  QImage image(canvas.size(), QImage::Format_RGB32);
  canvas.render(&image);
  std::vector<double> frames;
  sim::SimTime shift = 0;
  for (auto _ : state) {
    if (parts > 1) {
      shift = (shift + length / 1600) % length;
      canvas.set_range(begin + shift, begin + shift + length);
    } else {
      canvas.set_match(nullptr);
    }
    const double start = thread_milliseconds();
    canvas.render(&image);
    frames.push_back(thread_milliseconds() - start);
  }
  std::sort(frames.begin(), frames.end());
  state.counters["median_ms"] = frames[frames.size() / 2];
  state.counters["p95_ms"] = frames[frames.size() * 95 / 100];
}

BENCHMARK_CAPTURE(paint, full, 1, 1.0)->Unit(benchmark::kMillisecond)->Iterations(60);
BENCHMARK_CAPTURE(paint, tenth, 10, 1.0)->Unit(benchmark::kMillisecond)->Iterations(60);
BENCHMARK_CAPTURE(paint, hundredth, 100, 1.0)->Unit(benchmark::kMillisecond)->Iterations(60);
BENCHMARK_CAPTURE(paint, thousandth, 1000, 1.0)->Unit(benchmark::kMillisecond)->Iterations(60);
BENCHMARK_CAPTURE(paint, ten_thousandth, 10000, 1.0)->Unit(benchmark::kMillisecond)->Iterations(60);
BENCHMARK_CAPTURE(paint, thousandth_with_labels, 1000, 8.0)->Unit(benchmark::kMillisecond)->Iterations(60);
BENCHMARK_CAPTURE(paint, ten_thousandth_with_labels, 10000, 8.0)->Unit(benchmark::kMillisecond)->Iterations(60);

}  // namespace
}  // namespace orrery::gui

int main(int argc, char** argv) {
  if (qEnvironmentVariableIsEmpty("QT_QPA_PLATFORM")) qputenv("QT_QPA_PLATFORM", "offscreen");
  const QApplication application(argc, argv);
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
