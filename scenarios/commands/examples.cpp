#include "scenarios/commands/examples.hpp"

#include <array>

#include <fmt/format.h>

namespace orrery::scenarios {

namespace {

constexpr std::string_view kExitCodes = R"(
Exit codes: 0 well, 1 a finding (expectation missed, out of memory, SLO missed), 2 wrong input,
3 internal error, 130 interrupted (outputs are then named *.partial.*).
)";

/// What a command is used for, in its own help; the first of each stands in the program's.
struct Example {
  std::string_view command, line, says;
};
constexpr std::array kExamples = {
    Example{"ask",
            "orrery ask serve --model Qwen/Qwen3-32B-FP8 --gpu l40s --gpus 2 --context 32K --input 2000 --output 500 "
            "--tpot 50ms",
            ""},
    Example{"ask", "orrery ask serve --model llama-3.1-70b --rate 20 --input 1155 --output 211 --ttft 1s", ""},
    Example{"ask", "orrery ask fit --model llama-3.3-70b-fp8 --gpu h100 --context 128K --users 5", ""},
    Example{"new", "orrery new > mine.yaml", "a commented scenario to start from"},
    Example{"new", "orrery new serving -o chat.yaml", "the same for serving"},
    Example{"new", "orrery new gpu -o my_gpu.yaml", "a board of your own, for cluster: {gpu: ./my_gpu.yaml}"},
    Example{"import", "orrery import serve.sh requests.csv -o mine.yaml",
            "vllm serve and a recorded load as a scenario"},
    Example{"import", "orrery import result.json", "what vllm bench serve measured, as a load and as expectations"},
    Example{"import", "orrery import topo.xml --gpu h100_sxm -o my_node.yaml",
            "the machine that NCCL_TOPO_DUMP_FILE shows, as a node"},
    Example{"import", "orrery import topo-m.txt --gpu h100_sxm -o my_node.yaml",
            "the machine that nvidia-smi topo -m shows"},
    Example{"run", "orrery run mine.yaml", "predict its training step, or how it serves"},
    Example{"run", "orrery run mine.yaml --set training.tensor_parallel=4 --json report.json --trace trace.json", ""},
    Example{"run", "orrery run chat.yaml --requests requests.csv --trace trace.json", "every request of a serving run"},
    Example{"run", "orrery run mine.yaml --plan plan.txt", "what every rank does, step by step"},
    Example{"explain", "orrery explain mine.yaml", "where each number comes from"},
    Example{"explain", "orrery explain mine.yaml --metric memory.peak_bytes", "one figure with its parts"},
    Example{"explain", "orrery explain chat.yaml --log vllm.log", "which term of the memory differs"},
    Example{"check", "orrery check scenarios/library -j 8", "hold predictions to published results"},
    Example{"sweep", "orrery sweep mine.yaml --csv grid.csv", "all combinations of the lists in sweep:"},
    Example{"compare", "orrery compare a.yaml b.yaml", "metric by metric"},
    Example{"compare", "orrery compare before.json after.json", "the same of two saved reports"},
    Example{"validate", "orrery validate kernels gemm.csv.gz --gpu h100_sxm", "errors on measurements"},
    Example{"collective", "orrery collective all_reduce --cluster dgx_h100 --nodes 2 --bytes 1KiB..1GiB",
            "algorithm, protocol, time and bandwidth by size"},
    Example{"collective", "orrery collective all_gather --cluster hgx_b200 --set cluster.nccl.proto=^LL128 --svg a.svg",
            ""},
    Example{"collective", "orrery collective all_reduce --cluster dgx_h100 --compare nccl-tests.log",
            "what was measured beside"},
    Example{"list", "orrery list models", "or gpus, nodes, fabrics, metrics, ..."},
    Example{"calibrate", "orrery calibrate fit gemm.csv.gz --gpu h100_sxm --dry-run", "what a fit would say"},
    Example{"gui", "orrery gui mine.yaml", "the same in a window that follows every change"},
};

}  // namespace

std::string_view exit_codes() { return kExitCodes; }

std::string examples_of(std::string_view command) {
  std::string text = "Examples:\n";
  std::string_view last;
  bool any = false;
  for (const Example& example : kExamples) {
    if (command.empty() ? example.command == last : example.command != command) continue;
    last = example.command;
    any = true;
    text += example.says.empty() ? fmt::format("  {}\n", example.line)
                                 : fmt::format("  {:<52} {}\n", example.line, example.says);
  }
  return any ? text : "";
}

}  // namespace orrery::scenarios
