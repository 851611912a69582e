// The table of trace formats.
#include <algorithm>
#include <utility>

#include "models/serving/workload/byte_reader.hpp"
#include "models/serving/workload/families.hpp"
#include "models/serving/workload/json_fields.hpp"
#include "models/serving/workload/record_reader.hpp"
#include "models/serving/workload/trace_fields.hpp"

namespace orrery::models {
namespace {

using Columns = std::vector<std::string_view>;

// A table is recognised by its columns; whatever else it has is not read.
Columns mooncake_columns() { return {"arrival_ms", "input_tokens", "output_tokens", "block_ids"}; }
Columns azure_columns() { return {"TIMESTAMP", "ContextTokens", "GeneratedTokens"}; }
Columns azure_csv_columns() { return {"arrival_s", "input_tokens", "output_tokens"}; }
Columns length_columns() { return {"input_tokens", "output_tokens"}; }
Columns burstgpt_columns() { return {"Timestamp", "Request tokens", "Response tokens"}; }
Columns vidur_columns() { return {"arrived_at", "num_prefill_tokens", "num_decode_tokens"}; }
Columns vidur_lengths_columns() { return {"num_prefill_tokens", "num_decode_tokens"}; }

template <Columns (*columns)()>
bool has_header(std::string_view head) {
  return has_columns(first_line(head), columns());
}

/// Lengths without any of the times that tables with these columns have.
bool is_length_table(std::string_view head) {
  return has_header<length_columns>(head) && !has_columns(first_line(head), {"arrival_s"}) &&
         !has_columns(first_line(head), {"arrival_ms"});
}

// Objects are told apart by a key that each must have. A result is one object, over any number of lines.
bool is_vllm_bench(std::string_view head) {
  return begins_object_with(head, "model_id") && begins_object_with(head, "num_prompts");
}
bool is_llmservingsim(std::string_view head) { return begins_object_with(first_line(head), "input_toks"); }
bool is_aiperf(std::string_view head) {
  const std::string_view line = first_line(head);
  return begins_object_with(line, "text") || begins_object_with(line, "text_input") ||
         begins_object_with(line, "turns");
}
bool is_inputs_json(std::string_view head) {
  return begins_object_with(head, "data") && head.find("\"payload") != std::string_view::npos;
}
bool is_mooncake(std::string_view head) {
  const std::string_view line = first_line(head);
  return begins_object_with(line, "timestamp") || begins_object_with(line, "input_length");
}
bool is_sharegpt(std::string_view head) {
  const std::size_t begin = head.find_first_not_of(" \t\r\n");
  return begin != std::string_view::npos && head[begin] == '[' &&
         head.find("\"conversations\"") != std::string_view::npos;
}

/// A table with a header.
TraceFormatRow table(std::string_view name, std::string_view equation, std::string_view source,
                     bool (*recognises)(std::string_view), TraceEntry (*parse)(std::string_view, std::string_view),
                     Columns columns) {
  TraceFormatRow row{name, equation, source, recognises, true, parse};
  row.columns = std::move(columns);
  return row;
}

TraceFormatRow azure_row() {
  TraceFormatRow row =
      table("azure", "TIMESTAMP,ContextTokens,GeneratedTokens; requests arrive so long after the first one",
            "Azure/AzurePublicDataset data/AzureLLMInferenceTrace_*.csv (Patel et al., ISCA'24)",
            has_header<azure_columns>, parse_azure, azure_columns());
  row.calendar = true;
  return row;
}

TraceFormatRow vidur_lengths_row() {
  TraceFormatRow row = table("vidur_lengths", "num_prefill_tokens,num_decode_tokens, without times",
                             "microsoft/vidur data/processed_traces/*.csv, trace_request_length_generator.py",
                             has_header<vidur_lengths_columns>, parse_vidur_lengths, vidur_lengths_columns());
  row.timed = false;
  return row;
}

TraceFormatRow length_table_row() {
  TraceFormatRow row = table("lengths", "input_tokens,output_tokens, without times", "a table of one's own",
                             is_length_table, parse_length_table, length_columns());
  row.timed = false;
  return row;
}

TraceFormatRow aiperf_row() {
  TraceFormatRow row{
      "aiperf",
      R"({"text": prompt, "output_length": tokens, "timestamp": ms (if given)} a line, or "turns": [such])",
      "ai-dynamo/aiperf docs/tutorials/custom-dataset.md, single_turn, multi_turn",
      is_aiperf,
      false,
      parse_aiperf};
  row.estimated = kEstimatedTokens;
  row.open = open_turns;
  return row;
}

TraceFormatRow inputs_json_row() {
  TraceFormatRow row{
      "inputs_json",
      R"({"data": [{"payloads": [{"messages": […], "max_tokens": tokens}, …]}, …]}, without times)",
      "triton-inference-server/perf_analyzer genai-perf, inputs.json; ai-dynamo/aiperf docs, Inputs JSON "
      "Replay",
      is_inputs_json,
      false,
      parse_inputs_json};
  row.timed = false;
  row.estimated = kEstimatedTokens;
  row.open = open_inputs_json;
  return row;
}

TraceFormatRow sharegpt_row() {
  TraceFormatRow row{"sharegpt",
                     R"([{"conversations": [{"value": prompt}, {"value": answer}, …]}, …], without times)",
                     "anon8231489123/ShareGPT_Vicuna_unfiltered; vllm/benchmarks/datasets.py ShareGPTDataset",
                     is_sharegpt,
                     false,
                     parse_sharegpt};
  row.timed = false;
  row.estimated = kEstimatedTokens;
  row.open = open_items;
  return row;
}

TraceFormatRow vllm_bench_row() {
  TraceFormatRow row{"vllm_bench",
                     R"({"input_lens": [tokens, …], "output_lens": [tokens, …], …}, without times)",
                     "vllm-project/vllm vllm/benchmarks/serve.py, --save-result --save-detailed",
                     is_vllm_bench,
                     false,
                     parse_vllm_bench};
  row.timed = false;
  row.open = open_vllm_bench;
  return row;
}

TraceFormatRow mooncake_row() {
  return {
      "mooncake",
      R"({"timestamp": ms, "input_length": tokens, "output_length": tokens, "hash_ids": [one per 512 tokens]} a line)",
      "kvcache-ai/Mooncake FAST25-release/traces/*.jsonl (Qin et al., FAST'25)",
      is_mooncake,
      false,
      parse_mooncake};
}

TraceFormatRow llmservingsim_row() {
  return {"llmservingsim",
          R"({"input_toks": tokens, "output_toks": tokens, "arrival_time_ns": ns} a line)",
          "casys-kaist/LLMServingSim dataset/*.jsonl (Cho et al., IISWC'24)",
          is_llmservingsim,
          false,
          parse_llmservingsim};
}

}  // namespace

// The first that recognises a file reads it: what is more particular stands before what is less.
const std::vector<TraceFormatRow>& trace_formats() {
  static const std::vector<TraceFormatRow> rows = {
      vllm_bench_row(),
      inputs_json_row(),
      llmservingsim_row(),
      aiperf_row(),
      mooncake_row(),
      sharegpt_row(),
      table("mooncake_csv", "arrival_ms,input_tokens,output_tokens,block_ids (separated by spaces, one per 512 tokens)",
            "the same traces as a table", has_header<mooncake_columns>, parse_mooncake_csv, mooncake_columns()),
      azure_row(),
      table("azure_csv", "arrival_s,input_tokens,output_tokens", "the same traces with times from their start",
            has_header<azure_csv_columns>, parse_azure_csv, azure_csv_columns()),
      table("burstgpt", "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type; times in seconds",
            "HPMLL/BurstGPT data/BurstGPT_*.csv (Wang et al., arXiv:2401.17644)", has_header<burstgpt_columns>,
            parse_burstgpt, burstgpt_columns()),
      table("vidur", "arrived_at,num_prefill_tokens,num_decode_tokens; times in seconds",
            "microsoft/vidur vidur/request_generator/trace_replay_request_generator.py", has_header<vidur_columns>,
            parse_vidur, vidur_columns()),
      vidur_lengths_row(),
      length_table_row(),
  };
  return rows;
}

const TraceFormatRow* recognise_trace(std::string_view head) {
  const auto& rows = trace_formats();
  const auto found =
      std::find_if(rows.begin(), rows.end(), [&](const TraceFormatRow& row) { return row.recognises(head); });
  return found == rows.end() ? nullptr : &*found;
}

const TraceFormatRow* find_trace_format(std::string_view name) {
  const auto& rows = trace_formats();
  const auto found =
      std::find_if(rows.begin(), rows.end(), [&](const TraceFormatRow& row) { return row.name == name; });
  return found == rows.end() ? nullptr : &*found;
}

}  // namespace orrery::models
